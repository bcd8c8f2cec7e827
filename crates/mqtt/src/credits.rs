//! The bound on what all connections together have received and not yet made durable. Owner: the hub.
//! When it is reached a connection stops reading until there is room again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

/// An amount in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

#[derive(Debug)]
pub(crate) struct Credits {
    messages_max: u64,
    bytes_max: u64,
    messages: AtomicU64,
    bytes: AtomicU64,
    room: Arc<Notify>,
}

impl Credits {
    pub(crate) fn new(messages_max: u64, bytes_max: u64) -> Self {
        Self {
            messages_max,
            bytes_max,
            messages: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            room: Arc::default(),
        }
    }

    /// Takes as much of `wanted` as there is room for. One message that is larger than the bytes left is
    /// granted nothing, so `bytes_least` is what makes the grant worth having.
    pub(crate) fn take(&self, wanted: Amount, bytes_least: u64) -> Amount {
        let messages = take(&self.messages, self.messages_max, wanted.messages);
        if messages == 0 {
            return Amount::default();
        }
        let bytes = take(&self.bytes, self.bytes_max, wanted.bytes);
        if bytes < bytes_least {
            // Nobody is told: there is no more room than before.
            self.messages.fetch_sub(messages, Ordering::AcqRel);
            self.bytes.fetch_sub(bytes, Ordering::AcqRel);
            return Amount::default();
        }
        Amount { messages, bytes }
    }

    pub(crate) fn give_back(&self, amount: Amount) {
        if amount == Amount::default() {
            return;
        }
        self.messages.fetch_sub(amount.messages, Ordering::AcqRel);
        self.bytes.fetch_sub(amount.bytes, Ordering::AcqRel);
        self.room.notify_waiters();
    }

    /// Resolves after the next giving back. Create it, try again, then wait.
    pub(crate) fn wait(&self) -> OwnedNotified {
        Arc::clone(&self.room).notified_owned()
    }
}

fn take(used: &AtomicU64, max: u64, wanted: u64) -> u64 {
    let before = used.fetch_add(wanted, Ordering::AcqRel);
    let granted = max.saturating_sub(before).min(wanted);
    if granted < wanted {
        used.fetch_sub(wanted - granted, Ordering::AcqRel);
    }
    granted
}

#[cfg(test)]
mod tests {
    use super::{Amount, Credits};

    #[test]
    fn grants_up_to_the_bound_and_no_more() {
        let credits = Credits::new(3, 100);
        let wanted = Amount {
            messages: 10,
            bytes: 60,
        };
        assert_eq!(
            credits.take(wanted, 1),
            Amount {
                messages: 3,
                bytes: 60
            }
        );
        assert_eq!(credits.take(wanted, 1), Amount::default());
        credits.give_back(Amount {
            messages: 2,
            bytes: 0,
        });
        assert_eq!(credits.take(wanted, 41), Amount::default());
        assert_eq!(
            credits.take(wanted, 40),
            Amount {
                messages: 2,
                bytes: 40
            }
        );
        credits.give_back(Amount {
            messages: 3,
            bytes: 100,
        });
        assert_eq!(
            credits.take(wanted, 60),
            Amount {
                messages: 3,
                bytes: 60
            }
        );
    }
}
