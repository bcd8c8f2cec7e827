//! Which part of the past a program looks at: what the evidence of an alert shows.

use super::inputs::Inputs;
use super::program::{Node, Program};
use super::window;

impl Program {
    /// Adds the rule's slot and the first and last instant (both included) of everything that its functions over time look at
    /// as of the inputs' instant; of what stands inside `times`, as of its newest point. Members of a site are left out.
    pub(crate) fn spans(&self, inputs: &Inputs<'_>, into: &mut Vec<(u8, i64, i64)>) {
        let mut add = |slot: u8, from: i64, to: i64| {
            if from <= to && !into.contains(&(slot, from, to)) {
                into.push((slot, from, to));
            }
        };
        for node in &self.nodes {
            match node {
                Node::Window(_, slot, span) | Node::TimeTo(slot, _, span) => {
                    if let Some((history, at)) = inputs.place(*slot) {
                        let (from, to) = span.bounds(history, at, inputs.at);
                        add(*slot, from, to);
                    }
                }
                Node::Times(_, slots, span) => {
                    // The first slot says where a session begins.
                    if let Some((history, at)) = slots.first().and_then(|slot| inputs.place(*slot))
                    {
                        let (from, to) = span.bounds(history, at, inputs.at);
                        slots.iter().for_each(|slot| add(*slot, from, to));
                    }
                }
                Node::Baseline(slot, days) | Node::Deviation(slot, days) => {
                    for (from, to) in window::baseline_bounds(*days, inputs.at) {
                        add(*slot, from, to);
                    }
                }
                _ => {}
            }
        }
    }
}
