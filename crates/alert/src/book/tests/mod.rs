//! The book by scripts: each `.case` file holds cases (`== name`), steps and what each must give (`> …`). Before every step the book is
//! saved, restored and given the same step: both must answer alike, and timers kept must equal timers derived.

mod bounds;
mod notices;
mod pack;
mod random;
mod script;
mod shown;
mod table;
mod upgrade;
mod world;

use script::run;

#[test]
fn life() {
    run(include_str!("life.case"));
}

#[test]
fn late() {
    run(include_str!("late.case"));
}

#[test]
fn suppression() {
    run(include_str!("suppression.case"));
}

#[test]
fn chattering() {
    run(include_str!("chattering.case"));
}

#[test]
fn ladder() {
    run(include_str!("ladder.case"));
}

#[test]
fn incidents() {
    run(include_str!("incidents.case"));
}

#[test]
fn warnings() {
    run(include_str!("warnings.case"));
}
