//! What a connection works with of its session, and which QoS 2 messages are new.

use tokio::sync::OwnedMutexGuard;

use crate::rate::Bucket;
use crate::sessions::{Held, find_held, insert_held};

/// What a session is while a connection works with it.
#[derive(Debug)]
pub(crate) struct Core {
    /// 0: there is no session.
    pub(crate) session: u64,
    /// Sorted by identifier.
    pub(crate) qos2: Vec<Held>,
    pub(crate) bucket: Bucket,
}

impl Core {
    /// Takes a QoS 2 message; false if it is one that is held already.
    ///
    /// An identifier that is held means the same message, whatever is in it: so say the standards. But one
    /// that comes without DUP on a new connection cannot be a redelivery by the book, and with another
    /// content than before it is none by any: a client that lost its own state counts from the beginning,
    /// and its message would be acknowledged and lost. (The content decides because there are clients that
    /// never set DUP.)
    pub(crate) fn hold(&mut self, id: u16, dup: bool, disaster: bool, print: u64) -> bool {
        if let Some(held) = find_held(&mut self.qos2, id)
            && (dup || held.here || held.print == print)
        {
            held.here = true;
            return false;
        }
        let held = Held {
            id,
            disaster,
            here: true,
            print,
        };
        insert_held(&mut self.qos2, held);
        true
    }
}

pub(crate) type CoreGuard = OwnedMutexGuard<Core>;
