//! What the end-to-end tests share: the real binary as a child process, its HTTP API, and waiting with a limit.

// Tests may fail loudly; this crate is nothing but tests.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "test harness"
)]

pub mod http;
pub mod node;
pub mod process;
pub mod wait;
