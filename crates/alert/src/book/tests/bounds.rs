//! Nothing grows without end.

use super::world::world;
use crate::book::{
    CHATTER_TURNS, COMMENTS_MAX, EVIDENCE_VALUES_MAX, INCIDENT_ALERTS_MAX, RECENT_MAX, SPANS_MAX,
    SUPPRESSIONS_ENDED_MAX, SUPPRESSIONS_MAX, WARNINGS_MAX,
};

#[test]
fn alerts_that_are_over() {
    let mut world = world();
    for number in 0..RECENT_MAX + 5 {
        world.offset = number as u64;
        world.quick(&format!("began e{number} hi/x{number} 0m"));
        world.quick(&format!("ack c{number} hi/x{number}"));
        world.quick(&format!("ended e{number} 1m"));
    }
    assert_eq!(world.book.alerts().count(), RECENT_MAX);
    assert_eq!(world.book.episodes.len(), RECENT_MAX);
    // Its alert is forgotten: counted, and nothing else.
    assert_eq!(world.step("changed e0 0m -"), "");
    assert_eq!(world.book.counters().forgotten, 1);
}

#[test]
fn episodes_and_comments_of_an_alert() {
    let mut world = world();
    for number in 0..SPANS_MAX + 8 {
        let from = 20 * number;
        world.quick(&format!("began e{number} hi/g1 {from}m"));
        world.quick(&format!("ended e{number} {}m", from + 1));
    }
    let alert = world.book.alerts().next().unwrap();
    assert_eq!(alert.episodes.len(), SPANS_MAX);
    assert_eq!(alert.occurrences as usize, SPANS_MAX + 8);
    assert_eq!(world.book.episodes.len(), SPANS_MAX);
    for number in 0..COMMENTS_MAX {
        world.quick(&format!("comment c{number} hi/g1"));
    }
    assert_eq!(
        world.step("comment last hi/g1"),
        "> refused TooManyComments\n"
    );
    assert_eq!(
        world.step("escalate more hi/g1"),
        "> refused TooManyComments\n"
    );
}

#[test]
fn suppressions() {
    let mut world = world();
    for number in 0..SUPPRESSIONS_MAX {
        world.quick(&format!("suppress m{number} out entities=g1"));
    }
    assert_eq!(
        world.step("suppress more out entities=g1"),
        "> refused TooMany\n"
    );
    world.step("began e1 hi/g1 0m");
    let alert = world.book.alerts().next().unwrap();
    assert_eq!(alert.handling.suppressed.len(), SUPPRESSIONS_MAX);
    assert_eq!(alert.evidence.considered.len(), 16);
    for number in 0..SUPPRESSIONS_MAX {
        world.quick(&format!("lift l{number} m{number}"));
    }
    assert_eq!(world.book.suppressions().count(), SUPPRESSIONS_ENDED_MAX);
    assert!(
        world
            .book
            .alerts()
            .all(|alert| alert.handling.suppressed.is_empty())
    );
}

#[test]
fn warnings() {
    let mut world = world();
    world.step("began e1 hi/g1 0m");
    for number in 0..WARNINGS_MAX {
        world.quick(&format!("propose p{number} areas=a1 alerts=hi/g1"));
    }
    let more = "propose more areas=a1 alerts=hi/g1";
    assert_eq!(world.step(more), "> refused TooMany\n");
    world.step("reject r p7 why=room");
    world.step("propose again areas=a1 alerts=hi/g1");
    assert_eq!(world.book.public_warnings().count(), WARNINGS_MAX);
}

#[test]
fn alerts_of_an_incident() {
    let mut world = world();
    for number in 0..INCIDENT_ALERTS_MAX + 5 {
        world.quick(&format!(
            "began e{number} hi/x{number} 0m cause=flood area=a1"
        ));
    }
    let incident = world.book.incidents().next().unwrap();
    assert_eq!(incident.alerts.len(), INCIDENT_ALERTS_MAX);
    assert_eq!(incident.total as usize, INCIDENT_ALERTS_MAX + 5);
    assert_eq!(incident.active as usize, INCIDENT_ALERTS_MAX + 5);
}

#[test]
fn values_keep_the_first_and_the_newest() {
    let mut world = world();
    world.step("began e1 hi/g1 0m");
    for number in 0..20 {
        world.value(1, number);
    }
    let alert = world.book.alerts().next().unwrap();
    let kept: Vec<u64> = alert
        .evidence
        .values
        .iter()
        .map(|value| value.offset)
        .collect();
    assert_eq!(kept, [0, 13, 14, 15, 16, 17, 18, 19]);
    assert_eq!(kept.len(), EVIDENCE_VALUES_MAX);
    assert_eq!(CHATTER_TURNS, 3);
}
