//! What stands around the console in its tests: two real journals in memory, a clock, and a monitor that answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use console::{Deps, Image, Intake, Mode, SiteInfo};
use event::outcome::{
    Cause, OutcomeKind, encode_event, encode_reject, encode_transition, encode_verdict,
};
use event::{
    Acknowledgement, Action, Alert, AlertState, Change, Command, Event, EventFlags, EventId, Kind,
    Measured, Quality, Refusal, Reject, RejectCode, Status, Stream, Text, Time, Transition, Value,
    Verdict,
};
use journal::storage::sim::SimStorage;
use journal::{Batch, Class, Clock, Journal, JournalName, Opened, Options, Stamp, Storage};
use tokio::sync::watch;

/// 2026-11-22T00:00:00Z
pub(crate) const START: i64 = 1_795_305_600 * Time::SECOND;

struct TestClock(Instant);

impl Clock for TestClock {
    fn now(&self) -> Stamp {
        let now = START + i64::try_from(self.0.elapsed().as_nanos()).unwrap();
        Stamp {
            journal_ns: now,
            wall_ns: now,
        }
    }
}

#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) inputs: Journal,
    pub(crate) outcomes: Journal,
    pub(crate) site: watch::Sender<Arc<SiteInfo>>,
    clock: Arc<TestClock>,
    cause: Arc<AtomicU64>,
}

impl Node {
    pub(crate) fn new() -> Self {
        let storage: Arc<dyn Storage> = Arc::new(SimStorage::new(1));
        let clock = Arc::new(TestClock(Instant::now()));
        let open = |name| {
            let mut options = Options::new(name);
            options.segment_bytes = 1 << 20;
            let opened = Opened::open(Arc::clone(&storage), options).unwrap();
            opened.start(Arc::clone(&clock) as Arc<dyn Clock>).unwrap()
        };
        Self {
            inputs: open(JournalName::Inputs),
            outcomes: open(JournalName::Outcomes),
            site: watch::Sender::new(Arc::new(SiteInfo::default())),
            clock,
            cause: Arc::default(),
        }
    }

    pub(crate) fn now(&self) -> Time {
        Time(self.clock.now().journal_ns)
    }

    pub(crate) fn deps(&self, alerts: Vec<Alert>) -> Deps {
        let clock = Arc::clone(&self.clock);
        Deps {
            inputs: self.inputs.clone(),
            outcomes: self.outcomes.clone(),
            image: Image {
                outcomes_next: self.outcomes.next_offset(),
                alerts,
                ..Image::default()
            },
            site: self.site.subscribe(),
            mode: Mode::Live,
            version: "0.0.0-test".to_owned(),
            now: Arc::new(move || Time(clock.now().journal_ns)),
            intake: Arc::new(|| Intake {
                received: 7,
                events: 4,
                state: 0,
                duplicates: 1,
                rejected: 2,
                alerts_raised: 0,
            }),
            sinks: Arc::new(Vec::new),
            series: None,
            health: None,
            quarantine: None,
            explain: None,
            cap: None,
            rules: None,
        }
    }

    async fn append(&self, records: impl FnOnce(&mut Batch)) {
        let mut batch = Batch::new();
        records(&mut batch);
        let ticket = self
            .outcomes
            .appender()
            .append(Class::System, batch)
            .await
            .unwrap();
        ticket.await.unwrap();
    }

    fn cause(&self) -> Cause {
        Cause {
            offset: self.cause.fetch_add(1, Ordering::Relaxed),
            index: 0,
            last: true,
        }
    }

    /// One durable batch of readings of `level`.
    pub(crate) async fn readings<'a>(&self, levels: impl IntoIterator<Item = (&'a str, f64)>) {
        let now = self.now();
        self.append(|batch| {
            for (entity, level) in levels {
                let cause = self.cause();
                let event = reading(entity, level, now);
                batch.push(OutcomeKind::Event as u8, |out| {
                    encode_event(cause, &event, out)
                });
            }
        })
        .await;
    }

    pub(crate) async fn transition(&self, change: Change, by: Option<&str>, alert: &Alert) {
        let transition = Transition {
            change,
            by: by.map(str::to_owned),
            command_id: None,
            alert: alert.clone(),
        };
        let cause = self.cause();
        self.append(|batch| {
            batch.push(OutcomeKind::Transition as u8, |out| {
                encode_transition(cause, &transition, out).unwrap();
            });
        })
        .await;
    }

    pub(crate) async fn reject(&self, reason: &str, payload: &[u8]) {
        let reject = Reject {
            code: RejectCode::PayloadNotJson,
            reason: reason.to_owned(),
            client: "client".to_owned(),
            topic: "ioc/lao-cai/env/aqm-1/up".to_owned(),
            payload: payload.to_vec(),
        };
        let cause = self.cause();
        self.append(|batch| {
            batch.push(OutcomeKind::Reject as u8, |out| {
                encode_reject(cause, &reject, out)
            });
        })
        .await;
    }

    /// Answers commands as the monitor does: an acknowledgement of what is unacknowledged is accepted, all else refused.
    pub(crate) fn spawn_monitor(&self, alert: Alert) -> tokio::task::JoinHandle<()> {
        let node = self.clone();
        tokio::spawn(async move {
            let mut alert = alert;
            let mut reader = node.inputs.reader(0);
            while let Ok(batch) = reader.next().await {
                for frame in batch.frames() {
                    if frame.kind != journal::inputs::Kind::Command as u8 {
                        continue;
                    }
                    let record =
                        journal::inputs::Command::decode(frame.version, frame.payload).unwrap();
                    let command: Command = serde_json::from_slice(record.body).unwrap();
                    assert_eq!(record.command_id, command.command_id);
                    assert_eq!(record.operator, command.operator);
                    node.decide(&mut alert, &command).await;
                }
            }
        })
    }

    async fn decide(&self, alert: &mut Alert, command: &Command) {
        let accepted = command.action == Action::Acknowledge
            && command.seen_revision == alert.revision
            && alert.state == AlertState::Unacknowledged;
        if accepted {
            alert.state = AlertState::Acknowledged;
            alert.revision += 1;
            alert.changed = self.now();
            alert.acknowledged = Some(Acknowledgement {
                operator: command.operator.clone(),
                verified: false,
                at: self.now(),
                command_id: command.command_id.clone(),
            });
            self.transition(Change::Acknowledged, Some(&command.operator), alert)
                .await;
        }
        let verdict = Verdict {
            command_id: command.command_id.clone(),
            accepted,
            refusal: (!accepted).then_some(Refusal::StateChanged),
            detail: Text::default(),
            alert: Some(alert.clone()),
            suppression: None,
            warning: None,
        };
        let cause = self.cause();
        self.append(|batch| {
            batch.push(OutcomeKind::Verdict as u8, |out| {
                encode_verdict(cause, &verdict, out).unwrap();
            });
        })
        .await;
    }
}

pub(crate) fn reading(entity: &str, level: f64, now: Time) -> Event {
    Event {
        id: EventId::default(),
        kind: Kind::Reading,
        stream: Stream::Disaster,
        status: Status::Actual,
        site: "lao-cai".into(),
        entity: entity.into(),
        device: entity.into(),
        observed: now,
        observed_until: None,
        valid_from: None,
        valid_to: None,
        received: now,
        processed: now,
        sequence: None,
        place: None,
        flags: EventFlags::default(),
        values: vec![Measured {
            measure: "level".into(),
            value: Value::Number(level),
            unit: "m".into(),
            quality: Quality::GOOD,
        }],
    }
}

/// Waits for a condition, with a limit.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within 10 s");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
