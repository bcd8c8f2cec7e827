//! One client of the broker: connects, lives, rests, connects again, for ever. Owner of the client id, of the number
//! of its session, and of the account of what ended its connections.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use journal::State;
use journal::inputs::{FrontDoor, MessagePrefix};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::hub::Mode;

use super::Shared;
use super::backoff::Backoff;
use super::connection::{Connection, Ended};
use super::fault::{Cause, Fault};
use super::link::Link;
use super::rescue;
use super::status::{Line, LinkState};

/// A connection that lasted this long was a good one: the next rest is short again.
const GOOD_AFTER: Duration = Duration::from_secs(10);
/// Good connections cut off in a row before we suspect that somebody else has our client id.
const CUT_OFF_SUSPECT: u32 = 5;

pub(super) struct Member {
    client_id: String,
    /// As subscribed to, `$share/…` and all.
    filters: Vec<String>,
    /// The number of our session at the broker, if the journal has messages of it.
    session: Option<u64>,
    line: Line,
    /// Messages came on the last connection.
    was_ready: bool,
    connections: u64,
    poison: Poison,
    cut_off: u32,
}

/// Connections in a row that ended for a message.
#[derive(Default)]
struct Poison {
    cause: Option<Cause>,
    count: u32,
}

impl Poison {
    /// Notes how a connection ended; how often in a row it was this message, if it was one.
    fn note(&mut self, cause: Cause) -> u32 {
        if !cause.is_poison() {
            // A cut in between says nothing about the message, which waits for the next connection.
            return 0;
        }
        if self.cause != Some(cause) {
            *self = Self {
                cause: Some(cause),
                count: 0,
            };
        }
        self.count += 1;
        self.count
    }
}

impl Member {
    pub(super) fn new(
        client_id: String,
        filters: Vec<String>,
        session: Option<u64>,
        line: Line,
    ) -> Self {
        Self {
            client_id,
            filters,
            session,
            line,
            was_ready: false,
            connections: 0,
            poison: Poison::default(),
            cut_off: 0,
        }
    }

    /// Ends when we stop, or with an error of the journal.
    pub(super) async fn run(
        mut self,
        shared: Arc<Shared>,
        mut state: watch::Receiver<State>,
        cancel: CancellationToken,
    ) -> Result<(), journal::Error> {
        let config = &shared.dial.config;
        let mut backoff = Backoff::new(config.reconnect_min_ms, config.reconnect_max_ms);
        let random = RandomState::new();
        loop {
            let began = Instant::now();
            let fault = match self.once(&shared, &mut state, &cancel).await {
                Ended::Stopped => break,
                Ended::Journal(error) => return Err(error),
                Ended::Fault(fault) => fault,
            };
            if began.elapsed() >= GOOD_AFTER {
                backoff.reset();
                self.cut_off = 0;
            }
            self.tell(&shared, fault.clone());
            let rescued = tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                rescued = self.poisoned(&shared, fault.cause) => rescued,
            };
            if rescued {
                backoff.reset();
            }
            self.line.state(LinkState::Waiting, shared.clock.now());
            let rest = backoff.next(random.hash_one(self.connections));
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                ended = poisoned_journal(&mut state) => return Err(ended),
                () = tokio::time::sleep(rest) => {}
            }
        }
        self.line.state(LinkState::Stopped, shared.clock.now());
        Ok(())
    }

    /// One connection, from the attempt to its end.
    async fn once(
        &mut self,
        shared: &Arc<Shared>,
        state: &mut watch::Receiver<State>,
        cancel: &CancellationToken,
    ) -> Ended {
        self.line.state(LinkState::Connecting, shared.clock.now());
        let connected = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ended::Stopped,
            ended = poisoned_journal(state) => return Ended::Journal(ended),
            connected = Link::connect(&shared.dial, &self.client_id, false) => connected,
        };
        let (link, present) = match connected {
            Ok(connected) => connected,
            Err(fault) => return Ended::Fault(fault),
        };
        self.connected(shared, present);
        let prefix = self.prefix(shared);
        let mode = Mode::from(&*state.borrow());
        let connection = Connection::new(shared, &self.line, &self.filters, prefix, link, mode);
        let (ended, ready) = connection.run(state, cancel).await;
        self.was_ready = ready;
        ended
    }

    /// CONNACK: whose session is it?
    fn connected(&mut self, shared: &Shared, present: bool) {
        let now = shared.clock.now();
        self.connections += 1;
        shared.meter.connected();
        let lost = !present && self.session.is_some();
        if lost {
            shared.meter.lost_session();
            let words = "the broker had forgotten our session: what it held for us is lost; give it a store (persistence) and a long session expiry";
            tracing::error!(client = self.client_id, "{words}");
            self.line.error(words.to_owned(), now);
        }
        if lost || self.session.is_none() {
            // Milliseconds of journal time: grows, and needs no counter that would have to be kept.
            self.session = Some(milliseconds(now.journal_ns));
        }
        let reconnects = self.connections - 1;
        self.line.change(|line| {
            line.reconnects = reconnects;
            line.lost_sessions += u64::from(lost);
        });
    }

    fn prefix(&self, shared: &Shared) -> MessagePrefix {
        let config = &shared.dial.config;
        MessagePrefix::new(
            FrontDoor::Client,
            config.protocol.protocol().level(),
            // Who vouches for the message: the broker knows its publisher, we know only how we logged in there.
            &config.user,
            &shared.dial.address.to_string(),
            &self.client_id,
            self.session.unwrap_or_default(),
            milliseconds(shared.clock.now().journal_ns),
        )
    }

    /// A connection ended, or none came about.
    fn tell(&mut self, shared: &Shared, mut fault: Fault) {
        shared.meter.disconnected(fault.cause.label());
        if fault.cause == Cause::Closed && std::mem::take(&mut self.was_ready) {
            self.cut_off += 1;
            if self.cut_off >= CUT_OFF_SUSPECT {
                fault.words = format!(
                    "the broker cut us off {} times in a row: another client (a second node?) uses the client id \"{}\"; give each its own client_id",
                    self.cut_off, self.client_id
                );
            }
        }
        tracing::warn!(
            client = self.client_id,
            reason = fault.cause.label(),
            "{}",
            fault.words
        );
        self.line.error(fault.words, shared.clock.now());
    }

    /// If it was the same message once too often, takes it out. True when that worked.
    async fn poisoned(&mut self, shared: &Shared, cause: Cause) -> bool {
        let (count, after) = (self.poison.note(cause), shared.dial.config.poison_after);
        if count < after {
            return false;
        }
        if count == after {
            shared.meter.poison();
            self.line.change(|line| line.poison += 1);
            tracing::error!(
                client = self.client_id,
                reason = cause.label(),
                "a message ends every connection to the broker: taking it out"
            );
        }
        self.line.state(LinkState::Rescuing, shared.clock.now());
        let prefix = self.prefix(shared);
        match rescue::run(shared, &self.client_id, &prefix).await {
            Ok(taken) if !taken.is_empty() => {
                self.poison = Poison::default();
                shared.meter.rescued(taken.len() as u64);
                for words in &taken {
                    tracing::error!(client = self.client_id, "taken out and recorded: {words}");
                }
                self.line
                    .change(|line| line.last_poison = taken.last().cloned());
                return true;
            }
            Ok(_) => {}
            Err(fault) => {
                tracing::warn!(
                    client = self.client_id,
                    "the message could not be taken out: {}",
                    fault.words
                );
            }
        }
        if count >= after.saturating_mul(2) {
            self.start_afresh(shared).await;
        }
        false
    }

    /// The last way out: the session goes, with all that the broker holds for it.
    async fn start_afresh(&mut self, shared: &Shared) {
        match Link::connect(&shared.dial, &self.client_id, true).await {
            Ok((link, _)) => {
                link.disconnect().await;
                self.poison = Poison::default();
                shared.meter.fresh_session();
                let words = "a message that could not be taken out ended every connection: the session was given up, what the broker held for it is lost";
                tracing::error!(client = self.client_id, "{words}");
                self.line.error(words.to_owned(), shared.clock.now());
            }
            Err(fault) => self.line.error(fault.words, shared.clock.now()),
        }
    }
}

fn milliseconds(journal_ns: i64) -> u64 {
    u64::try_from(journal_ns / 1_000_000).unwrap_or_default()
}

/// Resolves when the journal has failed or is gone.
async fn poisoned_journal(state: &mut watch::Receiver<State>) -> journal::Error {
    let journal = journal::JournalName::Inputs;
    loop {
        if let State::Poisoned { error } = &*state.borrow_and_update() {
            return journal::Error::Poisoned {
                journal,
                error: error.clone(),
            };
        }
        if state.changed().await.is_err() {
            return journal::Error::Closed { journal };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cause, Poison};

    #[test]
    fn the_same_message_is_counted_in_a_row() {
        let mut poison = Poison::default();
        assert_eq!(poison.note(Cause::TooLarge(7)), 1);
        assert_eq!(poison.note(Cause::Closed), 0);
        assert_eq!(poison.note(Cause::TooLarge(7)), 2);
        assert_eq!(poison.note(Cause::TooLarge(8)), 1);
        assert_eq!(poison.note(Cause::BadTopic), 1);
        assert_eq!(poison.note(Cause::BadTopic), 2);
    }
}
