//! The parts of a position's report, each from the calls or spans that are its own.

use std::collections::BTreeMap;

use event::{Name, Priority, Severity, Time};

use super::figures::{priority_label, severity_label};
use super::flood::{Running, Window};
use super::positions::{INTERVAL_NS, Position};
use super::record::{Call, Class, Facts, SpanKind};
use super::report::{
    AcknowledgeTimes, Calls, Chatter, Flood, Interval, Level, Share, Spread, StaleAlert, Top,
};
use super::tally::{level, percent, seconds, spread_of, top};

const DAY_NS: i64 = 24 * 3_600 * 1_000_000_000;
const TOP: usize = 10;
const LIST_MAX: usize = 100;
/// Lower ends of the classes of the distribution.
const CLASSES: [u64; 9] = [0, 1, 2, 3, 6, 11, 21, 51, 101];

/// `[from, end)`, known up to `until`.
#[derive(Clone, Copy)]
pub(super) struct Period {
    pub(super) from: i64,
    pub(super) end: i64,
    pub(super) until: i64,
}

impl Period {
    pub(super) fn has(self, at: i64) -> bool {
        self.from <= at && at < self.end
    }
}

/// A span as one position sees it; `to` is the far future while it runs.
pub(super) struct Seen<'h> {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) kind: SpanKind,
    pub(super) alert: &'h event::AlertId,
    pub(super) facts: &'h Facts,
}

pub(super) fn floor(at: i64) -> i64 {
    at.saturating_sub(at.rem_euclid(INTERVAL_NS))
}

pub(super) fn ceil(at: i64) -> i64 {
    let floor = floor(at);
    if floor == at {
        at
    } else {
        floor.saturating_add(INTERVAL_NS)
    }
}

pub(super) fn owns(position: &Position, call: &Call) -> bool {
    call.facts.seen_by(position) && position.staffed(call.at)
}

pub(super) fn classes(calls: &[&Call]) -> Calls {
    let mut counts = Calls::default();
    for call in calls {
        counts.total += 1;
        let out = &mut counts.left_out;
        let column = match call.class {
            Class::Counted => &mut counts.counted,
            Class::Shadow => &mut out.shadow,
            Class::Exercise => &mut out.exercise,
            Class::Test => &mut out.test,
            Class::Retrospective => &mut out.retrospective,
            Class::Suppressed => &mut out.suppressed,
            Class::Shelved => &mut out.shelved,
        };
        *column += 1;
        let column = match &*call.change {
            "reopened" => &mut counts.reopened,
            "unsuppressed" => &mut counts.unsuppressed,
            "unshelved" => &mut counts.unshelved,
            _ => &mut counts.raised,
        };
        *column += 1;
    }
    counts
}

/// Most in an interval, in six that follow one another, and the share of intervals above the flood's bound.
pub(super) struct Peaks {
    pub(super) interval: u64,
    pub(super) hour: u64,
    pub(super) over_percent: Option<f64>,
}

pub(super) fn intervals(
    position: &Position,
    counted: &[&Call],
    period: Period,
) -> (Vec<Spread>, Vec<Interval>, Peaks) {
    let until = if period.until == period.end {
        period.end
    } else {
        // The interval that `now` lies in has begun.
        floor(period.until)
            .saturating_add(INTERVAL_NS)
            .min(period.end)
    };
    let total = usize::try_from((until - period.from) / INTERVAL_NS).unwrap_or(0);
    let mut counts = vec![0_u64; total];
    for call in counted {
        let index = usize::try_from((call.at - period.from) / INTERVAL_NS).ok();
        if let Some(count) = index.and_then(|index| counts.get_mut(index)) {
            *count += 1;
        }
    }
    let start = |index: usize| {
        let index = i64::try_from(index).unwrap_or(i64::MAX);
        period
            .from
            .saturating_add(index.saturating_mul(INTERVAL_NS))
    };
    let mut classes = [0_u64; CLASSES.len()];
    let (mut staffed, mut over) = (0_u64, 0_u64);
    for (index, count) in counts.iter().enumerate() {
        if !position.staffed(start(index)) {
            continue;
        }
        staffed += 1;
        over += u64::from(*count > super::FLOOD_ABOVE as u64);
        let class = CLASSES.iter().rposition(|from| from <= count);
        if let Some(class) = class.and_then(|class| classes.get_mut(class)) {
            *class += 1;
        }
    }
    let spread = CLASSES.iter().enumerate().zip(classes);
    let spread = spread.map(|((index, from), intervals)| Spread {
        alerts_from: *from,
        alerts_to: CLASSES.get(index + 1).map(|next| next - 1),
        intervals,
    });
    let filled = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    let filled = filled
        .map(|(index, count)| (start(index), *count))
        .collect();
    let busiest = top(&filled, TOP)
        .into_iter()
        .map(|(from, alerts)| Interval {
            from: Time(from),
            alerts,
        });
    let hour = counts.windows(6.min(counts.len().max(1)));
    let peaks = Peaks {
        interval: counts.iter().copied().max().unwrap_or(0),
        hour: hour.map(|hour| hour.iter().sum()).max().unwrap_or(0),
        over_percent: percent(over as f64, staffed as f64),
    };
    (spread.collect(), busiest.collect(), peaks)
}

pub(super) fn floods(position: &Position, calls: &[&Call], period: Period) -> Vec<Flood> {
    let mut window = Window::default();
    let mut found: Vec<(Running, Option<i64>)> = Vec::new();
    for call in calls.iter().filter(|call| call.class == Class::Counted) {
        let ended = window.add(call.at);
        found.extend(ended.map(|(running, at)| (running, Some(at))));
    }
    let ended = window.advance(period.until);
    found.extend(ended.map(|(running, at)| (running, Some(at))));
    found.extend(window.running().map(|running| (running, None)));
    let touches = found
        .into_iter()
        .filter(|(_, ended)| ended.is_none_or(|ended| ended > period.from));
    let floods = touches.map(|(running, ended)| {
        let from = running.began.max(period.from);
        let to = ended.unwrap_or(period.until).min(period.until);
        Flood {
            began: Time(running.began),
            ended: ended.map(Time),
            alerts: running.alerts,
            peak: running.peak,
            seconds: seconds(position.staffed_ns(from, to)),
        }
    });
    floods.collect()
}

pub(super) fn priorities(counted: &[&Call]) -> Vec<Share> {
    let shares = [Priority::Low, Priority::Medium, Priority::High].map(|priority| {
        let own = counted
            .iter()
            .filter(|call| call.facts.priority == priority);
        let (key, label) = priority_label(priority);
        share(key, label, own.count(), counted.len())
    });
    shares.into()
}

pub(super) fn severities(counted: &[&Call]) -> Vec<Share> {
    let all = [
        Severity::Critical,
        Severity::Major,
        Severity::Minor,
        Severity::Warning,
        Severity::Info,
    ];
    let shares = all.map(|severity| {
        let own = counted
            .iter()
            .filter(|call| call.facts.severity == severity);
        let (key, label) = severity_label(severity);
        share(key, label, own.count(), counted.len())
    });
    shares.into()
}

fn share(key: &'static str, label: event::Text, own: usize, all: usize) -> Share {
    Share {
        key,
        label,
        alerts: own as u64,
        percent: percent(own as f64, all as f64),
    }
}

pub(super) fn top_alarms(counted: &[&Call]) -> Vec<Top> {
    let mut counts: BTreeMap<(Name, Name), u64> = BTreeMap::new();
    for call in counted {
        let key = (call.facts.rule.clone(), call.facts.entity.clone());
        *counts.entry(key).or_default() += 1;
    }
    let best = top(&counts, TOP).into_iter();
    let best = best.map(|((rule, entity), alerts)| Top {
        rule,
        entity: Some(entity),
        alerts,
        percent: alerts as f64 * 100.0 / counted.len() as f64,
    });
    best.collect()
}

pub(super) fn top_rules(counted: &[&Call]) -> Vec<Top> {
    let mut counts: BTreeMap<Name, u64> = BTreeMap::new();
    for call in counted {
        *counts.entry(call.facts.rule.clone()).or_default() += 1;
    }
    let best = top(&counts, TOP).into_iter().map(|(rule, alerts)| Top {
        rule,
        entity: None,
        alerts,
        percent: alerts as f64 * 100.0 / counted.len() as f64,
    });
    best.collect()
}

/// Standing spans from where the condition had been present for a day.
pub(super) fn stale(spans: &[Seen<'_>], period: Period) -> (Level, Vec<StaleAlert>) {
    let mut parts = Vec::new();
    let mut listed = Vec::new();
    for span in spans {
        let SpanKind::Standing { since } = span.kind else {
            continue;
        };
        let from = span.from.max(since.saturating_add(DAY_NS));
        if from >= span.to || from >= period.until {
            continue;
        }
        parts.push((from, span.to));
        if span.to >= period.end {
            listed.push(StaleAlert {
                alert: span.alert.clone(),
                rule: span.facts.rule.clone(),
                entity: span.facts.entity.clone(),
                since: Time(since),
            });
        }
    }
    listed.sort_by(|a, b| a.since.cmp(&b.since).then_with(|| a.alert.cmp(&b.alert)));
    listed.truncate(LIST_MAX);
    (level(&parts, period.from, period.end), listed)
}

pub(super) fn chattering(spans: &[Seen<'_>], period: Period) -> Vec<Chatter> {
    let mut found: Vec<Chatter> = Vec::new();
    for span in spans {
        let SpanKind::Chattering { turns } = span.kind else {
            continue;
        };
        if span.from < period.end && span.to > period.from {
            found.push(Chatter {
                alert: span.alert.clone(),
                rule: span.facts.rule.clone(),
                entity: span.facts.entity.clone(),
                from: Time(span.from),
                to: (span.to < period.end).then_some(Time(span.to)),
                turns,
            });
        }
    }
    found.sort_by(|a, b| b.turns.cmp(&a.turns).then_with(|| a.alert.cmp(&b.alert)));
    found.truncate(LIST_MAX);
    found
}

pub(super) fn acknowledge(
    position: &Position,
    spans: &[Seen<'_>],
    period: Period,
) -> AcknowledgeTimes {
    let mut times = AcknowledgeTimes::default();
    let mut taken = Vec::new();
    for span in spans {
        let SpanKind::Call { answered } = span.kind else {
            continue;
        };
        if !period.has(span.from) || !position.staffed(span.from) {
            continue;
        }
        times.calls += 1;
        if span.to >= period.end {
            times.waiting += 1;
        } else if answered {
            times.acknowledged += 1;
            taken.push(span.to - span.from);
        } else {
            times.lapsed += 1;
        }
    }
    (times.median_seconds, times.p90_seconds, times.max_seconds) = spread_of(taken);
    times
}
