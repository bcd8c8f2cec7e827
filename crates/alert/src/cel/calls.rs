//! The functions of the language: their arguments, their types and their prices.

use event::Quality;

use super::compile::{Compiler, Typed};
use super::parser::{Ast, Expr};
use super::program::{Across, Node, Over};
use super::window::{
    BASELINE_SAMPLES_MAX, DAY, PREVIOUS_NS, PREVIOUS_SAMPLES_MAX, Span, baseline_depth,
};
use super::{
    BASELINE_DAYS_MAX, Kind, MEMBERS_MAX, SESSION_NS_MAX, TIMES_POINTS_MAX, WINDOW_SECONDS_MAX,
    parse_duration,
};

const SECOND: i64 = 1_000_000_000;

const KNOWN: &str = "abs, across, baseline, change, count, deviation, duration, has, last, \
                     local_hour, max, mean, min, percentile, previous, quality, rate, sum, time_to, times, weekday";

fn price(samples: usize) -> u64 {
    u64::try_from(samples).unwrap_or(u64::MAX)
}

/// `duration(..)`, `tumbling(..)`, `session(..)` and sums of durations: not a number.
fn is_span(expr: &Expr) -> bool {
    match &expr.ast {
        Ast::Call(name, _) => matches!(name.as_str(), "duration" | "tumbling" | "session"),
        Ast::Binary(_, left, right) => is_span(left) || is_span(right),
        Ast::Negative(inner) => is_span(inner),
        _ => false,
    }
}

/// A constant as written: `5`, `-5`, `5.5`.
fn literal(expr: &Expr) -> Option<f64> {
    match &expr.ast {
        Ast::Number(value) => Some(*value),
        Ast::Negative(inner) => literal(inner).map(|value| -value),
        _ => None,
    }
}

impl Compiler<'_> {
    pub(super) fn call(&mut self, at: usize, name: &str, arguments: &[Expr]) -> Typed {
        match (name, arguments) {
            ("change", _) => self.over(at, name, Over::Change, arguments),
            ("rate", _) => self.over(at, name, Over::Rate, arguments),
            ("mean", _) => self.over(at, name, Over::Mean, arguments),
            ("sum", _) => self.over(at, name, Over::Sum, arguments),
            ("count", _) => self.over(at, name, Over::Count, arguments),
            ("min" | "max", [_, second]) if !is_span(second) => {
                self.extreme(at, name == "min", arguments)
            }
            ("min" | "max", [_, _, _, ..]) => self.extreme(at, name == "min", arguments),
            ("min", _) => self.over(at, name, Over::Least, arguments),
            ("max", _) => self.over(at, name, Over::Greatest, arguments),
            ("percentile", _) => self.percentile(at, arguments),
            ("previous", [measure]) => {
                let (kind, slot) = self.named(name, measure)?;
                self.reaches(slot, PREVIOUS_NS);
                self.charge(price(PREVIOUS_SAMPLES_MAX));
                self.push(kind, Node::Previous(slot))
            }
            ("last", [measure]) => {
                let (kind, slot) = self.named(name, measure)?;
                self.push(kind, Node::Last(slot))
            }
            ("has", [measure]) => {
                let (_, slot) = self.named(name, measure)?;
                self.push(Kind::Boolean, Node::Has(slot))
            }
            ("abs", [argument]) => {
                let (kind, node) = self.expression(argument)?;
                if kind != Kind::Number {
                    return self.wrong(at, format!("`abs` needs a number, not a {}", kind.name()));
                }
                self.fold(at, Kind::Number, Node::Absolute(node), &[node])
            }
            ("duration", [text]) => {
                let length = self.length(name, text)?;
                self.push(Kind::Duration, Node::Duration(length))
            }
            ("previous" | "last" | "has" | "abs" | "duration", _) => {
                self.wrong(at, format!("`{name}` takes one argument"))
            }
            ("tumbling" | "session", _) => {
                let message = format!(
                    "`{name}` can only stand as the window of a function, as mean(level, {name}('1h'))"
                );
                self.wrong(at, message)
            }
            ("local_hour", []) => self.push(Kind::Number, Node::LocalHour),
            ("weekday", []) => self.push(Kind::Number, Node::Weekday),
            ("local_hour" | "weekday", _) => self.wrong(at, format!("`{name}` takes no arguments")),
            ("times", _) => self.times(at, arguments),
            ("time_to", _) => self.time_to(at, arguments),
            ("baseline" | "deviation", _) => self.baseline(at, name, arguments),
            ("quality", _) => self.quality(at, arguments),
            ("across", _) => self.over_members(at, arguments),
            _ => self.wrong(at, format!("unknown function `{name}`; there are {KNOWN}")),
        }
    }

    fn over(&mut self, at: usize, name: &str, over: Over, arguments: &[Expr]) -> Typed {
        let [measure, span] = arguments else {
            let message = format!(
                "`{name}` takes a measure and a duration, as {name}(level, duration('1h'))"
            );
            return self.wrong(at, message);
        };
        let slot = self.number_named(name, measure);
        let span = self.span(name, span);
        self.window(over, slot?, span?)
    }

    fn window(&mut self, over: Over, slot: u8, span: Span) -> Typed {
        self.reaches(slot, span.depth());
        self.charge(self.price_of(span));
        self.push(Kind::Number, Node::Window(over, slot, span))
    }

    /// Most samples looked at over a span; a session is looked through twice, once for its beginning.
    fn price_of(&self, span: Span) -> u64 {
        let samples = price(span.samples());
        match span {
            Span::Session(_) => 2 * samples,
            Span::Sliding(_) | Span::Tumbling(_) => samples,
        }
    }

    fn percentile(&mut self, at: usize, arguments: &[Expr]) -> Typed {
        let [measure, percent, span] = arguments else {
            let message = "`percentile` takes a measure, a number and a duration, \
                           as percentile(level, 95, duration('1h'))";
            return self.wrong(at, message);
        };
        let slot = self.number_named("percentile", measure);
        let wanted = literal(percent).filter(|percent| (0.0..=100.0).contains(percent));
        if wanted.is_none() {
            self.wrong(
                percent.at,
                "`percentile` takes a fixed number from 0 to 100 second",
            );
        }
        let span = self.span("percentile", span);
        let (slot, percent, span) = (slot?, wanted?, span?);
        // They are gathered and parted.
        self.charge(3 * self.price_of(span));
        self.window(Over::Percentile(percent), slot, span)
    }

    fn extreme(&mut self, at: usize, least: bool, arguments: &[Expr]) -> Typed {
        let mut nodes = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let (kind, node) = self.expression(argument)?;
            if kind != Kind::Number {
                let message = format!(
                    "takes numbers, or a measure and a duration; here is a {}",
                    kind.name()
                );
                return self.wrong(argument.at, message);
            }
            nodes.push(node);
        }
        let children = nodes.clone();
        let node = if least {
            Node::Least(nodes.into())
        } else {
            Node::Greatest(nodes.into())
        };
        self.fold(at, Kind::Number, node, &children)
    }

    fn times(&mut self, at: usize, arguments: &[Expr]) -> Typed {
        let [condition, span] = arguments else {
            let message =
                "`times` takes a condition and a duration, as times(level > 3, duration('1h'))";
            return self.wrong(at, message);
        };
        let span = self.span("times", span);
        let back = span.map_or(0, Span::depth);
        let (cost, outer_back) = (self.cost, self.back);
        let (slots, nested) = (std::mem::take(&mut self.slots), self.within_times);
        self.back = self.back.saturating_add(back);
        self.within_times = true;
        let inner = self.expression(condition);
        self.back = outer_back;
        self.within_times = nested;
        let read = self.restore_slots(slots);
        let points = TIMES_POINTS_MAX.min(span.map_or(TIMES_POINTS_MAX, Span::samples));
        let each = (self.cost - cost).saturating_add(price(read.len()));
        let looked = span.map_or(0, |span| match span {
            Span::Session(_) => self.price_of(span),
            Span::Sliding(_) | Span::Tumbling(_) => 0,
        });
        self.cost = cost
            .saturating_add(looked)
            .saturating_add(price(points).saturating_mul(each))
            .saturating_add(price(read.len()));
        let ((kind, inner), span) = (inner?, span?);
        if kind != Kind::Boolean {
            return self.wrong(
                condition.at,
                format!("`times` needs a bool, not a {}", kind.name()),
            );
        }
        if read.is_empty() {
            return self.wrong(condition.at, "the condition does not depend on any measure");
        }
        self.push(Kind::Number, Node::Times(inner, read.into(), span))
    }

    /// Puts the slots read outside back and returns those read since.
    fn restore_slots(&mut self, outer: Vec<u8>) -> Vec<u8> {
        let read = std::mem::replace(&mut self.slots, outer);
        for slot in &read {
            if !self.slots.contains(slot) {
                self.slots.push(*slot);
            }
        }
        read
    }

    fn over_members(&mut self, at: usize, arguments: &[Expr]) -> Typed {
        let ([how, inner] | [how, inner, _]) = arguments else {
            let message = "`across` takes what to compute, an expression and perhaps a profile, \
                           as across('max', level, 'gauge')";
            return self.wrong(at, message);
        };
        if !self.is_site() {
            return self.wrong(at, "`across` is for rules with `site = true`");
        }
        if self.within_across || self.within_times {
            return self.wrong(at, "`across` cannot stand inside `across` or `times`");
        }
        let across = match &how.ast {
            Ast::Text(text) => match text.as_str() {
                "count" => Some(Across::Count),
                "min" => Some(Across::Least),
                "max" => Some(Across::Greatest),
                "mean" => Some(Across::Mean),
                "sum" => Some(Across::Sum),
                _ => None,
            },
            _ => None,
        };
        if across.is_none() {
            self.wrong(
                how.at,
                "`across` computes 'count', 'min', 'max', 'mean' or 'sum'",
            );
        }
        let profile = match arguments.get(2) {
            Some(expr) => match &expr.ast {
                Ast::Text(text) => Some(text.as_str().into()),
                _ => {
                    self.wrong(expr.at, "`across` takes the name of a profile third");
                    return None;
                }
            },
            None => None,
        };
        let cost = self.cost;
        self.within_across = true;
        let slots = std::mem::take(&mut self.slots);
        let value = self.expression(inner);
        self.slots = slots;
        self.within_across = false;
        self.across = true;
        self.cost = cost.saturating_add(price(MEMBERS_MAX).saturating_mul(self.cost - cost));
        let ((kind, node), across) = (value?, across?);
        let wanted = if across == Across::Count {
            Kind::Boolean
        } else {
            Kind::Number
        };
        if kind != wanted {
            let message = format!("is a {}, but a {} is needed", kind.name(), wanted.name());
            return self.wrong(inner.at, message);
        }
        self.push(Kind::Number, Node::Across(across, node, profile))
    }

    fn time_to(&mut self, at: usize, arguments: &[Expr]) -> Typed {
        let [measure, target, span] = arguments else {
            let message = "`time_to` takes a measure, a number and a duration, \
                           as time_to(level, limit.bd3, duration('1h'))";
            return self.wrong(at, message);
        };
        let slot = self.number_named("time_to", measure);
        let value = self.expression(target);
        let span = self.span("time_to", span);
        let (slot, (kind, node), span) = (slot?, value?, span?);
        if kind != Kind::Number {
            let message = format!("`time_to` needs a number second, not a {}", kind.name());
            return self.wrong(target.at, message);
        }
        self.ahead = true;
        self.reaches(slot, span.depth());
        self.charge(self.price_of(span));
        self.push(Kind::Duration, Node::TimeTo(slot, node, span))
    }

    fn baseline(&mut self, at: usize, name: &str, arguments: &[Expr]) -> Typed {
        let [measure, days] = arguments else {
            let message =
                format!("`{name}` takes a measure and a number of days, as {name}(level, 7)");
            return self.wrong(at, message);
        };
        let slot = self.number_named(name, measure);
        let range = 1.0..=f64::from(BASELINE_DAYS_MAX);
        let count = literal(days).filter(|days| range.contains(days) && days.fract() == 0.0);
        let Some(count) = count else {
            let message =
                format!("`{name}` takes a fixed whole number of days, 1 to {BASELINE_DAYS_MAX}");
            return self.wrong(days.at, message);
        };
        let (slot, days) = (slot?, count as u8);
        self.reaches(slot, baseline_depth(days));
        // They are gathered, parted for the median and parted again for the distances.
        self.charge(4 * u64::from(days) * price(BASELINE_SAMPLES_MAX));
        let node = if name == "baseline" {
            Node::Baseline(slot, days)
        } else {
            Node::Deviation(slot, days)
        };
        self.push(Kind::Number, node)
    }

    fn quality(&mut self, at: usize, arguments: &[Expr]) -> Typed {
        let [measure, flag] = arguments else {
            let message =
                "`quality` takes a measure and the name of a flag, as quality(level, 'stuck')";
            return self.wrong(at, message);
        };
        let (_, slot) = self.named("quality", measure)?;
        let bits = (0..16).map(|bit| Quality(1 << bit));
        let named = |name: &str| bits.clone().find(|bit| bit.names().contains(&name));
        let found = match &flag.ast {
            Ast::Text(text) => named(text),
            _ => None,
        };
        match found {
            Some(bits) => self.push(Kind::Boolean, Node::Flag(slot, bits.0)),
            None => {
                let names: Vec<&str> = bits.clone().flat_map(|bit| bit.names()).collect();
                self.wrong(
                    flag.at,
                    format!("a quality flag is one of {}", names.join(", ")),
                )
            }
        }
    }

    /// A measure given by its name, or by member and name.
    fn named(&mut self, function: &str, expr: &Expr) -> Option<(Kind, u8)> {
        match &expr.ast {
            Ast::Name(name) => self.measure(expr.at, None, name),
            Ast::Member(object, name) => match &object.ast {
                Ast::Name(member) if member != "limit" && self.has_members() => {
                    self.measure(expr.at, Some(member), name)
                }
                _ => {
                    self.wrong(
                        expr.at,
                        format!("`{function}` takes the name of a measure first"),
                    );
                    None
                }
            },
            _ => {
                self.wrong(
                    expr.at,
                    format!("`{function}` takes the name of a measure first"),
                );
                None
            }
        }
    }

    fn number_named(&mut self, function: &str, expr: &Expr) -> Option<u8> {
        let (kind, slot) = self.named(function, expr)?;
        if kind != Kind::Number {
            let message = format!("`{function}` needs a number, not a {}", kind.name());
            self.wrong(expr.at, message);
            return None;
        }
        Some(slot)
    }

    /// The text of a duration, nanoseconds.
    fn length(&mut self, function: &str, expr: &Expr) -> Option<i64> {
        let Ast::Text(text) = &expr.ast else {
            self.wrong(
                expr.at,
                format!("`{function}` takes a string, as {function}('1h')"),
            );
            return None;
        };
        let length = parse_duration(text);
        if length.is_none() {
            self.wrong(expr.at, "no duration; write '90s', '10m', '1h30m'");
        }
        length
    }

    fn span(&mut self, function: &str, expr: &Expr) -> Option<Span> {
        if let Ast::Call(name, arguments) = &expr.ast
            && matches!(name.as_str(), "tumbling" | "session")
        {
            let [text] = arguments.as_slice() else {
                self.wrong(expr.at, format!("`{name}` takes one argument"));
                return None;
            };
            let length = self.length(name, text)?;
            return if name == "tumbling" {
                self.tumbling(text, length)
            } else {
                self.session(text, length)
            };
        }
        let (kind, node) = self.expression(expr)?;
        let Some(Node::Duration(length)) = self.nodes.get(usize::from(node)) else {
            let message = format!(
                "`{function}` takes a fixed duration there, not a {}",
                kind.name()
            );
            self.wrong(expr.at, message);
            return None;
        };
        let length = *length;
        self.nodes.truncate(usize::from(node));
        self.checked(expr, length).map(Span::Sliding)
    }

    fn checked(&mut self, expr: &Expr, length: i64) -> Option<i64> {
        if (SECOND..=WINDOW_SECONDS_MAX * SECOND).contains(&length) {
            return Some(length);
        }
        let days = WINDOW_SECONDS_MAX / 86_400;
        self.wrong(
            expr.at,
            format!("a window lasts between 1 s and {days} days"),
        );
        None
    }

    fn tumbling(&mut self, expr: &Expr, length: i64) -> Option<Span> {
        let length = self.checked(expr, length)?;
        if DAY % length != 0 && length % DAY != 0 {
            self.wrong(
                expr.at,
                "a tumbling window divides a day or lasts whole days",
            );
            return None;
        }
        Some(Span::Tumbling(length))
    }

    fn session(&mut self, expr: &Expr, gap: i64) -> Option<Span> {
        if !(SECOND..=SESSION_NS_MAX / 2).contains(&gap) {
            self.wrong(
                expr.at,
                "the silence that ends a session lasts between 1 s and 12 h",
            );
            return None;
        }
        Some(Span::Session(gap))
    }
}
