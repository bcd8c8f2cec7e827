//! Alert health: from `outcomes` into [`alert::health`], for the page ([`Desk`]) and for the command line ([`tool`]).
//!
//! The positions are those of the newest configuration record read, at first those of the pack at hand. A configuration
//! record whose rules or thresholds differ from those before counts as a change of rules; who made it is not in the record.

pub(crate) mod args;
mod tool;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alert::health::{Health, Live, PeriodError, Positions, Report};
use console::{HealthAsk, HealthBackend, HealthProblem};
use event::outcome::Outcome;
use event::{Alert, PackFiles, Text, Time};
use journal::inputs;
use serde::Serialize;

pub(crate) use tool::run;

/// The fold with what it needs to see a changed pack.
#[derive(Clone, Default)]
pub(crate) struct Feed {
    health: Health,
    /// Rules and thresholds of the newest pack read.
    rules: Option<BTreeMap<String, Vec<u8>>>,
}

impl Feed {
    fn new(positions: Positions) -> Self {
        Self {
            health: Health::new(positions),
            rules: None,
        }
    }

    fn fold(&mut self, at: Time, outcome: &Outcome<'_>) {
        match outcome {
            Outcome::Transition(transition) => self.health.transition(at, transition),
            Outcome::Shadow(transition) => self.health.shadow(at, transition),
            Outcome::Suppression(change) => self.health.suppression(at, change),
            Outcome::ConfigurationCopy(bytes) => self.configuration(at, bytes),
            Outcome::Event(_)
            | Outcome::Reject(_)
            | Outcome::Verdict(_)
            | Outcome::CommandCopy(_)
            | Outcome::ClockCopy(_)
            | Outcome::NodeCopy(_)
            | Outcome::OutletCopy(_)
            | Outcome::Reprocessed(_)
            | Outcome::Incident(_)
            | Outcome::PublicWarning(_) => {}
        }
    }

    /// One that cannot be read changed nothing: the monitor did not take it either.
    fn configuration(&mut self, at: Time, bytes: &[u8]) {
        let configuration = inputs::Configuration::decode(inputs::VERSION, bytes);
        let pack = configuration
            .ok()
            .and_then(|configuration| PackFiles::from_bytes(configuration.content));
        let Some(pack) = pack else { return };
        let Ok(positions) = Positions::load(&pack) else {
            return;
        };
        if positions != *self.health.positions() {
            self.health.set_positions(positions);
        }
        let of_rules = |path: &str| path.starts_with("rules/") || path == "thresholds.toml";
        let mut rules = pack.files;
        rules.retain(|path, _| of_rules(path));
        if self.rules.as_ref().is_some_and(|before| *before != rules) {
            self.health.rules_changed(at, None);
        }
        self.rules = Some(rules);
    }
}

/// The report with who is in a flood at its `now`.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    report: Report,
    live: Vec<Live>,
}

impl Answer {
    fn of(
        health: &Health,
        from: Time,
        to: Time,
        position: Option<&str>,
    ) -> Result<Self, PeriodError> {
        let report = health.report(from, to, position)?;
        let mut live = health.live(report.now);
        live.retain(|live| position.is_none_or(|id| *live.position == *id));
        Ok(Self { report, live })
    }
}

/// What the page asks. A report works on the state as it was when it was asked: the fold does not wait for it.
pub(crate) struct Desk(Mutex<Arc<Feed>>);

impl Desk {
    pub(crate) fn new(positions: Positions) -> Self {
        Self(Mutex::new(Arc::new(Feed::new(positions))))
    }

    /// The state is whole also where a holder panicked: that ends the process elsewhere.
    fn feed(&self) -> MutexGuard<'_, Arc<Feed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HealthBackend for Desk {
    fn seen(&self, at: Time) {
        Arc::make_mut(&mut self.feed()).health.seen(at);
    }

    fn standing(&self, alerts: &[Alert]) {
        let mut feed = self.feed();
        let feed = Arc::make_mut(&mut feed);
        for alert in alerts {
            feed.health.standing(alert);
        }
    }

    fn fold(&self, at: Time, outcome: &Outcome<'_>) {
        Arc::make_mut(&mut self.feed()).fold(at, outcome);
    }

    fn answer(&self, ask: &HealthAsk) -> Result<Vec<u8>, HealthProblem> {
        let feed = Arc::clone(&self.feed());
        let position = ask.position.as_deref();
        let answer = Answer::of(&feed.health, ask.from, ask.to, position).map_err(refused)?;
        if ask.csv {
            return Ok(answer.report.to_csv().into_bytes());
        }
        serde_json::to_vec(&answer).map_err(|error| HealthProblem::Failed(error.to_string()))
    }
}

fn refused(error: PeriodError) -> HealthProblem {
    let vi = match &error {
        PeriodError::Backwards => "thời điểm kết thúc trước thời điểm bắt đầu",
        PeriodError::TooLong => "khoảng thời gian dài quá 400 ngày",
        PeriodError::PositionUnknown(_) => return HealthProblem::PositionUnknown,
    };
    HealthProblem::Period(Text {
        vi: vi.to_owned(),
        en: error.to_string(),
    })
}
