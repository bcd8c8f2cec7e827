//! Rows into a file.

use std::ops::Range;
use std::path::PathBuf;

use parquet::column::writer::ColumnWriter;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::KeyValue;
use parquet::file::writer::SerializedFileWriter;

use super::{Chunk, Column, Field, GROUP_ROWS, Table, same};
use crate::disk::Out;
use crate::error::Error;

/// A file being written; rows must come in the order of the table's key. Holds one row group in memory.
pub(crate) struct TableWriter {
    pub(super) writer: SerializedFileWriter<Out>,
    pending: Chunk,
    pub(super) path: PathBuf,
    pub(super) rows: u64,
}

impl TableWriter {
    pub(crate) fn new(table: &Table, out: Out, path: PathBuf) -> std::result::Result<Self, Error> {
        let writer = SerializedFileWriter::new(out, table.schema.clone(), table.properties.clone())
            .map_err(Error::parquet("begin", &path))?;
        Ok(Self {
            writer,
            pending: Chunk::default(),
            path,
            rows: 0,
        })
    }

    pub(crate) fn push(
        &mut self,
        chunk: &mut Chunk,
        mut rows: Range<usize>,
    ) -> std::result::Result<(), Error> {
        while !rows.is_empty() {
            let room = GROUP_ROWS - self.pending.rows();
            let end = rows.end.min(rows.start + room);
            self.pending.append(chunk, rows.start..end);
            rows.start = end;
            if self.pending.rows() >= GROUP_ROWS {
                self.write_group()?;
            }
        }
        Ok(())
    }

    /// A whole row group; for a writer that never calls [`Self::push`].
    pub(crate) fn group(&mut self, chunk: &Chunk) -> std::result::Result<(), Error> {
        self.rows += chunk.rows() as u64;
        write_group(&mut self.writer, chunk).map_err(Error::parquet("write", &self.path))
    }

    fn write_group(&mut self) -> std::result::Result<(), Error> {
        let chunk = std::mem::take(&mut self.pending);
        self.rows += chunk.rows() as u64;
        write_group(&mut self.writer, &chunk).map_err(Error::parquet("write", &self.path))
    }

    /// Writes the rest, the notes and the footer, and syncs. Returns rows and bytes.
    pub(crate) fn finish(
        mut self,
        notes: &[(&str, String)],
    ) -> std::result::Result<(u64, u64), Error> {
        if self.pending.rows() > 0 {
            self.write_group()?;
        }
        for (key, value) in notes {
            self.writer
                .append_key_value_metadata(KeyValue::new((*key).to_owned(), value.clone()));
        }
        let out = self
            .writer
            .into_inner()
            .map_err(Error::parquet("end", &self.path))?;
        Ok((self.rows, out.finish()?))
    }
}

fn write_group(writer: &mut SerializedFileWriter<Out>, chunk: &Chunk) -> Result<()> {
    let columns: Vec<_> = writer.schema_descr().columns().to_vec();
    let mut group = writer.next_row_group()?;
    for (descriptor, field) in columns.into_iter().zip(&chunk.fields) {
        if let Column::Same(value, rows) = &field.values {
            let (bytes, close) = same::column(descriptor, value.as_ref(), *rows)?;
            group.append_column(&bytes, close)?;
            continue;
        }
        let Some(mut column) = group.next_column()? else {
            return Err(ParquetError::General("more columns than the table".into()));
        };
        let may_be_empty = descriptor.max_def_level() > 0;
        write_column(column.untyped(), field, may_be_empty)?;
        column.close()?;
    }
    group.close().map(drop)
}

fn write_column(column: &mut ColumnWriter<'_>, field: &Field, may_be_empty: bool) -> Result<()> {
    let valid = field.valid.as_ref().filter(|_| may_be_empty);
    let levels: Option<Vec<i16>> =
        valid.map(|valid| valid.iter().copied().map(i16::from).collect());
    let levels = levels.as_deref();
    let valid = valid.map(Vec::as_slice);
    match (column, &field.values) {
        (ColumnWriter::Int32ColumnWriter(to), Column::Int32(values)) => {
            to.write_batch(&dense(values, valid), levels, None)
        }
        (ColumnWriter::Int64ColumnWriter(to), Column::Int64(values)) => {
            to.write_batch(&dense(values, valid), levels, None)
        }
        (ColumnWriter::DoubleColumnWriter(to), Column::Double(values)) => {
            to.write_batch(&dense(values, valid), levels, None)
        }
        (ColumnWriter::ByteArrayColumnWriter(to), Column::Text(values)) => {
            to.write_batch(&dense(values, valid), levels, None)
        }
        (ColumnWriter::FixedLenByteArrayColumnWriter(to), Column::Fixed(values)) => {
            to.write_batch(&dense(values, valid), levels, None)
        }
        (_, _) => Err(ParquetError::General("column of another kind".into())),
    }
    .map(drop)
}

/// Only the values that are there: what Parquet stores.
fn dense<'a, T: Clone>(values: &'a [T], valid: Option<&[bool]>) -> std::borrow::Cow<'a, [T]> {
    match valid {
        Some(valid) if valid.contains(&false) => values
            .iter()
            .zip(valid)
            .filter(|(_, valid)| **valid)
            .map(|(value, _)| value.clone())
            .collect(),
        Some(_) | None => values.into(),
    }
}
