//! Types, names and slots: from the tree to the program, with every mistake found, not only the first.

use event::{MeasureType, Name};

use super::inputs::Inputs;
use super::parser::{Ast, Expr, parse};
use super::program::{Arithmetic, Node, Program, Relation, Value};
use super::{COST_MAX, Kind, Mistake};

/// What a rule needs of an entity, gathered over all of its expressions so that they share slots.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Need {
    pub(crate) measures: Vec<Name>,
    /// Longest window on each measure, nanoseconds; 0 = none.
    pub(crate) windows: Vec<i64>,
    /// Whose each slot is: index into the members of a correlation; 0 for all other kinds.
    pub(crate) members: Vec<u8>,
    pub(crate) limits: Vec<Name>,
    /// Worst case of evaluating everything compiled so far once.
    pub(crate) cost: u64,
}

/// Where names come from.
pub(crate) trait Environment {
    fn measure(&self, name: &str) -> Option<(Name, MeasureType)>;
    /// Whether any entity has a threshold of this name for the rule's measure.
    fn limit_exists(&self, name: &str) -> bool;
    /// Names offered in an error message.
    fn measures(&self) -> Vec<String>;
    /// Number of a member that the rule names; none for rules without named members.
    fn member(&self, _name: &str) -> Option<u8> {
        None
    }
    /// Whether the rule reads its measures through `across` alone.
    fn is_site(&self) -> bool {
        false
    }
    /// Whether measures are read by member alone (`pass.air_temp`).
    fn has_members(&self) -> bool {
        false
    }
}

/// Compiles `text` and checks that it yields `wanted`. Its price is the worst case of one evaluation: 1 a node, for each
/// function over time the most samples that it looks at, for `times` and `across` the whole of their condition at each point
/// or member; at most `COST_MAX`.
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
        slots: Vec::new(),
        back: 0,
        within_across: false,
        within_times: false,
        across: false,
        ahead: false,
    };
    let kind = compiler.expression(&tree);
    if compiler.cost > COST_MAX {
        let message = format!(
            "may cost {} steps, more than {COST_MAX}; shorten windows or ask fewer of them",
            compiler.cost
        );
        compiler.mistakes.push(Mistake::new(0, message));
    }
    if let Some((kind, root)) = kind {
        if kind != wanted {
            let message = format!("is a {}, but a {} is needed", kind.name(), wanted.name());
            compiler.mistakes.push(Mistake::new(tree.at, message));
        } else if compiler.mistakes.is_empty() {
            compiler.slots.sort_unstable();
            let program = Program {
                nodes: compiler.nodes,
                root,
                cost: compiler.cost,
                slots: compiler.slots.into(),
                across: compiler.across,
                ahead: compiler.ahead,
            };
            need.cost = need.cost.saturating_add(program.cost);
            return Ok(program);
        }
    }
    Err(compiler.mistakes)
}

impl Program {
    /// Whether its answer is always the same.
    pub(crate) fn is_constant(&self) -> bool {
        self.nodes
            .get(usize::from(self.root))
            .is_some_and(is_constant)
    }

    /// A program that reads nothing.
    fn of(nodes: Vec<Node>, root: u16) -> Self {
        Self {
            nodes,
            root,
            cost: 0,
            slots: Box::default(),
            across: false,
            ahead: false,
        }
    }
}

const NOTHING: Inputs<'static> = Inputs {
    sources: &[],
    map: &[],
    members: &[],
    limits: &[],
    at: 0,
    max_age: 0,
    accept: 0,
    last_good: false,
    memo: None,
};

fn is_constant(node: &Node) -> bool {
    matches!(
        node,
        Node::Number(_) | Node::Boolean(_) | Node::Text(_) | Node::Duration(_)
    )
}

pub(super) struct Compiler<'e> {
    environment: &'e dyn Environment,
    need: &'e mut Need,
    pub(super) nodes: Vec<Node>,
    pub(super) cost: u64,
    mistakes: Vec<Mistake>,
    /// The rule's slots read so far.
    pub(super) slots: Vec<u8>,
    /// How far before the instant asked for the expression at hand is asked (inside `times`).
    pub(super) back: i64,
    pub(super) within_across: bool,
    pub(super) within_times: bool,
    pub(super) across: bool,
    pub(super) ahead: bool,
}

pub(super) type Typed = Option<(Kind, u16)>;

impl Need {
    /// The rule's number for a member's measure.
    pub(crate) fn slot(&mut self, owner: u8, measure: Name) -> usize {
        let mut known = self.measures.iter().zip(&self.members);
        known
            .position(|(name, member)| *name == measure && *member == owner)
            .unwrap_or_else(|| {
                self.measures.push(measure);
                self.windows.push(0);
                self.members.push(owner);
                self.measures.len() - 1
            })
    }
}

impl Compiler<'_> {
    pub(super) fn wrong(&mut self, at: usize, message: impl Into<String>) -> Typed {
        self.mistakes.push(Mistake::new(at, message));
        None
    }

    pub(super) fn charge(&mut self, steps: u64) {
        self.cost = self.cost.saturating_add(steps);
    }

    pub(super) fn push(&mut self, kind: Kind, node: Node) -> Typed {
        self.charge(1);
        let index = u16::try_from(self.nodes.len()).ok()?;
        self.nodes.push(node);
        Some((kind, index))
    }

    /// Adds a node above `children` and, where all of them are constants, puts its value in their place.
    pub(super) fn fold(&mut self, at: usize, kind: Kind, node: Node, children: &[u16]) -> Typed {
        let constant = children
            .iter()
            .all(|child| self.nodes.get(usize::from(*child)).is_some_and(is_constant));
        let typed = self.push(kind, node);
        let (true, Some(first), Some((_, root))) = (constant, children.iter().min(), typed) else {
            return typed;
        };
        let program = Program::of(std::mem::take(&mut self.nodes), root);
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

    pub(super) fn expression(&mut self, expr: &Expr) -> Typed {
        match &expr.ast {
            Ast::Number(value) => self.push(Kind::Number, Node::Number(*value)),
            Ast::Boolean(value) => self.push(Kind::Boolean, Node::Boolean(*value)),
            Ast::Text(value) => self.push(Kind::Text, Node::Text(value.as_str().into())),
            Ast::Name(name) => {
                let (kind, slot) = self.measure(expr.at, None, name)?;
                self.push(kind, Node::Measure(slot))
            }
            Ast::Member(object, name) => self.member(object, name),
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

    pub(super) fn is_site(&self) -> bool {
        self.environment.is_site()
    }

    pub(super) fn has_members(&self) -> bool {
        self.environment.has_members()
    }

    /// `limit.NAME`, or `MEMBER.MEASURE`.
    fn member(&mut self, object: &Expr, name: &str) -> Typed {
        match &object.ast {
            Ast::Name(member) if member == "limit" => self.limit(object, name),
            Ast::Name(member) if self.environment.has_members() => {
                let (kind, slot) = self.measure(object.at, Some(member), name)?;
                self.push(kind, Node::Measure(slot))
            }
            _ => self.wrong(object.at, "only `limit` has members (`limit.NAME`)"),
        }
    }

    /// The rule's slot of a measure, of a member where it is qualified. What is read inside `times` is read that far back.
    pub(super) fn measure(
        &mut self,
        at: usize,
        member: Option<&str>,
        name: &str,
    ) -> Option<(Kind, u8)> {
        let owner = match member {
            Some(member) => {
                let Some(owner) = self.environment.member(member) else {
                    self.wrong(at, format!("the rule has no member `{member}`"));
                    return None;
                };
                owner
            }
            None => 0,
        };
        let Some((name, kind)) = self.environment.measure(name) else {
            let close = closest(name, &self.environment.measures());
            self.wrong(at, format!("unknown name `{name}`{close}"));
            return None;
        };
        if member.is_none() && self.environment.has_members() {
            self.wrong(at, format!("whose `{name}`? write MEMBER.{name}"));
            return None;
        }
        if self.environment.is_site() && !self.within_across {
            let message = format!(
                "a rule for the whole site reads `{name}` through across('max', {name}) and the like"
            );
            self.wrong(at, message);
            return None;
        }
        let kind = match kind {
            MeasureType::Number => Kind::Number,
            MeasureType::Boolean => Kind::Boolean,
            MeasureType::Code => Kind::Text,
        };
        let index = self.need.slot(owner, name);
        // NODES_MAX bounds the measures of one expression; a rule has few expressions.
        let slot = u8::try_from(index).ok()?;
        if !self.within_across && !self.slots.contains(&slot) {
            self.slots.push(slot);
        }
        self.reaches(slot, 0);
        Some((kind, slot))
    }

    /// The slot is read so far before the instant that the expression at hand is asked for.
    pub(super) fn reaches(&mut self, slot: u8, length: i64) {
        let length = self.back.saturating_add(length);
        if let Some(window) = self.need.windows.get_mut(usize::from(slot)) {
            *window = (*window).max(length);
        }
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
