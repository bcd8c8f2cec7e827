//! What the end-to-end tests share: the real binary as a child process, its HTTP API, the real servers, and waiting
//! with a limit.

// Tests may fail loudly; this crate is nothing but tests.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "test harness"
)]

pub mod catcher;
pub mod faults;
pub mod http;
pub mod metrics;
pub mod node;
pub mod outcomes;
pub mod process;
pub mod publisher;
pub mod readback;
pub mod services;
pub mod wait;
