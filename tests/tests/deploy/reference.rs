//! `ioc.toml` is the reference of all settings: every key with its default, explained, with the bounds that hold.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ioc_tests::node::Folder;
use ioc_tests::process::{binary, output, repository, run};

use crate::{deploy, text};

/// A setting as the file shows it.
#[derive(Debug)]
struct Setting {
    section: String,
    key: String,
    value: String,
    /// The comment above it, the line with the bounds excepted.
    explained: Vec<String>,
    bounds: String,
}

impl Setting {
    fn name(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }

    /// A configuration that says this, and nothing else that is not needed for it.
    fn with(&self, value: impl std::fmt::Display) -> String {
        // Several connections share the messages only in a group: a bound that another setting is needed for.
        let companion = match (self.section.as_str(), self.key.as_str()) {
            ("broker", "clients") => "shared_group = \"group\"\n",
            _ => "",
        };
        format!("[{}]\n{} = {value}\n{companion}", self.section, self.key)
    }

    /// Least and most, if any, of a number.
    fn range(&self) -> (i128, Option<i128>) {
        let words: Vec<&str> = self
            .bounds
            .split([' ', '.', ';', '('])
            .filter(|word| !word.is_empty())
            .collect();
        let number = |word: &&str| word.parse::<i128>().ok();
        match words.as_slice() {
            ["at", "least", least, ..] if number(least).is_some() => (number(least).unwrap(), None),
            [least, "to", most, ..] if number(least).is_some() && number(most).is_some() => {
                (number(least).unwrap(), number(most))
            }
            _ => panic!(
                "{}: {:?} gives no bounds of a number",
                self.name(),
                self.bounds
            ),
        }
    }

    fn is_number(&self) -> bool {
        self.value.parse::<i128>().is_ok()
    }

    /// The words of a closed set.
    fn choices(&self) -> Vec<String> {
        let Some(list) = self.bounds.strip_prefix("one of ") else {
            return Vec::new();
        };
        let list = list.split(';').next().unwrap();
        list.split('"')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    }
}

/// All settings, and the file as it would be with none of them commented out.
fn read() -> (Vec<Setting>, String) {
    let (mut settings, mut bare) = (Vec::new(), String::new());
    let (mut section, mut comment, mut bounds) = (String::new(), Vec::new(), String::new());
    for (number, line) in text("ioc.toml").lines().enumerate() {
        let at = number + 1;
        if let Some(name) = line.strip_prefix('[') {
            section = name.strip_suffix(']').unwrap().to_owned();
            (comment, bounds) = (Vec::new(), String::new());
        } else if let Some(said) = line.strip_prefix("# Bounds: ") {
            bounds = said.to_owned();
        } else if line == "#" || line.starts_with("# ") {
            comment.push(line[1..].trim().to_owned());
        } else if line.is_empty() {
            (comment, bounds) = (Vec::new(), String::new());
        } else {
            let setting = line.strip_prefix('#').unwrap_or(line);
            let (key, value) = setting
                .split_once(" = ")
                .unwrap_or_else(|| panic!("line {at} is neither comment nor setting: {line}"));
            bare.push_str(&format!("{setting}\n"));
            settings.push(Setting {
                section: section.clone(),
                key: key.to_owned(),
                value: value.to_owned(),
                explained: std::mem::take(&mut comment),
                bounds: std::mem::take(&mut bounds),
            });
            continue;
        }
        if line.starts_with('[') {
            bare.push_str(&format!("{line}\n"));
        }
    }
    (settings, bare)
}

fn keys(table: &toml::Table, before: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (key, value) in table {
        let name = format!("{before}{key}");
        match value {
            toml::Value::Table(inner) => all.extend(keys(inner, &format!("{name}."))),
            _ => {
                all.insert(name);
            }
        }
    }
    all
}

/// `ioc config print` for this text: what it printed, or its complaints.
fn print(folder: &Folder, text: &str) -> Result<String, String> {
    static FILES: AtomicUsize = AtomicUsize::new(0);
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    let path = folder.path().join(format!("{number}.toml"));
    fs::write(&path, text).unwrap();
    let answer = output(
        binary("ioc"),
        ["config", "print", "--config", path.to_str().unwrap()],
    );
    match answer.status.code() {
        Some(0) => Ok(String::from_utf8(answer.stdout).unwrap()),
        Some(2) => Err(String::from_utf8(answer.stderr).unwrap()),
        code => panic!("exit {code:?} for:\n{text}"),
    }
}

#[test]
fn the_reference_has_every_key_with_its_default() {
    let folder = Folder::new("reference");
    let defaults = run(binary("ioc"), ["config", "print"]);
    let (settings, bare) = read();
    let shown: BTreeSet<String> = settings.iter().map(Setting::name).collect();
    let known = keys(&defaults.parse().unwrap(), "");
    let difference: Vec<&String> = shown.symmetric_difference(&known).collect();
    assert!(
        difference.is_empty(),
        "in deploy/ioc.toml or in the defaults, but not in both: {difference:?}"
    );
    assert_eq!(shown.len(), settings.len(), "a setting stands there twice");
    assert_eq!(print(&folder, &bare).unwrap(), defaults, "another default");
    assert_eq!(print(&folder, &text("ioc.toml")).unwrap(), defaults);
}

#[test]
fn every_setting_is_explained_and_bounded() {
    for setting in read().0 {
        assert!(
            !setting.explained.is_empty(),
            "{} is not explained",
            setting.name()
        );
        assert!(
            !setting.bounds.is_empty(),
            "{} has no line \"# Bounds: …\"",
            setting.name()
        );
        if setting.is_number() {
            let (least, most) = setting.range();
            let value = setting.value.parse::<i128>().unwrap();
            assert!(
                least <= value && most.is_none_or(|most| value <= most),
                "{} lies outside {}",
                setting.name(),
                setting.bounds
            );
        }
    }
}

/// What the node says of one number just outside and on its bounds; nothing when all is as the reference says.
fn mistakes(folder: &Folder, setting: &Setting) -> Vec<String> {
    let mut mistakes = Vec::new();
    let (least, most) = setting.range();
    for value in [Some(least), most].into_iter().flatten() {
        if let Err(complaint) = print(folder, &setting.with(value)) {
            mistakes.push(format!(
                "{} = {value} is refused though within \"{}\": {complaint}",
                setting.name(),
                setting.bounds
            ));
        }
    }
    let outside = [(least > 0).then(|| least - 1), most.map(|most| most + 1)];
    for value in outside.into_iter().flatten() {
        if print(folder, &setting.with(value)).is_ok() {
            mistakes.push(format!(
                "{} = {value} is accepted though outside \"{}\"",
                setting.name(),
                setting.bounds
            ));
        }
    }
    mistakes
}

#[test]
fn the_bounds_are_those_that_hold() {
    let folder = Folder::new("bounds");
    let numbers: Vec<Setting> = read().0.into_iter().filter(Setting::is_number).collect();
    let parts: Vec<&[Setting]> = numbers.chunks(numbers.len().div_ceil(4)).collect();
    let wrong: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = parts
            .into_iter()
            .map(|part| {
                let folder = &folder;
                scope.spawn(move || {
                    let all = part.iter().flat_map(|setting| mistakes(folder, setting));
                    all.collect::<Vec<_>>()
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_choices_are_those_that_there_are() {
    let folder = Folder::new("choices");
    let settings = read().0;
    let chosen: Vec<&Setting> = settings
        .iter()
        .filter(|one| !one.choices().is_empty())
        .collect();
    assert!(chosen.len() >= 5, "{chosen:?}");
    for setting in chosen {
        let unknown = |word: &str| match print(&folder, &setting.with(format!("{word:?}"))) {
            Ok(_) => None,
            Err(complaint) => complaint.contains("unknown variant").then_some(complaint),
        };
        for word in setting.choices() {
            assert_eq!(unknown(&word), None, "{}", setting.name());
        }
        assert!(unknown("nonsense").is_some(), "{}", setting.name());
    }
}

/// The file as it is starts a node here: nothing in it is only right on another machine.
#[test]
fn the_reference_as_it_is_is_accepted() {
    let file = deploy("ioc.toml");
    let said = run(binary("ioc"), ["check", "--config", file.to_str().unwrap()]);
    assert!(said.contains("good"), "{said}");
    assert!(
        !said.contains("note:"),
        "it listens beyond loopback: {said}"
    );
    assert!(file.starts_with(repository()));
}
