//! `docs/mqtt-conformance.md` against the source: a statement without its test is no conformance.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const LISTENER: &str = "## What the server does";

/// What stands in the place of a test that does not exist, and how often it may.
const OPEN: &str = "none yet";
const OPEN_MAX: usize = 4;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn page() -> String {
    std::fs::read_to_string(root().join("../../docs/mqtt-conformance.md")).expect("the page")
}

/// The cells of the table rows below the heads.
fn rows(page: &str) -> impl Iterator<Item = Vec<&str>> {
    page.lines()
        .filter(|line| line.starts_with("| MQTT") || line.starts_with("| -"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

/// The names in backticks of the last cell.
fn tests_of<'a>(row: &[&'a str]) -> Vec<&'a str> {
    let cell = row.last().expect("a last cell");
    cell.split(", ")
        .map(|name| name.trim_matches('`'))
        .collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a source folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The names of the functions marked as tests under a folder.
fn tests_in(folder: &Path) -> BTreeSet<String> {
    let mut files = Vec::new();
    sources(folder, &mut files);
    let mut names = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(file).expect("a source file");
        let mut marked = false;
        for line in text.lines().map(str::trim_start) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                marked = true;
            } else if let Some((_, rest)) = line.split_once("fn ")
                && std::mem::take(&mut marked)
            {
                names.extend(rest.split('(').next().map(str::to_owned));
            }
        }
    }
    names
}

#[test]
fn every_statement_has_a_test_that_exists() {
    let page = page();
    let (codec, listener) = page.split_once(LISTENER).expect("two parts");
    assert!(
        rows(codec).count() >= 95 && rows(listener).count() >= 50,
        "a row was lost"
    );
    let ours = tests_in(&root().join("tests/codec"));
    let all = tests_in(&root().join("tests"));
    let missing = |part, known: &BTreeSet<String>| -> BTreeSet<String> {
        let named = rows(part).flat_map(|row: Vec<&str>| tests_of(&row));
        named
            .filter(|name| !known.contains(*name))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(missing(codec, &ours), BTreeSet::new());
    let open: BTreeSet<_> = [OPEN.to_owned()].into();
    assert!(
        missing(listener, &all).is_subset(&open),
        "{:?}",
        missing(listener, &all)
    );
    // They may become fewer, never more.
    let open = rows(listener).filter(|row| tests_of(row) == [OPEN]).count();
    assert!(open <= OPEN_MAX, "{open} statements without a test");
}

#[test]
fn every_rule_that_a_fixture_expects_is_in_the_table() {
    let page = page();
    let (codec, _) = page.split_once(LISTENER).expect("two parts");
    let mut stated: BTreeSet<String> = BTreeSet::new();
    for row in rows(codec) {
        stated.extend(row[0].split(", ").map(str::to_owned));
        // A statement that only 3.1.1 has.
        if row[0] == "-" {
            stated.extend(row[1].split(", ").map(|id| id.replace("MQTT-", "MQTT3-")));
        }
    }
    // Where both have it and they differ in kind, the fixture names that of 3.1.1.
    stated.insert("MQTT3-3.8.3-4".to_owned());
    let fixtures = std::fs::read_to_string(root().join("testdata/malformed.txt"));
    let fixtures = fixtures.expect("the fixtures");
    let expected = fixtures.lines().filter(|line| line.starts_with('!'));
    let rules = expected.map(|line| line.split(' ').nth(2).expect("a rule").to_owned());
    let unstated: BTreeSet<_> = rules.filter(|rule| !stated.contains(rule)).collect();
    assert_eq!(unstated, BTreeSet::new());
}

#[test]
fn every_statement_stands_once() {
    let page = page();
    let mut seen = BTreeSet::new();
    let (codec, listener) = page.split_once(LISTENER).expect("two parts");
    let (sent, answered) = codec.split_once("## The packets").expect("three parts");
    for (part, name) in [(sent, "sent"), (answered, "answered"), (listener, "done")] {
        for row in rows(part).filter(|row| row[0] != "-") {
            assert!(seen.insert((name, row[0].to_owned())), "{} twice", row[0]);
        }
    }
}
