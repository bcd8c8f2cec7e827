//! The wall clock of the simulated devices.
//!
//! A device has its own clock; the simulator is another machine as far as the product is concerned, so it cannot be
//! handed the node's time. It is read in this one function.

use std::time::UNIX_EPOCH;

/// Nanoseconds since 1970.
pub fn now_ns() -> i64 {
    #[allow(
        clippy::disallowed_methods,
        reason = "virtual devices have clocks of their own"
    )] // the simulator's own clock, see above
    let now = std::time::SystemTime::now();
    now.duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(0))
}
