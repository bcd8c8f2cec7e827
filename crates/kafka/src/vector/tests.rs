use super::*;

const JOURNAL: JournalId = JournalId([7; 16]);

fn vector() -> Vector {
    let mut vector = Vector::default();
    vector.open(0);
    for topic in Topic::ALL {
        vector.fit(topic, topic.label(), 3);
    }
    vector
}

fn again(vector: &Vector, position: u64) -> Vector {
    let mut read = Vector::from_note(&vector.note(JOURNAL), JOURNAL).expect("a note");
    read.open(position);
    for topic in Topic::ALL {
        read.fit(topic, topic.label(), 3);
    }
    read
}

#[test]
fn a_restart_skips_what_each_partition_has_and_nothing_else() {
    let mut before = vector();
    before.submitted(0, 100);
    before.delivered(Topic::Events, 0, 60, 10);
    before.delivered(Topic::Events, 1, 20, 5);
    before.answered(20);
    let after = again(&before, 20);
    assert!(after.has(Topic::Events, 0, 60) && after.has(Topic::Events, 0, 21));
    assert!(!after.has(Topic::Events, 0, 61));
    assert!(after.has(Topic::Events, 1, 20) && !after.has(Topic::Events, 1, 21));
    assert!(!after.has(Topic::Events, 2, 20));
    assert!(!after.has(Topic::Alerts, 0, 20));
}

#[test]
fn another_number_of_partitions_name_or_journal_voids_what_is_known() {
    let mut before = vector();
    before.delivered(Topic::Events, 0, 60, 10);
    before.delivered(Topic::Alerts, 0, 60, 10);
    let mut after = again(&before, 0);
    after.fit(Topic::Events, "events", 4);
    after.fit(Topic::Alerts, "alerts.v2", 3);
    assert!(!after.has(Topic::Events, 0, 60));
    assert!(!after.has(Topic::Alerts, 0, 60));
    assert!(Vector::from_note(&before.note(JOURNAL), JournalId([8; 16])).is_none());
    assert!(Vector::from_note(b"", JOURNAL).is_none());
    assert!(Vector::from_note(b"{\"version\":2}", JOURNAL).is_none());
}

#[test]
fn a_topic_made_anew_is_forgotten_alone() {
    let mut vector = vector();
    vector.delivered(Topic::Events, 0, 60, 10);
    vector.delivered(Topic::Rejects, 0, 60, 10);
    vector.forget(Topic::Events);
    assert!(!vector.has(Topic::Events, 0, 60));
    assert!(vector.has(Topic::Rejects, 0, 60));
}

#[test]
fn a_refused_record_is_never_taken_for_delivered() {
    let mut before = vector();
    before.submitted(0, 100);
    before.refused(30);
    before.delivered(Topic::Events, 0, 60, 10);
    let after = again(&before, 10);
    assert!(after.has(Topic::Events, 0, 29) && after.has(Topic::Events, 0, 31));
    assert!(!after.has(Topic::Events, 0, 30));
}

#[test]
fn more_refused_than_are_kept_costs_repeats_not_records() {
    let mut before = vector();
    before.submitted(0, 2_000);
    for offset in 0..1_000 {
        before.refused(offset);
    }
    before.delivered(Topic::Events, 0, 1_500, 10);
    let after = again(&before, 0);
    assert!((0..1_000).all(|offset| !after.has(Topic::Events, 0, offset)));
    assert!(after.has(Topic::Events, 0, 1_001));
}

/// Records lost at the disk bound and filled in again later lie below positions that went on without them.
#[test]
fn a_refilled_gap_is_delivered_whether_the_jump_came_at_an_opening_or_between_batches() {
    let mut running = vector();
    running.submitted(0, 100);
    running.delivered(Topic::Events, 0, 99, 99);
    running.answered(100);
    running.submitted(500, 600);
    running.delivered(Topic::Events, 0, 599, 199);
    assert!(!running.has(Topic::Events, 0, 300));
    assert!(running.has(Topic::Events, 0, 550));

    let mut before = vector();
    before.submitted(0, 1_000);
    before.delivered(Topic::Events, 0, 900, 900);
    before.answered(200);
    let mut after = again(&before, 800);
    after.submitted(800, 2_000);
    after.delivered(Topic::Events, 0, 1_999, 1_500);
    assert!(!after.has(Topic::Events, 0, 500), "was in the gap 200..800");
    let again_later = again(&after, 500);
    assert!(!again_later.has(Topic::Events, 0, 500));
    assert!(again_later.has(Topic::Events, 0, 850));
}

#[test]
fn a_refill_does_not_take_positions_back() {
    let mut vector = vector();
    vector.submitted(0, 100);
    vector.delivered(Topic::Events, 0, 99, 99);
    vector.submitted(10, 20);
    vector.delivered(Topic::Events, 0, 15, 120);
    assert_eq!(vector.positions(Topic::Events)[0].delivered, Some(99));
}

#[test]
fn a_note_stays_within_what_a_cursor_takes() {
    let mut vector = Vector::default();
    for topic in Topic::ALL {
        vector.fit(topic, topic.label(), 5_000);
    }
    vector.contiguous_from = 77;
    let note = vector.note(JOURNAL);
    assert!(note.len() <= 64 * 1024);
    let read = Vector::from_note(&note, JOURNAL).expect("a note");
    assert_eq!(read.contiguous_from, 77);
    assert_eq!(read.partitions(Topic::Events), 0);
}
