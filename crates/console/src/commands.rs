//! What operators do: each command becomes a record of `inputs`, and its answer is the monitor's verdict.
//!
//! The order is: check the request, register as a waiter, append, wait until the record is durable, wait for the verdict
//! in `outcomes`. The same `command_id` twice is one command: a verdict already seen is answered at once, two requests at
//! the same time wait for the same verdict, and what reaches the monitor twice gets its first answer.

mod asked;
mod body;
mod waiters;
pub(crate) mod wider;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use event::{AlertId, Command, Verdict};
use journal::inputs;
use journal::{Batch, Class};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use crate::alerts_api::{alert_id, unknown};
use crate::metrics::{self, CommandEnd};
use crate::problem::{self, Problem};
use crate::server::Peer;
use crate::shared::Shared;
use crate::view::Answer;

use body::{Fields, Kind};

pub(crate) use body::{operator, read_json, read_json_up_to, words};
pub(crate) use waiters::Waiters;

type Id = Result<Path<String>, PathRejection>;

/// A handler for each action on an alert.
macro_rules! handlers {
    ($($name:ident => $kind:ident),* $(,)?) => {$(
        pub(crate) async fn $name(
            State(shared): State<Arc<Shared>>,
            id: Id,
            request: Request,
        ) -> Result<Response, Problem> {
            command(shared, Kind::$kind, id, request).await
        }
    )*};
}

handlers! {
    acknowledge => Acknowledge,
    shelve => Shelve,
    unshelve => Unshelve,
    comment => Comment,
    assign => Assign,
    escalate => Escalate,
    reset => Reset,
    close => Close,
    reopen => Reopen,
    mark_false => MarkFalse,
    unmark_false => UnmarkFalse,
}

#[derive(Serialize)]
struct Answered<'a> {
    offset: u64,
    verdict: &'a Verdict,
}

async fn command(
    shared: Arc<Shared>,
    kind: Kind,
    id: Id,
    request: Request,
) -> Result<Response, Problem> {
    let id = alert_id(id)?;
    let peer = peer_of(&request);
    let fields = body::read(request, &shared.config).await?;
    let action = fields.action(kind, shared.now())?;
    let known = shared.view().alert(&id).map(|(shown, _)| shown.alert);
    let alert = known.ok_or_else(unknown)?;
    let Fields {
        command_id,
        operator,
        seen_state,
        seen_revision,
        ..
    } = fields;
    let command = Command {
        command_id: command_id.unwrap_or_else(|| shared.make_command_id()),
        operator,
        // Until accounts exist: a typed name.
        verified: false,
        alert: Some(AlertId(id)),
        seen_state: seen_state.unwrap_or(alert.state),
        seen_revision: seen_revision.unwrap_or(alert.revision),
        action,
    };
    answer(&shared, &command, peer.as_deref().unwrap_or("")).await
}

fn peer_of(request: &Request) -> Option<String> {
    let peer = request.extensions().get::<Peer>();
    peer.map(|peer| peer.0.to_string())
}

/// Carries the command to the monitor and its verdict back.
async fn answer(shared: &Shared, command: &Command, peer: &str) -> Result<Response, Problem> {
    let answer = submit(shared, command, peer).await?;
    let (status, end) = if answer.verdict.accepted {
        (StatusCode::OK, CommandEnd::Accepted)
    } else {
        (StatusCode::CONFLICT, CommandEnd::Refused)
    };
    metrics::command(end);
    let Answer { offset, verdict } = &*answer;
    let offset = *offset;
    Ok((status, Json(Answered { offset, verdict })).into_response())
}

/// Puts the command into `inputs` and waits for its verdict.
async fn submit(shared: &Shared, command: &Command, peer: &str) -> Result<Arc<Answer>, Problem> {
    let id = &command.command_id;
    let deadline = Instant::now() + Duration::from_millis(shared.config.verdict_timeout_ms);
    let mut waiter = shared
        .waiters
        .register(id)
        .ok_or_else(|| problem::busy("commands waiting for a verdict", "lệnh đang chờ kết quả"))?;
    // After registering: a verdict is either seen here or handed to the waiter.
    if let Some(answer) = shared.view().verdict(id) {
        return Ok(answer);
    }
    record(shared, command, peer, deadline).await?;
    let answer = tokio::select! {
        answer = timeout_at(deadline, waiter.answer()) => answer.ok().flatten(),
        // The verdict is still to come, but perhaps not before the deadline of the shutdown.
        () = shared.cancel.cancelled() => None,
    };
    answer.ok_or_else(|| {
        metrics::command(CommandEnd::Pending);
        problem::verdict_pending(id)
    })
}

/// Returns when the command is durable.
async fn record(
    shared: &Shared,
    command: &Command,
    peer: &str,
    deadline: Instant,
) -> Result<(), Problem> {
    let body = serde_json::to_vec(command).map_err(|error| problem::internal(&error))?;
    let mut batch = Batch::with_capacity(body.len() + 512);
    batch.push(inputs::Kind::Command as u8, |out| {
        inputs::Command {
            command_id: &command.command_id,
            operator: &command.operator,
            verified: command.verified,
            peer,
            body: &body,
        }
        .encode(out);
    });
    let not_recorded = |why: &str| {
        metrics::command(CommandEnd::NotRecorded);
        problem::not_recorded(why)
    };
    let appender = shared.inputs.appender();
    let ticket = timeout_at(deadline, appender.append(Class::System, batch))
        .await
        .map_err(|_| not_recorded("the journal takes no commands at the moment"))?
        .map_err(|error| {
            tracing::error!(%error, "a command was not recorded");
            not_recorded("the journal refused the command")
        })?;
    match timeout_at(deadline, ticket).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => {
            tracing::error!(%error, "it is not known whether a command was recorded");
            metrics::command(CommandEnd::NotRecorded);
            Err(problem::maybe_recorded(&command.command_id))
        }
        Err(_) => {
            metrics::command(CommandEnd::NotRecorded);
            Err(problem::maybe_recorded(&command.command_id))
        }
    }
}
