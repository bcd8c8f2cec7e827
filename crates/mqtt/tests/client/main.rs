//! The client of an outside broker: against a real mosquitto, and against a broker of bytes where the moment matters.

mod again;
mod flow;
mod full;
mod guard;
mod poison;
mod support;
mod tls;
