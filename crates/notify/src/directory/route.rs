//! Which notices go to whom.

use std::collections::BTreeSet;

use event::{Change, Severity, Stream, Time};
use serde::Deserialize;

use super::{Directory, Hours, Scope, weekday};
use crate::letter::Content;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// Everything that is given must fit; empty lists fit everything.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Route {
    /// People and groups.
    pub to: Vec<String>,
    pub severities: BTreeSet<Severity>,
    pub streams: BTreeSet<Stream>,
    /// Codes of communes and wards.
    pub areas: BTreeSet<String>,
    pub causes: BTreeSet<String>,
    /// Empty = raised, reopened, escalated, reminded, returned, resolved, annulled, and told again after a suppression.
    pub changes: Vec<Change>,
    /// What an operator position answers for.
    pub position: Option<String>,
    /// Only what has been escalated to this level of the ladder.
    pub level: Option<String>,
    pub hours: Option<Hours>,
    pub days: BTreeSet<Weekday>,
    /// Warnings to the public, and nothing else.
    pub public: bool,
}

impl Route {
    pub(crate) fn fits(&self, content: &Content, directory: &Directory, at: Time) -> bool {
        let zone = directory.zone_seconds();
        let position = self
            .position
            .as_ref()
            .and_then(|id| directory.positions.get(id));
        self.public == content.public
            && (self.changes.is_empty()
                || content
                    .change
                    .is_none_or(|change| self.changes.contains(&change)))
            && scope_fits((&self.severities, &self.streams, &self.areas), content)
            && position.is_none_or(|scope: &Scope| {
                scope_fits((&scope.severities, &scope.streams, &scope.areas), content)
            })
            && (self.causes.is_empty()
                || content
                    .cause
                    .as_ref()
                    .is_some_and(|cause| self.causes.contains(cause)))
            && self
                .level
                .as_ref()
                .is_none_or(|level| content.level.as_ref() == Some(level))
            && self.hours.is_none_or(|hours| hours.contain(at, zone))
            && (self.days.is_empty()
                || self
                    .days
                    .iter()
                    .any(|day| *day as usize == weekday(at, zone)))
    }
}

type Lists<'a> = (
    &'a BTreeSet<Severity>,
    &'a BTreeSet<Stream>,
    &'a BTreeSet<String>,
);

fn scope_fits((severities, streams, areas): Lists<'_>, content: &Content) -> bool {
    (severities.is_empty() || severities.contains(&content.severity))
        && (streams.is_empty()
            || content
                .stream
                .is_some_and(|stream| streams.contains(&stream)))
        && (areas.is_empty() || content.areas.iter().any(|area| areas.contains(area)))
}
