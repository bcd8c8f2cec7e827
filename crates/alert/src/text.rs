//! Sentences in both languages from templates with slots; never glued from fragments by code.
//!
//! A slot is `{name}`, `{area}`, `{label.NAME}`, `{since}`, `{silence}`, `{last_heard}` or an expression in the language
//! of the conditions with an optional format: `{level}`, `{level - limit.bd3}`, `{rate(level, duration('1h')):.2 m/giờ}`.
//! The format is `.DECIMALS` (default: those of the rule's measure) and a unit text (default: that of the rule's measure;
//! `{x:.0}` has none). A number whose sign decides the words has three texts after `:=`, for zero as shown, above and below,
//! with `#` for the number without its sign: `{level - limit.bd3:=đạt báo động 3|trên báo động 3 là #|dưới báo động 3 là #}`.
//! `{{` and `}}` are braces.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use event::{Text, Time};

use crate::cel::{Inputs, LOCAL_OFFSET_NS, Program, Value};

const NO_BREAK_SPACE: char = '\u{a0}';

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Vietnamese,
    English,
}

impl Language {
    fn of(self, text: &Text) -> &str {
        match self {
            Self::Vietnamese => &text.vi,
            Self::English => &text.en,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Literal(String),
    Name,
    Area,
    Label(String),
    Since,
    Silence,
    LastHeard,
    Number {
        program: Program,
        decimals: u8,
        unit: Text,
        /// Instead of the bare number: texts for zero, above and below.
        worded: Option<Box<[String; 3]>>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template {
    pub(crate) parts: Vec<Part>,
}

/// What fills the slots.
pub(crate) struct Facts<'a> {
    pub(crate) name: &'a Text,
    pub(crate) area: Option<&'a str>,
    pub(crate) labels: Option<&'a BTreeMap<String, Text>>,
    pub(crate) since: Time,
    pub(crate) silence_ns: i64,
    pub(crate) last_heard: Option<Time>,
    pub(crate) inputs: Inputs<'a>,
}

impl Template {
    pub(crate) fn fill(&self, language: Language, facts: &Facts<'_>) -> String {
        let unknown = match language {
            Language::Vietnamese => "không rõ",
            Language::English => "unknown",
        };
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Name => out.push_str(language.of(facts.name)),
                Part::Area => out.push_str(facts.area.unwrap_or(unknown)),
                Part::Label(name) => match facts.labels.and_then(|labels| labels.get(name)) {
                    Some(text) => out.push_str(language.of(text)),
                    None => out.push_str(unknown),
                },
                Part::Since => out.push_str(&local_time(facts.since)),
                Part::Silence => out.push_str(&duration(facts.silence_ns, language)),
                Part::LastHeard => match (facts.last_heard, language) {
                    (Some(time), _) => out.push_str(&local_time(time)),
                    (None, Language::Vietnamese) => out.push_str("chưa từng"),
                    (None, Language::English) => out.push_str("never"),
                },
                Part::Number {
                    program,
                    decimals,
                    unit,
                    worded,
                } => match program.run(&facts.inputs) {
                    Value::Number(value) => {
                        let unit = language.of(unit);
                        match worded {
                            None => out.push_str(&quantity(value, *decimals, unit, language)),
                            Some(texts) => {
                                let size = quantity(value.abs(), *decimals, unit, language);
                                let [zero, above, below] = &**texts;
                                let text = match value {
                                    _ if is_zero(value, *decimals) => zero,
                                    value if value > 0.0 => above,
                                    _ => below,
                                };
                                out.push_str(&text.replace('#', &size));
                            }
                        }
                    }
                    Value::Boolean(_)
                    | Value::Text(_)
                    | Value::Duration(_)
                    | Value::Unknown
                    | Value::Fault => out.push_str(unknown),
                },
            }
        }
        out
    }
}

fn quantity(value: f64, decimals: u8, unit: &str, language: Language) -> String {
    let mut out = number(value, decimals, language);
    if !unit.is_empty() {
        out.push(NO_BREAK_SPACE);
        out.push_str(unit);
    }
    out
}

/// Whether nothing but zeros is shown.
fn is_zero(value: f64, decimals: u8) -> bool {
    let shown = format!("{:.*}", usize::from(decimals), value.abs());
    !shown.bytes().any(|digit| matches!(digit, b'1'..=b'9'))
}

/// `1.234,5` in Vietnamese, `1,234.5` in English.
pub(crate) fn number(value: f64, decimals: u8, language: Language) -> String {
    let (point, group) = match language {
        Language::Vietnamese => (',', '.'),
        Language::English => ('.', ','),
    };
    let plain = format!("{:.*}", usize::from(decimals), value.abs());
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let negative = value < 0.0 && plain.bytes().any(|digit| matches!(digit, b'1'..=b'9'));
    let mut out = String::with_capacity(plain.len() + 4);
    if negative {
        out.push('-');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            out.push(group);
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push(point);
        out.push_str(fraction);
    }
    out
}

/// `14:04 23/11/2026`, local.
pub(crate) fn local_time(time: Time) -> String {
    let seconds = time
        .0
        .saturating_add(LOCAL_OFFSET_NS)
        .div_euclid(Time::SECOND);
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, date) = civil(day);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{hour:02}:{minute:02} {date:02}/{month:02}/{year}")
}

/// Days since 1970-01-01 to year, month, day of the Gregorian calendar: counted in eras of 400 years from 1 March 0000.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, date)
}

/// The two largest parts: `2 giờ 5 phút`, `2 h 5 min`.
pub(crate) fn duration(nanoseconds: i64, language: Language) -> String {
    let seconds = nanoseconds.max(0) / Time::SECOND;
    let names = match language {
        Language::Vietnamese => ["ngày", "giờ", "phút", "giây"],
        Language::English => ["d", "h", "min", "s"],
    };
    let parts = [
        seconds / 86_400,
        seconds / 3_600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    ];
    let first = parts.iter().position(|part| *part > 0).unwrap_or(3);
    let mut out = String::new();
    for (part, name) in parts
        .iter()
        .zip(names)
        .skip(first)
        .take(2)
        .filter(|(part, _)| **part > 0)
    {
        let space = if out.is_empty() { "" } else { " " };
        // Writing to a string cannot fail.
        let _ = write!(out, "{space}{part}{NO_BREAK_SPACE}{name}");
    }
    if out.is_empty() {
        let _ = write!(out, "0{NO_BREAK_SPACE}{}", names[3]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let both = |value, decimals| {
            (
                number(value, decimals, Language::Vietnamese),
                number(value, decimals, Language::English),
            )
        };
        let told = |vi: &str, en: &str| (vi.to_owned(), en.to_owned());
        assert_eq!(both(58.13, 2), told("58,13", "58.13"));
        assert_eq!(both(1_234_567.5, 1), told("1.234.567,5", "1,234,567.5"));
        assert_eq!(both(-0.004, 2), told("0,00", "0.00"));
        assert_eq!(both(-1_000.0, 0), told("-1.000", "-1,000"));
        assert_eq!(both(999.999, 2), told("1.000,00", "1,000.00"));
    }

    #[test]
    fn times() {
        let shown = |text| local_time(Time::parse(text).unwrap());
        assert_eq!(shown("2024-09-08T13:00:00Z"), "20:00 08/09/2024");
        assert_eq!(shown("2024-02-28T17:30:59Z"), "00:30 29/02/2024");
        assert_eq!(shown("1999-12-31T17:00:00Z"), "00:00 01/01/2000");
        let minute = 60 * Time::SECOND;
        assert_eq!(
            duration(125 * minute, Language::Vietnamese),
            "2\u{a0}giờ 5\u{a0}phút"
        );
        assert_eq!(
            duration(1_500 * minute, Language::English),
            "1\u{a0}d 1\u{a0}h"
        );
        assert_eq!(duration(0, Language::English), "0\u{a0}s");
    }
}
