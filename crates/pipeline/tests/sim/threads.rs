//! The mover as it runs in the product: on its own thread, in real time, with its handle; and what its neighbours see.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use journal::State as JournalState;
use journal::storage::sim::SimStorage;
use pipeline::{
    Batch, Code, Completion, Error, Handle, Limits, Mover, OnFull, Record, RecordBuffer,
    RefillOptions, Refused, Resume, Sink, State, Status, Trouble, Verdict, refill,
};
use tokio::sync::watch;

use crate::server::{NAME, Told};
use crate::world::Node;

type Answer = Box<dyn FnMut(&Batch) -> Verdict + Send>;

/// A sink that does what the test says.
struct Script {
    limits: Limits,
    /// Opening works while it is `None`.
    broken: watch::Receiver<Option<Trouble>>,
    stall: Option<watch::Receiver<Option<Trouble>>>,
    answer: Arc<Mutex<Answer>>,
    closed: watch::Sender<bool>,
}

/// The test's end of it.
struct Strings {
    broken: watch::Sender<Option<Trouble>>,
    stall: watch::Sender<Option<Trouble>>,
    closed: watch::Receiver<bool>,
}

fn limits() -> Limits {
    Limits {
        batch_records: 10,
        batch_bytes: 64 * 1024,
        batch_age: Duration::ZERO,
        inflight_batches: 2,
        window_records: 1000,
        retry_min: Duration::from_millis(1),
        retry_max: Duration::from_millis(20),
        on_full: OnFull::Gap,
    }
}

fn script(answer: impl FnMut(&Batch) -> Verdict + Send + 'static) -> (Script, Strings) {
    let (broken, breaks) = watch::channel(None);
    let (stall, stalls) = watch::channel(None);
    let (closes, closed) = watch::channel(false);
    let sink = Script {
        limits: limits(),
        broken: breaks,
        stall: Some(stalls),
        answer: Arc::new(Mutex::new(Box::new(answer))),
        closed: closes,
    };
    let strings = Strings {
        broken,
        stall,
        closed,
    };
    (sink, strings)
}

impl Sink for Script {
    fn name(&self) -> &'static str {
        NAME
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    async fn open(&mut self, _resume: Resume<'_>) -> Result<(), Trouble> {
        let broken = self.broken.borrow().clone();
        broken.map_or(Ok(()), Err)
    }

    async fn submit(&mut self, batch: Batch) -> Completion {
        let answer = Arc::clone(&self.answer);
        Box::pin(async move {
            tokio::task::yield_now().await;
            let mut answer = answer.lock().unwrap();
            (*answer)(&batch)
        })
    }

    fn stall(&self) -> Option<watch::Receiver<Option<Trouble>>> {
        self.stall.clone()
    }

    async fn close(&mut self) {
        self.closed.send_replace(true);
    }
}

fn node() -> Node {
    Node::start(SimStorage::new(1), 1 << 30)
}

fn append(node: &Node, records: usize) {
    let told = Told {
        key: 1,
        poison: false,
    };
    node.append(&vec![(1, told, 50); records]);
}

async fn until(handle: &Handle, what: &str, condition: impl FnMut(&Status) -> bool) -> Status {
    let mut status = handle.status();
    let limit = Duration::from_secs(20);
    match tokio::time::timeout(limit, status.wait_for(condition)).await {
        Ok(found) => found.unwrap().clone(),
        Err(_late) => panic!("not {what}: {:?}", handle.status().borrow()),
    }
}

const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn it_delivers_drains_and_tells_retention() {
    let node = node();
    append(&node, 25);
    let (sink, strings) = script(|_| Verdict::done());
    let handle = Mover::new(sink, node.deps(1)).unwrap().spawn().unwrap();
    assert_eq!(handle.name(), NAME);
    let status = until(&handle, "all delivered", |status| status.position == 25).await;
    assert_eq!((status.state, status.lag_records), (State::Running, 0));
    append(&node, 100);
    let ended = handle.ended();
    let drained = handle.drain(125, DEADLINE).await.unwrap();
    assert_eq!((drained.position, drained.stored), (125, 125));
    assert_eq!(ended.await.unwrap(), drained);
    assert_eq!(node.cursors.load(NAME).unwrap(), Some(125));
    assert!(*strings.closed.borrow());
}

#[tokio::test]
async fn a_fatal_answer_ends_it_with_its_message_and_a_panic_with_ours() {
    let node = node();
    append(&node, 5);
    let fatal = Trouble::new(Code::Configuration, "this would harm");
    let (sink, _strings) = script(move |_| Verdict::Fatal(fatal.clone()));
    let handle = Mover::new(sink, node.deps(1)).unwrap().spawn().unwrap();
    let error = handle.ended().await.unwrap_err();
    assert!(matches!(error, Error::Fatal { .. }));
    assert_eq!(error.to_string(), "sink kafka gave up: this would harm");
    assert_eq!(handle.status().borrow().state, State::Failed);
    assert_eq!(node.cursors.load(NAME).unwrap(), Some(0));

    let (sink, _strings) = script(|_| panic!("a bug in a sink (part of the test)"));
    let handle = Mover::new(sink, node.deps(1)).unwrap().spawn().unwrap();
    let error = handle.ended().await.unwrap_err();
    assert!(matches!(error, Error::Panicked { .. }), "{error}");
    assert!(handle.drain(5, DEADLINE).await.is_err());
}

#[tokio::test]
async fn a_sink_that_cannot_be_reached_is_seen_and_a_stop_does_not_wait_for_it() {
    let node = node();
    append(&node, 30);
    let (sink, strings) = script(|_| Verdict::done());
    let gone = Trouble::new(Code::Unreachable, "nobody at 127.0.0.1:9092");
    strings.broken.send_replace(Some(gone));
    let handle = Mover::new(sink, node.deps(1)).unwrap().spawn().unwrap();
    let status = until(&handle, "retrying", |status| {
        let tries = status.trouble.as_ref().map_or(0, |last| last.attempts);
        tries >= 3 && status.lag_seconds > 0.0
    })
    .await;
    assert_eq!((status.state, status.lag_records), (State::Retrying, 30));
    let trouble = status.trouble.unwrap();
    assert_eq!(trouble.code, Code::Unreachable);
    assert!(trouble.message.contains("127.0.0.1:9092"));
    assert!(status.held_ratio > 0.0 && status.held_ratio < 0.01);
    // There again: it goes on by itself, and the words stay.
    strings.broken.send_replace(None);
    let status = until(&handle, "delivered", |status| status.position == 30).await;
    assert_eq!(status.state, State::Running);
    assert!(status.trouble.is_some());
    // Away again: what is not delivered stays in the journal.
    strings.stall.send_replace(Some(Trouble::new(
        Code::Leaderless,
        "partition 3 of ioc.events.v1 has no leader",
    )));
    let status = until(&handle, "stalled", |status| status.state == State::Retrying).await;
    assert_eq!(status.trouble.unwrap().code, Code::Leaderless);
    append(&node, 10);
    let limit = Duration::from_secs(3600);
    let ended = tokio::time::timeout(DEADLINE, handle.drain(40, limit)).await;
    assert!(ended.unwrap().unwrap().position >= 30);
    assert!(*strings.closed.borrow());
}

#[tokio::test]
async fn a_handle_that_is_dropped_ends_it() {
    let node = node();
    let (sink, mut strings) = script(|_| Verdict::done());
    let handle = Mover::new(sink, node.deps(1)).unwrap().spawn().unwrap();
    let ended = handle.ended();
    drop(handle);
    tokio::time::timeout(DEADLINE, ended)
        .await
        .unwrap()
        .unwrap();
    assert!(strings.closed.wait_for(|closed| *closed).await.is_ok());
}

/// A journal of four segments, and a sink with `on_full = hold` that takes nothing.
#[tokio::test]
async fn hold_stops_the_journal_and_not_the_records() {
    let node = Node::start(SimStorage::new(1), 16 * 1024);
    let (open, gate) = watch::channel(false);
    let (mut sink, _strings) = script(move |_| {
        if *gate.borrow() {
            return Verdict::done();
        }
        Verdict::Retry {
            trouble: Trouble::new(Code::Unavailable, "not yet"),
            after: None,
        }
    });
    sink.limits.on_full = OnFull::Hold;
    let handle = Mover::new(sink, node.deps(1)).unwrap().spawn().unwrap();
    let producer = {
        let outcomes = node.outcomes.clone();
        std::thread::spawn(move || {
            for _ in 0..400 {
                outcomes.retain_behind(outcomes.next_offset());
                let mut batch = journal::Batch::new();
                batch.push(1, |out| out.extend_from_slice(&[0; 100]));
                let appender = outcomes.appender();
                let ticket = appender.append_blocking(journal::Class::System, batch);
                ticket.unwrap().wait().unwrap();
            }
        })
    };
    let mut state = node.outcomes.state();
    let full = state.wait_for(|state| matches!(state, JournalState::Full { .. }));
    tokio::time::timeout(DEADLINE, full).await.unwrap().unwrap();
    let status = until(&handle, "most of the bound is held", |status| {
        status.held_ratio > 0.7
    })
    .await;
    assert_eq!(status.position, 0);
    assert_eq!(node.outcomes.first_offset(), 0);
    open.send_replace(true);
    let status = until(&handle, "all delivered", |status| status.position == 400).await;
    tokio::task::spawn_blocking(|| producer.join().unwrap())
        .await
        .unwrap();
    assert_eq!(status.gaps, []);
    assert_eq!(node.reports().gaps, []);
    assert!(node.outcomes.first_offset() > 0);
    handle.drain(400, DEADLINE).await.unwrap();
}

/// Whatever is wrong with the cursor: records come again, none is skipped, and the words are there.
#[test]
fn a_cursor_that_cannot_be_trusted_sends_again() {
    let node = node();
    append(&node, 20);
    let start = |node: &Node| {
        let (sink, _strings) = script(|_| Verdict::done());
        let mover = Mover::new(sink, node.deps(1)).unwrap();
        let status = mover.status().borrow().clone();
        (status.position, status.trouble.map(|last| last.message))
    };
    assert_eq!(start(&node), (0, None));
    assert_eq!(
        node.cursors.load(NAME).unwrap(),
        Some(0),
        "a first start is remembered"
    );
    let path = format!("cursors/{NAME}");
    node.cursors.store(NAME, 7).unwrap();
    assert_eq!(start(&node), (7, None));

    let mut bytes = node.storage.content(&path).unwrap();
    bytes[9] ^= 1;
    node.storage.damage(&path, bytes);
    let (position, message) = start(&node);
    assert_eq!(position, 0);
    let message = message.unwrap();
    assert!(
        message.contains("damaged") && message.contains("sent again"),
        "{message}"
    );
    assert_eq!(start(&node), (0, None), "it is put right at once");

    node.cursors.store_with_note(NAME, 7, &[9; 20]).unwrap();
    let (position, message) = start(&node);
    assert_eq!(position, 0);
    assert!(message.unwrap().contains("another journal"));

    node.cursors.store(NAME, 21).unwrap();
    let (position, message) = start(&node);
    assert_eq!(position, 20);
    assert!(message.unwrap().contains("end at 20"));
}

fn buffers(count: u64) -> impl Iterator<Item = RecordBuffer> {
    let stamp = journal::Stamp {
        journal_ns: 0,
        wall_ns: 0,
    };
    (0..count).map(move |buffer| RecordBuffer {
        records: (buffer * 10..buffer * 10 + 10)
            .map(|offset| Record {
                offset,
                kind: 1,
                version: 1,
                stamp,
                payload: vec![0; 10],
            })
            .collect(),
    })
}

const PATIENCE: RefillOptions = RefillOptions {
    attempts_max: 4,
    seed: 1,
};

#[tokio::test]
async fn a_refill_delivers_all_but_what_is_refused() {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let (mut calls, sink_taken) = (0, Arc::clone(&taken));
    let (sink, strings) = script(move |batch| {
        calls += 1;
        if calls % 7 == 0 {
            return Verdict::Retry {
                trouble: Trouble::new(Code::RateLimited, "slower"),
                after: None,
            };
        }
        let offsets: Vec<u64> = batch.frames().map(|frame| frame.offset).collect();
        if offsets.contains(&23) {
            return Verdict::Split(Trouble::new(Code::BadRecord, "one of these"));
        }
        if offsets.contains(&45) {
            return Verdict::Without {
                refused: vec![Refused {
                    offset: 45,
                    reason: "this one".to_owned(),
                }],
            };
        }
        sink_taken.lock().unwrap().extend(offsets);
        Verdict::done()
    });
    let (mut refused, mut progress) = (Vec::new(), 0);
    let done = refill(
        sink,
        PATIENCE,
        buffers(7),
        |record| refused.push(record.offset),
        |_| progress += 1,
    )
    .await
    .unwrap();
    assert_eq!(refused, [23, 45]);
    assert_eq!(
        (done.written, done.refused, done.position, progress),
        (68, 2, 70, 7)
    );
    let mut all = taken.lock().unwrap().clone();
    all.sort_unstable();
    all.dedup();
    let expected: Vec<u64> = (0..70).filter(|at| ![23, 45].contains(at)).collect();
    assert_eq!(all, expected);
    assert!(*strings.closed.borrow());
}

#[tokio::test]
async fn a_refill_gives_up_and_says_where() {
    let (sink, strings) = script(|batch| {
        if batch.from() < 20 {
            return Verdict::done();
        }
        Verdict::Retry {
            trouble: Trouble::new(Code::Unavailable, "it is away"),
            after: None,
        }
    });
    let error = refill(sink, PATIENCE, buffers(5), |_| {}, |_| {})
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "refill of kafka stopped at offset 20: it is away"
    );
    assert_eq!(error.done.written, 20);
    assert!(*strings.closed.borrow());
}
