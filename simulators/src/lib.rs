//! Virtual field devices and scenarios; shares no decoding code with the product.
//!
//! - [`scenario()`] gives an ordered, seeded stream of publications: who sends what, when, over which connection.
//! - [`drive()`] publishes it with rumqttc over real sockets, waits for every acknowledgement and moves the clock of
//!   the node under test along ([`DriveClock`]).
//! - [`load`] is the load generator of the benchmark: pre-encoded packets, raw sockets.
//!
//! The only thing that this crate knows of the product is what any device maker would be told: device names, field
//! names, addresses and topics, and the published definition of each wire format (`formats` writes them).

mod curve;
mod device;
mod drive;
mod formats;
pub mod load;
mod payload;
mod publication;
mod random;
mod scenario;
pub mod stamp;
pub mod wall;

pub use drive::{DriveClock, DriveError, Pace, Progress, RealTime, Target, Totals, drive};
pub use publication::{Moment, Publication, Qos, Truth};
pub use scenario::{
    Basis, DEVICES_MAX, FORMATS, GAUGES, Hydrograph, Ledger, NAMES, Options, Point, SITE, Scenario,
    ScenarioError, Tally, ledger, scenario,
};
