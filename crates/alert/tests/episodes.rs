//! The order of arrival does not matter: within the lateness bound, shuffled input (with duplicates, and restarts at any
//! point) ends in the episodes of ordered input, and whatever is on now is told now.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::order::{BASE, BOUND, Chance, MINUTE, Run, event};
use common::{pack, root, vocabulary};
use event::Event;

const EVENTS: i64 = 160;
const SEEDS: u64 = 60;

fn basic() -> Run {
    let files = pack(&root().join("testdata/packs/basic"));
    Run::new(&files, vocabulary())
}

/// An engine that had everything known so far in observed order tells the same alerts as active: nothing is waited for.
#[test]
fn what_is_on_is_told_at_once() {
    let mut compared = 0;
    for seed in 0..4 {
        let mut chance = Chance(seed * 11 + 5);
        let mut shuffled = basic();
        let mut arrivals = Vec::new();
        let mut minute = 0;
        for number in 0..EVENTS / 2 {
            minute += 1 + chance.below(6) as i64;
            let event = event(&mut chance, &shuffled.vocabulary, "g1", minute);
            let delay = chance.below(BOUND as u64 + 1) as i64;
            arrivals.push((minute + delay, number, event));
        }
        arrivals.sort_by_key(|(at, number, _)| (*at, *number));
        for (count, (at, _, event)) in arrivals.iter().enumerate() {
            let now = BASE + at * MINUTE;
            shuffled.record(now, Some(event));
            let mut known: Vec<&Event> = arrivals[..=count].iter().map(|(_, _, e)| e).collect();
            known.sort_by_key(|event| event.observed);
            let mut ordered = basic();
            for event in known {
                ordered.record(event.observed.0, Some(event));
            }
            ordered.record(now, None);
            assert_eq!(
                shuffled.active(),
                ordered.active(),
                "seed {seed}, record {count}"
            );
            compared += ordered.active().len();
        }
    }
    assert!(compared > 300, "only {compared} active alerts compared");
}

#[test]
fn shuffled_input_ends_in_the_episodes_of_ordered_input() {
    let mut total = 0;
    for seed in 0..SEEDS {
        let mut chance = Chance(seed * 7 + 1);
        let mut ordered = basic();
        let mut shuffled = basic();
        let mut arrivals = Vec::new();
        let mut minute = 0;
        for number in 0..EVENTS {
            minute += 1 + chance.below(6) as i64;
            let entity = if chance.below(3) == 0 { "g2" } else { "g1" };
            let event = event(&mut chance, &ordered.vocabulary, entity, minute);
            ordered.record(event.observed.0, Some(&event));
            // Half of it in order, the rest anywhere within the bound; a tenth comes twice.
            let delay = if chance.below(2) == 0 {
                0
            } else {
                chance.below(BOUND as u64 + 1) as i64
            };
            arrivals.push((minute + delay, number, event.clone()));
            if chance.below(10) == 0 {
                let again = chance.below(BOUND as u64 + 1) as i64;
                arrivals.push((minute + again, EVENTS + number, event));
            }
        }
        arrivals.sort_by_key(|(at, number, _)| (*at, *number));
        for (at, _, event) in &arrivals {
            if chance.below(8) == 0 {
                shuffled.restart();
            }
            shuffled.record(BASE + at * MINUTE, Some(event));
        }
        let end = BASE + (minute + 300) * MINUTE;
        ordered.record(end, None);
        shuffled.record(end, None);
        let (wanted, found) = (ordered.episodes(), shuffled.episodes());
        let missing: Vec<_> = wanted.difference(&found).collect();
        let wrong: Vec<_> = found.difference(&wanted).collect();
        assert!(
            missing.is_empty() && wrong.is_empty(),
            "seed {seed}\nmissing {missing:?}\nwrong {wrong:?}"
        );
        total += wanted.len();
    }
    assert!(total > 1_000, "only {total} episodes");
}
