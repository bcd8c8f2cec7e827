//! The engine against a slow, plain model of thresholds, dead bands, holds, releases, absence and commands: random
//! records from a seed, late and repeated events, bad values, drills, downtime, and a restart from bytes at any point.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../common/mod.rs"]
mod common;

mod chance;
mod keys;
mod model;

use std::sync::Arc;

use alert::{Engine, Origin, RuleSet};
use event::{Time, Transition};

use chance::{Random, random_command, random_event};
use common::{JOURNAL, pack, root, vocabulary};
use keys::Seen;
use model::Model;

const MINUTE: i64 = 60_000_000_000;
const SEEDS: u64 = 1_000;
const RECORDS: usize = 500;

fn seen(transitions: &[Transition]) -> Vec<Seen> {
    let seen = transitions.iter().map(|transition| {
        let alert = &transition.alert;
        let id = alert.id.0.clone();
        let (state, since) = (alert.state, alert.since.0);
        (
            id,
            transition.change,
            state,
            alert.revision,
            since,
            alert.occurrences,
        )
    });
    let mut seen: Vec<Seen> = seen.collect();
    seen.sort_by(|a, b| (&a.0, a.3).cmp(&(&b.0, b.3)));
    seen
}

/// One life from a seed; returns how many transitions there were.
fn live(seed: u64, rules: &Arc<RuleSet>) -> usize {
    let vocabulary = Arc::new(vocabulary());
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut engine = Engine::new(Arc::clone(rules), Arc::clone(&vocabulary));
    // A second engine is restarted from bytes at every so many records and must never differ.
    let mut restarted = Engine::new(Arc::clone(rules), Arc::clone(&vocabulary));
    let mut model = Model::default();
    let (mut now, mut sent, mut commands, mut total) = (28_000_000 * MINUTE, Vec::new(), 0, 0);
    for offset in 0..RECORDS as u64 {
        now += random.next(6) as i64 * MINUTE / 2;
        let what = random.next(100);
        if what == 0 {
            now += random.next(100) as i64 * MINUTE;
        }
        if random.next(40) == 0 {
            let bytes = postcard::to_allocvec(&restarted.save()).unwrap();
            let saved = postcard::from_bytes(&bytes).unwrap();
            restarted = Engine::restore(Arc::clone(rules), Arc::clone(&vocabulary), saved).unwrap();
        }
        let origin = Origin {
            journal: JOURNAL,
            offset,
            now: Time(now),
            wall: Time(now),
        };
        let (mut out, mut again) = (Vec::new(), Vec::new());
        if what == 0 {
            model.start(now, offset);
            engine.node_started(&origin, &mut out);
            restarted.node_started(&origin, &mut again);
        } else {
            model.advance(now, offset);
            engine.advance(&origin, &mut out);
            restarted.advance(&origin, &mut again);
        }
        if what > 20 {
            let event = random_event(&mut random, now, &mut sent);
            model.event(&event, now, offset);
            engine.event(&origin, &event, &mut out);
            restarted.event(&origin, &event, &mut again);
        } else if what > 5 {
            let command = random_command(&mut random, now, commands, &engine);
            commands += 1;
            let refusal = model.command(&command, now);
            let verdict = engine.command(&origin, &command, &mut out);
            assert_eq!(
                verdict.refusal, refusal,
                "seed {seed} record {offset} {command:?}"
            );
            assert_eq!(
                restarted.command(&origin, &command, &mut again),
                verdict,
                "seed {seed}"
            );
        }
        assert_eq!(
            out, again,
            "seed {seed} record {offset}: differs after a restart"
        );
        let mut told = std::mem::take(&mut model.out);
        told.sort_by(|a, b| (&a.0, a.3).cmp(&(&b.0, b.3)));
        assert_eq!(
            seen(&out),
            told,
            "seed {seed} record {offset}: engine left, model right"
        );
        total += out.len();
    }
    let bytes = |engine: &Engine| postcard::to_allocvec(&engine.save()).unwrap();
    assert_eq!(
        bytes(&engine),
        bytes(&restarted),
        "seed {seed}: states differ at the end"
    );
    total
}

#[test]
fn engine_equals_plain_model() {
    let files = pack(&root().join("testdata/packs/sim"));
    let rules = Arc::new(RuleSet::load(&files, &vocabulary()).unwrap());
    let total: usize = (1..=SEEDS).map(|seed| live(seed, &rules)).sum();
    assert!(
        total > 100_000,
        "only {total} transitions: the simulation does too little"
    );
}
