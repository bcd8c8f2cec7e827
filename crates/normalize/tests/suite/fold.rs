//! What must hold for any messages: one result each, nothing twice, times apart, a restored state goes on the same.

use std::collections::BTreeSet;
use std::sync::Arc;

use event::{EventFlags, Time};
use normalize::{Catalogue, Input, Normalized, Normalizer, State};

use crate::support;
use proptest::prelude::*;

/// A message in terms that shrink well.
#[derive(Clone, Debug)]
struct Plan {
    device: u8,
    seconds: i64,
    sequence: Option<u8>,
    timed: bool,
    value: u8,
    dup: bool,
    packet: u16,
    spoilt: bool,
}

fn plan() -> impl Strategy<Value = Plan> {
    (
        0..4_u8,
        prop_oneof![-5..5_i64, -10_000..200_i64, Just(4_000_000_000)],
        proptest::option::of(0..4_u8),
        prop::bool::weighted(0.8),
        0..3_u8,
        any::<bool>(),
        0..3_u16,
        prop::bool::weighted(0.05),
    )
        .prop_map(
            |(device, seconds, sequence, timed, value, dup, packet, spoilt)| Plan {
                device,
                seconds,
                sequence,
                timed,
                value,
                dup,
                packet,
                spoilt,
            },
        )
}

fn payload(plan: &Plan, now: Time) -> String {
    if plan.spoilt {
        return "{".to_owned();
    }
    let mut fields = vec![format!("\"pm25\":{}", plan.value)];
    if plan.timed {
        fields.push(format!("\"ts\":{}", now.0 / Time::SECOND + plan.seconds));
    }
    fields.extend(plan.sequence.map(|sequence| format!("\"seq\":{sequence}")));
    format!("{{{}}}", fields.join(","))
}

fn feed(normalizer: &mut Normalizer, offset: u64, plan: &Plan) -> Normalized {
    let now = support::time("2026-11-22T03:04:06Z")
        .plus(i64::try_from(offset).expect("a small number") * 500_000_000);
    let topic = format!("ioc/lao-cai/env/aqm-{}/up", plan.device);
    let payload = payload(plan, now);
    let input = Input {
        journal_time: now,
        wall_time: now,
        dup: plan.dup,
        packet_id: plan.packet,
        ..support::message(offset, &topic, payload.as_bytes())
    };
    let mut out = Vec::new();
    normalizer.apply(&input, &mut out);
    assert_eq!(out.len(), 1);
    out.remove(0)
}

fn saved(normalizer: &Normalizer) -> Vec<u8> {
    postcard::to_stdvec(&normalizer.save()).expect("a state has bytes")
}

fn restored(catalogue: &Arc<Catalogue>, bytes: &[u8]) -> Normalizer {
    let state: State = postcard::from_bytes(bytes).expect("a state");
    Normalizer::restore(catalogue.clone(), state).expect("the same release")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_fold_keeps_its_promises(plans in proptest::collection::vec(plan(), 1..80)) {
        let mut normalizer = Normalizer::new(support::catalogue());
        let (mut ids, mut times) = (BTreeSet::new(), BTreeSet::new());
        let mut newest = std::collections::BTreeMap::new();
        for (offset, plan) in (0..).zip(&plans) {
            match feed(&mut normalizer, offset, plan) {
                Normalized::Event(event) => {
                    prop_assert!(ids.insert(event.id), "an id twice");
                    prop_assert!(times.insert((event.entity.clone(), event.observed)), "a time twice");
                    prop_assert!(event.observed.since(event.processed) <= 61 * Time::SECOND);
                    let newest = newest.entry(event.entity.clone()).or_insert(event.observed);
                    prop_assert_eq!(event.flags.has(EventFlags::LATE), event.observed < *newest);
                    *newest = (*newest).max(event.observed);
                }
                Normalized::Duplicate => prop_assert!(!plan.spoilt),
                Normalized::State => prop_assert!(false, "a reading is never state alone"),
                Normalized::Reject(_) => prop_assert!(plan.spoilt),
            }
        }
        let counts = normalizer.counts();
        prop_assert_eq!(counts.events + counts.rejects + counts.duplicates, plans.len() as u64);
    }

    #[test]
    fn a_restored_state_goes_on_the_same(
        plans in proptest::collection::vec(plan(), 2..60), cut in any::<prop::sample::Index>(),
    ) {
        let catalogue = support::catalogue();
        let mut whole = Normalizer::new(catalogue.clone());
        let mut first = Normalizer::new(catalogue.clone());
        let cut = cut.index(plans.len());
        let mut results = Vec::new();
        for (offset, plan) in (0..).zip(&plans) {
            results.push(feed(&mut whole, offset, plan));
        }
        for (offset, plan) in (0..).zip(&plans[..cut]) {
            feed(&mut first, offset, plan);
        }
        let mut second = restored(&catalogue, &saved(&first));
        prop_assert_eq!(saved(&second), saved(&first));
        for (offset, plan) in (0..).zip(&plans).skip(cut) {
            let at = usize::try_from(offset).unwrap();
            prop_assert_eq!(&feed(&mut second, offset, plan), &results[at]);
        }
        prop_assert_eq!(saved(&second), saved(&whole));
    }

    #[test]
    fn any_bytes_have_one_result(topic in "(ioc/lao-cai/env/aqm-1/up|[a-z/+#-]{0,20})", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut normalizer = Normalizer::new(support::catalogue());
        let mut out = Vec::new();
        normalizer.apply(&support::message(0, &topic, &bytes), &mut out);
        prop_assert!(matches!(out[..], [Normalized::Reject(_)]));
    }

    #[test]
    fn text_like_json_never_panics(body in r#"\{("(pm25|ts|seq|id|x|lat|status)":(-?[0-9]{1,25}(\.[0-9]{1,9})?(e-?[0-9]{1,3})?|null|true|"[^"]{0,9}"|\[\]|\{\}),){0,4}"pm10":1\}"#) {
        let mut normalizer = Normalizer::new(support::catalogue());
        let mut out = Vec::new();
        normalizer.apply(&support::message(0, support::TOPIC, body.as_bytes()), &mut out);
        prop_assert_eq!(out.len(), 1);
        if let Normalized::Event(event) = &out[0] {
            let json = serde_json::to_string(&event.json()).unwrap();
            prop_assert!(event::Event::from_json(&json).is_ok());
        }
    }
}

#[test]
fn the_window_holds_1024_ids_a_device() {
    let mut normalizer = Normalizer::new(support::catalogue());
    let mut send = |sequence: u64, offset: u64| {
        let payload = format!("{{\"seq\":{sequence},\"ts\":1795316645,\"pm25\":1}}");
        let mut out = Vec::new();
        normalizer.apply(
            &support::message(offset, support::TOPIC, payload.as_bytes()),
            &mut out,
        );
        out.remove(0)
    };
    for sequence in 0..1_025 {
        assert!(matches!(send(sequence, sequence), Normalized::Event(_)));
    }
    assert_eq!(send(1, 2_000), Normalized::Duplicate);
    assert_eq!(send(1_024, 2_001), Normalized::Duplicate);
    assert!(
        matches!(send(0, 2_002), Normalized::Event(_)),
        "the oldest was forgotten"
    );
}

fn small_house() -> Arc<Catalogue> {
    let mut files = support::pack();
    let site = files.text("site.toml").expect("a file");
    let site = site.replace("family_members_max = 10000", "family_members_max = 2");
    files
        .files
        .insert("site.toml".to_owned(), site.into_bytes());
    Arc::new(Catalogue::load(&files).expect("a sound pack"))
}

#[test]
fn families_have_a_bound_and_the_idle_make_room() {
    const DAY: i64 = 86_400 * Time::SECOND;
    let catalogue = small_house();
    let mut normalizer = Normalizer::new(catalogue.clone());
    let send = |normalizer: &mut Normalizer, device: &str, days: i64| {
        let topic = format!("ioc/lao-cai/env/{device}/up");
        let mut input = support::message(0, &topic, b"{\"pm25\":1}");
        input.journal_time = input.journal_time.plus(days * DAY);
        let mut out = Vec::new();
        normalizer.apply(&input, &mut out);
        match out.remove(0) {
            Normalized::Event(_) => "event",
            Normalized::Duplicate => "duplicate",
            Normalized::State => "state",
            Normalized::Reject(reject) => reject.code.name(),
        }
    };
    assert_eq!(send(&mut normalizer, "aqm-1", 0), "event");
    assert_eq!(send(&mut normalizer, "aqm-2", 20), "event");
    assert_eq!(send(&mut normalizer, "aqm-3", 20), "device_limit");
    // Listed devices are not members, and who is there may go on.
    assert_eq!(send(&mut normalizer, "aqm-sa-pa", 20), "event");
    assert_eq!(send(&mut normalizer, "aqm-2", 25), "event");
    // A restored node decides the same.
    let mut other = restored(&catalogue, &saved(&normalizer));
    for normalizer in [&mut normalizer, &mut other] {
        assert_eq!(send(normalizer, "aqm-3", 30), "device_limit");
        assert_eq!(send(normalizer, "aqm-3", 31), "event");
        assert_eq!(send(normalizer, "aqm-1", 31), "device_limit");
        assert_eq!(normalizer.counts().devices, 3);
    }
    assert_eq!(saved(&normalizer), saved(&other));
}

#[test]
fn a_known_error_of_a_clock_is_taken_out() {
    let mut files = support::pack();
    let path = "devices/environment.toml";
    let entry = "[devices.aqm-lao-cai]\n";
    let devices = files.text(path).unwrap();
    let devices = devices.replace(entry, &format!("{entry}clock_offset_seconds = -3600.5\n"));
    files.files.insert(path.to_owned(), devices.into_bytes());
    let mut normalizer = Normalizer::new(Arc::new(Catalogue::load(&files).unwrap()));
    let mut out = Vec::new();
    let payload = b"{\"ts\":\"2026-11-22T04:04:05.5Z\",\"pm25\":1}";
    normalizer.apply(
        &support::message(0, "ioc/lao-cai/env/aqm-lao-cai/up", payload),
        &mut out,
    );
    let Normalized::Event(event) = &out[0] else {
        panic!("{out:?}")
    };
    assert_eq!(event.observed, support::time("2026-11-22T03:04:05Z"));
    assert_eq!(event.flags, EventFlags::default());
}

#[test]
fn a_new_catalogue_keeps_what_it_knows() {
    let mut normalizer = Normalizer::new(support::catalogue());
    let payload = b"{\"seq\":1,\"ts\":1795316645,\"pm25\":1}";
    let mut out = Vec::new();
    normalizer.apply(&support::message(0, support::TOPIC, payload), &mut out);
    let gone = "ioc/lao-cai/env/wx-1/up";
    normalizer.apply(
        &support::message(1, gone, b"{\"ts\":1795316645,\"temp\":1}"),
        &mut out,
    );
    assert_eq!(normalizer.counts().devices, 2);

    let mut files = support::pack();
    let devices = files
        .text("devices/environment.toml")
        .unwrap()
        .replace("\"wx-*\"", "\"wy-*\"");
    files
        .files
        .insert("devices/environment.toml".to_owned(), devices.into_bytes());
    normalizer.set_catalogue(Arc::new(Catalogue::load(&files).unwrap()));
    assert_eq!(normalizer.counts().devices, 1);
    out.clear();
    normalizer.apply(&support::message(2, support::TOPIC, payload), &mut out);
    normalizer.apply(&support::message(3, gone, b"{\"temp\":1}"), &mut out);
    assert_eq!(out[0], Normalized::Duplicate);
    assert!(
        matches!(&out[1], Normalized::Reject(reject) if reject.code.name() == "device_unknown")
    );
}

#[test]
fn a_state_of_another_release_is_refused() {
    let mut bytes = saved(&Normalizer::new(support::catalogue()));
    bytes[0] += 1;
    let state: State = postcard::from_bytes(&bytes).unwrap();
    assert!(Normalizer::restore(support::catalogue(), state).is_none());
}
