use std::collections::{HashMap, HashSet};

use super::yagi::hydrographs::{Basis, GAUGES};
use super::*;
use crate::publication::Truth;
use crate::stamp::{HOUR_NS, MINUTE_NS, viet_nam_midnight};

fn run(name: &str, seed: u64, options: &Options) -> Vec<Moment> {
    scenario(name, seed, options).unwrap().collect()
}

fn publications(moments: &[Moment]) -> impl Iterator<Item = &Publication> {
    moments.iter().flat_map(|moment| &moment.publications)
}

fn fields(publication: &Publication) -> serde_json::Map<String, serde_json::Value> {
    serde_json::from_slice(&publication.payload).unwrap()
}

/// Level readings of a gauge by scenario time, repeats left out.
fn levels(moments: &[Moment], gauge: &str) -> Vec<(i64, f64)> {
    publications(moments)
        .filter(|publication| &*publication.device == gauge && publication.duplicate_of.is_none())
        .map(|publication| {
            (
                publication.observed_ns,
                fields(publication)["level"].as_f64().unwrap(),
            )
        })
        .collect()
}

fn yagi_ns(hour: f64) -> i64 {
    viet_nam_midnight(2024, 9, 8) + (hour * HOUR_NS as f64) as i64
}

#[test]
fn published_levels_appear_as_published() {
    let moments = run("yagi-2024", 1, &Options::default());
    let mut checked = 0;
    for gauge in &GAUGES {
        let levels: HashMap<i64, f64> = levels(&moments, gauge.gauge).into_iter().collect();
        for point in gauge.points {
            if let Basis::Published(source) = point.basis {
                let level = levels[&yagi_ns(point.hour)];
                assert!(
                    (level - point.level).abs() < 0.005,
                    "{} {source}",
                    gauge.gauge
                );
                checked += 1;
            }
        }
    }
    // Lào Cai, Bảo Hà and Văn Bàn on the 8th, Yên Bái at noon and Lào Cai and Bảo Hà at 20:00 on the 9th.
    assert_eq!(checked, 6);
}

#[test]
fn each_alarm_level_is_crossed_once_up_and_once_down() {
    let moments = run("yagi-2024", 3, &Options::default());
    for (gauge, limits) in [
        ("wl-lao-cai", [80.0, 82.0, 83.5]),
        ("wl-bao-ha", [55.0, 56.0, 57.0]),
        ("wl-yen-bai", [30.0, 31.0, 32.0]),
    ] {
        let levels = levels(&moments, gauge);
        for limit in limits {
            // Raised at the limit, returned 0.1 m below it: the dead band of the rules.
            let (mut up, mut raised, mut down) = (0, false, 0);
            for &(_, level) in &levels {
                if !raised && level >= limit {
                    (up, raised) = (up + 1, true);
                } else if raised && level < limit - 0.1 {
                    (down, raised) = (down + 1, false);
                }
            }
            assert_eq!((up, down), (1, 1), "{gauge} {limit}");
        }
    }
}

#[test]
fn rivers_rise_no_faster_than_real_ones() {
    let moments = run("yagi-2024", 1, &Options::default());
    for gauge in &GAUGES {
        for pair in levels(&moments, gauge.gauge).windows(7) {
            let hours = (pair[6].0 - pair[0].0) as f64 / HOUR_NS as f64;
            let rate = (pair[6].1 - pair[0].1) / hours;
            assert!(rate < 0.75, "{} rises {rate} m/h", gauge.gauge);
        }
    }
}

#[test]
fn the_gauge_of_bao_ha_dies_at_its_peak_and_comes_back() {
    let moments = run("yagi-2024", 1, &Options::default());
    let levels = levels(&moments, "wl-bao-ha");
    let gap = levels
        .windows(2)
        .max_by_key(|pair| pair[1].0 - pair[0].0)
        .unwrap();
    assert_eq!(gap[0], (yagi_ns(44.0), 61.09));
    assert_eq!(gap[1].0, yagi_ns(54.0) + 40 * MINUTE_NS);
    assert!(gap[1].1 > 57.0, "still above BĐ3 when it is back");
}

#[test]
fn late_data_and_repeats_are_what_they_say() {
    let moments = run("yagi-2024", 1, &Options::default());
    let mut by_number: HashMap<u64, &Publication> = HashMap::new();
    let mut repeats = 0;
    for publication in publications(&moments) {
        if let Some(original) = publication.duplicate_of {
            assert_eq!(by_number[&original].payload, publication.payload);
            assert_eq!(by_number[&original].device, publication.device);
            repeats += 1;
        }
        by_number.insert(publication.number, publication);
    }
    assert_eq!(repeats, 26);
    let late = publications(&moments)
        .filter(|publication| publication.duplicate_of.is_none())
        .filter(|publication| publication.at_ns - publication.observed_ns > 10 * MINUTE_NS)
        .count();
    // 4.5 and 9 hours of ten minutes, 4 hours of five, the newest of each being no later than its interval.
    assert!((120..=130).contains(&late), "{late} late readings");
    assert!(moments.iter().any(|moment| !moment.cuts.is_empty()));
}

#[test]
fn same_seed_same_messages_and_other_seed_others() {
    let options = Options {
        devices: Some(3),
        ..Options::default()
    };
    for (name, _) in NAMES {
        assert_eq!(run(name, 7, &options), run(name, 7, &options));
        assert_ne!(run(name, 7, &options), run(name, 8, &options));
    }
}

#[test]
fn times_only_rise_and_native_payloads_are_what_they_say() {
    for (name, _) in NAMES {
        let options = Options {
            devices: Some(10),
            ..Options::default()
        };
        let scenario = scenario(name, 1, &options).unwrap();
        let (from_ns, to_ns) = (scenario.from_ns(), scenario.to_ns());
        let links = scenario.links().len();
        let mut last = (from_ns, None);
        let mut identities = HashSet::new();
        for moment in scenario {
            assert!(moment.at_ns >= last.0 && moment.at_ns <= to_ns);
            last.0 = moment.at_ns;
            for publication in &moment.publications {
                assert_eq!(
                    publication.number,
                    last.1.map_or(0, |number: u64| number + 1)
                );
                last.1 = Some(publication.number);
                assert_eq!(publication.at_ns, moment.at_ns);
                assert!(publication.observed_ns <= moment.at_ns && publication.link < links);
                if publication.format != "native" || publication.truth == Truth::Reject {
                    continue;
                }
                check_payload(publication);
                let identity = (publication.device.clone(), publication.payload.clone());
                assert_eq!(
                    identities.insert(identity),
                    publication.duplicate_of.is_none()
                );
            }
        }
    }
}

fn check_payload(publication: &Publication) {
    let fields = fields(publication);
    assert_eq!(fields["id"], *publication.device);
    assert!(fields["seq"].as_u64().unwrap() > 0);
    let stamp: jiff::Timestamp = fields["ts"].as_str().unwrap().parse().unwrap();
    assert_eq!(stamp.as_nanosecond(), i128::from(publication.observed_ns));
    assert!(
        fields
            .values()
            .all(|value| !value.is_object() && !value.is_array() && !value.is_null())
    );
    let topic: Vec<&str> = publication.topic.split('/').collect();
    assert_eq!(
        (topic[0], topic[1], topic[3], topic[4]),
        ("ioc", SITE, &*publication.device, "up")
    );
    assert!(["disaster", "energy", "environment", "tourism"].contains(&topic[2]));
}

#[test]
fn every_named_device_speaks_all_day_on_a_quiet_day() {
    let moments = run("quiet-day", 1, &Options::default());
    let scenario = scenario("quiet-day", 1, &Options::default()).unwrap();
    let mut heard: HashMap<&str, Vec<i64>> = HashMap::new();
    for publication in publications(&moments) {
        heard
            .entry(&publication.device)
            .or_default()
            .push(publication.at_ns);
    }
    assert_eq!(scenario.devices().count(), 51);
    for device in scenario.devices() {
        let times = &heard[device];
        assert!(times[0] - scenario.from_ns() < 15 * MINUTE_NS);
        assert!(
            times
                .windows(2)
                .all(|pair| pair[1] - pair[0] <= 15 * MINUTE_NS)
        );
        assert!(scenario.to_ns() - times[times.len() - 1] <= 15 * MINUTE_NS);
    }
    assert!(publications(&moments).all(|publication| publication.duplicate_of.is_none()));
}

#[test]
fn sizes_stay_what_the_demo_counts_on() {
    let count = |name: &str| publications(&run(name, 1, &Options::default())).count();
    assert!((35_000..45_000).contains(&count("yagi-2024")));
    assert!((9_000..12_000).contains(&count("quiet-day")));
    assert!((50_000..70_000).contains(&count("burst")));
}

#[test]
fn a_storm_comes_back_at_one_instant() {
    let options = Options {
        devices: Some(50),
        ..Options::default()
    };
    let moments = run("burst", 1, &options);
    let storm = moments
        .iter()
        .max_by_key(|moment| moment.publications.len())
        .unwrap();
    let devices: HashSet<&str> = storm
        .publications
        .iter()
        .filter(|publication| publication.at_ns - publication.observed_ns > HOUR_NS)
        .map(|publication| &*publication.device)
        .collect();
    assert_eq!(devices.len(), 50);
    assert!(storm.publications.len() >= 50 * 181);
}

#[test]
fn options_shift_time_scale_the_fleet_and_set_the_delivery() {
    let start_ns = 1_800_000_000 * 1_000_000_000;
    let options = Options {
        devices: Some(200),
        messages_per_second: Some(20.0),
        qos: Some(Qos::AtMostOnce),
        start_ns: Some(start_ns),
        compression: None,
    };
    let scenario = scenario("quiet-day", 1, &options).unwrap();
    assert_eq!(scenario.from_ns(), start_ns);
    let minutes_10 = start_ns + 10 * MINUTE_NS;
    let first: Vec<Moment> = scenario
        .take_while(|moment| moment.at_ns < minutes_10)
        .collect();
    let numbered = publications(&first)
        .filter(|publication| publication.device.starts_with("aqm-0"))
        .count();
    assert_eq!(numbered, 10 * 60 * 20);
    assert!(publications(&first).all(|publication| publication.qos == Qos::AtMostOnce));
}

#[test]
fn compression_shortens_times_and_nothing_else() {
    let start_ns = 1_800_000_000 * 1_000_000_000;
    let options = Options {
        start_ns: Some(start_ns),
        compression: Some(60.0),
        ..Options::default()
    };
    let fast = run("yagi-2024", 1, &options);
    let slow = run("yagi-2024", 1, &Options::default());
    assert_eq!(fast.len(), slow.len());
    let (last, end) = (fast.last().unwrap(), slow.last().unwrap());
    assert_eq!(last.at_ns - start_ns, (end.at_ns - yagi_ns(0.0)) / 60);
    for (fast, slow) in publications(&fast).zip(publications(&slow)) {
        assert_eq!(fields(fast).get("level"), fields(slow).get("level"));
    }
}

#[test]
fn nonsense_is_refused() {
    let refused = |name: &str, options: Options| scenario(name, 1, &options).err();
    assert!(matches!(
        refused("x", Options::default()),
        Some(ScenarioError::Unknown { .. })
    ));
    let many = Options {
        devices: Some(DEVICES_MAX + 1),
        ..Options::default()
    };
    assert!(matches!(
        refused("burst", many),
        Some(ScenarioError::TooManyDevices { .. })
    ));
    let rate = Options {
        messages_per_second: Some(0.0),
        ..Options::default()
    };
    assert_eq!(refused("burst", rate), Some(ScenarioError::BadRate));
}
