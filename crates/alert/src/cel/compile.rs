//! Types, names and slots: from the tree to the program, with every mistake found, not only the first.

use event::{MeasureType, Name};

use super::parser::{Ast, Expr, parse};
use super::program::{Arithmetic, Inputs, Node, Over, Program, Relation, Value};
use super::{COST_MAX, Kind, Mistake, WINDOW_SECONDS_MAX, parse_duration};

/// What a rule needs of an entity, gathered over all of its expressions so that they share slots.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Need {
    pub(crate) measures: Vec<Name>,
    /// Longest window on each measure, nanoseconds; 0 = none.
    pub(crate) windows: Vec<i64>,
    /// Whose each slot is: index into the members of a correlation; 0 for all other kinds.
    pub(crate) members: Vec<u8>,
    pub(crate) limits: Vec<Name>,
}

/// Where names come from.
pub(crate) trait Environment {
    fn measure(&self, name: &str) -> Option<(Name, MeasureType)>;
    /// Whether any entity has a threshold of this name for the rule's measure.
    fn limit_exists(&self, name: &str) -> bool;
    /// Names offered in an error message.
    fn measures(&self) -> Vec<String>;
}

/// Compiles `text` and checks that it yields `wanted`. Prices: 1 a node, 8 for `change` and `rate`, 64 for the functions
/// that walk their window; together at most `COST_MAX`.
pub(crate) fn compile(
    text: &str,
    wanted: Kind,
    environment: &dyn Environment,
    need: &mut Need,
) -> Result<Program, Vec<Mistake>> {
    let tree = parse(text).map_err(|mistake| vec![mistake])?;
    let mut compiler = Compiler {
        environment,
        need,
        nodes: Vec::new(),
        cost: 0,
        mistakes: Vec::new(),
    };
    let kind = compiler.expression(&tree);
    if compiler.cost > COST_MAX {
        let message = format!("costs {} steps, more than {COST_MAX}", compiler.cost);
        compiler.mistakes.push(Mistake::new(0, message));
    }
    if let Some((kind, root)) = kind {
        if kind != wanted {
            let message = format!("is a {}, but a {} is needed", kind.name(), wanted.name());
            compiler.mistakes.push(Mistake::new(tree.at, message));
        } else if compiler.mistakes.is_empty() {
            return Ok(Program {
                nodes: compiler.nodes,
                root,
            });
        }
    }
    Err(compiler.mistakes)
}

impl Program {
    /// The value of a program that reads nothing.
    pub(crate) fn constant(&self) -> Option<Value<'_>> {
        let node = self.nodes.get(usize::from(self.root))?;
        is_constant(node).then(|| self.run(&NOTHING))
    }
}

const NOTHING: Inputs<'static> = Inputs {
    views: &[],
    members: &[],
    at: 0,
    max_age: 0,
    accept: 0,
    last_good: false,
};

fn is_constant(node: &Node) -> bool {
    matches!(
        node,
        Node::Number(_) | Node::Boolean(_) | Node::Text(_) | Node::Duration(_)
    )
}

struct Compiler<'e> {
    environment: &'e dyn Environment,
    need: &'e mut Need,
    nodes: Vec<Node>,
    cost: u32,
    mistakes: Vec<Mistake>,
}

type Typed = Option<(Kind, u16)>;

impl Compiler<'_> {
    fn wrong(&mut self, at: usize, message: impl Into<String>) -> Typed {
        self.mistakes.push(Mistake::new(at, message));
        None
    }

    fn push(&mut self, kind: Kind, node: Node) -> Typed {
        self.cost += 1;
        let index = u16::try_from(self.nodes.len()).ok()?;
        self.nodes.push(node);
        Some((kind, index))
    }

    /// Adds a node above `children` and, where all of them are constants, puts its value in their place.
    fn fold(&mut self, at: usize, kind: Kind, node: Node, children: &[u16]) -> Typed {
        let constant = children
            .iter()
            .all(|child| self.nodes.get(usize::from(*child)).is_some_and(is_constant));
        let typed = self.push(kind, node);
        let (true, Some(first), Some((_, root))) = (constant, children.iter().min(), typed) else {
            return typed;
        };
        let program = Program {
            nodes: std::mem::take(&mut self.nodes),
            root,
        };
        let folded = match program.run(&NOTHING) {
            Value::Number(value) => Some(Node::Number(value)),
            Value::Boolean(value) => Some(Node::Boolean(value)),
            Value::Duration(value) => Some(Node::Duration(value)),
            Value::Text(value) => Some(Node::Text(value.into())),
            Value::Unknown | Value::Fault => None,
        };
        self.nodes = program.nodes;
        self.nodes.truncate(usize::from(*first));
        match folded {
            Some(node) => self.push(kind, node),
            None => self.wrong(at, "divides by zero or leaves the range of numbers"),
        }
    }

    fn expression(&mut self, expr: &Expr) -> Typed {
        match &expr.ast {
            Ast::Number(value) => self.push(Kind::Number, Node::Number(*value)),
            Ast::Boolean(value) => self.push(Kind::Boolean, Node::Boolean(*value)),
            Ast::Text(value) => self.push(Kind::Text, Node::Text(value.as_str().into())),
            Ast::Name(name) => {
                let (kind, slot) = self.measure(expr.at, name)?;
                self.push(kind, Node::Measure(slot))
            }
            Ast::Member(object, name) => self.limit(object, name),
            Ast::Call(name, arguments) => self.call(expr.at, name, arguments),
            Ast::List(_) => self.wrong(expr.at, "a list can only stand to the right of `in`"),
            Ast::Not(inner) => {
                let (kind, node) = self.expression(inner)?;
                if kind != Kind::Boolean {
                    return self.wrong(expr.at, format!("`!` needs a bool, not a {}", kind.name()));
                }
                self.fold(expr.at, Kind::Boolean, Node::Not(node), &[node])
            }
            Ast::Negative(inner) => {
                let (kind, node) = self.expression(inner)?;
                if !matches!(kind, Kind::Number | Kind::Duration) {
                    let message =
                        format!("`-` needs a number or a duration, not a {}", kind.name());
                    return self.wrong(expr.at, message);
                }
                self.fold(expr.at, kind, Node::Negative(node), &[node])
            }
            Ast::Binary(sign, left, right) => self.binary(expr.at, sign, left, right),
            Ast::Choice(question, yes, no) => {
                let question = self.expression(question);
                let yes = self.expression(yes);
                let no = self.expression(no);
                let ((asked, question), (kind, yes), (other, no)) = (question?, yes?, no?);
                if asked != Kind::Boolean {
                    return self.wrong(expr.at, "the question before `?` is no bool");
                }
                if kind != other {
                    let message = format!(
                        "the two answers are a {} and a {}",
                        kind.name(),
                        other.name()
                    );
                    return self.wrong(expr.at, message);
                }
                self.fold(
                    expr.at,
                    kind,
                    Node::Choice(question, yes, no),
                    &[question, yes, no],
                )
            }
        }
    }

    fn measure(&mut self, at: usize, name: &str) -> Option<(Kind, u8)> {
        let Some((name, kind)) = self.environment.measure(name) else {
            let close = closest(name, &self.environment.measures());
            self.wrong(at, format!("unknown name `{name}`{close}"));
            return None;
        };
        let kind = match kind {
            MeasureType::Number => Kind::Number,
            MeasureType::Boolean => Kind::Boolean,
            MeasureType::Code => Kind::Text,
        };
        let known = self.need.measures.iter().position(|known| *known == name);
        let index = known.unwrap_or_else(|| {
            self.need.measures.push(name);
            self.need.windows.push(0);
            self.need.members.push(0);
            self.need.measures.len() - 1
        });
        // NODES_MAX bounds the measures of one expression; a rule has few expressions.
        Some((kind, u8::try_from(index).ok()?))
    }

    fn limit(&mut self, object: &Expr, name: &str) -> Typed {
        if object.ast != Ast::Name("limit".to_owned()) {
            return self.wrong(object.at, "only `limit` has members (`limit.NAME`)");
        }
        if !self.environment.limit_exists(name) {
            let message = format!("no threshold is named `{name}` for the rule's measure");
            return self.wrong(object.at, message);
        }
        let known = self.need.limits.iter().position(|known| &**known == name);
        let index = known.unwrap_or_else(|| {
            self.need.limits.push(name.into());
            self.need.limits.len() - 1
        });
        let index = u8::try_from(index).ok()?;
        self.push(Kind::Number, Node::Limit(index))
    }

    fn call(&mut self, at: usize, name: &str, arguments: &[Expr]) -> Typed {
        let over = match name {
            "change" => (Over::Change, 8),
            "rate" => (Over::Rate, 8),
            "min" => (Over::Least, 64),
            "max" => (Over::Greatest, 64),
            "mean" => (Over::Mean, 64),
            "sum" => (Over::Sum, 64),
            "count" => (Over::Count, 8),
            "duration" | "has" | "last" | "abs" => return self.simple_call(at, name, arguments),
            _ => {
                let known = "abs, change, count, duration, has, last, max, mean, min, rate, sum";
                return self.wrong(at, format!("unknown function `{name}`; there are {known}"));
            }
        };
        let [measure, length] = arguments else {
            let message = format!(
                "`{name}` takes a measure and a duration, as {name}(level, duration('1h'))"
            );
            return self.wrong(at, message);
        };
        let slot = self.measure_argument(name, measure, true);
        let length = self.length_argument(name, length);
        let (slot, length) = (slot?, length?);
        if let Some(window) = self.need.windows.get_mut(usize::from(slot)) {
            *window = (*window).max(length);
        }
        self.cost += over.1;
        self.push(Kind::Number, Node::Window(over.0, slot, length))
    }

    fn measure_argument(&mut self, function: &str, expr: &Expr, number: bool) -> Option<u8> {
        let Ast::Name(name) = &expr.ast else {
            self.wrong(
                expr.at,
                format!("`{function}` takes the name of a measure first"),
            );
            return None;
        };
        let (kind, slot) = self.measure(expr.at, name)?;
        if number && kind != Kind::Number {
            self.wrong(
                expr.at,
                format!("`{function}` needs a number, not a {}", kind.name()),
            );
            return None;
        }
        Some(slot)
    }

    fn length_argument(&mut self, function: &str, expr: &Expr) -> Option<i64> {
        let (kind, node) = self.expression(expr)?;
        let Some(Node::Duration(length)) = self.nodes.get(usize::from(node)) else {
            let message = format!(
                "`{function}` takes a fixed duration second, not a {}",
                kind.name()
            );
            self.wrong(expr.at, message);
            return None;
        };
        let length = *length;
        self.nodes.truncate(usize::from(node));
        if !(1_000_000_000..=WINDOW_SECONDS_MAX * 1_000_000_000).contains(&length) {
            let days = WINDOW_SECONDS_MAX / 86_400;
            self.wrong(
                expr.at,
                format!("a window lasts between 1 s and {days} days"),
            );
            return None;
        }
        Some(length)
    }

    fn simple_call(&mut self, at: usize, name: &str, arguments: &[Expr]) -> Typed {
        let [argument] = arguments else {
            return self.wrong(at, format!("`{name}` takes one argument"));
        };
        match name {
            "duration" => match &argument.ast {
                Ast::Text(text) => match parse_duration(text) {
                    Some(length) => self.push(Kind::Duration, Node::Duration(length)),
                    None => self.wrong(argument.at, "no duration; write '90s', '10m', '1h30m'"),
                },
                _ => self.wrong(argument.at, "`duration` takes a string, as duration('1h')"),
            },
            "has" => {
                let slot = self.measure_argument(name, argument, false)?;
                self.push(Kind::Boolean, Node::Has(slot))
            }
            "last" => {
                let Ast::Name(measure) = &argument.ast else {
                    return self.wrong(argument.at, "`last` takes the name of a measure");
                };
                let (kind, slot) = self.measure(argument.at, measure)?;
                self.push(kind, Node::Last(slot))
            }
            _ => {
                let (kind, node) = self.expression(argument)?;
                if kind != Kind::Number {
                    return self.wrong(at, format!("`abs` needs a number, not a {}", kind.name()));
                }
                self.fold(at, Kind::Number, Node::Absolute(node), &[node])
            }
        }
    }

    fn binary(&mut self, at: usize, sign: &str, left: &Expr, right: &Expr) -> Typed {
        if sign == "in" {
            return self.within(at, left, right);
        }
        let left = self.expression(left);
        let right = self.expression(right);
        let ((kind, a), (other, b)) = (left?, right?);
        let allowed = match sign {
            "&&" | "||" => kind == Kind::Boolean,
            "==" | "!=" => true,
            "+" | "-" | "<" | "<=" | ">" | ">=" => matches!(kind, Kind::Number | Kind::Duration),
            _ => kind == Kind::Number,
        };
        if kind != other || !allowed {
            let message = format!(
                "`{sign}` cannot join a {} and a {}",
                kind.name(),
                other.name()
            );
            return self.wrong(at, message);
        }
        let compare = |relation| (Kind::Boolean, Node::Compare(relation, a, b));
        let arithmetic = |how| (kind, Node::Arithmetic(how, a, b));
        let (kind, node) = match sign {
            "&&" => (Kind::Boolean, Node::And(a, b)),
            "||" => (Kind::Boolean, Node::Or(a, b)),
            "==" => compare(Relation::Equal),
            "!=" => compare(Relation::NotEqual),
            "<" => compare(Relation::Less),
            "<=" => compare(Relation::LessOrEqual),
            ">" => compare(Relation::Greater),
            ">=" => compare(Relation::GreaterOrEqual),
            "+" => arithmetic(Arithmetic::Add),
            "-" => arithmetic(Arithmetic::Subtract),
            "*" => arithmetic(Arithmetic::Multiply),
            "/" => arithmetic(Arithmetic::Divide),
            _ => arithmetic(Arithmetic::Remainder),
        };
        self.fold(at, kind, node, &[a, b])
    }

    fn within(&mut self, at: usize, left: &Expr, right: &Expr) -> Typed {
        let Ast::List(items) = &right.ast else {
            return self.wrong(right.at, "`in` needs a list, as [1, 2]");
        };
        let (kind, item) = self.expression(left)?;
        let mut nodes = Vec::with_capacity(items.len());
        for candidate in items {
            let (other, node) = self.expression(candidate)?;
            if other != kind {
                let message = format!(
                    "a {} cannot be in a list with a {}",
                    kind.name(),
                    other.name()
                );
                return self.wrong(candidate.at, message);
            }
            nodes.push(node);
        }
        self.push(Kind::Boolean, Node::Within(item, nodes.into()))
            .filter(|_| !items.is_empty())
            .or_else(|| self.wrong(at, "the list is empty"))
    }
}

/// `; did you mean …?` where a known name is at most two edits away.
fn closest(name: &str, known: &[String]) -> String {
    let best = known
        .iter()
        .map(|other| (distance(name, other), other))
        .min();
    match best {
        Some((edits, other)) if edits <= 2 && edits < name.len().min(other.len()) => {
            format!("; did you mean `{other}`?")
        }
        _ => String::new(),
    }
}

fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}
