//! The front doors: a strict MQTT 3.1.1 and 5 listener for publishers, and a [`client`] of an outside broker. Both
//! write the same records into one journal, and either may be off.
//!
//! # Contract of the listener
//!
//! A PUBACK, PUBREC or PUBCOMP leaves only after the journal has made durable what it confirms, in the
//! order of what it answers (one documented exception: see [`Listener`]). A session is durable before
//! its CONNACK. What is malformed ends its connection and nothing else. Everything has a bound, and what
//! is refused or dropped is counted by reason.
//!
//! [`codec`] reads and writes packets; [`SessionTable`] is what the journal says about sessions;
//! [`Listener`] owns sockets and connections.

pub mod client;
pub mod codec;

mod close;
mod config;
mod connection;
mod control;
mod counters;
mod credits;
mod error;
mod filter;
mod hub;
mod keeper;
mod listener;
mod metrics;
mod oversize;
mod rate;
mod registry;
mod session;
mod sessions;
mod will;

pub use close::Close;
pub use config::ListenerConfig;
pub use counters::{Counters, Snapshot};
pub use error::Error;
pub use filter::FilterError;
pub use listener::{Bound, Deps, Listener};
pub use sessions::{Remembered, RememberedWill, SessionTable, SessionTableV1};
