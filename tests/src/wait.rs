//! Waiting for a condition, with a limit, never for a time.

use std::thread;
use std::time::{Duration, Instant};

/// Polls until `ready` gives something; fails with what was waited for when the limit passes.
pub fn until<T>(what: &str, limit: Duration, mut ready: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(Instant::now() < end, "not within {limit:?}: {what}");
        // The pause between two looks, not a guess at how long something takes.
        thread::park_timeout(Duration::from_millis(5));
    }
}
