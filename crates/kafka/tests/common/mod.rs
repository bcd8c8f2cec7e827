//! A mock cluster, records of `outcomes`, a small mover, and a reader that is not the sink.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use event::outcome::{self, Cause, OutcomeKind};
use event::{
    Event, EventFlags, EventId, JournalId, Kind, Measured, Quality, Status, Stream, Time, Value,
};
use journal::Stamp;
use kafka::{KafkaConfig, KafkaSink};
use pipeline::{Batch, Completion, Record, RecordBuffer, Refused, Resume, Sink, Trouble, Verdict};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

pub(crate) const JOURNAL: JournalId = JournalId([0x11; 16]);
pub(crate) const EVENTS: &str = "ioc.events.v1";
pub(crate) const ALERTS: &str = "ioc.alerts.v1";
pub(crate) const CURRENT: &str = "ioc.alerts.current.v1";
pub(crate) const REJECTS: &str = "ioc.rejects.v1";
pub(crate) const PARTITIONS: i32 = 4;
/// Nothing in these tests takes so long unless it is broken.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

pub(crate) type Mock = MockCluster<'static, DefaultProducerContext>;

pub(crate) fn cluster(brokers: i32) -> Mock {
    let mock = MockCluster::new(brokers).expect("a mock cluster");
    for topic in [EVENTS, ALERTS, CURRENT, REJECTS] {
        mock.create_topic(topic, PARTITIONS, brokers.min(3))
            .expect("a topic");
    }
    mock
}

pub(crate) fn config(mock: &Mock) -> KafkaConfig {
    let config = KafkaConfig {
        brokers: mock.bootstrap_servers(),
        create_topics: false,
        unreachable_after_ms: 300,
        statistics_interval_ms: 100,
        open_timeout_ms: 5_000,
        ..KafkaConfig::default()
    };
    assert_eq!(config.validate(), []);
    config
}

pub(crate) fn entity(number: u64) -> String {
    format!("entity-{}", number % 12)
}

pub(crate) fn event(number: u64) -> Event {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    Event {
        id: EventId(id),
        kind: Kind::Reading,
        stream: Stream::Environment,
        status: Status::Actual,
        site: "lao-cai".into(),
        entity: entity(number).into(),
        device: entity(number).into(),
        observed: Time(1_763_800_000_000_000_000 + number as i64),
        observed_until: None,
        valid_from: None,
        valid_to: None,
        received: Time(1_763_800_000_000_000_000),
        processed: Time(1_763_800_000_000_000_000),
        sequence: None,
        place: None,
        flags: EventFlags::default(),
        values: vec![Measured {
            measure: "pm25".into(),
            value: Value::Number(number as f64 / 10.0),
            unit: "ug/m3".into(),
            quality: Quality::GOOD,
        }],
    }
}

pub(crate) fn record(offset: u64, kind: OutcomeKind, payload: Vec<u8>) -> Record {
    Record {
        offset,
        kind: kind as u8,
        version: outcome::VERSION,
        stamp: Stamp {
            journal_ns: 1,
            wall_ns: 1_763_800_000_000_000_000,
        },
        payload,
    }
}

pub(crate) fn event_record(offset: u64) -> Record {
    event_record_of(offset, &event(offset))
}

pub(crate) fn event_record_of(offset: u64, event: &Event) -> Record {
    let mut payload = Vec::new();
    outcome::encode_event(cause(offset), event, &mut payload);
    record(offset, OutcomeKind::Event, payload)
}

pub(crate) fn cause(offset: u64) -> Cause {
    Cause {
        offset: offset + 1_000,
        index: 0,
        last: true,
    }
}

pub(crate) fn events(count: u64) -> Vec<Record> {
    (0..count).map(event_record).collect()
}

/// Does to a sink what the mover does, as far as these tests need it.
pub(crate) struct Mover {
    pub(crate) sink: KafkaSink,
    records: Vec<Record>,
    batch: usize,
    inflight: usize,
    next: usize,
    finished: usize,
    flights: VecDeque<(usize, usize, Completion)>,
    pub(crate) refused: Vec<Refused>,
    pub(crate) troubles: Vec<Trouble>,
    opened: bool,
}

impl Mover {
    pub(crate) fn new(config: KafkaConfig, records: Vec<Record>) -> Self {
        Self::of(KafkaSink::new(config, JOURNAL), records)
    }

    pub(crate) fn of(sink: KafkaSink, records: Vec<Record>) -> Self {
        Self {
            sink,
            records,
            batch: 25,
            inflight: 8,
            next: 0,
            finished: 0,
            flights: VecDeque::new(),
            refused: Vec::new(),
            troubles: Vec::new(),
            opened: false,
        }
    }

    pub(crate) async fn open(&mut self, note: &[u8]) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let resume = Resume {
                position: self.offset(self.finished),
                note,
                again: self.opened,
            };
            match self.sink.open(resume).await {
                Ok(()) => break,
                Err(trouble) => self.troubles.push(trouble),
            }
            assert!(Instant::now() < deadline, "{:?}", self.troubles);
        }
        self.opened = true;
    }

    fn offset(&self, at: usize) -> u64 {
        self.records.get(at).map_or_else(
            || self.records.last().map_or(0, |last| last.offset + 1),
            |record| record.offset,
        )
    }

    /// Submits as much as may be in flight.
    pub(crate) async fn submit_all(&mut self) {
        while self.flights.len() < self.inflight && self.next < self.records.len() {
            let to = (self.next + self.batch).min(self.records.len());
            let records: Vec<Record> = self.records[self.next..to]
                .iter()
                .filter(|record| self.refused.iter().all(|gone| gone.offset != record.offset))
                .cloned()
                .collect();
            let completion = self
                .sink
                .submit(Batch::of_records(RecordBuffer { records }))
                .await;
            self.flights.push_back((self.next, to, completion));
            self.next = to;
        }
    }

    /// Until everything is finished, over as many retries as it takes.
    pub(crate) async fn finish(&mut self) {
        tokio::time::timeout(LIMIT, async {
            while self.finished < self.records.len() {
                self.submit_all().await;
                self.step().await;
            }
        })
        .await
        .expect("everything is delivered in time");
    }

    async fn step(&mut self) {
        let Some((from, to, completion)) = self.flights.pop_front() else {
            return;
        };
        match completion.await {
            Verdict::Done { refused } => {
                self.refused.extend(refused);
                self.finished = to;
                return;
            }
            Verdict::Without { refused } => self.refused.extend(refused),
            Verdict::Retry { trouble, .. } => self.troubles.push(trouble),
            other @ (Verdict::Split(_) | Verdict::Fatal(_)) => panic!("{other:?}"),
        }
        // The others may end well; what comes after the first unfinished is submitted again all the same.
        while let Some((_, _, completion)) = self.flights.pop_front() {
            match completion.await {
                Verdict::Without { refused } => self.refused.extend(refused),
                Verdict::Retry { trouble, .. } => self.troubles.push(trouble),
                Verdict::Done { .. } | Verdict::Split(_) | Verdict::Fatal(_) => {}
            }
        }
        self.next = from;
        self.open(&[]).await;
    }

    /// Every batch in flight is answered with `Done`.
    pub(crate) async fn all_done(&mut self) {
        while let Some((_, to, completion)) = self.flights.pop_front() {
            let verdict = tokio::time::timeout(LIMIT, completion)
                .await
                .expect("answered in time");
            assert!(
                matches!(&verdict, Verdict::Done { refused } if refused.is_empty()),
                "{verdict:?}"
            );
            self.finished = to;
        }
    }

    pub(crate) fn forget_flights(&mut self) {
        self.flights.clear();
    }
}

/// A message as a reader sees it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Read {
    pub(crate) partition: i32,
    pub(crate) key: Option<String>,
    pub(crate) value: Vec<u8>,
    pub(crate) headers: BTreeMap<String, String>,
}

impl Read {
    /// Offset in `outcomes`.
    pub(crate) fn sequence(&self) -> u64 {
        self.headers["ce_sequence"].parse().expect("a number")
    }
}

/// Everything in the topic.
pub(crate) fn read(config: &KafkaConfig, topic: &str) -> Vec<Read> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &config.brokers)
        .set("group.id", "reader")
        .set("enable.auto.commit", "false")
        .create()
        .expect("a consumer");
    let mut left = 0;
    let mut places = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        let (low, high) = consumer
            .fetch_watermarks(topic, partition, Duration::from_secs(10))
            .expect("watermarks");
        left += high - low;
        places
            .add_partition_offset(topic, partition, Offset::Beginning)
            .expect("a partition");
    }
    consumer.assign(&places).expect("assigned");
    let deadline = Instant::now() + LIMIT;
    let mut all = Vec::new();
    while left > 0 {
        assert!(Instant::now() < deadline, "{left} messages are missing");
        let Some(message) = consumer.poll(Duration::from_millis(100)) else {
            continue;
        };
        let message = message.expect("a message");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let headers = message
            .headers()
            .into_iter()
            .flat_map(Headers::iter)
            .map(|header| {
                (
                    header.key.to_owned(),
                    text(header.value.unwrap_or_default()),
                )
            });
        all.push(Read {
            partition: message.partition(),
            key: message.key().map(text),
            value: message.payload().unwrap_or_default().to_vec(),
            headers: headers.collect(),
        });
        left -= 1;
    }
    all
}

/// Every record once or more, in order per partition; returns how many were repeated.
pub(crate) fn check_order(messages: &[Read], wanted: impl IntoIterator<Item = u64>) -> usize {
    let mut firsts: BTreeMap<u64, &Read> = BTreeMap::new();
    let mut lasts: BTreeMap<i32, u64> = BTreeMap::new();
    let mut repeats = 0;
    for message in messages {
        let sequence = message.sequence();
        if let Some(first) = firsts.get(&sequence) {
            assert_eq!(*first, message, "a repeat that is not equal");
            repeats += 1;
            continue;
        }
        firsts.insert(sequence, message);
        if let Some(last) = lasts.insert(message.partition, sequence) {
            assert!(last < sequence, "{last} came before {sequence}");
        }
    }
    assert_eq!(
        firsts.into_keys().collect::<Vec<_>>(),
        wanted.into_iter().collect::<Vec<_>>()
    );
    repeats
}

/// Waits for a condition, with a limit.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
