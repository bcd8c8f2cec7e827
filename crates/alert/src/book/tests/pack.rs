//! `escalation.toml` and `causes.toml`: every mistake at once.

use event::{PackFiles, Vocabulary};

use crate::ruleset::RuleSet;

fn mistakes(files: &[(&str, &str)]) -> Vec<String> {
    let mut pack = PackFiles::default();
    for (path, content) in files {
        pack.files.insert((*path).to_owned(), (*content).into());
    }
    match RuleSet::load(&pack, &Vocabulary::default()) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn all_mistakes_are_told() {
    let escalation = r#"
utc_offset = "7"
[[level]]
id = "A"
name = { vi = "a", en = "a" }
[[level]]
id = "b"
[working_hours]
days = ["mon", "someday"]
from = "17:00"
to = "07:00"
[[ladder]]
severity = "grave"
remind_every = "1s"
steps = [{ after = "10m", level = "A" }, { after = "5m", level = "A" }, { level = "c" }]
"#;
    let causes = "
[[cause]]
id = 'x'
title = { vi = 'x', en = 'x' }
gap = '1s'
[[cause]]
id = 'x'
title = { vi = 'x' }
more = 1
";
    let found = mistakes(&[("escalation.toml", escalation), ("causes.toml", causes)]);
    let expected = [
        "causes.toml:5: `gap` is at least a minute",
        "causes.toml:8: `title` of cause: `en` is missing",
        "causes.toml:9: unknown key `more`; there are gap, id, title",
        "escalation.toml:2: `utc_offset` is written as \"+07:00\"",
        "escalation.toml:4: `id` is written with a-z, 0-9, - and _, at most 64",
        "escalation.toml:6: level: `name` is missing",
        "escalation.toml:8: working hours last at least an hour",
        "escalation.toml:9: `someday` is no day; there are mon, tue, wed, thu, fri, sat, sun",
        "escalation.toml:13: `severity` is one of critical, major, minor, warning, info, not `grave`",
        "escalation.toml:14: `remind_every` is at least a minute",
        "escalation.toml:15: each step comes later and reaches higher than the one before",
        "escalation.toml:15: step: `after` is missing",
        "escalation.toml:15: there is no level `c`",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_pack_without_them_has_no_ladder() {
    assert_eq!(mistakes(&[]), Vec::<String>::new());
}
