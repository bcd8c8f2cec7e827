//! The same events in observed order.

use std::collections::BTreeSet;
use std::sync::Arc;

use alert::{Effect, Engine};

use crate::run::{World, event_of, origin};
use crate::script::{Said, Step, What};
use crate::told::Told;
use crate::truth::{Key, Span};

/// The live events of a script, each when it was observed: the episodes must be those that were told of the disorder.
pub(crate) fn in_order(world: &World, script: &[Step]) -> Result<(), String> {
    let disorder = spans_after(world, script)?;
    let mut events: Vec<&Said> = Vec::new();
    let mut known = BTreeSet::new();
    for step in script {
        if let What::Event(said) = &step.what
            && !said.history
            && known.insert((said.entity, said.status, said.observed))
        {
            events.push(said);
        }
    }
    events.sort_by_key(|said| said.observed);
    let end = script.last().map_or(0, |step| step.now);
    let mut steps: Vec<Step> = Vec::new();
    for said in events {
        steps.push(Step {
            now: said.observed,
            restart: false,
            what: What::Event(said.clone()),
        });
    }
    steps.push(Step {
        now: end,
        restart: false,
        what: What::Clock,
    });
    let order = spans_after(world, &steps)?;
    if order == disorder {
        return Ok(());
    }
    let differs = order.symmetric_difference(&disorder).next();
    Err(format!("in order and out of order differ: {differs:?}"))
}

/// The final episodes of all conditions.
fn spans_after(world: &World, script: &[Step]) -> Result<BTreeSet<(Key, Span)>, String> {
    let mut engine = Engine::new(Arc::clone(&world.sets[0]), Arc::clone(&world.vocabulary));
    let mut told = Told::default();
    for (number, step) in script.iter().enumerate() {
        let (origin, mut out) = (origin(number, step.now), Vec::new());
        if matches!(step.what, What::Start) {
            engine.node_started(&origin, &mut out);
        } else {
            engine.advance(&origin, &mut out);
        }
        if let What::Event(said) = &step.what {
            engine.event(&origin, &event_of(said, step.now), &mut out);
        }
        for transition in out.iter().filter_map(Effect::transition) {
            told.hear(transition, step.now)?;
        }
    }
    let mut all = BTreeSet::new();
    let absence = |key: &Key| matches!(key.0, "silent" | "gone");
    for key in told.keys().filter(|key| !absence(key)) {
        all.extend(told.spans(&key).into_iter().map(|span| (key, span)));
    }
    Ok(all)
}
