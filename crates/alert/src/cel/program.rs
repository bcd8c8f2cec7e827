//! The compiled form: a tree in one flat array whose leaves are slots. Evaluating allocates nothing and cannot panic.

use event::Name;

use crate::history::{History, Observation, Read};

/// A result while evaluating. Unknown and the two faults are neither true nor false.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Number(f64),
    Boolean(bool),
    Text(&'a str),
    Duration(i64),
    /// No usable value (yet): not the rule's fault.
    Unknown,
    /// Division by zero, or a result that is not finite: the rule's fault, counted.
    Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    Change,
    Rate,
    Least,
    Greatest,
    Mean,
    Sum,
    Count,
}

/// Children are indices of earlier nodes, slots are the rule's own numbering.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Number(f64),
    Boolean(bool),
    Text(Name),
    Duration(i64),
    Measure(u8),
    Last(u8),
    Has(u8),
    Limit(u8),
    Window(Over, u8, i64),
    Not(u16),
    Negative(u16),
    Absolute(u16),
    Arithmetic(Arithmetic, u16, u16),
    Compare(Relation, u16, u16),
    And(u16, u16),
    Or(u16, u16),
    Choice(u16, u16, u16),
    Within(u16, Box<[u16]>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Program {
    pub(super) nodes: Vec<Node>,
    pub(super) root: u16,
}

/// A threshold as the hot path needs it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LimitCell {
    pub(crate) value: f64,
    /// In force for observations from (inclusive) to (exclusive), nanoseconds.
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// One entity as a rule reads it.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) history: &'a History,
    /// The rule's slot number -> slot of the history; a number beyond the history's slots = the entity has no such measure.
    pub(crate) map: &'a [u8],
    /// The rule's limit numbers with this entity's values.
    pub(crate) limits: &'a [LimitCell],
    pub(crate) profile: Option<&'a Name>,
}

/// What a program reads. The answer is a function of the histories and of `at` alone: the same whenever it is asked, unless
/// something observed before `at` has come in between.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// The rule's own entity; for groups one a member, in order.
    pub(crate) views: &'a [View<'a>],
    /// For named groups whose slot each of the rule's is; empty = all are the first's.
    pub(crate) members: &'a [u8],
    /// Observed time for which the question is asked.
    pub(crate) at: i64,
    /// A value observed longer before `at` is unknown; `i64::MAX` = any age will do.
    pub(crate) max_age: i64,
    /// Quality bits that do not make a value unknown.
    pub(crate) accept: u16,
    /// For texts and silence: where the newest value is unusable, the last good one will do.
    pub(crate) last_good: bool,
}

impl<'a> Inputs<'a> {
    /// The history and the slot behind the rule's slot number.
    pub(crate) fn place(&self, number: u8) -> Option<(&'a History, usize)> {
        let number = usize::from(number);
        let member = self.members.get(number).copied().unwrap_or(0);
        let view = self.views.get(usize::from(member))?;
        Some((view.history, usize::from(*view.map.get(number)?)))
    }

    /// The newest observation behind the rule's slot, unless it is bad in a way that `accept` does not cover: then there is
    /// none, because an older good value must not stand in for what the sensor says it does not know.
    pub(crate) fn observation(&self, number: u8) -> Option<&'a Observation> {
        let (history, slot) = self.place(number)?;
        let newest = history.at(slot, self.at)?;
        if newest.is_usable(self.accept) {
            return Some(newest);
        }
        (self.last_good).then(|| history.last_good(slot, self.at))?
    }

    fn measure(&self, number: u8, max_age: i64) -> Value<'a> {
        let Some((history, _)) = self.place(number) else {
            return Value::Unknown;
        };
        match self.observation(number) {
            Some(one) if self.at.saturating_sub(one.observed) <= max_age => match history.read(one)
            {
                Some(Read::Number(value)) => Value::Number(value),
                Some(Read::Boolean(value)) => Value::Boolean(value),
                Some(Read::Code(value)) => Value::Text(value),
                None => Value::Unknown,
            },
            _ => Value::Unknown,
        }
    }

    fn limit(&self, number: u8) -> Value<'a> {
        let limits = self.views.first().map_or(&[][..], |view| view.limits);
        match limits.get(usize::from(number)) {
            Some(cell) if cell.from <= self.at && self.at < cell.to => Value::Number(cell.value),
            _ => Value::Unknown,
        }
    }

    fn window(&self, over: Over, number: u8, length: i64) -> Value<'a> {
        let Some((history, slot)) = self.place(number) else {
            return Value::Unknown;
        };
        let from = self.at.saturating_sub(length);
        let numbers = || history.numbers(slot, from, self.at);
        let values = || numbers().map(|(_, value)| value);
        let total = || {
            values().fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value))
        };
        let known = |(count, sum): (f64, f64)| (count > 0.0).then_some((count, sum));
        let result = match over {
            Over::Change => change(numbers(), length),
            Over::Rate => rate_an_hour(numbers(), length),
            Over::Least => values().reduce(f64::min),
            Over::Greatest => values().reduce(f64::max),
            Over::Mean => known(total()).map(|(count, sum)| sum / count),
            Over::Sum => known(total()).map(|(_, sum)| sum),
            Over::Count => Some(total().0),
        };
        result.map_or(Value::Unknown, finite)
    }
}

/// Newest minus oldest; none while the samples cover less than half of `length`.
fn change(mut numbers: impl DoubleEndedIterator<Item = (i64, f64)>, length: i64) -> Option<f64> {
    let first = numbers.next()?;
    let last = numbers.next_back()?;
    let covered = last.0.saturating_sub(first.0);
    (covered > 0 && covered >= length / 2).then_some(last.1 - first.1)
}

/// Slope in units an hour between the two ends, each the median of up to three samples, so that with six samples or more
/// a single wrong one moves it hardly; none while the samples cover less than half of `length`.
fn rate_an_hour(
    mut numbers: impl DoubleEndedIterator<Item = (i64, f64)>,
    length: i64,
) -> Option<f64> {
    const NONE: (i64, f64) = (0, 0.0);
    // Taken from both ends in turn: neither end takes what the other has.
    let (mut early, mut late) = ([NONE; 3], [NONE; 3]);
    let mut group = 0;
    while group < 3 {
        let Some(first) = numbers.next() else { break };
        let Some(last) = numbers.next_back() else {
            break;
        };
        early[group] = first;
        // The newest last, as in the row.
        late.rotate_right(1);
        late[0] = last;
        group += 1;
    }
    if group == 0 {
        return None;
    }
    let covered = late[group - 1].0.saturating_sub(early[0].0);
    if covered <= 0 || covered < length / 2 {
        return None;
    }
    let (early_time, early) = median(&early[..group])?;
    let (late_time, late) = median(&late[..group])?;
    let hours = late_time.saturating_sub(early_time) as f64 / 3.6e12;
    (hours > 0.0).then(|| (late - early) / hours)
}

/// Middle time and median value of one to three samples.
fn median(samples: &[(i64, f64)]) -> Option<(i64, f64)> {
    match samples {
        [a] => Some(*a),
        [a, b] => Some((a.0 + (b.0 - a.0) / 2, f64::midpoint(a.1, b.1))),
        [a, b, c] => Some((b.0, a.1.max(b.1).min(a.1.min(b.1).max(c.1)))),
        _ => None,
    }
}

fn finite<'a>(value: f64) -> Value<'a> {
    if value.is_finite() {
        Value::Number(value)
    } else {
        Value::Fault
    }
}

impl Program {
    pub(crate) fn run<'a>(&'a self, inputs: &Inputs<'a>) -> Value<'a> {
        self.value(self.root, inputs)
    }

    /// The condition under which a simple comparison counts as gone, `band` beyond its limit; none for other programs.
    pub(crate) fn with_dead_band(&self, band: f64) -> Option<Self> {
        let Node::Compare(relation, left, right) = self.nodes.get(usize::from(self.root))? else {
            return None;
        };
        let (how, relation) = match relation {
            Relation::GreaterOrEqual => (Arithmetic::Subtract, Relation::Less),
            Relation::Greater => (Arithmetic::Subtract, Relation::LessOrEqual),
            Relation::LessOrEqual => (Arithmetic::Add, Relation::Greater),
            Relation::Less => (Arithmetic::Add, Relation::GreaterOrEqual),
            Relation::Equal | Relation::NotEqual => return None,
        };
        let mut nodes = self.nodes.clone();
        let next = u16::try_from(nodes.len()).ok()?;
        nodes.push(Node::Number(band));
        nodes.push(Node::Arithmetic(how, *right, next));
        nodes.push(Node::Compare(relation, *left, next + 1));
        Some(Self {
            nodes,
            root: next + 2,
        })
    }

    /// Depth is bounded at load (`DEPTH_MAX`), and so is this recursion.
    pub(super) fn value<'a>(&'a self, node: u16, inputs: &Inputs<'a>) -> Value<'a> {
        let Some(node) = self.nodes.get(usize::from(node)) else {
            return Value::Unknown;
        };
        match node {
            Node::Number(value) => Value::Number(*value),
            Node::Boolean(value) => Value::Boolean(*value),
            Node::Text(value) => Value::Text(value),
            Node::Duration(value) => Value::Duration(*value),
            Node::Measure(slot) => inputs.measure(*slot, inputs.max_age),
            Node::Last(slot) => inputs.measure(*slot, i64::MAX),
            Node::Has(slot) => {
                Value::Boolean(inputs.measure(*slot, inputs.max_age) != Value::Unknown)
            }
            Node::Limit(limit) => inputs.limit(*limit),
            Node::Window(over, slot, length) => inputs.window(*over, *slot, *length),
            Node::Not(inner) => match self.value(*inner, inputs) {
                Value::Boolean(value) => Value::Boolean(!value),
                other => other,
            },
            Node::Negative(inner) => match self.value(*inner, inputs) {
                Value::Number(value) => Value::Number(-value),
                Value::Duration(value) => Value::Duration(value.saturating_neg()),
                other => other,
            },
            Node::Absolute(inner) => match self.value(*inner, inputs) {
                Value::Number(value) => Value::Number(value.abs()),
                other => other,
            },
            Node::Arithmetic(how, left, right) => {
                arithmetic(*how, self.value(*left, inputs), self.value(*right, inputs))
            }
            Node::Compare(how, left, right) => {
                compare(*how, self.value(*left, inputs), self.value(*right, inputs))
            }
            Node::And(left, right) => self.absorb(*left, *right, false, inputs),
            Node::Or(left, right) => self.absorb(*left, *right, true, inputs),
            Node::Choice(question, yes, no) => match self.value(*question, inputs) {
                Value::Boolean(true) => self.value(*yes, inputs),
                Value::Boolean(false) => self.value(*no, inputs),
                other => other,
            },
            Node::Within(item, list) => self.within(*item, list, inputs),
        }
    }

    /// `&&` (decided by false) and `||` (decided by true): one side that decides absorbs whatever the other is.
    fn absorb<'a>(
        &'a self,
        left: u16,
        right: u16,
        decides: bool,
        inputs: &Inputs<'a>,
    ) -> Value<'a> {
        let left = self.value(left, inputs);
        if left == Value::Boolean(decides) {
            return left;
        }
        let right = self.value(right, inputs);
        if right == Value::Boolean(decides) {
            return right;
        }
        match (left, right) {
            (Value::Boolean(_), other) | (other, Value::Boolean(_)) => other,
            (Value::Unknown, _) | (_, Value::Unknown) => Value::Unknown,
            _ => Value::Fault,
        }
    }

    fn within<'a>(&'a self, item: u16, list: &'a [u16], inputs: &Inputs<'a>) -> Value<'a> {
        let item = self.value(item, inputs);
        if matches!(item, Value::Unknown | Value::Fault) {
            return item;
        }
        let mut result = Value::Boolean(false);
        for candidate in list {
            match compare(Relation::Equal, item, self.value(*candidate, inputs)) {
                Value::Boolean(true) => return Value::Boolean(true),
                Value::Boolean(false) => {}
                other => result = other,
            }
        }
        result
    }
}

fn arithmetic<'a>(how: Arithmetic, left: Value<'a>, right: Value<'a>) -> Value<'a> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => match how {
            Arithmetic::Add => finite(left + right),
            Arithmetic::Subtract => finite(left - right),
            Arithmetic::Multiply => finite(left * right),
            Arithmetic::Divide if right == 0.0 => Value::Fault,
            Arithmetic::Divide => finite(left / right),
            Arithmetic::Remainder if right == 0.0 => Value::Fault,
            Arithmetic::Remainder => finite(left % right),
        },
        (Value::Duration(left), Value::Duration(right)) => {
            let sum = match how {
                Arithmetic::Add => left.checked_add(right),
                Arithmetic::Subtract => left.checked_sub(right),
                Arithmetic::Multiply | Arithmetic::Divide | Arithmetic::Remainder => None,
            };
            sum.map_or(Value::Fault, Value::Duration)
        }
        (Value::Unknown, _) | (_, Value::Unknown) => Value::Unknown,
        _ => Value::Fault,
    }
}

fn compare<'a>(how: Relation, left: Value<'a>, right: Value<'a>) -> Value<'a> {
    let ordering = match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.partial_cmp(&right),
        (Value::Duration(left), Value::Duration(right)) => Some(left.cmp(&right)),
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Boolean(left), Value::Boolean(right)) => Some(left.cmp(&right)),
        (Value::Unknown, _) | (_, Value::Unknown) => return Value::Unknown,
        _ => None,
    };
    let Some(ordering) = ordering else {
        return Value::Fault;
    };
    Value::Boolean(match how {
        Relation::Equal => ordering.is_eq(),
        Relation::NotEqual => ordering.is_ne(),
        Relation::Less => ordering.is_lt(),
        Relation::LessOrEqual => ordering.is_le(),
        Relation::Greater => ordering.is_gt(),
        Relation::GreaterOrEqual => ordering.is_ge(),
    })
}
