use journal::inputs::{FrontDoor, Kind, Message, Opening, Release, Session, SessionChange, Will};

use super::{Held, SessionTable, find_held, insert_held, remove_held};
use crate::Close;

struct Fold {
    table: SessionTable,
    now_ns: i64,
}

impl Fold {
    fn new() -> Self {
        Self {
            table: SessionTable::default(),
            now_ns: 0,
        }
    }

    /// Through the bytes, as a restart reads them.
    fn apply(&mut self, kind: Kind, encode: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = Vec::new();
        encode(&mut bytes);
        self.now_ns += 1;
        self.table
            .apply(kind.into(), journal::inputs::VERSION, &bytes, self.now_ns)
            .expect("record");
    }

    fn session(&mut self, session: u64, connection: u64, change: SessionChange<'_>) {
        let record = Session {
            client_id: "a",
            session,
            connection,
            change,
        };
        self.apply(Kind::Session, |out| record.encode(out));
    }

    fn open(&mut self, session: u64, connection: u64, present: bool, expiry: u32, will: bool) {
        let will = will.then_some(Will {
            topic: "w",
            qos: 1,
            retain: false,
            delay_seconds: 5,
            properties: &[],
            payload: b"gone",
        });
        let opening = Opening {
            principal: "p",
            peer: "127.0.0.1:1",
            protocol: 5,
            clean_start: !present,
            present,
            assigned_id: false,
            expiry_seconds: expiry,
            keep_alive_seconds: 0,
            will,
        };
        self.session(session, connection, SessionChange::Opened(opening));
    }

    fn close(&mut self, session: u64, connection: u64, reason: Close, expiry: u32, will: bool) {
        let change = SessionChange::Closed {
            reason: reason.code(),
            expiry_seconds: expiry,
            will_pending: will,
        };
        self.session(session, connection, change);
    }

    fn message(&mut self, session: u64, connection: u64, qos: u8, packet_id: u16, will: bool) {
        let message = Message {
            front_door: FrontDoor::Listener,
            protocol: 5,
            principal: "p",
            peer: "127.0.0.1:1",
            client_id: "a",
            session,
            connection,
            packet_id,
            qos,
            dup: false,
            retain: false,
            will,
            oversize: None,
            properties: &[],
            topic: "t",
            payload: b"x",
        };
        self.apply(Kind::Message, |out| message.encode(out));
    }

    fn release(&mut self, session: u64, connection: u64, packet_id: u16) {
        let record = Release {
            client_id: "a",
            session,
            connection,
            packet_id,
        };
        self.apply(Kind::Release, |out| record.encode(out));
    }

    fn held(&self) -> Vec<u16> {
        let entry = self.table.get("a");
        entry.map_or_else(Vec::new, |entry| {
            entry.qos2.iter().map(|held| held.0).collect()
        })
    }
}

#[test]
fn qos2_identifiers_are_messages_less_releases() {
    let mut fold = Fold::new();
    fold.open(1, 1, false, 100, false);
    for id in [5, 3, 9, 3] {
        fold.message(1, 1, 2, id, false);
    }
    fold.message(1, 1, 1, 7, false);
    assert_eq!(fold.held(), [3, 5, 9]);
    fold.release(1, 1, 5);
    fold.release(1, 1, 6);
    assert_eq!(fold.held(), [3, 9]);
    // Resumed: kept. Begun anew: gone. Late records of the old session: ignored.
    fold.open(1, 2, true, 100, false);
    assert_eq!(fold.held(), [3, 9]);
    fold.open(2, 3, false, 100, false);
    fold.message(1, 2, 2, 4, false);
    assert_eq!(fold.held(), [0_u16; 0]);
}

#[test]
fn a_session_ends_with_its_connection_when_it_has_no_expiry() {
    let mut fold = Fold::new();
    fold.open(1, 1, false, 0, false);
    fold.close(1, 1, Close::Disconnected, 0, false);
    assert!(fold.table.is_empty());
    fold.open(2, 2, false, 50, false);
    fold.close(2, 2, Close::Disconnected, 50, false);
    assert_eq!(
        fold.table.get("a").map(|entry| entry.expiry_seconds),
        Some(50)
    );
    fold.session(2, 2, SessionChange::Expired);
    assert!(fold.table.is_empty());
}

#[test]
fn a_late_end_of_an_older_connection_changes_nothing() {
    let mut fold = Fold::new();
    fold.open(1, 1, false, 50, true);
    fold.open(1, 2, true, 50, true);
    let before = fold.table.clone();
    fold.close(1, 1, Close::TakenOver, 0, false);
    // The will of the old connection, published late, is not the will of the new one.
    fold.message(1, 1, 1, 0, true);
    assert_eq!(fold.table, before);
}

#[test]
fn a_will_stays_until_it_is_published_discarded_or_replaced() {
    let mut fold = Fold::new();
    fold.open(1, 1, false, 0, true);
    // Our own stop: kept for the next start though the session is over.
    fold.close(1, 1, Close::ServerStopping, 0, true);
    let entry = fold.table.get("a").expect("kept");
    assert!(entry.will.is_some() && entry.link_was_ours());
    fold.message(1, 1, 1, 0, true);
    assert!(fold.table.is_empty());
    fold.open(2, 2, false, 10, true);
    fold.close(2, 2, Close::Lost, 10, true);
    assert!(!fold.table.get("a").expect("kept").link_was_ours());
    fold.open(2, 3, true, 10, false);
    assert!(fold.table.get("a").expect("kept").will.is_none());
}

#[test]
fn numbers_are_never_given_out_twice() {
    let mut fold = Fold::new();
    assert_eq!(fold.table.clone().into_parts().0, 1);
    fold.open(7, 12, false, 0, false);
    fold.close(7, 12, Close::Lost, 0, false);
    let (session, connection, left) = fold.table.into_parts();
    assert_eq!((session, connection, left.len()), (8, 13, 0));
}

#[test]
fn serialises_the_same_whatever_the_order_of_clients() {
    let table = |ids: &[&str]| {
        let mut table = SessionTable::default();
        for id in ids {
            let number = id.len() as u64;
            let change = SessionChange::Opened(Opening {
                principal: "p",
                peer: "x",
                protocol: 4,
                clean_start: true,
                present: false,
                assigned_id: false,
                expiry_seconds: 1,
                keep_alive_seconds: 0,
                will: None,
            });
            let record = Session {
                client_id: id,
                session: number,
                connection: number,
                change,
            };
            table.session(&record, 5);
        }
        table
    };
    let (one, two) = (table(&["a", "bb", "ccc"]), table(&["ccc", "a", "bb"]));
    let bytes = serde_json::to_string(&one).expect("json");
    assert_eq!(bytes, serde_json::to_string(&two).expect("json"));
    assert_eq!(
        serde_json::from_str::<SessionTable>(&bytes).expect("json"),
        one
    );
}

#[test]
fn held_identifiers_stay_sorted_and_single() {
    let held = |id| Held {
        id,
        disaster: id == 9,
        here: false,
        print: u64::from(id),
    };
    let mut list = Vec::new();
    for id in [4, 9, 2, 9, 4, 1] {
        insert_held(&mut list, held(id));
    }
    assert_eq!(
        list.iter().map(|held| held.id).collect::<Vec<_>>(),
        [1, 2, 4, 9]
    );
    assert_eq!(find_held(&mut list, 4).copied(), Some(held(4)));
    assert_eq!(find_held(&mut list, 3), None);
    assert_eq!(find_held(&mut list, 10), None);
    assert_eq!(remove_held(&mut list, 9), Some(held(9)));
    assert_eq!(remove_held(&mut list, 9), None);
}

#[test]
fn the_session_at_a_broker_is_the_last_messages_and_no_publishers() {
    let mut fold = Fold::new();
    fold.open(1, 1, false, 100, false);
    let mut message = Message {
        front_door: FrontDoor::Client,
        protocol: 4,
        principal: "",
        peer: "broker:1883",
        client_id: "ioc-1",
        session: 7,
        connection: 8,
        packet_id: 1,
        qos: 1,
        dup: false,
        retain: false,
        will: false,
        oversize: None,
        properties: &[],
        topic: "t",
        payload: b"x",
    };
    for session in [7, 7, 9] {
        message.session = session;
        fold.apply(Kind::Message, |out| message.encode(out));
    }
    let known = fold.table.broker_sessions();
    assert_eq!(
        known.into_iter().collect::<Vec<_>>(),
        [("ioc-1".to_owned(), 9)]
    );
    assert_eq!(fold.table.len(), 1);
    // Bounded, whatever names configurations give: the oldest goes.
    for n in 0..1_000_u64 {
        let name = format!("node-{n}");
        let message = Message {
            client_id: &name,
            session: 100 + n,
            ..message
        };
        fold.apply(Kind::Message, |out| message.encode(out));
    }
    let known = fold.table.broker_sessions();
    assert_eq!(known.len(), 256);
    assert!(known.contains_key("node-999") && !known.contains_key("ioc-1"));
}
