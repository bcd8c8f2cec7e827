//! Mapped JSON: any JSON document whose values the profile names by path, without code.
//!
//! A field's `from` is a path ([`path`]); a field without one is the member of its own name. Options, all of them paths unless
//! said otherwise: `each` (a list, or an object of elements, with one record for each; `a[*].b` goes through lists of lists),
//! `history` (a list of earlier readings), `time` (or a list of paths, joined by a blank: date and clock apart), `time_end`,
//! `age` (seconds before reception), `valid_from`, `valid_to`, `device` (an address of the catalogue), `area`, `lat`, `lon`,
//! `sequence`, `uuid`, `status`, `units` (a table: field to the path of its unit), `embedded` (a list of paths: texts that are JSON
//! themselves). Paths of options that find nothing in an element are looked for in what surrounds it, out to the document, but
//! those of `sequence` and `uuid`; paths of fields are not.

mod path;
mod record;

use serde_json::Value;

use super::{Options, Records, Wire, tree};
use crate::catalogue::Field;
use crate::fault::Fault;
use path::{Path, Start};

/// Texts in one document that are JSON themselves.
const EMBEDDED_MAX: usize = 4;

#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// Lists of lists, outermost first; empty where the document is the only element.
    each: Vec<Path>,
    history: Vec<Path>,
    time: Vec<Path>,
    time_end: Option<Path>,
    age: Option<Path>,
    valid_from: Option<Path>,
    valid_to: Option<Path>,
    device: Option<Path>,
    area: Option<Path>,
    lat: Option<Path>,
    lon: Option<Path>,
    sequence: Option<Path>,
    uuid: Option<Path>,
    status: Option<Path>,
    embedded: Vec<Path>,
    units: Vec<(String, Path)>,
    fields: Vec<Wanted>,
}

/// A field of the profile: the name under which the binder knows it, and where it stands.
#[derive(Clone, Debug)]
struct Wanted {
    key: String,
    path: Path,
    unit: Option<Path>,
}

impl Plan {
    pub(crate) fn new(options: &Options<'_>) -> Result<Self, String> {
        let path = |key: &str| {
            let path = options.text(key)?.map(Path::new).transpose();
            path.map_err(|wrong| format!("`options.{key}`: {wrong}"))
        };
        let plan = Self {
            each: nested(options, "each")?,
            history: nested(options, "history")?,
            time: several(options, "time")?,
            time_end: path("time_end")?,
            age: path("age")?,
            valid_from: path("valid_from")?,
            valid_to: path("valid_to")?,
            device: path("device")?,
            area: path("area")?,
            lat: path("lat")?,
            lon: path("lon")?,
            sequence: path("sequence")?,
            uuid: path("uuid")?,
            status: path("status")?,
            embedded: several(options, "embedded")?,
            units: units(options)?,
            fields: Vec::new(),
        };
        if plan.lat.is_some() != plan.lon.is_some() {
            return Err("`options.lat` and `options.lon` come together".to_owned());
        }
        if plan.age.is_some() && !plan.time.is_empty() {
            return Err("`options.time` and `options.age` are two times; keep one".to_owned());
        }
        if plan.embedded.len() > EMBEDDED_MAX {
            return Err(format!(
                "`options.embedded` has at most {EMBEDDED_MAX} paths"
            ));
        }
        Ok(plan)
    }

    /// Takes the profile's fields, whose `from` are paths.
    pub(crate) fn set_fields(&mut self, fields: &[Field]) -> Result<(), String> {
        for field in fields {
            let path = match &field.from {
                Some(from) => {
                    let path = Path::new(from);
                    path.map_err(|wrong| format!("field `{}`: {wrong}", field.key))?
                }
                None => Path::name(&field.key),
            };
            let unit = self.units.iter().find(|(key, _)| **key == *field.key);
            let unit = unit.map(|(_, path)| path.clone());
            let key = field.from.as_ref().unwrap_or(&field.key).to_string();
            self.fields.push(Wanted { key, path, unit });
        }
        let known = |key: &str| fields.iter().any(|field| &*field.key == key);
        match self.units.iter().find(|(key, _)| !known(key)) {
            Some((key, _)) => Err(format!("`options.units` names `{key}`, which is no field")),
            None => Ok(()),
        }
    }
}

fn several(options: &Options<'_>, key: &str) -> Result<Vec<Path>, String> {
    let texts = match options.value(key) {
        Some(toml::Value::String(text)) => vec![text.as_str()],
        _ => options.texts(key)?,
    };
    let paths = texts.into_iter().map(Path::new).collect::<Result<_, _>>();
    paths.map_err(|wrong| format!("`options.{key}`: {wrong}"))
}

/// `a[*].b` as the paths of its lists. A `[*]` at the end says what holds anyway.
fn nested(options: &Options<'_>, key: &str) -> Result<Vec<Path>, String> {
    let Some(text) = options.text(key)? else {
        return Ok(Vec::new());
    };
    let text = text.strip_suffix("[*]").unwrap_or(text);
    let mut paths = Vec::new();
    for (at, part) in text.split("[*]").enumerate() {
        let part = if at == 0 {
            part
        } else {
            part.strip_prefix('.').unwrap_or(part)
        };
        // Lists right in lists.
        let path = if part.is_empty() {
            Path::new("$")
        } else {
            Path::new(part)
        };
        paths.push(path.map_err(|wrong| format!("`options.{key}`: {wrong}"))?);
    }
    if paths.len() > 4 || paths.iter().any(|path| path.start == Start::Key) {
        return Err(format!(
            "`options.{key}`: at most 4 lists in lists, and no `@key`"
        ));
    }
    Ok(paths)
}

fn units(options: &Options<'_>) -> Result<Vec<(String, Path)>, String> {
    let Some(value) = options.value("units") else {
        return Ok(Vec::new());
    };
    let wrong = || "`options.units` must be a table of paths by field".to_owned();
    let table = value.as_table().ok_or_else(wrong)?;
    let mut units = Vec::new();
    for (key, path) in table {
        let path = Path::new(path.as_str().ok_or_else(wrong)?);
        units.push((
            key.clone(),
            path.map_err(|wrong| format!("`options.units.{key}`: {wrong}"))?,
        ));
    }
    Ok(units)
}

/// What surrounds a value, innermost last: the document, lists' elements, the element.
#[derive(Clone, Copy)]
struct Scope<'v> {
    value: &'v Value,
    /// Its name or number where it stands.
    key: Key<'v>,
}

#[derive(Clone, Copy)]
enum Key<'v> {
    None,
    Name(&'v str),
    Number(usize),
}

pub(crate) fn decode(wire: &Wire<'_>, plan: &Plan, out: &mut Records) -> Result<(), Fault> {
    let mut document = tree::parse(wire)?;
    for path in &plan.embedded {
        if let Some(place) = path.find_mut(&mut document)
            && let Value::String(text) = place
        {
            *place = tree::parse_text(text, wire.catalogue.limits.depth_max)?;
        }
    }
    let root = Scope {
        value: &document,
        key: Key::None,
    };
    let mut scopes = vec![root];
    let reader = record::Reader { wire, plan };
    // What is older comes first: nothing is late then that need not be.
    if !plan.history.is_empty() && has(&plan.history, root) {
        walk(&plan.history, &mut scopes, &mut |scopes| {
            let read = reader.read(scopes, true, out);
            out.element(read)
        })?;
    }
    walk(&plan.each, &mut scopes, &mut |scopes| {
        let read = reader.read(scopes, false, out);
        if plan.each.is_empty() {
            return read;
        }
        out.element(read)
    })
}

/// Whether the outermost list is there at all: a message without a history is sound.
fn has(lists: &[Path], root: Scope<'_>) -> bool {
    let list = lists.first().and_then(|path| path.find(root.value));
    list.is_some_and(|list| !list.is_null())
}

/// Visits each element of the lists of lists; without lists, the document itself.
fn walk<'v>(
    lists: &[Path],
    scopes: &mut Vec<Scope<'v>>,
    visit: &mut impl FnMut(&[Scope<'v>]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let Some((list, inner)) = lists.split_first() else {
        return visit(scopes);
    };
    let from = scopes.last().map(|scope| scope.value);
    let mut one = |value, key| {
        scopes.push(Scope { value, key });
        let done = walk(inner, scopes, visit);
        scopes.pop();
        done
    };
    match from.and_then(|from| list.find(from)) {
        Some(Value::Array(items)) => {
            for (at, item) in items.iter().enumerate() {
                one(item, Key::Number(at))?;
            }
            Ok(())
        }
        Some(Value::Object(members)) => {
            for (name, member) in members {
                one(member, Key::Name(name))?;
            }
            Ok(())
        }
        Some(_) | None => Err(Fault::shape(
            "the document has no list where the profile's `options.each` or `options.history` says; \
             correct the path or the sender",
        )),
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
