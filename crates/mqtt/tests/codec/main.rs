//! The codec at its boundary: fixtures, the other implementation, generated packets, and noise.

mod conformance;
mod differential;
mod drain;
mod encode;
mod fixtures;
mod generate;
mod limits;
mod noise;
mod property;
mod random;
mod roundtrip;
mod words;
