//! The real servers, for the tests.
//!
//! A test that breaks a server has one of its own ([`Kafka`], [`Influxdb`], [`Mosquitto`], [`Toxiproxy`]): on free ports,
//! with its data in the test's folder, gone with the test. One that only reads and writes may use the set that
//! `make services` runs ([`Shared`]). Both are started by the same scripts, `deploy/scripts/services/*/serve.sh`.

mod influxdb;
mod kafka;
mod mosquitto;
mod server;
mod shared;
mod stand_in;
mod toxiproxy;

pub use influxdb::{ALL_TIME, Bucket, Influxdb, Row};
pub use kafka::{Kafka, Message, Topics};
pub use mosquitto::Mosquitto;
pub use server::{Memory, Server, free_port, memory};
pub use shared::Shared;
pub use stand_in::{Answer, Request, StandIn};
pub use toxiproxy::{Proxy, Toxiproxy};
