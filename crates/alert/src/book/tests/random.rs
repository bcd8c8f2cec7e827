//! Random steps: whatever comes in whatever order, a restored book answers alike (the script's own check), and what the
//! book says of itself holds together.

use std::collections::BTreeSet;

use event::{AlertState, SuppressionKind};

use super::world::{World, world};
use crate::book::{SPANS_MAX, SUPPRESSIONS_ENDED_MAX};

struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % most
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }
}

/// A key's newest episode, and whether it holds: the kernel never lets two overlap.
#[derive(Clone, Copy)]
struct Newest {
    episode: u64,
    since: u64,
    holds: bool,
}

const KEYS: [&str; 6] = [
    "hi/g1",
    "silent/gw",
    "silent/d1",
    "silent/d2",
    "hi/r1",
    "hi/r2",
];

fn signal(
    chance: &mut Chance,
    newest: &mut [Option<Newest>; 6],
    next: &mut u64,
    now: u64,
) -> String {
    let at = chance.below(6) as usize;
    let key = KEYS[at];
    let extra = chance.one(&[
        "",
        "cause=flood area=a1",
        "latch",
        "sev=critical cause=flood area=a2",
    ]);
    match (newest[at], chance.below(8)) {
        (Some(last), 0) => {
            newest[at] = None;
            format!("annulled e{}", last.episode)
        }
        (Some(last), 1 | 2) => {
            let holds = chance.below(2) == 0;
            newest[at] = Some(Newest { holds, ..last });
            let until = if holds {
                "-".to_owned()
            } else {
                format!("{now}m")
            };
            format!("changed e{} {}m {until} {extra}", last.episode, last.since)
        }
        (Some(last), _) if last.holds => {
            newest[at] = Some(Newest {
                holds: false,
                ..last
            });
            format!("ended e{} {now}m", last.episode)
        }
        (_, kind) => {
            *next += 1;
            let over = kind == 7;
            let before = newest[at];
            newest[at] = Some(Newest {
                episode: *next,
                since: now,
                holds: !over,
            });
            if let (Some(before), 6) = (before, kind) {
                return format!(
                    "merged e{} e{}",
                    before.episode,
                    before.episode.saturating_sub(6)
                );
            }
            let until = if over {
                format!("{now}m")
            } else {
                String::new()
            };
            format!("began e{next} {key} {now}m {until} {extra}")
        }
    }
}

fn command(chance: &mut Chance, number: u64, now: u64) -> String {
    let key = chance.one(&KEYS);
    let verb = chance.one(&[
        "ack", "ack", "ack", "shelve", "unshelve", "escalate", "reset", "close", "reopen", "mark",
        "unmark", "assign", "suppress", "lift", "propose", "release",
    ]);
    match verb {
        "shelve" => format!("shelve c{number} {key} 30m {}", chance.one(&["", "once"])),
        "close" => format!(
            "close c{number} {key} {}",
            chance.one(&["handled", "sensor", "false"])
        ),
        "assign" => format!("assign c{number} {key} {}", chance.one(&["Hoa", "Minh"])),
        "suppress" => {
            let entity = chance.one(&["g1", "d*", "r1"]);
            format!(
                "suppress c{number} maintenance entities={entity} until={}m",
                now + 20
            )
        }
        "lift" => format!("lift c{number} c{}", chance.below(number)),
        "propose" => format!("propose c{number} areas=a1 alerts={key}"),
        "release" => format!("release c{number} c{} by=Minh", chance.below(number)),
        verb => format!("{verb} c{number} {key}"),
    }
}

fn check(world: &World, line: &str) {
    let book = &world.book;
    for (id, entry) in &book.open {
        let alert = &entry.alert;
        assert_eq!(*id, alert.id);
        assert_ne!(
            alert.state,
            AlertState::Normal,
            "open and over after {line}"
        );
        assert!(entry.spans.len() <= SPANS_MAX);
        if alert.handling.chattering.is_none() {
            assert_eq!(entry.active(), entry.holds(), "{id} after {line}");
        }
        let acknowledged = alert.acknowledged.is_some();
        let takes = matches!(alert.state, AlertState::Acknowledged | AlertState::Latched);
        assert_eq!(acknowledged, takes, "{id} after {line}");
        for kept in &alert.handling.suppressed {
            match (&kept.suppression, &kept.because_of) {
                (Some(id), None) => assert!(book.in_force.contains(id), "{line}"),
                (None, Some(because)) => {
                    assert_eq!(kept.kind, SuppressionKind::Dependency);
                    let down = book.down.values().any(|alerts| alerts.contains(because));
                    assert!(down, "{because} stands for {id} after {line}");
                }
                (_, _) => panic!("kept back by nothing after {line}"),
            }
        }
        assert!(book.by_key[&entry.key].contains(id));
    }
    for (id, entry) in &book.over {
        assert_eq!(entry.alert.state, AlertState::Normal, "{id} after {line}");
    }
    let recent: BTreeSet<_> = book.recent.iter().collect();
    assert_eq!(recent.len(), book.over.len());
    assert!(book.ended.len() <= SUPPRESSIONS_ENDED_MAX);
    for gathering in book.incidents() {
        let members = book.alerts().filter(|alert| {
            alert.incident.as_ref() == Some(&gathering.id)
                && book.open.get(&alert.id).is_some_and(|entry| entry.holds())
        });
        if gathering.closed.is_none() {
            assert_eq!(
                members.count() as u64,
                gathering.active,
                "{} after {line}",
                gathering.id
            );
        }
    }
}

#[test]
fn whatever_comes() {
    for seed in 0..8 {
        let mut chance = Chance(seed);
        let mut world = world();
        let (mut newest, mut next, mut now) = ([None; 6], 10, 0);
        for number in 1..250 {
            now += chance.below(4);
            let line = match chance.below(4) {
                0 => format!("at {now}m"),
                1 | 2 => signal(&mut chance, &mut newest, &mut next, now),
                _ => command(&mut chance, number, now),
            };
            world.step(&line);
            check(&world, &line);
        }
        assert!(
            world.book.counters().raised > 5,
            "seed {seed} tells nothing"
        );
    }
}
