//! Tasmota's periodic messages: local time without a zone, sensor blocks under the sensor's name.

use serde_json::{Map, Value, json};

use super::times;

/// `ENERGY` of a single-phase plug or, with several values each, of a three-phase meter.
pub(crate) struct Energy<'e> {
    pub(crate) total_kwh: f64,
    pub(crate) power_w: &'e [f64],
    pub(crate) voltage_v: &'e [f64],
    pub(crate) current_a: &'e [f64],
    pub(crate) frequency_hz: f64,
}

/// One value alone, several as an array.
fn each(values: &[f64]) -> Value {
    match values {
        [one] => json!(one),
        several => json!(several),
    }
}

impl Energy<'_> {
    pub(crate) fn block(&self) -> Value {
        let real: f64 = self.power_w.iter().sum();
        let volts = self.voltage_v.iter().zip(self.current_a);
        let apparent = volts
            .map(|(volts, amperes)| volts * amperes)
            .sum::<f64>()
            .round();
        let reactive = (apparent * apparent - real * real).max(0.0).sqrt().round();
        let factor = if apparent > 0.0 {
            (real / apparent).min(1.0)
        } else {
            0.0
        };
        json!({
            "TotalStartTime": "2026-01-15T08:00:00", "Total": self.total_kwh, "Yesterday": 12.117, "Today": 4.302,
            "Period": 5, "Power": each(self.power_w), "ApparentPower": apparent, "ReactivePower": reactive,
            "Factor": (factor * 100.0).round() / 100.0, "Frequency": self.frequency_hz,
            "Voltage": each(self.voltage_v), "Current": each(self.current_a),
        })
    }
}

/// `tele/{topic}/SENSOR`: blocks by sensor name; `fahrenheit` as `SetOption8` has it.
pub(crate) fn sensor(at_ns: i64, blocks: Vec<(&str, Value)>, fahrenheit: bool) -> Value {
    let mut object = Map::new();
    object.insert("Time".to_owned(), times::local(at_ns).into());
    for (name, block) in blocks {
        object.insert(name.to_owned(), block);
    }
    let unit = if fahrenheit { "F" } else { "C" };
    object.insert("TempUnit".to_owned(), unit.into());
    Value::Object(object)
}

/// `tele/{topic}/STATE`.
pub(crate) fn state(at_ns: i64, uptime_s: i64, rssi: i64) -> Value {
    let (hours, minutes, seconds) = (uptime_s / 3_600, uptime_s / 60 % 60, uptime_s % 60);
    json!({
        "Time": times::local(at_ns), "Uptime": format!("{}T{:02}:{minutes:02}:{seconds:02}", hours / 24, hours % 24),
        "UptimeSec": uptime_s, "Heap": 25, "SleepMode": "Dynamic", "Sleep": 50, "LoadAvg": 19, "MqttCount": 1, "POWER": "ON",
        "Wifi": {
            "AP": 1, "SSId": "ioc-field", "BSSId": "5C:0E:8B:00:00:01", "Channel": 6, "Mode": "11n",
            "RSSI": rssi * 2 + 200, "Signal": rssi, "LinkCount": 1, "Downtime": "0T00:00:03",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_phase_is_a_number_and_three_are_an_array() {
        let mut energy = Energy {
            total_kwh: 3.185,
            power_w: &[100.0],
            voltage_v: &[220.0],
            current_a: &[0.5],
            frequency_hz: 50.0,
        };
        let text = sensor(
            1_795_316_646_000_000_000,
            vec![("ENERGY", energy.block())],
            false,
        );
        assert_eq!(text["Time"], "2026-11-22T10:04:06");
        assert_eq!(
            (&text["ENERGY"]["Power"], &text["ENERGY"]["Factor"]),
            (&json!(100.0), &json!(0.91))
        );
        energy.power_w = &[1.0, 2.0, 3.0];
        assert_eq!(energy.block()["Power"], json!([1.0, 2.0, 3.0]));
        assert_eq!(state(0, 90_061, -56)["Uptime"], "1T01:01:01");
    }
}
