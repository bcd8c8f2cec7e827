use event::{AlertState, EpisodeSpan, JournalId};

use super::*;

const MINUTE: i64 = 60 * Time::SECOND;

fn at(minutes: i64) -> Time {
    Time(minutes * MINUTE)
}

/// An alert whose newest episode is `since..returned`.
fn alert(since: i64, returned: Option<i64>, occurrences: u32) -> Alert {
    Alert {
        id: AlertId::new("r", "e", JournalId::default(), 1),
        rule: "r".to_owned(),
        severity: Severity::Major,
        status: Status::Actual,
        stream: Stream::Disaster,
        site: "s".into(),
        entity: "e".into(),
        entity_name: Text::default(),
        area: None,
        area_name: None,
        lat: None,
        lon: None,
        state: AlertState::Unacknowledged,
        revision: 1,
        since: at(since),
        raised: at(since),
        changed: at(since + 1),
        returned: returned.map(at),
        acknowledged: None,
        shelved: None,
        comments: Vec::new(),
        rating: event::Rating::default(),
        handling: event::Handling::default(),
        incident: None,
        occurrences,
        episodes: Vec::new(),
        retrospective: false,
        measure: None,
        value: None,
        unit: None,
        message: Text::default(),
        guidance: Text::default(),
        scale: Vec::new(),
        unofficial: false,
        evidence: event::Evidence {
            rule: "r".to_owned(),
            rule_version: 3,
            condition: String::new(),
            hold_seconds: 0,
            values: Vec::new(),
            windows: Vec::new(),
            considered: Vec::new(),
            limits: Vec::new(),
            last_heard: None,
        },
    }
}

fn tell(told: &mut Told, change: Change, alert: Alert) {
    told.take(&Effect::Transition(Transition {
        change,
        by: None,
        command_id: None,
        alert,
    }));
}

fn spans(told: &Told) -> Vec<(i64, Option<i64>)> {
    let minutes = |time: Time| time.0 / MINUTE;
    told.rows(None, None)
        .iter()
        .map(|row| (minutes(row.raised), row.cleared.map(minutes)))
        .collect()
}

#[test]
fn each_time_it_comes_back_is_an_episode_of_its_own() {
    let mut told = Told::default();
    tell(&mut told, Change::Raised, alert(0, None, 1));
    assert_eq!(spans(&told), [(0, None)]);
    tell(&mut told, Change::Acknowledged, alert(0, None, 1));
    tell(&mut told, Change::ReturnedToNormal, alert(0, Some(10), 1));
    tell(&mut told, Change::Reopened, alert(20, None, 2));
    tell(&mut told, Change::ReturnedToNormal, alert(20, Some(30), 2));
    tell(&mut told, Change::Resolved, alert(20, Some(30), 2));
    assert_eq!(spans(&told), [(0, Some(10)), (20, Some(30))]);
    assert_eq!(told.rows(Some(at(15)), None).len(), 1);
    assert_eq!(told.rows(None, Some(at(20))).len(), 1);
    assert_eq!(told.rows(None, None)[0].version, 3);
}

#[test]
fn late_data_moves_what_was_told_and_takes_back_what_never_was() {
    let mut told = Told::default();
    tell(&mut told, Change::Raised, alert(5, None, 1));
    tell(&mut told, Change::Revised, alert(2, None, 1));
    tell(&mut told, Change::ReturnedToNormal, alert(2, Some(9), 1));
    // Open again after all: the same episode.
    tell(&mut told, Change::Reopened, alert(2, None, 1));
    assert_eq!(spans(&told), [(2, None)]);
    assert_eq!(
        told.rows(None, None)[0].told,
        at(6),
        "told when it was raised"
    );
    tell(&mut told, Change::Annulled, alert(2, None, 1));
    assert!(spans(&told).is_empty());
    let mut merged = alert(2, None, 1);
    merged.handling.merged_into = Some(AlertId("other".to_owned()));
    tell(&mut told, Change::Merged, merged);
    assert!(spans(&told).is_empty());
}

#[test]
fn the_alert_s_own_list_is_the_truth() {
    let span = |since, returned: Option<i64>| EpisodeSpan {
        since: at(since),
        returned: returned.map(at),
    };
    let mut told = Told::default();
    let listed = |episodes: Vec<EpisodeSpan>, occurrences| {
        let last = episodes.last().copied().unwrap();
        let mut alert = alert(0, None, occurrences);
        (alert.since, alert.returned, alert.episodes) = (last.since, last.returned, episodes);
        alert
    };
    tell(&mut told, Change::Raised, listed(vec![span(0, None)], 1));
    let two = vec![span(0, Some(10)), span(20, None)];
    tell(&mut told, Change::Reopened, listed(two, 2));
    assert_eq!(spans(&told), [(0, Some(10)), (20, None)]);
    // The list is bounded: what has left it stays known.
    let newest = vec![span(20, Some(25)), span(40, None)];
    tell(&mut told, Change::Reopened, listed(newest, 3));
    assert_eq!(spans(&told), [(0, Some(10)), (20, Some(25)), (40, None)]);
    // Two proved to be one.
    tell(&mut told, Change::Revised, listed(vec![span(0, None)], 1));
    assert_eq!(spans(&told), [(0, None)]);
}

#[test]
fn a_rule_on_trial_is_kept_apart() {
    let mut told = Told::default();
    told.take(&Effect::Shadow(Transition {
        change: Change::Raised,
        by: None,
        command_id: None,
        alert: alert(0, None, 1),
    }));
    assert!(spans(&told).is_empty());
    assert_eq!(told.shadow_rows(None, None).len(), 1);
}

/// A row for the tests of what is made of rows.
pub(in crate::rule_tools) fn sample(entity: &str, since: i64, returned: Option<i64>) -> Row {
    let mut told = Told::default();
    let mut alert = alert(since, returned, 1);
    alert.entity = entity.into();
    alert.changed = at(since);
    tell(&mut told, Change::Raised, alert);
    told.rows(None, None).remove(0)
}
