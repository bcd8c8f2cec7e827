//! Shelly Gen2: component status and RPC notifications; a notification carries only what changed.

use serde_json::{Map, Value, json};

use super::times;

/// One phase: voltage, current, active power.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phase {
    pub(crate) voltage: f64,
    pub(crate) current: f64,
    pub(crate) power: f64,
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// `status/em:0` of a Pro 3EM.
pub(crate) fn em_status(phases: [Phase; 3]) -> Value {
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(0));
    let (mut power, mut apparent, mut current) = (0.0, 0.0, 0.0);
    for (letter, phase) in ["a", "b", "c"].into_iter().zip(phases) {
        let product = phase.voltage * phase.current;
        for (name, value) in [
            ("voltage", phase.voltage),
            ("current", phase.current),
            ("act_power", phase.power),
            ("aprt_power", product),
            (
                "pf",
                if product > 0.0 {
                    phase.power / product
                } else {
                    0.0
                },
            ),
            ("freq", 50.0),
        ] {
            object.insert(format!("{letter}_{name}"), json!(hundredths(value)));
        }
        power += phase.power;
        apparent += product;
        current += phase.current;
    }
    object.insert("n_current".to_owned(), Value::Null);
    object.insert("total_current".to_owned(), json!(hundredths(current)));
    object.insert("total_act_power".to_owned(), json!(hundredths(power)));
    object.insert("total_aprt_power".to_owned(), json!(hundredths(apparent)));
    object.insert("user_calibrated_phase".to_owned(), json!([]));
    Value::Object(object)
}

/// `events/rpc` with `NotifyStatus`.
pub(crate) fn notify_status(prefix: &str, at_ns: i64, component: &str, changed: Value) -> Value {
    let mut params = Map::new();
    params.insert("ts".to_owned(), json!(times::epoch_float(at_ns)));
    params.insert(component.to_owned(), changed);
    json!({"src": prefix, "dst": format!("{prefix}/events"), "method": "NotifyStatus", "params": params})
}

/// `events/rpc` with `NotifyEvent`: a button, a configuration change; nothing measured.
pub(crate) fn notify_event(prefix: &str, at_ns: i64, component: &str, event: &str) -> Value {
    let ts = times::epoch_float(at_ns);
    json!({
        "src": prefix, "dst": format!("{prefix}/events"), "method": "NotifyEvent",
        "params": {"ts": ts, "events": [{"component": component, "id": 0, "event": event, "ts": ts}]},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_all_phases_and_a_notification_what_changed() {
        let phase = Phase {
            voltage: 220.0,
            current: 2.0,
            power: 400.0,
        };
        let status = em_status([phase; 3]);
        assert_eq!(
            (&status["b_aprt_power"], &status["c_pf"]),
            (&json!(440.0), &json!(0.91))
        );
        assert_eq!(status["total_act_power"], 1_200.0);
        let notice = notify_status(
            "shellypro3em-1",
            1_795_316_646_500_000_000,
            "em:0",
            json!({"id": 0, "a_voltage": 221.0}),
        );
        assert_eq!(notice["params"]["ts"], 1_795_316_646.5);
        assert_eq!(notice["params"]["em:0"]["a_voltage"], 221.0);
    }
}
