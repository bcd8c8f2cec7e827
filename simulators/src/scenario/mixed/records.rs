//! Devices that send structured text: JSON of their makers' own shape, SenML, FIWARE entities.

use serde_json::{Value, json};

use super::speaker::{Turn, Voice, round};
use super::{City, Gateway, topic};
use crate::formats::lorawan::uuid;
use crate::formats::ngsi::{self, Attribute, Encoding, Entity};
use crate::formats::senml::{self, Record, Value as SenmlValue};
use crate::formats::times;
use crate::stamp::{HOUR_NS, SECOND_NS};

pub(super) fn add(city: &mut City) {
    city.add(Gateway::Logger, "json", "jwx-1", (60, 2), weather);
    city.add(
        Gateway::Logger,
        "json",
        "jrg-collector",
        (120, 4),
        collector,
    );
    city.add(Gateway::Logger, "json", "jwl-1", (60, 5), logger);
    city.add(Gateway::Logger, "json", "jch-1", (60, 7), channels);
    city.add(Gateway::Logger, "json", "jen-1", (60, 9), envelope);
    city.add(
        Gateway::Logger,
        "senml",
        "swx-sa-pa",
        (60, 6),
        senml_weather,
    );
    city.add(Gateway::Logger, "senml", "spw-1", (60, 8), senml_power);
    for (phase, entity) in (0..).zip(ENTITIES) {
        city.add(
            Gateway::Logger,
            "ngsi",
            entity.device,
            (60, 20 + 3 * phase),
            Fiware(entity),
        );
    }
}

/// A number as people here write it.
fn comma(value: f64) -> String {
    value.to_string().replace('.', ",")
}

/// Local date and clock apart, decimal commas, an identifier of its own; now and then the NaN of a hasty programmer.
fn weather(turn: &mut Turn<'_>) {
    let topic = topic("environment", "jwx-1");
    let now_ns = turn.now_ns / SECOND_NS * SECOND_NS;
    let local = times::local(now_ns);
    let (date, clock) = local.split_once('T').unwrap_or_default();
    let mut parts = date.split('-').rev();
    let date = [parts.next(), parts.next(), parts.next()]
        .map(Option::unwrap_or_default)
        .join("/");
    let (temperature, humidity) = (turn.around(17.0, 1.0, 1), turn.around(78.0, 4.0, 0));
    let body = json!({
        "msgId": uuid((turn.random.bits(), turn.random.bits())), "seq": turn.number + 1,
        "gps": {"lat": 22.3354, "lng": 103.8420}, "mode": "actual",
        "obs": {
            "date": date, "clock": clock, "temperature": {"value": comma(temperature), "unit": "Cel"},
            "humidity": comma(humidity), "wind": [turn.around(2.5, 1.5, 1), turn.around(120.0, 30.0, 0)],
            "qfe.hPa": comma(turn.around(850.0, 1.0, 1)),
        },
        "sys": {"bat.v": 12.4, "state": "ok"},
    });
    let text = body.to_string();
    match turn.number % 33 {
        16 => {
            turn.say(topic, text.replace("12.4", "NaN"))
                .refused("nan_literal");
        }
        25 => {
            let half = text.len() / 2;
            turn.say(topic, text.into_bytes()[..half].to_vec())
                .refused("truncated");
        }
        _ => {
            turn.say(topic, text).dated(now_ns);
        }
    }
}

/// A collector of rain gauges: one reading for each element of a list.
fn collector(turn: &mut Turn<'_>) {
    let hour_ns = turn.now_ns / HOUR_NS * HOUR_NS;
    let stations: Vec<Value> = [("jrg-1", 22.35, 103.87), ("jrg-2", 22.27, 103.95)]
        .iter()
        .map(|(code, lat, lon)| {
            let rain = json!({"h1": turn.around(3.0, 1.0, 1), "d1": turn.around(20.0, 4.0, 1).to_string()});
            json!({"code": code, "pos": {"lat": lat, "lon": lon}, "rain": rain, "bat": turn.around(12.3, 0.2, 2)})
        })
        .collect();
    let body = json!({"from": times::offset(hour_ns - HOUR_NS), "to": times::offset(hour_ns), "stations": stations});
    turn.say(topic("disaster", "jrg-collector"), body.to_string())
        .dated(hour_ns)
        .events(2);
}

/// Centimetres, seconds since 1970, and now and then what was kept while there was no signal.
fn logger(turn: &mut Turn<'_>) {
    let now_ns = turn.now_ns / SECOND_NS * SECOND_NS;
    let mut body =
        json!({"t": times::epoch_s(now_ns), "h": turn.around(312.0, 3.0, 1), "bat": 3.61});
    let history = turn.number % 20 == 9;
    if history {
        body["log"] = json!([
            {"t": times::epoch_s(turn.ago(1_200)), "h": turn.around(305.0, 3.0, 1)},
            {"t": times::epoch_s(turn.ago(600)), "h": turn.around(308.0, 3.0, 1)},
        ]);
    }
    let said = turn
        .say(topic("disaster", "jwl-1"), body.to_string())
        .dated(now_ns);
    if history {
        said.fault("history").events(3);
    }
}

/// Channels by name with units of their own, carbon monoxide in milligrams at times; no time but an age.
fn channels(turn: &mut Turn<'_>) {
    let milligrams = turn.number % 2 == 1;
    let co = turn.around(0.8, 0.1, 3);
    let (co, unit) = if milligrams {
        (co, "mg/m3")
    } else {
        ((co * 1000.0).round(), "ug/m3")
    };
    let body = json!({
        "age_s": turn.random.below(20),
        "channels": [
            {"name": "T", "value": turn.around(21.0, 1.0, 1)}, {"name": "CO", "value": co, "unit": unit},
            {"name": "PM2.5", "value": turn.around(22.0, 5.0, 1), "unit": "ug/m3"},
        ],
    });
    turn.say(topic("environment", "jch-1"), body.to_string());
}

/// A document within a document: the reading is text inside a platform's envelope.
fn envelope(turn: &mut Turn<'_>) {
    let now_ns = turn.now_ns;
    let register = round(77_120.0 + turn.number as f64 * 0.7, 1);
    let inner = json!({"ts": times::millis(now_ns), "p": turn.around(42.0, 3.0, 1), "registers": [0.0, register], "on": true});
    let body = json!({"platform": "x", "message": {"id": turn.number, "body": inner.to_string()}});
    turn.say(topic("energy", "jen-1"), body.to_string())
        .dated(now_ns);
}

/// JSON with base fields and relative times: three readings of the last minute.
fn senml_weather(turn: &mut Turn<'_>) {
    let topic = topic("environment", "swx-sa-pa");
    let base_name = "urn:dev:ow:10e2073a01080063:";
    if turn.number % 31 == 13 {
        // A field that must be understood and is not ("_" at the end of its name).
        let body = json!([{"bn": base_name, "n": "temp", "u": "Cel", "v": 16.5, "crypt_": 1}]);
        turn.say(topic, body.to_string()).refused("must_understand");
        return;
    }
    let mut pack = Vec::new();
    for (place, seconds) in [(0, -40.0), (1, -20.0), (2, 0.0)] {
        // At the base time itself the label is left out.
        let time = (seconds < 0.0).then_some(seconds);
        let mut temperature = Record::number("temp", "Cel", turn.around(16.0, 1.0, 1));
        temperature.time = time;
        if place == 0 {
            temperature.base_name = base_name.to_owned();
            temperature.base_time = Some(times::epoch_float(turn.now_ns));
        }
        pack.push(temperature);
        pack.push(Record {
            time,
            ..Record::number("humidity", "%RH", turn.around(81.0, 3.0, 1))
        });
    }
    let now_ns = turn.now_ns;
    turn.say(topic, senml::json(&pack)).dated(now_ns).events(3);
}

/// CBOR; a base value under the voltage, kilowatts as the secondary unit at every fifth message, no time ("now") at every fourth.
fn senml_power(turn: &mut Turn<'_>) {
    let timed = turn.number % 4 != 3;
    let mut voltage = Record::number("voltage", "V", turn.around(3.0, 3.0, 1));
    voltage.base_name = "urn:dev:mac:0024befffe804ff2:".to_owned();
    voltage.base_time = timed.then(|| times::epoch_float(turn.now_ns));
    voltage.base_value = Some(220.0);
    let watts = turn.around(6_400.0, 300.0, 0);
    let (power, unit) = if turn.number % 5 == 4 {
        (watts / 1000.0, "kW")
    } else {
        (watts, "W")
    };
    // The base value is added to every number that follows; this one begins anew.
    let power = Record {
        base_value: Some(0.0),
        ..Record::number("power", unit, power)
    };
    let supply = Record {
        value: SenmlValue::Boolean(true),
        ..Record::number("supply", "", 0.0)
    };
    let mode = Record {
        value: SenmlValue::Text("auto"),
        ..Record::number("mode", "", 0.0)
    };
    let now_ns = turn.now_ns;
    let said = turn.say(
        topic("energy", "spw-1"),
        senml::cbor(&[voltage, power, supply, mode]),
    );
    if timed {
        said.dated(now_ns);
    }
}

#[derive(Clone, Copy, Debug)]
struct FiwareDevice {
    device: &'static str,
    stream: &'static str,
    model: &'static str,
    encoding: Encoding,
    lat: f64,
    lon: f64,
}

const ENTITIES: [FiwareDevice; 4] = [
    FiwareDevice {
        device: "fw-air-lao-cai",
        stream: "environment",
        model: "AirQualityObserved",
        encoding: Encoding::KeyValues,
        lat: 22.4930,
        lon: 103.9720,
    },
    FiwareDevice {
        device: "fw-water-sa-pa",
        stream: "disaster",
        model: "WaterObserved",
        encoding: Encoding::Linked,
        lat: 22.3354,
        lon: 103.8420,
    },
    FiwareDevice {
        device: "fw-meter-1",
        stream: "energy",
        model: "ThreePhaseAcMeasurement",
        encoding: Encoding::Normalized,
        lat: 22.3354,
        lon: 103.8420,
    },
    FiwareDevice {
        device: "fw-crowd-1",
        stream: "tourism",
        model: "CrowdFlowObserved",
        encoding: Encoding::KeyValues,
        lat: 22.3354,
        lon: 103.8420,
    },
];

struct Fiware(FiwareDevice);

impl Fiware {
    fn attributes(&self, turn: &mut Turn<'_>) -> Vec<(&'static str, Attribute)> {
        let number = |value, unit| Attribute::Number(value, unit);
        let observed = Attribute::Time(times::seconds(turn.now_ns));
        match self.0.model {
            "AirQualityObserved" => vec![
                // The published example's own traps: time without a zone, humidity from 0 to 1.
                ("dateObserved", Attribute::Time(times::local(turn.now_ns))),
                ("pm25", number(turn.around(19.0, 5.0, 1), "GQ")),
                ("pm10", number(turn.around(33.0, 6.0, 1), "GQ")),
                ("temperature", number(turn.around(20.0, 1.0, 1), "CEL")),
                ("relativeHumidity", number(turn.around(0.74, 0.05, 2), "P1")),
            ],
            "WaterObserved" => vec![
                ("dateObserved", observed),
                ("waterLevel", number(turn.around(68.4, 0.1, 2), "MTR")),
                ("flow", number(turn.around(120.0, 8.0, 1), "MQS")),
            ],
            "ThreePhaseAcMeasurement" => {
                let volts = [0; 3].map(|_| turn.around(223.0, 3.0, 1));
                let [l1, l2, l3] = volts;
                vec![
                    ("dateObserved", observed),
                    (
                        "phaseVoltage",
                        Attribute::Nested(json!({"L1": l1, "L2": l2, "L3": l3})),
                    ),
                    (
                        "totalActivePower",
                        number(turn.around(24_500.0, 900.0, 0), "WTT"),
                    ),
                    ("frequency", number(turn.around(50.0, 0.05, 2), "HTZ")),
                    ("description", Attribute::Text("Khách sạn Sa Pa".to_owned())),
                ]
            }
            _ => vec![
                (
                    "dateObserved",
                    Attribute::Text(format!(
                        "{}/{}",
                        times::seconds(turn.ago(60)),
                        times::seconds(turn.now_ns)
                    )),
                ),
                ("peopleCount", number(turn.around(240.0, 60.0, 0), "C62")),
                (
                    "peopleCountTowards",
                    number(turn.around(30.0, 10.0, 0), "C62"),
                ),
                ("peopleCountAway", number(turn.around(25.0, 10.0, 0), "C62")),
            ],
        }
    }
}

impl Voice for Fiware {
    fn speak(&mut self, turn: &mut Turn<'_>) {
        let FiwareDevice {
            device,
            stream,
            model,
            encoding,
            lat,
            lon,
        } = self.0;
        let mut attributes = self.attributes(turn);
        attributes.push(("location", Attribute::Place(lat, lon)));
        let swapped = turn.number % 20 == 7;
        let entity = Entity {
            id: match device {
                "fw-air-lao-cai" => "urn:ngsi-ld:AirQualityObserved:LaoCai-01".to_owned(),
                "fw-water-sa-pa" => "urn:ngsi-ld:WaterObserved:SaPa-01".to_owned(),
                device => device.to_owned(),
            },
            kind: model,
            observed_at: times::seconds(turn.now_ns),
            attributes,
            swapped,
        };
        let mut body = ngsi::entity(&entity, encoding);
        if encoding == Encoding::Normalized {
            body = ngsi::notification(vec![body]);
        }
        // Whole seconds on the wire.
        let observed_ns = turn.now_ns / SECOND_NS * SECOND_NS;
        let said = turn
            .say(topic(stream, device), body.to_string())
            .dated(observed_ns);
        if swapped {
            said.fault("swapped_coordinates");
        }
    }
}
