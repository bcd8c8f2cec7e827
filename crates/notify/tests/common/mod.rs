//! Alerts, a node around the sink, and servers that answer as they are told.

#![allow(dead_code, reason = "every test file uses its part")]

#[path = "../../../cap/tests/common/mod.rs"]
mod sample;
pub(crate) mod server;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use event::outcome::{self, Cause, OutcomeKind, VERSION};
use event::{PublicWarning, Time, Transition};
use journal::inputs::{Outlet, OutletReport};
use journal::storage::sim::SimStorage;
use journal::{Clock, Journal, JournalName, Opened, Options, Preallocate, Stamp, Storage};
use notify::{Directory, NotifyConfig, NotifyDeps, NotifySink};
use pipeline::{Batch, Record, RecordBuffer, Resume, Sink, Verdict};
pub(crate) use sample::*;

/// Stands until it is moved.
pub(crate) struct Hand(AtomicI64);

impl Hand {
    pub(crate) fn new(time: Time) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(time.0)))
    }

    pub(crate) fn set(&self, time: Time) {
        self.0.store(time.0, Ordering::SeqCst);
    }

    pub(crate) fn time(&self) -> Time {
        Time(self.0.load(Ordering::SeqCst))
    }
}

impl Clock for Hand {
    fn now(&self) -> Stamp {
        let now = self.0.load(Ordering::SeqCst);
        Stamp {
            journal_ns: now,
            wall_ns: now,
        }
    }
}

const CAUSE: Cause = Cause {
    offset: 1,
    index: 0,
    last: true,
};

pub(crate) fn record(offset: u64, transition: &Transition) -> Record {
    let mut payload = Vec::new();
    outcome::encode_transition(CAUSE, transition, &mut payload).unwrap();
    made(
        offset,
        OutcomeKind::Transition,
        transition.alert.changed,
        payload,
    )
}

/// A record of `outcomes` about a warning to the public.
pub(crate) fn warned(offset: u64, warning: &PublicWarning) -> Record {
    let mut payload = Vec::new();
    outcome::encode_public_warning(CAUSE, warning, &mut payload).unwrap();
    made(offset, OutcomeKind::PublicWarning, warning.changed, payload)
}

pub(crate) fn made(offset: u64, kind: OutcomeKind, time: Time, payload: Vec<u8>) -> Record {
    Record {
        offset,
        kind: kind as u8,
        version: VERSION,
        stamp: Stamp {
            journal_ns: time.0,
            wall_ns: time.0,
        },
        payload,
    }
}

/// A folder that goes with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ioc-notify-{name}-{}-{next}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn inputs(clock: &Arc<Hand>) -> Journal {
    let storage: Arc<dyn Storage> = Arc::new(SimStorage::new(1));
    let mut options = Options::new(JournalName::Inputs);
    options.segment_bytes = 1 << 20;
    options.bytes_max = 1 << 30;
    options.reserve_disaster_bytes = 0;
    options.reserve_system_bytes = 0;
    options.preallocate = Preallocate::None;
    Opened::open(storage, options)
        .unwrap()
        .start(Arc::clone(clock) as Arc<dyn Clock>)
        .unwrap()
}

pub(crate) fn quick() -> NotifyConfig {
    let mut config = NotifyConfig {
        enabled: true,
        request_timeout_ms: 10_000,
        retry_min_ms: 10,
        retry_max_ms: 50,
        ..NotifyConfig::default()
    };
    for (name, secret) in [
        ("hook", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("app", "app-secret"),
        ("refresh", "refresh-0"),
        ("gateway", "gateway-token"),
    ] {
        config
            .secrets
            .insert(name.to_owned(), secret.to_owned().into());
    }
    config
}

/// A sink with what is around it. Dropping the runtime that it was opened in is a kill.
pub(crate) struct Node {
    pub(crate) sink: NotifySink,
    pub(crate) inputs: Journal,
}

impl Node {
    pub(crate) fn new(
        folder: &Folder,
        config: &NotifyConfig,
        directory: &str,
        clock: &Arc<Hand>,
    ) -> Self {
        let directory = Directory::parse(directory, &Default::default()).unwrap();
        let inputs = inputs(clock);
        let deps = NotifyDeps {
            clock: Arc::clone(clock) as Arc<dyn Clock>,
            inputs: inputs.appender(),
            outcomes: [7; 16],
            seed: 1,
        };
        let sink = NotifySink::new(config, directory, &folder.0, deps).unwrap();
        Self { sink, inputs }
    }

    pub(crate) async fn open(&mut self) {
        let resume = Resume {
            position: 0,
            note: &[],
            again: false,
        };
        self.sink.open(resume).await.unwrap();
    }

    pub(crate) async fn submit(&mut self, records: Vec<Record>) {
        let batch = Batch::of_records(RecordBuffer { records });
        let verdict = self.sink.submit(batch).await.await;
        assert!(
            matches!(&verdict, Verdict::Done { refused } if refused.is_empty()),
            "{verdict:?}"
        );
    }

    /// Waits until nothing is open and everything is in `inputs`; gives the results by notice.
    pub(crate) async fn settled(&self) -> Vec<(String, String)> {
        let counts = self.sink.counts();
        eventually("everything is settled", || {
            let counts = counts();
            assert_eq!(counts.planned, counts.settled + counts.open);
            counts.open == 0 && counts.unreported == 0
        })
        .await;
        self.results()
    }

    pub(crate) fn results(&self) -> Vec<(String, String)> {
        let end = self.inputs.next_offset();
        let mut reader = self.inputs.reader(self.inputs.first_offset());
        let mut results = Vec::new();
        while reader.position() < end {
            let read = reader.next_blocking(None).unwrap().unwrap();
            for frame in read.frames() {
                let outlet = Outlet::decode(frame.version, frame.payload).unwrap();
                assert_eq!(outlet.outlet, "notify");
                let OutletReport::Notice(notice) = outlet.report else {
                    panic!("{outlet:?}");
                };
                let way = format!(
                    "{}@{}/{}/{}",
                    notice.alert, notice.revision, notice.channel, notice.person
                );
                assert_eq!(notice.key, way);
                results.push((way, notice.result.name().to_owned()));
            }
        }
        results.sort();
        results
    }
}

/// Waits for a condition, with a limit.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(20);
    let mut look = tokio::time::interval(Duration::from_millis(5));
    while !holds() {
        assert!(Instant::now() < limit, "not within 20 s: {what}");
        look.tick().await;
    }
}
