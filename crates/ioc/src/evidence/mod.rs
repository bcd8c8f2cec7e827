//! Why an alert rang, also when the journals have forgotten it: for every transition that rests on values the raw records of
//! `inputs`, the site pack and the transition itself, kept apart from the journals in a store of its own, bounded by size and age.
//!
//! [`keeper`] copies on a thread behind the monitor ([`gather`]), [`store`] owns the files ([`format`]), [`read`] looks into them beside a running
//! node, [`document`] tells people ([`text`]), and [`verify`] derives the alert again from what is kept ([`again`], [`engine`]).
//!
//! Personal data: a redacted record is never copied, and what was copied before is overwritten by the redactor before its
//! cursor moves ([`Store::blank`]).

mod again;
mod document;
mod engine;
mod format;
mod gather;
mod keeper;
mod read;
mod store;
mod text;
mod tool;
mod verify;

use std::sync::Arc;

use anyhow::{Context, Result};
use console::ExplainBackend;
use event::Time;
use journal::{Cursors, Journal, Storage};
use serde::{Deserialize, Serialize};

pub(crate) use keeper::Handle;
pub(crate) use store::{Figures, Store};
pub(crate) use tool::run;

use gather::Bounds;
use store::Limits;

/// `[evidence]` of the configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvidenceConfig {
    pub(crate) bytes_max: u64,
    pub(crate) segment_bytes: u64,
    pub(crate) retain_days: u64,
    pub(crate) records_max: u64,
    pub(crate) record_bytes_max: u64,
}

impl EvidenceConfig {
    /// Every bounded number: key, value, least, most.
    pub(crate) fn ranges(&self) -> [(&'static str, u64, u64, u64); 5] {
        const KIB: u64 = 1 << 10;
        const MIB: u64 = 1 << 20;
        const GIB: u64 = 1 << 30;
        [
            ("evidence.bytes_max", self.bytes_max, MIB, 1 << 40),
            ("evidence.segment_bytes", self.segment_bytes, 64 * KIB, GIB),
            ("evidence.retain_days", self.retain_days, 1, 36_500),
            ("evidence.records_max", self.records_max, 1, 4_096),
            (
                "evidence.record_bytes_max",
                self.record_bytes_max,
                4 * KIB,
                64 * MIB,
            ),
        ]
    }

    fn limits(&self) -> Limits {
        let days = i64::try_from(self.retain_days).unwrap_or(i64::MAX);
        Limits {
            bytes_max: self.bytes_max,
            segment_bytes: self.segment_bytes,
            retain_ns: days.saturating_mul(86_400 * Time::SECOND),
        }
    }

    fn bounds(&self) -> Bounds {
        let size = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        Bounds {
            frames_max: size(self.records_max),
            frame_bytes_max: size(self.record_bytes_max),
        }
    }
}

/// Starts the keeper where it stopped.
pub(crate) fn start(
    config: &EvidenceConfig,
    storage: &Arc<dyn Storage>,
    journals: [Journal; 2],
    pack: Vec<u8>,
) -> Result<Handle> {
    let [inputs, _] = &journals;
    let store = Store::open(Arc::clone(storage), inputs.id().0, config.limits())?;
    let cursors = Cursors::open(Arc::clone(storage)).context("cannot open the cursors")?;
    keeper::start(journals, cursors, store, config.bounds(), pack)
}

/// What the console asks.
pub(crate) struct Explainer(pub(crate) Arc<dyn Storage>);

impl ExplainBackend for Explainer {
    fn explain(&self, alert: &str) -> Result<Option<Vec<u8>>, String> {
        let found = read::find(&*self.0, alert).map_err(|error| format!("{error:#}"))?;
        document::document(alert, &found, None)
            .map(|document| serde_json::to_vec(&document).map_err(|error| error.to_string()))
            .transpose()
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::{keep_sample, sample_limits};
