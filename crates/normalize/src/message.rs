//! What goes into the fold and what comes out of it.

use event::{Event, JournalId, Reject, Time};

/// A message record of `inputs`, with the stamps of its frame.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    pub journal: JournalId,
    pub offset: u64,
    /// The domain's clock.
    pub journal_time: Time,
    /// Judges device times together with `journal_time`.
    pub wall_time: Time,
    pub client: &'a str,
    pub session: u64,
    pub packet_id: u16,
    pub qos: u8,
    pub dup: bool,
    pub retain: bool,
    /// Came from an outside broker, where RETAIN means: from before we subscribed.
    pub from_broker: bool,
    /// Out of the quarantine: history, whatever its time.
    pub reprocessed: bool,
    /// MQTT 5 content type; empty where there is none.
    pub content_type: &'a str,
    pub topic: &'a str,
    pub payload: &'a [u8],
    /// Length of a payload over the limit, of which `payload` is the beginning.
    pub oversize: Option<u64>,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Normalized {
    Event(Event),
    Reject(Reject),
    /// The same event, or the same delivery, was here before.
    Duplicate,
    /// The message changed what is remembered of its source, and has nothing to deliver.
    State,
}

/// Counts since the start, for metrics: no part of the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub events: u64,
    pub rejects: u64,
    pub duplicates: u64,
    /// Messages with nothing to deliver.
    pub states: u64,
    /// Statements about devices elsewhere, in feeds that carry more than this site.
    pub elsewhere: u64,
    /// Keys that no profile knows, in messages that gave events.
    pub unknown_fields: u64,
    /// Known keys whose values could not be used, in messages that gave events.
    pub unusable_fields: u64,
    /// Devices and entities remembered now.
    pub devices: u64,
    pub entities: u64,
}
