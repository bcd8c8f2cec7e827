//! What is allowed but seldom meant: advice for the author of a pack, with file and line. Nothing here keeps a pack out.

use event::{EntityInfo, MeasureType, PackError, Severity, Vocabulary};

use super::Limits;
use super::rules::Loaded;
use crate::ruleset::{Clear, Kind, Rule};

const SECOND: i64 = 1_000_000_000;

pub(crate) fn advise(rules: &[Loaded], limits: &Limits, vocabulary: &Vocabulary) -> Vec<PackError> {
    let mut advice = Vec::new();
    for loaded in rules {
        let mut say = |message: String| {
            advice.push(PackError {
                file: loaded.file.clone(),
                line: loaded.line,
                message: format!("rule `{}`: {message}", loaded.rule.id),
            });
        };
        if has_bare_threshold(&loaded.rule) {
            say(
                "compares with a bare number; a threshold in thresholds.toml has a source"
                    .to_owned(),
            );
        }
        if may_chatter(&loaded.rule, vocabulary) {
            let what = "rings and clears at every crossing; give it a `dead_band`, `clear`, `hold` or `release`";
            say(what.to_owned());
        }
        for name in unverified(&loaded.rule, limits, vocabulary) {
            say(format!(
                "is critical, but its threshold `{name}` is not verified"
            ));
        }
        if let Some(message) = lone_forever(&loaded.rule, vocabulary) {
            say(message);
        }
    }
    slow_gateways(rules, vocabulary, &mut advice);
    for name in limits.without_source() {
        advice.push(PackError {
            file: "thresholds.toml".to_owned(),
            line: 0,
            message: format!("limit `{name}`: its source says nothing"),
        });
    }
    advice.sort_by(|a, b| (&a.file, a.line, &a.message).cmp(&(&b.file, b.line, &b.message)));
    advice.dedup();
    advice
}

fn has_bare_threshold(rule: &Rule) -> bool {
    match &rule.kind {
        Kind::Condition { raise, .. } | Kind::Group { raise, .. } => {
            rule.need.limits.is_empty() && raise.compares_with_number()
        }
        Kind::Sequence { first, then, .. } => {
            rule.need.limits.is_empty()
                && (first.compares_with_number() || then.compares_with_number())
        }
        Kind::Absence { .. } => false,
    }
}

/// A number that is compared as it comes, with nothing to calm it.
fn may_chatter(rule: &Rule, vocabulary: &Vocabulary) -> bool {
    let Kind::Condition {
        raise,
        clear: Clear::NotRaise,
        hold_ns: 0,
        release_ns: 0,
    } = &rule.kind
    else {
        return false;
    };
    let number = |slot: u8| {
        let name = rule.need.measures.get(usize::from(slot));
        let info = name.and_then(|name| vocabulary.measures.get(&**name));
        info.is_some_and(|info| info.kind == MeasureType::Number)
    };
    raise.compared_slots().any(number)
}

fn unverified(rule: &Rule, limits: &Limits, vocabulary: &Vocabulary) -> Vec<String> {
    if rule.severity != Severity::Critical {
        return Vec::new();
    }
    let mut names: Vec<String> = covered(rule, vocabulary)
        .filter_map(|info| rule.limits_at(limits, &info.id, Some(&info.profile)))
        .flatten()
        .filter_map(|index| limits.get(index))
        .filter(|entry| !entry.limit.verified)
        .map(|entry| entry.limit.name.to_string())
        .collect();
    names.sort();
    names.dedup();
    names
}

fn covered<'a>(rule: &'a Rule, vocabulary: &'a Vocabulary) -> impl Iterator<Item = &'a EntityInfo> {
    let entities = vocabulary.entities.values();
    entities.filter(|info| info.stream == rule.stream && rule.scope.covers(&info.id, Some(info)))
}

/// Corroboration that nobody could ever give.
fn lone_forever(rule: &Rule, vocabulary: &Vocabulary) -> Option<String> {
    use crate::ruleset::Around;
    let corroborate = rule.corroborate.as_ref()?;
    let placed = |info: &&EntityInfo| match corroborate.around {
        Around::Distance { .. } => info.lat.is_some() && info.lon.is_some(),
        Around::River { .. } => info.river.is_some() && info.river_km.is_some(),
    };
    let count = covered(rule, vocabulary).filter(placed).count();
    let needed = corroborate.at_least as usize + 1;
    (count < needed).then(|| {
        format!(
            "only {count} of its entities have a place to be corroborated from, fewer than {needed}"
        )
    })
}

/// Seconds of silence after which any rule of the pack rings for an entity.
fn silence(rules: &[Loaded], info: &EntityInfo) -> Option<(i64, usize)> {
    let times = rules.iter().enumerate().filter_map(|(index, loaded)| {
        let rule = &loaded.rule;
        let Kind::Absence {
            after_ns,
            after_intervals,
            expected_only,
            ..
        } = &rule.kind
        else {
            return None;
        };
        let watched = rule.stream == info.stream
            && !rule.shadow
            && (info.expected || !expected_only)
            && rule.scope.covers(&info.id, Some(info));
        let interval = i64::try_from(info.interval_seconds).unwrap_or(i64::MAX);
        let intervals = interval.saturating_mul(i64::from(*after_intervals));
        watched.then_some((intervals.max(after_ns / SECOND), index))
    });
    times.filter(|(seconds, _)| *seconds > 0).min()
}

/// A gateway that rings after its devices have: two hundred alerts instead of one.
fn slow_gateways(rules: &[Loaded], vocabulary: &Vocabulary, advice: &mut Vec<PackError>) {
    for device in vocabulary.entities.values() {
        let gateway = device.gateway.as_ref();
        let Some(gateway) = gateway.and_then(|id| vocabulary.entities.get(&**id)) else {
            continue;
        };
        let Some((own, index)) = silence(rules, device) else {
            continue;
        };
        let Some(loaded) = rules.get(index) else {
            continue;
        };
        let message = match silence(rules, gateway) {
            Some((seconds, _)) if seconds <= own => continue,
            Some((seconds, of)) => format!(
                "rule `{}`: rings for the gateway `{}` after {seconds} s, later than `{}` for its devices ({own} s)",
                rules.get(of).map_or("", |slow| &*slow.rule.id),
                gateway.id,
                loaded.rule.id
            ),
            None => format!(
                "rule `{}`: watches devices of the gateway `{}`, whose own silence no rule watches",
                loaded.rule.id, gateway.id
            ),
        };
        advice.push(PackError {
            file: loaded.file.clone(),
            line: loaded.line,
            message,
        });
    }
}
