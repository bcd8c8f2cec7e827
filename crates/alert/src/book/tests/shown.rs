//! How effects are written.

use std::fmt::Write as _;

use event::{AlertState, Status, Time};

use super::world::START;
use crate::effect::Effect;

pub(super) fn shown(at: Time) -> String {
    let seconds = at.since(Time::parse(START).unwrap()) / Time::SECOND;
    match (seconds / 60, seconds % 60) {
        (minutes, 0) => format!("{minutes}m"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

pub(super) fn name_of(alert: &event::Alert) -> String {
    let status = match alert.status {
        Status::Actual => "",
        Status::Exercise => "@exercise",
        Status::Test => "@test",
    };
    let history = if alert.retrospective { "~history" } else { "" };
    format!("{}/{}{status}{history}", alert.rule, alert.entity)
}

pub(super) fn show(effect: &Effect) -> String {
    match effect {
        Effect::Transition(transition) => show_transition("", transition),
        Effect::Shadow(transition) => show_transition("shadow ", transition),
        Effect::Suppression(change) => format!(
            "> suppression {} {:?} kept {}\n",
            change.suppression.id, change.step, change.suppression.kept_back
        ),
        Effect::Incident(incident) => format!(
            "> incident {} {:?} total {} active {}{}\n",
            incident
                .id
                .0
                .split(':')
                .take(2)
                .collect::<Vec<_>>()
                .join(":"),
            incident.severity,
            incident.total,
            incident.active,
            if incident.closed.is_some() {
                " closed"
            } else {
                ""
            }
        ),
        Effect::PublicWarning(warning) => format!(
            "> warning {} {:?} {:?} {:?}\n",
            warning.id, warning.kind, warning.state, warning.status
        ),
    }
}

fn show_transition(kind: &str, transition: &event::Transition) -> String {
    let alert = &transition.alert;
    let state = match alert.state {
        AlertState::Unacknowledged => "unack",
        AlertState::Acknowledged => "ack",
        AlertState::ReturnedUnacknowledged => "returned",
        AlertState::Latched => "latched",
        AlertState::Normal => "normal",
    };
    let mut line = format!(
        "> {kind}{} {} {state} r{}",
        transition.change.name(),
        name_of(alert),
        alert.revision
    );
    for span in &alert.episodes {
        let end = span.returned.map_or("".to_owned(), shown);
        write!(line, " [{}..{end}]", shown(span.since)).unwrap();
    }
    let count = alert.episodes.len();
    if alert.occurrences as usize != count {
        write!(line, " x{}", alert.occurrences).unwrap();
    }
    for kept in &alert.handling.suppressed {
        write!(line, " {:?}", kept.kind).unwrap();
    }
    if let Some(chattering) = &alert.handling.chattering {
        write!(line, " turns {}", chattering.turns).unwrap();
    }
    if let (event::Change::Escalated, Some(to)) = (transition.change, &alert.handling.escalated) {
        write!(line, " to {}", to.level).unwrap();
    }
    if alert.incident.is_some() {
        line.push_str(" incident");
    }
    if let Some(by) = &transition.by {
        write!(line, " by {by}").unwrap();
    }
    line + "\n"
}
