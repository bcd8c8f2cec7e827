//! One key of the plain model: its phases and the alarm it makes.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "the plain model names what moves"
)]

use event::{AlertId, AlertState, Change};

use crate::common::JOURNAL;

/// What is compared: everything that decides, nothing that is text.
pub(crate) type Seen = (String, Change, AlertState, u32, i64, u32);

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Phase {
    Clear,
    Pending(i64),
    Active,
    Releasing(i64),
}

#[derive(Clone)]
pub(crate) struct Alarm {
    pub(crate) id: String,
    pub(crate) state: AlertState,
    pub(crate) revision: u32,
    pub(crate) opened: u32,
    pub(crate) since: i64,
    pub(crate) returned: i64,
    pub(crate) times: u32,
    pub(crate) shelved: Option<i64>,
    pub(crate) acknowledged: bool,
}

pub(crate) struct Key {
    pub(crate) phase: Phase,
    pub(crate) newest: i64,
    /// When a good value last met the clear condition.
    pub(crate) normal: i64,
    /// What the last episode covered.
    pub(crate) episode: Option<(i64, i64)>,
    pub(crate) alarm: Option<Alarm>,
}

impl Default for Key {
    fn default() -> Self {
        Self {
            phase: Phase::Clear,
            newest: i64::MIN,
            normal: i64::MIN,
            episode: None,
            alarm: None,
        }
    }
}

pub(crate) fn raise(
    key: &mut Key,
    rule: &str,
    name: &str,
    since: i64,
    offset: u64,
    out: &mut Vec<Seen>,
) {
    key.phase = Phase::Active;
    let change = if let Some(alarm) = &mut key.alarm {
        alarm.state = AlertState::Unacknowledged;
        alarm.revision += 1;
        alarm.opened = alarm.revision;
        alarm.since = since;
        alarm.returned = i64::MAX;
        alarm.times += 1;
        Change::Reopened
    } else {
        key.alarm = Some(Alarm {
            id: AlertId::new(rule, name, JOURNAL, offset).0,
            state: AlertState::Unacknowledged,
            revision: 1,
            opened: 1,
            since,
            returned: i64::MAX,
            times: 1,
            shelved: None,
            acknowledged: false,
        });
        Change::Raised
    };
    tell(key.alarm.as_ref().unwrap(), change, out);
}

pub(crate) fn tell(alarm: &Alarm, change: Change, out: &mut Vec<Seen>) {
    out.push((
        alarm.id.clone(),
        change,
        alarm.state,
        alarm.revision,
        alarm.since,
        alarm.times,
    ));
}

pub(crate) fn give_back(key: &mut Key, at: i64, over: &mut Vec<Alarm>, out: &mut Vec<Seen>) {
    key.phase = Phase::Clear;
    let alarm = key.alarm.as_mut().unwrap();
    alarm.revision += 1;
    alarm.returned = at;
    let first = match key.episode {
        Some((first, _)) if alarm.times > 1 => first.min(alarm.since),
        _ => alarm.since,
    };
    key.episode = Some((first, at));
    if alarm.acknowledged {
        alarm.state = AlertState::Normal;
        tell(alarm, Change::Resolved, out);
        over.push(key.alarm.take().unwrap());
    } else {
        alarm.state = AlertState::ReturnedUnacknowledged;
        tell(alarm, Change::ReturnedToNormal, out);
    }
}

/// A good value that meets the condition, older than the newest: nothing while it rings; an episode that was seen through
/// is not told again; it rings if nothing newer was normal; else it is an episode that is over, one an alarm.
fn late(
    key: &mut Key,
    (rule, name): (&str, &str),
    at: i64,
    offset: u64,
    over: &mut Vec<Alarm>,
    out: &mut Vec<Seen>,
) {
    if key.phase != Phase::Clear {
        return;
    }
    let seen_through = |(from, to): (i64, i64)| (from..=to).contains(&at);
    if key.alarm.is_none() && key.episode.is_some_and(seen_through) {
        return;
    }
    if key.normal < at {
        return raise(key, rule, name, at, offset, out);
    }
    let Some(alarm) = &mut key.alarm else {
        raise(key, rule, name, at, offset, out);
        return give_back(key, key.normal, over, out);
    };
    let (earlier, later) = (at < alarm.since, at > alarm.returned);
    if earlier {
        alarm.since = at;
    }
    if later {
        alarm.returned = key.normal;
    }
    let (from, to) = key.episode.unwrap();
    if earlier || later {
        key.episode = Some((from.min(at), to.max(alarm.returned)));
        alarm.revision += 1;
        tell(alarm, Change::Revised, out);
    }
}

/// `yes`: the condition; `gone`: the clear condition; `good`: whether the value may clear.
#[allow(
    clippy::too_many_arguments,
    reason = "the plain model has no structure on purpose"
)]
pub(crate) fn turn(
    key: &mut Key,
    rule: &str,
    name: &str,
    (yes, gone, good): (bool, bool, bool),
    (hold, release): (i64, i64),
    at: i64,
    offset: u64,
    over: &mut Vec<Alarm>,
    out: &mut Vec<Seen>,
) {
    if at <= key.newest {
        if at < key.newest && yes && good && hold == 0 {
            late(key, (rule, name), at, offset, over, out);
        }
        return;
    }
    key.newest = at;
    if gone && good {
        key.normal = at;
    }
    // What ended before this event.
    match key.phase {
        Phase::Pending(since) if at > since + hold => raise(key, rule, name, since, offset, out),
        Phase::Releasing(since) if at > since + release => give_back(key, since, over, out),
        _ => {}
    }
    if !good {
        match key.phase {
            Phase::Pending(since) if at == since + hold => {
                raise(key, rule, name, since, offset, out)
            }
            Phase::Releasing(since) if at == since + release => give_back(key, since, over, out),
            _ => {}
        }
        return;
    }
    match key.phase {
        Phase::Clear if yes && hold == 0 => raise(key, rule, name, at, offset, out),
        Phase::Clear if yes => key.phase = Phase::Pending(at),
        Phase::Pending(_) if !yes => key.phase = Phase::Clear,
        Phase::Pending(since) if at == since + hold => raise(key, rule, name, since, offset, out),
        Phase::Active if gone && release == 0 => give_back(key, at, over, out),
        Phase::Active if gone => key.phase = Phase::Releasing(at),
        Phase::Releasing(_) if !gone => key.phase = Phase::Active,
        Phase::Releasing(since) if at == since + release => give_back(key, since, over, out),
        _ => {}
    }
}
