//! Reading what is kept back, incidents, and warnings to the public.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use crate::api::{bad_query, json};
use crate::problem::{self, Problem};
use crate::shared::Shared;
use crate::view::Registers;

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Which {
    #[default]
    Active,
    All,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    #[serde(default)]
    state: Which,
}

type Asked = Result<Query<ListQuery>, QueryRejection>;

pub(crate) async fn suppressions(
    State(shared): State<Arc<Shared>>,
    query: Asked,
) -> Result<Response, Problem> {
    list(&shared, query, "suppressions", |registers, all| {
        registers.suppressions.to_json(all)
    })
}

pub(crate) async fn incidents(
    State(shared): State<Arc<Shared>>,
    query: Asked,
) -> Result<Response, Problem> {
    list(&shared, query, "incidents", |registers, all| {
        registers.incidents.to_json(all)
    })
}

pub(crate) async fn warnings(
    State(shared): State<Arc<Shared>>,
    query: Asked,
) -> Result<Response, Problem> {
    list(&shared, query, "public_warnings", |registers, all| {
        registers.warnings.to_json(all)
    })
}

fn list(
    shared: &Shared,
    query: Asked,
    name: &str,
    write: impl FnOnce(&Registers, bool) -> serde_json::Result<Vec<u8>>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| bad_query(&error))?;
    let (offset, list) = {
        let view = shared.view();
        let list = write(view.registers(), matches!(query.state, Which::All));
        (view.next(), list)
    };
    let list = list.map_err(|error| problem::internal(&error))?;
    let mut body = format!("{{\"offset\":{offset},\"{name}\":").into_bytes();
    body.extend_from_slice(&list);
    body.push(b'}');
    Ok(json(body))
}
