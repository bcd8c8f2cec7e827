//! The compiled form: a tree in one flat array whose leaves are slots. Evaluating allocates nothing and cannot panic.

use event::Name;

use super::inputs::{Inputs, finite};
use super::steps;
use super::window::{self, Span};

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

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Over {
    Change,
    Rate,
    Least,
    Greatest,
    Mean,
    Sum,
    Count,
    /// Of 100.
    Percentile(f64),
}

/// What `across` makes of the members' answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Across {
    /// How many say true.
    Count,
    Least,
    Greatest,
    Mean,
    Sum,
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
    Previous(u8),
    /// Whether the newest observation carries a flag (quality bits).
    Flag(u8, u16),
    Limit(u8),
    Window(Over, u8, Span),
    Baseline(u8, u8),
    Deviation(u8, u8),
    /// Until the slot reaches the value of a node, at its rate over the span.
    TimeTo(u8, u16, Span),
    /// At how many points of the slots within the span a condition held.
    Times(u16, Box<[u8]>, Span),
    /// Over the members, or those of a profile.
    Across(Across, u16, Option<Name>),
    LocalHour,
    Weekday,
    Not(u16),
    Negative(u16),
    Absolute(u16),
    Least(Box<[u16]>),
    Greatest(Box<[u16]>),
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
    /// Worst case of one evaluation, in steps: nodes and samples looked at.
    pub(super) cost: u64,
    /// The rule's slots that it reads, ascending.
    pub(super) slots: Box<[u8]>,
    /// Reads members through `across`.
    pub(super) across: bool,
    /// Says something of the future.
    pub(super) ahead: bool,
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
            cost: self.cost.saturating_add(3),
            slots: self.slots.clone(),
            across: self.across,
            ahead: self.ahead,
        })
    }

    /// Depth is bounded at load (`DEPTH_MAX`), and so is this recursion.
    pub(super) fn value<'a>(&'a self, node: u16, inputs: &Inputs<'a>) -> Value<'a> {
        let Some(node) = self.nodes.get(usize::from(node)) else {
            return Value::Unknown;
        };
        steps::count();
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
            Node::Previous(slot) => inputs.previous(*slot),
            Node::Flag(slot, bits) => inputs.flag(*slot, *bits),
            Node::Limit(limit) => inputs.limit(*limit),
            Node::Window(over, slot, span) => inputs.window(*over, *slot, *span),
            Node::Baseline(slot, days) => {
                let median = inputs.baseline(*slot, *days);
                median.map_or(Value::Unknown, |(median, _)| finite(median))
            }
            Node::Deviation(slot, days) => inputs.deviation(*slot, *days),
            Node::TimeTo(slot, target, span) => match self.value(*target, inputs) {
                Value::Number(target) => inputs.time_to(*slot, target, *span),
                other => other,
            },
            Node::Times(condition, slots, span) => self.times(*condition, slots, *span, inputs),
            Node::Across(how, inner, profile) => {
                self.across(*how, *inner, profile.as_ref(), inputs)
            }
            Node::LocalHour => Value::Number(window::local_clock(inputs.at).0),
            Node::Weekday => Value::Number(window::local_clock(inputs.at).1),
            Node::Least(items) => self.extreme(items, f64::min, inputs),
            Node::Greatest(items) => self.extreme(items, f64::max, inputs),
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

    /// The rule's slots that it reads, ascending; not those inside `across`.
    pub(crate) fn slots(&self) -> &[u8] {
        &self.slots
    }

    /// Worst case of one evaluation, in steps.
    pub(crate) const fn cost(&self) -> u64 {
        self.cost
    }

    /// Whether it reads any measure.
    pub(crate) fn reads(&self) -> bool {
        self.across || !self.slots.is_empty()
    }

    /// Whether it says something of the future.
    pub(crate) const fn is_ahead(&self) -> bool {
        self.ahead
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
