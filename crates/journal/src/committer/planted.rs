//! The bug that the crash test must find, compiled only with the feature of its name: messages are acknowledged before
//! they are written. `SIGKILL` keeps what was written but not synced, so only this order loses anything by a kill.
//! Records of class `System` are left alone: a node reads its own configuration back and would not even start.

use std::time::Duration;

use tokio::sync::oneshot;

use super::Committer;
use crate::{Class, Committed};

/// How long an acknowledged group stays unwritten: a kill must be likely to fall into it.
const UNWRITTEN: Duration = Duration::from_millis(5);

impl Committer {
    /// Resolves the tickets of messages with the offsets they are going to get, and takes its time before the write.
    pub(super) fn acknowledge_before_write(&mut self) {
        let mut first_offset = self.next;
        for entry in &mut self.group {
            let count = entry.batch.count();
            let committed = Committed {
                first_offset,
                count,
            };
            first_offset += u64::from(count);
            if entry.class == Class::System {
                continue;
            }
            // The answer after the sync, or about a fault, goes nowhere.
            let (nobody, _) = oneshot::channel();
            let done = std::mem::replace(&mut entry.done, nobody);
            let _ = done.send(Ok(committed));
        }
        #[allow(clippy::disallowed_methods, reason = "a bug, on purpose")]
        std::thread::sleep(UNWRITTEN);
    }
}
