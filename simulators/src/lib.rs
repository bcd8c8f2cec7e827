//! Virtual field devices and scenarios; shares no decoding code with the product.
//!
//! - [`scenario()`] gives an ordered, seeded stream of publications: who sends what, when, over which connection.
//! - [`drive()`] publishes it with rumqttc over real sockets, waits for every acknowledgement and moves the clock of
//!   the node under test along ([`DriveClock`]).
//! - [`load`] is the load generator of the benchmark: pre-encoded packets, raw sockets.
//!
//! The only thing that this crate knows of the product is what any device maker would be told: device names, field
//! names, the topic form `ioc/{site}/{stream}/{device}/up` and the flat JSON payload.

mod curve;
mod device;
mod drive;
pub mod load;
mod payload;
mod publication;
mod random;
mod scenario;
pub mod stamp;
pub mod wall;

pub use drive::{DriveClock, DriveError, Pace, Progress, RealTime, Target, Totals, drive};
pub use publication::{Moment, Publication, Qos};
pub use scenario::{
    Basis, DEVICES_MAX, GAUGES, Hydrograph, NAMES, Options, Point, SITE, Scenario, ScenarioError,
    scenario,
};
