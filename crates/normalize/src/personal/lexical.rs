//! Keys and whether a value stands behind them, by their surroundings alone: one pass, each place looked at no farther than a key is
//! long. Texts inside texts (`"{\"key\":…}"`), UTF-16 and `\u` escapes are looked through.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::Personal;

/// Bytes of a nested value that are looked at for something other than nothing.
const NESTED_MAX: usize = 512;

/// Columns of a table that are looked at.
const COLUMNS_MAX: usize = 256;

pub(super) struct Scan<'p> {
    personal: &'p Personal,
    refused: bool,
    pub(super) found: BTreeSet<String>,
}

impl<'p> Scan<'p> {
    pub(super) fn new(personal: &'p Personal, refused: bool) -> Self {
        Self {
            personal,
            refused,
            found: BTreeSet::new(),
        }
    }

    pub(super) fn all(&mut self, payload: &[u8]) {
        self.pass(payload);
        let mut text = Cow::Borrowed(payload);
        if payload.contains(&0) {
            // UTF-16 of what matters here is ASCII with zeros between.
            let narrow = payload.iter().copied().filter(|byte| *byte != 0);
            text = Cow::Owned(narrow.collect());
            self.pass(&text);
        }
        if let Some(plain) = unescaped(&text) {
            self.pass(&plain);
        }
    }

    fn pass(&mut self, payload: &[u8]) {
        let binary = payload
            .iter()
            .any(|byte| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r'))
            || std::str::from_utf8(payload).is_err();
        for (at, byte) in payload.iter().enumerate() {
            let behind = payload.get(at + 1..).unwrap_or_default();
            match byte {
                b'"' | b'\'' => self.quoted(behind, *byte),
                b'<' => self.element(behind),
                _ => {}
            }
            if binary {
                self.prefixed(*byte, behind);
            }
        }
        let start = payload.strip_prefix(b"\xef\xbb\xbf").unwrap_or(payload);
        if !matches!(start.trim_ascii_start().first(), Some(b'{' | b'[' | b'<')) && !binary {
            self.assigned(start);
            self.table(start);
        }
    }

    /// A key with a value, if it is a listed one.
    fn note(&mut self, key: &[u8], filled: impl FnOnce() -> bool) {
        if let Some(key) = self.key(key)
            && !self.found.contains(key)
            && filled()
        {
            self.found.insert(key.to_owned());
        }
    }

    fn key<'k>(&self, bytes: &'k [u8]) -> Option<&'k str> {
        if !self.personal.may_be_key(bytes) {
            return None;
        }
        let key = std::str::from_utf8(bytes).ok()?;
        self.personal.is_key(key).then_some(key)
    }

    /// `"key" : value` and `'key': value`, whatever stands around it, in a text inside a text too.
    fn quoted(&mut self, inside: &[u8], quote: u8) {
        let most = inside.len().min(self.personal.longest + 8);
        let window = inside.get(..most).unwrap_or_default();
        let Some(length) = window.iter().position(|byte| *byte == quote) else {
            return;
        };
        let Some(value) = after_colon(inside.get(length + 1..).unwrap_or_default()) else {
            return;
        };
        let key = window.get(..length).unwrap_or_default();
        let escapes = key.iter().rev().take_while(|byte| **byte == b'\\').count();
        let key = key.get(..length - escapes).unwrap_or_default();
        self.note(key, || has_value(value));
    }

    /// `<key>value`, `<ns:key …>value` and `key="value"` inside a tag.
    fn element(&mut self, rest: &[u8]) {
        let end = rest.iter().position(|byte| *byte == b'>' || *byte == b'<');
        let tag = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        let name = tag
            .split(|byte| byte.is_ascii_whitespace() || *byte == b'/')
            .next()
            .unwrap_or_default();
        let content = rest.get(tag.len() + 1..).unwrap_or_default();
        self.note(local(name), || {
            let content = content.trim_ascii_start();
            let empty = content.is_empty()
                || content.starts_with(b"</")
                || content.starts_with(b"<![CDATA[]]>");
            !empty && !tag.ends_with(b"/")
        });
        if local(name) == b"valueName" {
            self.parameter(content);
        }
        let mut from = 0;
        while let Some(at) = tag.get(from..).and_then(|tag| place_of(tag, b'=')) {
            let key = tag.get(from..from + at).unwrap_or_default();
            let value = tag.get(from + at + 1..).unwrap_or_default();
            let key = local(last_word(key));
            self.note(key, || !empty_text(value.trim_ascii_start()));
            from += at + 1;
        }
    }

    /// `<valueName>key</valueName><value>…`: parameters of warnings.
    fn parameter(&mut self, content: &[u8]) {
        let most = content.len().min(self.personal.longest + 16);
        let window = content.get(..most).unwrap_or_default();
        let Some(length) = place_of(window, b'<') else {
            return;
        };
        let key = window.get(..length).unwrap_or_default().trim_ascii();
        self.note(key, || {
            let mut tags = content.split(|byte| *byte == b'<').skip(2);
            // What follows the closing tag is the value's tag with the value.
            let value = tags.next().unwrap_or_default();
            place_of(value, b'>').is_some_and(|at| {
                let text = value.get(at + 1..).unwrap_or_default();
                !text.trim_ascii().is_empty()
            })
        });
    }

    /// A text with its length before it, as CBOR has them, and protocol buffers.
    fn prefixed(&mut self, byte: u8, behind: &[u8]) {
        let (length, inside) = match byte {
            0x61..=0x77 => (usize::from(byte - 0x60), behind),
            0x78 => (
                usize::from(behind.first().copied().unwrap_or(0)),
                behind.get(1..).unwrap_or_default(),
            ),
            1..=64 if self.refused => (usize::from(byte), behind),
            _ => return,
        };
        if length > self.personal.longest {
            return;
        }
        let (Some(key), Some(next)) = (inside.get(..length), inside.get(length)) else {
            return;
        };
        // Null, undefined, and empty texts, lists and maps.
        self.note(key, || {
            !matches!(next, 0xf6 | 0xf7 | 0x40 | 0x60 | 0x80 | 0xa0)
        });
    }

    /// Lines of text: the key first, then `:`, `;` or a tab, then a value; and `key=value` anywhere in a line.
    fn assigned(&mut self, text: &[u8]) {
        for line in text.split(|byte| matches!(byte, b'\n' | b'\r')) {
            let separator = |byte: &u8| matches!(byte, b'=' | b':' | b';' | b'\t');
            if let Some(at) = line.iter().position(separator) {
                let (key, value) = line.split_at(at);
                let value = value.get(1..).unwrap_or_default().trim_ascii();
                let none = matches!(value.first(), None | Some(b'&' | b',' | b';' | b'|'));
                let filled = || !none && !value.eq_ignore_ascii_case(b"null");
                self.note(bare(key), filled);
            }
            for pair in line.split(|byte| matches!(byte, b'&' | b';' | b',' | b'|' | b' ')) {
                if let Some(at) = place_of(pair, b'=') {
                    let (key, value) = pair.split_at(at);
                    let value = value.get(1..).unwrap_or_default();
                    let filled = || !empty_text(value) && !value.starts_with(b"null");
                    self.note(bare(key), filled);
                }
            }
        }
    }

    /// A table whose first line names its columns: one that is listed and is filled anywhere below.
    fn table(&mut self, text: &[u8]) {
        let lines = text.split(|byte| matches!(byte, b'\n' | b'\r'));
        let mut lines = lines.filter(|line| !line.trim_ascii().is_empty());
        let Some(titles) = lines.next() else {
            return;
        };
        let separator = |byte: &u8| matches!(byte, b',' | b';' | b'\t' | b'|');
        let mut columns: Vec<(usize, &[u8])> = titles
            .split(separator)
            .map(bare)
            .enumerate()
            .take(COLUMNS_MAX)
            .filter(|(_, title)| self.key(title).is_some())
            .collect();
        for line in lines {
            if columns.is_empty() {
                return;
            }
            let mut cells = line.split(separator).map(bare).enumerate();
            columns.retain(|(wanted, title)| {
                let cell = cells.find(|(at, _)| at == wanted);
                let filled = cell.is_some_and(|(_, cell)| !cell.is_empty() && cell != b"null");
                if filled {
                    self.note(title, || true);
                }
                !filled
            });
        }
    }
}

fn place_of(bytes: &[u8], wanted: u8) -> Option<usize> {
    bytes.iter().position(|byte| *byte == wanted)
}

/// Without spaces and quotes around it.
fn bare(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.trim_ascii();
    let inner = bytes.strip_prefix(b"\"").unwrap_or(bytes);
    inner.strip_suffix(b"\"").unwrap_or(inner).trim_ascii()
}

fn last_word(bytes: &[u8]) -> &[u8] {
    let mut words = bytes.trim_ascii().rsplit(u8::is_ascii_whitespace);
    words.next().unwrap_or_default()
}

/// A name without its namespace.
fn local(name: &[u8]) -> &[u8] {
    name.rsplit(|byte| *byte == b':').next().unwrap_or(name)
}

fn after_colon(text: &[u8]) -> Option<&[u8]> {
    text.trim_ascii_start()
        .strip_prefix(b":")
        .map(<[u8]>::trim_ascii_start)
}

fn empty_text(text: &[u8]) -> bool {
    let text = without_escapes(text);
    text.is_empty() || text.starts_with(b"\"\"") || text.starts_with(b"''")
}

fn without_escapes(text: &[u8]) -> &[u8] {
    let escapes = text.iter().take_while(|byte| **byte == b'\\').count();
    text.get(escapes..).unwrap_or_default()
}

/// Nothing, `null` and empty texts, lists and objects are no data about anybody.
fn has_value(text: &[u8]) -> bool {
    let text = without_escapes(text);
    match text {
        [] | [b',' | b'}' | b']', ..] => false,
        [quote @ (b'"' | b'\''), rest @ ..] => without_escapes(rest).first() != Some(quote),
        [b'[' | b'{', ..] => nested_value(text),
        _ => !(text.starts_with(b"null") || text.starts_with(b"None")),
    }
}

/// Whether a list or an object holds anything but nulls and empty ones. An attribute of an entity (`{"type": …, "value": …}`)
/// is what its value is.
fn nested_value(text: &[u8]) -> bool {
    let most = text.len().min(NESTED_MAX);
    let window = text.get(..most).unwrap_or_default();
    let mut depth = 0_usize;
    let end = window.iter().position(|byte| {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    });
    let Some(inside) = end.and_then(|end| window.get(..end)) else {
        return true;
    };
    const VALUE: &[u8] = b"value";
    let named = inside.windows(VALUE.len() + 1).position(|window| {
        window.starts_with(VALUE) && matches!(window.last(), Some(b'"' | b'\\'))
    });
    if let Some(at) = named {
        let behind = inside.get(at + VALUE.len()..).unwrap_or_default();
        let behind = without_escapes(behind);
        let value = behind.get(1..).and_then(after_colon).unwrap_or_default();
        if value.starts_with(b"null") && inside.iter().filter(|byte| **byte == b'{').count() == 1 {
            return false;
        }
    }
    let mut rest = inside;
    while let Some(byte) = rest.first() {
        let skip = match byte {
            b'[' | b'{' | b']' | b'}' | b',' | b'"' | b'\'' | b'\\' => 1,
            _ if byte.is_ascii_whitespace() => 1,
            _ if rest.starts_with(b"null") => 4,
            _ => return true,
        };
        rest = rest.get(skip..).unwrap_or_default();
    }
    false
}

/// With `\u0041` for `A`, however many backslashes stand before the `u`; `None` if there is none.
fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let escape = |at: usize| -> Option<u8> {
        let [b'\\', b'u' | b'U', b'0', b'0', high, low] = text.get(at..at + 6)? else {
            return None;
        };
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let code = digit(*high)? * 16 + digit(*low)?;
        u8::try_from(code).ok().filter(u8::is_ascii)
    };
    let mut out: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let code = if *byte == b'\\' { escape(at) } else { None };
        match (code, &mut out) {
            (Some(code), _) => {
                let out = out.get_or_insert_with(|| text.get(..at).unwrap_or_default().to_vec());
                while out.last() == Some(&b'\\') {
                    out.pop();
                }
                out.push(code);
                at += 6;
            }
            (None, Some(out)) => {
                out.push(*byte);
                at += 1;
            }
            (None, None) => at += 1,
        }
    }
    out
}
