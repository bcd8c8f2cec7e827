//! Commands that are about no single alert: what is kept back for maintenance or is out of service, and warnings to the public.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use event::{
    Action, AlertId, AlertState, Command, PublicWarningId, SuppressionId, SuppressionKind,
    SuppressionScope, Time, WarningText, WarningType,
};
use serde::Deserialize;

use super::{Id, answer, body, peer_of};
use crate::alerts_api::alert_id;
use crate::problem::{self, Problem};
use crate::shared::Shared;

/// Who asks, and under which id.
#[derive(Debug, Deserialize)]
struct Who<T> {
    command_id: Option<String>,
    operator: String,
    #[serde(flatten)]
    asks: T,
}

#[derive(Debug, Deserialize)]
struct Suppress {
    kind: SuppressionKind,
    scope: SuppressionScope,
    /// Now, where it is left out.
    from: Option<Time>,
    until: Option<Time>,
    reason: String,
}

#[derive(Debug, Deserialize)]
struct Propose {
    #[serde(default)]
    kind: WarningType,
    #[serde(default)]
    alerts: Vec<AlertId>,
    #[serde(default)]
    references: Vec<PublicWarningId>,
    text: Box<WarningText>,
}

#[derive(Debug, Deserialize)]
struct Because {
    reason: String,
}

#[derive(Debug, Deserialize)]
struct Nothing {}

pub(crate) async fn suppress(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Result<Response, Problem> {
    let now = shared.now();
    ask(&shared, request, |asks: Suppress| {
        if asks.kind == SuppressionKind::Dependency {
            return Err(problem::bad_request(
                "kind is maintenance or out_of_service; dependencies are found by the node itself",
                "kind là maintenance hoặc out_of_service; phụ thuộc do hệ thống tự nhận biết",
            ));
        }
        Ok(Action::Suppress {
            kind: asks.kind,
            scope: asks.scope,
            from: asks.from.unwrap_or(now),
            until: asks.until,
            reason: body::words("reason", Some(&asks.reason))?,
        })
    })
    .await
}

pub(crate) async fn end_suppression(
    State(shared): State<Arc<Shared>>,
    id: Id,
    request: Request,
) -> Result<Response, Problem> {
    let suppression = SuppressionId(alert_id(id)?);
    ask(&shared, request, |_: Nothing| {
        Ok(Action::EndSuppression { suppression })
    })
    .await
}

pub(crate) async fn propose(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Result<Response, Problem> {
    ask(&shared, request, |asks: Propose| {
        Ok(Action::ProposeWarning {
            kind: asks.kind,
            alerts: asks.alerts,
            references: asks.references,
            text: asks.text,
        })
    })
    .await
}

pub(crate) async fn release(
    State(shared): State<Arc<Shared>>,
    id: Id,
    request: Request,
) -> Result<Response, Problem> {
    let warning = PublicWarningId(alert_id(id)?);
    ask(&shared, request, |_: Nothing| {
        Ok(Action::ReleaseWarning { warning })
    })
    .await
}

pub(crate) async fn reject(
    State(shared): State<Arc<Shared>>,
    id: Id,
    request: Request,
) -> Result<Response, Problem> {
    let warning = PublicWarningId(alert_id(id)?);
    ask(&shared, request, |asks: Because| {
        let reason = body::words("reason", Some(&asks.reason))?;
        Ok(Action::RejectWarning { warning, reason })
    })
    .await
}

/// Reads who asks for what, and carries it to the monitor.
async fn ask<T: serde::de::DeserializeOwned>(
    shared: &Shared,
    request: Request,
    action: impl FnOnce(T) -> Result<Action, Problem>,
) -> Result<Response, Problem> {
    let peer = peer_of(&request);
    let who: Who<T> = body::read_json(request, &shared.config).await?;
    if let Some(id) = &who.command_id {
        body::check_command_id(id)?;
    }
    let command = Command {
        operator: body::operator(&who.operator)?,
        command_id: who.command_id.unwrap_or_else(|| shared.make_command_id()),
        // Until accounts exist: a typed name.
        verified: false,
        alert: None,
        seen_state: AlertState::Normal,
        seen_revision: 0,
        action: action(who.asks)?,
    };
    answer(shared, &command, peer.as_deref().unwrap_or("")).await
}
