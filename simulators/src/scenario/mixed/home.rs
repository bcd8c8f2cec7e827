//! Plugs and meters that speak MQTT themselves: Tasmota and Shelly.

use serde_json::json;

use super::speaker::{Turn, Voice, round};
use super::{City, Gateway};
use crate::formats::shelly::{self, Phase};
use crate::formats::tasmota::{self, Energy};

/// Topic level of each Tasmota and what it carries.
const TASMOTA: [(&str, Kind); 4] = [
    ("tasmota_bao_thang", Kind::Plug),
    ("tasmota-3p-1", Kind::ThreePhase),
    ("tasmota-air-1", Kind::Air),
    ("tasmota-air-2", Kind::Fahrenheit),
];
const SHELLY_EM: &str = "shellypro3em-08f9e0e68c98";
const SHELLY_EM1: &str = "shellyproem50-34987a45fb02";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plug,
    ThreePhase,
    /// PMS5003 dust and AM2301 climate.
    Air,
    /// Set to Fahrenheit, and its clock runs ten minutes ahead.
    Fahrenheit,
}

pub(super) fn add(city: &mut City) {
    for (phase, (name, kind)) in (0..).zip(TASMOTA) {
        let voice = Tasmota {
            name,
            kind,
            total_kwh: 118.2,
        };
        city.add(Gateway::Home, "tasmota", name, (60, 3 + 6 * phase), voice);
    }
    city.add(
        Gateway::Home,
        "shelly",
        SHELLY_EM,
        (60, 27),
        ThreePhaseShelly {
            energy_wh: 5_210_400.0,
        },
    );
    city.add(
        Gateway::Home,
        "shelly",
        SHELLY_EM1,
        (60, 31),
        OnePhaseShelly {
            energy_wh: 88_120.0,
        },
    );
}

struct Tasmota {
    name: &'static str,
    kind: Kind,
    total_kwh: f64,
}

impl Tasmota {
    fn topic(&self, last: &str) -> String {
        format!("tele/{}/{last}", self.name)
    }
}

impl Voice for Tasmota {
    fn speak(&mut self, turn: &mut Turn<'_>) {
        // One of them loses its power for four minutes; the server publishes its will.
        let outage = self.kind == Kind::Plug;
        match turn.number % 60 {
            30 if outage => {
                turn.say(self.topic("LWT"), "Offline").retained();
                return;
            }
            31..=33 if outage => return,
            _ => {}
        }
        if turn.number == 0 || (outage && turn.number % 60 == 34) {
            turn.say(self.topic("LWT"), "Online").retained();
        }
        if turn.number % 15 == 5 {
            let uptime_s = i64::try_from(turn.number).unwrap_or(0) * 60 + 90_000;
            let rssi = -60 - i64::try_from(turn.random.below(20)).unwrap_or(0);
            let state = tasmota::state(turn.now_ns, uptime_s, rssi);
            let said = turn.say(self.topic("STATE"), state.to_string());
            if self.kind != Kind::Plug {
                // Nothing of it is asked for.
                said.silent();
            }
            return;
        }
        let at_ns = match self.kind {
            Kind::Fahrenheit => turn.ago(-600),
            Kind::Plug | Kind::ThreePhase | Kind::Air => turn.now_ns,
        };
        // The clock has whole seconds.
        let at_ns = at_ns / 1_000_000_000 * 1_000_000_000;
        let blocks = match self.kind {
            Kind::Plug => vec![("ENERGY", self.energy(turn, 1))],
            Kind::ThreePhase => vec![("ENERGY", self.energy(turn, 3))],
            Kind::Air => {
                let pm25 = turn.around(18.0, 6.0, 0);
                let dust = json!({
                    "CF1": pm25, "CF2.5": pm25, "CF10": pm25 + 4.0, "PM1": (pm25 * 0.7).round(), "PM2.5": pm25,
                    "PM10": pm25 + 5.0, "PB0.3": 2_880, "PB0.5": 816, "PB1": 120, "PB2.5": 14, "PB5": 2, "PB10": 0,
                });
                let climate = json!({"Temperature": turn.around(15.0, 1.0, 1), "Humidity": turn.around(82.0, 4.0, 1), "DewPoint": 11.9});
                vec![("PMS5003", dust), ("AM2301", climate)]
            }
            Kind::Fahrenheit => {
                let climate =
                    json!({"Id": "3C01D607503C", "Temperature": turn.around(39.0, 1.5, 1)});
                vec![("DS18B20-1", climate)]
            }
        };
        let body = tasmota::sensor(at_ns, blocks, self.kind == Kind::Fahrenheit);
        let said = turn.say(self.topic("SENSOR"), body.to_string());
        match self.kind {
            // Taken for the time of reception: a repeat would not be known as one.
            Kind::Fahrenheit => said.fault("clock_ahead"),
            Kind::Plug | Kind::ThreePhase | Kind::Air => said.dated(at_ns),
        };
    }
}

impl Tasmota {
    fn energy(&mut self, turn: &mut Turn<'_>, phases: usize) -> serde_json::Value {
        self.total_kwh = round(self.total_kwh + 0.013, 3);
        let volts = [0; 3].map(|_| turn.around(228.0, 3.0, 0));
        let amperes = [0; 3].map(|_| turn.around(3.4, 0.4, 3));
        let watts = [0, 1, 2].map(|phase| (volts[phase] * amperes[phase] * 0.93).round());
        let energy = Energy {
            total_kwh: self.total_kwh,
            power_w: &watts[..phases],
            voltage_v: &volts[..phases],
            current_a: &amperes[..phases],
            frequency_hz: 50.0,
        };
        energy.block()
    }
}

struct ThreePhaseShelly {
    energy_wh: f64,
}

impl Voice for ThreePhaseShelly {
    fn speak(&mut self, turn: &mut Turn<'_>) {
        let prefix = SHELLY_EM;
        if turn.number == 0 {
            turn.say(format!("{prefix}/online"), "true").retained();
        }
        let phases = [0; 3].map(|_| {
            let (voltage, current) = (turn.around(223.0, 3.0, 1), turn.around(12.0, 2.0, 2));
            Phase {
                voltage,
                current,
                power: round(voltage * current * 0.95, 1),
            }
        });
        self.energy_wh = round(self.energy_wh + 131.0, 2);
        match turn.number % 6 {
            0 => {
                turn.say(
                    format!("{prefix}/status/em:0"),
                    shelly::em_status(phases).to_string(),
                );
            }
            3 => {
                let body = json!({"id": 0, "total_act": self.energy_wh, "total_act_ret": 0.0, "a_total_act_energy": self.energy_wh / 3.0});
                turn.say(format!("{prefix}/status/emdata:0"), body.to_string());
            }
            5 if turn.number % 30 == 29 => {
                let body = shelly::notify_event(prefix, turn.now_ns, "sys", "config_changed");
                turn.say(format!("{prefix}/events/rpc"), body.to_string())
                    .silent();
            }
            _ => {
                let [first, ..] = phases;
                let changed = json!({
                    "id": 0, "a_voltage": first.voltage, "a_current": first.current, "a_act_power": first.power,
                });
                let now_ns = turn.now_ns;
                let body = shelly::notify_status(prefix, now_ns, "em:0", changed);
                turn.say(format!("{prefix}/events/rpc"), body.to_string())
                    .dated(now_ns);
            }
        }
    }
}

struct OnePhaseShelly {
    energy_wh: f64,
}

impl Voice for OnePhaseShelly {
    fn speak(&mut self, turn: &mut Turn<'_>) {
        let prefix = SHELLY_EM1;
        match turn.number % 60 {
            0 => {
                turn.say(format!("{prefix}/online"), "true").retained();
            }
            // Its will.
            45 => {
                turn.say(format!("{prefix}/online"), "false").retained();
                return;
            }
            46..=48 => return,
            49 => {
                turn.say(format!("{prefix}/online"), "true").retained();
            }
            _ => {}
        }
        self.energy_wh = round(self.energy_wh + 9.5, 2);
        let (voltage, current) = (turn.around(224.0, 2.0, 1), turn.around(2.5, 0.5, 3));
        if turn.number % 4 == 2 {
            let body =
                json!({"id": 0, "total_act_energy": self.energy_wh, "total_act_ret_energy": 0.0});
            turn.say(format!("{prefix}/status/em1data:0"), body.to_string());
        } else {
            let body = json!({
                "id": 0, "current": current, "voltage": voltage, "act_power": round(voltage * current * 0.9, 1),
                "aprt_power": round(voltage * current, 1), "pf": 0.9, "freq": 50.0, "calibration": "factory",
            });
            turn.say(format!("{prefix}/status/em1:0"), body.to_string());
        }
    }
}
