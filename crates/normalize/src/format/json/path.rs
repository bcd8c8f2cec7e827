//! Where a value stands in a document: `a.b`, `a[0]`, `a[-1]` (from the end), `'a.b'.c` (a name with dots), `list[name=pm25].value`
//! (the first member of a list whose `name` is `pm25`), `@key` (the name or number of the element itself). A path that begins
//! with `$` starts at the document, any other at the element.

use serde_json::Value;

/// Steps of one path, and bytes of its text.
const STEPS_MAX: usize = 16;
const BYTES_MAX: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Element,
    Document,
    /// The name that the element has where it stands; no steps follow.
    Key,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) start: Start,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
    FromEnd(usize),
    Where { name: String, value: String },
}

impl Path {
    /// The member of that name, whatever letters it has.
    pub(super) fn name(name: &str) -> Self {
        Self {
            start: Start::Element,
            steps: vec![Step::Name(name.to_owned())],
        }
    }

    /// Reads a path; what is wrong with it, if something is.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("path `{text}`: {what}");
        if text.len() > BYTES_MAX {
            return Err(format!("a path has at most {BYTES_MAX} bytes"));
        }
        if text == "@key" {
            return Ok(Self {
                start: Start::Key,
                steps: Vec::new(),
            });
        }
        let (start, mut rest) = match text.strip_prefix('$') {
            Some(rest) => (Start::Document, rest),
            None => (Start::Element, text),
        };
        let mut steps = Vec::new();
        // A name may stand at the very beginning without a dot.
        let mut name_due = start == Start::Element && !rest.starts_with('[');
        while name_due || !rest.is_empty() {
            let (step, after) = if name_due {
                name(rest).map_err(|what| wrong(&what))?
            } else if let Some(after) = rest.strip_prefix('.') {
                rest = after;
                name_due = true;
                continue;
            } else if let Some(after) = rest.strip_prefix('[') {
                bracket(after).map_err(|what| wrong(&what))?
            } else {
                return Err(wrong("a dot or a bracket must follow a name"));
            };
            name_due = false;
            steps.push(step);
            rest = after;
            if steps.len() > STEPS_MAX {
                return Err(wrong("it has more than 16 steps"));
            }
        }
        Ok(Self { start, steps })
    }

    pub(super) fn find<'v>(&self, from: &'v Value) -> Option<&'v Value> {
        self.steps
            .iter()
            .try_fold(from, |value, step| step.of(value))
    }

    pub(super) fn find_mut<'v>(&self, from: &'v mut Value) -> Option<&'v mut Value> {
        self.steps.iter().try_fold(from, |value, step| {
            let place = match (step, &*value) {
                (Step::Name(name), _) => return value.get_mut(name),
                (Step::Index(at), _) => *at,
                (Step::FromEnd(back), Value::Array(list)) => list.len().checked_sub(*back)?,
                (Step::Where { name, value }, Value::Array(list)) => {
                    list.iter().position(|item| says(item, name, value))?
                }
                _ => return None,
            };
            value.get_mut(place)
        })
    }

    /// The name of the first step, if it is a name of the element.
    pub(super) fn head(&self) -> Option<&str> {
        match self.steps.first() {
            Some(Step::Name(name)) if self.start == Start::Element => Some(name),
            _ => None,
        }
    }
}

impl Step {
    fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match self {
            Self::Name(name) => value.as_object()?.get(name),
            Self::Index(at) => value.as_array()?.get(*at),
            Self::FromEnd(back) => {
                let list = value.as_array()?;
                list.get(list.len().checked_sub(*back)?)
            }
            Self::Where {
                name,
                value: wanted,
            } => {
                let list = value.as_array()?;
                list.iter().find(|item| says(item, name, wanted))
            }
        }
    }
}

/// Whether the member `name` of `item` is `wanted`, as text or as the number or word that it spells.
fn says(item: &Value, name: &str, wanted: &str) -> bool {
    match item.as_object().and_then(|members| members.get(name)) {
        Some(Value::String(text)) => text == wanted,
        Some(Value::Number(number)) => number.to_string() == wanted,
        Some(Value::Bool(word)) => word.to_string() == wanted,
        Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => false,
    }
}

fn name(text: &str) -> Result<(Step, &str), String> {
    if let Some((quoted, rest)) = quoted(text)? {
        return Ok((Step::Name(quoted), rest));
    }
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return Err("a name is missing".to_owned());
    }
    let odd = |letter: char| letter == ']' || letter == '"' || letter == '\'' || letter == '*';
    if name.contains(odd) || name.starts_with('@') || name.trim() != name {
        return Err(format!("put the name `{name}` in quotation marks"));
    }
    Ok((Step::Name(name.to_owned()), rest))
}

/// What stands between quotation marks of either kind at the beginning, and the rest.
fn quoted(text: &str) -> Result<Option<(String, &str)>, String> {
    let Some(mark) = text
        .chars()
        .next()
        .filter(|mark| matches!(mark, '"' | '\''))
    else {
        return Ok(None);
    };
    let inner = text.get(1..).unwrap_or_default();
    match inner.split_once(mark) {
        Some((name, rest)) => Ok(Some((name.to_owned(), rest))),
        None => Err("a quotation mark is not closed".to_owned()),
    }
}

/// What follows `[`: `0]`, `-1]`, `"name"]`, `name=value]`.
fn bracket(text: &str) -> Result<(Step, &str), String> {
    let closed = |rest: &'_ str| rest.starts_with(']');
    let open = || "a bracket is not closed".to_owned();
    if let Some((name, rest)) = quoted(text)? {
        let after = rest.get(1..).filter(|_| closed(rest)).ok_or_else(open)?;
        return Ok((Step::Name(name), after));
    }
    let end = text.find(['=', ']']).ok_or_else(open)?;
    let (word, rest) = text.split_at(end);
    if let Some(value) = rest.strip_prefix('=') {
        let (value, rest) = match quoted(value)? {
            Some(found) => found,
            None => {
                let (value, _) = value.split_once(']').ok_or_else(open)?;
                (
                    value.to_owned(),
                    rest.get(1 + value.len()..).unwrap_or_default(),
                )
            }
        };
        let after = rest.get(1..).filter(|_| closed(rest)).ok_or_else(open)?;
        if word.is_empty() || value.is_empty() {
            return Err("a choice is of the form [name=value]".to_owned());
        }
        let name = word.to_owned();
        return Ok((Step::Where { name, value }, after));
    }
    let after = rest.get(1..).unwrap_or_default();
    let number = |text: &str| {
        text.parse::<usize>()
            .ok()
            .filter(|_| !text.starts_with('+'))
    };
    let step = match word.strip_prefix('-') {
        Some(back) => number(back).filter(|back| *back > 0).map(Step::FromEnd),
        None => number(word).map(Step::Index),
    };
    let step = step.ok_or_else(|| {
        format!("`[{word}]` is neither a number, a quoted name nor a choice (name=value)")
    })?;
    Ok((step, after))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_lead_to_their_values() {
        let document = json!({
            "a": {"b": [10, {"c": 11}, 12], "x.y": 13, "": 14},
            "list": [{"name": "t", "v": 1}, {"name": "pm", "v": 2}, {"name": 7, "v": 3}],
            "độ ẩm": 15,
        });
        for (path, wanted) in [
            ("a.b[0]", json!(10)),
            ("a.b[1].c", json!(11)),
            ("a.b[-1]", json!(12)),
            ("a.b[-3]", json!(10)),
            ("a.'x.y'", json!(13)),
            ("a[\"x.y\"]", json!(13)),
            ("a[\"\"]", json!(14)),
            ("$.a.b[2]", json!(12)),
            ("$", document.clone()),
            ("list[name=pm].v", json!(2)),
            ("list[name='t'].v", json!(1)),
            ("list[name=7].v", json!(3)),
            ("độ ẩm", json!(15)),
        ] {
            let path = Path::new(path).unwrap_or_else(|wrong| panic!("{wrong}"));
            assert_eq!(path.find(&document), Some(&wanted));
            assert_eq!(
                path.find_mut(&mut document.clone()),
                Some(&mut wanted.clone())
            );
        }
        for path in [
            "a.c",
            "a.b[3]",
            "a.b[-4]",
            "a[0]",
            "list.name",
            "list[name=x].v",
            "a.b.c",
        ] {
            assert_eq!(Path::new(path).unwrap().find(&document), None, "{path}");
            assert_eq!(
                Path::new(path).unwrap().find_mut(&mut document.clone()),
                None,
                "{path}"
            );
        }
    }

    #[test]
    fn mistakes_are_told() {
        let long = "a.".repeat(200);
        for text in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "a[",
            "a[]",
            "a[x]",
            "a[-0]",
            "a[+1]",
            "a[1",
            "a]b",
            "a[0]b",
            "'a",
            "a['b]",
            "a['b'",
            "a[n=]",
            "a[=v]",
            "a[n=v",
            "a.*",
            "@name",
            " a",
            "$a",
            "a[n='v'",
            "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q",
            &long,
        ] {
            assert!(Path::new(text).is_err(), "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_it(text in "[ab.@$*=0-9'\"\\[\\]-]{0,24}") {
            if let Ok(path) = Path::new(&text) {
                let _ = path.find(&json!({"a": [{"b": {"a": 1}}], "b": "a"}));
            }
        }
    }
}
