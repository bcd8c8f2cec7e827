//! What the console is handed: the alerts as they stand, what the screens need of the site pack, and live figures.

use std::collections::BTreeMap;
use std::sync::Arc;

use alert::health::Positions;
use console::{Image, Intake, Mode, RuleInfo, SeriesBackend, SiteInfo};
use event::{Limit, Time};
use journal::ClockKind;
use tokio::sync::watch;

use crate::evidence::Explainer;
use crate::health::Desk;
use crate::monitor::{Monitor, Progress};
use crate::quarantine::Shelf;
use crate::rules::Rules;
use crate::series::Backend;
use crate::sinks::{self, Known, Sinks};
use crate::site::Site;
use crate::store::Store;
use crate::topology::{Setup, VERSION};

/// The alerts as they stand, with the outcome up to which they stand so.
fn image(store: &Store, monitor: &Monitor) -> Image {
    let mut image = Image {
        outcomes_next: store.outcomes.next_offset(),
        ..Image::default()
    };
    if let Some(engine) = monitor.fold().engine() {
        image.alerts = engine.alerts().cloned().collect();
        image.suppressions = engine.suppressions().cloned().collect();
        image.incidents = engine.incidents().cloned().collect();
        image.public_warnings = engine.public_warnings().cloned().collect();
    }
    image
}

/// What the screens need to know of the site pack in force.
pub(crate) fn site_info(site: &Site) -> SiteInfo {
    let vocabulary = Arc::new(site.catalogue.vocabulary().clone());
    let mut limits: BTreeMap<String, BTreeMap<String, Vec<Limit>>> = BTreeMap::new();
    for entity in vocabulary.entities.keys() {
        for measure in vocabulary.measures.keys() {
            let found = site.rules.limits(&vocabulary, entity, measure);
            if !found.is_empty() {
                limits
                    .entry(entity.clone())
                    .or_default()
                    .insert(measure.clone(), found);
            }
        }
    }
    let rules = site.rules.info().into_iter().map(|rule| RuleInfo {
        id: rule.id,
        version: rule.version,
        severity: rule.severity,
        stream: Some(rule.stream),
        measure: rule.measure,
        title: rule.title,
        condition: rule.condition,
    });
    SiteInfo {
        limits,
        rules: rules.collect(),
        trends: site.display.trends.clone(),
        lines: site.display.lines.clone(),
        vocabulary,
    }
}

/// Those of the pack in force.
fn positions(monitor: &Monitor) -> Positions {
    let site = monitor.fold().site();
    site.map(|site| site.positions.clone()).unwrap_or_default()
}

/// What the sinks start with.
pub(crate) fn known(monitor: &Monitor) -> Known {
    let engine = monitor.fold().engine().into_iter();
    let warnings = engine.flat_map(|engine| engine.public_warnings());
    Known {
        positions: positions(monitor),
        released: warnings
            .filter_map(|warning| Some((warning.id.clone(), warning.released.as_ref()?.at)))
            .collect(),
    }
}

pub(crate) fn deps(
    store: &Store,
    setup: &Setup<'_>,
    monitor: &Monitor,
    progress: watch::Receiver<Progress>,
    sinks: &Sinks,
    shelf: Arc<Shelf>,
    broker: Option<watch::Receiver<mqtt::client::Status>>,
) -> console::Deps {
    let clock = Arc::clone(&setup.clock);
    let watched = sinks.watched();
    let compiled = monitor.fold().site();
    let info = compiled.map(site_info).unwrap_or_default();
    let (told, site) = watch::channel(Arc::new(info));
    let rules = Rules::new(
        store.inputs.clone(),
        progress.clone(),
        told,
        setup.pack.clone(),
        compiled,
    );
    console::Deps {
        inputs: store.inputs.clone(),
        outcomes: store.outcomes.clone(),
        image: image(store, monitor),
        site,
        mode: match setup.clock_kind {
            ClockKind::Real => Mode::Live,
            ClockKind::Scenario => Mode::Simulated,
        },
        sinks: Arc::new(move || {
            let front_door = broker
                .as_ref()
                .map(|status| sinks::front_door(&status.borrow()));
            watched.infos().into_iter().chain(front_door).collect()
        }),
        series: sinks
            .archive()
            .map(|archive| Arc::new(Backend(archive)) as Arc<dyn SeriesBackend>),
        health: Some(Arc::new(Desk::new(positions(monitor)))),
        quarantine: Some(shelf),
        explain: Some(Arc::new(Explainer(store.storage()))),
        cap: sinks.cap(),
        rules: Some(rules),
        version: VERSION.to_owned(),
        now: Arc::new(move || Time(clock.now().journal_ns)),
        intake: Arc::new(move || {
            let counters = progress.borrow().counters;
            Intake {
                received: counters.messages,
                events: counters.events,
                state: counters.state,
                duplicates: counters.duplicates,
                rejected: counters.rejected,
                alerts_raised: counters.alerts_raised,
            }
        }),
    }
}
