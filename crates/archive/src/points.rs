//! The table of values: one row a value.

use std::sync::LazyLock;

use bytes::Bytes;
use event::{Kind, Quality, Status};
use parquet::basic::Encoding;
use parquet::data_type::{ByteArray, FixedLenByteArray};

use crate::block::{Block, PointRow, Stored, TextId};
use crate::index::Held;
use crate::table::{Chunk, Column, Field, Spec, Table};

pub(crate) const ENTITY: usize = 0;
pub(crate) const MEASURE: usize = 1;
pub(crate) const OBSERVED: usize = 2;
pub(crate) const VALUE: usize = 3;
pub(crate) const CODE: usize = 4;
pub(crate) const TYPE: usize = 5;
pub(crate) const UNIT: usize = 6;
pub(crate) const QUALITY: usize = 7;
pub(crate) const STATUS: usize = 8;
const KIND: usize = 9;
pub(crate) const SITE: usize = 10;
const DEVICE: usize = 12;
const JOURNAL: usize = 14;
pub(crate) const OUTCOME: usize = 17;
const PACK: usize = 18;

const SPEC: Spec = Spec {
    schema: "message point {
        required binary entity (STRING);
        required binary measure (STRING);
        required int64 observed (TIMESTAMP(NANOS,true));
        optional double value;
        optional binary code (STRING);
        required binary value_type (STRING);
        required binary unit (STRING);
        required int32 quality;
        required binary status (STRING);
        required binary kind (STRING);
        required binary site (STRING);
        required fixed_len_byte_array(16) event_id (UUID);
        required binary device (STRING);
        required int64 received (TIMESTAMP(NANOS,true));
        required binary journal_id (STRING);
        required int64 offset;
        required int32 index;
        required int64 outcome_offset;
        optional binary pack (STRING);
    }",
    key: &[ENTITY, MEASURE, OBSERVED, OUTCOME],
    encodings: &[
        ("observed", Encoding::DELTA_BINARY_PACKED),
        ("received", Encoding::DELTA_BINARY_PACKED),
        ("offset", Encoding::DELTA_BINARY_PACKED),
        ("outcome_offset", Encoding::DELTA_BINARY_PACKED),
        ("event_id", Encoding::PLAIN),
    ],
    paged: &["entity", "measure", "observed"],
    bounded: &[
        "value",
        "value_type",
        "quality",
        "status",
        "site",
        "outcome_offset",
        "received",
    ],
    repeated: &[CODE, TYPE, UNIT, STATUS, KIND, SITE, DEVICE, JOURNAL, PACK],
};

/// `None` is a mistake in the text above, which a test would see.
static TABLE: LazyLock<Option<Table>> = LazyLock::new(|| Table::new(SPEC).ok());

pub(crate) fn table() -> Option<&'static Table> {
    TABLE.as_ref()
}

/// What the footer says to whoever reads the file without us.
pub(crate) const NOTES: [(&str, &str); 3] = [
    (
        "ioc.table",
        "points.v1: one row a value, ascending by entity, measure, observed, outcome_offset; times in UTC",
    ),
    (
        "ioc.quality",
        "sum of: 1 out_of_range, 2 maintenance, 4 sensor_fault; 0 is good",
    ),
    (
        "ioc.value",
        "value_type number: value; boolean: value is 0 or 1; code: code",
    ),
];

pub(crate) const fn status_name(status: Status) -> &'static str {
    match status {
        Status::Actual => "actual",
        Status::Exercise => "exercise",
        Status::Test => "test",
    }
}

const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Reading => "reading",
        Kind::State => "state",
        Kind::Warning => "warning",
        Kind::Announcement => "announcement",
    }
}

/// The rows `at` of the block, in that order.
pub(crate) fn chunk(block: &Block, at: &[u32], journal_id: &Bytes) -> Chunk {
    let points = || at.iter().map(|at| &block.points[*at as usize]);
    let series = || points().map(|point| &block.series[point.series as usize]);
    let events = || points().map(|point| &block.events[point.event as usize]);
    let text = |id: TextId| ByteArray::from(block.texts.get(id));
    let some = |id: TextId| Some(text(id));
    let fixed = |name: &'static str| Some(ByteArray::from(Bytes::from_static(name.as_bytes())));
    let ids: Vec<u8> = events().flat_map(|event| event.id).collect();
    let ids = Bytes::from(ids);
    let id_rows = (0..at.len())
        .map(|row| FixedLenByteArray::from(ByteArray::from(ids.slice(row * 16..row * 16 + 16))));
    let code = |point: &PointRow| match point.value {
        Stored::Code(code) => Some(code),
        Stored::Number(_) | Stored::Boolean(_) => None,
    };
    let fields = vec![
        Column::Text(series().map(|series| text(series.entity)).collect()).into(),
        Column::Text(series().map(|series| text(series.measure)).collect()).into(),
        Column::Int64(points().map(|point| point.observed).collect()).into(),
        Field {
            values: Column::Double(points().map(|point| number(point.value)).collect()),
            valid: Some(points().map(|point| code(point).is_none()).collect()),
        },
        Field::texts(points().map(code), |code| code.map(text)),
        Field::texts(points().map(|point| type_name(point.value)), fixed),
        Field::texts(series().map(|series| series.unit), some),
        Column::Int32(points().map(|point| i32::from(point.quality)).collect()).into(),
        Field::texts(events().map(|event| status_name(event.status)), fixed),
        Field::texts(events().map(|event| kind_name(event.kind)), fixed),
        Field::texts(series().map(|series| series.site), some),
        Column::Fixed(id_rows.collect()).into(),
        Field::texts(events().map(|event| event.device), some),
        Column::Int64(events().map(|event| event.received).collect()).into(),
        Column::Same(Some(ByteArray::from(journal_id.clone())), at.len()).into(),
        Column::Int64(
            events()
                .map(|event| event.cause_offset.cast_signed())
                .collect(),
        )
        .into(),
        Column::Int32(events().map(|event| event.index.cast_signed()).collect()).into(),
        Column::Int64(events().map(|event| event.offset.cast_signed()).collect()).into(),
        Field::texts(events().map(|event| event.pack), |pack| pack.map(text)),
    ];
    Chunk { fields }
}

const fn number(value: Stored) -> f64 {
    match value {
        Stored::Number(number) => number,
        Stored::Boolean(true) => 1.0,
        Stored::Boolean(false) | Stored::Code(_) => 0.0,
    }
}

const fn type_name(value: Stored) -> &'static str {
    match value {
        Stored::Number(_) => "number",
        Stored::Boolean(_) => "boolean",
        Stored::Code(_) => "code",
    }
}

/// A value out of the columns value, code and type.
pub(crate) fn held(chunk: &Chunk, value: usize, code: usize, kind: usize, row: usize) -> Held {
    let number = chunk.double(value).get(row).copied().unwrap_or_default();
    match chunk.text(kind).get(row).map(ByteArray::data) {
        Some(b"boolean") => Held::Boolean(number != 0.0),
        Some(b"code") => Held::Code(Bytes::copy_from_slice(
            chunk.text(code).get(row).map_or(&[][..], ByteArray::data),
        )),
        Some(_) | None => Held::Number(number),
    }
}

pub(crate) fn quality(bits: i32) -> Quality {
    Quality(u16::try_from(bits).unwrap_or(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_where_the_numbers_say() {
        let table = table().unwrap();
        assert_eq!(table.width(), 19);
        for name in SPEC.paged {
            assert!(SPEC.schema.contains(name));
        }
        let names: Vec<&str> = SPEC
            .schema
            .lines()
            .filter_map(|line| line.trim().strip_suffix(';'))
            .filter_map(|line| line.split_whitespace().nth(2))
            .collect();
        for (at, name) in [
            (ENTITY, "entity"),
            (MEASURE, "measure"),
            (OBSERVED, "observed"),
            (VALUE, "value"),
            (CODE, "code"),
            (TYPE, "value_type"),
            (UNIT, "unit"),
            (QUALITY, "quality"),
            (STATUS, "status"),
            (SITE, "site"),
            (OUTCOME, "outcome_offset"),
            (KIND, "kind"),
            (DEVICE, "device"),
            (JOURNAL, "journal_id"),
            (PACK, "pack"),
        ] {
            assert_eq!(names[at], name);
        }
    }
}
