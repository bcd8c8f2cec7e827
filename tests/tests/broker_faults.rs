//! The outside broker goes away and comes back, with the sessions it had and without: told to the operator, nothing lost that
//! the broker did not lose, and alerts that come by the other door ring all along.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use ioc_tests::faults::{Alarm, Bed, Parts, SinkView, Watch, quantile, seconds};
use ioc_tests::node::Node;
use ioc_tests::outcomes::Outcomes;
use ioc_tests::publisher::Publisher;
use ioc_tests::readback;
use ioc_tests::services::Mosquitto;
use ioc_tests::wait;

const LIMIT: Duration = Duration::from_secs(60);
/// Messages a publisher may have unacknowledged.
const INFLIGHT: u64 = 200;

/// A node behind a broker, a device that publishes to the broker, and alerts at the listener.
struct Scene {
    bed: Bed,
    broker: Mosquitto,
    node: Node,
    alarm: Alarm,
    watch: Watch,
    publisher: Publisher,
}

impl Scene {
    fn start(name: &str) -> Self {
        let parts = Parts {
            kafka: true,
            ..Parts::default()
        };
        let mut bed = Bed::new(name, parts);
        let broker = Mosquitto::start(bed.folder.path());
        bed.set("IOC__BROKER__URL", &broker.url());
        bed.set("IOC__BROKER__FILTERS", "ioc/+/env/+/up");
        let node = bed.start();
        let watch = Watch::start(node.console, node.pid());
        let alarm = Alarm::start(node.ingest[0], node.console);
        wait_for_all(&watch);
        let more = ["--stamped", "--rate", "500"];
        let port = broker.address.port();
        let publisher = Publisher::start_with(bed.folder.path(), port, "field", "3.1.1", 1, &more);
        let scene = Self {
            bed,
            broker,
            node,
            alarm,
            watch,
            publisher,
        };
        scene.publish(1_500);
        scene
    }

    /// Until so many more are acknowledged.
    fn publish(&self, count: usize) {
        let target = self.publisher.acked().len() + count;
        wait::until("the broker acknowledges", LIMIT, || {
            self.alarm.check();
            (self.publisher.acked().len() >= target).then_some(())
        });
    }

    /// While the broker is away, an operator is told so.
    fn is_told(&self) {
        let view = wait::until("an operator is told", LIMIT, || {
            let view = door(&self.watch);
            (view.state == "retrying").then_some(view)
        });
        assert_eq!(view.code, "unreachable", "{view:?}");
        assert!(view.message.len() > 10 && !view.since.is_empty());
        let (well, words) = self.bed.status();
        assert!(!well && words.contains("broker"), "{words}");
        println!("{}\n{words}", view.message);
        let started = std::time::Instant::now();
        wait::until("time passes", seconds() + LIMIT, || {
            self.alarm.check();
            (started.elapsed() >= seconds()).then_some(())
        });
        assert_eq!(door(&self.watch).state, "retrying");
    }

    /// Publishes on, stops, and gives what was acknowledged and is not in `outcomes`.
    fn finish(mut self) -> BTreeSet<u64> {
        self.publish(1_500);
        self.publisher.finish();
        let rang = self.alarm.finish();
        let late = rang.iter().map(|one| one.on_feed.as_secs_f64() * 1e3);
        println!(
            "{} alerts, p99 {:?} ms",
            rang.len(),
            quantile(late.collect(), 0.99)
        );
        let acked = self.publisher.acked_numbers();
        let (last, device) = (acked.last().copied().unwrap(), self.publisher.device());
        let data = self.node.data.clone();
        wait::until("the last message is in", LIMIT, || {
            Outcomes::read(&data)
                .numbers(&device)
                .contains(&last)
                .then_some(())
        });
        wait::until("all is well", LIMIT, || self.bed.status().0.then_some(()));
        // What the broker still had for us comes until then.
        self.node.stop();
        let outcomes = Outcomes::read(&data);
        let topics = self.bed.kafka().topics.clone();
        let repeats = readback::check_events(&outcomes, &topics);
        assert_eq!(repeats, readback::Repeats::default());
        readback::check_alerts_and_rejects(&outcomes, &topics);
        let kept = outcomes.numbers(&device);
        let count = outcomes
            .events
            .values()
            .filter(|event| event["device"] == device.as_str())
            .count();
        assert_eq!(count, kept.len(), "a repeat became a second event");
        println!("{} acknowledged, {} kept", acked.len(), kept.len());
        acked.difference(&kept).copied().collect()
    }
}

fn door(watch: &Watch) -> SinkView {
    watch.last().sink("broker").clone()
}

/// Every client is connected and subscribed.
fn wait_for_all(watch: &Watch) {
    wait::until("the clients are subscribed", LIMIT, || {
        let views = watch.between(
            std::time::Instant::now() - Duration::from_secs(1),
            std::time::Instant::now(),
        );
        let view = views.last()?.sink("broker").clone();
        let counts = &view.raw["connections"];
        let all = counts["clients"].as_u64()? > 0 && counts["clients"] == counts["connected"];
        (view.state == "running" && all).then_some(())
    });
}

fn lost_sessions(watch: &Watch) -> u64 {
    let door = door(watch);
    door.raw["connections"]["lost_sessions"].as_u64().unwrap()
}

#[test]
fn a_broker_that_kept_its_sessions_costs_nothing() {
    let mut scene = Scene::start("broker");
    let before = lost_sessions(&scene.watch);
    scene.broker.server.stop();
    scene.is_told();
    scene.broker.start_again();
    wait_for_all(&scene.watch);
    assert_eq!(lost_sessions(&scene.watch), before);
    let lost = scene.finish();
    assert!(lost.is_empty(), "{} lost: {lost:?}", lost.len());
}

#[test]
fn a_broker_that_forgot_its_sessions_is_counted_and_goes_on() {
    let mut scene = Scene::start("broker-lost");
    let before = lost_sessions(&scene.watch);
    scene.broker.server.kill();
    scene.is_told();
    for entry in fs::read_dir(scene.bed.folder.path().join("mosquitto")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "db") {
            fs::remove_file(path).unwrap();
        }
    }
    scene.broker.start_again();
    wait_for_all(&scene.watch);
    assert!(
        lost_sessions(&scene.watch) > before,
        "nobody is told of the loss"
    );
    let acked = scene.publisher.acked_numbers();
    let again = acked.last().copied().unwrap() + INFLIGHT;
    let lost = scene.finish();
    println!(
        "{} lost by the broker: {:?} to {:?}",
        lost.len(),
        lost.first(),
        lost.last()
    );
    let ours: Vec<_> = lost.iter().filter(|number| **number > again).collect();
    assert!(ours.is_empty(), "subscribed again, and yet lost: {ours:?}");
}
