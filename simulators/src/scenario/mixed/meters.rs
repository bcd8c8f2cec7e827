//! Meters behind gateways (Modbus) and meters that push by themselves (OBIS).

use serde_json::json;

use super::speaker::{Turn, Voice, round};
use super::{City, Gateway, topic};
use crate::formats::bytes::hex;
use crate::formats::{modbus, obis, times};

pub(super) fn add(city: &mut City) {
    // These two close every instant of the connection that they share with the edge node: see `plant`.
    for device in ["mb-lao-cai-1", "mb-sdm630-2"] {
        let voice = Cabinet {
            device,
            import_kwh: 88_210.0,
        };
        city.add(Gateway::Plant, "modbus", device, (30, 0), voice)
            .surely();
    }
    for (device, phase) in [("mb-rtu-1", 15), ("mb-tcp-1", 17)] {
        let voice = move |turn: &mut Turn<'_>| feeder(turn, device);
        city.add(Gateway::Plant, "modbus", device, (60, phase), voice);
    }
    for (device, phase, telegram) in [("om-sa-pa-1", 11, false), ("om-bac-ha-1", 13, true)] {
        let voice = ObisMeter {
            device,
            telegram,
            import_kwh: 1_204.5,
        };
        city.add(Gateway::Logger, "obis", device, (60, phase), voice);
    }
}

/// An SDM630 behind a gateway that sends register blocks.
struct Cabinet {
    device: &'static str,
    import_kwh: f64,
}

impl Voice for Cabinet {
    fn speak(&mut self, turn: &mut Turn<'_>) {
        let mut phase =
            |middle: f64, amplitude: f64| [0; 3].map(|_| turn.around(middle, amplitude, 2) as f32);
        let (mut volts, amperes, watts) =
            (phase(223.0, 3.0), phase(41.0, 6.0), phase(8_900.0, 900.0));
        self.import_kwh += 0.44;
        let topic = topic("energy", self.device);
        if turn.number % 30 == 29 {
            // The meter is off the bus: the gateway passes on its exception "gateway target failed to respond".
            let body = json!({"fc": 0x84, "exception": 0x0b, "ts": times::epoch_s(turn.now_ns)});
            turn.say(topic, body.to_string())
                .refused("modbus_exception");
            return;
        }
        let broken = turn.number % 30 == 14;
        if broken {
            volts[1] = f32::NAN;
        }
        let values = [volts, amperes, watts].concat();
        let total = modbus::block(0x0034, &[watts.iter().sum()]);
        let energy = modbus::block(0x0048, &[self.import_kwh as f32]);
        let blocks = [modbus::block(0, &values), total, energy];
        let body = json!({"ts": times::epoch_s(turn.now_ns), "blocks": blocks});
        let said = turn.say(topic, body.to_string());
        if broken {
            said.fault("nan_register");
        }
    }
}

/// A feeder relay whose gateway passes its answers on: RTU as bytes, TCP as hexadecimal text. Six holding registers: tenths
/// of a volt, hundredths of an ampere, watts and hundredths of a kWh, of two registers each, low word first.
fn feeder(turn: &mut Turn<'_>, device: &'static str) {
    let (volts, amperes) = (turn.around(223.0, 3.0, 1), turn.around(64.0, 5.0, 2));
    let watts = (volts * amperes * 0.95).round() as u32;
    let energy = 4_418_200 + u32::try_from(turn.number).unwrap_or(0) * 24;
    let low_first = |value: u32| [value as u16, (value >> 16) as u16];
    let [watts_low, watts_high] = low_first(watts);
    let [energy_low, energy_high] = low_first(energy);
    let tenths = (volts * 10.0).round() as u16;
    let hundredths = (amperes * 100.0).round() as u16;
    let registers = [
        tenths,
        hundredths,
        watts_low,
        watts_high,
        energy_low,
        energy_high,
    ];
    let topic = topic("energy", device);
    if device == "mb-tcp-1" {
        let frame = modbus::tcp(u16::try_from(turn.number).unwrap_or(0), 17, 3, &registers);
        turn.say(topic, hex(&frame));
        return;
    }
    let mut frame = modbus::rtu(17, 3, &registers);
    if turn.number % 30 == 21 {
        // Two devices answered at once: the checksum tells.
        frame[4] ^= 0x10;
        turn.say(topic, frame).refused("checksum");
        return;
    }
    turn.say(topic, frame);
}

/// A meter that pushes its registers as JSON, or the telegram of its optical port.
struct ObisMeter {
    device: &'static str,
    telegram: bool,
    import_kwh: f64,
}

impl Voice for ObisMeter {
    fn speak(&mut self, turn: &mut Turn<'_>) {
        self.import_kwh = round(self.import_kwh + 0.031, 3);
        let (volts, amperes) = (turn.around(224.0, 2.0, 1), turn.around(8.4, 0.6, 2));
        let power_kw = round(volts * amperes / 1000.0, 3);
        let topic = topic("energy", self.device);
        let now_ns = turn.now_ns;
        if !self.telegram {
            let body = json!({
                "1-0:1.8.0": {"value": self.import_kwh, "unit": "kWh"}, "1-0:1.7.0": {"value": power_kw, "unit": "kW"},
                "1-0:32.7.0": {"value": volts, "unit": "V"}, "1-0:31.7.0": {"value": amperes, "unit": "A"},
                "0-0:1.0.0": {"value": times::offset(now_ns)},
            });
            turn.say(topic, body.to_string()).dated(now_ns);
            return;
        }
        let lines = [
            format!("0-0:1.0.0({}W)", times::compact_short(now_ns)),
            "0-0:96.1.0(4530303237303030)".to_owned(),
            obis::energy("1-0:1.8.0", self.import_kwh, "kWh"),
            obis::instant("1-0:1.7.0", power_kw, 3, "kW"),
            obis::instant("1-0:32.7.0", volts, 1, "V"),
            obis::instant("1-0:31.7.0", amperes, 2, "A"),
        ];
        let mut text = obis::telegram("ISk5\\2MT382-1000", &lines);
        if turn.number % 35 == 20 {
            // A bit fell over on the serial line: the checksum tells.
            text = text.replacen("kWh", "kwh", 1);
            turn.say(topic, text).refused("checksum");
            return;
        }
        turn.say(topic, text).dated(now_ns);
    }
}
