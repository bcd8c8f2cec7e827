//! The machine and the comparison of what was told with what is so.

use super::diff::{Span, difference};
use super::machine::{Answer, Machine, Phase, Shape, Turn};
use super::state::Told;
use super::watch::{Desk, News};
use crate::signal::EpisodeId;

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
