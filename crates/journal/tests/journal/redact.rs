//! Redaction of a running journal: what readers see, what is left on disk, and that a full volume does not stop it.

use std::sync::Arc;

use journal::inputs::{FrontDoor, Kind, Message, Redaction};
use journal::storage::sim::SimStorage;
use journal::{
    Batch, Class, Error, GapReason, Journal, JournalName, Overwritten, ReadOnly, Reader, State,
    Storage,
};

use super::{append, open, options, start, wait_until};

const SECRET: &[u8] = b"C7316529-Vang-A-Pao";

fn message(number: u64, content: &[u8]) -> Batch {
    let mut batch = Batch::new();
    batch.push(Kind::Message.into(), |out| {
        Message {
            front_door: FrontDoor::Listener,
            protocol: 5,
            principal: "hotel",
            peer: "10.0.0.7:50123",
            client_id: "sapa-12",
            session: 7,
            connection: number,
            packet_id: 41,
            qos: 1,
            dup: false,
            retain: false,
            will: false,
            oversize: None,
            properties: content,
            topic: "ioc/lao-cai/tourism/hotel/up",
            payload: content,
        }
        .encode(out);
    });
    batch
}

fn commit(journal: &Journal, class: Class, batch: Batch) -> u64 {
    let ticket = journal.appender().append_blocking(class, batch).unwrap();
    ticket.wait().unwrap().first_offset
}

fn name(journal: &Journal, offset: u64) {
    let mut batch = Batch::new();
    let record = Redaction {
        journal: JournalName::Inputs,
        offset,
        code: "personal_data",
        keys: vec!["passport", "ho_ten"],
        hash: [7; 32],
    };
    batch.push(Kind::Redaction.into(), |out| record.encode(out));
    commit(journal, Class::System, batch);
}

/// The message at the reader: its content, and whether it is said to be redacted.
fn content(reader: &mut Reader) -> (Vec<u8>, bool) {
    let batch = reader.next_blocking(None).unwrap().unwrap();
    let frame = batch.frames().next().unwrap();
    let message = Message::decode(frame.version, frame.payload).unwrap();
    assert_eq!((message.client_id, message.packet_id), ("sapa-12", 41));
    assert_eq!(message.properties, message.payload);
    (message.payload.to_vec(), frame.is_redacted())
}

fn files_with_secret(storage: &SimStorage) -> Vec<String> {
    let holds = |path: &String| {
        let content = storage.content(path).unwrap();
        content.windows(SECRET.len()).any(|bytes| bytes == SECRET)
    };
    storage.files().into_iter().filter(holds).collect()
}

#[test]
fn a_redacted_message_is_gone_from_memory_and_disk_and_keeps_its_form() {
    let storage = SimStorage::new(1);
    let mut options = options();
    // Everything is still in memory.
    options.memory_tail_bytes = 1024 * 1024;
    let journal = start(&storage, &options);
    commit(&journal, Class::Normal, message(1, b"a count of guests"));
    let secret = commit(&journal, Class::Normal, message(2, SECRET));
    commit(&journal, Class::Normal, message(3, b"another count"));
    let mut early = journal.reader(secret);
    assert_eq!(
        content(&mut journal.reader(secret)),
        (SECRET.to_vec(), false)
    );
    name(&journal, secret);
    assert_eq!(journal.redact(&[secret]).unwrap(), [Overwritten::Done]);
    let blank = (vec![0; SECRET.len()], true);
    assert_eq!(content(&mut early), blank);
    assert_eq!(content(&mut journal.reader(0)).0, b"a count of guests");
    assert_eq!(content(&mut journal.reader(secret + 1)).0, b"another count");
    assert_eq!(files_with_secret(&storage), [""; 0]);
    // Again: harmless.
    assert_eq!(journal.redact(&[secret]).unwrap(), [Overwritten::Done]);
    journal.close().unwrap();
    let opened = open(&storage, &options);
    assert!(opened.recovery().damaged.is_empty());
    assert_eq!(content(&mut opened.reader(secret)), blank);
    let said = opened.redactions(0).unwrap();
    let said = said.get(JournalName::Inputs, secret).unwrap();
    assert_eq!((said.code.as_str(), said.keys.len()), ("personal_data", 2));
}

/// Segments of 4 KiB, nothing in memory: frames of several segments in one call, in any order, with a lagging reader.
#[test]
fn frames_of_many_segments_are_redacted_at_once() {
    let storage = SimStorage::new(2);
    let mut options = options();
    options.memory_tail_bytes = 0;
    let journal = start(&storage, &options);
    let offsets: Vec<u64> = (0..300)
        .map(|number| {
            let secret = number % 7 == 3;
            let content = if secret {
                SECRET
            } else {
                b"a count of 19 guests"
            };
            commit(&journal, Class::Normal, message(number, content))
        })
        .collect();
    assert!(journal.stats().segments > 5);
    let mut victims: Vec<u64> = offsets.iter().copied().filter(|at| at % 7 == 3).collect();
    victims.reverse();
    victims.iter().for_each(|offset| name(&journal, *offset));
    let mut lagging = journal.reader(0);
    lagging.next_blocking(None).unwrap();
    let answers = journal.redact(&victims).unwrap();
    assert!(answers.iter().all(|answer| *answer == Overwritten::Done));
    assert_eq!(files_with_secret(&storage), [""; 0]);
    while lagging.position() < offsets.len() as u64 {
        let batch = lagging.next_blocking(None).unwrap().unwrap();
        assert_eq!(batch.gap(), None);
        for frame in batch.frames().filter(|frame| frame.kind == 1) {
            assert_eq!(frame.is_redacted(), frame.offset % 7 == 3);
        }
    }
    journal.close().unwrap();
    let looker: Arc<dyn Storage> = Arc::new(storage.clone());
    let looker = ReadOnly::open(looker, JournalName::Inputs).unwrap();
    let report = looker.verify().unwrap();
    assert_eq!((report.damaged_records(), report.redacted), (0, 43));
}

#[test]
fn what_retention_took_is_gone_and_what_is_to_come_is_refused() {
    let storage = SimStorage::new(3);
    let mut options = options();
    options.bytes_max = 4 * options.segment_bytes;
    let journal = start(&storage, &options);
    for number in 0..200 {
        append(&journal, Class::Normal, number..number + 1);
        journal.retain_behind(journal.next_offset());
    }
    assert!(journal.first_offset() > 0);
    assert_eq!(journal.redact(&[0]).unwrap(), [Overwritten::Gone]);
    let next = journal.next_offset();
    assert!(matches!(
        journal.redact(&[next]),
        Err(Error::Position { .. })
    ));
}

/// Ingest has stopped for want of room; the record of a redaction has the reserve, and the overwriting needs none.
#[test]
fn a_full_journal_still_forgets() {
    let storage = SimStorage::new(4);
    let journal = start(&storage, &options());
    let secret = commit(&journal, Class::Normal, message(1, SECRET));
    storage.set_capacity(Some(storage.used()));
    wait_until("the journal is full", || {
        let _ = journal
            .appender()
            .try_append(Class::Normal, message(2, &[b'x'; 500]));
        matches!(*journal.state().borrow(), State::Full { .. })
    });
    name(&journal, secret);
    assert_eq!(journal.redact(&[secret]).unwrap(), [Overwritten::Done]);
    assert_eq!(files_with_secret(&storage), [""; 0]);
    assert!(matches!(*journal.state().borrow(), State::Full { .. }));
}

/// The bytes of a damaged record were copied for whoever wants to look: the copy goes with the record.
#[test]
fn a_copy_of_damage_that_holds_the_record_is_removed() {
    let storage = SimStorage::new(5);
    let options = options();
    let journal = start(&storage, &options);
    append(&journal, Class::Normal, 0..3);
    let secret = commit(&journal, Class::Normal, message(1, SECRET));
    append(&journal, Class::Normal, 4..8);
    journal.close().unwrap();
    let path = "inputs/00000000000000000000.seg";
    let mut bytes = storage.content(path).unwrap();
    let at = bytes.windows(SECRET.len()).rposition(|part| part == SECRET);
    bytes[at.unwrap() - 2] ^= 1;
    storage.damage(path, bytes);
    let journal = start(&storage, &options);
    assert_eq!(
        files_with_secret(&storage).len(),
        2,
        "{:?}",
        storage.files()
    );
    let gap = journal.reader(secret).next_blocking(None).unwrap().unwrap();
    assert_eq!(gap.gap().unwrap().reason, GapReason::Damage);
    name(&journal, secret);
    assert_eq!(journal.redact(&[secret]).unwrap(), [Overwritten::Done]);
    assert_eq!(files_with_secret(&storage), [""; 0]);
    assert!(content(&mut journal.reader(secret)).1);
    journal.close().unwrap();
    assert!(open(&storage, &options).recovery().damaged.is_empty());
}

/// A failed sync is final here too.
#[test]
fn a_redaction_whose_sync_fails_poisons_the_journal() {
    let storage = SimStorage::new(6);
    let journal = start(&storage, &options());
    let secret = commit(&journal, Class::Normal, message(1, SECRET));
    name(&journal, secret);
    // Open, read, write, then the sync; earlier steps fail without harm.
    let poisoned = (0..10).any(|step| {
        storage.fail(step, journal::storage::sim::Fault::Io);
        matches!(journal.redact(&[secret]), Err(Error::Poisoned { .. }))
    });
    assert!(poisoned);
    assert!(matches!(*journal.state().borrow(), State::Poisoned { .. }));
    let refused = journal
        .appender()
        .append_blocking(Class::System, message(2, b"x"));
    assert!(matches!(refused, Err(Error::Poisoned { .. })));
    assert!(matches!(
        journal.reader(journal.next_offset()).next_blocking(None),
        Err(Error::Poisoned { .. })
    ));
}
