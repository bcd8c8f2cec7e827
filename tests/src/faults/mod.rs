//! What the tests of faults of sinks share: a bed of real servers with a node in front, a steady load whose every message
//! is known, probes that raise alerts, somebody who watches what an operator sees, and the strict comparison afterwards.

mod alarm;
mod bed;
mod check;
mod figures;
mod load;
mod packets;
mod trial;
mod watch;

pub use alarm::{Alarm, Rang};
pub use bed::{Bed, Parts};
pub use check::{
    Delivered, alerts_only, check_alerts, check_influxdb, check_influxdb_counts, check_kafka,
};
pub use figures::{Moment, Row, quantile};
pub use load::{DEVICES, Load, device, value};
pub use packets::{Link, publish};
pub use trial::{Expected, Fault, Published, Quiet, Trial};
pub use watch::{SinkView, View, Watch};

use std::time::Duration;

fn number(variable: &str, default: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// How long a fault lasts: short in `make test`, a minute in `make faults`.
pub fn seconds() -> Duration {
    Duration::from_secs(number("IOC_FAULT_SECONDS", 8))
}

/// Messages a second all along.
pub fn rate() -> u64 {
    number("IOC_FAULT_RATE", 1_000)
}
