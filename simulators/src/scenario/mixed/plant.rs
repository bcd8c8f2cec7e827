//! A water works' edge node: Sparkplug B.
//!
//! Sparkplug travels at QoS 0, which nobody acknowledges. Another device of the same connection speaks last at every
//! instant at QoS 1: what the node has acknowledged from it, it has read in order, so nothing before it is under way.

use super::speaker::{Turn, Voice};
use super::{City, Gateway};
use crate::formats::sparkplug::{self, Metric, Value};
use crate::formats::times;

const NODE: (&str, &str) = ("LaoCaiWater", "CocSan");
const SPARKPLUG_DEVICES: [&str; 2] = ["Tank", "Pump"];

pub(super) fn add(city: &mut City) {
    city.add(
        Gateway::Plant,
        "sparkplug",
        "sp-coc-san",
        (30, 0),
        Edge::default(),
    )
    .surely();
}

#[derive(Default)]
struct Edge {
    seq: u8,
    death: u64,
    pulses: u64,
}

impl Edge {
    fn topic(kind: &str, device: Option<&str>) -> String {
        let (group, edge) = NODE;
        match device {
            Some(device) => format!("spBv1.0/{group}/{kind}/{edge}/{device}"),
            None => format!("spBv1.0/{group}/{kind}/{edge}"),
        }
    }

    fn next(&mut self) -> u8 {
        self.seq = self.seq.wrapping_add(1);
        self.seq
    }

    /// NBIRTH and the births of its devices.
    fn birth(&mut self, turn: &mut Turn<'_>) {
        self.seq = 0;
        let now_ms = times::epoch_ms(turn.now_ns);
        let mut metrics = vec![
            Metric::named("bdSeq", Value::UInt64(self.death)),
            Metric::named("Node Control/Rebirth", Value::Boolean(false)),
            Metric::birth("Supply/Voltage", 1, Value::Float(223.5)),
            Metric::named("Properties/firmware", Value::Text("2.4.1".to_owned())),
        ];
        metrics[2].timestamp_ms = Some(now_ms);
        let payload = sparkplug::payload(Some(now_ms), &metrics, Some(0));
        // Alive again, and its values.
        turn.say(Self::topic("NBIRTH", None), payload)
            .unconfirmed()
            .events(2);
        for (index, device) in SPARKPLUG_DEVICES.into_iter().enumerate() {
            let metrics = self.metrics(turn, index, true);
            let seq = self.next();
            let payload = sparkplug::payload(Some(now_ms), &metrics, Some(seq));
            turn.say(Self::topic("DBIRTH", Some(device)), payload)
                .unconfirmed()
                .events(2);
        }
    }

    /// Of one device; aliases are unique within the edge node.
    fn metrics(&mut self, turn: &mut Turn<'_>, index: usize, birth: bool) -> Vec<Metric> {
        let alias = 10 * (u64::try_from(index).unwrap_or(0) + 1);
        self.pulses += 3;
        let now_ms = Some(times::epoch_ms(turn.now_ns));
        let values = if index == 0 {
            vec![
                ("Tank/Level", Value::Double(turn.around(3.2, 0.1, 2))),
                (
                    "Outlet/Temperature",
                    Value::Int32(turn.around(21.0, 1.0, 0) as i32),
                ),
                (
                    "Outlet/Pressure",
                    Value::Float(turn.around(310.0, 8.0, 1) as f32),
                ),
            ]
        } else {
            vec![
                ("Outlet/Flow", Value::Double(turn.around(128.0, 6.0, 1))),
                ("Pump/Running", Value::Boolean(true)),
                ("Meter/Pulses", Value::UInt64(self.pulses)),
            ]
        };
        // The probe gives no value at times: null, not zero.
        let probe_lost = turn.number % 17 == 5;
        let metrics = values
            .into_iter()
            .zip(alias..)
            .map(|((name, value), alias)| {
                let value = if probe_lost && name == "Outlet/Temperature" {
                    Value::Null
                } else {
                    value
                };
                let metric = if birth {
                    Metric::birth(name, alias, value)
                } else {
                    Metric::data(alias, value)
                };
                Metric {
                    timestamp_ms: now_ms,
                    ..metric
                }
            });
        metrics.collect()
    }

    fn data(&mut self, turn: &mut Turn<'_>, fault: Option<&'static str>) {
        let now_ms = Some(times::epoch_ms(turn.now_ns));
        for (index, device) in SPARKPLUG_DEVICES.into_iter().enumerate() {
            let metrics = self.metrics(turn, index, false);
            let seq = self.next();
            let payload = sparkplug::payload(now_ms, &metrics, Some(seq));
            let said = turn
                .say(Self::topic("DDATA", Some(device)), payload)
                .unconfirmed();
            if let Some(fault) = fault {
                said.fault(fault);
            }
        }
    }

    /// What the edge kept while it was cut off: values of earlier times, marked historical.
    fn history(&mut self, turn: &mut Turn<'_>) {
        let mut metric = Metric::data(10, Value::Double(turn.around(3.1, 0.1, 2)));
        metric.timestamp_ms = Some(times::epoch_ms(turn.ago(75)));
        metric.historical = true;
        let seq = self.next();
        let payload = sparkplug::payload(Some(times::epoch_ms(turn.now_ns)), &[metric], Some(seq));
        turn.say(Self::topic("DDATA", Some(SPARKPLUG_DEVICES[0])), payload)
            .unconfirmed()
            .fault("history");
    }
}

impl Voice for Edge {
    fn speak(&mut self, turn: &mut Turn<'_>) {
        match turn.number % 64 {
            0 if turn.number == 0 => {
                // Heard before it is born: nobody knows yet what the alias stands for.
                let metrics = [Metric::data(10, Value::Double(3.2))];
                let payload =
                    sparkplug::payload(Some(times::epoch_ms(turn.now_ns)), &metrics, Some(9));
                turn.say(Self::topic("DDATA", Some(SPARKPLUG_DEVICES[0])), payload)
                    .unconfirmed()
                    .refused("alias_before_birth");
            }
            1 => self.birth(turn),
            20 => {
                // One message was lost on the way.
                self.next();
                self.data(turn, Some("sequence_gap"));
            }
            21 | 22 => self.data(turn, Some("sequence_gap")),
            23 => {
                // Somebody's host asked for it.
                let command = [Metric::named("Node Control/Rebirth", Value::Boolean(true))];
                let payload =
                    sparkplug::payload(Some(times::epoch_ms(turn.now_ns)), &command, None);
                turn.say(Self::topic("NCMD", None), payload)
                    .unconfirmed()
                    .silent();
                self.birth(turn);
            }
            40 => {
                // The connection breaks; the will, as the server publishes it for the edge that is gone.
                turn.cut();
                let metrics = [Metric::named("bdSeq", Value::UInt64(self.death))];
                let death = sparkplug::payload(None, &metrics, None);
                // With the node its two devices are gone.
                turn.say(Self::topic("NDEATH", None), death).events(3);
                self.death += 1;
            }
            41..=43 => {}
            44 => {
                self.birth(turn);
                self.history(turn);
            }
            _ => self.data(turn, None),
        }
    }
}
