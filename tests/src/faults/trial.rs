//! A node under load that faults happen to, one after the other; what is asserted of each is here.

use std::time::{Duration, Instant};

use super::alarm::{Alarm, Rang};
use super::bed::Bed;
use super::check::{Delivered, check_alerts, check_influxdb, check_kafka};
use super::figures::{Moment, Row, quantile};
use super::load::Load;
use super::watch::{SinkView, Watch};
use super::{rate, seconds};
use crate::node::Node;
use crate::services::memory;
use crate::wait;

/// For a backlog to be delivered after a fault.
const DRAINED: Duration = Duration::from_secs(180);
const RSS_MAX: u64 = 512 << 20;

/// A sink that the fault is about, and what an operator has to be told of it.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    pub sink: &'static str,
    /// One of these codes.
    pub codes: &'static [&'static str],
    /// Until the end of the fault; a server that is only slow answers now and then, and the state with it.
    pub lasting: bool,
}

#[derive(Clone, Debug)]
pub struct Fault {
    pub name: &'static str,
    pub hurt: Vec<Expected>,
    /// Sinks that must not notice.
    pub well: Vec<&'static str>,
}

/// One fault that is over.
pub struct Ended {
    name: String,
    hurt: Vec<&'static str>,
    well: Vec<&'static str>,
    before: Moment,
    from: Moment,
    to: Moment,
    drained: Moment,
    lag_records: u64,
    lag_seconds: f64,
    drain_per_second: f64,
    told_after: Option<Duration>,
    words: String,
}

pub struct Trial {
    pub node: Node,
    pub load: Load,
    alarm: Alarm,
    pub watch: Watch,
    ended: Vec<Ended>,
}

impl Trial {
    /// The node runs, the load too, and every sink delivers.
    pub fn start(bed: &Bed) -> Self {
        let node = bed.start();
        let load = Load::start(node.ingest[0], rate());
        let trial = Self {
            alarm: Alarm::start(node.ingest[0], node.console),
            watch: Watch::start(node.console, node.pid()),
            node,
            load,
            ended: Vec::new(),
        };
        trial.hold(Duration::from_secs(1));
        for sink in ["kafka", "influxdb"] {
            if trial.watch.last().sinks.contains_key(sink) {
                trial.wait_for_well(sink);
            }
        }
        trial
    }

    pub fn sink(&self, name: &str) -> SinkView {
        self.watch.last().sink(name).clone()
    }

    /// Lets it run for a while, with everybody looking.
    pub fn hold(&self, time: Duration) {
        let started = Instant::now();
        wait::until("time passes", time + Duration::from_secs(30), || {
            self.alarm.check();
            (started.elapsed() >= time).then_some(())
        });
    }

    /// Until the sink delivers and is not behind.
    pub fn wait_for_well(&self, sink: &str) {
        wait::until(&format!("{sink} is up to date"), DRAINED, || {
            self.alarm.check();
            let view = self.sink(sink);
            (view.state == "running" && view.lag_records < rate()).then_some(())
        });
    }

    /// Until an operator is told one of the codes.
    pub fn wait_for_trouble(&self, sink: &str, codes: &[&str], limit: Duration) -> SinkView {
        wait::until(&format!("{sink} is in trouble: {codes:?}"), limit, || {
            let view = self.sink(sink);
            is_told(&view, codes).then_some(view)
        })
    }

    pub fn moment(&self) -> Moment {
        Moment::now(self.node.admin, self.load.sent())
    }

    /// A quiet phase, the fault for as long as it is set, and the end of its backlog.
    pub fn fault(
        &mut self,
        bed: &mut Bed,
        fault: &Fault,
        inject: impl FnOnce(&mut Bed),
        heal: impl FnOnce(&mut Bed),
    ) {
        let before = self.moment();
        self.hold(seconds().min(Duration::from_secs(30)).mul_f64(0.7));
        let from = self.moment();
        inject(bed);
        self.hold(seconds());
        let to = self.moment();
        self.check_the_well(fault, &from, &to);
        let (told_after, lag) = self.check_the_hurt(fault, &from, &to);
        let (all_well, words) = bed.status();
        for hurt in fault.hurt.iter().filter(|hurt| hurt.lasting) {
            assert!(!all_well, "{}: {words}", fault.name);
            let line = words.lines().find(|line| line.starts_with(hurt.sink));
            let line = line.unwrap_or_else(|| panic!("{}: {words}", fault.name));
            assert!(line.contains("retrying"), "{}: {words}", fault.name);
            let named = |code: &&&str| words.contains(&format!("({code})"));
            assert!(hurt.codes.iter().any(|code| named(&code)), "{words}");
        }
        let healed = Instant::now();
        let behind: Vec<u64> = fault
            .hurt
            .iter()
            .map(|hurt| self.sink(hurt.sink).position)
            .collect();
        heal(bed);
        let back = Instant::now();
        for hurt in &fault.hurt {
            self.wait_for_well(hurt.sink);
        }
        let drained = self.moment();
        for hurt in &fault.hurt {
            self.check_the_lag_falls(hurt.sink, healed);
        }
        let delivered = fault
            .hurt
            .iter()
            .zip(behind)
            .map(|(hurt, behind)| self.sink(hurt.sink).position - behind)
            .min();
        wait::until("all is well", Duration::from_secs(20), || {
            bed.status().0.then_some(())
        });
        self.ended.push(Ended {
            name: fault.name.to_owned(),
            hurt: fault.hurt.iter().map(|hurt| hurt.sink).collect(),
            well: fault.well.clone(),
            before,
            from,
            to,
            lag_records: lag.0,
            lag_seconds: lag.1,
            drain_per_second: delivered.unwrap_or(0) as f64
                / (drained.at - back).as_secs_f64().max(0.001),
            drained,
            told_after,
            words,
        });
    }

    /// Those that are not meant go on: running all the time, at the speed of the load, hardly behind.
    fn check_the_well(&self, fault: &Fault, from: &Moment, to: &Moment) {
        let views = self.watch.between(from.at, to.at);
        let (first, last) = (views.first().unwrap(), views.last().unwrap());
        let sent = to.sent - from.sent;
        for sink in &fault.well {
            let name = fault.name;
            let moved = last.sink(sink).position - first.sink(sink).position;
            assert!(
                moved * 10 >= sent * 8,
                "{name}: {sink} moved by {moved} of {sent} only"
            );
            let lag = views.iter().map(|view| view.sink(sink).lag_records).max();
            let bound = 5 * rate();
            assert!(
                lag.unwrap() <= bound,
                "{name}: {sink} was behind by {lag:?}"
            );
            let states = views.iter().map(|view| &view.sink(sink).state);
            let other = states.clone().find(|state| *state != "running");
            assert_eq!(other, None, "{name}: {sink}");
        }
        assert!(
            sent >= rate() * seconds().as_secs() * 8 / 10,
            "{}: {sent} messages were taken in only",
            fault.name
        );
    }

    /// Those that are meant lag more and more, and say why; gives after which time, and the lag at the end.
    fn check_the_hurt(
        &self,
        fault: &Fault,
        from: &Moment,
        to: &Moment,
    ) -> (Option<Duration>, (u64, f64)) {
        let views = self.watch.between(from.at, to.at);
        let (mut told_after, mut lag) = (None, (0, 0.0));
        for hurt in &fault.hurt {
            let name = fault.name;
            let last = views.last().unwrap().sink(hurt.sink).clone();
            lag = (
                last.lag_records.max(lag.0),
                f64::max(last.lag_seconds, lag.1),
            );
            // A window may still have been taken in the first moments.
            let least = (to.sent - from.sent) / 2;
            assert!(last.lag_records >= least, "{name}: {last:?}");
            let age = seconds().as_secs_f64() / 2.0;
            assert!(last.lag_seconds >= age, "{name}: {last:?}");
            let told = views
                .iter()
                .find(|view| is_told(view.sink(hurt.sink), hurt.codes));
            // Of a server that is only slow the lag tells (checked above); words come when one answer takes too long, which a
            // short fault may not see.
            let Some(told) = told else {
                assert!(!hurt.lasting, "{name}: nobody is told: {last:?}");
                continue;
            };
            assert!(
                !hurt.lasting || is_told(&last, hurt.codes),
                "{name}: {last:?}"
            );
            assert!(
                last.message.len() > 20 && !last.since.is_empty(),
                "{last:?}"
            );
            told_after = told_after.max(Some(told.at - from.at));
        }
        (told_after, lag)
    }

    /// The lag goes back to nothing, and the trouble is remembered.
    fn check_the_lag_falls(&self, sink: &str, healed: Instant) {
        let views = self.watch.between(healed, Instant::now());
        let positions: Vec<u64> = views.iter().map(|view| view.sink(sink).position).collect();
        assert!(positions.is_sorted(), "{sink} went back: {positions:?}");
        assert_eq!(views.last().unwrap().sink(sink).dropped, 0, "{sink}");
    }

    /// Stops load and alarm; the node goes on.
    pub fn quiet(self) -> Quiet {
        Quiet {
            rang: self.alarm.finish(),
            stamps: self.load.finish(),
            node: self.node,
            watch: self.watch,
            ended: self.ended,
        }
    }

    /// Stops the load, waits until all is delivered, and holds the stores against what was published.
    pub fn finish(self, bed: &mut Bed) -> Published {
        self.quiet().finish(bed, 0)
    }
}

/// A trial whose load has ended.
pub struct Quiet {
    pub node: Node,
    pub watch: Watch,
    pub stamps: Vec<i64>,
    rang: Vec<Rang>,
    ended: Vec<Ended>,
}

/// What was published and compared.
pub struct Published {
    /// The time (microseconds) of each message.
    pub stamps: Vec<i64>,
    /// Messages that Kafka has more than once, counted once each time more.
    pub repeats: usize,
}

impl Quiet {
    /// The same folder again, with what the bed says now.
    pub fn restart(mut self, bed: &Bed, stop: impl FnOnce(Node)) -> Self {
        stop(self.node);
        self.node = bed.start();
        self.watch = Watch::start(self.node.console, self.node.pid());
        self
    }

    pub fn wait_for_everything(&self) {
        let started = Instant::now();
        for sink in ["kafka", "influxdb"] {
            wait::until(&format!("{sink} has everything"), DRAINED, || {
                let views = self.watch.between(started, Instant::now());
                let sinks = &views.last()?.sinks;
                let left = sinks.get(sink).map_or(0, |sink| sink.lag_records);
                (left == 0).then_some(())
            });
        }
    }

    /// In Kafka everything from message number `kafka_from` on, in InfluxDB everything; writes the table.
    pub fn finish(self, bed: &mut Bed, kafka_from: u64) -> Published {
        self.wait_for_everything();
        let peak = memory(self.node.pid()).peak;
        assert!(peak <= RSS_MAX, "{} MiB resident", peak >> 20);
        let data = self.node.data.clone();
        self.node.stop();
        let mut delivered = Vec::new();
        if bed.has_kafka() {
            let topics = bed.kafka().topics.clone();
            delivered = check_kafka(&topics, &self.stamps, kafka_from);
            check_alerts(&data, &topics);
        }
        if bed.has_influxdb() {
            check_influxdb(&bed.influxdb().bucket, &self.stamps);
        }
        let repeats = delivered.iter().filter(|one| one.repeat).count();
        for ended in &self.ended {
            ended.write(&self.rang, &delivered, &self.stamps, peak, repeats);
        }
        Published {
            stamps: self.stamps,
            repeats,
        }
    }
}

fn is_told(view: &SinkView, codes: &[&str]) -> bool {
    view.state == "retrying" && codes.contains(&view.code.as_str())
}

impl Ended {
    fn write(
        &self,
        rang: &[Rang],
        delivered: &[Delivered],
        stamps: &[i64],
        peak: u64,
        repeats: usize,
    ) {
        let alert = |from: &Moment, to: &Moment, share: f64| {
            let of = rang.iter().filter(|one| (from.at..to.at).contains(&one.at));
            quantile(
                of.map(|one| one.on_feed.as_secs_f64() * 1e3).collect(),
                share,
            )
        };
        let acknowledged = |from: &Moment, to: &Moment| {
            let of = rang.iter().filter(|one| (from.at..to.at).contains(&one.at));
            quantile(
                of.map(|one| one.acknowledged.as_secs_f64() * 1e3).collect(),
                0.99,
            )
        };
        // Kafka says itself when it appended a message; of InfluxDB the node's histogram tells.
        let other = |from: &Moment, to: &Moment| match self.well.first().copied() {
            Some("kafka") => {
                let of = delivered.iter().filter(|one| {
                    (from.wall_us..to.wall_us).contains(&stamps[one.number as usize]) && !one.repeat
                });
                let late = of.map(|one| {
                    (one.appended_ms * 1_000 - stamps[one.number as usize]) as f64 / 1e3
                });
                quantile(late.collect(), 0.99)
            }
            Some(sink) => from.age_p99_ms(to, sink),
            None => None,
        };
        let ratio = |during: Option<f64>, before: Option<f64>| Some(during? / before?);
        let (before, from, to) = (&self.before, &self.from, &self.to);
        let mut row = Row::new(&self.name);
        row.set("seconds", seconds().as_secs())
            .set("rate", rate())
            .set("hurt", self.hurt.join("+"))
            .set("other", self.well.join("+"));
        for (key, figure) in [
            ("alert_p50_ms", alert(from, to, 0.5)),
            ("alert_p50_before_ms", alert(before, from, 0.5)),
            ("alert_p99_ms", alert(from, to, 0.99)),
            ("alert_p99_before_ms", alert(before, from, 0.99)),
            ("alert_p99_after_ms", alert(to, &self.drained, 0.99)),
            (
                "alert_ratio",
                ratio(alert(from, to, 0.99), alert(before, from, 0.99)),
            ),
            ("puback_p99_ms", acknowledged(from, to)),
            ("other_p99_ms", other(from, to)),
            ("other_p99_before_ms", other(before, from)),
            ("other_p99_after_ms", other(to, &self.drained)),
            ("other_ratio", ratio(other(from, to), other(before, from))),
            (
                "told_after_seconds",
                self.told_after.map(|time| time.as_secs_f64()),
            ),
            ("lag_seconds", Some(self.lag_seconds)),
            (
                "back_to_drained_seconds",
                Some((self.drained.at - to.at).as_secs_f64()),
            ),
        ] {
            row.figure(key, figure);
        }
        row.set("lag_records", self.lag_records)
            .set("drain_per_second", self.drain_per_second.round())
            .set("rss_peak_mib", peak >> 20)
            .set("lost", 0)
            .set("kafka_repeats", repeats)
            .set("status", self.words.as_str());
        row.write();
    }
}
