//! A site pack as bytes: the unit in which configuration enters the journal.

use std::collections::BTreeMap;
use std::fmt;

/// Files of a pack by relative path (`/` as separator). Its canonical form is what the `configuration` record holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackFiles {
    pub files: BTreeMap<String, Vec<u8>>,
}

/// A mistake in a pack, with where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackError {
    pub file: String,
    /// 1-based; 0 when the mistake is the file's absence.
    pub line: u32,
    pub message: String,
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.file, self.message)
        } else {
            write!(f, "{}:{}: {}", self.file, self.line, self.message)
        }
    }
}

impl PackFiles {
    /// Canonical bytes: count, then per file (path order) path length, path, length, content; little-endian `u32`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_length(&mut out, self.files.len());
        for (path, content) in &self.files {
            put_length(&mut out, path.len());
            out.extend_from_slice(path.as_bytes());
            put_length(&mut out, content.len());
            out.extend_from_slice(content);
        }
        out
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let count = take_length(&mut rest)?;
        let mut files = BTreeMap::new();
        for _ in 0..count {
            let path = take(&mut rest)?;
            let content = take(&mut rest)?;
            files.insert(std::str::from_utf8(path).ok()?.to_owned(), content.to_vec());
        }
        rest.is_empty().then_some(Self { files })
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.files
            .get(path)
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
    }
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    // A pack is bounded far below 4 GiB where it is read from disk.
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
}

fn take_length(rest: &mut &[u8]) -> Option<usize> {
    let (head, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    usize::try_from(u32::from_le_bytes(*head)).ok()
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take_length(rest)?;
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}
