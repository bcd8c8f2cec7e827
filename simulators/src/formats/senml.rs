//! SenML packs (RFC 8428) as JSON and as CBOR.

use bytes::Bytes;
use serde_json::{Map, Value as Json};

use super::cbor;

#[derive(Clone, Debug)]
pub(crate) enum Value {
    None,
    Number(f64),
    Boolean(bool),
    Text(&'static str),
}

/// One record; `None` and `""` leave a label out.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) base_name: String,
    pub(crate) base_time: Option<f64>,
    pub(crate) base_unit: &'static str,
    pub(crate) base_value: Option<f64>,
    pub(crate) base_version: Option<f64>,
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) value: Value,
    /// Below 2^28 seconds relative to now.
    pub(crate) time: Option<f64>,
    pub(crate) sum: Option<f64>,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            base_name: String::new(),
            base_time: None,
            base_unit: "",
            base_value: None,
            base_version: None,
            name: String::new(),
            unit: "",
            value: Value::None,
            time: None,
            sum: None,
        }
    }
}

/// A value under its JSON label and its CBOR label (table 6 of the RFC).
enum Cell<'r> {
    Text(&'r str),
    Number(f64),
    Boolean(bool),
}

impl Record {
    pub(crate) fn number(name: &str, unit: &'static str, value: f64) -> Self {
        Self {
            name: name.to_owned(),
            unit,
            value: Value::Number(value),
            ..Self::default()
        }
    }

    fn cells(&self) -> Vec<(&'static str, i64, Cell<'_>)> {
        let text =
            |label, key, text| (!str::is_empty(text)).then_some((label, key, Cell::Text(text)));
        let number =
            |label, key, value: Option<f64>| value.map(|value| (label, key, Cell::Number(value)));
        let value = match self.value {
            Value::None => None,
            Value::Number(value) => Some(("v", 2, Cell::Number(value))),
            Value::Text(value) => Some(("vs", 3, Cell::Text(value))),
            Value::Boolean(value) => Some(("vb", 4, Cell::Boolean(value))),
        };
        [
            text("bn", -2, &self.base_name),
            number("bt", -3, self.base_time),
            text("bu", -4, self.base_unit),
            number("bv", -5, self.base_value),
            number("bver", -1, self.base_version),
            text("n", 0, &self.name),
            text("u", 1, self.unit),
            number("t", 6, self.time),
            value,
            number("s", 5, self.sum),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

pub(crate) fn json(pack: &[Record]) -> Bytes {
    let records = pack.iter().map(|record| {
        let cells = record.cells().into_iter().map(|(label, _, cell)| {
            let value = match cell {
                Cell::Text(text) => Json::from(text),
                Cell::Number(number) => Json::from(number),
                Cell::Boolean(value) => Json::from(value),
            };
            (label.to_owned(), value)
        });
        Json::Object(cells.collect::<Map<_, _>>())
    });
    Bytes::from(Json::Array(records.collect()).to_string())
}

pub(crate) fn cbor(pack: &[Record]) -> Bytes {
    let mut out = Vec::new();
    cbor::head(&mut out, 4, u64::try_from(pack.len()).unwrap_or(0));
    for record in pack {
        let cells = record.cells();
        cbor::head(&mut out, 5, u64::try_from(cells.len()).unwrap_or(0));
        for (_, key, cell) in cells {
            cbor::integer(&mut out, key);
            match cell {
                Cell::Text(text) => cbor::text(&mut out, text),
                Cell::Number(number) => cbor::number(&mut out, number),
                Cell::Boolean(value) => cbor::boolean(&mut out, value),
            }
        }
    }
    Bytes::from(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::bytes::hex;

    /// The pack of section 5.1.3 of the RFC, whose CBOR is printed in section 6.
    fn rfc_pack() -> Vec<Record> {
        let mut first = Record::number("voltage", "V", 120.1);
        first.base_name = "urn:dev:ow:10e2073a01080063:".to_owned();
        first.base_time = Some(1_276_020_076.001);
        first.base_unit = "A";
        first.base_version = Some(5.0);
        let earlier = [
            (-5.0, 1.2),
            (-4.0, 1.3),
            (-3.0, 1.4),
            (-2.0, 1.5),
            (-1.0, 1.6),
        ];
        let mut pack = vec![first];
        pack.extend(earlier.map(|(time, value)| Record {
            time: Some(time),
            ..Record::number("current", "", value)
        }));
        pack.push(Record::number("current", "", 1.7));
        pack
    }

    #[test]
    fn cbor_is_that_of_the_rfc() {
        let coded = hex(&cbor(&rfc_pack()));
        let expected = [
            "87a721781c75726e3a6465763a6f773a313065323037336130313038303036333a".to_owned(),
            "22fb41d303a15b00106223614120050067766f6c7461676501615602fb405e066666666666".to_owned(),
            "a3006763757272656e74062402fb3ff3333333333333".to_owned(),
            "a3006763757272656e74062302fb3ff4cccccccccccd".to_owned(),
            "a3006763757272656e74062202fb3ff6666666666666".to_owned(),
            "a3006763757272656e74062102fb3ff8000000000000".to_owned(),
            "a3006763757272656e74062002fb3ff999999999999a".to_owned(),
            "a2006763757272656e7402fb3ffb333333333333".to_owned(),
        ];
        assert_eq!(coded, expected.concat());
    }

    #[test]
    fn json_says_the_same() {
        let pack: Json = serde_json::from_slice(&json(&rfc_pack())).unwrap();
        let expected: Json = serde_json::from_str(
            r#"[{"bn":"urn:dev:ow:10e2073a01080063:","bt":1.276020076001e+09,"bu":"A","bver":5.0,"n":"voltage","u":"V","v":120.1},
            {"n":"current","t":-5.0,"v":1.2},{"n":"current","t":-4.0,"v":1.3},{"n":"current","t":-3.0,"v":1.4},
            {"n":"current","t":-2.0,"v":1.5},{"n":"current","t":-1.0,"v":1.6},{"n":"current","v":1.7}]"#,
        )
        .unwrap();
        assert_eq!(pack, expected);
    }
}
