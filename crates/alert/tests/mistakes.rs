//! Mistakes in a pack: each is refused at load with file and line, all of a file at once.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use alert::RuleSet;
use event::PackFiles;

use common::vocabulary;

const RULE: &str = r#"[[rule]]
id = "a"
version = 1
kind = "condition"
stream = "disaster"
severity = "minor"
measure = "level"
condition = "level >= limit.bd1"
hold = "5m"
title = { vi = "t", en = "t" }
message = { vi = "{name} {level}", en = "{name} {level}" }
guidance = { vi = "g", en = "g" }
"#;

const LIMIT: &str = r#"[[limit]]
name = "bd1"
measure = "level"
entity = "g1"
value = 5.0
unit = "m"
source = "s"
verified = true
"#;

fn errors(rules: &str, limits: &str) -> Vec<String> {
    let mut files = PackFiles::default();
    files.files.insert("rules/r.toml".to_owned(), rules.into());
    files
        .files
        .insert("thresholds.toml".to_owned(), limits.into());
    match RuleSet::load(&files, &vocabulary()) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

/// The line of `text` that begins with `key` replaced by `with`; empty = taken out.
fn change(text: &str, key: &str, with: &str) -> String {
    let lines = text
        .lines()
        .map(|line| if line.starts_with(key) { with } else { line });
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_base_is_good() {
    assert_eq!(errors(RULE, LIMIT), Vec::<String>::new());
}

#[test]
fn rules() {
    let deep = format!(
        "condition = \"{}level > 1.0{}\"",
        "(".repeat(60),
        ")".repeat(60)
    );
    let long = format!("condition = \"level > 1.0{}\"", " ".repeat(1_100));
    let chain = format!("condition = \"level > 1.0{}\"", " + 1.0".repeat(60));
    let not = format!("condition = \"{}(level > 1.0)\"", "!".repeat(60));
    let window = "mean(level, duration('1h'))";
    let costly = format!(
        "condition = \"{window} > 1.0{}\"",
        format!(" || {window} > 1.0").repeat(12)
    );
    #[rustfmt::skip]
    let table: &[(&str, &str, &str)] = &[
        // The line that changes, what it becomes, line and words of the error.
        ("id", "", "1: rule: `id` is missing"),
        ("id", "id = \"rule-fault\"", "2: `rule-fault` is kept"),
        ("id", "id = \"Ä b\"", "2: `id` is written with"),
        ("version", "", "1: rule `a`: `version` is missing"),
        ("version", "version = 0", "3: `version` must be a whole number"),
        ("kind", "kind = \"magic\"", "4: `kind` is one of condition, absence"),
        ("stream", "stream = \"flood\"", "5: `stream` is one of"),
        ("severity", "severity = \"bad\"", "6: `severity` is one of"),
        ("measure", "measure = \"levle\"", "7: unknown measure `levle`"),
        ("measure", "", "1: rule `a`: `measure` is missing"),
        ("condition", "", "1: rule `a`: `condition` is missing"),
        ("condition", "condition = \"levle > 1.0\"", "8: unknown name `levle`; did you mean `level`?"),
        ("condition", "condition = \"level > limit.bd9\"", "8: no threshold is named `bd9`"),
        ("condition", "condition = \"level > other.bd1\"", "8: only `limit` has members"),
        ("condition", "condition = \"level > 'high'\"", "8: `>` cannot join a number and a string"),
        ("condition", "condition = \"level && on\"", "8: `&&` cannot join a number and a bool"),
        ("condition", "condition = \"level + 1.0\"", "8: is a number, but a bool is needed"),
        ("condition", "condition = \"!level\"", "8: `!` needs a bool"),
        ("condition", "condition = \"-on\"", "8: `-` needs a number"),
        ("condition", "condition = \"level >\"", "8: expected a value, found end"),
        ("condition", "condition = \"level = 1.0\"", "8: `=` is no operator"),
        ("condition", "condition = \"level > 1.0 level\"", "8: unexpected `level`"),
        ("condition", "condition = \"level > 1.0; drop\"", "8: unexpected character `;`"),
        ("condition", "condition = \"level > 1x\"", "8: not a number"),
        ("condition", "condition = \"mode == 'open\"", "8: string without its closing quote"),
        ("condition", "condition = \"level in []\"", "8: the list is empty"),
        ("condition", "condition = \"level in [1.0, 'a']\"", "8: a number cannot be in a list with a string"),
        ("condition", "condition = \"level > [1.0]\"", "8: a list can only stand"),
        ("condition", "condition = \"level > 1.0 / (2.0 - 2.0)\"", "8: divides by zero"),
        ("condition", "condition = \"1.0 < 2.0\"", "8: `condition` does not depend on any measure"),
        ("condition", "condition = \"exec('rm')\"", "8: unknown function `exec`"),
        ("condition", "condition = \"rate(level) > 1.0\"", "8: `rate` takes a measure and a duration"),
        ("condition", "condition = \"rate(mode, duration('1h')) > 1.0\"", "8: `rate` needs a number"),
        ("condition", "condition = \"rate(level, duration('9d')) > 1.0\"", "8: a window lasts"),
        ("condition", "condition = \"rate(level, duration('x')) > 1.0\"", "8: no duration"),
        ("condition", "condition = \"level > 1.0 ? 1.0 : 2.0\"", "8: is a number, but a bool"),
        ("condition", "condition = \"level > 1.0 ? true : 2.0\"", "8: the two answers are a bool and a number"),
        ("condition", "condition = \"\"\"level > 1.0 &&\n  levle > 2.0\"\"\"", "9: unknown name `levle`"),
        ("condition", &deep, "8: nested deeper"),
        ("condition", &not, "8: nested deeper"),
        ("condition", &chain, "8: nested deeper"),
        ("condition", &long, "8: longer than 1024 bytes"),
        ("condition", &costly, "8: costs"),
        ("hold", "hold = \"soon\"", "9: `hold` must be a duration"),
        ("hold", "hodl = \"5m\"", "9: unknown key `hodl`"),
        ("hold", "dead_band = -1.0", "9: `dead_band` must be above 0"),
        ("hold", "dead_band = 1.0\nclear = \"level < 1.0\"", "9: `clear` and `dead_band` exclude"),
        ("hold", "clear = \"level <\"", "9: expected a value"),
        ("hold", "when = \"level > 1.0\"", "9: `when` is for rules of kind `absence` only"),
        ("hold", "profiles = [\"none\"]", "9: no listed entity has the profile"),
        ("hold", "entities = [\"g7\"]", "9: unknown entity `g7`"),
        ("hold", "entities = [\"g2\"]", "1: rule `a`: `g2` has not all of the thresholds bd1"),
        ("hold", "entities = []", "9: `entities` must be a list of strings, not empty"),
        ("hold", "bad_quality = [\"odd\"]", "9: `bad_quality` lists"),
        ("hold", "revise_step = 0", "9: `revise_step` must be above 0"),
        ("title", "", "1: rule `a`: `title` is missing"),
        ("title", "title = { vi = \"t\" }", "10: `title` of rule `a`: `en` is missing"),
        ("title", "title = { vi = \"t\", en = \"\" }", "10: `en` is empty"),
        ("message", "message = { vi = \"{name\", en = \"x\" }", "11: `{` without `}`"),
        ("message", "message = { vi = \"}\", en = \"x\" }", "11: `}` without `{`"),
        ("message", "message = { vi = \"{levle}\", en = \"x\" }", "11: slot `{levle}`: unknown name"),
        ("message", "message = { vi = \"{silence}\", en = \"x\" }", "11: slot `{silence}`: is for rules of kind"),
        ("message", "message = { vi = \"{level:.9}\", en = \"x\" }", "11: slot `{level:.9}`: `.DECIMALS` takes"),
        ("message", "message = { vi = \"{level:=at|above}\", en = \"x\" }", "11: slot `{level:=at|above}`: `:=` takes three texts"),
        ("message", "message = { vi = \"{label.lake}\", en = \"x\" }", "1: rule `a`: `g1` has no label `lake`"),
        ("guidance", "", "1: rule `a`: `guidance` is missing"),
        ("guidance", "guidance = \"do\"", "12: `guidance` must be a table"),
        ("guidance", "guidance = {", "12: "),
    ];
    for (key, with, wanted) in table {
        let told = errors(&change(RULE, key, with), LIMIT);
        let found = told
            .iter()
            .any(|error| error.starts_with(&format!("rules/r.toml:{wanted}")));
        assert!(found, "{with}\nwanted {wanted}\ntold {told:#?}");
    }
}

#[test]
fn thresholds() {
    let table: &[(&str, &str, &str)] = &[
        ("name", "name = \"BĐ 1\"", "2: `name` is written with"),
        ("measure", "measure = \"x\"", "3: unknown measure `x`"),
        ("entity", "entity = \"x\"", "4: unknown entity `x`"),
        (
            "entity",
            "profile = \"x\"",
            "4: no listed entity has the profile `x`",
        ),
        (
            "entity",
            "entity = \"g1\"\nprofile = \"gauge\"",
            "5: `entity` and `profile` exclude",
        ),
        ("value", "value = nan", "5: `value` must be a finite number"),
        (
            "value",
            "value = \"5,0\"",
            "5: `value` must be a finite number",
        ),
        ("source", "", "1: limit: `source` is missing"),
        ("verified", "", "1: limit: `verified` is missing"),
        (
            "verified",
            "verified = true\nsauce = 1",
            "9: unknown key `sauce`",
        ),
        (
            "verified",
            "verified = true\neffective_from = 2026-02-01\neffective_to = 2026-01-01",
            "10: `effective_to` lies before",
        ),
    ];
    for (key, with, wanted) in table {
        let told = errors(RULE, &change(LIMIT, key, with));
        let found = told
            .iter()
            .any(|error| error.starts_with(&format!("thresholds.toml:{wanted}")));
        assert!(found, "{with}\nwanted {wanted}\ntold {told:#?}");
    }
    let twice = format!("{LIMIT}{LIMIT}");
    assert!(errors(RULE, &twice)[0].starts_with("thresholds.toml:9: limit `bd1` is there twice"));
}

#[test]
fn all_at_once() {
    let first = change(
        &change(RULE, "version", ""),
        "condition",
        "condition = \"levle > x\"",
    );
    let second = change(RULE, "title", "tilte = 1");
    let told = errors(&format!("{first}{second}"), &change(LIMIT, "unit", ""));
    assert!(told.len() >= 6, "{told:#?}");
    assert!(
        told.iter()
            .any(|error| error.starts_with("rules/r.toml:13: rule `a`: `title`")),
        "{told:#?}"
    );
    let twice = errors(&format!("{RULE}{RULE}"), LIMIT);
    assert!(
        twice[0].starts_with("rules/r.toml:13: rule `a` is there twice"),
        "{twice:#?}"
    );
}
