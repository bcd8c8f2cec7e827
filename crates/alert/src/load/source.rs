//! TOML with positions: typed access to a table that records what is wrong and what was not asked for.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;

use event::{PackError, PackFiles};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Largest file read.
const FILE_BYTES_MAX: usize = 1024 * 1024;

/// One file and the mistakes found in it.
pub(crate) struct Source<'f> {
    file: &'f str,
    text: &'f str,
    errors: RefCell<Vec<PackError>>,
}

impl<'f> Source<'f> {
    pub(crate) fn open(files: &'f PackFiles, file: &'f str) -> Result<Self, PackError> {
        let wrong = |message: &str| PackError {
            file: file.to_owned(),
            line: 0,
            message: message.to_owned(),
        };
        let bytes = files
            .files
            .get(file)
            .ok_or_else(|| wrong("the file is missing"))?;
        if bytes.len() > FILE_BYTES_MAX {
            return Err(wrong("the file is larger than 1 MiB"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| wrong("the file is not UTF-8"))?;
        Ok(Self {
            file,
            text,
            errors: RefCell::default(),
        })
    }

    /// The top table; syntax errors are recorded.
    pub(crate) fn parse(&self) -> DeTable<'f> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            self.error(at, error.message().trim());
        }
        table.into_inner()
    }

    pub(crate) fn error(&self, at: usize, message: impl Into<String>) {
        self.errors.borrow_mut().push(PackError {
            file: self.file.to_owned(),
            line: self.line(at),
            message: message.into(),
        });
    }

    /// The line of a byte, from 1.
    pub(crate) fn line(&self, at: usize) -> u32 {
        let bytes = self.text.as_bytes();
        let before = bytes.get(..at).unwrap_or(bytes);
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        u32::try_from(line).unwrap_or(u32::MAX)
    }

    /// Where byte `inside` of a string's value stands in the file, near enough for its line.
    pub(crate) fn inside(&self, span: &Range<usize>, inside: usize) -> usize {
        let raw = self.text.get(span.clone()).unwrap_or("");
        let quotes = if raw.starts_with("\"\"\"") || raw.starts_with("'''") {
            3
        } else {
            1
        };
        let newline = raw.get(quotes..).map_or(0, |rest| {
            if rest.starts_with("\r\n") {
                2
            } else {
                usize::from(rest.starts_with('\n'))
            }
        });
        (span.start + quotes + newline + inside).min(span.end)
    }

    pub(crate) fn into_errors(self) -> Vec<PackError> {
        self.errors.into_inner()
    }
}

/// A value with where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) span: Range<usize>,
}

/// A table being read. `finish` reports the keys that nobody asked for.
pub(crate) struct Table<'s, 'f> {
    pub(crate) source: &'s Source<'f>,
    table: &'s DeTable<'f>,
    /// Where the table begins.
    pub(crate) at: usize,
    /// How messages call it, e.g. ``rule `river-bd1` ``.
    pub(crate) what: String,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'s, 'f> Table<'s, 'f> {
    pub(crate) fn new(
        source: &'s Source<'f>,
        table: &'s DeTable<'f>,
        at: usize,
        what: impl Into<String>,
    ) -> Self {
        Self {
            source,
            table,
            at,
            what: what.into(),
            asked: RefCell::default(),
        }
    }

    fn get(&self, key: &'static str) -> Option<&'s Spanned<DeValue<'f>>> {
        self.asked.borrow_mut().insert(key);
        self.table.get(key)
    }

    pub(crate) fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    fn typed<T>(
        &self,
        key: &'static str,
        wanted: &str,
        convert: impl FnOnce(&'s DeValue<'f>) -> Option<T>,
    ) -> Option<Located<T>> {
        let spanned = self.get(key)?;
        let value = convert(spanned.get_ref());
        if value.is_none() {
            self.source
                .error(spanned.span().start, format!("`{key}` must be {wanted}"));
        }
        value.map(|value| Located {
            value,
            span: spanned.span(),
        })
    }

    pub(crate) fn text(&self, key: &'static str) -> Option<Located<&'s str>> {
        let text = self.typed(key, "a string", |value| value.as_str())?;
        if text.value.trim().is_empty() {
            self.source
                .error(text.span.start, format!("`{key}` is empty"));
            return None;
        }
        Some(text)
    }

    pub(crate) fn number(&self, key: &'static str) -> Option<Located<f64>> {
        self.typed(key, "a finite number", |value| {
            let text = match value {
                DeValue::Float(float) => float.as_str(),
                DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
                DeValue::Integer(_)
                | DeValue::String(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_)
                | DeValue::Table(_) => return None,
            };
            text.replace('_', "")
                .parse::<f64>()
                .ok()
                .filter(|value| value.is_finite())
        })
    }

    pub(crate) fn count(&self, key: &'static str, range: Range<u32>) -> Option<Located<u32>> {
        let wanted = format!("a whole number from {} to {}", range.start, range.end - 1);
        self.typed(key, &wanted, |value| {
            let integer = value.as_integer().filter(|integer| integer.radix() == 10)?;
            integer
                .as_str()
                .replace('_', "")
                .parse()
                .ok()
                .filter(|value| range.contains(value))
        })
    }

    pub(crate) fn boolean(&self, key: &'static str) -> Option<Located<bool>> {
        self.typed(key, "true or false", DeValue::as_bool)
    }

    /// A duration as in conditions, nanoseconds.
    pub(crate) fn duration(&self, key: &'static str) -> Option<Located<i64>> {
        self.typed(
            key,
            "a duration such as \"90s\", \"10m\", \"1h30m\", at most 7 days",
            |value| {
                let length = crate::cel::parse_duration(value.as_str()?)?;
                (length <= 7 * 86_400 * 1_000_000_000).then_some(length)
            },
        )
    }

    pub(crate) fn date(&self, key: &'static str) -> Option<Located<i64>> {
        self.typed(key, "a date such as 2026-01-31", |value| {
            let stamp = value.as_datetime().filter(|stamp| stamp.time.is_none())?;
            // Local midnight of the sites served.
            event::Time::parse(&format!("{}T00:00:00+07:00", stamp.date?)).map(|time| time.0)
        })
    }

    pub(crate) fn texts(&self, key: &'static str) -> Option<Located<Vec<Located<&'s str>>>> {
        self.typed(key, "a list of strings, not empty", |value| {
            let items = value.as_array()?;
            let texts = items.iter().map(|item| {
                let text = item.get_ref().as_str()?;
                Some(Located {
                    value: text,
                    span: item.span(),
                })
            });
            texts
                .collect::<Option<Vec<_>>>()
                .filter(|texts| !texts.is_empty())
        })
    }

    pub(crate) fn table(&self, key: &'static str) -> Option<Table<'s, 'f>> {
        let found = self.typed(key, "a table", |value| value.as_table())?;
        let what = format!("`{key}` of {}", self.what);
        Some(Table::new(self.source, found.value, found.span.start, what))
    }

    /// A table whose keys the author chose, with strings.
    pub(crate) fn named_texts(&self) -> Vec<(Located<&'s str>, Located<&'s str>)> {
        let mut found = Vec::new();
        for (name, value) in self.table {
            let name = Located {
                value: name.get_ref().as_ref(),
                span: name.span(),
            };
            match value.get_ref().as_str() {
                Some(text) => found.push((
                    name,
                    Located {
                        value: text,
                        span: value.span(),
                    },
                )),
                None => {
                    let message = format!("`{}` must be a string", name.value);
                    self.source.error(value.span().start, message);
                }
            }
        }
        found
    }

    pub(crate) fn tables(&self, key: &'static str) -> Vec<Located<&'s DeTable<'f>>> {
        let found = self.typed(key, "a list of tables", |value| {
            let items = value.as_array()?;
            let tables = items.iter().map(|item| {
                let table = item.get_ref().as_table()?;
                Some(Located {
                    value: table,
                    span: item.span(),
                })
            });
            tables.collect::<Option<Vec<_>>>()
        });
        found.map(|found| found.value).unwrap_or_default()
    }

    /// Says that `key` is missing, where it is.
    pub(crate) fn need<T>(&self, key: &'static str, value: Option<T>) -> Option<T> {
        if value.is_none() && !self.table.contains_key(key) {
            self.source
                .error(self.at, format!("{}: `{key}` is missing", self.what));
        }
        value
    }

    /// Says that `key` must not be here.
    pub(crate) fn refuse(&self, key: &'static str, why: &str) {
        if let Some(value) = self.get(key) {
            self.source
                .error(value.span().start, format!("`{key}` {why}"));
        }
    }

    pub(crate) fn finish(&self) {
        let asked = self.asked.borrow();
        for key in self.table.keys() {
            if !asked.contains(key.get_ref().as_ref()) {
                let known: Vec<&str> = asked.iter().copied().collect();
                let message = format!(
                    "unknown key `{}`; there are {}",
                    key.get_ref(),
                    known.join(", ")
                );
                self.source.error(key.span().start, message);
            }
        }
    }
}
