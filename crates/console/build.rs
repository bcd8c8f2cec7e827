//! Makes cargo look again when the operator page was built, so that it gets embedded.
//!
//! `ui/dist` is made by the front-end tools and is not checked in. Where it is missing the build still succeeds and the
//! program serves a page that says so. Nothing is written.

#![allow(
    clippy::print_stdout,
    reason = "a build script talks to cargo through its output"
)]

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The nearest folder that exists: one that is missing would run this script, and build the crate, every time.
    let watched = ["ui/dist", "ui", "src"]
        .into_iter()
        .find(|path| Path::new(path).is_dir());
    println!(
        "cargo::rerun-if-changed={}",
        watched.unwrap_or("Cargo.toml")
    );
}
