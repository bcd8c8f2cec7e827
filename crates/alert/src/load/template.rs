//! Message templates: text with slots into [`Template`].

use event::Text;

use crate::cel::{Environment, Kind, LENGTH_MAX, Mistake, Need, compile};
use crate::text::{Part, Template};

/// What a template may use.
pub(super) struct Scope<'a> {
    pub(super) environment: &'a dyn Environment,
    /// Decimals and unit text where a slot gives none.
    pub(super) decimals: u8,
    pub(super) unit: Option<&'a Text>,
    /// `{silence}` and `{last_heard}`.
    pub(super) absence: bool,
}

pub(super) fn parse(
    text: &str,
    scope: &Scope<'_>,
    need: &mut Need,
) -> Result<Template, Vec<Mistake>> {
    if text.len() > LENGTH_MAX {
        return Err(vec![Mistake::new(
            0,
            format!("longer than {LENGTH_MAX} bytes"),
        )]);
    }
    let (mut parts, mut literal, mut mistakes) = (Vec::new(), String::new(), Vec::new());
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if rest.starts_with("{{") || rest.starts_with("}}") {
            literal.push(c);
            at += 2;
        } else if c == '{' {
            let Some(end) = rest.find('}') else {
                mistakes.push(Mistake::new(at, "`{` without `}`"));
                break;
            };
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            match slot(&rest[1..end], scope, need) {
                Ok(part) => parts.push(part),
                Err(wrong) => mistakes.extend(wrong.into_iter().map(|mistake| Mistake {
                    at: at + 1 + mistake.at,
                    message: format!("slot `{}`: {}", &rest[..=end], mistake.message),
                })),
            }
            at += end + 1;
        } else if c == '}' {
            mistakes.push(Mistake::new(at, "`}` without `{`"));
            at += 1;
        } else {
            literal.push(c);
            at += c.len_utf8();
        }
    }
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    if mistakes.is_empty() {
        Ok(Template { parts })
    } else {
        Err(mistakes)
    }
}

fn slot(text: &str, scope: &Scope<'_>, need: &mut Need) -> Result<Part, Vec<Mistake>> {
    let absence = |part: Part| {
        let wrong = || vec![Mistake::new(0, "is for rules of kind `absence` only")];
        if scope.absence {
            Ok(part)
        } else {
            Err(wrong())
        }
    };
    match text {
        "name" => return Ok(Part::Name),
        "area" => return Ok(Part::Area),
        "since" => return Ok(Part::Since),
        "silence" => return absence(Part::Silence),
        "last_heard" => return absence(Part::LastHeard),
        _ => {}
    }
    if let Some(label) = text.strip_prefix("label.") {
        return Ok(Part::Label(label.to_owned()));
    }
    let (expression, format) = text.split_once(':').unwrap_or((text, ""));
    if let Some(texts) = format.strip_prefix('=') {
        let mut texts = texts.split('|').map(str::to_owned);
        let [Some(zero), Some(above), Some(below), None] =
            [texts.next(), texts.next(), texts.next(), texts.next()]
        else {
            let wrong =
                "`:=` takes three texts, for zero, above and below: `{x:=at|# above|# below}`";
            return Err(vec![Mistake::new(expression.len() + 1, wrong)]);
        };
        return Ok(Part::Number {
            program: compile(expression, Kind::Number, scope.environment, need)?,
            decimals: scope.decimals,
            unit: scope.unit.cloned().unwrap_or_default(),
            worded: Some(Box::new([zero, above, below])),
        });
    }
    // What the slot itself says is in the language of its sentence.
    let mut unit = (!format.is_empty()).then_some(format);
    let mut decimals = scope.decimals;
    if let Some(digits) = format.strip_prefix('.') {
        let (count, tail) = digits.split_once(' ').unwrap_or((digits, ""));
        let wrong = || {
            vec![Mistake::new(
                expression.len() + 1,
                "`.DECIMALS` takes 0 to 6",
            )]
        };
        decimals = count
            .parse()
            .ok()
            .filter(|count| *count <= 6)
            .ok_or_else(wrong)?;
        unit = Some(tail);
    }
    let program = compile(expression, Kind::Number, scope.environment, need)?;
    Ok(Part::Number {
        program,
        decimals,
        unit: match unit.map(str::trim) {
            Some(own) => Text {
                vi: own.to_owned(),
                en: own.to_owned(),
            },
            None => scope.unit.cloned().unwrap_or_default(),
        },
        worded: None,
    })
}
