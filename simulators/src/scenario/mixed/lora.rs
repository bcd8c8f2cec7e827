//! LoRaWAN sensors behind ChirpStack and The Things Stack: some decoded by the server's codec, some raw.

use serde_json::{Value, json};

use super::speaker::{Turn, Voice, round};
use super::{City, Gateway, topic};
use crate::formats::bytes::{base64, hex};
use crate::formats::lorawan::{self, Heard, frame};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    ChirpStack,
    Ttn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sensor {
    /// Milesight WTS506 weather station.
    Weather,
    /// Milesight EM410-RDL radar: distance to the water.
    Radar,
    /// Milesight EM500-SWL submersible level.
    Depth,
    /// A slope station whose codec nests its fields.
    Slope,
    /// Dragino LDDS75 distance.
    Distance,
    /// Dragino AQS01-L air.
    Air,
    /// Dragino LSE01 soil.
    Soil,
}

/// Device, DevEUI, sensor, and whether the server has a codec.
const CHIRPSTACK: [(&str, &str, Sensor, bool); 4] = [
    ("wx-sa-pa-1", "24e124454e110001", Sensor::Weather, true),
    ("rd-bao-ha-1", "24e124713e110002", Sensor::Radar, true),
    ("sw-van-ban-1", "24e124126e110003", Sensor::Depth, false),
    ("sl-mu-cang-chai-1", "a84041000181d3e5", Sensor::Slope, true),
];
const TTN: [(&str, &str, Sensor, bool); 3] = [
    ("us-lang-nu-1", "a84041b931837a0b", Sensor::Distance, false),
    ("aq-yen-bai-1", "a840412eb1837a0c", Sensor::Air, true),
    ("so-tram-tau-1", "a84041ffff1818aa", Sensor::Soil, true),
];

pub(super) fn add(city: &mut City) {
    for (phase, (device, eui, sensor, codec)) in (0..).zip(CHIRPSTACK) {
        let voice = Lora::new(Server::ChirpStack, device, eui, sensor, codec);
        city.add(
            Gateway::Lora,
            "chirpstack",
            device,
            (60, 5 + 7 * phase),
            voice,
        );
    }
    for (phase, (device, eui, sensor, codec)) in (0..).zip(TTN) {
        let voice = Lora::new(Server::Ttn, device, eui, sensor, codec);
        city.add(Gateway::Lora, "ttn", device, (60, 9 + 7 * phase), voice);
    }
    // Gateways that pass on the frame alone: in bytes, in hexadecimal, in base64.
    city.add(
        Gateway::Lora,
        "frame",
        "ldds-1",
        (60, 33),
        |turn: &mut Turn<'_>| {
            let distance = turn.around(2_050.0, 20.0, 0) as u16;
            let frame = frame::dragino_ldds75(3.6, distance, 18.5);
            turn.say(topic("disaster", "ldds-1"), frame);
        },
    );
    city.add(
        Gateway::Lora,
        "frame",
        "udl310-1",
        (60, 35),
        |turn: &mut Turn<'_>| {
            let distance = turn.around(1_400.0, 20.0, 0) as u16;
            let tilted = (30..35).contains(&(turn.number % 60));
            let frame = frame::Milesight::default()
                .battery(91)
                .distance(distance, tilted);
            let said = turn.say(topic("disaster", "udl310-1"), hex(&frame.finish()));
            if tilted {
                said.fault("tilted");
            }
        },
    );
    city.add(
        Gateway::Lora,
        "frame",
        "am319-1",
        (60, 37),
        |turn: &mut Turn<'_>| {
            let (celsius, percent) = (turn.around(24.0, 1.0, 1), turn.around(60.0, 4.0, 0));
            let frame = frame::Milesight::default()
                .temperature(celsius)
                .humidity(percent);
            turn.say(topic("environment", "am319-1"), base64(&frame.finish()));
        },
    );
}

struct Lora {
    server: Server,
    device: &'static str,
    eui: &'static str,
    sensor: Sensor,
    codec: bool,
    counter: u64,
    rain_total_mm: f64,
}

impl Lora {
    fn new(
        server: Server,
        device: &'static str,
        eui: &'static str,
        sensor: Sensor,
        codec: bool,
    ) -> Self {
        Self {
            server,
            device,
            eui,
            sensor,
            codec,
            counter: 0,
            rain_total_mm: 655.0,
        }
    }

    /// The frame and what a codec makes of it; also what is wrong with the reading.
    fn measure(&mut self, turn: &mut Turn<'_>) -> (Vec<u8>, Value, Option<&'static str>) {
        match self.sensor {
            Sensor::Weather => {
                let temperature = turn.around(14.0, 1.0, 1);
                let humidity = (turn.around(80.0, 5.0, 1) * 2.0).round() / 2.0;
                let (direction, pressure) =
                    (turn.around(200.0, 40.0, 1), turn.around(850.0, 1.0, 1));
                let speed = turn.around(3.0, 2.0, 1);
                // A cumulative total of two bytes of hundredths: it wraps at 655.35 mm.
                self.rain_total_mm += 0.2;
                let wrapped = self.rain_total_mm > 655.35;
                if wrapped {
                    self.rain_total_mm -= 655.36;
                }
                let total = round(self.rain_total_mm.max(0.0), 2);
                let counter = u8::try_from(turn.number % 256).unwrap_or(0);
                let frame = frame::Milesight::default()
                    .battery(97)
                    .temperature(temperature)
                    .humidity(humidity)
                    .wind_and_rain(direction, pressure, speed, total, counter)
                    .finish();
                let decoded = json!({
                    "battery": 97, "temperature": temperature, "humidity": humidity, "wind_direction": direction,
                    "pressure": pressure, "wind_speed": speed, "rainfall_total": total, "rainfall_counter": counter,
                });
                (frame, decoded, wrapped.then_some("counter_wrapped"))
            }
            Sensor::Depth => {
                let depth = turn.around(140.0, 6.0, 0) as u16;
                let frame = frame::Milesight::default().battery(88).depth(depth);
                let mut decoded = json!({"battery": 88, "depth": depth});
                // Now and then the block of what the radio could not deliver.
                if turn.number % 25 == 24 {
                    let (earlier, stored) =
                        (turn.ago(3_600) / 1_000_000_000, depth.saturating_sub(12));
                    decoded["history"] = json!([{"timestamp": earlier, "depth": stored}]);
                    return (
                        frame.stored_depth(earlier, stored).finish(),
                        decoded,
                        Some("history"),
                    );
                }
                (frame.finish(), decoded, None)
            }
            Sensor::Radar => {
                let distance = turn.around(2_900.0, 30.0, 0);
                // A landslide, or cattle: the bracket leans for a while.
                let tilted = (30..35).contains(&(turn.number % 60));
                let position = if tilted { "tilt" } else { "normal" };
                let decoded = json!({"battery": 91, "temperature": turn.around(19.0, 1.0, 1), "distance": distance, "position": position});
                (Vec::new(), decoded, tilted.then_some("tilted"))
            }
            Sensor::Slope => {
                let decoded = json!({
                    "soil": {"moisture": turn.around(44.0, 2.0, 1), "temperature": turn.around(20.0, 0.5, 1)},
                    "tilt": [turn.around(0.4, 0.05, 2), turn.around(0.1, 0.05, 2)],
                    "external_power": false, "battery": 3.61, "device_status": "00",
                });
                (Vec::new(), decoded, None)
            }
            Sensor::Distance => {
                let distance = turn.around(1_850.0, 25.0, 0) as u16;
                let (battery, probe) = (turn.around(3.58, 0.02, 3), turn.around(19.0, 0.5, 1));
                let frame = frame::dragino_ldds75(battery, distance, probe);
                // The maker's codec: a unit in the value, the temperature as text.
                let decoded = json!({
                    "Bat": battery, "Distance": format!("{distance} mm"), "Interrupt_flag": 0,
                    "TempC_DS18B20": format!("{probe:.2}"), "Sensor_flag": 1,
                });
                (frame, decoded, None)
            }
            Sensor::Air => {
                let decoded = json!({
                    "BatV": 3.6, "temperature": turn.around(23.0, 1.0, 1), "humidity": turn.around(70.0, 4.0, 1),
                    "co2": turn.around(430.0, 15.0, 0), "air_pressure": turn.around(1_002.0, 1.0, 1),
                    "TEMPL_flag": "False", "CO2H_flag": "False",
                });
                (Vec::new(), decoded, None)
            }
            Sensor::Soil => {
                let (water, temperature) = (turn.around(33.0, 2.0, 2), turn.around(20.0, 0.5, 2));
                let decoded = json!({
                    "BatV": 3.62, "water_SOIL": format!("{water:.2}"), "temp_SOIL": format!("{temperature:.2}"),
                    "conduct_SOIL": 42, "Interrupt_flag": 0,
                });
                (Vec::new(), decoded, None)
            }
        }
    }

    fn heard<'u>(&self, turn: &mut Turn<'_>, frame: &'u [u8], decoded: Option<Value>) -> Heard<'u> {
        Heard {
            device: self.device,
            dev_eui: self.eui,
            counter: self.counter,
            port: match self.sensor {
                Sensor::Distance | Sensor::Air | Sensor::Soil => 2,
                Sensor::Weather | Sensor::Radar | Sensor::Depth | Sensor::Slope => 85,
            },
            // Heard by the gateway a little before it reaches us.
            at_ns: turn.now_ns - turn_delay_ns(turn),
            rssi: -60 - i64::try_from(turn.random.below(50)).unwrap_or(0),
            snr: turn.around(5.0, 6.0, 1),
            chance: (turn.random.bits(), turn.random.bits()),
            frame,
            decoded,
        }
    }
}

fn turn_delay_ns(turn: &mut Turn<'_>) -> i64 {
    i64::try_from(turn.random.below(400_000)).unwrap_or(0)
}

impl Voice for Lora {
    fn speak(&mut self, turn: &mut Turn<'_>) {
        if turn.number == 0 {
            let heard = self.heard(turn, &[], None);
            let (topic, body) = match self.server {
                Server::ChirpStack => (
                    lorawan::chirpstack_topic(self.eui, "join"),
                    lorawan::chirpstack_join(&heard),
                ),
                Server::Ttn => (
                    lorawan::ttn_topic(self.device, "join"),
                    lorawan::ttn_join(&heard),
                ),
            };
            turn.say(topic, body.to_string());
            return;
        }
        if turn.number % 20 == 10 && self.server == Server::ChirpStack {
            let heard = self.heard(turn, &[], None);
            let status = lorawan::chirpstack_status(&heard, 0, 93.7);
            let said = turn.say(
                lorawan::chirpstack_topic(self.eui, "status"),
                status.to_string(),
            );
            if matches!(self.sensor, Sensor::Radar | Sensor::Depth) {
                // Their profiles ask for nothing of it.
                said.silent();
            }
            // What the server says of its own downlink concerns nobody here.
            let ack = lorawan::chirpstack_join(&heard);
            turn.say(lorawan::chirpstack_topic(self.eui, "ack"), ack.to_string())
                .silent();
            return;
        }
        let (frame, decoded, fault) = self.measure(turn);
        let decoded = self.codec.then_some(decoded);
        let heard = self.heard(turn, &frame, decoded);
        let at_ns = heard.at_ns;
        self.counter += 1;
        let (topic, body) = match self.server {
            Server::ChirpStack => (
                lorawan::chirpstack_topic(self.eui, "up"),
                lorawan::chirpstack_up(heard),
            ),
            Server::Ttn => (
                lorawan::ttn_topic(self.device, "up"),
                lorawan::ttn_up(heard),
            ),
        };
        let said = turn.say(topic, body.to_string()).dated(at_ns);
        if let Some(fault) = fault {
            said.fault(fault);
        }
        if fault == Some("history") {
            said.events(2);
        }
    }
}
