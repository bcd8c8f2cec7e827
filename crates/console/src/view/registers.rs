//! Suppressions, incidents and public warnings by id. Each record carries the whole of it, so the newest one is the truth.

use std::collections::BTreeMap;

use event::{Incident, PublicWarning, Suppression, WarningState};
use serde::Serialize;

/// Of each sort, what is over is forgotten from here on, oldest change first.
const OVER_MAX: usize = 500;

/// Something with an id, that begins and ends.
pub(crate) trait Entry: Serialize {
    fn id(&self) -> &str;
    fn is_over(&self) -> bool;
}

impl Entry for Suppression {
    fn id(&self) -> &str {
        &self.id.0
    }

    fn is_over(&self) -> bool {
        self.ended.is_some()
    }
}

impl Entry for Incident {
    fn id(&self) -> &str {
        &self.id.0
    }

    fn is_over(&self) -> bool {
        self.closed.is_some()
    }
}

impl Entry for PublicWarning {
    fn id(&self) -> &str {
        &self.id.0
    }

    fn is_over(&self) -> bool {
        !matches!(self.state, WarningState::Proposed | WarningState::Released)
    }
}

/// One sort of them.
pub(crate) struct Register<T> {
    by_id: BTreeMap<String, (u64, T)>,
    changes: u64,
    dirty: bool,
}

impl<T> Default for Register<T> {
    fn default() -> Self {
        Self {
            by_id: BTreeMap::new(),
            changes: 0,
            dirty: false,
        }
    }
}

impl<T: Entry> Register<T> {
    pub(crate) fn put(&mut self, entry: T) {
        self.changes += 1;
        self.dirty = true;
        self.by_id
            .insert(entry.id().to_owned(), (self.changes, entry));
        let over = self.by_id.values().filter(|(_, entry)| entry.is_over());
        if over.count() > OVER_MAX {
            let oldest = self.by_id.iter().filter(|(_, (_, entry))| entry.is_over());
            let oldest = oldest.min_by_key(|(_, (change, _))| *change);
            if let Some(id) = oldest.map(|(id, _)| id.clone()) {
                self.by_id.remove(&id);
            }
        }
    }

    /// The monitor's own list at start.
    pub(crate) fn replace(&mut self, entries: Vec<T>) {
        *self = Self::default();
        entries.into_iter().for_each(|entry| self.put(entry));
        self.dirty = false;
    }

    pub(crate) const fn is_dirty(&self) -> bool {
        self.dirty
    }

    pub(crate) const fn forget_dirty(&mut self) {
        self.dirty = false;
    }

    /// As JSON, all or what is not over.
    pub(crate) fn to_json(&self, all: bool) -> serde_json::Result<Vec<u8>> {
        let entries = self.by_id.values().map(|(_, entry)| entry);
        let listed: Vec<&T> = entries.filter(|entry| all || !entry.is_over()).collect();
        serde_json::to_vec(&listed)
    }
}

/// All three.
#[derive(Default)]
pub(crate) struct Registers {
    pub(crate) suppressions: Register<Suppression>,
    pub(crate) incidents: Register<Incident>,
    pub(crate) warnings: Register<PublicWarning>,
}

impl Registers {
    pub(crate) const fn is_dirty(&self) -> bool {
        self.suppressions.is_dirty() || self.incidents.is_dirty() || self.warnings.is_dirty()
    }

    pub(crate) const fn forget_dirty(&mut self) {
        self.suppressions.forget_dirty();
        self.incidents.forget_dirty();
        self.warnings.forget_dirty();
    }

    /// `,"suppressions":[...]` and so on: the lists that changed, or all of them.
    pub(crate) fn write(&self, only_dirty: bool, json: &mut Vec<u8>) -> serde_json::Result<()> {
        let mut list = |name: &str, dirty: bool, list: serde_json::Result<Vec<u8>>| {
            if dirty || !only_dirty {
                json.extend_from_slice(format!(",\"{name}\":").as_bytes());
                json.extend_from_slice(&list?);
            }
            Ok(())
        };
        let Self {
            suppressions,
            incidents,
            warnings,
        } = self;
        list(
            "suppressions",
            suppressions.is_dirty(),
            suppressions.to_json(false),
        )?;
        list("incidents", incidents.is_dirty(), incidents.to_json(false))?;
        list(
            "public_warnings",
            warnings.is_dirty(),
            warnings.to_json(false),
        )
    }
}
