//! What the node tells about itself on the admin port. The crates count for themselves; this module adds the monitor's and
//! the journals' figures and renders everything.

#![allow(
    clippy::disallowed_macros,
    reason = "this is the binary's metrics module: the one place for its names"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use console::admin::{self, Reason};
use event::RejectCode;
use journal::{Journal, State};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use mqtt::client::Status as BrokerStatus;
use tokio::sync::watch;

use crate::evidence;
use crate::monitor::{NodeClock, Progress};
use crate::redactor::Figures;
use crate::sinks::Watched;
use crate::status::NodeStatus;
use crate::topology::VERSION;

/// Metric names of the binary: a closed list.
#[derive(Clone, Copy)]
enum Name {
    MonitorReceived,
    MonitorEvents,
    MonitorState,
    MonitorDuplicates,
    MonitorRejected,
    MonitorLagRecords,
    AlertsRaised,
    AlertsActive,
    Commands,
    JournalBytes,
    JournalNextOffset,
    JournalSegments,
    JournalState,
    RuleErrors,
    LateReadings,
    HistoryReadings,
    EntitiesRefused,
    UnknownFields,
    UnusableFields,
    ClockAhead,
    Redactions,
    RedactionsPending,
    Reprocessed,
    EvidenceKept,
    EvidenceRecords,
    EvidenceMissing,
    EvidenceBlanked,
    EvidenceDropped,
    EvidenceBytes,
}

impl Name {
    const fn text(self) -> &'static str {
        match self {
            Self::MonitorReceived => "ioc_monitor_received_total",
            Self::MonitorEvents => "ioc_monitor_events_total",
            Self::MonitorState => "ioc_monitor_state_total",
            Self::MonitorDuplicates => "ioc_monitor_duplicates_total",
            Self::MonitorRejected => "ioc_monitor_rejected_total",
            Self::MonitorLagRecords => "ioc_monitor_lag_records",
            Self::AlertsRaised => "ioc_alerts_raised_total",
            Self::AlertsActive => "ioc_alerts_active",
            Self::Commands => "ioc_commands_total",
            Self::JournalBytes => "ioc_journal_disk_bytes",
            Self::JournalNextOffset => "ioc_journal_next_offset",
            Self::JournalSegments => "ioc_journal_segments",
            Self::JournalState => "ioc_journal_accepting",
            Self::RuleErrors => "ioc_alert_rule_errors_total",
            Self::LateReadings => "ioc_alert_late_readings_total",
            Self::HistoryReadings => "ioc_alert_history_readings_total",
            Self::EntitiesRefused => "ioc_alert_entities_refused_total",
            Self::UnknownFields => "ioc_normalize_unknown_fields_total",
            Self::UnusableFields => "ioc_normalize_unusable_fields_total",
            Self::ClockAhead => "ioc_clock_journal_ahead_seconds",
            Self::Redactions => "ioc_redactions_total",
            Self::RedactionsPending => "ioc_redactions_pending",
            Self::Reprocessed => "ioc_reprocessed_total",
            Self::EvidenceKept => "ioc_evidence_transitions_total",
            Self::EvidenceRecords => "ioc_evidence_records_total",
            Self::EvidenceMissing => "ioc_evidence_records_missing_total",
            Self::EvidenceBlanked => "ioc_evidence_records_blanked_total",
            Self::EvidenceDropped => "ioc_evidence_segments_dropped_total",
            Self::EvidenceBytes => "ioc_evidence_disk_bytes",
        }
    }
}

/// A monitor further behind than this (seconds of work) is not ready.
const LAG_MAX: u64 = 1_000_000;

/// A sink whose backlog takes this share of the disk bound is a matter for a person.
const HELD_MAX: f64 = 0.8;

/// A clock further off than this (five minutes) is a matter for a person.
const CLOCK_AHEAD_MAX_NS: i64 = 300 * 1_000_000_000;

const SEVERITIES: [&str; 5] = ["critical", "major", "minor", "warning", "info"];

/// Installs the recorder for the process; once.
pub(crate) fn install() -> Result<PrometheusHandle> {
    PrometheusBuilder::new()
        // Latencies from 50 us to 10 s; anything else in powers of ten would hide what matters.
        .set_buckets(&[
            0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1,
            0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
        ])
        .context("cannot set the metric buckets")?
        .install_recorder()
        .context("cannot install the metrics recorder")
}

/// What `/metrics` and `/readyz` are answered from.
pub(crate) struct Reporter {
    exporter: PrometheusHandle,
    inputs: Journal,
    outcomes: Journal,
    progress: watch::Receiver<Progress>,
    clock: Arc<dyn NodeClock>,
    sinks: Watched,
    redactions: Arc<Figures>,
    evidence: Arc<evidence::Figures>,
    broker: Option<watch::Receiver<BrokerStatus>>,
}

impl Reporter {
    pub(crate) fn new(
        exporter: PrometheusHandle,
        [inputs, outcomes]: [Journal; 2],
        progress: watch::Receiver<Progress>,
        clock: Arc<dyn NodeClock>,
        sinks: Watched,
        (redactions, evidence): (Arc<Figures>, Arc<evidence::Figures>),
        broker: Option<watch::Receiver<BrokerStatus>>,
    ) -> Self {
        Self {
            exporter,
            inputs,
            outcomes,
            progress,
            clock,
            sinks,
            redactions,
            evidence,
            broker,
        }
    }

    pub(crate) fn into_admin(self) -> admin::Deps {
        let this = Arc::new(self);
        let (other, third) = (Arc::clone(&this), Arc::clone(&this));
        admin::Deps {
            unready: Arc::new(move || this.unready()),
            metrics: Arc::new(move || other.render()),
            status: Arc::new(move || third.status()),
        }
    }

    /// Records between the head of `inputs` and what the monitor has folded.
    fn lag(&self) -> u64 {
        self.inputs
            .next_offset()
            .saturating_sub(self.progress.borrow().next_input)
    }

    /// How far journal time is from the wall clock; it is slewed back slowly.
    fn clock_ahead_ns(&self) -> i64 {
        let now = self.clock.now();
        now.journal_ns.saturating_sub(now.wall_ns)
    }

    fn unready(&self) -> Vec<Reason> {
        let journals = [
            ("inputs journal", &self.inputs),
            ("outcomes journal", &self.outcomes),
        ];
        let mut reasons: Vec<Reason> = journals
            .into_iter()
            .filter_map(|(component, journal)| {
                let detail = match &*journal.state().borrow() {
                    State::Ok => return None,
                    State::Full { why } => format!(
                        "full ({why}): only disaster messages are acknowledged; free or add space"
                    ),
                    State::Poisoned { error } => format!("failed: {error}; the node is stopping"),
                };
                Some(Reason {
                    component: component.to_owned(),
                    detail,
                })
            })
            .collect();
        let ahead = self.clock_ahead_ns();
        if ahead.abs() > CLOCK_AHEAD_MAX_NS {
            let detail = format!(
                "journal time and the wall clock are {} s apart: was this machine's clock wrong? Holds and silence run late \
                 or early until they agree again",
                ahead / 1_000_000_000
            );
            reasons.push(Reason {
                component: "clock".to_owned(),
                detail,
            });
        }
        for sink in self.sinks.statuses() {
            if sink.held_ratio >= HELD_MAX {
                let detail = format!(
                    "its backlog takes {:.0} % of the bound of `outcomes`: mend it, or raise journal.outcomes_bytes_max, before \
                     the oldest records go (gap) or ingest stops (hold)",
                    sink.held_ratio * 100.0
                );
                reasons.push(Reason {
                    component: format!("sink {}", sink.sink),
                    detail,
                });
            }
        }
        // Not deaf in silence: as long as a subscription is not confirmed, messages wait at the broker.
        let deaf = self
            .broker
            .as_ref()
            .map(|status| status.borrow().clone())
            .filter(|status| !status.is_ready());
        if let Some(status) = deaf {
            let links = status.links.iter();
            let waiting: Vec<_> = links
                .filter(|link| link.state != mqtt::client::LinkState::Ready)
                .map(|link| {
                    let error = link.last_error.as_deref().unwrap_or("no connection yet");
                    format!("{} is {}: {error}", link.client_id, link.state.word())
                })
                .collect();
            reasons.push(Reason {
                component: format!("broker {}", status.broker),
                detail: waiting.join("; "),
            });
        }
        if self.lag() > LAG_MAX {
            let detail = format!("{} records behind `inputs`: alerts are late", self.lag());
            reasons.push(Reason {
                component: "monitor".to_owned(),
                detail,
            });
        }
        reasons
    }

    fn status(&self) -> String {
        let counters = self.progress.borrow().counters;
        let unready = self.unready().into_iter();
        let status = NodeStatus {
            version: VERSION.to_owned(),
            running: true,
            inputs_next: self.inputs.next_offset(),
            outcomes_next: self.outcomes.next_offset(),
            received: counters.messages,
            events: counters.events,
            state: counters.state,
            duplicates: counters.duplicates,
            rejected: counters.rejected,
            unready: unready
                .map(|reason| format!("{}: {}", reason.component, reason.detail))
                .collect(),
            sinks: self.sinks.statuses(),
        };
        // Plain numbers and texts: there is nothing in it that JSON cannot hold.
        serde_json::to_string(&status).unwrap_or_default()
    }

    fn render(&self) -> String {
        let progress = *self.progress.borrow();
        let counters = progress.counters;
        let absolute = |name: Name, value: u64| metrics::counter!(name.text()).absolute(value);
        absolute(Name::RuleErrors, progress.engine.rule_errors);
        absolute(Name::LateReadings, progress.engine.late);
        absolute(Name::HistoryReadings, progress.engine.history);
        absolute(Name::EntitiesRefused, progress.engine.entities_refused);
        absolute(Name::UnknownFields, progress.normalize.unknown_fields);
        absolute(Name::UnusableFields, progress.normalize.unusable_fields);
        metrics::gauge!(Name::ClockAhead.text()).set(self.clock_ahead_ns() as f64 / 1e9);
        absolute(Name::MonitorReceived, counters.messages);
        absolute(Name::MonitorEvents, counters.events);
        absolute(Name::MonitorState, counters.state);
        absolute(Name::MonitorDuplicates, counters.duplicates);
        absolute(Name::AlertsRaised, counters.alerts_raised);
        absolute(Name::Commands, counters.commands);
        absolute(Name::Redactions, self.redactions.done());
        let kept = |count: &AtomicU64| count.load(Ordering::Relaxed);
        absolute(Name::EvidenceKept, kept(&self.evidence.kept));
        absolute(Name::EvidenceRecords, kept(&self.evidence.frames));
        absolute(Name::EvidenceMissing, kept(&self.evidence.missing));
        absolute(Name::EvidenceBlanked, kept(&self.evidence.blanked));
        absolute(Name::EvidenceDropped, kept(&self.evidence.segments_dropped));
        metrics::gauge!(Name::EvidenceBytes.text()).set(kept(&self.evidence.bytes) as f64);
        metrics::gauge!(Name::RedactionsPending.text()).set(self.redactions.pending() as f64);
        for (result, count) in [
            ("delivered", counters.reprocessed),
            ("failed", counters.reprocessed_failed),
        ] {
            metrics::counter!(Name::Reprocessed.text(), "result" => result).absolute(count);
        }
        for code in RejectCode::ALL {
            metrics::counter!(Name::MonitorRejected.text(), "reason" => code.name())
                .absolute(counters.rejected_by_code[code as usize]);
        }
        for (severity, count) in SEVERITIES.into_iter().zip(progress.active) {
            metrics::gauge!(Name::AlertsActive.text(), "severity" => severity).set(count as f64);
        }
        metrics::gauge!(Name::MonitorLagRecords.text()).set(self.lag() as f64);
        for (label, journal) in [("inputs", &self.inputs), ("outcomes", &self.outcomes)] {
            let stats = journal.stats();
            metrics::gauge!(Name::JournalBytes.text(), "journal" => label).set(stats.bytes as f64);
            metrics::gauge!(Name::JournalSegments.text(), "journal" => label)
                .set(stats.segments as f64);
            metrics::gauge!(Name::JournalNextOffset.text(), "journal" => label)
                .set(journal.next_offset() as f64);
            let accepting = matches!(*journal.state().borrow(), State::Ok);
            metrics::gauge!(Name::JournalState.text(), "journal" => label)
                .set(f64::from(u8::from(accepting)));
        }
        self.exporter.render()
    }
}
