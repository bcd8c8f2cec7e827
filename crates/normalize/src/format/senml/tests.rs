use event::RejectCode;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::pack::{Resolved, from_cbor, from_json, resolve};
use super::*;
use crate::format::json::testing::{records, survives_damage};

/// RFC 8428, 5.1.2, and the same in CBOR from section 6.
const EXAMPLE: &str = r#"[
 {"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,"bu":"A","bver":5,"n":"voltage","u":"V","v":120.1},
 {"n":"current","t":-5,"v":1.2},
 {"n":"current","t":-4,"v":1.3},
 {"n":"current","t":-3,"v":1.4},
 {"n":"current","t":-2,"v":1.5},
 {"n":"current","t":-1,"v":1.6},
 {"n":"current","v":1.7}]"#;
const EXAMPLE_CBOR: &str = "87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b0010622361412005006776\
 6f6c7461676501615602fb405e066666666666a3006763757272656e74062402fb3ff3333333333333a3006763757272656e74062302fb3ff4cccccccccccd\
 a3006763757272656e74062202fb3ff6666666666666a3006763757272656e74062102f93e00a3006763757272656e74062002fb3ff999999999999aa30067\
 63757272656e74060002fb3ffb333333333333";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| (pair[0] << 4 | pair[1]) as u8)
        .collect()
}

fn resolved(text: &str) -> Result<Vec<Resolved>, Fault> {
    resolve(from_json(&serde_json::from_str(text).unwrap())?)
}

/// Section 4.6 prints what the example resolves to.
#[test]
fn the_standards_example_resolves_as_the_standard_says() {
    let found = resolved(EXAMPLE).unwrap();
    let (name, time) = ("urn:dev:ow:10e2073a0108006:", 1.276_020_076_001e9);
    let wanted = [
        ("voltage", "V", time, 120.1),
        ("current", "A", time - 5.0, 1.2),
        ("current", "A", time - 4.0, 1.3),
        ("current", "A", time - 3.0, 1.4),
        ("current", "A", time - 2.0, 1.5),
        ("current", "A", time - 1.0, 1.6),
        ("current", "A", time, 1.7),
    ];
    assert_eq!(found.len(), wanted.len());
    for (found, (own, unit, time, value)) in found.iter().zip(wanted) {
        assert_eq!(found.name, format!("{name}{own}"));
        assert_eq!((found.unit.as_deref(), found.time), (Some(unit), time));
        assert_eq!(found.value, Some(Content::Number(value)));
    }
    assert_eq!(
        resolve(from_cbor(&bytes(EXAMPLE_CBOR)).unwrap()).unwrap(),
        found
    );
}

#[test]
fn every_unit_of_the_registries_is_known_to_the_converter() {
    for name in units::names() {
        let unit = units::registered(name).unwrap();
        assert!(ucum::validate(unit.ucum).is_ok(), "{name}: {}", unit.ucum);
    }
    let people = [
        ("°C", "Cel"),
        ("µg/m³", "ug/m3"),
        ("kWh", "kW.h"),
        ("anything", "anything"),
    ];
    for (text, ucum) in people {
        assert_eq!(ucum_of_people(text), ucum);
    }
    assert_eq!(
        units::registered("dBm").map(|unit| (unit.ucum, unit.offset)),
        Some(("dB[W]", -30.0))
    );
    assert_eq!(
        units::registered("C").map(|unit| unit.ucum),
        Some("C"),
        "coulomb, not Celsius"
    );
}

#[test]
fn times_by_their_size() {
    for (seconds, wanted) in [
        (0.0, None),
        (-5.0, Some(Stamp::Ago(5_000_000_000))),
        (268_435_455.0, Some(Stamp::Ago(-268_435_455_000_000_000))),
        (
            268_435_456.0,
            Some(Stamp::At(Time::from_seconds(268_435_456))),
        ),
        (
            1.276_020_076_001e9,
            Some(Stamp::At(Time(1_276_020_076_001_000_000))),
        ),
        (-1e9, Some(Stamp::At(Time::from_seconds(-1_000_000_000)))),
        (1e300, Some(Stamp::At(Time(i64::MAX)))),
    ] {
        assert_eq!(stamp(seconds), wanted, "{seconds}");
    }
}

#[test]
fn records_at_the_limit_and_one_past_it() {
    // A record without a name of its own holds two parts, the pack one.
    let pack = |count: usize| {
        let one = r#"{"v":1}"#;
        format!(
            r#"[{{"bn":"temp","v":1}},{}]"#,
            vec![one; count - 1].join(",")
        )
    };
    assert_eq!(
        records("swx-1", pack(5_000).as_bytes(), "")
            .expect("fits")
            .len(),
        5_000
    );
    let fault = records("swx-1", pack(5_001).as_bytes(), "").expect_err("over");
    assert_eq!(fault.code, RejectCode::TooManyFields);
    let fault = records("swx-1", pack(20_001).as_bytes(), "").expect_err("over");
    assert_eq!(fault.code, RejectCode::TooManyFields);
    let names = |length: usize| format!(r#"[{{"n":"{}","v":1}}]"#, "a".repeat(length));
    assert!(records("swx-1", names(256).as_bytes(), "").is_ok());
    assert!(records("swx-1", names(257).as_bytes(), "").is_err());
}

#[test]
fn damage_breaks_nothing() {
    survives_damage("spw-1", EXAMPLE.as_bytes(), "application/senml+json");
    survives_damage("spw-1", &bytes(EXAMPLE_CBOR), "application/senml+cbor");
    survives_damage("spw-1", &bytes(EXAMPLE_CBOR), "");
    let gateway = r#"[{"bt":1795316640,"bn":"urn:dev:ow:10e2073a01080063:","n":"temp","u":"Cel","v":12.5},{"bn":"swx-7/","n":"wind/speed","u":"m/s","v":4},{"bn":"","n":"sgw-1:battery","u":"V","v":12.1}]"#;
    survives_damage("sgw-1", gateway.as_bytes(), "");
}

/// A record as somebody would write it, all of it optional but what makes it sound.
#[derive(Clone, Debug)]
struct Drawn {
    bn: Option<String>,
    bt: Option<i32>,
    bu: Option<&'static str>,
    bv: Option<i16>,
    bs: Option<i16>,
    n: String,
    u: Option<&'static str>,
    t: Option<i32>,
    v: i16,
    s: Option<i16>,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let unit = || prop::option::of(prop::sample::select(vec!["Cel", "A", "%RH"]));
    let base = (
        prop::option::of(
            "[a-z]{0,3}[:/]?".prop_filter("a letter first", |name| !name.starts_with([':', '/'])),
        ),
        prop::option::of(any::<i32>()),
        unit(),
        prop::option::of(any::<i16>()),
        prop::option::of(any::<i16>()),
    );
    let own = (
        "[a-z]{1,3}",
        unit(),
        prop::option::of(any::<i32>()),
        any::<i16>(),
        prop::option::of(any::<i16>()),
    );
    (base, own).prop_map(|((bn, bt, bu, bv, bs), (n, u, t, v, s))| Drawn {
        bn,
        bt,
        bu,
        bv,
        bs,
        n,
        u,
        t,
        v,
        s,
    })
}

impl Drawn {
    fn json(&self) -> Value {
        let mut members = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                members.insert(key.to_owned(), value);
            }
        };
        put("bn", self.bn.as_ref().map(|text| json!(text)));
        put("bt", self.bt.map(|number| json!(number)));
        put("bu", self.bu.map(|text| json!(text)));
        put("bv", self.bv.map(|number| json!(number)));
        put("bs", self.bs.map(|number| json!(number)));
        put("n", Some(json!(self.n)));
        put("u", self.u.map(|text| json!(text)));
        put("t", self.t.map(|number| json!(number)));
        put("v", Some(json!(self.v)));
        put("s", self.s.map(|number| json!(number)));
        Value::Object(members)
    }
}

proptest! {
    /// For each record, whoever looks back through the pack for the last base field of each kind finds the same.
    #[test]
    fn resolves_as_looking_back_does(pack in prop::collection::vec(drawn(), 1..20)) {
        let document = Value::Array(pack.iter().map(Drawn::json).collect());
        let found = resolve(from_json(&document).unwrap()).unwrap();
        prop_assert_eq!(found.len(), pack.len());
        for (at, found) in found.iter().enumerate() {
            let before = || pack[..=at].iter().rev();
            let own = &pack[at];
            let bn = before().find_map(|one| one.bn.clone()).unwrap_or_default();
            let bt = before().find_map(|one| one.bt).unwrap_or(0);
            let bu = before().find_map(|one| one.bu);
            let bv = before().find_map(|one| one.bv).unwrap_or(0);
            let bs = before().find_map(|one| one.bs);
            let sum = own.s.or(bs).map(|_| f64::from(own.s.unwrap_or(0)) + f64::from(bs.unwrap_or(0)));
            prop_assert_eq!(&found.name, &format!("{bn}{}", own.n));
            prop_assert_eq!(found.time, f64::from(bt) + f64::from(own.t.unwrap_or(0)));
            prop_assert_eq!(found.unit.as_deref(), own.u.or(bu));
            prop_assert_eq!(&found.value, &Some(Content::Number(f64::from(own.v) + f64::from(bv))));
            prop_assert_eq!(found.sum, sum);
        }
    }

    #[test]
    fn no_bytes_break_the_reader_of_cbor(bytes: Vec<u8>) {
        let _ = from_cbor(&bytes).map(resolve);
    }
}
