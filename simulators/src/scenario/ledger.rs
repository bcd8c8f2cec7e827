//! What a scenario's messages must become: the ground truth that a run's totals are checked against.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Scenario;
use crate::publication::{Publication, Truth};

/// Messages of one format by what must become of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub messages: u64,
    pub bytes: u64,
    /// Messages of which at least one event comes.
    pub delivering: u64,
    /// Events of those messages, at the least.
    pub events: u64,
    /// Sound messages that deliver nothing.
    pub state: u64,
    pub rejects: u64,
    pub duplicates: u64,
}

impl Tally {
    fn note(&mut self, publication: &Publication) {
        self.messages += 1;
        self.bytes += u64::try_from(publication.payload.len()).unwrap_or(0);
        match publication.truth {
            Truth::Events(events) => {
                self.delivering += 1;
                self.events += u64::from(events);
            }
            Truth::State => self.state += 1,
            Truth::Reject => self.rejects += 1,
            Truth::Duplicate => self.duplicates += 1,
        }
    }
}

/// The whole scenario: all formats together, each of them, and how often each fault of the field occurs.
///
/// `all.messages = all.delivering + all.state + all.rejects + all.duplicates`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ledger {
    pub all: Tally,
    pub formats: BTreeMap<&'static str, Tally>,
    pub faults: BTreeMap<&'static str, u64>,
}

impl Ledger {
    pub fn note(&mut self, publication: &Publication) {
        self.all.note(publication);
        self.formats
            .entry(publication.format)
            .or_default()
            .note(publication);
        if let Some(fault) = publication.fault {
            *self.faults.entry(fault).or_default() += 1;
        }
    }
}

/// Runs through `scenario` without sending anything.
pub fn ledger(scenario: Scenario) -> Ledger {
    let mut ledger = Ledger::default();
    for moment in scenario {
        for publication in &moment.publications {
            ledger.note(publication);
        }
    }
    ledger
}
