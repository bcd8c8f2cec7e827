//! The table itself.

use std::collections::BTreeMap;

use journal::inputs::{
    DecodeError, FrontDoor, Kind, Message, Opening, Release, Session, SessionChange,
};
use serde::{Deserialize, Serialize};

use crate::close::Close;

use super::held::print_of;

/// Every session that has not ended, by client identifier.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionTable {
    next_session: u64,
    next_connection: u64,
    sessions: BTreeMap<String, Remembered>,
    /// The numbers of our own sessions at an outside broker, by client id. Numbers grow with time.
    broker: BTreeMap<String, u64>,
}

/// The table as a snapshot of the first format holds it: before there were outside brokers.
#[derive(Deserialize)]
pub struct SessionTableV1 {
    next_session: u64,
    next_connection: u64,
    sessions: BTreeMap<String, Remembered>,
}

impl From<SessionTableV1> for SessionTable {
    fn from(old: SessionTableV1) -> Self {
        Self {
            next_session: old.next_session,
            next_connection: old.next_connection,
            sessions: old.sessions,
            broker: BTreeMap::new(),
        }
    }
}

/// Sessions at outside brokers that are remembered: more than one configuration has, and then some of older ones.
const BROKER_SESSIONS_MAX: usize = 256;

/// One session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Remembered {
    /// Its number, unique in the journal.
    pub session: u64,
    /// The connection that had it last.
    pub connection: u64,
    /// MQTT protocol level: 4 or 5.
    pub protocol: u8,
    /// Who it belongs to.
    pub principal: String,
    /// Where it last came from.
    pub peer: String,
    /// Seconds it outlives its connection; `u32::MAX` = never ends by itself. 0 here means that only
    /// the will is left.
    pub expiry_seconds: u32,
    /// Journal time of the last opening or closing.
    pub changed_ns: i64,
    /// How its connection stands.
    pub(crate) link: Link,
    /// QoS 2 packet identifiers received and not released, sorted, each with the print of its message.
    pub qos2: Vec<(u16, u64)>,
    /// Not yet published and not discarded.
    pub will: Option<RememberedWill>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Link {
    /// No `Closed` record: connected, or cut off by a crash of ours.
    Open,
    /// Closed by client, network or protocol.
    Closed,
    /// Closed by our own stop: not the client's doing.
    Stopped,
}

/// A will that may have to be published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RememberedWill {
    /// Topic name.
    pub topic: String,
    /// Quality of service.
    pub qos: u8,
    /// Retained.
    pub retain: bool,
    /// From the end of the connection.
    pub delay_seconds: u32,
    /// As on the wire, without their length.
    pub properties: Vec<u8>,
    /// The message.
    pub payload: Vec<u8>,
}

impl SessionTable {
    /// Takes one record of `inputs`; kinds that do not concern sessions change nothing.
    pub fn apply(
        &mut self,
        kind: u8,
        version: u8,
        payload: &[u8],
        journal_ns: i64,
    ) -> Result<(), DecodeError> {
        if kind == u8::from(Kind::Message) {
            self.message(&Message::decode(version, payload)?);
        } else if kind == u8::from(Kind::Release) {
            self.release(&Release::decode(version, payload)?);
        } else if kind == u8::from(Kind::Session) {
            self.session(&Session::decode(version, payload)?, journal_ns);
        }
        Ok(())
    }

    /// A message, already decoded.
    pub fn message(&mut self, message: &Message<'_>) {
        if message.front_door == FrontDoor::Client {
            self.broker_message(message);
            return;
        }
        if !message.will && message.qos != 2 {
            return;
        }
        let Some(entry) = self.sessions.get_mut(message.client_id) else {
            return;
        };
        if entry.session != message.session {
            return;
        }
        if !message.will {
            let held = (message.packet_id, print_of(message));
            match entry.place(held.0) {
                Ok(place) => entry.qos2[place] = held,
                Err(place) => entry.qos2.insert(place, held),
            }
        } else if entry.connection == message.connection {
            entry.will = None;
            if entry.is_over() {
                self.sessions.remove(message.client_id);
            }
        }
    }

    /// The session that a message of an outside broker came in.
    fn broker_message(&mut self, message: &Message<'_>) {
        if self.broker.get(message.client_id) == Some(&message.session) {
            return;
        }
        self.broker
            .insert(message.client_id.to_owned(), message.session);
        if self.broker.len() > BROKER_SESSIONS_MAX {
            // The one that began first.
            let oldest = self.broker.iter().min_by_key(|(_, session)| **session);
            if let Some(client_id) = oldest.map(|(client_id, _)| client_id.clone()) {
                self.broker.remove(&client_id);
            }
        }
    }

    /// Our own sessions at an outside broker, as [`crate::client::Deps`] wants them.
    pub fn broker_sessions(&self) -> BTreeMap<String, u64> {
        self.broker.clone()
    }

    /// A released packet identifier.
    pub fn release(&mut self, release: &Release<'_>) {
        if let Some(entry) = self.sessions.get_mut(release.client_id)
            && entry.session == release.session
            && let Ok(place) = entry.place(release.packet_id)
        {
            entry.qos2.remove(place);
        }
    }

    /// A change of a session at a journal time.
    pub fn session(&mut self, record: &Session<'_>, journal_ns: i64) {
        self.next_session = self.next_session.max(record.session.saturating_add(1));
        self.next_connection = self
            .next_connection
            .max(record.connection.saturating_add(1));
        match &record.change {
            SessionChange::Opened(opening) => self.opened(record, opening, journal_ns),
            SessionChange::Closed {
                reason,
                expiry_seconds,
                will_pending,
            } => {
                let Some(entry) = self.sessions.get_mut(record.client_id) else {
                    return;
                };
                if (entry.session, entry.connection) != (record.session, record.connection) {
                    return;
                }
                let ours = Close::from_code(reason.0) == Some(Close::ServerStopping);
                entry.link = if ours { Link::Stopped } else { Link::Closed };
                entry.expiry_seconds = *expiry_seconds;
                entry.changed_ns = journal_ns;
                if !will_pending {
                    entry.will = None;
                }
                if entry.is_over() {
                    self.sessions.remove(record.client_id);
                }
            }
            SessionChange::Expired => {
                if self
                    .sessions
                    .get(record.client_id)
                    .is_some_and(|e| e.session == record.session)
                {
                    self.sessions.remove(record.client_id);
                }
            }
        }
    }

    fn opened(&mut self, record: &Session<'_>, opening: &Opening<'_>, journal_ns: i64) {
        let kept = self
            .sessions
            .remove(record.client_id)
            .filter(|entry| opening.present && entry.session == record.session);
        let entry = Remembered {
            session: record.session,
            connection: record.connection,
            protocol: opening.protocol,
            principal: opening.principal.to_owned(),
            peer: opening.peer.to_owned(),
            expiry_seconds: opening.expiry_seconds,
            changed_ns: journal_ns,
            link: Link::Open,
            qos2: kept.map(|entry| entry.qos2).unwrap_or_default(),
            will: opening.will.as_ref().map(|will| RememberedWill {
                topic: will.topic.to_owned(),
                qos: will.qos,
                retain: will.retain,
                delay_seconds: will.delay_seconds,
                properties: will.properties.to_vec(),
                payload: will.payload.to_vec(),
            }),
        };
        self.sessions.insert(record.client_id.to_owned(), entry);
    }

    /// The number of sessions.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Nobody is remembered.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// The session of a client.
    pub fn get(&self, client_id: &str) -> Option<&Remembered> {
        self.sessions.get(client_id)
    }

    /// All of them, by client identifier.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Remembered)> {
        self.sessions
            .iter()
            .map(|(client_id, entry)| (client_id.as_str(), entry))
    }

    pub(crate) fn into_parts(self) -> (u64, u64, BTreeMap<String, Remembered>) {
        // Numbers start at 1: 0 is nobody's.
        (
            self.next_session.max(1),
            self.next_connection.max(1),
            self.sessions,
        )
    }
}

impl Remembered {
    fn place(&self, packet_id: u16) -> Result<usize, usize> {
        self.qos2.binary_search_by_key(&packet_id, |held| held.0)
    }

    /// The connection was open when we stopped, in order or not.
    pub(crate) fn link_was_ours(&self) -> bool {
        self.link != Link::Closed
    }

    /// Nothing is left to remember: the session ended with its connection and no will waits.
    fn is_over(&self) -> bool {
        self.link != Link::Open && self.expiry_seconds == 0 && self.will.is_none()
    }
}
