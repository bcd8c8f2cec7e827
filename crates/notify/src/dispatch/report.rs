//! Results into `inputs`, one record a notice, so that they are shown at the alert and survive everything.

use std::sync::Arc;

use journal::inputs::{Kind, Notice, NoticeResult, Outlet, OutletReport};
use journal::{Batch, Class};

use super::Shared;
use crate::letter::Key;
use crate::outbox::{Entry, Outcome, Report};
use crate::sink::NAME;

/// Records of one append.
const PIECE: usize = 500;

/// Takes what is not reported yet; true when it is in the journal and noted in the outbox. A kill in between reports it twice,
/// under the same key.
pub(super) async fn report(shared: Arc<Shared>) -> bool {
    let waiting: Vec<(Key, Report)> = shared.outbox.look(|state| {
        state
            .unreported()
            .iter()
            .take(PIECE)
            .map(|(key, report)| (key.clone(), report.clone()))
            .collect()
    });
    if waiting.is_empty() {
        return true;
    }
    let keys = waiting.iter().map(|(key, _)| key.clone()).collect();
    let inputs = shared.inputs.clone();
    let appended = tokio::task::spawn_blocking(move || {
        let mut batch = Batch::new();
        for (key, report) in &waiting {
            batch.push(Kind::Outlet.into(), |out| record(key, report).encode(out));
        }
        inputs.append_blocking(Class::System, batch)?.wait()
    });
    match appended.await {
        Ok(Ok(_)) => shared.outbox.commit(Entry::Reported { keys }).await.is_ok(),
        Ok(Err(error)) => {
            tracing::warn!(%error, "results of notices cannot be recorded; they wait in the outbox");
            false
        }
        Err(_) => false,
    }
}

fn record<'a>(key: &'a Key, report: &'a Report) -> Outlet<'a> {
    Outlet {
        outlet: NAME,
        report: OutletReport::Notice(Notice {
            key: &key.0,
            alert: &report.subject,
            revision: report.revision,
            channel: &report.channel,
            person: &report.person,
            result: match report.outcome {
                Outcome::Delivered => NoticeResult::Delivered,
                Outcome::Refused => NoticeResult::Refused,
                Outcome::MovedOn => NoticeResult::MovedOn,
                Outcome::Expired => NoticeResult::Expired,
            },
            attempts: report.attempts,
            at_ns: report.at.0,
            grouped: report.grouped,
            detail: &report.detail,
        }),
    }
}
