//! The table of the module's documentation: every command in every state either changes something or is refused with its reason.

use event::{AlertState, Refusal};

use super::world::{World, world};

const STATES: [(&str, &[&str]); 5] = [
    ("U", &["began e1 hi/g1 0m latch"]),
    ("A", &["began e1 hi/g1 0m latch", "ack c1 hi/g1"]),
    ("R", &["began e1 hi/g1 0m latch", "ended e1 1m"]),
    (
        "L",
        &["began e1 hi/g1 0m latch", "ack c1 hi/g1", "ended e1 1m"],
    ),
    (
        "N",
        &[
            "began e1 hi/g1 0m latch",
            "ack c1 hi/g1",
            "ended e1 1m",
            "reset c2 hi/g1",
        ],
    ),
];

/// Command, and what becomes of it in each state: the state after, or the refusal.
const TABLE: [(&str, [&str; 5]); 13] = [
    (
        "ack x hi/g1",
        [
            "A",
            "AlreadyAcknowledged",
            "L",
            "AlreadyAcknowledged",
            "AlreadyAcknowledged",
        ],
    ),
    ("shelve x hi/g1 1h", ["U", "A", "R", "L", "StateChanged"]),
    (
        "unshelve x hi/g1",
        [
            "NotShelved",
            "NotShelved",
            "NotShelved",
            "NotShelved",
            "StateChanged",
        ],
    ),
    ("comment x hi/g1", ["U", "A", "R", "L", "StateChanged"]),
    ("assign x hi/g1 Hoa", ["U", "A", "R", "L", "StateChanged"]),
    ("escalate x hi/g1", ["U", "A", "R", "L", "StateChanged"]),
    (
        "reset x hi/g1",
        [
            "WrongState",
            "WrongState",
            "WrongState",
            "N",
            "StateChanged",
        ],
    ),
    (
        "close x hi/g1 handled",
        ["WrongState", "WrongState", "N", "N", "StateChanged"],
    ),
    ("close x hi/g1 sensor", ["N", "N", "N", "N", "StateChanged"]),
    (
        "reopen x hi/g1",
        ["WrongState", "WrongState", "WrongState", "WrongState", "R"],
    ),
    ("mark x hi/g1", ["U", "A", "R", "L", "N"]),
    (
        "unmark x hi/g1",
        [
            "WrongState",
            "WrongState",
            "WrongState",
            "WrongState",
            "WrongState",
        ],
    ),
    // Nobody is there.
    (
        "ack x hi/nobody",
        [
            "AlertUnknown",
            "AlertUnknown",
            "AlertUnknown",
            "AlertUnknown",
            "AlertUnknown",
        ],
    ),
];

fn state(world: &World) -> &'static str {
    match world.book.alerts().next().unwrap().state {
        AlertState::Unacknowledged => "U",
        AlertState::Acknowledged => "A",
        AlertState::ReturnedUnacknowledged => "R",
        AlertState::Latched => "L",
        AlertState::Normal => "N",
    }
}

#[test]
fn every_command_in_every_state() {
    for (command, outcomes) in TABLE {
        for ((name, steps), expected) in STATES.iter().zip(outcomes) {
            let mut world = world();
            for step in *steps {
                world.step(step);
            }
            assert_eq!(state(&world), *name);
            let before = world.book.save();
            let answer = world.step(command);
            if let Some(refusal) = answer.strip_prefix("> refused ") {
                assert_eq!(refusal.trim(), expected, "{command} in {name}");
                assert_eq!(state(&world), *name);
                let mut after = world.book.save();
                after.forget_verdicts_of(&before);
                assert_eq!(after, before, "{command} in {name} left something behind");
            } else {
                assert_eq!(state(&world), expected, "{command} in {name}: {answer}");
                assert!(answer.ends_with("> accepted\n"), "{answer}");
                assert!(
                    answer.lines().count() > 1,
                    "{command} in {name} told nothing"
                );
            }
        }
    }
}

#[test]
fn unreadable_commands_are_not_remembered() {
    let mut world = world();
    world.step("began e1 hi/g1 0m");
    let answer = world.step("ack c1 hi/g1 by=_");
    assert_eq!(answer, "> refused CommandUnreadable\n");
    assert!(world.step("ack c1 hi/g1").ends_with("> accepted\n"));
    let reused = world.step("comment c1 hi/g1");
    assert_eq!(
        reused,
        format!("> refused {:?}\n", Refusal::CommandIdReused)
    );
}
