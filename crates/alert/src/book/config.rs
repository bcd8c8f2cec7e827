//! What a site's pack says of the life cycle: the ladder of escalation and the causes of incidents.

use std::collections::BTreeMap;

use event::{Alert, Name, Severity, Status, Text, Time};

const DAY: i64 = 86_400 * Time::SECOND;
/// Local time of the sites served, ahead of UTC.
const OFFSET_DEFAULT: i64 = 7 * 3_600 * Time::SECOND;
/// An incident takes in what comes within this time of its last activity.
const GAP_DEFAULT: i64 = 6 * 3_600 * Time::SECOND;
const REMINDERS_DEFAULT: u32 = 48;
/// Days looked through for working time. A step is at most 7 days, a working day at least an hour, a week at least one such day.
const DAYS_MAX: i64 = 1_300;

/// A level of the ladder (`commune`, `province`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    pub id: Name,
    pub name: Text,
}

/// A step of a ladder: to level number `level` after so many nanoseconds without anybody taking care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub after: i64,
    pub level: usize,
}

/// What happens with an alert of a severity that nobody takes care of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ladder {
    /// In order of time and of level.
    pub steps: Vec<Step>,
    /// Whether only working time counts towards a step.
    pub working_hours: bool,
    /// Nanoseconds between reminders.
    pub remind_every: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkingHours {
    /// Monday first.
    pub days: [bool; 7],
    /// Local time of day, nanoseconds.
    pub from: i64,
    pub to: i64,
}

/// What alerts may have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    pub id: Name,
    pub title: Text,
    /// Nanoseconds of quiet that end an incident.
    pub gap: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookConfig {
    /// From the lowest to the highest.
    pub levels: Vec<Level>,
    pub ladders: BTreeMap<Severity, Ladder>,
    pub hours: WorkingHours,
    /// Nanoseconds ahead of UTC.
    pub offset: i64,
    /// Reminders an alert gets at most.
    pub reminders_max: u32,
    pub causes: BTreeMap<Name, Cause>,
}

impl Default for WorkingHours {
    fn default() -> Self {
        Self {
            days: [true, true, true, true, true, false, false],
            from: 7 * DAY / 24,
            to: 17 * DAY / 24,
        }
    }
}

impl Default for BookConfig {
    fn default() -> Self {
        Self {
            levels: Vec::new(),
            ladders: BTreeMap::new(),
            hours: WorkingHours::default(),
            offset: OFFSET_DEFAULT,
            reminders_max: REMINDERS_DEFAULT,
            causes: BTreeMap::new(),
        }
    }
}

/// The name of a level for an alert of a status: a drill has levels of its own, which name nobody real.
pub(super) fn level_name(level: &Level, status: Status) -> Name {
    match status {
        Status::Actual => level.id.clone(),
        Status::Exercise => format!("{}@exercise", level.id).into(),
        Status::Test => format!("{}@test", level.id).into(),
    }
}

/// How many levels an alert has behind it.
pub(super) fn reached(alert: &Alert) -> usize {
    let escalated = alert.handling.escalated.as_ref();
    escalated.map_or(0, |escalated| usize::from(escalated.step))
}

impl Cause {
    pub fn new(id: Name, title: Text, gap: Option<i64>) -> Self {
        let gap = gap.unwrap_or(GAP_DEFAULT);
        Self { id, title, gap }
    }
}

impl BookConfig {
    /// When the next step of an alert that is unhandled since `unhandled` is due, and to which level.
    pub(super) fn next_step(&self, alert: &Alert, unhandled: Time) -> Option<(Time, usize)> {
        let ladder = self.ladders.get(&alert.severity)?;
        let reached = reached(alert);
        let step = ladder.steps.iter().find(|step| step.level >= reached)?;
        let due = if ladder.working_hours {
            self.after_working(unhandled, step.after)
        } else {
            unhandled.plus(step.after)
        };
        Some((due, step.level))
    }

    pub(super) fn level(&self, id: &str) -> Option<usize> {
        self.levels.iter().position(|level| *level.id == *id)
    }

    pub(super) fn reminder(&self, severity: Severity, own: Option<i64>) -> Option<i64> {
        let ladder = || self.ladders.get(&severity)?.remind_every;
        own.or_else(ladder).filter(|every| *every > 0)
    }

    pub(super) fn gap(&self, cause: &str) -> i64 {
        self.causes
            .get(cause)
            .map_or(GAP_DEFAULT, |cause| cause.gap)
    }

    pub(super) fn title(&self, cause: &Name) -> Text {
        let plain = || Text {
            vi: cause.to_string(),
            en: cause.to_string(),
        };
        (self.causes.get(cause)).map_or_else(plain, |cause| cause.title.clone())
    }

    /// When so much working time has passed since `from`.
    fn after_working(&self, from: Time, length: i64) -> Time {
        let mut left = length;
        let start = from.0.saturating_add(self.offset);
        let first = start.div_euclid(DAY);
        for day in first..first.saturating_add(DAYS_MAX) {
            // 1970-01-01 was a Thursday.
            let weekday = usize::try_from((day + 3).rem_euclid(7)).unwrap_or(0);
            if !self.hours.days.get(weekday).copied().unwrap_or(false) {
                continue;
            }
            let midnight = day.saturating_mul(DAY);
            let begin = midnight.saturating_add(self.hours.from).max(start);
            let end = midnight.saturating_add(self.hours.to);
            let here = end.saturating_sub(begin).max(0);
            if here > 0 && left <= here {
                return Time(begin.saturating_add(left).saturating_sub(self.offset));
            }
            left -= here;
        }
        from.plus(length)
    }
}
