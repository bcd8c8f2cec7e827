//! What stands in `deploy/`: the reference of all settings, the unit, the compose file, the broker's configuration and the
//! dashboards, each held against the real thing.
//!
//! No container engine is started here: `compose.yaml` and `Containerfile` are read, and what they say to `ioc` is said to it.

mod compose;
mod dashboards;
mod metrics;
mod mosquitto;
mod reference;
mod systemd;

use std::fs;
use std::path::PathBuf;

use ioc_tests::process::{binary, repository, run};

fn deploy(path: &str) -> PathBuf {
    repository().join("deploy").join(path)
}

fn text(path: &str) -> String {
    let path = deploy(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A command line for `ioc` names a command and options that there are.
fn assert_command(words: &[&str]) {
    let commands: Vec<&str> = words
        .iter()
        .copied()
        .take_while(|word| !word.starts_with('-'))
        .collect();
    assert!(!commands.is_empty(), "{words:?} names no command");
    let help = run(binary("ioc"), commands.iter().copied().chain(["--help"]));
    for option in words.iter().filter(|word| word.starts_with("--")) {
        assert!(
            help.split_whitespace().any(|word| word == *option),
            "ioc {} has no {option}:\n{help}",
            commands.join(" ")
        );
    }
}

/// How long an orderly stop may take by default.
fn shutdown_seconds() -> u64 {
    let printed: toml::Table = run(binary("ioc"), ["config", "print"]).parse().unwrap();
    let seconds = printed["node"]["shutdown_seconds"].as_integer().unwrap();
    u64::try_from(seconds).unwrap()
}
