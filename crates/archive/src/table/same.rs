//! A column that is the same all over a row group, written as what it is: one value and how often.
//!
//! The general writer looks every value up in a dictionary; most columns of an archive say the same thing for hours.

use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, OffsetIndexBuilder};
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

/// The bytes of a column chunk that holds `value` (or nothing) `rows` times, and what the footer says of it.
pub(super) fn column(
    descriptor: ColumnDescPtr,
    value: Option<&ByteArray>,
    rows: usize,
) -> Result<(Bytes, ColumnCloseResult)> {
    let count = u32::try_from(rows).map_err(|_| ParquetError::General("too many rows".into()))?;
    let mut sink = TrackedWrite::new(Vec::new());
    let mut writer = SerializedPageWriter::new(&mut sink);
    let mut size = 0;
    let mut dictionary = None;
    let mut put = |page: Page| -> Result<u64> {
        let bytes = page.buffer().len();
        let written = writer.write_page(CompressedPage::new(page, bytes))?;
        size += written.bytes_written;
        Ok(written.offset)
    };
    if let Some(value) = value {
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend_from_slice(value.data());
        let page = Page::DictionaryPage {
            buf: bytes.into(),
            num_values: 1,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        dictionary = Some(put(page)?.cast_signed());
    }
    let page = Page::DataPage {
        buf: data(&descriptor, value.is_some(), count).into(),
        num_values: count,
        encoding: if value.is_some() {
            Encoding::RLE_DICTIONARY
        } else {
            Encoding::PLAIN
        },
        def_level_encoding: Encoding::RLE,
        rep_level_encoding: Encoding::RLE,
        statistics: None,
    };
    let offset = put(page)?.cast_signed();
    let bytes = Bytes::from(sink.into_inner()?);
    let total = size.cast_signed();
    let nulls = if value.is_some() { 0 } else { rows as u64 };
    let statistics = ValueStatistics::new(value.cloned(), value.cloned(), None, Some(nulls), false);
    let metadata = ColumnChunkMetaData::builder(descriptor)
        .set_compression(Compression::UNCOMPRESSED)
        .set_encodings(vec![
            Encoding::PLAIN,
            Encoding::RLE,
            Encoding::RLE_DICTIONARY,
        ])
        .set_num_values(i64::from(count))
        .set_total_compressed_size(total)
        .set_total_uncompressed_size(total)
        .set_data_page_offset(offset)
        .set_dictionary_page_offset(dictionary)
        .set_statistics(Statistics::ByteArray(statistics))
        .build()?;
    let mut pages = OffsetIndexBuilder::new();
    pages.append_row_count(i64::from(count));
    let page_bytes = i32::try_from(total - offset)
        .map_err(|_| ParquetError::General("a page that is too large".into()))?;
    pages.append_offset_and_size(offset, page_bytes);
    let close = ColumnCloseResult {
        bytes_written: size,
        rows_written: rows as u64,
        metadata,
        bloom_filter: None,
        column_index: None,
        offset_index: Some(pages.build()),
    };
    Ok((bytes, close))
}

/// Levels where the column may be empty, then the dictionary's only index, each as one run.
fn data(descriptor: &ColumnDescPtr, has_value: bool, count: u32) -> Vec<u8> {
    let run = |value: bool| {
        let mut run = Vec::with_capacity(6);
        let mut header = u64::from(count) << 1;
        while header >= 0x80 {
            // The low seven bits; truncation is the point.
            run.push((header & 0x7f) as u8 | 0x80);
            header >>= 7;
        }
        run.extend([header as u8, u8::from(value)]);
        run
    };
    let mut bytes = Vec::new();
    if descriptor.max_def_level() > 0 {
        let levels = run(has_value);
        bytes.extend_from_slice(&(levels.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&levels);
    }
    if has_value {
        // Width of an index in bits.
        bytes.push(1);
        bytes.extend_from_slice(&run(false));
    }
    bytes
}
