use pipeline::Code;
use rdkafka::error::RDKafkaErrorCode;

use super::*;

struct Batches {
    flight: Flight,
    vector: Arc<Mutex<Vector>>,
}

impl Batches {
    fn new() -> Self {
        let mut vector = Vector::default();
        vector.open(0);
        for topic in Topic::ALL {
            vector.fit(topic, topic.label(), 4);
        }
        let vector = Arc::new(Mutex::new(vector));
        Self {
            flight: Flight::new(Arc::clone(&vector)),
            vector,
        }
    }

    /// A batch of as many events; the receiver of its answer and its serial.
    fn send(&mut self, from: u64, records: u32) -> (u32, oneshot::Receiver<Verdict>) {
        let (reply, answer) = oneshot::channel();
        let serial = self.flight.begin(from, from + u64::from(records), reply);
        for _ in 0..records {
            self.flight.sent();
        }
        self.flight.seal();
        (serial, answer)
    }

    fn report(
        &mut self,
        (batch, record): (u32, u32),
        partition: i32,
        error: Option<RDKafkaErrorCode>,
    ) {
        let token = Token {
            batch,
            record,
            topic: Topic::Events,
        };
        self.flight.settle(&[Report {
            token: token.pack(),
            partition,
            offset: 0,
            error,
        }]);
    }

    fn has(&self, partition: usize, offset: u64) -> bool {
        lock(&self.vector).has(Topic::Events, partition, offset)
    }
}

#[test]
fn a_token_comes_back_as_it_was() {
    for topic in Topic::ALL {
        for (batch, record) in [(0, 0), (Token::BATCH_MASK, u32::MAX), (1, 2), (77_777, 1)] {
            let token = Token {
                batch,
                record,
                topic,
            };
            assert_eq!(Token::unpack(token.pack()), token);
        }
    }
}

#[test]
fn batches_are_answered_each_when_its_last_message_is_there() {
    let mut batches = Batches::new();
    let (first, mut first_answer) = batches.send(0, 2);
    let (second, mut second_answer) = batches.send(2, 1);
    batches.report((first, 0), 0, None);
    batches.report((second, 0), 1, None);
    assert!(matches!(second_answer.try_recv(), Ok(Verdict::Done { .. })));
    assert!(first_answer.try_recv().is_err());
    assert_eq!(batches.flight.unfinished(), 1);
    batches.report((first, 1), 2, None);
    assert!(matches!(first_answer.try_recv(), Ok(Verdict::Done { .. })));
    assert!(batches.flight.is_empty());
    let (third, mut third_answer) = batches.send(3, 1);
    batches.report((third, 0), 0, None);
    assert!(matches!(third_answer.try_recv(), Ok(Verdict::Done { .. })));
}

#[test]
fn a_batch_without_messages_is_answered_at_once() {
    let mut batches = Batches::new();
    let (_, mut answer) = batches.send(0, 0);
    assert!(matches!(answer.try_recv(), Ok(Verdict::Done { .. })));
}

/// The first that failed comes again; what came behind it must not be taken for delivered before it.
#[test]
fn behind_a_failure_nothing_of_that_partition_counts() {
    let mut batches = Batches::new();
    let (first, mut answer) = batches.send(0, 4);
    batches.report((first, 0), 0, None);
    batches.report((first, 1), 0, Some(RDKafkaErrorCode::UnknownTopic));
    batches.report((first, 2), 0, None);
    batches.report((first, 3), 1, None);
    assert!(batches.has(0, 0));
    assert!(!batches.has(0, 1) && !batches.has(0, 2));
    assert!(batches.has(1, 3));
    assert!(
        answer.try_recv().is_err(),
        "not before the producer is given up"
    );
    let trouble = Trouble::new(Code::NotFound, "gone");
    batches.flight.fail(&trouble, &[]);
    assert!(matches!(answer.try_recv(), Ok(Verdict::Retry { .. })));
}

#[test]
fn a_culprit_is_named_alone_and_the_others_are_to_come_again() {
    let mut batches = Batches::new();
    let (_, mut first) = batches.send(0, 2);
    let (_, mut second) = batches.send(2, 2);
    let trouble = Trouble::new(Code::TooLarge, "too large");
    batches
        .flight
        .fail(&trouble, &[(3, "too large".to_owned())]);
    assert!(matches!(first.try_recv(), Ok(Verdict::Retry { .. })));
    let Ok(Verdict::Without { refused }) = second.try_recv() else {
        panic!("not told apart");
    };
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].offset, 3);
    assert!(!batches.has(0, 3));
}
