//! The layers of a configuration put on top of each other, with where each value came from.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::{DEFAULT_TOML, Mistake, Source, parse_addresses};

pub(super) const PREFIX: &str = "IOC__";

/// The merged table, and per `section.key` the place that set it.
pub(super) struct Merged {
    pub(super) table: Table,
    places: BTreeMap<String, String>,
}

impl Merged {
    pub(super) fn place(&self, key: &str) -> String {
        self.places
            .get(key)
            .cloned()
            .unwrap_or_else(|| "default".to_owned())
    }
}

pub(super) fn merge(
    source: Option<&Source>,
    variables: &BTreeMap<String, String>,
    mistakes: &mut Vec<Mistake>,
) -> Merged {
    let table = match DEFAULT_TOML.parse::<Table>() {
        Ok(table) => table,
        Err(error) => {
            mistakes.push(Mistake {
                place: "default".to_owned(),
                message: error.to_string(),
            });
            Table::new()
        }
    };
    let mut merged = Merged {
        table,
        places: BTreeMap::new(),
    };
    if let Some(source) = source {
        apply_file(&mut merged, source, mistakes);
    }
    for (name, text) in variables {
        apply_variable(&mut merged, name, text, mistakes);
    }
    merged
}

fn apply_file(merged: &mut Merged, source: &Source, mistakes: &mut Vec<Mistake>) {
    let lines = Lines::new(&source.text);
    let at = |offset: usize| format!("{}:{}", source.name, lines.line(offset));
    let (document, errors) = DeTable::parse_recoverable(&source.text);
    for error in &errors {
        let offset = error.span().map_or(0, |span| span.start);
        mistakes.push(Mistake {
            place: at(offset),
            message: error.message().to_owned(),
        });
    }
    if !errors.is_empty() {
        return;
    }
    for (section, value) in document.get_ref() {
        let place = at(section.span().start);
        let DeValue::Table(keys) = value.get_ref() else {
            let message = format!(
                "`{}` stands outside a section: put it under one of {}",
                section.get_ref(),
                sections(&merged.table)
            );
            mistakes.push(Mistake { place, message });
            continue;
        };
        if !merged.table.contains_key(section.get_ref().as_ref()) {
            let message = format!(
                "unknown section [{}]: the sections are {}",
                section.get_ref(),
                sections(&merged.table)
            );
            mistakes.push(Mistake { place, message });
            continue;
        }
        for (key, value) in keys {
            let name = format!("{}.{}", section.get_ref(), key.get_ref());
            set(
                merged,
                &name,
                to_value(value),
                at(key.span().start),
                mistakes,
            );
        }
    }
}

fn apply_variable(merged: &mut Merged, name: &str, text: &str, mistakes: &mut Vec<Mistake>) {
    let place = format!("environment variable {name}");
    let path = name
        .strip_prefix(PREFIX)
        .unwrap_or(name)
        .to_ascii_lowercase();
    if !path.contains("__") {
        mistakes.push(Mistake {
            place,
            message: "write IOC__SECTION__KEY, e.g. IOC__INGEST__LISTEN".to_owned(),
        });
        return;
    }
    let name = path.replace("__", ".");
    let default = name
        .split('.')
        .try_fold(None, |at: Option<&Value>, key| match at {
            None => merged.table.get(key).map(Some),
            Some(value) => value.get(key).map(Some),
        })
        .flatten();
    let value = match default {
        Some(Value::Integer(_)) => text.trim().parse().map(Value::Integer).ok(),
        Some(Value::Boolean(_)) => text.trim().parse().map(Value::Boolean).ok(),
        Some(Value::Table(keys)) if keys.is_empty() => pairs(text),
        Some(Value::Array(_)) => Some(Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Value::String(item.to_owned()))
                .collect(),
        )),
        _ => Some(Value::String(text.to_owned())),
    };
    let Some(value) = value else {
        let expected = default.map_or("text", kind_of);
        mistakes.push(Mistake {
            place,
            message: format!("{text:?} is not {expected}"),
        });
        return;
    };
    set(merged, &name, value, place, mistakes);
}

/// Puts one value in, if the key is known and the type is that of its default.
fn set(merged: &mut Merged, name: &str, value: Value, place: String, mistakes: &mut Vec<Mistake>) {
    let (section, key) = name.rsplit_once('.').unwrap_or((name, ""));
    let keys = section
        .split('.')
        .try_fold(&mut merged.table, |table, part| {
            table.get_mut(part)?.as_table_mut()
        });
    let Some(keys) = keys else {
        mistakes.push(Mistake {
            place,
            message: format!("unknown section `{section}`"),
        });
        return;
    };
    let Some(default) = keys.get(key) else {
        let known = keys.keys().map(String::as_str).collect::<Vec<_>>();
        let hint = nearest(key, &known).map_or_else(
            || format!("known keys: {}", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        mistakes.push(Mistake {
            place,
            message: format!("unknown key `{name}`; {hint}"),
        });
        return;
    };
    // A section within a section: its keys are known one by one. An empty one takes any key.
    if let (Some(inner), Value::Table(given)) = (default.as_table(), &value)
        && !inner.is_empty()
    {
        for (key, value) in given.clone() {
            set(
                merged,
                &format!("{name}.{key}"),
                value,
                place.clone(),
                mistakes,
            );
        }
        return;
    }
    match coerce(name, value, default) {
        Ok(value) => {
            keys.insert(key.to_owned(), value);
            merged.places.insert(name.to_owned(), place);
        }
        Err(message) => mistakes.push(Mistake { place, message }),
    }
}

/// Checks the type; addresses may be one text or a list and are written out.
fn coerce(name: &str, value: Value, default: &Value) -> Result<Value, String> {
    if name.ends_with(".listen") {
        return addresses(name, value, default.is_array());
    }
    if let (Value::Table(keys), Value::Table(_)) = (&value, default) {
        return texts(name, keys);
    }
    let same = std::mem::discriminant(&value) == std::mem::discriminant(default);
    if !same {
        return Err(format!(
            "`{name}` must be {}, not {}",
            kind_of(default),
            kind_of(&value)
        ));
    }
    if let Value::Integer(number) = value
        && number < 0
    {
        return Err(format!("`{name}` is {number}; it must not be negative"));
    }
    if let Value::Array(items) = &value
        && let Some(odd) = items.iter().find(|item| !item.is_str())
    {
        return Err(format!(
            "`{name}` must be a list of texts, but holds {}",
            kind_of(odd)
        ));
    }
    Ok(value)
}

/// A table whose keys are not ours to know (properties that are passed on): every value becomes a text.
fn texts(name: &str, keys: &Table) -> Result<Value, String> {
    let text = |(key, value): (&String, &Value)| match value {
        Value::String(text) => Ok((key.clone(), Value::String(text.clone()))),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => {
            Ok((key.clone(), Value::String(value.to_string())))
        }
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => Err(format!(
            "`{name}.{key}` must be a text, a number, true or false, not {}; put names with dots in quotes",
            kind_of(value)
        )),
    };
    keys.iter()
        .map(text)
        .collect::<Result<_, _>>()
        .map(Value::Table)
}

/// `name=value,name=value`, as such a table is written in a variable.
fn pairs(text: &str) -> Option<Value> {
    text.split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=')?;
            Some((
                key.trim().to_owned(),
                Value::String(value.trim().to_owned()),
            ))
        })
        .collect::<Option<_>>()
        .map(Value::Table)
}

/// One address or a list; a key with a single address takes the first meaning of `localhost`.
fn addresses(name: &str, value: Value, list: bool) -> Result<Value, String> {
    let items = if let Value::Array(items) = value {
        items
    } else {
        vec![value]
    };
    let items_written = items.len();
    let (mut out, mut wrong) = (Vec::new(), Vec::new());
    for item in items {
        match item.as_str().map(parse_addresses) {
            Some(Ok(parsed)) => out.extend(
                parsed
                    .iter()
                    .map(|address| Value::String(address.to_string())),
            ),
            Some(Err(error)) => wrong.push(error),
            None => wrong.push(format!("an address is a text, not {}", kind_of(&item))),
        }
    }
    if !wrong.is_empty() {
        return Err(format!("`{name}`: {}", wrong.join("; ")));
    }
    if list {
        return Ok(Value::Array(out));
    }
    let single = items_written == 1;
    out.into_iter()
        .next()
        .filter(|_| single)
        .ok_or_else(|| format!("`{name}` takes exactly one address"))
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a decimal number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a section (in a variable: name=value,name=value)",
    }
}

fn to_value(value: &Spanned<DeValue<'_>>) -> Value {
    match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Value::String(number.to_string()), Value::Integer),
        DeValue::Float(number) => number
            .as_str()
            .parse()
            .map_or_else(|_| Value::String(number.to_string()), Value::Float),
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Datetime(date) => Value::Datetime(*date),
        DeValue::Array(items) => Value::Array(items.iter().map(to_value).collect()),
        DeValue::Table(keys) => Value::Table(
            keys.iter()
                .map(|(key, value)| (key.get_ref().to_string(), to_value(value)))
                .collect(),
        ),
    }
}

fn sections(table: &Table) -> String {
    table
        .keys()
        .map(|name| format!("[{name}]"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The known name within two edits, for "did you mean".
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .copied()
        .map(|other| (distance(name, other), other))
        .filter(|(edits, _)| *edits <= 2)
        .min()
        .map(|(_, other)| other)
}

fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let best = (corner + usize::from(a != *b))
                .min(row[j] + 1)
                .min(row[j + 1] + 1);
            corner = row[j + 1];
            row[j + 1] = best;
        }
    }
    row[right.len()]
}

/// Byte offset to line number.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        Self(
            text.bytes()
                .enumerate()
                .filter(|(_, byte)| *byte == b'\n')
                .map(|(at, _)| at)
                .collect(),
        )
    }

    fn line(&self, offset: usize) -> usize {
        self.0.partition_point(|newline| *newline < offset) + 1
    }
}
