//! Reading alerts: the list with its filters, and one with its history.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use event::{Severity, Stream};
use serde::Deserialize;

use crate::api::{bad_query, json};
use crate::problem::{self, Problem};
use crate::shared::Shared;
use crate::view::{Shown, is_active};

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
    severity: Option<Severity>,
    stream: Option<Stream>,
    area: Option<String>,
}

impl ListQuery {
    fn takes(&self, shown: &Shown) -> bool {
        let alert = &shown.alert;
        (matches!(self.state, Which::All) || is_active(alert))
            && self
                .severity
                .is_none_or(|severity| severity == alert.severity)
            && self.stream.is_none_or(|stream| stream == alert.stream)
            && self
                .area
                .as_deref()
                .is_none_or(|area| alert.area.as_deref() == Some(area))
    }
}

/// Active before over, then by severity, newest change first.
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| bad_query(&error))?;
    let (offset, mut alerts) = {
        let view = shared.view();
        (view.next(), view.alerts())
    };
    alerts.retain(|shown| query.takes(shown));
    alerts.sort_by_cached_key(|shown| {
        let alert = &shown.alert;
        (
            !is_active(alert),
            alert.severity,
            Reverse(alert.changed),
            alert.id.clone(),
        )
    });
    let mut body = format!("{{\"offset\":{offset},\"alerts\":[").into_bytes();
    for (position, shown) in alerts.iter().enumerate() {
        if position > 0 {
            body.push(b',');
        }
        body.extend_from_slice(shown.json.as_bytes());
    }
    body.extend_from_slice(b"]}");
    Ok(json(body))
}

pub(crate) async fn one(
    State(shared): State<Arc<Shared>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let id = alert_id(id)?;
    let (offset, found) = {
        let view = shared.view();
        (view.next(), view.alert(&id))
    };
    let (shown, history) = found.ok_or_else(unknown)?;
    let history = serde_json::to_string(&history).map_err(|error| problem::internal(&error))?;
    let alert = &shown.json;
    Ok(json(format!(
        "{{\"offset\":{offset},\"alert\":{alert},\"history\":{history}}}"
    )))
}

/// Longer than any id we make: rule, key, journal id and offset.
const ID_BYTES_MAX: usize = 512;

pub(crate) fn alert_id(id: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    match id {
        Ok(Path(id)) if id.len() <= ID_BYTES_MAX => Ok(id),
        Ok(_) | Err(_) => Err(unknown()),
    }
}

pub(crate) fn unknown() -> Problem {
    problem::not_found("alert", "cảnh báo")
}
