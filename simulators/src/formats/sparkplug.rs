//! Sparkplug B payloads (Eclipse Sparkplug 3.0, section 6.4): protocol buffers written by hand.

use bytes::Bytes;

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    /// Datatype 3; negative ones go as two's complement in a uint32.
    Int32(i32),
    /// Datatype 8.
    UInt64(u64),
    /// Datatype 9.
    Float(f32),
    /// Datatype 10.
    Double(f64),
    Boolean(bool),
    /// Datatype 12.
    Text(String),
}

impl Value {
    fn datatype(&self) -> u64 {
        match self {
            Self::Int32(_) => 3,
            Self::UInt64(_) => 8,
            Self::Float(_) => 9,
            Self::Double(_) | Self::Null => 10,
            Self::Boolean(_) => 11,
            Self::Text(_) => 12,
        }
    }
}

/// A metric: births give name, alias and datatype, data messages the alias alone.
#[derive(Clone, Debug)]
pub(crate) struct Metric {
    pub(crate) name: Option<String>,
    pub(crate) alias: Option<u64>,
    pub(crate) timestamp_ms: Option<u64>,
    pub(crate) typed: bool,
    pub(crate) historical: bool,
    pub(crate) value: Value,
}

impl Metric {
    pub(crate) fn birth(name: &str, alias: u64, value: Value) -> Self {
        Self {
            name: Some(name.to_owned()),
            alias: Some(alias),
            timestamp_ms: None,
            typed: true,
            historical: false,
            value,
        }
    }

    pub(crate) fn data(alias: u64, value: Value) -> Self {
        Self {
            name: None,
            typed: false,
            ..Self::birth("", alias, value)
        }
    }

    /// By name alone: what `bdSeq` of a death needs.
    pub(crate) fn named(name: &str, value: Value) -> Self {
        Self {
            alias: None,
            ..Self::birth(name, 0, value)
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        if let Some(name) = &self.name {
            field_bytes(out, 1, name.as_bytes());
        }
        if let Some(alias) = self.alias {
            field_varint(out, 2, alias);
        }
        if let Some(timestamp) = self.timestamp_ms {
            field_varint(out, 3, timestamp);
        }
        if self.typed {
            field_varint(out, 4, self.value.datatype());
        }
        if self.historical {
            field_varint(out, 5, 1);
        }
        match &self.value {
            Value::Null => field_varint(out, 7, 1),
            Value::Int32(value) => field_varint(out, 10, u64::from(value.cast_unsigned())),
            Value::UInt64(value) => field_varint(out, 11, *value),
            Value::Float(value) => {
                varint(out, 12 << 3 | 5);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Value::Double(value) => {
                varint(out, 13 << 3 | 1);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Value::Boolean(value) => field_varint(out, 14, u64::from(*value)),
            Value::Text(value) => field_bytes(out, 15, value.as_bytes()),
        }
    }
}

/// `seq` is absent in NDEATH.
pub(crate) fn payload(timestamp_ms: Option<u64>, metrics: &[Metric], seq: Option<u8>) -> Bytes {
    let mut out = Vec::new();
    if let Some(timestamp) = timestamp_ms {
        field_varint(&mut out, 1, timestamp);
    }
    for metric in metrics {
        let mut inner = Vec::new();
        metric.write(&mut inner);
        field_bytes(&mut out, 2, &inner);
    }
    if let Some(seq) = seq {
        field_varint(&mut out, 3, u64::from(seq));
    }
    Bytes::from(out)
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or(0);
        value >>= 7;
        out.push(if value > 0 { low | 0x80 } else { low });
        if value == 0 {
            return;
        }
    }
}

fn field_varint(out: &mut Vec<u8>, number: u64, value: u64) {
    varint(out, number << 3);
    varint(out, value);
}

fn field_bytes(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    varint(out, number << 3 | 2);
    varint(out, u64::try_from(bytes.len()).unwrap_or(0));
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::bytes::hex;

    #[test]
    fn a_varint_is_that_of_the_protobuf_manual() {
        let mut out = Vec::new();
        // The manual's Test1 { a = 150 } and Test2 { b = "testing" }.
        field_varint(&mut out, 1, 150);
        field_bytes(&mut out, 2, b"testing");
        assert_eq!(hex(&out), "089601120774657374696e67");
    }

    #[test]
    fn a_birth_by_hand() {
        let metrics = [
            Metric::named("bdSeq", Value::UInt64(3)),
            Metric::birth("Temp", 1, Value::Float(21.5)),
            Metric::birth("Hits", 2, Value::Int32(-1)),
            Metric::birth("Run", 3, Value::Boolean(true)),
        ];
        let coded = hex(&payload(Some(300), &metrics, Some(0)));
        let expected = [
            "08ac02", // timestamp 300
            "120b",
            "0a056264536571",
            "2008",
            "5803", // name, datatype 8, long_value 3
            "120f",
            "0a0454656d70",
            "1001",
            "2009",
            "650000ac41",
            "1210",
            "0a0448697473",
            "1002",
            "2003",
            "50ffffffff0f",
            "120b",
            "0a0352756e",
            "1003",
            "200b",
            "7001",
            "1800", // seq 0
        ];
        // Lengths: 7+2+2, 6+2+2+5, 6+2+2+6, 5+2+2+2.
        assert_eq!(coded, expected.concat());
    }

    #[test]
    fn data_has_alias_and_value_alone_and_a_death_no_seq() {
        let data = payload(Some(1), &[Metric::data(7, Value::Double(1.0))], Some(255));
        assert_eq!(hex(&data), "0801120b100769000000000000f03f18ff01");
        let death = payload(None, &[Metric::named("bdSeq", Value::UInt64(0))], None);
        assert_eq!(hex(&death), "120b0a05626453657120085800");
    }
}
