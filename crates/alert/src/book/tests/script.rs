//! The steps of a case and how effects are written.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use event::{
    Action, AlertId, AlertSource, AlertState, CloseCause, Command, JournalId, PublicWarningId,
    Rating, Severity, Status, Stream, SuppressionId, SuppressionKind, SuppressionScope, Time,
    WarningText, WarningType,
};

use super::shown::{name_of, show, shown};
use super::world::{START, World, text};
use crate::book::{Book, BookSaved, Context};
use crate::engine::Origin;
use crate::signal::{EpisodeId, Key, Said, Signal};

pub(super) type Words<'a> = BTreeMap<&'a str, &'a str>;

pub(super) fn minutes(word: &str) -> i64 {
    match word.strip_prefix('-') {
        Some(word) => -crate::cel::parse_duration(word).unwrap(),
        None => crate::cel::parse_duration(word).unwrap_or_else(|| panic!("no time: {word}")),
    }
}

fn time(word: &str) -> Time {
    Time::parse(START).unwrap().plus(minutes(word))
}

pub(super) fn said(words: &Words<'_>, at: Time) -> Box<Said> {
    let severity = match words.get("sev").copied().unwrap_or("major") {
        "critical" => Severity::Critical,
        "minor" => Severity::Minor,
        "info" => Severity::Info,
        _ => Severity::Major,
    };
    Box::new(Said {
        rule_version: 1,
        stream: Stream::Disaster,
        severity,
        rating: Rating {
            cause: words.get("cause").map(|cause| (*cause).into()),
            ..Rating::default()
        },
        entity_name: text("name"),
        area: words.get("area").map(|area| (*area).into()),
        area_name: None,
        lat: None,
        lon: None,
        gateway: words.get("gateway").map(|gateway| (*gateway).into()),
        title: text("title"),
        message: text("message"),
        guidance: text("guidance"),
        measure: Some("level".into()),
        value: words.get("value").map(|value| value.parse().unwrap()),
        unit: Some("m".into()),
        scale: Vec::new(),
        unofficial: false,
        latches: words.contains_key("latch"),
        remind_every: words.get("remind").map(|every| minutes(every)),
        condition: "level >= 5".to_owned(),
        hold_seconds: 0,
        values: Vec::new(),
        windows: Vec::new(),
        limits: Vec::new(),
        last_heard: None,
        at,
    })
}

fn status(words: &Words<'_>) -> Status {
    match words.get("status").copied() {
        Some("exercise") => Status::Exercise,
        Some("test") => Status::Test,
        _ => Status::Actual,
    }
}

fn episode(word: &str) -> EpisodeId {
    EpisodeId(word.strip_prefix('e').unwrap().parse().unwrap())
}

fn until(word: &str) -> Option<Time> {
    (word != "-").then(|| time(word))
}

impl World {
    pub(super) fn origin(&self) -> Origin {
        Origin {
            journal: JournalId([0; 16]),
            offset: self.offset,
            now: self.now,
            wall: self.now,
        }
    }

    /// The alert `rule/entity`, newest first; with `#n` the n-th from the first.
    pub(super) fn id(&self, word: &str) -> AlertId {
        let (name, number) = word.split_once('#').map_or((word, None), |(name, number)| {
            (name, Some(number.parse::<usize>().unwrap()))
        });
        let mut named: Vec<_> = (self.book.alerts())
            .filter(|alert| name_of(alert) == name)
            .collect();
        named.sort_by_key(|alert| (alert.raised, alert.id.clone()));
        let index = number.map_or(named.len().saturating_sub(1), |number| number - 1);
        let none = || AlertId("none".to_owned());
        named.get(index).map_or_else(none, |alert| alert.id.clone())
    }

    fn signal(&self, verb: &str, names: &[&str], words: &Words<'_>) -> Option<Signal> {
        Some(match verb {
            "began" => {
                let (rule, entity) = names[1].split_once('/').unwrap();
                let source = words.get("source").copied();
                Signal::Began {
                    episode: episode(names[0]),
                    key: Key {
                        rule: rule.into(),
                        entity: entity.into(),
                        status: status(words),
                        retrospective: words.contains_key("history"),
                        source: source.map_or(AlertSource::Rule, |_| AlertSource::Warning),
                        shadow: words.contains_key("shadow"),
                        about: None,
                    },
                    since: time(names[2]),
                    until: names.get(3).and_then(|word| until(word)),
                    said: said(words, self.now),
                }
            }
            "changed" => Signal::Changed {
                episode: episode(names[0]),
                since: time(names[1]),
                until: until(names[2]),
                said: (!words.is_empty()).then(|| said(words, self.now)),
            },
            "ended" => Signal::Ended {
                episode: episode(names[0]),
                until: time(names[1]),
                value: Some(1.0),
                values: Vec::new(),
            },
            "annulled" => Signal::Annulled {
                episode: episode(names[0]),
            },
            "merged" => Signal::Merged {
                episode: episode(names[0]),
                into: episode(names[1]),
            },
            "settled" => Signal::Settled {
                episode: episode(names[0]),
            },
            _ => return None,
        })
    }

    fn action(&self, verb: &str, names: &[&str], words: &Words<'_>) -> Action {
        let reason = || {
            words
                .get("why")
                .copied()
                .unwrap_or("because")
                .replace('_', " ")
        };
        match verb {
            "ack" => Action::Acknowledge,
            "shelve" => Action::Shelve {
                until: self.now.plus(minutes(names[2])),
                reason: reason(),
                one_shot: words.contains_key("once"),
            },
            "unshelve" => Action::Unshelve,
            "comment" => Action::Comment { text: reason() },
            "assign" => Action::Assign {
                to: names.get(2).copied().unwrap_or("").to_owned(),
            },
            "escalate" => Action::Escalate {
                level: names.get(2).map(|level| (*level).into()),
                reason: reason(),
            },
            "reset" => Action::Reset,
            "close" => Action::Close {
                cause: match names[2] {
                    "sensor" => CloseCause::SensorFault,
                    "false" => CloseCause::FalseAlert,
                    "other" => CloseCause::Other,
                    _ => CloseCause::Handled,
                },
                text: words.get("why").copied().unwrap_or("").to_owned(),
            },
            "reopen" => Action::Reopen { reason: reason() },
            "mark" => Action::MarkFalse { reason: reason() },
            "unmark" => Action::UnmarkFalse,
            "suppress" => self.order(names, words, reason()),
            "lift" => Action::EndSuppression {
                suppression: SuppressionId(names[1].to_owned()),
            },
            "propose" => self.proposal(words),
            "release" => Action::ReleaseWarning {
                warning: PublicWarningId(names[1].to_owned()),
            },
            "reject" => Action::RejectWarning {
                warning: PublicWarningId(names[1].to_owned()),
                reason: reason(),
            },
            _ => panic!("no step: {verb}"),
        }
    }

    fn order(&self, names: &[&str], words: &Words<'_>, reason: String) -> Action {
        let list = |key| {
            let items = words.get(key).copied().unwrap_or("").split(',');
            items.filter(|item| !item.is_empty())
        };
        Action::Suppress {
            kind: match names[1] {
                "maintenance" => SuppressionKind::Maintenance,
                "dependency" => SuppressionKind::Dependency,
                _ => SuppressionKind::OutOfService,
            },
            scope: SuppressionScope {
                entities: list("entities").map(str::to_owned).collect(),
                areas: list("areas").map(Into::into).collect(),
                rules: list("rules").map(Into::into).collect(),
                streams: Vec::new(),
            },
            from: words.get("from").map_or(self.now, |from| time(from)),
            until: words.get("until").map(|until| time(until)),
            reason,
        }
    }

    fn proposal(&self, words: &Words<'_>) -> Action {
        let list = |key| {
            let items = words.get(key).copied().unwrap_or("").split(',');
            items.filter(|item| !item.is_empty())
        };
        Action::ProposeWarning {
            kind: match words.get("kind").copied() {
                Some("update") => WarningType::Update,
                Some("cancel") => WarningType::Cancel,
                _ => WarningType::Alert,
            },
            alerts: list("alerts").map(|word| self.id(word)).collect(),
            references: list("of")
                .map(|id| PublicWarningId(id.to_owned()))
                .collect(),
            text: Box::new(WarningText {
                event: text("flood"),
                headline: text(words.get("headline").copied().unwrap_or("flood")),
                description: text("water"),
                instruction: text("leave"),
                categories: vec!["Met".to_owned()],
                urgency: event::Urgency::Immediate,
                severity: Severity::Critical,
                certainty: event::Certainty::Observed,
                response: Vec::new(),
                areas: list("areas").map(Into::into).collect(),
                onset: None,
                expires: self.now.plus(minutes(words.get("lasts").unwrap_or(&"1h"))),
            }),
        }
    }

    pub(super) fn command(&self, verb: &str, names: &[&str], words: &Words<'_>) -> Command {
        let action = self.action(verb, names, words);
        let alert = action.needs_alert().then(|| self.id(names[1]));
        let seen = alert.as_ref().and_then(|id| self.book.alert(id));
        let revision = seen.map_or(0, |alert| alert.revision);
        Command {
            command_id: names[0].to_owned(),
            operator: words.get("by").copied().unwrap_or("Lan").replace('_', " "),
            verified: false,
            seen_state: seen.map_or(AlertState::Normal, |alert| alert.state),
            seen_revision: words
                .get("rev")
                .map_or(revision, |rev| rev.parse().unwrap()),
            alert,
            action,
        }
    }

    fn copy(&self) -> Book {
        let bytes = postcard::to_allocvec(&self.book.save()).unwrap();
        let saved: BookSaved = postcard::from_bytes(&bytes).unwrap();
        Book::restore(Arc::clone(&self.rules.book), saved)
    }

    /// Carries out a step on the book and on a restored copy of it.
    pub(super) fn step(&mut self, line: &str) -> String {
        let mut names: Vec<&str> = line.split_whitespace().collect();
        let mut words = Words::new();
        let verb = names.remove(0);
        names.retain(|name| match name.split_once('=') {
            Some((key, value)) => words.insert(key, value).is_some(),
            None if ["latch", "history", "shadow", "once"].contains(name) => {
                words.insert(name, "").is_some()
            }
            None => true,
        });
        if verb == "due" {
            let due = self.book.next_due();
            return format!("> due {}\n", due.map_or("-".to_owned(), shown));
        }
        self.offset += 1;
        if verb == "at" {
            self.now = time(names[0]);
        }
        let signal = self.signal(verb, &names, &words);
        let command =
            (signal.is_none() && verb != "at").then(|| self.command(verb, &names, &words));
        let copy = self.checked.then(|| self.copy());
        let origin = self.origin();
        let ctx = Context {
            origin: &origin,
            vocabulary: &self.vocabulary,
            rules: &self.rules,
        };
        let act = |book: &mut Book| {
            let mut out = Vec::new();
            while book.fire(&ctx, &mut out) {}
            let mut verdict = None;
            if let Some(signal) = signal.clone() {
                book.signal(signal, &ctx, &mut out);
            } else if let Some(command) = &command {
                verdict = Some(book.command(&ctx, command, &mut out));
            }
            (out, verdict)
        };
        let (out, verdict) = act(&mut self.book);
        if let Some(mut copy) = copy {
            let same = act(&mut copy);
            assert_eq!(
                same,
                (out.clone(), verdict.clone()),
                "after a restore: {line}"
            );
            assert_eq!(copy.save(), self.book.save(), "after a restore: {line}");
            let kept = self.book.timers.clone();
            self.book.derive_timers();
            assert_eq!(kept, self.book.timers, "timers after: {line}");
        }
        let mut written = String::new();
        for effect in &out {
            written.push_str(&show(effect));
        }
        if let Some(verdict) = verdict {
            match verdict.refusal {
                None => written.push_str("> accepted\n"),
                Some(refusal) => {
                    assert!(!verdict.detail.vi.is_empty() && !verdict.detail.en.is_empty());
                    writeln!(written, "> refused {refusal:?}").unwrap();
                }
            }
        }
        written
    }
}

impl World {
    /// A step whose answer does not matter, without the copy.
    pub(super) fn quick(&mut self, line: &str) {
        self.checked = false;
        self.step(line);
        self.checked = true;
    }

    /// Tells a value of an episode, observed so many minutes in.
    pub(super) fn value(&mut self, episode: u64, number: u64) {
        let at = time(&format!("{number}m"));
        let mut said = said(&Words::new(), at);
        said.values.push(event::EvidenceValue {
            entity: None,
            measure: "level".into(),
            value: event::Value::Number(5.0),
            unit: "m".into(),
            quality: event::Quality::GOOD,
            observed: at,
            received: at,
            processed: at,
            offset: number,
        });
        let origin = self.origin();
        let ctx = Context {
            origin: &origin,
            vocabulary: &self.vocabulary,
            rules: &self.rules,
        };
        let signal = Signal::Changed {
            episode: EpisodeId(episode),
            since: time("0m"),
            until: None,
            said: Some(said),
        };
        self.book.signal(signal, &ctx, &mut Vec::new());
    }
}

/// Runs all cases of a file and compares the whole of it.
pub(super) fn run(file: &str) {
    let mut written = String::new();
    let mut world = super::world::world();
    for line in file.lines() {
        if line.starts_with('>') {
            continue;
        }
        written.push_str(line);
        written.push('\n');
        if line.starts_with("==") {
            world = super::world::world();
        } else if !line.is_empty() && !line.starts_with('#') {
            written.push_str(&world.step(line));
        }
    }
    assert!(written == file, "it gives\n<<<<\n{written}>>>>");
}
