//! What an older release has left behind, and a pack that has changed.

use std::sync::Arc;

use event::{Acknowledgement, AlertState, Refusal};

use super::world::world;
use crate::book::{Book, BookSaved, Context, OldVerdict};
use crate::ruleset::RuleSet;

#[test]
fn alerts_of_before() {
    let mut world = world();
    world.step("began e1 hi/g1 0m");
    world.step("began e2 hi/g2 0m");
    world.step("ended e2 1m");
    world.step("ack c1 hi/g2");
    let mut open = world.book.alerts().next().unwrap().clone();
    let mut over = world.book.alerts().nth(1).unwrap().clone();
    // As the old engine wrote them.
    open.episodes.clear();
    over.episodes.clear();
    open.revision = 4;
    open.state = AlertState::Acknowledged;
    open.acknowledged = Some(Acknowledgement {
        operator: "Lan".to_owned(),
        verified: false,
        at: open.changed,
        command_id: "c7".to_owned(),
    });
    let verdict = OldVerdict {
        command_id: "c7".to_owned(),
        alert: open.id.clone(),
        digest: 1,
        until: None,
        refusal: None,
        detail: event::Text::default(),
    };
    let saved = BookSaved::from_old(vec![(open, 1)], vec![over], vec![verdict]);
    world.book = Book::restore(Arc::clone(&world.rules.book), saved);
    assert_eq!(
        world.step("comment c7 hi/g1"),
        format!("> refused {:?}\n", Refusal::CommandIdReused)
    );
    assert_eq!(
        world.step("ended e0 5m"),
        "> resolved hi/g1 normal r5 [0m..5m]\n"
    );
    assert_eq!(
        world.step("reopen c8 hi/g2"),
        "> reopened hi/g2 returned r4 [0m..1m] by Lan\n> accepted\n"
    );
}

#[test]
fn a_rule_that_is_gone_leaves_nothing_open() {
    let mut world = world();
    world.step("began e1 hi/g1 0m");
    world.step("began e2 silent/gw 0m");
    world.step("began e3 silent/d1 0m");
    let empty = RuleSet::default();
    let origin = world.origin();
    let ctx = Context {
        origin: &origin,
        vocabulary: &world.vocabulary,
        rules: &empty,
    };
    let mut out = Vec::new();
    world
        .book
        .set_config(Arc::clone(&empty.book), &ctx, &mut out);
    let told: Vec<_> = (out.iter().filter_map(|effect| effect.transition()))
        .map(|transition| transition.change.name())
        .collect();
    assert_eq!(told, ["annulled", "annulled", "annulled"]);
    assert!(world.book.open.is_empty() && world.book.by_key.is_empty());
    assert!(world.book.down.is_empty());
    assert_eq!(world.book.next_due(), None);
}
