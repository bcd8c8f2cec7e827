//! Which notices a transition gives: a pure function of the directory, of what was planned before, and of journal time.
//!
//! Told are raised, reopened, escalated, reminded, returned, resolved and annulled; and an alert that is told again after it was
//! kept back (unsuppressed, unshelved) or whose severity rose (revised), since nobody has heard of that yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use event::{AlertId, AlertState, Change, PublicWarning, Severity, Time, Transition};
use serde::{Deserialize, Serialize};

use crate::NotifyConfig;
use crate::directory::Directory;
use crate::letter::{Content, Key};

/// One notice on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    pub key: Key,
    /// Number of its content in the outbox.
    pub content: u64,
    pub channel: String,
    pub person: String,
    /// The channels after this one.
    pub rest: Vec<String>,
    pub severity: Severity,
    /// Goes with others as one.
    pub hold: Option<Hold>,
    /// Journal time from which it is known, and at which it is given up.
    pub at: Time,
    pub expires: Time,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hold {
    pub why: HoldReason,
    pub until: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    Storm,
    Quiet,
}

/// Channel and person.
pub type Address = (String, String);

#[derive(Clone, Copy, Debug)]
struct Window {
    start: Time,
    single: u32,
    critical: u32,
}

/// Bounded: windows by the addresses of the directory, severities by [`Planner::TOLD_MAX`]. After a restart the windows begin anew.
#[derive(Debug)]
pub struct Planner {
    directory: Arc<Directory>,
    storm_notices: u32,
    storm_critical: u32,
    window_ns: i64,
    expire_ns: i64,
    windows: BTreeMap<Address, Window>,
    told: BTreeMap<AlertId, Severity>,
}

impl Planner {
    /// Alerts whose last told severity is remembered; over it the memory begins anew.
    pub const TOLD_MAX: usize = 100_000;

    pub fn new(directory: Arc<Directory>, config: &NotifyConfig) -> Self {
        Self {
            directory,
            storm_notices: config.storm_notices,
            storm_critical: config.storm_critical_notices,
            window_ns: config.storm_window_ns(),
            expire_ns: config.expire_ns(),
            windows: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    /// What a transition gives; `number` is that of its content. `at` is the journal time of its record.
    pub fn transition(
        &mut self,
        transition: &Transition,
        at: Time,
        number: u64,
        waiting: &dyn Fn(&Address) -> bool,
    ) -> Option<(Content, Vec<Item>)> {
        let told = self.tells(transition);
        if self.told.len() >= Self::TOLD_MAX {
            self.told.clear();
        }
        if transition.alert.state == AlertState::Normal {
            self.told.remove(&transition.alert.id);
        } else {
            self.told
                .insert(transition.alert.id.clone(), transition.alert.severity);
        }
        if !told {
            return None;
        }
        let directory = Arc::clone(&self.directory);
        let content = Content::of_transition(transition, &directory.cap_profile());
        self.address(content, at, number, waiting)
    }

    pub fn warning(
        &mut self,
        warning: &PublicWarning,
        at: Time,
        number: u64,
        waiting: &dyn Fn(&Address) -> bool,
    ) -> Option<(Content, Vec<Item>)> {
        let directory = Arc::clone(&self.directory);
        let content = Content::of_warning(warning, &directory.cap_profile())?;
        self.address(content, at, number, waiting)
    }

    fn tells(&self, transition: &Transition) -> bool {
        let alert = &transition.alert;
        if alert.retrospective || alert.shelved.is_some() || !alert.handling.suppressed.is_empty() {
            return false;
        }
        match transition.change {
            Change::Raised
            | Change::Reopened
            | Change::Escalated
            | Change::Reminded
            | Change::ReturnedToNormal
            | Change::Resolved
            | Change::Annulled => true,
            Change::Unsuppressed | Change::Unshelved => alert.state == AlertState::Unacknowledged,
            // Lower is more severe.
            Change::Revised => self
                .told
                .get(&alert.id)
                .is_some_and(|told| alert.severity < *told),
            Change::Acknowledged
            | Change::Shelved
            | Change::Commented
            | Change::Merged
            | Change::Assigned
            | Change::Suppressed
            | Change::ChatteringBegan
            | Change::ChatteringEnded
            | Change::Reset
            | Change::Closed
            | Change::MarkedFalse
            | Change::UnmarkedFalse
            | Change::Notified => false,
        }
    }

    fn address(
        &mut self,
        content: Content,
        at: Time,
        number: u64,
        waiting: &dyn Fn(&Address) -> bool,
    ) -> Option<(Content, Vec<Item>)> {
        let directory = Arc::clone(&self.directory);
        let mut people: Vec<&str> = directory
            .routes
            .iter()
            .filter(|route| route.fits(&content, &directory, at))
            .flat_map(|route| directory.people_of(&route.to))
            .collect();
        people.sort_unstable();
        people.dedup();
        let mut items = Vec::new();
        for id in people {
            let Some(person) = directory.people.get(id) else {
                continue;
            };
            let usable = |channel: &&String| usable(&directory, channel, &content);
            let chain: Vec<String> = person.chain.iter().filter(usable).cloned().collect();
            let mut ways: Vec<Vec<String>> = Vec::new();
            if !chain.is_empty() {
                ways.push(chain);
            }
            ways.extend(
                person
                    .also
                    .iter()
                    .filter(usable)
                    .map(|channel| vec![channel.clone()]),
            );
            for mut way in ways {
                let channel = way.remove(0);
                let address = (channel, id.to_owned());
                let hold = self.hold(&address, &content, at, waiting(&address));
                let (channel, person) = address;
                items.push(Item {
                    key: Key::new(&content, &channel, &person),
                    content: number,
                    channel,
                    person,
                    rest: way,
                    severity: content.severity,
                    expires: hold
                        .as_ref()
                        .map_or(at, |hold| hold.until)
                        .plus(self.expire_ns),
                    hold,
                    at,
                });
            }
        }
        items.sort_by(|a, b| a.key.cmp(&b.key));
        items.dedup_by(|a, b| a.key == b.key);
        (!items.is_empty()).then_some((content, items))
    }

    fn hold(&mut self, address: &Address, content: &Content, at: Time, full: bool) -> Option<Hold> {
        // A document of its own each: a feed has nothing to group, and nobody wakes up by it.
        let documents = self
            .directory
            .channels
            .get(&address.0)
            .is_some_and(|channel| channel.speaks_cap());
        if documents {
            return None;
        }
        let zone = self.directory.zone_seconds();
        let quiet = self
            .directory
            .people
            .get(&address.1)
            .and_then(|person| person.quiet)
            .filter(|quiet| quiet.contain(at, zone));
        let critical = content.severity == Severity::Critical;
        if let Some(quiet) = quiet
            && !critical
        {
            return Some(Hold {
                why: HoldReason::Quiet,
                until: quiet.end_after(at, zone),
            });
        }
        let window = self.windows.entry(address.clone()).or_insert(Window {
            start: at,
            single: 0,
            critical: 0,
        });
        if at.since(window.start) >= self.window_ns {
            *window = Window {
                start: at,
                single: 0,
                critical: 0,
            };
        }
        let (count, most) = if critical {
            (&mut window.critical, self.storm_critical)
        } else {
            (&mut window.single, self.storm_notices)
        };
        if *count < most && !full {
            *count += 1;
            return None;
        }
        Some(Hold {
            why: HoldReason::Storm,
            until: window.start.plus(self.window_ns),
        })
    }
}

/// Drills to exercise channels alone, and nothing else to them; documents only where there is one.
pub(crate) fn usable(directory: &Directory, channel: &str, content: &Content) -> bool {
    directory.channels.get(channel).is_some_and(|channel| {
        channel.exercise() == content.is_drill() && (!channel.speaks_cap() || content.cap.is_some())
    })
}
