//! How a node ends: what ends it unasked, and the order in which its parts stop.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use journal::inputs::{Kind, Node as NodeRecord, NodeChange};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Node, UNDELIVERED, VERSION, append};
use crate::shutdown::Why;

impl Node {
    /// Resolves when a part ends that should not.
    pub(crate) async fn failed(&mut self) -> Why {
        let mut states = [self.inputs.state(), self.outcomes.state()];
        let [inputs, outcomes] = &mut states;
        let part = tokio::select! {
            result = &mut self.ingest => format!("MQTT listener: {}", ended(result)),
            result = or_never(&mut self.broker) => format!("client of the outside broker: {}", ended(result)),
            result = or_never(&mut self.page) => format!("console: {}", ended(result)),
            result = or_never(&mut self.admin) => format!("admin server: {}", ended(result)),
            error = self.sinks.failed() => error,
            () = redactor_ended(&self.redactor) => "redactor".to_owned(),
            () = keeper_ended(&self.evidence) => "keeper of the evidence".to_owned(),
            _ = self.monitor_ended.wait_for(|ended| *ended) => "monitor".to_owned(),
            error = poisoned(inputs) => format!("inputs journal: {error}"),
            error = poisoned(outcomes) => format!("outcomes journal: {error}"),
        };
        Why::Failed(part)
    }

    /// Sources stop, the monitor drains, the sinks deliver what they can, the page says goodbye, the journals close, admin
    /// goes last. A stop with something undelivered ends with [`UNDELIVERED`].
    pub(crate) async fn stop(mut self, why: Why) -> Result<ExitCode> {
        let deadline = self.deadline;
        let failed = match &why {
            Why::Failed(part) => {
                tracing::error!("{part}: stopping the node; nothing more is acknowledged");
                true
            }
            Why::Signal | Why::Finished => false,
        };
        let step = std::sync::Mutex::new("the MQTT listener");
        match tokio::time::timeout(deadline, self.stop_in_order(failed, &step)).await {
            Ok(Ok(_)) if failed => Ok(ExitCode::FAILURE),
            Ok(Ok(true)) => Ok(ExitCode::SUCCESS),
            Ok(Ok(false)) => Ok(ExitCode::from(UNDELIVERED)),
            Ok(Err(error)) => Err(error),
            Err(_) => {
                let step = step.lock().map(|step| *step).unwrap_or("?");
                bail!(
                    "not stopped within {} s: {step} is still running",
                    deadline.as_secs()
                )
            }
        }
    }

    async fn stop_in_order(
        &mut self,
        failed: bool,
        step: &std::sync::Mutex<&'static str>,
    ) -> Result<bool> {
        let at = |name| {
            if let Ok(mut step) = step.lock() {
                *step = name;
            }
        };
        self.stop_ingest.cancel();
        if !self.ingest.is_finished() {
            (&mut self.ingest)
                .await
                .context("the MQTT listener panicked")??;
        }
        at("the client of the outside broker");
        if let Some(broker) = self.broker.take()
            && !broker.is_finished()
        {
            broker
                .await
                .context("the client of the outside broker panicked")??;
        }
        at("the monitor");
        if !failed {
            let inputs = self.inputs.clone();
            let stop = self.monitor_stop.clone();
            tokio::task::spawn_blocking(move || {
                let record = NodeRecord {
                    change: NodeChange::Stop { clean: true },
                    version: VERSION,
                };
                append(&inputs, Kind::Node, |buffer| record.encode(buffer))
                    .map(|()| stop.at(inputs.next_offset()))
            })
            .await
            .context("the last record was not written")??;
        } else {
            self.monitor_stop.at(0);
        }
        let monitored = match self.monitor.take() {
            Some(monitor) => tokio::task::spawn_blocking(move || monitor.join())
                .await
                .context("cannot join the monitor")?,
            None => Ok(Ok(())),
        };
        at("the keeper of the evidence");
        let kept = match self.evidence.take() {
            Some(evidence) => {
                let to = if failed {
                    0
                } else {
                    self.outcomes.next_offset()
                };
                tokio::task::spawn_blocking(move || evidence.finish(to))
                    .await
                    .context("cannot join the keeper of the evidence")?
            }
            None => Ok(()),
        };
        at("the redactor");
        // What is recognised is blanked before the node goes; a node that failed leaves it to its next start.
        let redacted = match self.redactor.take() {
            Some(redactor) => {
                let to = if failed {
                    0
                } else {
                    self.outcomes.next_offset()
                };
                tokio::task::spawn_blocking(move || redactor.finish(to))
                    .await
                    .context("cannot join the redactor")?
            }
            None => Ok(()),
        };
        at("the sinks");
        // Half of the time that is left to all: what is not delivered by then is no loss, only later.
        let head = self.outcomes.next_offset();
        let delivered = self.sinks.drain(head, self.deadline / 2).await;
        at("the page");
        self.stop_page.cancel();
        if let Some(page) = self.page.take()
            && !page.is_finished()
        {
            page.await.context("the console panicked")??;
        }
        at("the journals");
        let (inputs, outcomes) = (self.store.inputs.clone(), self.store.outcomes.clone());
        let closed = tokio::task::spawn_blocking(move || inputs.close().and(outcomes.close()))
            .await
            .context("cannot close the journals")?;
        at("the admin server");
        self.stop_admin.cancel();
        if let Some(admin) = self.admin.take()
            && !admin.is_finished()
        {
            admin.await.context("the admin server panicked")??;
        }
        match monitored {
            Ok(result) => result?,
            Err(_) => bail!("the monitor panicked"),
        }
        closed.context("cannot close the journals")?;
        redacted.context("the redactor failed")?;
        kept.context("the keeper of the evidence failed")?;
        delivered
    }
}

fn ended(result: Result<Result<()>, tokio::task::JoinError>) -> String {
    match result {
        Ok(Ok(())) => "ended unexpectedly".to_owned(),
        Ok(Err(error)) => format!("{error:#}"),
        Err(error) => error.to_string(),
    }
}

async fn redactor_ended(redactor: &Option<crate::redactor::Handle>) {
    match redactor {
        Some(redactor) => redactor.ended().await,
        None => std::future::pending().await,
    }
}

async fn keeper_ended(evidence: &Option<crate::evidence::Handle>) {
    match evidence {
        Some(evidence) => evidence.ended().await,
        None => std::future::pending().await,
    }
}

/// The task's result, or never when there is no such task.
async fn or_never(
    task: &mut Option<JoinHandle<Result<()>>>,
) -> Result<Result<()>, tokio::task::JoinError> {
    match task {
        Some(task) => task.await,
        None => std::future::pending().await,
    }
}

async fn poisoned(state: &mut watch::Receiver<journal::State>) -> String {
    match state
        .wait_for(|state| matches!(state, journal::State::Poisoned { .. }))
        .await
        .as_deref()
    {
        Ok(journal::State::Poisoned { error }) => error.clone(),
        Ok(_) | Err(_) => "ended".to_owned(),
    }
}
