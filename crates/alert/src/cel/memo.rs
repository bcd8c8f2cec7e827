//! What one evaluation has computed already. Rules of one entity ask the same windows of the same instant and compare them
//! with other limits; each window is gone through once. The answers are the same bits, as the same code has made them.

use std::cell::{Cell, RefCell};

use super::inputs::Place;
use super::program::Over;
use super::window::Span;

/// Answers kept; over that the oldest goes.
const ANSWERS_MAX: usize = 8;

/// A function over time as of an instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Question {
    pub(super) place: Place,
    pub(super) over: Over,
    pub(super) span: Span,
    pub(super) at: i64,
}

/// One result, or count and sum together.
pub(super) type Answer = Option<(f64, f64)>;

/// Valid as long as the histories that are asked do not change; they must always be the same ones.
#[derive(Default)]
pub(crate) struct Memo {
    answers: RefCell<Vec<(Question, Answer)>>,
    next: Cell<usize>,
    numbers: Cell<Vec<f64>>,
}

/// The memory of a [`Memo`], for the next one.
#[derive(Debug, Default)]
pub(crate) struct Room {
    answers: Vec<(Question, Answer)>,
    numbers: Vec<f64>,
}

impl Memo {
    pub(crate) fn new(mut room: Room) -> Self {
        room.answers.clear();
        Self {
            answers: RefCell::new(room.answers),
            next: Cell::new(0),
            numbers: Cell::new(room.numbers),
        }
    }

    pub(crate) fn into_room(self) -> Room {
        Room {
            answers: self.answers.into_inner(),
            numbers: self.numbers.into_inner(),
        }
    }

    pub(super) fn known(&self, question: &Question) -> Option<Answer> {
        let answers = self.answers.borrow();
        let found = answers.iter().find(|(known, _)| known == question);
        found.map(|(_, answer)| *answer)
    }

    pub(super) fn keep(&self, question: Question, answer: Answer) {
        let mut answers = self.answers.borrow_mut();
        let next = self.next.get();
        match answers.get_mut(next) {
            Some(place) => *place = (question, answer),
            None => answers.push((question, answer)),
        }
        self.next.set((next + 1) % ANSWERS_MAX);
    }

    /// Room to sort numbers in; given back with `give`.
    pub(super) fn lend(&self) -> Vec<f64> {
        let mut numbers = self.numbers.take();
        numbers.clear();
        numbers
    }

    pub(super) fn give(&self, numbers: Vec<f64>) {
        self.numbers.set(numbers);
    }
}
