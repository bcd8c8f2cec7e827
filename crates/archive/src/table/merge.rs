//! Several sorted files into one.

use std::cmp::Ordering;

use super::read::Scan;
use super::{Chunk, Table, TableFile, TableWriter};
use crate::error::Error;

/// Rows of each input in memory.
const INPUT_ROWS: usize = 2_048;

struct Input {
    file: TableFile,
    group: usize,
    scan: Option<Scan>,
    chunk: Chunk,
    at: usize,
}

impl Input {
    /// Has a row at `at`, or is at its end (false).
    fn fill(&mut self, table: &Table) -> Result<bool, Error> {
        while self.at >= self.chunk.rows() {
            if let Some(scan) = &mut self.scan {
                if let Some(chunk) = scan.next(INPUT_ROWS)? {
                    self.chunk = chunk;
                    self.at = 0;
                    continue;
                }
                self.scan = None;
                self.group += 1;
            }
            if self.group >= self.file.groups() {
                return Ok(false);
            }
            self.scan = Some(self.file.scan_all(table, self.group)?);
        }
        Ok(true)
    }
}

/// Writes the rows of all `files` in the order of the table's key. `go_on` is asked every few thousand rows; false gives
/// up. Returns whether it was finished.
pub(crate) fn merge(
    table: &Table,
    files: Vec<TableFile>,
    out: &mut TableWriter,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<bool, Error> {
    let mut inputs: Vec<Input> = files
        .into_iter()
        .map(|file| Input {
            file,
            group: 0,
            scan: None,
            chunk: Chunk::default(),
            at: 0,
        })
        .collect();
    let mut live = Vec::with_capacity(inputs.len());
    for (index, input) in inputs.iter_mut().enumerate() {
        if input.fill(table)? {
            live.push(index);
        }
    }
    let key = table.spec.key;
    while !live.is_empty() {
        // Few inputs: looking at all beats a heap. Of equal rows the earlier input goes first.
        let compare = |a: &usize, b: &usize| {
            let (left, right) = (&inputs[*a], &inputs[*b]);
            left.chunk
                .compare(left.at, &right.chunk, right.at, key)
                .then(a.cmp(b))
        };
        let Some(first) = live.iter().copied().min_by(compare) else {
            break;
        };
        let second = live
            .iter()
            .copied()
            .filter(|index| *index != first)
            .min_by(compare);
        let input = &inputs[first];
        let rows = input.chunk.rows();
        let mut end = input.at + 1;
        match second.map(|index| &inputs[index]) {
            Some(other) => {
                while end < rows
                    && input.chunk.compare(end, &other.chunk, other.at, key) == Ordering::Less
                {
                    end += 1;
                }
            }
            None => end = rows,
        }
        let input = &mut inputs[first];
        out.push(&mut input.chunk, input.at..end)?;
        input.at = end;
        if end >= rows {
            if !go_on() {
                return Ok(false);
            }
            if !input.fill(table)? {
                live.retain(|index| *index != first);
            }
        }
    }
    Ok(true)
}
