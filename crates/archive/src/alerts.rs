//! The table of alert transitions, flat: for analysts. The whole transition is in the records.

use std::sync::LazyLock;

use bytes::Bytes;
use event::Time;
use parquet::basic::Encoding;
use parquet::data_type::ByteArray;
use serde::Serialize;

use crate::block::{AlertRow, Block};
use crate::layout::stream_name;
use crate::points::status_name;
use crate::table::{Chunk, Column, Field, Spec, Table};

const SPEC: Spec = Spec {
    schema: "message transition {
        required int64 outcome_offset;
        required int64 journal_time (TIMESTAMP(NANOS,true));
        required binary change (STRING);
        required binary alert_id (STRING);
        required binary rule (STRING);
        required binary severity (STRING);
        required binary status (STRING);
        required binary stream (STRING);
        required binary site (STRING);
        required binary entity (STRING);
        optional binary area (STRING);
        required binary state (STRING);
        required int32 revision;
        required int32 occurrences;
        required int32 retrospective;
        required int64 since (TIMESTAMP(NANOS,true));
        required int64 raised (TIMESTAMP(NANOS,true));
        required int64 changed (TIMESTAMP(NANOS,true));
        optional int64 returned (TIMESTAMP(NANOS,true));
        optional binary measure (STRING);
        optional double value;
        optional binary unit (STRING);
        optional binary operator (STRING);
        optional binary command_id (STRING);
        required binary message_vi (STRING);
        required binary message_en (STRING);
        optional binary pack (STRING);
    }",
    key: &[0],
    encodings: &[
        ("outcome_offset", Encoding::DELTA_BINARY_PACKED),
        ("journal_time", Encoding::DELTA_BINARY_PACKED),
    ],
    paged: &[],
    bounded: &["outcome_offset", "journal_time"],
    repeated: &[],
};

static TABLE: LazyLock<Option<Table>> = LazyLock::new(|| Table::new(SPEC).ok());

pub(crate) fn table() -> Option<&'static Table> {
    TABLE.as_ref()
}

pub(crate) const NOTES: [(&str, &str); 1] = [(
    "ioc.table",
    "alerts.v1: one row an alert transition, ascending by outcome_offset; times in UTC",
)];

fn text(text: &str) -> ByteArray {
    ByteArray::from(Bytes::copy_from_slice(text.as_bytes()))
}

/// The word that a closed list has in JSON.
fn word(word: impl Serialize) -> ByteArray {
    match serde_json::to_value(word) {
        Ok(serde_json::Value::String(name)) => text(&name),
        Ok(_) | Err(_) => ByteArray::default(),
    }
}

fn texts<'a>(rows: &[&'a AlertRow], of: impl Fn(&'a AlertRow) -> ByteArray) -> Field {
    Column::Text(rows.iter().map(|row| of(row)).collect()).into()
}

fn maybe<'a>(rows: &[&'a AlertRow], of: impl Fn(&'a AlertRow) -> Option<ByteArray>) -> Field {
    let found: Vec<Option<ByteArray>> = rows.iter().map(|row| of(row)).collect();
    Field {
        valid: Some(found.iter().map(Option::is_some).collect()),
        values: Column::Text(found.into_iter().map(Option::unwrap_or_default).collect()),
    }
}

fn times(rows: &[&AlertRow], of: impl Fn(&AlertRow) -> Time) -> Field {
    Column::Int64(rows.iter().map(|row| of(row).0).collect()).into()
}

fn numbers(rows: &[&AlertRow], of: impl Fn(&AlertRow) -> u32) -> Field {
    Column::Int32(rows.iter().map(|row| of(row).cast_signed()).collect()).into()
}

/// The transitions of one day, in the order of their offsets.
pub(crate) fn chunk(block: &Block, rows: &[&AlertRow]) -> Chunk {
    let returned: Vec<Option<Time>> = rows
        .iter()
        .map(|row| row.transition.alert.returned)
        .collect();
    let values: Vec<Option<f64>> = rows
        .iter()
        .map(|row| row.transition.alert.value.filter(|value| value.is_finite()))
        .collect();
    let fields = vec![
        Column::Int64(rows.iter().map(|row| row.offset.cast_signed()).collect()).into(),
        Column::Int64(rows.iter().map(|row| row.stamp.journal_ns).collect()).into(),
        texts(rows, |row| word(row.transition.change)),
        texts(rows, |row| text(&row.transition.alert.id.0)),
        texts(rows, |row| text(&row.transition.alert.rule)),
        texts(rows, |row| word(row.transition.alert.severity)),
        texts(rows, |row| text(status_name(row.transition.alert.status))),
        texts(rows, |row| text(stream_name(row.transition.alert.stream))),
        texts(rows, |row| text(&row.transition.alert.site)),
        texts(rows, |row| text(&row.transition.alert.entity)),
        maybe(rows, |row| row.transition.alert.area.as_deref().map(text)),
        texts(rows, |row| word(row.transition.alert.state)),
        numbers(rows, |row| row.transition.alert.revision),
        numbers(rows, |row| row.transition.alert.occurrences),
        numbers(rows, |row| u32::from(row.transition.alert.retrospective)),
        times(rows, |row| row.transition.alert.since),
        times(rows, |row| row.transition.alert.raised),
        times(rows, |row| row.transition.alert.changed),
        Field {
            valid: Some(returned.iter().map(Option::is_some).collect()),
            values: Column::Int64(
                returned
                    .iter()
                    .map(|time| time.map_or(0, |time| time.0))
                    .collect(),
            ),
        },
        maybe(rows, |row| {
            row.transition.alert.measure.as_deref().map(text)
        }),
        Field {
            valid: Some(values.iter().map(Option::is_some).collect()),
            values: Column::Double(values.iter().map(|value| value.unwrap_or(0.0)).collect()),
        },
        maybe(rows, |row| row.transition.alert.unit.as_deref().map(text)),
        maybe(rows, |row| row.transition.by.as_deref().map(text)),
        maybe(rows, |row| row.transition.command_id.as_deref().map(text)),
        texts(rows, |row| text(&row.transition.alert.message.vi)),
        texts(rows, |row| text(&row.transition.alert.message.en)),
        maybe(rows, |row| {
            row.pack.map(|pack| ByteArray::from(block.texts.get(pack)))
        }),
    ];
    Chunk { fields }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_can_be_made() {
        assert_eq!(super::table().unwrap().width(), 27);
    }
}
