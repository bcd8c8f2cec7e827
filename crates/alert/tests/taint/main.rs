//! A drill touches nothing that is real. Work flows from a seed: live, exercise and test events, warnings of other bodies,
//! gateways, commands of every kind, suppressions, public warnings. Each is folded twice: as it is, and with every record of a
//! drill replaced by a clock record. What is told of real things must be the same bytes, record by record, and so must
//! verdicts, figures and counters.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../common/mod.rs"]
mod common;
mod flow;

use std::collections::BTreeSet;

use alert::health::{Health, Positions};
use alert::{Counters, Effect};
use common::drive::{Drive, minute, reading};
use event::{Name, Status, Time, Verdict};
use flow::{Chance, What, drive, next};

const SEEDS: u64 = 20;
const RECORDS: u64 = 500;

/// What is told of real things, as bytes.
fn live(effects: &[Effect]) -> Vec<String> {
    let json = effects.iter().filter_map(|effect| {
        Some(match effect {
            Effect::Transition(one) | Effect::Shadow(one) => {
                let shadow = matches!(effect, Effect::Shadow(_));
                (one.alert.status == Status::Actual)
                    .then(|| format!("{shadow} {}", serde_json::to_string(one).unwrap()))?
            }
            Effect::Incident(one) => {
                (one.status == Status::Actual).then(|| serde_json::to_string(one).unwrap())?
            }
            Effect::PublicWarning(one) => {
                (one.status == Status::Actual).then(|| serde_json::to_string(one).unwrap())?
            }
            Effect::Suppression(one) => serde_json::to_string(one).unwrap(),
        })
    });
    json.collect()
}

struct Fold {
    drive: Drive,
    health: Health,
}

impl Fold {
    fn new() -> Self {
        Self {
            drive: drive(),
            health: Health::new(Positions::default()),
        }
    }

    fn fold(&mut self, now: Time, what: &What) -> (Vec<Effect>, Option<Verdict>) {
        let mut verdict = None;
        let effects = match what {
            What::Clock => self.drive.record(now, &[]),
            What::Start => self.drive.started(now),
            What::Event(event) => self.drive.record(now, std::slice::from_ref(event)),
            What::Message(events) => self.drive.record(now, events),
            What::Command(command) => {
                let (effects, answer) = self.drive.command(now, command);
                verdict = Some(answer);
                effects
            }
        };
        self.health.seen(now);
        for effect in &effects {
            match effect {
                Effect::Transition(one) => self.health.transition(now, one),
                Effect::Shadow(one) => self.health.shadow(now, one),
                Effect::Suppression(one) => self.health.suppression(now, one),
                Effect::Incident(_) | Effect::PublicWarning(_) => {}
            }
        }
        (effects, verdict)
    }

    /// Everything real that is there.
    fn standing(&self) -> Vec<String> {
        let engine = &self.drive.engine;
        let real = |status: Status| status == Status::Actual;
        let alerts = engine.alerts().filter(|one| real(one.status));
        let alerts = alerts.map(|one| serde_json::to_string(one).unwrap());
        let incidents = engine.incidents().filter(|one| real(one.status));
        let incidents = incidents.map(|one| serde_json::to_string(one).unwrap());
        let warnings = engine.public_warnings().filter(|one| real(one.status));
        let warnings = warnings.map(|one| serde_json::to_string(one).unwrap());
        let others = engine.suppressions();
        let others = others.map(|one| serde_json::to_string(one).unwrap());
        alerts
            .chain(incidents)
            .chain(warnings)
            .chain(others)
            .collect()
    }

    /// How much work was done depends on drills; what came of it does not.
    fn counters(&self) -> Counters {
        Counters {
            events: 0,
            evaluations: 0,
            rule_errors: 0,
            late: 0,
            history: 0,
            ..self.drive.engine.counters()
        }
    }

    fn figures(&self, to: Time) -> String {
        let report = self.health.report(minute(0), to, None).unwrap();
        let mut report = serde_json::to_value(&report).unwrap();
        for position in report["positions"].as_array_mut().unwrap() {
            // The account of what was told and is no figure: it names the drills that were left out.
            let calls = position["calls"].take();
            let left_out = &calls["left_out"];
            let rest = ["retrospective", "suppressed", "shelved"].map(|key| left_out[key].clone());
            position["calls"] =
                serde_json::json!({ "counted": calls["counted"], "left_out": rest });
        }
        report.to_string()
    }
}

/// What has come of a life: effects of drills, and of real things by kind.
#[derive(Default)]
struct Seen {
    drills: usize,
    live: usize,
    kinds: BTreeSet<Name>,
}

impl Seen {
    fn note(&mut self, effects: &[Effect]) {
        let told = live(effects).len();
        self.live += told;
        self.drills += effects.len() - told;
        for effect in effects {
            let (kind, drill) = match effect {
                Effect::Transition(one) => (one.change.name(), one.alert.status != Status::Actual),
                Effect::Shadow(one) => ("shadow", one.alert.status != Status::Actual),
                Effect::Incident(one) => ("incident", one.status != Status::Actual),
                Effect::PublicWarning(one) => ("public_warning", one.status != Status::Actual),
                Effect::Suppression(_) => ("suppression", false),
            };
            self.kinds.insert(format!("{kind} {drill}").into());
        }
    }
}

fn life(seed: u64, seen: &mut Seen) {
    let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let (mut mixed, mut alone) = (Fold::new(), Fold::new());
    let mut now = 60;
    for number in 0..RECORDS {
        let fast = number % 200 > 150;
        now += if fast {
            0
        } else {
            [0, 0, 1, 1, 2, 5][chance.below(6) as usize]
        };
        let record = next(&mut chance, &mut now, number, &mixed.drive);
        let restart = chance.below(50) == 0;
        if restart {
            mixed.drive.restart();
            alone.drive.restart();
        }
        let (effects, verdict) = mixed.fold(record.now, &record.what);
        seen.note(&effects);
        let what = if record.drill {
            &What::Clock
        } else {
            &record.what
        };
        let (expected, answer) = alone.fold(record.now, what);
        assert_eq!(
            live(&effects),
            live(&expected),
            "seed {seed} record {number}: told with drills left, without right"
        );
        if !record.drill {
            assert_eq!(verdict, answer, "seed {seed} record {number}");
        }
    }
    assert_eq!(mixed.standing(), alone.standing(), "seed {seed}");
    assert_eq!(mixed.counters(), alone.counters(), "seed {seed}");
    let to = minute(now + 1);
    assert_eq!(mixed.figures(to), alone.figures(to), "seed {seed}");
}

#[test]
fn nothing_of_a_drill_crosses() {
    let mut seen = Seen::default();
    for seed in 1..=SEEDS {
        life(seed, &mut seen);
    }
    assert!(
        seen.live > 5_000 && seen.drills > 5_000,
        "{} live, {} of drills: the flows do too little",
        seen.live,
        seen.drills
    );
    for kind in [
        "raised",
        "reopened",
        "revised",
        "returned_to_normal",
        "resolved",
        "suppressed",
        "escalated",
        "reminded",
        "chattering_began",
        "closed",
        "marked_false",
        "shadow",
        "incident",
        "public_warning",
    ] {
        for drill in [false, true] {
            let name = format!("{kind} {drill}");
            assert!(
                seen.kinds.contains(&*name),
                "no `{name}` in {:?}",
                seen.kinds
            );
        }
    }
}

/// Must show 6: a drill beside a live alert, at the same gauge and by the same rule.
#[test]
fn a_drill_beside_a_live_alert() {
    let mut drive = drive();
    let mut real = reading("g1", minute(1), "level", 6.0);
    assert_eq!(drive.record(minute(1), &[real.clone()]).len(), 2 + 1);
    let before = live_bytes(&drive);
    real.status = Status::Exercise;
    real.observed = minute(2);
    let drill = drive.record(minute(2), &[real.clone()]);
    assert!(!drill.is_empty() && live(&drill).is_empty());
    (real.observed, real.values[0].value) = (minute(3), event::Value::Number(1.0));
    let drill = drive.record(minute(3), &[real]);
    assert!(!drill.is_empty() && live(&drill).is_empty());
    assert_eq!(live_bytes(&drive), before);
    let mut drills = drive
        .of("hi")
        .filter(|alert| alert.status == Status::Exercise);
    assert!(drills.next().unwrap().id.0.contains("@exercise") && drills.next().is_none());
}

fn live_bytes(drive: &Drive) -> Vec<String> {
    let alerts = drive.engine.alerts();
    let real = alerts.filter(|alert| alert.status == Status::Actual);
    real.map(|alert| serde_json::to_string(alert).unwrap())
        .collect()
}
