//! What an operator sees of the connections to the broker.

use journal::Stamp;
use serde::Serialize;
use tokio::sync::watch;

/// How a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// On the way to CONNACK.
    Connecting,
    /// Connected; the broker has not confirmed the subscription.
    Subscribing,
    /// Messages come.
    Ready,
    /// Connected, but the broker refuses a subscription: deaf on it. Tried again.
    Refused,
    /// Between two attempts.
    Waiting,
    /// Taking out a message that ends every connection.
    Rescuing,
    /// Stopped in order.
    Stopped,
}

impl LinkState {
    /// Every state.
    pub const ALL: [LinkState; 7] = [
        LinkState::Connecting,
        LinkState::Subscribing,
        LinkState::Ready,
        LinkState::Refused,
        LinkState::Waiting,
        LinkState::Rescuing,
        LinkState::Stopped,
    ];

    /// The word for machines, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            LinkState::Connecting => "connecting",
            LinkState::Subscribing => "subscribing",
            LinkState::Ready => "ready",
            LinkState::Refused => "refused",
            LinkState::Waiting => "waiting",
            LinkState::Rescuing => "rescuing",
            LinkState::Stopped => "stopped",
        }
    }
}

/// One connection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LinkStatus {
    /// Its client id at the broker.
    pub client_id: String,
    /// How it stands.
    pub state: LinkState,
    /// Since when, journal time.
    pub since_ns: i64,
    /// What went wrong last, in words; stays while the connection is good again.
    pub last_error: Option<String>,
    /// When that was, journal time.
    pub last_error_ns: Option<i64>,
    /// Connections after the first.
    pub reconnects: u64,
    /// The broker had forgotten us: what it held for us is lost.
    pub lost_sessions: u64,
    /// Messages that ended connection after connection.
    pub poison: u64,
    /// The last of them, in words.
    pub last_poison: Option<String>,
}

/// All connections to the broker.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Status {
    /// `host:port`.
    pub broker: String,
    /// In a fixed order; the disaster connection is the last.
    pub links: Vec<LinkStatus>,
}

impl Status {
    /// Every connection has its subscriptions confirmed.
    pub fn is_ready(&self) -> bool {
        self.links.iter().all(|link| link.state == LinkState::Ready)
    }
}

/// The line of one connection, written by its task.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) board: watch::Sender<Status>,
    pub(crate) index: usize,
}

impl Line {
    pub(crate) fn change(&self, change: impl FnOnce(&mut LinkStatus)) {
        self.board.send_modify(|status| {
            if let Some(line) = status.links.get_mut(self.index) {
                change(line);
            }
        });
    }

    /// The client id of the connection.
    pub(crate) fn name(&self) -> String {
        let status = self.board.borrow();
        let line = status.links.get(self.index);
        line.map(|line| line.client_id.clone()).unwrap_or_default()
    }

    pub(crate) fn state(&self, state: LinkState, now: Stamp) {
        self.change(|line| {
            if line.state != state {
                line.state = state;
                line.since_ns = now.journal_ns;
            }
        });
    }

    pub(crate) fn error(&self, words: String, now: Stamp) {
        self.change(|line| {
            line.last_error = Some(words);
            line.last_error_ns = Some(now.journal_ns);
        });
    }
}
