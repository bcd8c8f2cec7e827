//! Every mix of poison is found, and nothing else is.

use journal::Stamp;

use super::{Mend, Step};
use crate::{Batch, Code, Record, RecordBuffer, Refused, Trouble, Verdict};

fn batch(from: u64, records: u64) -> Batch {
    let stamp = Stamp {
        journal_ns: 0,
        wall_ns: 0,
    };
    let records = (from..from + records)
        .map(|offset| Record {
            offset,
            kind: 1,
            version: 1,
            stamp,
            payload: offset.to_le_bytes().to_vec(),
        })
        .collect();
    Batch::of_records(RecordBuffer { records })
}

fn offsets(batch: &Batch) -> Vec<u64> {
    batch.frames().map(|frame| frame.offset).collect()
}

/// Runs a mend to its end against `answer`; returns what was written, what was rejected and how many pieces it took.
fn run(mend: &mut Mend, mut answer: impl FnMut(&[u64]) -> Verdict) -> (Vec<u64>, Vec<u64>, usize) {
    let (mut written, mut rejected, mut pieces) = (Vec::new(), Vec::new(), 0);
    let whole = mend.piece().map(|piece| offsets(&piece)).unwrap();
    let mut given = whole;
    let mut verdict = answer(&given);
    loop {
        let Step::Go { reject, written: n } = mend.answered(verdict) else {
            panic!("no retry was answered");
        };
        let reject: Vec<u64> = reject.iter().map(|rejected| rejected.offset).collect();
        if n > 0 {
            let stored: Vec<u64> = given
                .iter()
                .copied()
                .filter(|offset| !reject.contains(offset))
                .collect();
            assert_eq!(stored.len() as u64, n);
            written.extend(stored);
        }
        rejected.extend(reject);
        let Some(piece) = mend.piece() else {
            return (written, rejected, pieces);
        };
        pieces += 1;
        given = offsets(&piece);
        assert!(!given.is_empty());
        assert!(given[0] >= mend.position());
        verdict = answer(&given);
    }
}

#[test]
fn splitting_finds_every_poison_and_loses_no_neighbour() {
    for records in 1..=9_u64 {
        for poison in 0..1_u64 << records {
            let bad = |offset: u64| poison >> (offset - 100) & 1 == 1;
            let mut mend = Mend::new(batch(100, records), []);
            let (written, rejected, pieces) = run(&mut mend, |given| {
                if given.iter().any(|offset| bad(*offset)) {
                    Verdict::Split(Trouble::new(Code::BadRecord, "no"))
                } else {
                    Verdict::done()
                }
            });
            let all = 100..100 + records;
            let (expected_bad, expected): (Vec<u64>, Vec<u64>) = all.partition(|at| bad(*at));
            assert_eq!(written, expected, "{records} {poison:b}");
            assert_eq!(rejected, expected_bad, "{records} {poison:b}");
            assert!(pieces as u64 <= 2 * records);
            assert_eq!(mend.position(), 100 + records);
        }
    }
}

#[test]
fn named_records_are_left_out_and_the_rest_comes_again() {
    let mut mend = Mend::new(batch(10, 6), [11]);
    let refusals = [13, 10, 11, 99].map(|offset| Refused {
        offset,
        reason: format!("line of {offset}"),
    });
    let mut answers = vec![
        Verdict::done(),
        Verdict::Without {
            refused: refusals.to_vec(),
        },
    ];
    let (written, rejected, _) = run(&mut mend, |_| answers.pop().unwrap());
    // Neither the one that was excluded before nor one that is not of this batch.
    assert_eq!(rejected, [10, 13]);
    assert_eq!(written, [12, 14, 15]);
}

#[test]
fn a_sink_that_refuses_without_saying_what_comes_to_an_end() {
    let mut mend = Mend::new(batch(0, 8), []);
    let refuse = |_: &[u64]| Verdict::Without {
        refused: Vec::new(),
    };
    let (written, rejected, pieces) = run(&mut mend, refuse);
    assert_eq!(written, []);
    assert_eq!(rejected, (0..8).collect::<Vec<_>>());
    assert!(pieces <= 16);
}

#[test]
fn a_retry_in_the_middle_says_how_far_it_is() {
    let mut mend = Mend::new(batch(0, 4), []);
    let split = Verdict::Split(Trouble::new(Code::TooLarge, "too large"));
    mend.answered(split);
    assert_eq!(mend.piece().map(|piece| offsets(&piece)), Some(vec![0, 1]));
    mend.answered(Verdict::done());
    assert_eq!(mend.piece().map(|piece| offsets(&piece)), Some(vec![2, 3]));
    let trouble = Trouble::new(Code::Unreachable, "gone");
    let step = mend.answered(Verdict::Retry {
        trouble: trouble.clone(),
        after: None,
    });
    assert_eq!(
        step,
        Step::Again {
            trouble,
            after: None
        }
    );
    assert_eq!(mend.position(), 2);
}
