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
        ("condition", &costly, "8: may cost"),
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
        ("condition", "condition = \"times(times(level > 1.0, duration('1h')) > 2.0, duration('1h')) > 2.0\"", "8: may cost"),
        ("condition", "condition = \"times(1.0 > 0.0, duration('1h')) > 2.0\"", "8: the condition does not depend"),
        ("condition", "condition = \"times(level, duration('1h')) > 2.0\"", "8: `times` needs a bool"),
        ("condition", "condition = \"percentile(level, 101, duration('1h')) > 2.0\"", "8: `percentile` takes a fixed number from 0 to 100"),
        ("condition", "condition = \"mean(level, tumbling('7h')) > 2.0\"", "8: a tumbling window divides a day"),
        ("condition", "condition = \"mean(level, session('13h')) > 2.0\"", "8: the silence that ends a session"),
        ("condition", "condition = \"tumbling('1h') > duration('1h')\"", "8: `tumbling` can only stand as the window"),
        ("condition", "condition = \"deviation(level, 15) > 3.0\"", "8: `deviation` takes a fixed whole number of days, 1 to 14"),
        ("condition", "condition = \"quality(level, 'odd')\"", "8: a quality flag is one of out_of_range"),
        ("condition", "condition = \"time_to(level, mode, duration('1h')) < duration('1h')\"", "8: `time_to` needs a number second"),
        ("condition", "condition = \"across('max', level) > 2.0\"", "8: `across` is for rules with `site = true`"),
        ("condition", "condition = \"local_hour() > 2.0\"", "8: `condition` does not depend on any measure"),
        ("hold", "site = true", "8: a rule for the whole site reads `level` through across"),
        ("hold", "site = true\n[rule.corroborate]\nwithin_km = 5", "10: a rule for the whole site has no neighbours"),
        ("hold", "enabled = \"1.0 > 0.0\"", "9: `enabled` is always the same"),
        ("hold", "enabled = \"levle > 0.0\"", "9: unknown name `levle`"),
        ("hold", "priority = \"urgent\"", "9: `priority` is one of high, medium, low"),
        ("hold", "cause = \"Flood!\"", "9: `cause` is written with"),
        ("hold", "response = [\"Monitor\", \"Run\"]", "9: `response` lists Shelter"),
        ("hold", "response = [\"Monitor\", \"Monitor\"]", "9: `Monitor` is there twice"),
        ("hold", "audience = [\"a b\"]", "9: an audience is written with"),
        ("hold", "effective_from = 2026-02-01\neffective_to = 2026-02-01", "10: `effective_to` lies before"),
        ("hold", "remind_every = \"5s\"", "9: `remind_every` is at least 1 min"),
        ("hold", "areas = [\"99999\"]", "9: no commune or ward has the code `99999`"),
        ("hold", "latch = 1", "9: `latch` must be true or false"),
        ("hold", "first = \"level > 1.0\"", "9: `first` is for rules of kind `sequence` only"),
        ("hold", "members = { a = \"g1\" }", "9: `members` is for rules of kind `correlation` only"),
        ("kind", "kind = \"sequence\"", "8: `condition` is for rules of kind `condition`, `correlation` only"),
        ("kind", "kind = \"sequence\"", "1: rule `a`: `within` is missing"),
        ("kind", "kind = \"correlation\"", "1: rule `a`: `members` is missing"),
        ("kind", "kind = \"correlation\"\nmembers = { up = \"g1\" }", "5: `members` names 2 to 16 entities"),
        ("kind", "kind = \"correlation\"\nmembers = { up = \"g1\", down = \"g9\" }", "5: unknown entity `g9`"),
        ("kind", "kind = \"correlation\"\nmembers = { up = \"g1\", limit = \"g2\" }", "5: a member is named with"),
        ("kind", "kind = \"correlation\"\nmembers = { up = \"g1\", down = \"g2\" }", "9: whose `level`? write MEMBER.level"),
        ("kind", "kind = \"correlation\"\nmembers = { up = \"g2\", down = \"g1\" }\nentities = [\"g1\"]", "6: `entities` has no meaning"),
        ("guidance", "guidance = { vi = \"g\", en = \"g\" }\n[rule.corroborate]", "13: `corroborate` of rule `a`: `within_km` or `river` is missing"),
        ("guidance", "guidance = { vi = \"g\", en = \"g\" }\n[rule.corroborate]\nwithin_km = 900", "14: `within_km` lies above 0"),
        ("guidance", "guidance = { vi = \"g\", en = \"g\" }\n[rule.corroborate]\nwithin_km = 9\ntravel = \"6h\"", "15: `travel` goes with `river`"),
        ("guidance", "guidance = { vi = \"g\", en = \"g\" }\n[rule.corroborate]\nriver = \"upstream\"", "13: `corroborate` of rule `a`: `travel` is missing"),
        ("guidance", "guidance = { vi = \"g\", en = \"g\" }\n[rule.corroborate]\nriver = \"left\"\ntravel = \"6h\"", "14: `river` is one of upstream"),
        ("guidance", "guidance = { vi = \"g\", en = \"g\" }\n[rule.corroborate]\nwithin_km = 9\nlone_severity = \"critical\"", "15: `lone_severity` is graver"),
        ("guidance", "guidance = { vi = \"g\", en = \"g\" }\n[rule.corroborate]\nwithin_km = 9\nat_least = 0\nwindow = \"2d\"\nodd = 1", "15: `at_least` must be a whole number"),
        ("guidance", "guidance = { vi = \"g\", en = \"g\" }\n[rule.corroborate]\nwithin_km = 9\ncondition = \"levle > 1.0\"", "15: unknown name `levle`"),
    ];
    let mut missed = String::new();
    for (key, with, wanted) in table {
        let told = errors(&change(RULE, key, with), LIMIT);
        let wanted = format!("rules/r.toml:{wanted}");
        if !told.iter().any(|error| error.starts_with(&wanted)) {
            missed += &format!("{with}\nwanted {wanted}\ntold {told:#?}\n");
        }
    }
    assert!(missed.is_empty(), "{missed}");
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

/// A rule of each new kind, as the documentation has them.
#[test]
fn the_other_kinds_are_good() {
    let head = |kind: &str| {
        let text = change(RULE, "kind", &format!("kind = \"{kind}\""));
        change(&change(&text, "condition", ""), "hold", "")
    };
    let sequence = format!(
        "{}first = \"level > limit.bd1\"\nthen = \"on\"\nwithin = \"30m\"\nmissing = true\nlasts = \"1h\"\n",
        head("sequence")
    );
    let plain = change(
        &head("correlation"),
        "message",
        r#"message = { vi = "{up.level}", en = "x" }"#,
    );
    let correlation = format!(
        "{}condition = \"up.level > limit.bd1 && down.on\"\nclear = \"up.level < 1.0\"\n[rule.members]\nup = \"g1\"\ndown = \"e1\"\n",
        change(&plain, "id", "id = \"b\"")
    );
    let plain = change(
        RULE,
        "message",
        r#"message = { vi = "{across('max', level)}", en = "x" }"#,
    );
    let plain = change(&plain, "id", "id = \"c\"");
    let site = change(
        &plain,
        "condition",
        "condition = \"across('count', level >= limit.bd1) >= 1.0\"\nsite = true\nenabled = \"local_hour() >= 6.0\"",
    );
    let corroborated = format!(
        "{}priority = \"high\"\ncause = \"flood\"\nresponse = [\"Monitor\", \"Evacuate\"]\naudience = [\"duty\"]\nlatch = true\n\
         remind_every = \"30m\"\nestimate = true\nareas = [\"02647\"]\neffective_from = 2026-01-01\n\
         [rule.corroborate]\nwithin_km = 10\nat_least = 1\nwindow = \"30m\"\nlone_severity = \"warning\"\n",
        change(RULE, "id", "id = \"d\"")
    );
    let text = [sequence, correlation, site, corroborated].concat();
    assert_eq!(errors(&text, LIMIT), Vec::<String>::new());
    let mut files = PackFiles::default();
    files.files.insert("rules/r.toml".to_owned(), text.into());
    files
        .files
        .insert("rules/shadow/new.toml".to_owned(), RULE.into());
    files.files.insert(
        "rules/shadow/d.toml".to_owned(),
        change(RULE, "id", "id = \"d\"").into(),
    );
    files
        .files
        .insert("rules/cases/a.toml".to_owned(), "anything = 1".into());
    files
        .files
        .insert("thresholds.toml".to_owned(), LIMIT.into());
    let rules = RuleSet::load(&files, &vocabulary()).unwrap();
    let listed: Vec<String> = (rules.info().iter())
        .map(|rule| format!("{} {} {}", rule.id, rule.kind, rule.shadow))
        .collect();
    let wanted = [
        "a sequence false",
        "a condition true",
        "b correlation false",
        "c site false",
        "d condition false",
        "d condition true",
    ];
    assert_eq!(listed, wanted);
    assert!(rules.info().iter().all(|rule| rule.cost > 0));
}

#[test]
fn five_mistakes_in_one_file_are_five_errors() {
    let mut text = change(RULE, "severity", "severity = \"bad\"");
    text = change(&text, "condition", "condition = \"levle > 1.0\"");
    text = change(&text, "hold", "hold = \"soon\"\npriority = \"urgent\"");
    text = change(&text, "guidance", "guidance = { vi = \"g\" }");
    let told = errors(&text, LIMIT);
    let lines: Vec<&str> = (told.iter())
        .map(|error| error.split(' ').next().unwrap())
        .collect();
    let wanted = [6, 8, 9, 10, 13].map(|line| format!("rules/r.toml:{line}:"));
    assert_eq!(lines, wanted, "{told:#?}");
}

fn advice(rules: &str, limits: &str, vocabulary: &event::Vocabulary) -> Vec<String> {
    let mut files = PackFiles::default();
    files.files.insert("rules/r.toml".to_owned(), rules.into());
    files
        .files
        .insert("thresholds.toml".to_owned(), limits.into());
    let rules = RuleSet::load(&files, vocabulary).unwrap();
    rules.advice().iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_seldom_meant_is_told_and_kept_nothing_out() {
    let vocabulary = vocabulary();
    let limit = &change(LIMIT, "source", "source = \"Decision 5\"");
    assert_eq!(advice(RULE, limit, &vocabulary), Vec::<String>::new());
    let told = |text: &str, limits: &str, wanted: &str| {
        let told = advice(text, limits, &vocabulary);
        assert!(
            told.len() == 1 && told[0].starts_with(wanted),
            "{wanted}\n{told:#?}"
        );
    };
    told(
        &change(RULE, "hold", ""),
        limit,
        "rules/r.toml:1: rule `a`: rings and clears at every crossing",
    );
    let bare = change(RULE, "condition", "condition = \"level > 3.0\"");
    told(
        &bare,
        limit,
        "rules/r.toml:1: rule `a`: compares with a bare number",
    );
    let unverified = change(limit, "verified", "verified = false");
    let critical = change(RULE, "severity", "severity = \"critical\"");
    told(
        &critical,
        &unverified,
        "rules/r.toml:1: rule `a`: is critical, but its threshold `bd1` is not verified",
    );
    told(
        RULE,
        &change(limit, "source", "source = \"tbd\""),
        "thresholds.toml: limit `bd1`: its source says nothing",
    );
    let alone = format!("{RULE}[rule.corroborate]\nriver = \"both\"\ntravel = \"6h\"\n");
    told(
        &alone,
        limit,
        "rules/r.toml:1: rule `a`: only 0 of its entities have a place",
    );
}

#[test]
fn a_gateway_should_ring_before_its_devices() {
    let mut vocabulary = vocabulary();
    let box_of = vocabulary.entities.get("e1").unwrap().clone();
    for id in ["s1", "s2"] {
        let mut device = box_of.clone();
        device.id = id.into();
        device.profile = "sensor".into();
        device.gateway = Some("e1".into());
        vocabulary.entities.insert(id.to_owned(), device);
    }
    let silence = |id: &str, profile: &str, after: &str| {
        let text = change(RULE, "id", &format!("id = \"{id}\""));
        let text = change(
            &text,
            "kind",
            &format!("kind = \"absence\"\nprofiles = [\"{profile}\"]"),
        );
        let text = change(&change(&text, "measure", ""), "condition", "");
        let text = change(&text, "message", r#"message = { vi = "x", en = "x" }"#);
        change(&text, "hold", &format!("after = \"{after}\""))
    };
    let devices = silence("device", "sensor", "30m");
    let told = advice(&devices, "", &vocabulary);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(
        told[0].ends_with("whose own silence no rule watches"),
        "{told:#?}"
    );
    let slow = format!("{devices}{}", silence("box", "box", "1h"));
    let told = advice(&slow, "", &vocabulary);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(
        told[0].contains("rings for the gateway `e1` after 3600 s, later than `device`"),
        "{told:#?}"
    );
    let quick = format!("{devices}{}", silence("box", "box", "30m"));
    assert_eq!(advice(&quick, "", &vocabulary), Vec::<String>::new());
}

/// Every example of the documentation is a condition that the loader takes.
#[test]
fn the_documented_examples_are_good() {
    let text = include_str!("../../../docs/rules.md");
    let block = text.split("### Examples").nth(1).unwrap();
    let block = block.split("```").nth(1).unwrap();
    let mut vocabulary = vocabulary();
    for name in ["voltage", "load", "pm25", "rain"] {
        common::measure(&mut vocabulary, name, event::MeasureType::Number, "1", 1);
    }
    let mut limits = String::new();
    for measure in ["level", "load", "pm25", "rain"] {
        for name in ["bd1", "bd2", "bd3", "watch", "day", "event"] {
            let text = change(LIMIT, "entity", "profile = \"gauge\"");
            let text = change(&text, "measure", &format!("measure = \"{measure}\""));
            limits += &change(&text, "name", &format!("name = \"{name}\""));
        }
    }
    let mut count = 0;
    for line in block.lines().filter(|line| !line.is_empty()) {
        let measure = ["voltage", "load", "pm25", "rain"]
            .into_iter()
            .find(|name| line.contains(name));
        let measure = measure.unwrap_or("level");
        let text = change(RULE, "measure", &format!("measure = \"{measure}\""));
        let text = change(&text, "message", r#"message = { vi = "x", en = "x" }"#);
        let site = if line.contains("across") {
            "\nsite = true"
        } else {
            ""
        };
        let text = change(&text, "condition", &format!("condition = \"{line}\"{site}"));
        let mut files = PackFiles::default();
        files.files.insert("rules/r.toml".to_owned(), text.into());
        files
            .files
            .insert("thresholds.toml".to_owned(), limits.clone().into());
        let loaded = RuleSet::load(&files, &vocabulary);
        assert!(loaded.is_ok(), "{line}\n{:#?}", loaded.err());
        count += 1;
    }
    assert!(count >= 8, "{count}");
}
