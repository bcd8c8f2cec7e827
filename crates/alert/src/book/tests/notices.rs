//! What became of notices, at the alert.

use event::{Change, NoticeOutcome, NoticeResult, NoticeState, Time};

use super::world::{World, world};
use crate::book::{Book, BookSaved, Context, NOTICES_MAX};
use crate::effect::Effect;

fn result(world: &World, channel: &str, person: &str, revision: u32) -> NoticeResult {
    NoticeResult {
        alert: world.id("hi/g1"),
        revision,
        channel: channel.into(),
        person: person.into(),
        result: NoticeOutcome::Delivered,
        attempts: 1,
        at: world.now,
    }
}

/// Reports it to the book and to a restored copy, which must answer alike.
fn report(world: &mut World, result: &NoticeResult) -> Vec<Effect> {
    let origin = world.origin();
    let ctx = Context {
        origin: &origin,
        vocabulary: &world.vocabulary,
        rules: &world.rules,
    };
    let saved: BookSaved = world.book.save();
    let mut copy = Book::restore(world.rules.book.clone(), saved);
    let (mut out, mut again) = (Vec::new(), Vec::new());
    world.book.notice(result, &ctx, &mut out);
    copy.notice(result, &ctx, &mut again);
    assert_eq!(out, again);
    assert_eq!(world.book.save(), copy.save());
    out
}

fn notices(world: &World) -> Vec<NoticeState> {
    let alert = world.book.alert(&world.id("hi/g1")).unwrap();
    alert.handling.notices.clone()
}

#[test]
fn the_newest_of_every_channel_and_person_is_told_and_kept() {
    let mut world = world();
    world.quick("began e1 hi/g1 0m");
    let first = result(&world, "hook", "an", 1);
    let out = report(&mut world, &first);
    let [Effect::Transition(told)] = &out[..] else {
        panic!("{out:?}");
    };
    assert_eq!(told.change, Change::Notified);
    assert_eq!(told.alert.revision, 2);
    assert_eq!(told.by, None);
    // The same again, after a kill.
    assert_eq!(report(&mut world, &first), []);
    let mut refused = result(&world, "mail", "an", 1);
    refused.result = NoticeOutcome::Refused;
    assert_eq!(report(&mut world, &refused).len(), 1);
    let newer = result(&world, "hook", "an", 4);
    assert_eq!(report(&mut world, &newer).len(), 1);
    // One that was overtaken.
    let overtaken = result(&world, "hook", "an", 3);
    assert_eq!(report(&mut world, &overtaken), []);
    let kept: Vec<_> = (notices(&world).into_iter())
        .map(|notice| (notice.channel.to_string(), notice.revision, notice.result))
        .collect();
    assert_eq!(
        kept,
        [
            ("hook".to_owned(), 4, NoticeOutcome::Delivered),
            ("mail".to_owned(), 1, NoticeOutcome::Refused)
        ]
    );
}

#[test]
fn also_at_an_alert_that_is_over_and_at_none_that_is_unknown() {
    let mut world = world();
    world.quick("began e1 hi/g1 0m");
    let late = result(&world, "hook", "an", 1);
    world.quick("ack c1 hi/g1");
    world.quick("ended e1 1m");
    assert_eq!(report(&mut world, &late).len(), 1);
    assert_eq!(notices(&world).len(), 1);
    let mut unknown = late;
    unknown.alert = world.id("hi/x9");
    assert_eq!(report(&mut world, &unknown), []);
}

#[test]
fn they_are_bounded_and_the_oldest_go() {
    let mut world = world();
    world.quick("began e1 hi/g1 0m");
    for number in 0..NOTICES_MAX + 3 {
        let mut one = result(&world, "hook", &format!("p{number:03}"), 1);
        one.at = world.now.plus(number as i64 * Time::SECOND);
        assert_eq!(report(&mut world, &one).len(), 1);
    }
    let kept = notices(&world);
    assert_eq!(kept.len(), NOTICES_MAX);
    assert_eq!(&*kept[0].person, "p003");
}
