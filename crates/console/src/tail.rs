//! The one task that moves outcomes into the view.
//!
//! Before it starts, a bounded number of records is read back for charts, latest values, rejects and histories; then
//! the monitor's image is laid over them, and from there on every record is folded once, in order. Not being able to
//! read `outcomes` ends the console: a screen that stands still must not look alive.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event::{Name, Time};
use journal::{Journal, ReadBatch};
use tokio_util::sync::CancellationToken;

use crate::deps::{Deps, SiteInfo};
use crate::shared::{Parts, Shared};
use crate::view::{Answer, Record, View};
use crate::{ConsoleConfig, Error, metrics};

/// Makes the view as of `image.outcomes_next`; the offset is where [`run`] begins.
pub(crate) async fn prepare(
    config: ConsoleConfig,
    deps: Deps,
    cancel: CancellationToken,
) -> Result<(Arc<Shared>, u64), Error> {
    let mut view = View::new(&config);
    view.set_named(named(&deps.site.borrow()));
    view.set_health(deps.health.clone());
    let mut deps = deps;
    let image = std::mem::take(&mut deps.image);
    let position = image.outcomes_next;
    let outcomes = deps.outcomes.clone();
    let (most, limit) = (config.history_records_max, config.history_timeout_ms);
    // Disk and arithmetic for up to seconds: not on the threads that serve.
    let mut view = tokio::task::spawn_blocking(move || {
        read_back(
            &mut view,
            &outcomes,
            position,
            most,
            Duration::from_millis(limit),
        )?;
        Ok::<View, Error>(view)
    })
    .await
    .map_err(|source| Error::Task {
        task: "console history",
        source,
    })??;
    view.set_image(image)?;
    let shared = Arc::new(Shared::new(Parts {
        config,
        deps,
        view,
        cancel,
    }));
    Ok((shared, position))
}

/// Entities that the catalogue names.
pub(crate) fn named(site: &SiteInfo) -> HashSet<Name> {
    site.vocabulary
        .entities
        .values()
        .map(|entity| entity.id.clone())
        .collect()
}

fn read_back(
    view: &mut View,
    outcomes: &Journal,
    until: u64,
    records_max: u64,
    limit: Duration,
) -> Result<(), Error> {
    let from = until
        .saturating_sub(records_max)
        .max(outcomes.first_offset());
    let started = Instant::now();
    let mut reader = outcomes.reader(from);
    while reader.position() < until {
        let left = limit.saturating_sub(started.elapsed());
        let at = reader.position();
        let batch = reader
            .next_blocking(Some(left))
            .map_err(|source| Error::Journal { offset: at, source })?;
        let Some(batch) = batch else {
            tracing::warn!(
                from,
                at,
                until,
                "history for the screens is cut short: reading took too long"
            );
            break;
        };
        for record in records(&batch).take_while(|record| record.offset < until) {
            view.apply(&record);
        }
    }
    Ok(())
}

fn records(batch: &ReadBatch) -> impl Iterator<Item = Record<'_>> {
    batch.frames().map(|frame| Record {
        offset: frame.offset,
        kind: frame.kind,
        version: frame.version,
        time: Time(frame.stamp.journal_ns),
        payload: frame.payload,
    })
}

pub(crate) async fn run(
    shared: Arc<Shared>,
    position: u64,
    stop: CancellationToken,
) -> Result<(), Error> {
    let mut reader = shared.outcomes.reader(position);
    let mut verdicts: Vec<Arc<Answer>> = Vec::new();
    loop {
        let read = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            read = reader.next() => read,
        };
        let batch = read.map_err(|source| Error::Journal {
            offset: reader.position(),
            source,
        })?;
        let pending = {
            let mut view = shared.view_mut();
            if let Some(gap) = batch.gap() {
                view.hole();
                tracing::error!(
                    from = gap.from,
                    to = gap.to,
                    "outcomes are missing: alerts on the screens may be out of date, start the node again"
                );
            }
            verdicts.extend(records(&batch).filter_map(|record| view.apply(&record)));
            metrics::tail(
                shared.outcomes.next_offset().saturating_sub(view.next()),
                view.sizes(),
            );
            view.pending()
        };
        for answer in verdicts.drain(..) {
            shared.waiters.answer(&answer);
        }
        shared.hub.wake(pending);
    }
}
