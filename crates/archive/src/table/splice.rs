//! Files one after the other in one file, without reading a value: for tables whose files follow each other anyway.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::reader::FileReader;
use parquet::file::writer::SerializedRowGroupWriter;

use super::{TableFile, TableWriter};
use crate::error::Error;

/// Writes the row groups of all `files` in their order. `go_on` is asked for each; false gives up. Returns whether it was
/// finished.
pub(crate) fn splice(
    files: &[(PathBuf, TableFile)],
    out: &mut TableWriter,
    go_on: &mut dyn FnMut() -> bool,
) -> std::result::Result<bool, Error> {
    for (path, file) in files {
        let bytes = File::open(path).map_err(Error::io("open", path))?;
        for group in 0..file.groups() {
            if !go_on() {
                return Ok(false);
            }
            out.splice_group(file.group_rows(group) as u64, |writer| {
                copy_group(writer, file, &bytes, group)
            })?;
        }
    }
    Ok(true)
}

fn copy_group(
    writer: &mut SerializedRowGroupWriter<'_, crate::disk::Out>,
    file: &TableFile,
    bytes: &File,
    group: usize,
) -> Result<()> {
    let metadata = file.reader.metadata();
    let rows = metadata.row_group(group);
    for (at, column) in rows.columns().iter().enumerate() {
        let column_index = metadata
            .column_index()
            .and_then(|index| index.get(group)?.get(at));
        let offset_index = metadata
            .offset_index()
            .and_then(|index| index.get(group)?.get(at));
        let close = ColumnCloseResult {
            bytes_written: column.compressed_size().unsigned_abs(),
            rows_written: rows.num_rows().unsigned_abs(),
            metadata: column.clone(),
            bloom_filter: None,
            column_index: column_index.cloned(),
            offset_index: offset_index.cloned(),
        };
        writer.append_column(bytes, close)?;
    }
    Ok(())
}

impl TableWriter {
    fn splice_group(
        &mut self,
        rows: u64,
        copy: impl FnOnce(&mut SerializedRowGroupWriter<'_, crate::disk::Out>) -> Result<()>,
    ) -> std::result::Result<(), Error> {
        let path: &Path = &self.path;
        let mut group = self
            .writer
            .next_row_group()
            .map_err(Error::parquet("begin rows of", path))?;
        copy(&mut group)
            .and_then(|()| group.close().map(drop))
            .map_err(Error::parquet("copy rows to", path))?;
        self.rows += rows;
        Ok(())
    }
}
