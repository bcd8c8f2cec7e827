//! The listener over real sockets, on a real journal: what publishers see, and what is durable when.

mod again;
mod bad;
mod flow;
mod full;
mod limits;
mod load;
mod oversize;
mod sessions;
mod stop;
mod support;
mod wills;
