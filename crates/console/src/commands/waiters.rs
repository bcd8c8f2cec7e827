//! Who waits for which verdict.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::view::Answer;

/// Bound: `commands_waiting_max` waiters in all; one more is refused before its command is recorded.
pub(crate) struct Waiters {
    waiting_max: usize,
    list: Mutex<List>,
}

/// Number of the waiter, and how it is told.
type Waiting = (u64, oneshot::Sender<Arc<Answer>>);

#[derive(Default)]
struct List {
    by_id: HashMap<String, Vec<Waiting>>,
    count: usize,
    next: u64,
}

/// Leaves the list when dropped, so that a client that goes away holds no place.
pub(crate) struct Waiter<'a> {
    waiters: &'a Waiters,
    command_id: &'a str,
    number: u64,
    receiver: oneshot::Receiver<Arc<Answer>>,
}

impl Waiters {
    pub(crate) fn new(waiting_max: usize) -> Self {
        Self {
            waiting_max,
            list: Mutex::default(),
        }
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn register<'a>(&'a self, command_id: &'a str) -> Option<Waiter<'a>> {
        let mut list = self.list();
        if list.count >= self.waiting_max {
            return None;
        }
        list.count += 1;
        list.next += 1;
        let number = list.next;
        let (sender, receiver) = oneshot::channel();
        list.by_id
            .entry(command_id.to_owned())
            .or_default()
            .push((number, sender));
        Some(Waiter {
            waiters: self,
            command_id,
            number,
            receiver,
        })
    }

    /// Hands the verdict to all who wait for it.
    pub(crate) fn answer(&self, answer: &Arc<Answer>) {
        let waiting = {
            let mut list = self.list();
            let waiting = list
                .by_id
                .remove(&answer.verdict.command_id)
                .unwrap_or_default();
            list.count -= waiting.len();
            waiting
        };
        for (_, sender) in waiting {
            // Whoever went away needs no answer.
            let _ = sender.send(Arc::clone(answer));
        }
    }
}

impl Waiter<'_> {
    pub(crate) async fn answer(&mut self) -> Option<Arc<Answer>> {
        (&mut self.receiver).await.ok()
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut list = self.waiters.list();
        let Some(waiting) = list.by_id.get_mut(self.command_id) else {
            return;
        };
        let before = waiting.len();
        waiting.retain(|(number, _)| *number != self.number);
        let gone = before - waiting.len();
        if waiting.is_empty() {
            list.by_id.remove(self.command_id);
        }
        list.count -= gone;
    }
}
