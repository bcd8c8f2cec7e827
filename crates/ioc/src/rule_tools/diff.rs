//! The alerts of one set of rules against those of another.
//!
//! Two episodes are the same where rule, entity, status and kind (live or retrospective) are equal and their times overlap. Each has one partner
//! at most, the earliest that is left.

use std::collections::BTreeMap;

use event::{Name, Severity, Status, Time};
use serde::Serialize;

use super::episodes::Row;

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Diff {
    /// Only the rules under test ring.
    pub(super) new: Vec<Row>,
    /// Only the rules in force rang.
    pub(super) gone: Vec<Row>,
    /// Both, the rules under test sooner.
    pub(super) earlier: Vec<Changed>,
    pub(super) later: Vec<Changed>,
    /// Same beginning, another end or severity.
    pub(super) changed: Vec<Changed>,
    pub(super) same: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Changed {
    pub(super) rule: String,
    pub(super) entity: Name,
    pub(super) severity: Severity,
    pub(super) raised: Time,
    pub(super) cleared: Option<Time>,
    pub(super) severity_before: Severity,
    pub(super) raised_before: Time,
    pub(super) cleared_before: Option<Time>,
    /// How much sooner (positive) it is raised now.
    pub(super) sooner_seconds: f64,
}

type Key<'a> = (&'a str, &'a str, Status, bool);

fn by_key(rows: &[Row]) -> BTreeMap<Key<'_>, Vec<&Row>> {
    let mut keys: BTreeMap<Key<'_>, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        let key = (&*row.rule, &*row.entity, row.status, row.retrospective);
        keys.entry(key).or_default().push(row);
    }
    keys
}

fn overlap(a: &Row, b: &Row) -> bool {
    let end = |row: &Row| row.cleared.unwrap_or(Time(i64::MAX));
    a.raised <= end(b) && b.raised <= end(a)
}

/// `rows` and `before` are in the order of their beginning.
pub(super) fn diff(rows: &[Row], before: &[Row]) -> Diff {
    let mut diff = Diff::default();
    let mut olds = by_key(before);
    for (key, news) in by_key(rows) {
        let mut left = olds.remove(&key).unwrap_or_default();
        for new in news {
            let Some(at) = left.iter().position(|old| overlap(new, old)) else {
                diff.new.push(new.clone());
                continue;
            };
            pair(new, left.remove(at), &mut diff);
        }
        diff.gone.extend(left.into_iter().cloned());
    }
    diff.gone.extend(olds.into_values().flatten().cloned());
    diff.new.sort_by_key(|row| row.raised);
    diff.gone.sort_by_key(|row| row.raised);
    for list in [&mut diff.earlier, &mut diff.later, &mut diff.changed] {
        list.sort_by_key(|changed| changed.raised);
    }
    diff
}

fn pair(new: &Row, old: &Row, diff: &mut Diff) {
    let sooner = old.raised.since(new.raised);
    let list = match sooner.signum() {
        1 => &mut diff.earlier,
        -1 => &mut diff.later,
        _ if new.cleared == old.cleared && new.severity == old.severity => {
            diff.same += 1;
            return;
        }
        _ => &mut diff.changed,
    };
    list.push(Changed {
        rule: new.rule.clone(),
        entity: new.entity.clone(),
        severity: new.severity,
        raised: new.raised,
        cleared: new.cleared,
        severity_before: old.severity,
        raised_before: old.raised,
        cleared_before: old.cleared,
        sooner_seconds: sooner as f64 / Time::SECOND as f64,
    });
}

#[cfg(test)]
mod tests;
