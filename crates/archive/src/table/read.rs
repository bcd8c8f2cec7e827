//! Rows out of a file: only the columns asked for, only the pages that can hold what is looked for.

use std::collections::VecDeque;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::{ParquetError, Result};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::{ReadOptionsBuilder, SerializedFileReader};
use parquet::file::statistics::Statistics;

use super::{Chunk, Column, Field, Table};
use crate::error::Error;

pub(crate) struct TableFile {
    pub(super) reader: SerializedFileReader<File>,
    path: PathBuf,
}

/// What is looked for in a column.
#[derive(Clone, Debug)]
pub(crate) enum Bound<'a> {
    /// This text.
    Text(usize, &'a [u8]),
    /// From the first, up to and without the second.
    Int64(usize, i64, i64),
}

/// The rows of some ranges of one row group, in order.
pub(crate) struct Scan {
    sources: Vec<Source>,
    ranges: VecDeque<Range<usize>>,
    at: usize,
    path: PathBuf,
}

enum Source {
    /// Where the values are, and whether some may be missing.
    Column(Box<ColumnReader>, bool),
    /// The same for every row.
    Same(Option<ByteArray>),
}

impl TableFile {
    pub(crate) fn open(table: &Table, path: &Path) -> std::result::Result<Self, Error> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let options = ReadOptionsBuilder::new().with_page_index().build();
        let reader = SerializedFileReader::new_with_options(file, options)
            .map_err(Error::parquet("read the footer of", path))?;
        let found = reader.metadata().file_metadata().schema_descr();
        let same = found.num_columns() >= table.width()
            && found
                .columns()
                .iter()
                .zip(table.columns.columns())
                .all(|(found, known)| {
                    found.name() == known.name() && found.physical_type() == known.physical_type()
                });
        if same {
            Ok(Self {
                reader,
                path: path.to_owned(),
            })
        } else {
            Err(Error::Damaged {
                path: path.to_owned(),
                why: "its columns are not those of this table".to_owned(),
            })
        }
    }

    pub(crate) fn groups(&self) -> usize {
        self.reader.metadata().num_row_groups()
    }

    pub(crate) fn group_rows(&self, group: usize) -> usize {
        usize::try_from(self.reader.metadata().row_group(group).num_rows()).unwrap_or_default()
    }

    pub(crate) fn rows(&self) -> u64 {
        u64::try_from(self.reader.metadata().file_metadata().num_rows()).unwrap_or_default()
    }

    /// A note that the writer left in the footer.
    pub(crate) fn note(&self, key: &str) -> Option<&str> {
        self.reader
            .metadata()
            .file_metadata()
            .key_value_metadata()?
            .iter()
            .find(|pair| pair.key == key)?
            .value
            .as_deref()
    }

    /// The text that every row of the group has in this column, if its bounds show it.
    pub(crate) fn constant(&self, group: usize, column: usize) -> Option<Bytes> {
        let value = self.same(group, column)??;
        Some(Bytes::copy_from_slice(value.data()))
    }

    /// Rows of the group that may meet all bounds: none when its statistics exclude it, else by pages.
    pub(crate) fn prune(&self, group: usize, bounds: &[Bound<'_>]) -> Vec<Range<usize>> {
        let rows = self.group_rows(group);
        let mut ranges: Vec<Range<usize>> = std::iter::once(0..rows).collect();
        for bound in bounds {
            let column = bound.column();
            let statistics = self
                .reader
                .metadata()
                .row_group(group)
                .column(column)
                .statistics();
            if statistics.is_some_and(|statistics| bound.excludes(statistics)) {
                return Vec::new();
            }
            if let Some(pages) = self.pages(group, bound, rows) {
                ranges = common(&ranges, &pages);
            }
        }
        ranges
    }

    fn pages(&self, group: usize, bound: &Bound<'_>, rows: usize) -> Option<Vec<Range<usize>>> {
        let metadata = self.reader.metadata();
        let index = metadata.column_index()?.get(group)?.get(bound.column())?;
        let offsets = metadata.offset_index()?.get(group)?.get(bound.column())?;
        let locations = offsets.page_locations();
        let start = |page: usize| {
            locations.get(page).map_or(rows, |location| {
                usize::try_from(location.first_row_index).unwrap_or(rows)
            })
        };
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for page in 0..locations.len() {
            if bound.excludes_page(index, page) {
                continue;
            }
            let range = start(page)..start(page + 1);
            match ranges.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                Some(_) | None => ranges.push(range),
            }
        }
        Some(ranges)
    }

    /// `columns` in the order in which the chunks are to have them.
    pub(crate) fn scan(
        &self,
        group: usize,
        columns: &[usize],
        ranges: Vec<Range<usize>>,
    ) -> std::result::Result<Scan, Error> {
        self.sources(group, columns, &[])
            .map(|sources| Scan {
                sources,
                ranges: ranges
                    .into_iter()
                    .filter(|range| range.start < range.end)
                    .collect(),
                at: 0,
                path: self.path.clone(),
            })
            .map_err(Error::parquet("read", &self.path))
    }

    /// All rows of a group, with [`Column::Same`] for a repeated column that is the same all over it.
    pub(super) fn scan_all(&self, table: &Table, group: usize) -> std::result::Result<Scan, Error> {
        self.sources(group, &table.all(), table.spec.repeated)
            .map(|sources| Scan {
                sources,
                ranges: std::iter::once(0..self.group_rows(group)).collect(),
                at: 0,
                path: self.path.clone(),
            })
            .map_err(Error::parquet("read", &self.path))
    }

    fn sources(&self, group: usize, columns: &[usize], repeated: &[usize]) -> Result<Vec<Source>> {
        let reader = self.reader.get_row_group(group)?;
        let source = |column: &usize| {
            if repeated.contains(column)
                && let Some(value) = self.same(group, *column)
            {
                return Ok(Source::Same(value));
            }
            let levels = reader
                .metadata()
                .column(*column)
                .column_descr()
                .max_def_level();
            let values = reader.get_column_reader(*column)?;
            Ok(Source::Column(Box::new(values), levels > 0))
        };
        columns.iter().map(source).collect()
    }

    /// What every row of the group has in this column: a text or nothing; `None` when they differ or may differ.
    fn same(&self, group: usize, column: usize) -> Option<Option<ByteArray>> {
        let metadata = self.reader.metadata().row_group(group).column(column);
        let Statistics::ByteArray(bounds) = metadata.statistics()? else {
            return None;
        };
        let nulls = bounds.null_count_opt();
        if nulls == Some(self.group_rows(group) as u64) {
            return Some(None);
        }
        let known = nulls == Some(0) || metadata.column_descr().max_def_level() == 0;
        let exact = bounds.min_is_exact() && bounds.max_is_exact();
        let (min, max) = (bounds.min_opt()?, bounds.max_opt()?);
        (known && exact && min.data() == max.data()).then(|| Some(min.clone()))
    }
}

impl Bound<'_> {
    const fn column(&self) -> usize {
        match self {
            Self::Text(column, _) | Self::Int64(column, _, _) => *column,
        }
    }

    fn excludes(&self, statistics: &Statistics) -> bool {
        match (self, statistics) {
            (Self::Text(_, wanted), Statistics::ByteArray(bounds)) => {
                bounds.min_opt().is_some_and(|min| min.data() > *wanted)
                    || bounds.max_opt().is_some_and(|max| max.data() < *wanted)
            }
            (Self::Int64(_, from, to), Statistics::Int64(bounds)) => {
                bounds.min_opt().is_some_and(|min| *min >= *to)
                    || bounds.max_opt().is_some_and(|max| *max < *from)
            }
            (_, _) => false,
        }
    }

    fn excludes_page(&self, index: &ColumnIndexMetaData, page: usize) -> bool {
        match (self, index) {
            (Self::Text(_, wanted), ColumnIndexMetaData::BYTE_ARRAY(bounds)) => {
                bounds.min_value(page).is_some_and(|min| min > *wanted)
                    || bounds.max_value(page).is_some_and(|max| max < *wanted)
            }
            (Self::Int64(_, from, to), ColumnIndexMetaData::INT64(bounds)) => {
                bounds.min_value(page).is_some_and(|min| *min >= *to)
                    || bounds.max_value(page).is_some_and(|max| *max < *from)
            }
            (_, _) => false,
        }
    }
}

fn common(a: &[Range<usize>], b: &[Range<usize>]) -> Vec<Range<usize>> {
    let (mut i, mut j, mut both) = (0, 0, Vec::new());
    while let (Some(left), Some(right)) = (a.get(i), b.get(j)) {
        let range = left.start.max(right.start)..left.end.min(right.end);
        if !range.is_empty() {
            both.push(range);
        }
        if left.end <= right.end {
            i += 1;
        } else {
            j += 1;
        }
    }
    both
}

impl Scan {
    /// The next rows, at most `max` and at most to the end of the present range; `None` at the end.
    pub(crate) fn next(&mut self, max: usize) -> std::result::Result<Option<Chunk>, Error> {
        let Some(range) = self.ranges.front_mut() else {
            return Ok(None);
        };
        let (skip, count) = (range.start - self.at, range.len().min(max));
        range.start += count;
        self.at = range.start;
        if range.start >= range.end {
            self.ranges.pop_front();
        }
        let fields = self
            .sources
            .iter_mut()
            .map(|source| match source {
                Source::Column(reader, optional) => read(reader, *optional, skip, count),
                Source::Same(value) => Ok(Column::Same(value.clone(), count).into()),
            })
            .collect::<Result<Vec<_>>>()
            .map_err(Error::parquet("read", &self.path))?;
        Ok(Some(Chunk { fields }))
    }
}

fn read(reader: &mut ColumnReader, optional: bool, skip: usize, count: usize) -> Result<Field> {
    match reader {
        ColumnReader::Int32ColumnReader(from) => take(from, optional, skip, count, Column::Int32),
        ColumnReader::Int64ColumnReader(from) => take(from, optional, skip, count, Column::Int64),
        ColumnReader::DoubleColumnReader(from) => take(from, optional, skip, count, Column::Double),
        ColumnReader::ByteArrayColumnReader(from) => {
            take(from, optional, skip, count, Column::Text)
        }
        ColumnReader::FixedLenByteArrayColumnReader(from) => {
            take(from, optional, skip, count, Column::Fixed)
        }
        ColumnReader::BoolColumnReader(_)
        | ColumnReader::Int96ColumnReader(_)
        | ColumnReader::FloatColumnReader(_) => Err(ParquetError::General(
            "a kind of column that is not ours".into(),
        )),
    }
}

fn take<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    optional: bool,
    skip: usize,
    count: usize,
    wrap: impl FnOnce(Vec<T::T>) -> Column,
) -> Result<Field> {
    let mut values = Vec::with_capacity(count);
    let mut levels = Vec::with_capacity(if optional { count } else { 0 });
    if skip > 0 && reader.skip_records(skip)? != skip {
        return Err(ParquetError::EOF("fewer rows than the footer says".into()));
    }
    let (rows, _, _) = reader.read_records(count, Some(&mut levels), None, &mut values)?;
    if rows != count {
        return Err(ParquetError::EOF("fewer rows than the footer says".into()));
    }
    if !optional {
        return Ok(wrap(values).into());
    }
    let valid: Vec<bool> = levels.iter().map(|level| *level > 0).collect();
    if values.len() < count {
        let mut dense = values.into_iter();
        values = valid
            .iter()
            .map(|valid| if *valid { dense.next() } else { None }.unwrap_or_default())
            .collect();
    }
    Ok(Field {
        values: wrap(values),
        valid: Some(valid),
    })
}
