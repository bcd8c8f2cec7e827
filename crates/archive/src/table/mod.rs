//! Rows in columns, and the tables that they are of.
//!
//! What Parquet calls a file of row groups of column chunks is here a [`TableFile`] read in [`Chunk`]s: the same rows of
//! every column that was asked for. A table is a [`Spec`]; reading, writing and merging know nothing else of it.

mod merge;
mod read;
mod same;
mod splice;
mod write;

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnPath, SchemaDescriptor, TypePtr};

pub(crate) use merge::merge;
pub(crate) use read::{Bound, Scan, TableFile};
pub(crate) use splice::splice;
pub(crate) use write::TableWriter;

/// Rows of a row group: what a writer holds in memory at most.
pub(crate) const GROUP_ROWS: usize = 65_536;
/// Rows of a page: the finest that a question can be narrowed to.
const PAGE_ROWS: usize = 8_192;
/// Payloads make the only large pages; this bounds what reading one takes.
const PAGE_BYTES: usize = 256 * 1024;
const ZSTD_LEVEL: i32 = 3;

/// What sets one table apart.
pub(crate) struct Spec {
    /// In the message type language of Parquet.
    pub(crate) schema: &'static str,
    /// Columns by which the rows of a file ascend; the last ones settle ties.
    pub(crate) key: &'static [usize],
    /// Columns that are not worth a dictionary, with what they are written in instead.
    pub(crate) encodings: &'static [(&'static str, Encoding)],
    /// Columns whose bounds are kept for every page.
    pub(crate) paged: &'static [&'static str],
    /// Columns whose bounds are kept for the row group; for the others they cost more than they are worth.
    pub(crate) bounded: &'static [&'static str],
    /// Text columns, none of the key, that are often the same all over a row group: then they are written and read as one
    /// value.
    pub(crate) repeated: &'static [usize],
}

/// A table ready for use.
pub(crate) struct Table {
    pub(crate) spec: Spec,
    schema: TypePtr,
    properties: Arc<WriterProperties>,
    columns: SchemaDescriptor,
}

impl Table {
    pub(crate) fn new(spec: Spec) -> Result<Self, ParquetError> {
        let schema = Arc::new(parse_message_type(spec.schema)?);
        let sorting = spec
            .key
            .iter()
            .map(|column| SortingColumn {
                column_idx: i32::try_from(*column).unwrap_or_default(),
                descending: false,
                nulls_first: false,
            })
            .collect();
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
            .set_created_by(concat!("ioc ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_data_page_row_count_limit(PAGE_ROWS)
            .set_data_page_size_limit(PAGE_BYTES)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_sorting_columns(Some(sorting));
        for (column, encoding) in spec.encodings {
            properties = properties
                .set_column_dictionary_enabled(ColumnPath::from(*column), false)
                .set_column_encoding(ColumnPath::from(*column), *encoding);
        }
        let levels = [
            (spec.paged, EnabledStatistics::Page),
            (spec.bounded, EnabledStatistics::Chunk),
        ];
        for (columns, level) in levels {
            for column in columns {
                properties =
                    properties.set_column_statistics_enabled(ColumnPath::from(*column), level);
            }
        }
        Ok(Self {
            columns: SchemaDescriptor::new(schema.clone()),
            properties: Arc::new(properties.build()),
            schema,
            spec,
        })
    }

    pub(crate) fn width(&self) -> usize {
        self.columns.num_columns()
    }

    /// Numbers of all columns.
    pub(crate) fn all(&self) -> Vec<usize> {
        (0..self.width()).collect()
    }
}

/// The values of one column, one a row; where there is none, a value that means nothing stands in.
#[derive(Clone, Debug)]
pub(crate) enum Column {
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Double(Vec<f64>),
    Text(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
    /// A text, or nothing, so many times.
    Same(Option<ByteArray>, usize),
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) values: Column,
    /// Of a column that may be empty: which rows are not. A [`Column::Same`] needs none.
    pub(crate) valid: Option<Vec<bool>>,
}

/// The same rows of several columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) fields: Vec<Field>,
}

impl From<Column> for Field {
    fn from(values: Column) -> Self {
        Self {
            values,
            valid: None,
        }
    }
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Self::Int32(values) => values.len(),
            Self::Int64(values) => values.len(),
            Self::Double(values) => values.len(),
            Self::Text(values) => values.len(),
            Self::Fixed(values) => values.len(),
            Self::Same(_, rows) => *rows,
        }
    }

    fn same_kind(&self) -> Self {
        match self {
            Self::Int32(_) => Self::Int32(Vec::new()),
            Self::Int64(_) => Self::Int64(Vec::new()),
            Self::Double(_) => Self::Double(Vec::new()),
            Self::Text(_) => Self::Text(Vec::new()),
            Self::Fixed(_) => Self::Fixed(Vec::new()),
            Self::Same(value, _) => Self::Same(value.clone(), 0),
        }
    }

    /// Moves the values; what stays behind means nothing.
    fn append(&mut self, from: &mut Self, rows: Range<usize>) {
        match (self, from) {
            (Self::Int32(to), Self::Int32(from)) => to.extend_from_slice(&from[rows]),
            (Self::Int64(to), Self::Int64(from)) => to.extend_from_slice(&from[rows]),
            (Self::Double(to), Self::Double(from)) => to.extend_from_slice(&from[rows]),
            (Self::Text(to), Self::Text(from)) => {
                to.extend(from[rows].iter_mut().map(std::mem::take));
            }
            (Self::Text(to), Self::Same(from, _)) => {
                to.resize(to.len() + rows.len(), from.clone().unwrap_or_default());
            }
            (Self::Fixed(to), Self::Fixed(from)) => {
                to.extend(from[rows].iter_mut().map(std::mem::take));
            }
            // Both are of the same column of the same table, and a [`Column::Same`] was unfolded before.
            (_, _) => debug_assert!(false, "columns of different kinds"),
        }
    }

    fn compare(&self, row: usize, other: &Self, other_row: usize) -> Ordering {
        match (self, other) {
            (Self::Int32(a), Self::Int32(b)) => a[row].cmp(&b[other_row]),
            (Self::Int64(a), Self::Int64(b)) => a[row].cmp(&b[other_row]),
            (Self::Double(a), Self::Double(b)) => a[row].total_cmp(&b[other_row]),
            (Self::Text(a), Self::Text(b)) => a[row].data().cmp(b[other_row].data()),
            (Self::Fixed(a), Self::Fixed(b)) => a[row].data().cmp(b[other_row].data()),
            (_, _) => Ordering::Equal,
        }
    }
}

impl Field {
    /// The texts of `keys`; as one when all keys are equal.
    pub(crate) fn texts<K: PartialEq + Copy>(
        keys: impl Iterator<Item = K> + Clone,
        text: impl Fn(K) -> Option<ByteArray>,
    ) -> Self {
        let mut others = keys.clone();
        let first = others.next();
        if let Some(first) = first
            && others.all(|key| key == first)
        {
            return Column::Same(text(first), keys.count()).into();
        }
        let texts: Vec<Option<ByteArray>> = keys.map(text).collect();
        Self {
            valid: Some(texts.iter().map(Option::is_some).collect()),
            values: Column::Text(texts.into_iter().map(Option::unwrap_or_default).collect()),
        }
    }

    fn append(&mut self, from: &mut Self, rows: Range<usize>) {
        if let (Column::Same(to, count), Column::Same(from, _)) = (&mut self.values, &from.values) {
            if *count == 0 {
                to.clone_from(from);
            }
            if to == from {
                *count += rows.len();
                return;
            }
        }
        if let Column::Same(value, count) = &self.values {
            let (valid, count) = (value.is_some(), *count);
            let values = vec![value.clone().unwrap_or_default(); count];
            self.values = Column::Text(values);
            // Whether the column may be empty at all is settled where it is written.
            self.valid = Some(vec![valid; count]);
        }
        if let Some(valid) = &mut self.valid {
            match (&from.valid, &from.values) {
                (Some(from), _) => valid.extend_from_slice(&from[rows.clone()]),
                (None, Column::Same(value, _)) => {
                    valid.resize(valid.len() + rows.len(), value.is_some());
                }
                (None, _) => valid.resize(valid.len() + rows.len(), true),
            }
        } else if from.valid.is_some() {
            debug_assert!(false, "a column that may be empty here and there");
        }
        self.values.append(&mut from.values, rows);
    }
}

impl Chunk {
    pub(crate) fn rows(&self) -> usize {
        self.fields.first().map_or(0, |field| field.values.len())
    }

    /// Moves rows of `from` to the end; there they mean nothing any more.
    pub(crate) fn append(&mut self, from: &mut Self, rows: Range<usize>) {
        if self.fields.is_empty() {
            self.fields = from
                .fields
                .iter()
                .map(|field| Field {
                    values: field.values.same_kind(),
                    valid: field.valid.as_ref().map(|_| Vec::new()),
                })
                .collect();
        }
        for (to, from) in self.fields.iter_mut().zip(&mut from.fields) {
            to.append(from, rows.clone());
        }
    }

    fn compare(&self, row: usize, other: &Self, other_row: usize, key: &[usize]) -> Ordering {
        key.iter()
            .map(|column| {
                self.fields[*column]
                    .values
                    .compare(row, &other.fields[*column].values, other_row)
            })
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    pub(crate) fn int64(&self, field: usize) -> &[i64] {
        match &self.fields[field].values {
            Column::Int64(values) => values,
            Column::Int32(_)
            | Column::Double(_)
            | Column::Text(_)
            | Column::Fixed(_)
            | Column::Same(..) => &[],
        }
    }

    pub(crate) fn int32(&self, field: usize) -> &[i32] {
        match &self.fields[field].values {
            Column::Int32(values) => values,
            Column::Int64(_)
            | Column::Double(_)
            | Column::Text(_)
            | Column::Fixed(_)
            | Column::Same(..) => &[],
        }
    }

    pub(crate) fn double(&self, field: usize) -> &[f64] {
        match &self.fields[field].values {
            Column::Double(values) => values,
            Column::Int64(_)
            | Column::Int32(_)
            | Column::Text(_)
            | Column::Fixed(_)
            | Column::Same(..) => &[],
        }
    }

    pub(crate) fn text(&self, field: usize) -> &[ByteArray] {
        match &self.fields[field].values {
            Column::Text(values) => values,
            Column::Int64(_)
            | Column::Int32(_)
            | Column::Double(_)
            | Column::Fixed(_)
            | Column::Same(..) => &[],
        }
    }
}

/// The text of a column that is UTF-8 by its type.
pub(crate) fn utf8(bytes: &ByteArray) -> &str {
    std::str::from_utf8(bytes.data()).unwrap_or_default()
}
