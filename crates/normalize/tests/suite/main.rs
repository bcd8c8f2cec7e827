//! The crate from outside: the native format by data, the fold by properties, the site pack.

mod fold;
mod native;
mod pack;
mod support;
mod trial;
