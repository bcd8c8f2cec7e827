//! The machine and the comparison of what was told with what is so.

use std::sync::Arc;

use event::{
    Event, EventFlags, EventId, MeasureInfo, MeasureType, Measured, PackFiles, Quality, Status,
    Stream, Text, Time, Vocabulary,
};

use super::Kernel;
use super::diff::{Span, difference};
use super::machine::{Answer, Machine, Phase, Shape, Turn};
use super::state::Told;
use super::watch::{Desk, News};
use crate::engine::Origin;
use crate::ruleset::RuleSet;
use crate::signal::{EpisodeId, Signal};

const HELD: Shape = Shape {
    hold_ns: 10,
    release_ns: 5,
    lasts_ns: None,
};

/// Steps through points with whether the condition holds; what the clock says at the end counts up to `now`.
fn run(shape: Shape, points: &[(i64, bool)], now: i64) -> Vec<Turn> {
    let mut machine = Machine::NEW;
    let mut turns = Vec::new();
    for (point, holds) in points {
        while let Some(turn) = machine.before(*point, shape) {
            turns.push(turn);
        }
        let answers = if *holds {
            (Answer::Yes, Answer::No)
        } else {
            (Answer::No, Answer::Yes)
        };
        turns.extend(machine.at(*point, answers, shape));
    }
    while let Some(turn) = machine.after(now, shape) {
        turns.push(turn);
    }
    turns
}

/// Points, journal time, turns.
type Row<'a> = (&'a [(i64, bool)], i64, &'a [Turn]);

#[test]
fn holds_and_releases() {
    let began = |since| Turn::Began { since };
    let ended = |until| Turn::Ended { until };
    let table: [Row<'_>; 7] = [
        (&[(0, true)], 9, &[]),
        (&[(0, true)], 10, &[began(0)]),
        (&[(0, true), (10, true)], 10, &[began(0)]),
        // At the very end it still breaks; after the end it comes too late and begins the release.
        (&[(0, true), (10, false)], 99, &[]),
        (&[(0, true), (11, false)], 16, &[began(0), ended(11)]),
        (&[(0, true), (11, false), (14, true)], 99, &[began(0)]),
        (
            &[(0, true), (30, false), (36, true)],
            36,
            &[began(0), ended(30)],
        ),
    ];
    for (points, now, wanted) in table {
        assert_eq!(run(HELD, points, now), wanted, "{points:?} at {now}");
    }
}

#[test]
fn an_episode_that_lasts_ends_by_itself() {
    let shape = Shape {
        hold_ns: 0,
        release_ns: 0,
        lasts_ns: Some(20),
    };
    let turns = run(shape, &[(0, true), (10, true), (25, true)], 44);
    let wanted = [
        Turn::Began { since: 0 },
        Turn::Ended { until: 20 },
        Turn::Began { since: 25 },
    ];
    assert_eq!(turns, wanted);
    assert!(Phase::Active.is_on());
}

fn told(episode: u64, since: i64, until: Option<i64>) -> Told {
    Told {
        episode: EpisodeId(episode),
        since,
        until,
        at: since,
        value: None,
        suspect: false,
    }
}

const fn span(since: i64, until: Option<i64>) -> Span {
    Span {
        since,
        until,
        began_at: since,
        ended_at: since,
    }
}

/// What is told when `before` was told and `now` is so: a letter a piece of news, with its episode.
fn news(before: &[Told], now: &[Span]) -> String {
    let mut desk = Desk {
        episodes: 10,
        ..Desk::default()
    };
    let left = difference(before.to_vec(), now, 100, &mut desk);
    let spans: Vec<_> = left.iter().map(|told| (told.since, told.until)).collect();
    let wanted: Vec<_> = now.iter().map(|span| (span.since, span.until)).collect();
    assert_eq!(spans, wanted);
    let words = desk.news.iter().map(|one| {
        let word = match one {
            News::Began { .. } => "began",
            News::Changed { .. } => "changed",
            News::Ended { .. } => "ended",
            News::Annulled { .. } => "annulled",
            News::Merged { .. } => "merged",
            News::Settled { .. } => "settled",
        };
        format!("{word} {}", one.episode().0)
    });
    words.collect::<Vec<_>>().join(", ")
}

#[test]
fn the_difference_is_told() {
    let two = [told(1, 0, Some(10)), told(2, 20, None)];
    assert_eq!(news(&two, &[span(0, Some(10)), span(20, None)]), "");
    assert_eq!(news(&two, &[span(0, None)]), "merged 2, changed 1");
    assert_eq!(news(&two, &[span(20, None)]), "annulled 1");
    assert_eq!(news(&two, &[span(0, Some(10))]), "annulled 2");
    assert_eq!(
        news(
            &two,
            &[span(0, Some(10)), span(20, Some(25)), span(30, None)]
        ),
        "ended 2, began 11"
    );
    assert_eq!(
        news(
            &two,
            &[span(0, Some(10)), span(12, Some(15)), span(18, None)]
        ),
        "began 11, changed 2"
    );
    // Both go on in the spans that they overlap.
    assert_eq!(
        news(&two, &[span(0, Some(22)), span(25, None)]),
        "changed 1, changed 2"
    );
    // What begins where another ended is another one.
    assert_eq!(
        news(&[told(1, 0, Some(10))], &[span(10, None)]),
        "annulled 1, began 11"
    );
}

/// A kernel of one rule over gauges that no catalogue lists.
fn kernel() -> Kernel {
    let rule = "[[rule]]\nid = \"held\"\nversion = 1\nkind = \"condition\"\nstream = \"disaster\"\n\
                severity = \"minor\"\nmeasure = \"level\"\n\
                condition = \"mean(level, duration('10m')) > 1.0\"\nhold = \"1s\"\n\
                title = { vi = \"t\", en = \"t\" }\nmessage = { vi = \"m\", en = \"m\" }\n\
                guidance = { vi = \"g\", en = \"g\" }\n";
    let mut files = PackFiles::default();
    files
        .files
        .insert("rules/all.toml".to_owned(), rule.as_bytes().to_vec());
    let mut vocabulary = Vocabulary::default();
    let level = MeasureInfo {
        name: "level".into(),
        kind: MeasureType::Number,
        unit: "m".into(),
        unit_text: Text::default(),
        label: Text::default(),
        decimals: 2,
    };
    vocabulary.measures.insert("level".to_owned(), level);
    let rules = RuleSet::load(&files, &vocabulary).unwrap();
    Kernel::new(Arc::new(rules), Arc::new(vocabulary))
}

fn reading(entity: &str, second: i64, value: f64) -> Event {
    let at = Time(second * Time::SECOND);
    Event {
        id: EventId::default(),
        kind: event::Kind::Reading,
        stream: Stream::Disaster,
        status: Status::Actual,
        site: "test".into(),
        entity: entity.into(),
        device: entity.into(),
        observed: at,
        observed_until: None,
        valid_from: None,
        valid_to: None,
        received: at,
        processed: at,
        sequence: None,
        place: None,
        flags: EventFlags::default(),
        values: vec![Measured {
            measure: "level".into(),
            value: event::Value::Number(value),
            unit: "m".into(),
            quality: Quality::GOOD,
        }],
    }
}

const fn origin(offset: u64, second: i64) -> Origin {
    let now = Time(second * Time::SECOND);
    Origin {
        journal: event::JournalId([0; 16]),
        offset,
        now,
        wall: now,
    }
}

#[test]
fn all_together_have_a_bound() {
    let mut kernel = kernel();
    kernel.observations_max = 320;
    let mut out = Vec::new();
    let small = ["a", "b", "c"];
    for second in 0..600 {
        let entity = match second % 10 {
            0 => small[(second / 10 % 3) as usize],
            _ => "big",
        };
        let origin = origin(second as u64, second);
        kernel.event(&origin, &reading(entity, second, 2.0), &mut out);
        assert!(kernel.observations <= 320);
    }
    let kept = |kernel: &Kernel, entity: &str| {
        let unit = kernel.units.iter().find(|unit| &*unit.entity == entity);
        unit.unwrap().history.len()
    };
    let all: usize = kernel.units.iter().map(|unit| unit.history.len()).sum();
    assert_eq!(kernel.observations, all);
    assert_eq!(small.map(|entity| kept(&kernel, entity)), [20; 3]);
    let dropped = kernel.counters.observations_dropped;
    assert_eq!(dropped as usize + all, 600);
    assert!(dropped >= 280, "{dropped}");
    // What has gone is history now.
    let late = origin(601, 601);
    kernel.event(&late, &reading("big", 5, 0.0), &mut out);
    assert_eq!(kernel.counters.history, 1);
    let began = out
        .iter()
        .filter(|signal| matches!(signal, Signal::Began { .. }));
    assert_eq!(began.count(), 4);
}

#[test]
fn a_changed_rule_settles_what_is_over() {
    let mut kernel = kernel();
    let mut out = Vec::new();
    for (second, value) in [(0, 2.0), (10, 2.0), (20, -9.0), (2_000, 2.0), (2_010, 2.0)] {
        let origin = origin(second as u64, second);
        kernel.event(&origin, &reading("a", second, value), &mut out);
    }
    let began: Vec<_> = (out.iter())
        .filter_map(|signal| {
            let Signal::Began { episode, .. } = signal else {
                return None;
            };
            Some(*episode)
        })
        .collect();
    assert_eq!(began.len(), 2);
    out.clear();
    let (rules, vocabulary) = (
        RuleSet::load(&PackFiles::default(), &kernel.vocabulary).unwrap(),
        Arc::clone(&kernel.vocabulary),
    );
    kernel.set_rules(Arc::new(rules), vocabulary, &origin(9, 2_020), &mut out);
    let wanted = [
        Signal::Annulled { episode: began[1] },
        Signal::Settled { episode: began[0] },
    ];
    assert_eq!(out, wanted);
}

#[test]
fn the_evidence_has_the_spans_that_were_looked_at() {
    let mut kernel = kernel();
    let mut out = Vec::new();
    for second in [0, 300, 900, 901] {
        let origin = origin(second as u64, second);
        kernel.event(&origin, &reading("a", second, 2.0), &mut out);
    }
    let Some(Signal::Began { said, .. }) = out.first() else {
        panic!("{out:?}");
    };
    let [window] = &said.windows[..] else {
        panic!("{:?}", said.windows);
    };
    let seconds = |time: Time| time.0 / Time::SECOND;
    let ten_minutes = seconds(window.to) - seconds(window.from);
    assert_eq!((ten_minutes, window.to), (600, said.at));
    assert_eq!(window.count as usize, window.samples.len());
    let inside = |at: &Time| window.from <= *at && *at <= window.to;
    assert!(window.samples.iter().all(|(at, ..)| inside(at)));
}
