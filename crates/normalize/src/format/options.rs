//! `options` of a profile: what a format wants to know beyond the fields. Each format takes the keys that it knows; a key
//! that nobody took is a mistake.

use std::cell::RefCell;
use std::collections::BTreeSet;

use event::PackFiles;
use toml::{Table, Value};

pub(crate) struct Options<'a> {
    table: &'a Table,
    files: &'a PackFiles,
    taken: RefCell<BTreeSet<String>>,
}

impl<'a> Options<'a> {
    pub(crate) fn new(table: &'a Table, files: &'a PackFiles) -> Self {
        Self {
            table,
            files,
            taken: RefCell::default(),
        }
    }

    pub(crate) fn value(&self, key: &str) -> Option<&'a Value> {
        self.taken.borrow_mut().insert(key.to_owned());
        self.table.get(key)
    }

    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>, String> {
        self.wanted(key, "text", Value::as_str)
    }

    pub(crate) fn boolean(&self, key: &str) -> Result<Option<bool>, String> {
        self.wanted(key, "true or false", Value::as_bool)
    }

    pub(crate) fn whole(&self, key: &str) -> Result<Option<i64>, String> {
        self.wanted(key, "a whole number", Value::as_integer)
    }

    /// One of a closed list of words.
    pub(crate) fn word<T: Copy>(
        &self,
        key: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, String> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        let known = words.iter().find(|(word, _)| *word == text);
        known.map(|(_, value)| Some(*value)).ok_or_else(|| {
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            format!(
                "`options.{key}` is `{text}`; it must be one of {}",
                all.join(", ")
            )
        })
    }

    pub(crate) fn texts(&self, key: &str) -> Result<Vec<&'a str>, String> {
        let list = self.wanted(key, "a list of texts", |value| {
            value.as_array()?.iter().map(Value::as_str).collect()
        })?;
        Ok(list.unwrap_or_default())
    }

    /// Another file of the site pack, for scripts and tables.
    pub(crate) fn file(&self, path: &str) -> Result<&'a str, String> {
        let text = self.files.text(path);
        text.ok_or_else(|| format!("file `{path}` is not in the site pack, or is not UTF-8"))
    }

    fn wanted<T>(
        &self,
        key: &str,
        what: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        read(value)
            .map(Some)
            .ok_or_else(|| format!("`options.{key}` must be {what}"))
    }

    /// The keys that nobody took.
    pub(crate) fn finish(&self) -> Result<(), String> {
        let taken = self.taken.borrow();
        let unknown: Vec<&str> = self
            .table
            .keys()
            .map(String::as_str)
            .filter(|key| !taken.contains(*key))
            .collect();
        if unknown.is_empty() {
            Ok(())
        } else {
            Err(format!(
                "`options` has keys that this format does not know: {}",
                unknown.join(", ")
            ))
        }
    }
}
