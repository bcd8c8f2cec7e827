//! Tells of a server that leaves requests unanswered, long before they are given up.

use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pipeline::{Code, Trouble};
use tokio::sync::watch;
use tokio::time::timeout;

/// An answer that takes longer is a matter for a person.
const SILENT_AFTER: Duration = Duration::from_secs(5);

/// How many requests have waited for so long, and the words for it while there is one.
pub(crate) struct Silence {
    waiting: Mutex<usize>,
    shown: watch::Sender<Option<Trouble>>,
    trouble: Trouble,
}

impl Silence {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            waiting: Mutex::new(0),
            shown: watch::Sender::new(None),
            trouble: Trouble::new(
                Code::TimedOut,
                format!(
                    "InfluxDB at {url} leaves a request unanswered for more than {} s; records wait and nothing is lost; \
                     see whether the server and the way to it work",
                    SILENT_AFTER.as_secs()
                ),
            ),
        }
    }

    pub(crate) fn shown(&self) -> watch::Receiver<Option<Trouble>> {
        self.shown.subscribe()
    }

    /// Waits for an answer, however long it takes.
    pub(crate) async fn listen<T>(&self, answer: impl Future<Output = T>) -> T {
        let mut answer = pin!(answer);
        if let Ok(answer) = timeout(SILENT_AFTER, &mut answer).await {
            return answer;
        }
        let _waiting = Waiting::begin(self);
        answer.await
    }

    fn show(&self, change: impl FnOnce(&mut usize)) {
        // Held until it is shown: what is shown last is what is so.
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut waiting);
        let trouble = (*waiting > 0).then(|| self.trouble.clone());
        self.shown.send_if_modified(|shown| {
            let changed = *shown != trouble;
            *shown = trouble;
            changed
        });
    }
}

/// Also ends when nobody waits for the answer any more.
struct Waiting<'a>(&'a Silence);

impl<'a> Waiting<'a> {
    fn begin(silence: &'a Silence) -> Self {
        silence.show(|waiting| *waiting += 1);
        Self(silence)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.show(|waiting| *waiting -= 1);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_late_answer_is_told_until_it_comes() {
        let silence = Silence::new("http://h");
        let shown = silence.shown();
        silence.listen(sleep(Duration::from_secs(4))).await;
        assert_eq!(*shown.borrow(), None);
        let late = silence.listen(sleep(Duration::from_secs(20)));
        let later = silence.listen(sleep(Duration::from_secs(30)));
        let look = async {
            sleep(Duration::from_secs(25)).await;
            shown.borrow().clone()
        };
        let ((), (), seen) = tokio::join!(late, later, look);
        assert_eq!(seen.map(|trouble| trouble.code), Some(Code::TimedOut));
        assert_eq!(*shown.borrow(), None);
        let dropped = timeout(
            Duration::from_secs(6),
            silence.listen(std::future::pending::<()>()),
        );
        assert!(dropped.await.is_err());
        assert_eq!(*shown.borrow(), None);
    }
}
