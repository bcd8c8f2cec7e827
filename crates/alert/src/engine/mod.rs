//! The engine: the kernel, which decides when a condition holds, and the book, which makes alerts of it.

mod saved;
mod saved_v1;

use std::collections::BTreeMap;
use std::sync::Arc;

use event::{
    Alert, Command, Event, Incident, JournalId, Limit, Name, NoticeResult, PublicWarning,
    Suppression, Time, Verdict, Vocabulary,
};
use serde::{Deserialize, Serialize};

use crate::book::{Book, BookCounters, Context};
use crate::effect::Effect;
use crate::kernel::Kernel;
use crate::ruleset::{RuleInfo, RuleSet};
use crate::signal::Signal;

pub use saved::{RestoreError, Saved};

/// Entities (times status) that are watched at most.
pub const ENTITIES_MAX: usize = 1_000_000;
/// After a start nothing is absent for this long: devices need time to reconnect. Nanoseconds.
pub const ABSENCE_GRACE: i64 = 300 * Time::SECOND;

/// The record of `inputs` that is being folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    pub journal: JournalId,
    pub offset: u64,
    /// Journal time of the record.
    pub now: Time,
    pub wall: Time,
}

/// What was counted since the engine was made or restored; for metrics, no part of the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    pub events: u64,
    pub evaluations: u64,
    /// Divisions by zero and results out of range.
    pub rule_errors: u64,
    /// Readings that came after newer ones of their key, each of which had it looked at anew.
    pub late: u64,
    /// Readings beyond the lateness bound.
    pub history: u64,
    pub raised: u64,
    /// Events of entities beyond `ENTITIES_MAX`.
    pub entities_refused: u64,
    /// Observations that had to go for want of room, before their time.
    pub observations_dropped: u64,
    /// Checkpoints that moved on before their time, because a key had too many episodes.
    pub checkpoints_forced: u64,
    /// Warnings of other bodies that could not be taken in: too many in force.
    pub warnings_refused: u64,
    pub book: BookCounters,
}

/// The fold. See the crate's documentation for its contract.
#[derive(Debug)]
pub struct Engine {
    kernel: Kernel,
    book: Book,
    /// Reused.
    signals: Vec<Signal>,
}

impl Engine {
    pub fn new(rules: Arc<RuleSet>, vocabulary: Arc<Vocabulary>) -> Self {
        Self {
            book: Book::new(Arc::clone(&rules.book)),
            kernel: Kernel::new(rules, vocabulary),
            signals: Vec::new(),
        }
    }

    /// Fires what is due at journal time <= `now`. Called before every record but `node` ones.
    pub fn advance(&mut self, origin: &Origin, out: &mut Vec<Effect>) {
        self.kernel.begin(origin);
        loop {
            let is_due = |due: &Time| *due <= origin.now;
            let kernel = self.kernel.next_due().filter(is_due);
            let book = self.book.next_due().filter(is_due);
            match (kernel, book) {
                (None, None) => break,
                (Some(kernel), book) if book.is_none_or(|book| kernel <= book) => {
                    self.kernel.fire(origin, &mut self.signals);
                    self.tell(origin, out);
                }
                (_, Some(_)) | (Some(_), None) => self.fire_book(origin, out),
            }
        }
        self.kernel.passed(origin);
    }

    fn fire_book(&mut self, origin: &Origin, out: &mut Vec<Effect>) {
        let (rules, vocabulary) = (self.kernel.rules(), self.kernel.vocabulary());
        let context = Context {
            origin,
            vocabulary,
            rules,
        };
        self.book.fire(&context, out);
    }

    /// For the record of a node's start, instead of `advance`: the time since the record before it is no absence.
    pub fn node_started(&mut self, origin: &Origin, out: &mut Vec<Effect>) {
        self.kernel.node_started(origin);
        self.advance(origin, out);
    }

    /// For the record of a node's stop, instead of `advance`.
    pub fn node_stopped(&mut self, origin: &Origin, out: &mut Vec<Effect>) {
        self.advance(origin, out);
    }

    /// Folds one event. `advance` was called for its record.
    pub fn event(&mut self, origin: &Origin, event: &Event, out: &mut Vec<Effect>) {
        self.kernel.event(origin, event, &mut self.signals);
        if !self.signals.is_empty() {
            self.tell(origin, out);
        }
    }

    /// Carries out a command or says why not. `advance` was called for its record.
    pub fn command(
        &mut self,
        origin: &Origin,
        command: &Command,
        out: &mut Vec<Effect>,
    ) -> Verdict {
        self.kernel.begin(origin);
        let (rules, vocabulary) = (self.kernel.rules(), self.kernel.vocabulary());
        let context = Context {
            origin,
            vocabulary,
            rules,
        };
        self.book.command(&context, command, out)
    }

    /// What became of a notice. `advance` was called for its record.
    pub fn notice(&mut self, origin: &Origin, result: &NoticeResult, out: &mut Vec<Effect>) {
        let (rules, vocabulary) = (self.kernel.rules(), self.kernel.vocabulary());
        let context = Context {
            origin,
            vocabulary,
            rules,
        };
        self.book.notice(result, &context, out);
    }

    /// Takes over a new pack at `origin`. A key of a rule that is still there keeps its state; its next evaluation is by
    /// the new version. Only an entity that the old catalogue listed and the new one does not counts as taken out.
    pub fn set_rules(
        &mut self,
        rules: Arc<RuleSet>,
        vocabulary: Arc<Vocabulary>,
        origin: &Origin,
        out: &mut Vec<Effect>,
    ) {
        let old = Arc::clone(self.kernel.rules());
        let config = Arc::clone(&rules.book);
        self.kernel
            .set_rules(rules, vocabulary, origin, &mut self.signals);
        self.tell(origin, out);
        let (rules, vocabulary) = (self.kernel.rules(), self.kernel.vocabulary());
        let context = Context {
            origin,
            vocabulary,
            rules,
        };
        self.book.set_config(config, &context, out);
        for gone in (old.rules.iter()).filter(|rule| rule.shadow) {
            let still = |rule: &crate::ruleset::Rule| rule.shadow && rule.id == gone.id;
            if !rules.rules.iter().any(still) {
                self.book.drop_shadows(&gone.id);
            }
        }
        self.book.tell_new_versions(&old, &context, out);
    }

    /// Gives the book what the kernel has found.
    fn tell(&mut self, origin: &Origin, out: &mut Vec<Effect>) {
        let (rules, vocabulary) = (self.kernel.rules(), self.kernel.vocabulary());
        let context = Context {
            origin,
            vocabulary,
            rules,
        };
        for signal in self.signals.drain(..) {
            // A backlog of a day is one alert: while it is open its key raises no second one.
            if let Signal::Began { key, .. } = &signal
                && key.retrospective
                && !key.shadow
                && self.book.is_open(key)
            {
                continue;
            }
            self.book.signal(signal, &context, out);
        }
    }

    /// Journal time of the earliest timer. The entry may prove out of date when it comes up; then nothing happens.
    pub fn next_due(&self) -> Option<Time> {
        match (self.kernel.next_due(), self.book.next_due()) {
            (Some(kernel), Some(book)) => Some(kernel.min(book)),
            (kernel, book) => kernel.or(book),
        }
    }

    /// Everything that is not over, by id; then what is, oldest first.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.book.alerts()
    }

    pub fn suppressions(&self) -> impl Iterator<Item = &Suppression> {
        self.book.suppressions()
    }

    pub fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.book.incidents()
    }

    pub fn public_warnings(&self) -> impl Iterator<Item = &PublicWarning> {
        self.book.public_warnings()
    }

    /// How often alerts of each rule were marked as false.
    pub const fn false_alerts(&self) -> &BTreeMap<Name, u64> {
        self.book.false_alerts()
    }

    /// All limits of a measure at an entity, ascending.
    pub fn limits(&self, entity: &str, measure: &str) -> Vec<Limit> {
        self.kernel
            .rules()
            .limits(self.kernel.vocabulary(), entity, measure)
    }

    /// The rules in force, by id.
    pub fn rules(&self) -> Vec<RuleInfo> {
        self.kernel.rules().info()
    }

    pub fn counters(&self) -> Counters {
        let kernel = self.kernel.counters();
        let (evaluations, rule_errors) = self.kernel.evaluations();
        let book = self.book.counters();
        Counters {
            events: kernel.events,
            evaluations,
            rule_errors,
            late: kernel.late,
            history: kernel.history,
            raised: book.raised,
            entities_refused: kernel.entities_refused,
            observations_dropped: kernel.observations_dropped,
            checkpoints_forced: self.kernel.forced(),
            warnings_refused: kernel.warnings_refused,
            book,
        }
    }
}
