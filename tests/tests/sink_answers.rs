//! Servers that answer, but not as hoped: every refusal of InfluxDB, a token that is revoked, a topic that is deleted, a
//! message that is too large, and the node's own disk full. Told to the operator, survived without help, nothing lost.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ioc_tests::faults::{
    Bed, Expected, Fault, Link, Parts, Published, Trial, device, publish, rate, seconds, value,
};
use ioc_tests::readback::{EVENTS, REJECTS};
use ioc_tests::services::{Answer, Message, Request, StandIn};
use ioc_tests::{http, wait};
use serde_json::Value;

const TOLD: Duration = Duration::from_secs(60);

/// A stand-in's memory: the lines that it said to have stored.
#[derive(Clone, Default)]
struct Store(Arc<Mutex<BTreeSet<String>>>);

impl Store {
    fn keep<'a>(&self, lines: impl Iterator<Item = &'a str>) {
        let mut store = self.0.lock().unwrap();
        store.extend(lines.map(str::to_owned));
    }

    fn accept(&self, request: &Request) -> Answer {
        self.keep(lines(request));
        Answer::status(204)
    }

    /// Everything that was published, as it was published.
    fn check(&self, published: &Published) {
        let store = self.0.lock().unwrap();
        let loads = store
            .iter()
            .filter(|line| line.contains("entity=aqm-load-"));
        let found: BTreeSet<(String, String, String)> = loads.map(|line| point(line)).collect();
        for (number, stamp) in (0_u64..).zip(&published.stamps) {
            let time = format!("{}", stamp * 1_000);
            let point = (device(number), time, format!("{}", value(number)));
            assert!(found.contains(&point), "{number} is missing: {point:?}");
        }
        assert_eq!(found.len(), published.stamps.len(), "nobody published more");
    }
}

type Refusal = fn(&Request, &Store) -> Answer;

/// Without comments.
fn lines(request: &Request) -> impl Iterator<Item = &str> {
    request.body.lines().filter(|line| !line.starts_with('#'))
}

fn point(line: &str) -> (String, String, String) {
    let part = |begin: &str| {
        let rest = line.split(begin).nth(1).unwrap();
        rest.split([',', ' ']).next().unwrap().to_owned()
    };
    let time = line.rsplit(' ').next().unwrap().to_owned();
    (part("entity="), time, part("pm25="))
}

/// One reading of a device of its own.
fn reading(trial: &Trial, client: &str, device: &str, number: u64) {
    let payload = format!("{{\"id\":\"{device}\",\"seq\":{number},\"pm25\":1}}");
    send(
        trial,
        client,
        &format!("ioc/lao-cai/environment/{device}/up"),
        payload.as_bytes(),
    );
}

/// As large as a reading can be: a long name, and values that are all out of range.
fn full_reading(trial: &Trial, client: &str, device: &str) {
    let mut payload = format!("{{\"id\":\"{device}\",\"seq\":1");
    for field in [
        "pm25", "pm10", "no2", "so2", "co", "o3", "temp", "hum", "battery",
    ] {
        payload += &format!(",\"{field}\":-123456789012.34567");
    }
    payload += ",\"sensor_status\":\"01\"}";
    send(
        trial,
        client,
        &format!("ioc/lao-cai/environment/{device}/up"),
        payload.as_bytes(),
    );
}

fn send(trial: &Trial, client: &str, topic: &str, payload: &[u8]) {
    let mut link = Link::connect(trial.node.ingest[0], client);
    let mut packet = Vec::new();
    publish(&mut packet, topic, 1, payload);
    link.stream.write_all(&packet).unwrap();
    assert_eq!(link.puback(), Some(1));
}

/// The reasons of what a sink refused.
fn refused(trial: &Trial) -> Vec<Value> {
    let rejects = http::get(trial.node.console, "/api/v1/rejects").json();
    let mut all = rejects["rejects"].as_array().unwrap().clone();
    all.retain(|reject| reject["code"] == "sink_refused");
    all
}

#[test]
fn every_refusal_of_influxdb_is_told_and_waited_out() {
    let mut bed = Bed::new("answers", Parts::default());
    let store = Store::default();
    let kept = store.clone();
    let server = StandIn::start(move |request| kept.accept(request));
    bed.influxdb_at(&server.url(), "token");
    bed.set("IOC__INFLUXDB__RETRY_MAX_MS", "1000");
    let trial = Trial::start(&bed);
    let no_bucket = Answer::error(404, "not found", "bucket \"ioc\" not found");
    let cases: [(&str, Answer); 9] = [
        (
            "unauthenticated",
            Answer::error(401, "unauthorized", "unauthorized access"),
        ),
        (
            "forbidden",
            Answer::error(403, "forbidden", "insufficient permissions"),
        ),
        ("not_found", no_bucket),
        (
            "rate_limited",
            Answer::error(429, "too many requests", "slow down").retry_after(1),
        ),
        (
            "unavailable",
            Answer::error(500, "internal error", "broken"),
        ),
        (
            "unavailable",
            Answer::error(503, "unavailable", "compacting").retry_after(1),
        ),
        ("unreachable", Answer::cut()),
        (
            "unreachable",
            Answer::error(503, "unavailable", "half of it").half(),
        ),
        (
            "timed_out",
            Answer::status(204).after(Duration::from_secs(600)),
        ),
    ];
    for (code, answer) in cases {
        let before = server.requests().len();
        let shown = format!("{answer:?}");
        server.answer(move |_| answer.clone());
        let view = trial.wait_for_trouble("influxdb", &[code], TOLD);
        trial.hold(Duration::from_secs(1));
        let (well, words) = bed.status();
        assert!(
            !well && words.contains(&format!("({code})")),
            "{shown}: {words}"
        );
        assert_eq!(view.rejected, 0, "{shown}");
        let asked = server.requests().len() - before;
        assert!(asked <= 20, "{shown}: asked {asked} times");
        let kept = store.clone();
        server.answer(move |request| kept.accept(request));
        trial.wait_for_well("influxdb");
        println!("{code}: {}", view.message);
    }
    let alerts = trial.sink("influxdb");
    assert_eq!((alerts.rejected, alerts.dropped), (0, 0));
    store.check(&trial.finish(&mut bed));
}

/// A line that the server will never take goes to quarantine with the server's reason, alone: 400 that names it, 400 that does
/// not, 422 that has stored the others; and a request that is too large is halved.
#[test]
fn a_poisonous_line_is_found_and_its_neighbours_pass() {
    let mut bed = Bed::new("poison", Parts::default());
    let store = Store::default();
    let kept = store.clone();
    let server = StandIn::start(move |request| kept.accept(request));
    bed.influxdb_at(&server.url(), "token");
    let trial = Trial::start(&bed);
    let cases: [(&str, Refusal); 3] = [
        ("named", |request, _| {
            let bad = lines(request).find(|line| line.contains("aqm-poison"));
            let message = format!("unable to parse '{}': time outside range", bad.unwrap());
            Answer::error(400, "invalid", &message)
        }),
        ("unnamed", |_, _| {
            Answer::error(400, "invalid", "time outside range")
        }),
        ("partial", |request, store| {
            store.keep(lines(request).filter(|line| !line.contains("aqm-poison")));
            let message =
                "failure writing points to database: partial write: time outside range dropped=1";
            Answer::error(422, "unprocessable entity", message)
        }),
    ];
    for (number, (name, answer)) in (1_u64..).zip(cases) {
        let kept = store.clone();
        server.answer(move |request| {
            if request.body.contains("aqm-poison") {
                answer(request, &kept)
            } else {
                kept.accept(request)
            }
        });
        reading(&trial, "poison", "aqm-poison", number);
        wait::until(&format!("{name}: it is in quarantine"), TOLD, || {
            let counted = trial.sink("influxdb").rejected == number;
            (refused(&trial).len() as u64 == number && counted).then_some(())
        });
        trial.wait_for_well("influxdb");
    }
    for reject in refused(&trial) {
        let reason = reject.to_string();
        assert!(reason.contains("time outside range"), "{reason}");
        assert!(reason.contains("influxdb"), "{reason}");
    }
    let kept = store.clone();
    server.answer(move |request| {
        if lines(request).count() > 20 {
            return Answer::error(413, "request too large", "too large");
        }
        kept.accept(request)
    });
    trial.hold(Duration::from_secs(2));
    let kept = store.clone();
    server.answer(move |request| kept.accept(request));
    trial.wait_for_well("influxdb");
    assert_eq!(trial.sink("influxdb").rejected, 3, "413 refuses nothing");
    store.check(&trial.finish(&mut bed));
}

#[test]
fn a_revoked_token_costs_nothing_but_time() {
    let parts = Parts {
        kafka: true,
        influxdb: true,
        proxies: false,
    };
    let mut bed = Bed::new("token", parts);
    let bucket = bed.influxdb().bucket.clone();
    let (id, token) = bucket.new_token();
    bed.influxdb_at(&bucket.url(), &token);
    let mut trial = Trial::start(&bed);
    let fault = Fault {
        name: "token withdrawn",
        hurt: vec![Expected {
            sink: "influxdb",
            // What InfluxDB says of a token that is known, but put out of use.
            codes: &["forbidden"],
            lasting: true,
        }],
        well: vec!["kafka"],
    };
    let path = format!("/api/v2/authorizations/{id}");
    let set = |state: &str| {
        let body = serde_json::json!({"status": state});
        bucket.call("PATCH", &path, &body);
    };
    trial.fault(&mut bed, &fault, |_| set("inactive"), |_| set("active"));
    // Now for good: a new one and a restart.
    bucket.revoke(&id);
    let view = trial.wait_for_trouble("influxdb", &["unauthenticated"], TOLD);
    assert!(view.message.contains("influxdb.token"), "{}", view.message);
    assert!(!view.message.contains(&token), "the token is shown");
    trial.hold(seconds() / 2);
    let quiet = trial.quiet();
    let (_, token) = bucket.new_token();
    bed.influxdb_at(&bucket.url(), &token);
    let quiet = quiet.restart(&bed, |node| {
        assert!(!node.log().contains(&token));
        let status = node.stop_anyhow();
        assert_eq!(status.code(), Some(3), "stopped with something undelivered");
    });
    let published = quiet.finish(&mut bed, 0);
    assert_eq!(published.repeats, 0);
}

/// Deleted while it is written to, and made anew by somebody: what was acknowledged before is gone with it, everything
/// else is in the new one.
#[test]
fn a_deleted_topic_is_told_and_filled_again() {
    let parts = Parts {
        kafka: true,
        influxdb: true,
        proxies: false,
    };
    let mut bed = Bed::new("topic", parts);
    // The node makes its topics at the first start, and none later.
    bed.start().stop();
    bed.set("IOC__KAFKA__CREATE_TOPICS", "false");
    let mut trial = Trial::start(&bed);
    let topics = bed.kafka().topics.clone();
    let fault = Fault {
        name: "topic deleted",
        hurt: vec![Expected {
            sink: "kafka",
            codes: &["timed_out", "not_found", "leaderless"],
            lasting: true,
        }],
        well: vec!["influxdb"],
    };
    let mut deleted_at = 0;
    let sent = trial.load.counter();
    trial.fault(
        &mut bed,
        &fault,
        |_| {
            topics.delete(EVENTS);
            wait::until("the topic is gone", TOLD, || {
                (topics.partitions(EVENTS) == 0).then_some(())
            });
            deleted_at = sent.now();
        },
        |_| topics.create(EVENTS, 6),
    );
    trial.quiet().finish(&mut bed, deleted_at);
}

/// A topic takes less than it took when the sink looked: the one event that is too large goes to quarantine with the reason,
/// and a reject is shortened.
#[test]
fn an_event_too_large_for_kafka_goes_to_quarantine_alone() {
    let parts = Parts {
        kafka: true,
        influxdb: false,
        proxies: false,
    };
    let mut bed = Bed::new("large", parts);
    let trial = Trial::start(&bed);
    let topics = bed.kafka().topics.clone();
    // Enough for any event of the load (with the room that the sink keeps for framing), and less than many alerts have.
    // So narrow that nearly every event is a request of its own: fewer of them.
    trial.load.set_rate(100);
    topics.limit(EVENTS, 2_600);
    let large = format!("aqm-{}", "x".repeat(60));
    reading(&trial, "small", "aqm-before", 1);
    full_reading(&trial, "large", &large);
    reading(&trial, "small", "aqm-after", 1);
    wait::until("the large one is in quarantine", TOLD, || {
        let counted = trial.sink("kafka").rejected == 1;
        (refused(&trial).len() == 1 && counted).then_some(())
    });
    let reason = refused(&trial)[0].to_string();
    assert!(reason.contains("kafka"), "{reason}");
    send(
        &trial,
        "noise",
        "ioc/lao-cai/environment/aqm-x/up",
        &[0xff; 100_000],
    );
    trial.wait_for_well("kafka");
    let quiet = trial.quiet();
    quiet.wait_for_everything();
    let rejects = topics.read(REJECTS);
    assert_eq!(
        rejects.len(),
        2,
        "what is said of the large one, and the noise"
    );
    let events = topics.read(EVENTS);
    let has = |device: &str| {
        let of = |message: &&_| key(message) == Some(device);
        events.iter().filter(of).count()
    };
    assert_eq!(
        (has("aqm-before"), has("aqm-after"), has(&large)),
        (1, 1, 0)
    );
    quiet.finish(&mut bed, 0);
}

fn key(message: &Message) -> Option<&str> {
    message.key.as_deref()
}

/// Ordinary messages wait, alerts ring and reach both stores, and with room again everything goes on by itself.
#[test]
fn a_full_disk_holds_up_neither_alerts_nor_their_delivery() {
    let parts = Parts {
        kafka: true,
        influxdb: true,
        proxies: false,
    };
    let mut bed = Bed::new("disk", parts);
    if !bed.on_small_volume(256) {
        // Needs root; CI has it.
        println!("skipped: no right to mount a volume");
        return;
    }
    for (key, value) in [
        ("IOC__JOURNAL__SEGMENT_BYTES", "4194304"),
        ("IOC__JOURNAL__RESERVE_DISASTER_BYTES", "8388608"),
        ("IOC__JOURNAL__RESERVE_SYSTEM_BYTES", "16777216"),
    ] {
        bed.set(key, value);
    }
    let trial = Trial::start(&bed);
    let ballast = bed.data.join("ballast");
    let mut file = fs::File::create(&ballast).unwrap();
    let block = vec![1_u8; 1 << 20];
    while file.write_all(&block).is_ok() {}
    let sent = trial.load.counter();
    wait::until("the load is held back", TOLD, || {
        // Another process may have freed a little: whatever is there is taken.
        let _ = file.write_all(&block[..4_096]);
        let before = trial.load.acked();
        trial.hold(Duration::from_millis(500));
        (trial.load.acked() == before).then_some(())
    });
    let (well, words) = bed.status();
    assert!(!well && words.contains("not ready"), "{words}");
    let alerts = "ioc.alerts.v1";
    let topics = bed.kafka().topics.clone();
    let before = (topics.count(alerts), trial.sink("influxdb").position);
    trial.hold(seconds());
    let after = (topics.count(alerts), trial.sink("influxdb").position);
    // A crossing and a fall, several times a second.
    let least = seconds().as_secs();
    assert!(after.0 >= before.0 + least, "{before:?} {after:?}");
    assert!(after.1 >= before.1 + least, "{before:?} {after:?}");
    for sink in ["kafka", "influxdb"] {
        let view = trial.sink(sink);
        assert!(view.lag_records <= 5 * rate(), "{view:?}");
        assert!(view.state == "running" || view.code == "disk", "{view:?}");
    }
    println!("while full: {words}");
    drop(file);
    fs::remove_file(&ballast).unwrap();
    let held = sent.now();
    wait::until("the load goes on", TOLD, || {
        (trial.load.acked() > held + rate()).then_some(())
    });
    for sink in ["kafka", "influxdb"] {
        trial.wait_for_well(sink);
    }
    wait::until("all is well", TOLD, || bed.status().0.then_some(()));
    let published = trial.finish(&mut bed);
    println!("{} messages, 0 lost", published.stamps.len());
}
