//! Counts of people, dams' reports, and the indicators of the province's other systems.

use serde_json::{Value, json};

use super::speaker::{Turn, round};
use super::{City, Gateway, topic};
use crate::formats::times;
use crate::stamp::{HOUR_NS, MINUTE_NS, SECOND_NS};

pub(super) fn add(city: &mut City) {
    city.add(
        Gateway::Office,
        "reservoir",
        "rvr-thac-ba",
        (120, 33),
        dam_report,
    );
    city.add(
        Gateway::Office,
        "reservoir",
        "rvr-bac-ha",
        (300, 34),
        dam_report_in_words,
    );
    city.add(
        Gateway::Office,
        "lodging",
        "lodging-sa-pa-1",
        (120, 35),
        lodging,
    );
    city.add(
        Gateway::Office,
        "lodging",
        "gate-lao-cai",
        (120, 37),
        border_gate,
    );
    city.add(
        Gateway::Office,
        "lodging",
        "cable-fansipan",
        (120, 39),
        cable_car,
    );
    for (phase, (system, indicators)) in (0..).zip(SYSTEMS) {
        let device = system.to_owned();
        city.add(
            Gateway::Office,
            "indicators",
            &device,
            (600, 56 + phase),
            move |turn: &mut Turn<'_>| indicator_feed(turn, system, indicators),
        );
    }
}

/// Levels and flows of a dam; once an announcement of a spill that lies ahead.
fn dam_report(turn: &mut Turn<'_>) {
    let now_ns = turn.now_ns / SECOND_NS * SECOND_NS;
    let topic = topic("disaster", "rvr-thac-ba");
    if turn.number == 12 {
        let body = json!({
            "type": "spill_announcement", "order_no": "12/TB-TDTB", "action": "Mở 2 cửa xả mặt", "planned_gates_surface": 2,
            "planned_discharge_m3s": 540.0, "target_level_m": 57.0,
            "ts": times::offset(now_ns), "valid_from": times::offset(now_ns + 2 * HOUR_NS),
            "valid_to": times::offset(now_ns + 14 * HOUR_NS),
        });
        turn.say(topic, body.to_string()).dated(now_ns);
        return;
    }
    let turbines = turn.around(275.0, 4.0, 2);
    let spill = if turn.number > 20 { 270.0 } else { 0.0 };
    let body = json!({
        "ts": times::offset(now_ns), "upstream_level_m": turn.around(57.4, 0.02, 2),
        "downstream_level_m": turn.around(23.3, 0.05, 2), "inflow_m3s": turn.around(280.0, 12.0, 1),
        "outflow_total_m3s": turbines + spill, "outflow_turbine_m3s": turbines, "outflow_spill_m3s": spill,
        "gates_surface_open": if spill > 0.0 { 2 } else { 0 }, "gates_bottom_open": 0,
    });
    turn.say(topic, body.to_string()).dated(now_ns);
}

/// The same as it is typed in Vietnamese: local time, decimal commas, numbers as text.
fn dam_report_in_words(turn: &mut Turn<'_>) {
    let minute_ns = turn.now_ns / MINUTE_NS * MINUTE_NS;
    let comma = |value: f64| value.to_string().replace('.', ",");
    let (level, flow) = (turn.around(174.05, 0.03, 2), turn.around(180.4, 6.0, 1));
    let body = json!({
        "thoi_gian": times::local_spaced(minute_ns), "Mực nước thượng lưu": comma(level),
        "Mực nước hạ lưu": comma(turn.around(117.4, 0.05, 2)), "Lưu lượng đến": comma(flow),
        "Tổng lưu lượng xả": comma(round(flow + 8.0, 1)), "Số cửa xả mặt": "0",
    });
    turn.say(topic("disaster", "rvr-bac-ha"), body.to_string())
        .dated(minute_ns);
}

/// Guests of a ward by country group; groups below five are to be folded. Once a clerk sends names.
fn lodging(turn: &mut Turn<'_>) {
    let now_ns = turn.now_ns / SECOND_NS * SECOND_NS;
    let topic = topic("tourism", "lodging-sa-pa-1");
    if turn.number % 16 == 9 {
        let body = json!({
            "ts": times::offset(now_ns), "guests_in": 1,
            "guests": [{"ho_ten": "Nguyễn Văn Mẫu", "cccd": "010099000001", "quoc_tich": "VN", "sdt": "0900000001"}],
        });
        turn.say(topic, body.to_string()).refused("personal_data");
        return;
    }
    let of =
        |turn: &mut Turn<'_>, middle: f64, amplitude: f64| turn.around(middle, amplitude, 0) as u64;
    let (home, china, france) = (
        of(turn, 310.0, 40.0),
        of(turn, 60.0, 9.0),
        of(turn, 22.0, 5.0),
    );
    // Too few to be told apart.
    let iceland = turn.random.below(4) + 1;
    let body = json!({
        "ts": times::offset(now_ns), "guests_in": of(turn, 120.0, 30.0), "guests_out": of(turn, 110.0, 30.0),
        "guests_staying": home + china + france + iceland, "rooms_occupied": of(turn, 180.0, 12.0), "rooms_total": 240,
        "by_country": {"VN": home, "CN": china, "FR": france, "IS": iceland},
    });
    turn.say(topic, body.to_string()).dated(now_ns);
}

fn border_gate(turn: &mut Turn<'_>) {
    let now_ns = turn.now_ns / SECOND_NS * SECOND_NS;
    let count = |turn: &mut Turn<'_>| turn.around(42.0, 12.0, 0) as u64;
    let body =
        json!({"ts": times::offset(now_ns), "count_in": count(turn), "count_out": count(turn)});
    turn.say(topic("tourism", "gate-lao-cai"), body.to_string())
        .dated(now_ns);
}

/// Fansipan: two thousand an hour at most.
fn cable_car(turn: &mut Turn<'_>) {
    let now_ns = turn.now_ns / SECOND_NS * SECOND_NS;
    let body = json!({
        "ts": times::offset(now_ns), "passengers_up": turn.around(60.0, 6.0, 0) as u64,
        "passengers_down": turn.around(30.0, 6.0, 0) as u64, "cabins": 33, "queue_minutes": turn.around(12.0, 5.0, 0) as u64,
    });
    turn.say(topic("tourism", "cable-fansipan"), body.to_string())
        .dated(now_ns);
}

/// Name, unit, value, target.
type Indicator = (&'static str, &'static str, f64, f64);

const SYSTEMS: [(&str, &[Indicator]); 9] = [
    (
        "education",
        &[
            ("attendance_pct", "%", 97.2, 98.0),
            ("elearning_pct", "1", 0.58, 0.6),
        ],
    ),
    (
        "health",
        &[
            ("bed_occupancy_pct", "%", 81.0, 85.0),
            ("emergency_visits", "1", 120.0, 110.0),
        ],
    ),
    (
        "public-services",
        &[
            ("dossiers_online_pct", "%", 84.0, 90.0),
            ("dossiers_overdue", "1", 31.0, 0.0),
        ],
    ),
    (
        "payments",
        &[
            ("payment_success_pct", "%", 99.1, 99.5),
            ("payment_count", "1", 5_200.0, 5_000.0),
        ],
    ),
    (
        "zalo",
        &[
            ("zalo_followers", "{person}", 29_887.0, 40_000.0),
            ("zalo_messages", "1", 310.0, 300.0),
        ],
    ),
    (
        "network",
        &[
            ("coverage_5g_pct", "%", 41.0, 60.0),
            ("link_availability_pct", "%", 99.4, 99.9),
        ],
    ),
    (
        "data-centre",
        &[("dc_pue", "1", 1.6, 1.5), ("dc_load", "kW", 88.0, 100.0)],
    ),
    (
        "water",
        &[
            ("water_supplied", "m3/h", 2_540.0, 2_500.0),
            ("water_loss_pct", "%", 14.8, 12.0),
        ],
    ),
    (
        "waste",
        &[
            ("waste_collected", "t", 310.0, 320.0),
            ("waste_recycled_pct", "%", 14.0, 20.0),
        ],
    ),
];

fn indicator_feed(turn: &mut Turn<'_>, system: &'static str, indicators: &[Indicator]) {
    let indicators: Vec<Value> = indicators
        .iter()
        .map(|(name, unit, value, target)| {
            let value = turn.around(*value, value * 0.005, 3);
            json!({"name": name, "value": value, "unit": unit, "target": target})
        })
        .collect();
    let body = json!({"system": system, "period": times::local_date(turn.now_ns), "indicators": indicators});
    turn.say(topic("city", system), body.to_string());
}
