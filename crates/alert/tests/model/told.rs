//! What the engine has told: its transitions put together again, each checked against the state table.

use std::collections::BTreeMap;

use alert::Engine;
use event::{Alert, AlertState, Change, Time, Transition};

use crate::site::{GATEWAY, SPEAKERS};
use crate::truth::{Key, Span};

/// An alert as its transitions have told it.
pub(crate) struct Heard {
    pub(crate) key: Key,
    pub(crate) alert: Alert,
    pub(crate) spans: Vec<Span>,
    /// Revision of the last `Raised` or `Reopened`.
    pub(crate) opened: u32,
    /// Journal time at which it last returned.
    gone: Option<i64>,
    /// How it ended, while it is over.
    pub(crate) ended: Option<Change>,
}

#[derive(Default)]
pub(crate) struct Told {
    pub(crate) alerts: BTreeMap<String, Heard>,
    /// In order of appearance.
    pub(crate) order: Vec<String>,
    keys: BTreeMap<Key, Vec<String>>,
    pub(crate) changes: BTreeMap<&'static str, u64>,
}

/// The rules' ids, to which those of the alerts are brought back.
const RULES: [&str; 27] = [
    "missing", "jump", "often", "quarter", "session", "share", "after", "and", "both", "busy",
    "gone", "held", "hi", "hold", "mean", "mode", "out", "peak", "rate", "rel", "rise", "silent",
    "wild", "enabled", "latch", "pair", "two",
];

fn key_of(alert: &Alert) -> Result<Key, String> {
    let known =
        |list: &[&'static str], name: &str| list.iter().copied().find(|known| *known == name);
    let rule = known(&RULES, &alert.rule).ok_or_else(|| format!("alert of rule {}", alert.rule))?;
    let entity = known(&SPEAKERS, &alert.entity).or_else(|| known(&[GATEWAY], &alert.entity));
    let entity = entity.ok_or_else(|| format!("alert at {}", alert.entity))?;
    Ok((rule, (entity, alert.status)))
}

/// The spans of an alert; those that its bounded list has let go stay as they were.
fn spans_of(alert: &Alert, before: &[Span]) -> Vec<Span> {
    let own = (alert.since.0, alert.returned.map(|at| at.0));
    if alert.episodes.is_empty() {
        return vec![own];
    }
    let listed = alert.episodes.iter();
    let listed: Vec<Span> = listed
        .map(|span| (span.since.0, span.returned.map(|at| at.0)))
        .collect();
    let dropped = (alert.occurrences as usize).saturating_sub(listed.len());
    let dropped = if listed.len() < 32 { 0 } else { dropped };
    before.iter().copied().take(dropped).chain(listed).collect()
}

/// The states that a change may lead from and to; none: the state stays.
fn leads(
    change: Change,
    from: AlertState,
) -> Option<(&'static [AlertState], &'static [AlertState])> {
    use AlertState::{
        Acknowledged as A, Latched as L, Normal as N, ReturnedUnacknowledged as R,
        Unacknowledged as U,
    };
    Some(match change {
        Change::Raised => return None,
        // Out of `Normal`: late data takes back an end that somebody had acknowledged, or an operator does.
        Change::Reopened => (&[R, N, L], &[U, A, R, L]),
        Change::Acknowledged => (&[U, R], &[A, L]),
        // In `Normal`: closed while its condition held, and now that is gone.
        Change::ReturnedToNormal if from == N => (&[N], &[N]),
        Change::ReturnedToNormal => (&[U, A], &[R, L]),
        Change::Resolved => (&[A, R, L], &[N]),
        Change::Reset => (&[L], &[N]),
        Change::Closed => (&[U, A, R, L], &[N]),
        Change::Merged | Change::Annulled => (&[U, A, R, L, N], &[N]),
        Change::Revised
        | Change::Shelved
        | Change::Unshelved
        | Change::Commented
        | Change::Assigned
        | Change::Escalated
        | Change::Reminded
        | Change::Suppressed
        | Change::Unsuppressed
        | Change::ChatteringBegan
        | Change::ChatteringEnded
        | Change::MarkedFalse
        | Change::UnmarkedFalse
        | Change::Notified => return None,
    })
}

fn check_step(before: Option<&Heard>, transition: &Transition, now: i64) -> Result<(), String> {
    let (alert, change) = (&transition.alert, transition.change);
    let fail = |what: &str| Err(format!("{}: {} {what}", alert.id, change.name()));
    let Some(before) = before else {
        let begins = if alert.retrospective {
            AlertState::ReturnedUnacknowledged
        } else {
            AlertState::Unacknowledged
        };
        if change != Change::Raised {
            return fail("of an alert that was never raised");
        }
        return if alert.state == begins {
            Ok(())
        } else {
            fail("in the wrong state")
        };
    };
    let from = before.alert.state;
    if change == Change::Raised {
        return fail("twice");
    }
    let legal = match leads(change, from) {
        Some((sources, ends)) => sources.contains(&from) && ends.contains(&alert.state),
        None => from == alert.state,
    };
    if !legal {
        return fail(&format!("leads from {from:?} to {:?}", alert.state));
    }
    if alert.revision != before.alert.revision + 1 {
        return fail(&format!(
            "is revision {} after {}",
            alert.revision, before.alert.revision
        ));
    }
    if alert.changed != Time(now) {
        return fail("does not say when it changed");
    }
    if transition.by.is_some() != transition.command_id.is_some() {
        return fail("has an operator without a command, or a command without an operator");
    }
    Ok(())
}

/// What is so of every alert in every state.
fn check_alert(alert: &Alert, change: Change, spans: &[Span]) -> Result<(), String> {
    let fail = |what: &str| {
        Err(format!(
            "{} {} in {:?}: {what}",
            alert.id,
            change.name(),
            alert.state
        ))
    };
    // What it speaks of: the one that goes on, else the last.
    let open = spans.iter().rfind(|(_, end)| end.is_none());
    let last = open.or(spans.last()).copied();
    // What chatters is held active, its episodes stay what they are; once it is quiet it returns with the next transition.
    let chattering = alert.handling.chattering.is_some() || change == Change::ChatteringEnded;
    if !chattering && last != Some((alert.since.0, alert.returned.map(|at| at.0))) {
        return fail(&format!(
            "since and returned are not its last episode {last:?}"
        ));
    }
    let gone = alert.returned.is_some();
    let acknowledged = alert.acknowledged.is_some();
    match alert.state {
        AlertState::Unacknowledged if acknowledged => fail("is acknowledged"),
        AlertState::Acknowledged if !acknowledged => fail("is not acknowledged"),
        AlertState::Unacknowledged | AlertState::Acknowledged if gone && !chattering => {
            fail("has returned")
        }
        AlertState::ReturnedUnacknowledged if acknowledged => fail("is acknowledged"),
        AlertState::ReturnedUnacknowledged | AlertState::Latched if !gone => fail("is not gone"),
        AlertState::Latched if !alert.handling.latches => fail("its rule does not latch"),
        AlertState::Normal if alert.shelved.is_some() => fail("is shelved"),
        _ => Ok(()),
    }
}

impl Told {
    pub(crate) fn hear(&mut self, transition: &Transition, now: i64) -> Result<Key, String> {
        let alert = &transition.alert;
        let id = alert.id.0.clone();
        *self.changes.entry(transition.change.name()).or_default() += 1;
        let before = self.alerts.get(&id);
        check_step(before, transition, now)?;
        let key = match before {
            Some(before) => before.key,
            None => key_of(alert)?,
        };
        let known = before.map_or(&[][..], |before| &before.spans);
        let spans = spans_of(alert, known);
        // Spans of what never was, or goes on in another, are no longer its own.
        let void = matches!(transition.change, Change::Annulled | Change::Merged);
        if !void {
            check_alert(alert, transition.change, &spans)?;
        }
        let opens = matches!(transition.change, Change::Raised | Change::Reopened);
        let opened = match before {
            Some(before) if !opens => before.opened,
            _ => alert.revision,
        };
        let gone = match transition.change {
            Change::ReturnedToNormal | Change::Resolved => Some(now),
            Change::Raised | Change::Reopened => None,
            _ => before.and_then(|before| before.gone),
        };
        let over = alert.state == AlertState::Normal;
        let ended = match before.and_then(|before| before.ended) {
            _ if void => Some(transition.change),
            _ if !over => None,
            Some(ended) => Some(ended),
            None => Some(transition.change),
        };
        if before.is_none() {
            self.order.push(id.clone());
            if !alert.retrospective {
                self.keys.entry(key).or_default().push(id.clone());
            }
        }
        let heard = Heard {
            key,
            alert: alert.clone(),
            spans,
            opened,
            gone,
            ended,
        };
        self.alerts.insert(id, heard);
        Ok(key)
    }

    /// The turns of what chatters are counted, not told one by one: what is listed says them.
    pub(crate) fn look(&mut self, key: &Key, engine: &Engine) {
        for id in self.keys.get(key).into_iter().flatten() {
            if let Some(heard) = self.alerts.get_mut(id)
                && heard.alert.handling.chattering.is_some()
                && let Some(listed) = engine.alerts().find(|alert| alert.id.0 == *id)
            {
                heard.spans = spans_of(listed, &heard.spans);
            }
        }
    }

    /// The live episodes of a key, in order; what was annulled or merged left out.
    pub(crate) fn spans(&self, key: &Key) -> Vec<Span> {
        let ids = self.keys.get(key).into_iter().flatten();
        let heard = ids.filter_map(|id| self.alerts.get(id));
        let valid =
            heard.filter(|heard| !matches!(heard.ended, Some(Change::Annulled | Change::Merged)));
        let mut spans: Vec<Span> = valid
            .flat_map(|heard| heard.spans.iter().copied())
            .collect();
        spans.sort_unstable();
        spans
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        self.keys.keys().copied()
    }

    /// What must be so of a key's alerts once a record is folded.
    pub(crate) fn settled(&self, key: &Key, now: i64) -> Result<(), String> {
        for heard in self
            .keys
            .get(key)
            .into_iter()
            .flatten()
            .filter_map(|id| self.alerts.get(id))
        {
            let alert = &heard.alert;
            match &alert.shelved {
                Some(shelved) if shelved.until.0 <= now => {
                    return Err(format!("{} is shelved beyond its time", alert.id));
                }
                Some(shelved) if shelved.one_shot && heard.gone > Some(shelved.at.0) => {
                    return Err(format!("{} is shelved beyond its episode", alert.id));
                }
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    /// The alert of a key that is active.
    pub(crate) fn active(&self, key: &Key) -> Option<&Alert> {
        let heard = self
            .keys
            .get(key)?
            .iter()
            .rev()
            .filter_map(|id| self.alerts.get(id));
        let mut alerts = heard.map(|heard| &heard.alert);
        alerts.find(|alert| {
            matches!(
                alert.state,
                AlertState::Unacknowledged | AlertState::Acknowledged
            )
        })
    }

    /// Each alert ends in exactly one way, or is open; the engine lists the open ones as they were told, and no others.
    pub(crate) fn reconcile<'a>(
        &self,
        listed: impl Iterator<Item = &'a Alert>,
    ) -> Result<(), String> {
        let mut open: BTreeMap<&str, &Alert> = BTreeMap::new();
        for alert in listed {
            let Some(heard) = self.alerts.get(&alert.id.0) else {
                return Err(format!("{} is listed and was never told", alert.id));
            };
            if heard.alert != *alert {
                return Err(format!("{} is listed otherwise than told", alert.id));
            }
            if alert.state != AlertState::Normal && open.insert(&alert.id.0, alert).is_some() {
                return Err(format!("{} is listed twice", alert.id));
            }
        }
        for (id, heard) in &self.alerts {
            let is_open = open.contains_key(id.as_str());
            match heard.ended {
                None if !is_open => return Err(format!("{id} is open and not listed")),
                Some(_) if is_open => return Err(format!("{id} is over and listed as open")),
                None
                | Some(
                    Change::Resolved
                    | Change::Reset
                    | Change::Closed
                    | Change::Annulled
                    | Change::Merged,
                ) => {}
                Some(other) => return Err(format!("{id} ended by {}", other.name())),
            }
        }
        Ok(())
    }
}
