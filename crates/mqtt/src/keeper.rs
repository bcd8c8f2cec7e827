//! The keeper: ends sessions when their time is over and publishes wills when they are due. One task.

use std::sync::Arc;

use journal::inputs::{Kind, Session, SessionChange};
use journal::{Batch, Class, Error};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::hub::Hub;
use crate::registry::Due;

/// Runs until cancelled. What is due and not yet journalled then stays in the journal's table and is due
/// again after the next start.
pub(crate) async fn run(hub: Arc<Hub>, cancel: CancellationToken) {
    loop {
        let next = hub.registry().next_due();
        let due = async {
            match next {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = cancel.cancelled() => return,
            () = hub.due_changed.notified() => continue,
            () = due => {}
        }
        loop {
            let due = hub.registry().take_due(Instant::now());
            let Some(due) = due else { break };
            // A failing journal ends the listener from its own place.
            tokio::select! {
                () = cancel.cancelled() => return,
                result = journal_due(&hub, &due) => if result.is_err() { return },
            }
        }
        let sessions = hub.registry().session_count();
        hub.meter.sessions(sessions);
    }
}

/// Journals the end of a session or its will.
pub(crate) async fn journal_due(hub: &Hub, due: &Due) -> Result<(), Error> {
    let mut batch = Batch::new();
    let class = push_due(hub, due, &mut batch);
    if batch.is_empty() {
        return Ok(());
    }
    // Nobody is answered for it: the ticket is not waited for. Order is the journal's.
    drop(hub.inputs.append(class, batch).await?);
    Ok(())
}

/// Appends the records of what is due; returns the class they need.
pub(crate) fn push_due(hub: &Hub, due: &Due, batch: &mut Batch) -> Class {
    let mut class = Class::Normal;
    if let Some(will) = &due.will {
        class = hub.class(&will.content.topic);
        will.push(&due.client_id, batch);
        hub.meter.wills(1);
    }
    if due.ended {
        let record = Session {
            client_id: &due.client_id,
            session: due.session,
            connection: due.connection,
            change: SessionChange::Expired,
        };
        batch.push(Kind::Session.into(), |out| record.encode(out));
    }
    class
}
