//! Encoders of the wire formats, one module each, written from the formats' own definitions.
//!
//! An encoder knows how a format is written and nothing of the devices that speak it: what they measure and which
//! faults they have is the scenario's business. Everything here is pure and deterministic.

pub(crate) mod bytes;
pub(crate) mod cap;
pub(crate) mod cbor;
pub(crate) mod hydromet;
pub(crate) mod lorawan;
pub(crate) mod modbus;
pub(crate) mod ngsi;
pub(crate) mod obis;
pub(crate) mod senml;
pub(crate) mod shelly;
pub(crate) mod sparkplug;
pub(crate) mod station_file;
pub(crate) mod tasmota;
pub(crate) mod times;
pub(crate) mod wis2;
