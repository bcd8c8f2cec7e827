//! Reading the pack's TOML so that every mistake of every file is told at once, with its line.
//!
//! A [`Section`] hands out values by key and remembers what was asked for; [`Section::finish`] reports the keys that nobody
//! asked for. A getter reports a wrong type itself and returns `None`, so callers go on and find the next mistake.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};

use event::{PackError, PackFiles, Text};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Mistakes found so far. Bound: [`Mistakes::MAX`]; what comes after is counted, not kept.
#[derive(Debug, Default)]
pub(super) struct Mistakes {
    list: RefCell<Vec<PackError>>,
    dropped: Cell<usize>,
}

impl Mistakes {
    const MAX: usize = 200;

    pub(super) fn add(&self, file: &str, line: u32, message: impl Display) {
        let mut list = self.list.borrow_mut();
        if list.len() < Self::MAX {
            list.push(PackError {
                file: file.to_owned(),
                line,
                message: message.to_string(),
            });
        } else {
            self.dropped.set(self.dropped.get() + 1);
        }
    }

    /// In order of file and line.
    pub(super) fn into_list(self) -> Vec<PackError> {
        let mut list = self.list.into_inner();
        list.sort_by(|a, b| (&a.file, a.line, &a.message).cmp(&(&b.file, b.line, &b.message)));
        // A table that is read twice tells its mistakes twice.
        list.dedup();
        if self.dropped.get() > 0 {
            let message = format!("{} more mistakes are not listed", self.dropped.get());
            list.push(PackError {
                file: String::new(),
                line: 0,
                message,
            });
        }
        list
    }
}

/// Content of a file that must be UTF-8; reports otherwise.
pub(super) fn text_of<'p>(
    files: &'p PackFiles,
    path: &str,
    mistakes: &Mistakes,
) -> Option<&'p str> {
    let Some(bytes) = files.files.get(path) else {
        mistakes.add(path, 0, "the file is missing; every site pack has it");
        return None;
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(wrong) => {
            let line = line_at(bytes, wrong.valid_up_to());
            mistakes.add(path, line, "the file is not UTF-8; save it as UTF-8");
            None
        }
    }
}

fn line_at(bytes: &[u8], position: usize) -> u32 {
    let before = bytes.get(..position).unwrap_or(bytes);
    let breaks = before.iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(breaks).unwrap_or(u32::MAX).saturating_add(1)
}

/// A parsed file.
pub(super) struct Document<'p> {
    file: &'p str,
    text: &'p str,
    root: Spanned<DeTable<'p>>,
}

impl<'p> Document<'p> {
    /// The file of the pack at this path; reports why there is none.
    pub(super) fn of(files: &'p PackFiles, file: &'p str, mistakes: &Mistakes) -> Option<Self> {
        Self::parse(file, text_of(files, file, mistakes)?, mistakes)
    }

    /// Reports syntax errors; what could be read despite them is not used, so that no follow-up errors hide them.
    fn parse(file: &'p str, text: &'p str, mistakes: &Mistakes) -> Option<Self> {
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let line = error
                .span()
                .map_or(0, |span| line_at(text.as_bytes(), span.start));
            mistakes.add(file, line, error.message());
        }
        errors.is_empty().then_some(Self { file, text, root })
    }

    pub(super) fn root<'d>(&'d self, mistakes: &'d Mistakes) -> Section<'d> {
        let source = Source {
            file: self.file,
            text: self.text,
            mistakes,
        };
        Section::new(source, self.root.get_ref(), 1, String::new())
    }
}

#[derive(Clone, Copy)]
struct Source<'d> {
    file: &'d str,
    text: &'d str,
    mistakes: &'d Mistakes,
}

impl Source<'_> {
    fn line(&self, span: Range<usize>) -> u32 {
        line_at(self.text.as_bytes(), span.start)
    }
}

/// A table of the file.
pub(super) struct Section<'d> {
    source: Source<'d>,
    table: &'d DeTable<'d>,
    line: u32,
    /// Dotted path from the root, empty for the root itself.
    path: String,
    asked: RefCell<Vec<&'static str>>,
}

/// A table of tables: name, line of the name, content.
pub(super) struct Entry<'d> {
    pub(super) name: &'d str,
    pub(super) line: u32,
    pub(super) section: Section<'d>,
}

impl<'d> Section<'d> {
    fn new(source: Source<'d>, table: &'d DeTable<'d>, line: u32, path: String) -> Self {
        Self {
            source,
            table,
            line,
            path,
            asked: RefCell::new(Vec::new()),
        }
    }

    pub(super) fn line(&self) -> u32 {
        self.line
    }

    pub(super) fn mistake(&self, line: u32, message: impl Display) {
        self.source.mistakes.add(self.source.file, line, message);
    }

    fn named(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn get(&self, key: &'static str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.asked.borrow_mut().push(key);
        self.table.get(key)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Line of a key's value, or of the section if it is not there.
    pub(super) fn line_of(&self, key: &str) -> u32 {
        self.table
            .get(key)
            .map_or(self.line, |value| self.source.line(value.span()))
    }

    fn wrong(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let line = self.source.line(value.span());
        let found = value.get_ref().type_str();
        self.mistake(
            line,
            format_args!("`{}` must be {wanted}, not {found}", self.named(key)),
        );
    }

    pub(super) fn missing(&self, key: &str) {
        self.mistake(self.line, format_args!("`{}` is missing", self.named(key)));
    }

    pub(super) fn text(&self, key: &'static str) -> Option<&'d str> {
        let value = self.get(key)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong(key, value, "text");
        }
        text
    }

    pub(super) fn need_text(&self, key: &'static str) -> Option<&'d str> {
        if !self.has(key) {
            self.missing(key);
        }
        self.text(key)
    }

    pub(super) fn boolean(&self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        let boolean = value.get_ref().as_bool();
        if boolean.is_none() {
            self.wrong(key, value, "true or false");
        }
        boolean
    }

    pub(super) fn number(&self, key: &'static str) -> Option<f64> {
        let value = self.get(key)?;
        let number = number_of(value.get_ref());
        if number.is_none() {
            self.wrong(key, value, "a finite number");
        }
        number
    }

    /// A whole number within `bounds`.
    pub(super) fn whole(&self, key: &'static str, bounds: RangeInclusive<u64>) -> Option<u64> {
        let value = self.get(key)?;
        let Some(integer) = value.get_ref().as_integer() else {
            self.wrong(key, value, "a whole number");
            return None;
        };
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.filter(|number| bounds.contains(number));
        if number.is_none() {
            let (low, high) = bounds.into_inner();
            let line = self.source.line(value.span());
            self.mistake(
                line,
                format_args!("`{}` must be from {low} to {high}", self.named(key)),
            );
        }
        number
    }

    /// `[low, high]`, both finite, low below high.
    pub(super) fn range(&self, key: &'static str) -> Option<(f64, f64)> {
        let value = self.get(key)?;
        let bounds = value.get_ref().as_array().and_then(|array| {
            let mut numbers = array.iter().map(|item| number_of(item.get_ref()));
            match (numbers.next(), numbers.next(), numbers.next()) {
                (Some(Some(low)), Some(Some(high)), None) if low < high => Some((low, high)),
                _ => None,
            }
        });
        if bounds.is_none() {
            let line = self.source.line(value.span());
            let name = self.named(key);
            self.mistake(
                line,
                format_args!("`{name}` must be two numbers, the lower first"),
            );
        }
        bounds
    }

    /// A list of texts with their lines.
    pub(super) fn texts(&self, key: &'static str) -> Vec<(&'d str, u32)> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong(key, value, "a list of texts");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in array.iter() {
            match item.get_ref().as_str() {
                Some(text) => texts.push((text, self.source.line(item.span()))),
                None => self.wrong(key, item, "a list of texts"),
            }
        }
        texts
    }

    pub(super) fn section(&self, key: &'static str) -> Option<Section<'d>> {
        let value = self.get(key)?;
        let section = self.child(key, value);
        if section.is_none() {
            self.wrong(key, value, "a table");
        }
        section
    }

    fn child(&self, key: &str, value: &'d Spanned<DeValue<'d>>) -> Option<Section<'d>> {
        let line = self.source.line(value.span());
        let table = value.get_ref().as_table()?;
        Some(Section::new(self.source, table, line, self.named(key)))
    }

    /// The whole table under `key`, for whoever has keys of its own.
    pub(super) fn table(&self, key: &'static str) -> Option<toml::Table> {
        let value = self.get(key)?;
        match plain(value.get_ref()) {
            Some(toml::Value::Table(table)) => Some(table),
            _ => {
                self.wrong(key, value, "a table");
                None
            }
        }
    }

    /// The tables under `key`, in order of the file.
    pub(super) fn entries(&self, key: &'static str) -> Vec<Entry<'d>> {
        let Some(outer) = self.section(key) else {
            return Vec::new();
        };
        let mut entries = Vec::new();
        for (name, value) in outer.table.iter() {
            let line = self.source.line(name.span());
            match outer.child(name.get_ref(), value) {
                Some(section) => entries.push(Entry {
                    name: name.get_ref(),
                    line,
                    section,
                }),
                None => outer.wrong(name.get_ref(), value, "a table"),
            }
        }
        entries
    }

    /// The texts under `key`: name, text, line.
    pub(super) fn pairs(&self, key: &'static str) -> Vec<(&'d str, &'d str, u32)> {
        let Some(outer) = self.section(key) else {
            return Vec::new();
        };
        let mut pairs = Vec::new();
        for (name, value) in outer.table.iter() {
            match value.get_ref().as_str() {
                Some(text) => pairs.push((&**name.get_ref(), text, self.source.line(name.span()))),
                None => outer.wrong(name.get_ref(), value, "text"),
            }
        }
        pairs
    }

    /// `{ vi = "…", en = "…" }`, both filled.
    pub(super) fn bilingual(&self, key: &'static str) -> Option<Text> {
        if !self.has(key) {
            self.missing(key);
        }
        self.section(key)?.as_bilingual()
    }

    /// Words that may be the same in both languages: `"m"`, or `{ vi = "người", en = "people" }`.
    pub(super) fn words(&self, key: &'static str) -> Option<Text> {
        let Some(value) = self.get(key) else {
            self.missing(key);
            return None;
        };
        if let Some(text) = value.get_ref().as_str() {
            return Some(Text {
                vi: text.to_owned(),
                en: text.to_owned(),
            });
        }
        let section = self.child(key, value);
        if section.is_none() {
            self.wrong(key, value, "text, or a table of `vi` and `en`");
        }
        section?.as_bilingual()
    }

    pub(super) fn as_bilingual(&self) -> Option<Text> {
        let (vi, en) = (self.need_text("vi"), self.need_text("en"));
        for (language, text) in [("vi", vi), ("en", en)] {
            if text.is_some_and(|text| text.trim().is_empty()) {
                self.mistake(
                    self.line,
                    format_args!("`{}` is empty", self.named(language)),
                );
            }
        }
        self.finish();
        Some(Text {
            vi: vi?.to_owned(),
            en: en?.to_owned(),
        })
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(&self) {
        let asked = self.asked.borrow();
        for (key, _) in self.table.iter() {
            if !asked.iter().any(|known| *known == key.get_ref()) {
                let line = self.source.line(key.span());
                let name = self.named(key.get_ref());
                let known = asked.join("`, `");
                self.mistake(
                    line,
                    format_args!("`{name}` is not known here; known are `{known}`"),
                );
            }
        }
    }
}

/// The same without places in the file; `None` for a number that nothing can hold.
fn plain(value: &DeValue<'_>) -> Option<toml::Value> {
    Some(match value {
        DeValue::String(text) => toml::Value::String(text.clone().into_owned()),
        DeValue::Integer(number) => {
            let radix = number.radix();
            toml::Value::Integer(i64::from_str_radix(number.as_str(), radix).ok()?)
        }
        DeValue::Float(_) => toml::Value::Float(number_of(value)?),
        DeValue::Boolean(truth) => toml::Value::Boolean(*truth),
        DeValue::Datetime(time) => toml::Value::String(time.to_string()),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| plain(item.get_ref()));
            toml::Value::Array(items.collect::<Option<_>>()?)
        }
        DeValue::Table(members) => {
            let members = members
                .iter()
                .map(|(key, member)| Some((key.get_ref().to_string(), plain(member.get_ref())?)));
            toml::Value::Table(members.collect::<Option<_>>()?)
        }
    })
}

fn number_of(value: &DeValue<'_>) -> Option<f64> {
    let text = match (value.as_float(), value.as_integer()) {
        (Some(float), _) => float.as_str(),
        (None, Some(integer)) if integer.radix() == 10 => integer.as_str(),
        _ => return None,
    };
    text.parse().ok().filter(|number: &f64| number.is_finite())
}
