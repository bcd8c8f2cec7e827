//! Rules that a machine can check.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use ioc_tests::process::{repository, run};
use serde_json::Value;

/// Who may use whom (see ARCHITECTURE.md). A line here is a decision.
const ALLOWED: [(&str, &[&str]); 16] = [
    ("event", &[]),
    ("journal", &[]),
    ("normalize", &["event"]),
    ("derive", &["event"]),
    ("alert", &["event"]),
    ("mqtt", &["journal"]),
    ("console", &["event", "journal"]),
    ("pipeline", &["journal"]),
    ("cap", &["event"]),
    ("kafka", &["cap", "event", "journal", "pipeline"]),
    ("influxdb", &["event", "journal", "pipeline"]),
    ("archive", &["event", "journal", "pipeline"]),
    ("notify", &["cap", "event", "journal", "pipeline"]),
    ("simulators", &[]),
    (
        "ioc",
        &[
            "alert",
            "archive",
            "cap",
            "console",
            "derive",
            "event",
            "influxdb",
            "journal",
            "kafka",
            "mqtt",
            "normalize",
            "notify",
            "pipeline",
            "simulators",
        ],
    ),
    ("ioc-tests", &["event", "journal", "simulators"]),
];

/// What a domain crate must never depend on, itself or through others.
const NOT_IN_DOMAIN: [&str; 8] = [
    "tokio", "tracing", "rand", "metrics", "axum", "rumqttc", "reqwest", "mio",
];
const DOMAIN: [&str; 5] = ["event", "normalize", "derive", "alert", "cap"];

fn metadata() -> Value {
    let manifest = repository().join("Cargo.toml");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    serde_json::from_str(&run(
        cargo,
        [
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--manifest-path",
            manifest.to_str().unwrap(),
        ],
    ))
    .unwrap()
}

#[test]
fn the_crate_graph_is_the_allowed_one() {
    let metadata = metadata();
    let members: BTreeSet<&str> = metadata["workspace_members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_str().unwrap())
        .collect();
    let packages: Vec<&Value> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|package| members.contains(package["id"].as_str().unwrap()))
        .collect();
    let names: BTreeSet<&str> = packages
        .iter()
        .map(|package| package["name"].as_str().unwrap())
        .collect();
    let allowed: BTreeMap<_, _> = ALLOWED.into_iter().collect();
    assert_eq!(
        names,
        allowed.keys().copied().collect(),
        "a crate was added or removed: say here who may use it"
    );
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let uses: BTreeSet<&str> = package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .map(|dependency| dependency["name"].as_str().unwrap())
            .filter(|dependency| names.contains(dependency))
            .collect();
        let may: BTreeSet<&str> = allowed[name].iter().copied().collect();
        assert!(
            uses.is_subset(&may),
            "{name} uses {:?}, which is not allowed",
            uses.difference(&may).collect::<Vec<_>>()
        );
    }
}

#[test]
fn domain_crates_know_no_socket_clock_or_chance() {
    let metadata = metadata();
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| (node["id"].as_str().unwrap(), node))
        .collect();
    let name_of: BTreeMap<&str, &str> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            (
                package["id"].as_str().unwrap(),
                package["name"].as_str().unwrap(),
            )
        })
        .collect();
    for domain in DOMAIN {
        let root = name_of
            .iter()
            .find(|(id, name)| **name == domain && id.contains("crates/"))
            .unwrap()
            .0;
        let mut pending = vec![*root];
        let mut seen = BTreeSet::new();
        while let Some(id) = pending.pop() {
            if !seen.insert(id) {
                continue;
            }
            let normal = |dependency: &&Value| {
                dependency["dep_kinds"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|kind| kind["kind"].is_null())
            };
            pending.extend(
                nodes[id]["deps"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(normal)
                    .map(|dependency| dependency["pkg"].as_str().unwrap()),
            );
        }
        for id in seen {
            assert!(
                !NOT_IN_DOMAIN.contains(&name_of[id]),
                "{domain} depends on {}",
                name_of[id]
            );
        }
    }
}

fn sources(folder: &Path, endings: &[&str], out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(
                name.as_str(),
                "target" | "node_modules" | "dist" | ".git" | "testdata" | "corpus"
            ) {
                sources(&path, endings, out);
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            out.push(path);
        }
    }
}

/// A file that grew past this has two subjects: find the seam.
const LINES_MAX: usize = 500;

#[test]
fn no_file_has_grown_out_of_hand() {
    let mut files = Vec::new();
    sources(
        &repository(),
        &[".rs", ".svelte", ".ts", ".mjs", ".py"],
        &mut files,
    );
    assert!(files.len() > 50);
    let long: Vec<_> = files
        .iter()
        .map(|path| (path, fs::read_to_string(path).unwrap().lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .collect();
    assert!(long.is_empty(), "over {LINES_MAX} lines: {long:?}");
}

#[test]
fn every_module_says_what_it_is() {
    let mut files = Vec::new();
    sources(&repository().join("crates"), &[".rs"], &mut files);
    sources(&repository().join("simulators"), &[".rs"], &mut files);
    let bare: Vec<_> = files
        .iter()
        .filter(|path| {
            let text = fs::read_to_string(path).unwrap();
            let named_tests = path.file_stem().is_some_and(|stem| stem == "tests");
            !named_tests && !text.starts_with("//!") && !text.starts_with("#![")
        })
        .collect();
    assert!(bare.is_empty(), "no module documentation: {bare:?}");
}

#[test]
fn documents_name_files_that_exist() {
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(repository().join(document)).unwrap();
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if link.starts_with("http") || link.starts_with('#') {
                continue;
            }
            let path = link.split('#').next().unwrap();
            assert!(
                repository().join(path).exists(),
                "{document} links to {path}, which is not there"
            );
        }
    }
}
