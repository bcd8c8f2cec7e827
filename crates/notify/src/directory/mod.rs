//! The directory: people, groups, channels and routes, as read from its file. Pure; every mistake is reported.
//!
//! The file holds contact data and no secrets: channels name their secrets, which are in `[notify.secrets]`.

mod check;
mod hours;
mod parts;
mod route;

use std::collections::{BTreeMap, BTreeSet};

use cap::{CapConfig, Profile};
use event::{Severity, Stream};
use serde::Deserialize;

pub use hours::{Hours, local_day, weekday};
pub use parts::{
    ChannelConfig, EmailConfig, FeedConfig, Group, Person, SmsConfig, TlsMode, WebhookBody,
    WebhookConfig, ZaloConfig,
};
pub use route::{Route, Weekday};

/// Most people and most channels of a directory: with them the number of addresses is bounded.
pub const PEOPLE_MAX: usize = 5_000;
pub const CHANNELS_MAX: usize = 64;
pub const ROUTES_MAX: usize = 1_000;

/// One mistake in the file, with its line where that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub line: usize,
    pub message: String,
}

/// What an operator position answers for; empty lists are everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    pub severities: BTreeSet<Severity>,
    pub streams: BTreeSet<Stream>,
    pub areas: BTreeSet<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Directory {
    /// Offset of local time from UTC in minutes (+07:00 = 420).
    pub zone_minutes: Option<i32>,
    pub cap: CapConfig,
    pub channels: BTreeMap<String, ChannelConfig>,
    pub people: BTreeMap<String, Person>,
    pub groups: BTreeMap<String, Group>,
    pub positions: BTreeMap<String, Scope>,
    pub routes: Vec<Route>,
}

impl Directory {
    /// Reads the file. `positions` are those of the site pack; the file may add its own.
    pub fn parse(text: &str, positions: &BTreeMap<String, Scope>) -> Result<Self, Vec<Mistake>> {
        let mut directory: Self = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let before = text.get(..start).unwrap_or_default();
            vec![Mistake {
                line: before.lines().count().max(1),
                message: error.message().to_owned(),
            }]
        })?;
        for (id, scope) in positions {
            directory
                .positions
                .entry(id.clone())
                .or_insert_with(|| scope.clone());
        }
        let mistakes = check::check(&directory);
        if mistakes.is_empty() {
            Ok(directory)
        } else {
            Err(mistakes)
        }
    }

    pub fn zone_seconds(&self) -> i32 {
        self.zone_minutes.unwrap_or(7 * 60).saturating_mul(60)
    }

    /// What its CAP messages say of the site.
    pub fn cap_profile(&self) -> Profile<'_> {
        Profile::new(&self.cap, self.zone_seconds())
    }

    /// The people behind names of people and groups.
    pub fn people_of<'a>(&'a self, to: &'a [String]) -> impl Iterator<Item = &'a str> {
        to.iter().flat_map(|name| {
            let members = self.groups.get(name).map(|group| group.people.as_slice());
            members
                .unwrap_or(std::slice::from_ref(name))
                .iter()
                .map(String::as_str)
        })
    }
}

#[cfg(test)]
mod tests;
