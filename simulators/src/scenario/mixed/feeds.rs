//! Feeds of state bodies: CAP warnings, WIS 2.0 notifications, official station files, hydro-meteorological web feeds.

use serde_json::json;

use super::speaker::{Turn, Voice, round};
use super::{City, Gateway, topic};
use crate::formats::cap::{self, Alert};
use crate::formats::hydromet::{self, Commune};
use crate::formats::lorawan::uuid;
use crate::formats::station_file::{self, Habits, Line, Status};
use crate::formats::times;
use crate::formats::wis2::{self, Notice};
use crate::stamp::{HOUR_NS, MINUTE_NS};

pub(super) fn add(city: &mut City) {
    city.add(
        Gateway::Office,
        "cap",
        "cap-kttv",
        (300, 40),
        Warnings::default(),
    );
    city.add(Gateway::Office, "wis2", "wis2-centres", (120, 44), notice);
    city.add(
        Gateway::Office,
        "station-file",
        "stair-tang-loong",
        (120, 48),
        |turn: &mut Turn<'_>| air_file(turn),
    );
    city.add(
        Gateway::Office,
        "station-file",
        "stsw-song-hong",
        (120, 50),
        |turn: &mut Turn<'_>| water_file(turn),
    );
    city.add(
        Gateway::Office,
        "hydromet",
        "nchmf-warnings",
        (600, 52),
        commune_warnings,
    );
    city.add(
        Gateway::Office,
        "hydromet",
        "rain-feed",
        (600, 54),
        rain_feed,
    );
    city.add(
        Gateway::Office,
        "hydromet",
        "other-feeds",
        (300, 55),
        other_feeds,
    );
}

const COMMUNES: [(&str, &str, f64, f64); 3] = [
    ("Sa Pa", "03006", 22.3354, 103.8420),
    ("Bảo Yên", "02947", 22.2360, 104.4780),
    ("Văn Bàn", "03082", 22.0930, 104.2490),
];

/// An alert, its update, its cancellation; between them an exercise.
#[derive(Default)]
struct Warnings {
    issued: Vec<(String, i64)>,
}

impl Voice for Warnings {
    fn speak(&mut self, turn: &mut Turn<'_>) {
        let (place, cycle) = (turn.number % 4, turn.number / 4);
        // Whole seconds, as the wire has them, for the references to agree.
        let sent_ns = turn.now_ns / 1_000_000_000 * 1_000_000_000;
        let identifier = format!("VN-LC-{}-{:04}", times::compact(sent_ns), turn.number);
        if place == 0 {
            self.issued.clear();
        }
        let (status, message_type) = match place {
            0 => ("Actual", "Alert"),
            1 => ("Actual", "Update"),
            2 => ("Exercise", "Alert"),
            _ => ("Actual", "Cancel"),
        };
        let chained = status == "Actual";
        let index = usize::try_from(cycle).unwrap_or(0) % COMMUNES.len();
        let alert = Alert {
            identifier: identifier.clone(),
            sent_ns,
            status,
            message_type,
            references: if chained {
                self.issued.clone()
            } else {
                Vec::new()
            },
            event: ("Lũ quét, sạt lở đất", "Flash flood and landslide"),
            severity: if place == 1 { "Severe" } else { "Moderate" },
            urgency: "Expected",
            certainty: "Likely",
            category: "Met",
            risk_level: if place == 1 { 3 } else { 2 },
            effective_ns: sent_ns,
            expires_ns: sent_ns + 6 * HOUR_NS,
            areas: vec![COMMUNES[index]],
        };
        let mut text = cap::xml(&alert);
        let topic = topic("disaster", "cap-kttv");
        if chained {
            self.issued.push((identifier, sent_ns));
        }
        if turn.number == 10 {
            // A producer that cut the end off.
            text.truncate(text.len() / 2);
            while !text.is_char_boundary(text.len()) {
                text.pop();
            }
            turn.say(topic, text).refused("truncated");
            return;
        }
        turn.say(topic, text).dated(sent_ns);
    }
}

fn notice(turn: &mut Turn<'_>) {
    let observed_ns = turn.now_ns / (10 * MINUTE_NS) * 10 * MINUTE_NS;
    let published_ns = turn.now_ns / 1_000_000_000 * 1_000_000_000;
    let id = uuid((turn.random.bits(), turn.random.bits()));
    let station = ["48803", "48802", "48815"][usize::try_from(turn.number % 3).unwrap_or(0)];
    let centre = ["vn-nchmf", "vn-laocai"][usize::try_from(turn.number % 2).unwrap_or(0)];
    // A centre of the province sends its observation along.
    let content = (centre == "vn-laocai").then(|| {
        let values = json!({
            "air_temperature": turn.around(14.0, 1.0, 1), "relative_humidity": turn.around(84.0, 4.0, 0),
            "pressure": turn.around(849.0, 1.0, 1), "wind": {"speed": turn.around(3.0, 1.5, 1)},
        });
        values.to_string()
    });
    let message = |id: String| {
        wis2::message(&Notice {
            id,
            centre,
            data: &format!(
                "data/core/weather/surface-based-observations/synop/{station}_{}",
                times::compact(observed_ns)
            ),
            published_ns,
            observed_ns,
            lat: 22.3354,
            lon: 103.8420,
            content: content.clone(),
        })
    };
    let topic =
        format!("origin/a/wis2/{centre}/data/core/weather/surface-based-observations/synop");
    let said = turn
        .say(topic.clone(), message(id).to_string())
        .dated(published_ns);
    if content.is_some() {
        // The announcement, and the observation inside it.
        said.events(2);
    }
    if turn.number % 6 == 3 {
        // The global cache passes the same data on under an identifier of its own.
        let again = uuid((turn.random.bits(), turn.random.bits()));
        let said = turn.say(topic.replace("origin", "cache"), message(again).to_string());
        said.truth = crate::publication::Truth::Duplicate;
        said.fault("reissued");
    }
}

fn air_file(turn: &mut Turn<'_>) {
    let minute_ns = turn.now_ns / MINUTE_NS * MINUTE_NS;
    let calibrating = (12..15).contains(&(turn.number % 35));
    let failed = turn.number % 35 == 20;
    let line = |symbol, value, status| Line {
        symbol,
        value,
        unit: "ug/Nm3",
        status,
    };
    let lines = [
        line("PM2,5", turn.around(24.0, 5.0, 2), Status::Measuring),
        line("PM10", turn.around(41.0, 7.0, 2), Status::Measuring),
        line(
            "SO2",
            turn.around(35.0, 9.0, 2),
            if calibrating {
                Status::Calibrating
            } else {
                Status::Measuring
            },
        ),
        line(
            "NO2",
            turn.around(22.0, 4.0, 2),
            if failed {
                Status::Failed
            } else {
                Status::Measuring
            },
        ),
        line("CO", turn.around(800.0, 90.0, 2), Status::Measuring),
    ];
    let habits = Habits {
        byte_order_mark: turn.number % 10 == 4,
        crlf: true,
        decimal_comma: false,
    };
    let text = station_file::file(&lines, &times::compact(minute_ns), habits);
    let said = turn
        .say(topic("environment", "stair-tang-loong"), text)
        .dated(minute_ns);
    if calibrating || failed {
        said.fault("status_not_measuring");
    }
}

fn water_file(turn: &mut Turn<'_>) {
    let minute_ns = turn.now_ns / MINUTE_NS * MINUTE_NS;
    let line = |symbol, value, unit| Line {
        symbol,
        value,
        unit,
        status: Status::Measuring,
    };
    let lines = [
        line("pH", turn.around(7.1, 0.2, 2), "-"),
        line("TSS", turn.around(48.0, 8.0, 2), "mg/L"),
        line("COD", turn.around(12.0, 2.0, 2), "mg/L"),
        line("NH4", turn.around(0.2, 0.05, 2), "mg/L"),
        line("Temp", turn.around(21.0, 0.5, 2), "oC"),
    ];
    let habits = Habits {
        decimal_comma: true,
        ..Habits::default()
    };
    let text = station_file::file(&lines, &times::compact(minute_ns), habits);
    turn.say(topic("environment", "stsw-song-hong"), text)
        .dated(minute_ns);
}

fn commune_warnings(turn: &mut Turn<'_>) {
    let damaged = turn.number % 3 == 1;
    // Typed by hand: case and blanks vary.
    let words = ["Cao", "trung bình ", "RẤT CAO", "Không"];
    let word = |shift: u64| words[usize::try_from((turn.number + shift) % 4).unwrap_or(0)];
    let names: Vec<String> = COMMUNES
        .iter()
        .map(|(name, ..)| {
            if damaged {
                hydromet::mojibake(name)
            } else {
                (*name).to_owned()
            }
        })
        .collect();
    // Sums change from feed to feed: what came unchanged would be no news.
    let rain_mm = round(35.0 + turn.number as f64 * 0.4, 1);
    let mut communes: Vec<Commune<'_>> = COMMUNES
        .iter()
        .zip(&names)
        .zip(0..)
        .map(|(((_, _, lat, lon), name), shift)| Commune {
            name,
            name_before: name,
            district: "Huyện Bảo Thắng",
            lat: *lat,
            lon: *lon,
            landslide: word(shift),
            flash_flood: word(shift + 1),
            rain_mm,
        })
        .collect();
    // The feed names one commune twice, the second time lower.
    if let Some(first) = communes.first() {
        communes.push(Commune {
            landslide: "Thấp",
            flash_flood: "Thấp",
            ..*first
        });
    }
    let hour_ns = turn.now_ns / HOUR_NS * HOUR_NS;
    let said_ns = turn.now_ns;
    let body = hydromet::warnings(&communes, hour_ns, 6);
    let said = turn.say(topic("disaster", "nchmf-warnings"), body.to_string());
    said.observed_ns = said_ns;
    said.events(3);
    if damaged {
        said.fault("mojibake");
    }
}

fn rain_feed(turn: &mut Turn<'_>) {
    let sums = [
        turn.around(2.0, 1.0, 1),
        turn.around(6.0, 2.0, 1),
        turn.around(14.0, 3.0, 1),
        turn.around(22.0, 4.0, 1),
    ];
    let body = hydromet::rain_gauges(&[
        ("715310", "Sa Pả", 22.3500, 103.8700, sums),
        ("715320", "Bản Hồ", 22.2700, 103.9500, sums),
    ]);
    turn.say(topic("disaster", "rain-feed"), body.to_string())
        .events(2);
}

/// Moisture of the soil, places at risk, and the VRAIN network, in turn.
fn other_feeds(turn: &mut Turn<'_>) {
    let at_ns = turn.now_ns / MINUTE_NS * MINUTE_NS;
    let (device, body) = match turn.number % 3 {
        0 => {
            let communes = [
                ("Sa Pa", turn.around(0.42, 0.02, 2)),
                ("Văn Bàn", turn.around(0.38, 0.02, 2)),
            ];
            ("soil-feed", hydromet::soil(&communes, at_ns))
        }
        1 => {
            let households = 12 + turn.number;
            let places = [
                ("Khe Ngang", "Sa Pa", 22.35, 103.87, households),
                (
                    "Thung lũng Làng Nủ",
                    "Bảo Yên",
                    22.25,
                    104.48,
                    households + 20,
                ),
            ];
            ("spot-feed", hydromet::spots(&places))
        }
        _ => {
            let stations = [
                ("Tả Van", 22.30, 103.90, turn.around(6.0, 2.0, 1)),
                ("Bảo Hà", 22.17, 104.35, turn.around(9.0, 2.0, 1)),
            ];
            ("vrain-feed", hydromet::vrain(&stations))
        }
    };
    turn.say(topic("disaster", device), body.to_string())
        .events(2);
}
