use proptest::prelude::*;

use super::*;
use crate::{
    EventFlags, EventId, Kind, Measured, Place, Quality, RejectCode, Status, Stream, Text, Time,
    Value,
};

const CAUSE: Cause = Cause {
    offset: 1_234_567,
    index: 3,
    last: true,
};

fn name() -> impl Strategy<Value = Name> {
    "[a-zà-ỹ0-9._-]{0,12}".prop_map(Name::from)
}

fn time() -> impl Strategy<Value = Time> {
    prop_oneof![
        any::<i64>(),
        1_700_000_000_000_000_000..1_900_000_000_000_000_000_i64
    ]
    .prop_map(Time)
}

fn finite() -> impl Strategy<Value = f64> {
    // Decimals as devices send them: the JSON reader is exact for these.
    (-1_000_000_000..1_000_000_000_i64).prop_map(|number| number as f64 / 1_000.0)
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        finite().prop_map(Value::Number),
        any::<bool>().prop_map(Value::Boolean),
        name().prop_map(Value::Code),
    ]
}

fn measured() -> impl Strategy<Value = Measured> {
    (name(), value(), name(), 0..8_u16).prop_map(|(measure, value, unit, quality)| Measured {
        measure,
        value,
        unit,
        quality: Quality(quality),
    })
}

fn place() -> impl Strategy<Value = Place> {
    (proptest::option::of(name()), finite(), finite()).prop_map(|(area, lat, lon)| Place {
        area,
        lat,
        lon,
    })
}

prop_compose! {
    fn event()(
        id in any::<[u8; 16]>(),
        (kind, stream, status) in (
            prop_oneof![
                Just(Kind::Reading), Just(Kind::State), Just(Kind::Warning), Just(Kind::Announcement)
            ],
            prop_oneof![
                Just(Stream::Disaster), Just(Stream::Energy), Just(Stream::Environment), Just(Stream::Tourism)
            ],
            prop_oneof![Just(Status::Actual), Just(Status::Exercise), Just(Status::Test)],
        ),
        (site, entity, device) in (name(), name(), name()),
        same in any::<bool>(),
        (observed, received, processed) in (time(), time(), time()),
        (observed_until, valid_from, valid_to) in (
            proptest::option::of(time()), proptest::option::of(time()), proptest::option::of(time())
        ),
        sequence in proptest::option::of(any::<u64>()),
        place in proptest::option::of(place()),
        flags in 0..256_u16,
        values in proptest::collection::vec(measured(), 0..6),
    ) -> Event {
        let device = if same { entity.clone() } else { device };
        Event {
            id: EventId(id), kind, stream, status, site, entity, device, observed, observed_until, valid_from,
            valid_to, received, processed, sequence, place, flags: EventFlags(flags), values,
        }
    }
}

fn encoded(event: &Event) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_event(CAUSE, event, &mut bytes);
    bytes
}

const EVENT: u8 = OutcomeKind::Event as u8;

proptest! {
    #[test]
    fn an_event_comes_back_as_it_was(event in event()) {
        let bytes = encoded(&event);
        let (cause, outcome) = decode(EVENT, VERSION, &bytes).unwrap();
        prop_assert_eq!(cause, CAUSE);
        prop_assert_eq!(outcome, Outcome::Event(event.clone()));
        let shared = decode_interned(&mut Names::default(), EVENT, VERSION, &bytes).unwrap();
        prop_assert_eq!(shared.1, Outcome::Event(event));
        prop_assert_eq!(decode_cause(VERSION, &bytes).unwrap(), CAUSE);
    }

    #[test]
    fn a_view_sees_what_is_decoded(event in event()) {
        let bytes = encoded(&event);
        let view = EventView::read(VERSION, &bytes).unwrap();
        prop_assert_eq!(view.cause, CAUSE);
        prop_assert_eq!((view.id, view.kind, view.stream, view.status), (event.id, event.kind, event.stream, event.status));
        prop_assert_eq!((view.entity, view.device, view.flags), (&*event.entity, &*event.device, event.flags));
        let area = event.place.as_ref().and_then(|place| place.area.as_deref());
        prop_assert_eq!((view.site, view.area), (&*event.site, area));
        prop_assert_eq!((view.observed, view.received, view.processed), (event.observed, event.received, event.processed));
        let seen: Vec<_> = view.values().collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(seen.len(), event.values.len());
        for (seen, measured) in seen.iter().zip(&event.values) {
            prop_assert_eq!((seen.measure, seen.unit, seen.quality), (&*measured.measure, &*measured.unit, measured.quality));
            let same = match (&seen.value, &measured.value) {
                (ValueView::Number(a), Value::Number(b)) => a == b,
                (ValueView::Boolean(a), Value::Boolean(b)) => a == b,
                (ValueView::Code(a), Value::Code(b)) => *a == &**b,
                _ => false,
            };
            prop_assert!(same);
        }
    }

    #[test]
    fn no_piece_of_an_event_is_an_event(event in event(), cut in any::<prop::sample::Index>()) {
        let bytes = encoded(&event);
        prop_assert!(decode(EVENT, VERSION, &bytes[..cut.index(bytes.len())]).is_err());
        let longer = [&bytes[..], &[0]].concat();
        prop_assert!(matches!(decode(EVENT, VERSION, &longer), Err(DecodeError::Long(1))));
    }

    #[test]
    fn any_bytes_are_read_or_refused(kind in 0..12_u8, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok((cause, Outcome::Event(event))) = decode(kind, VERSION, &bytes) {
            // What is accepted is the one encoding of it.
            let mut again = Vec::new();
            encode_event(cause, &event, &mut again);
            let same_name_twice = event.device == event.entity;
            prop_assert!(again == bytes || same_name_twice);
        }
    }

    #[test]
    fn a_damaged_event_never_panics(event in event(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = encoded(&event);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = decode(EVENT, VERSION, &bytes);
    }

    #[test]
    fn json_comes_back_as_it_was(mut event in event()) {
        // An object has a key once.
        let mut seen = std::collections::BTreeSet::new();
        event.values.retain(|measured| seen.insert(measured.measure.clone()));
        let in_range = |time: &Time| time.0 > -9_000_000_000_000_000_000;
        prop_assume!([event.observed, event.received, event.processed].iter().all(in_range));
        prop_assume!([event.observed_until, event.valid_from, event.valid_to].iter().flatten().all(in_range));
        let text = serde_json::to_string(&event.json()).unwrap();
        prop_assert_eq!(Event::from_json(&text).unwrap(), event);
    }
}

#[test]
fn rejects_of_every_code_come_back() {
    for code in RejectCode::ALL {
        let reject = Reject {
            code,
            reason: "lý do".into(),
            client: "gw-1".into(),
            topic: "ioc/x".into(),
            payload: vec![0, 255, 7],
        };
        let mut bytes = Vec::new();
        encode_reject(CAUSE, &reject, &mut bytes);
        let (cause, outcome) = decode(OutcomeKind::Reject as u8, VERSION, &bytes).unwrap();
        assert_eq!((cause, outcome), (CAUSE, Outcome::Reject(reject)));
        assert_eq!(serde_json::to_value(code).unwrap(), code.name());
        let Text { vi, en } = code.text();
        assert!(vi.len() > 20 && en.len() > 20 && vi != en, "{code:?}");
    }
}

#[test]
fn copies_and_verdicts_come_back() {
    let mut bytes = Vec::new();
    encode_copy(CAUSE, b"as it was", &mut bytes);
    let decoded = decode(OutcomeKind::ClockCopy as u8, VERSION, &bytes).unwrap();
    assert_eq!(decoded, (CAUSE, Outcome::ClockCopy(b"as it was")));

    let verdict = Verdict {
        command_id: "c-1".into(),
        accepted: false,
        refusal: Some(crate::Refusal::AlertUnknown),
        detail: Text {
            vi: "không có".into(),
            en: "none".into(),
        },
        alert: None,
        suppression: None,
        warning: None,
    };
    let mut bytes = Vec::new();
    encode_verdict(CAUSE, &verdict, &mut bytes).unwrap();
    let decoded = decode(OutcomeKind::Verdict as u8, VERSION, &bytes).unwrap();
    assert_eq!(decoded, (CAUSE, Outcome::Verdict(Box::new(verdict))));
}

#[test]
fn what_is_not_known_is_said() {
    assert!(matches!(
        decode(0, VERSION, &[0, 0, 1]),
        Err(DecodeError::KindUnknown(0))
    ));
    assert!(matches!(
        decode(15, VERSION, &[0, 0, 1]),
        Err(DecodeError::KindUnknown(15))
    ));
    assert!(matches!(
        decode(6, 2, &[0, 0, 1]),
        Err(DecodeError::VersionUnknown(2))
    ));
    assert!(matches!(
        decode(6, VERSION, &[0, 0, 2]),
        Err(DecodeError::Invalid(_))
    ));
    // A padded zero, and eleven bytes of varint.
    assert!(matches!(
        decode(6, VERSION, &[0x80, 0, 0, 1]),
        Err(DecodeError::Invalid(_))
    ));
    assert!(matches!(
        decode(6, VERSION, &[0xff; 20]),
        Err(DecodeError::Invalid(_))
    ));
    for kind in OutcomeKind::ALL {
        assert_eq!(OutcomeKind::from_u8(kind as u8), Some(kind));
    }
}

/// The bytes are on disk: a change here is a new version.
#[test]
fn the_encoding_stays_what_it_is() {
    let event = Event {
        id: EventId([7; 16]),
        kind: Kind::Reading,
        stream: Stream::Disaster,
        status: Status::Actual,
        site: "lao-cai".into(),
        entity: "wl-lao-cai".into(),
        device: "wl-lao-cai".into(),
        observed: Time(999),
        observed_until: None,
        valid_from: None,
        valid_to: None,
        received: Time(1_001),
        processed: Time(1_000),
        sequence: Some(300),
        place: Some(Place {
            area: Some("02647".into()),
            lat: 22.5,
            lon: 104.0,
        }),
        flags: EventFlags::LATE,
        values: vec![Measured {
            measure: "level".into(),
            value: Value::Number(80.5),
            unit: "m".into(),
            quality: Quality::GOOD,
        }],
    };
    let cause = Cause {
        offset: 5,
        index: 0,
        last: true,
    };
    let mut bytes = Vec::new();
    encode_event(cause, &event, &mut bytes);
    let mut expected = vec![5, 0, 1];
    expected.extend([7; 16]);
    expected.extend([1, 1, 1, 0b0111_1000, 8]);
    expected.extend(1_000_i64.to_le_bytes());
    expected.extend([2, 1]);
    expected.extend(b"\x07lao-cai\x0awl-lao-cai\xac\x02\x0502647");
    expected.extend(22.5_f64.to_le_bytes());
    expected.extend(104.0_f64.to_le_bytes());
    expected.extend(b"\x01\x05level\x01m\x00\x00");
    expected.extend(80.5_f64.to_le_bytes());
    assert_eq!(bytes, expected);
}

/// The JSON is on disk: a change here is a new version.
#[test]
fn a_conclusion_on_reprocessing_comes_back_and_stays_what_it_is() {
    let cause = Cause {
        offset: 9,
        index: 0,
        last: true,
    };
    let results = [
        (
            crate::ReprocessResult::Delivered { events: 2 },
            r#"{"result":"delivered","events":2}"#,
        ),
        (crate::ReprocessResult::Nothing, r#"{"result":"nothing"}"#),
        (crate::ReprocessResult::Already, r#"{"result":"already"}"#),
        (
            crate::ReprocessResult::Failed {
                code: RejectCode::NoValues,
                reason: "r".to_owned(),
                events: 0,
            },
            r#"{"result":"failed","code":"no_values","reason":"r","events":0}"#,
        ),
    ];
    for (result, json) in results {
        let reprocessed = crate::Reprocessed {
            original: 5,
            operator: "Lan".to_owned(),
            verified: false,
            reason: "mended".to_owned(),
            result,
        };
        let mut bytes = Vec::new();
        encode_reprocessed(cause, &reprocessed, &mut bytes).unwrap();
        let expected = format!(
            r#"{{"original":5,"operator":"Lan","verified":false,"reason":"mended","result":{json}}}"#
        );
        assert_eq!(&bytes[3..], expected.as_bytes());
        let (back, outcome) = decode(OutcomeKind::Reprocessed as u8, VERSION, &bytes).unwrap();
        assert_eq!(back, cause);
        assert_eq!(outcome, Outcome::Reprocessed(Box::new(reprocessed)));
    }
}
