//! The time line of a back-test as a picture (SVG): one lane a severity, one bar an episode, and the alerts in ten minutes below.

use std::fmt::Write as _;

use event::{Status, Time};

use super::backtest::Report;
use super::episodes::Row;
use super::load::SEVERITIES;

const WIDTH: f64 = 1_200.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 60.0;
const BAR: f64 = 5.0;
/// Bars beside each other in a lane; more lie on the last row.
const ROWS_MAX: usize = 24;
const LOAD_HEIGHT: f64 = 120.0;
/// Bars drawn; the rest is named in the heading.
const BARS_MAX: usize = 20_000;

/// Colour, Vietnamese and English word of each severity, in the order of [`SEVERITIES`].
const LOOKS: [(&str, &str, &str); 5] = [
    ("#b3123a", "Khẩn cấp", "Critical"),
    ("#d9480f", "Nghiêm trọng", "Major"),
    ("#b08900", "Trung bình", "Minor"),
    ("#1f7a8c", "Cảnh báo", "Warning"),
    ("#6b7280", "Thông tin", "Info"),
];

struct Axis {
    from: i64,
    to: i64,
}

impl Axis {
    fn of(report: &Report) -> Self {
        let rows = || report.alerts.iter();
        let begins = rows()
            .map(|row| row.raised.0)
            .chain(report.input.first.map(|time| time.0));
        let ends = rows()
            .filter_map(|row| row.cleared.map(|end| end.0))
            .chain(rows().map(|row| row.told.0))
            .chain(report.input.last.map(|time| time.0));
        let from = begins.min().unwrap_or_default();
        let to = ends.max().unwrap_or_default();
        Self {
            from,
            to: to.max(from.saturating_add(Time::SECOND)),
        }
    }

    fn x(&self, at: i64) -> f64 {
        let share = at.saturating_sub(self.from) as f64 / self.to.saturating_sub(self.from) as f64;
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }
}

pub(super) fn svg(report: &Report) -> String {
    let axis = Axis::of(report);
    let mut body = String::new();
    let mut y = TOP;
    for (severity, look) in SEVERITIES.into_iter().zip(LOOKS) {
        let rows: Vec<&Row> = report
            .alerts
            .iter()
            .filter(|row| row.severity == severity)
            .collect();
        y = lane(&rows, look, &axis, y, &mut body) + 8.0;
    }
    let bottom = loads(report, &axis, y + 10.0, &mut body);
    let mut out = String::with_capacity(body.len() + 2_000);
    let height = bottom + 40.0;
    // Writing into a String cannot fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" height=\"{height:.0}\" \
         font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\
         <title>Cảnh báo theo thời gian / Alerts over time</title>\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\
         <text x=\"20\" y=\"26\" font-size=\"18\" fill=\"#111827\">Cảnh báo theo mức / Alerts by severity: {}</text>",
        report.alerts.len()
    );
    ticks(&axis, bottom, &mut out);
    out.push_str(&body);
    out.push_str("</svg>\n");
    out
}

/// Draws a lane from `top` and gives its lower edge.
fn lane(
    rows: &[&Row],
    (colour, vi, en): (&str, &str, &str),
    axis: &Axis,
    top: f64,
    out: &mut String,
) -> f64 {
    // When each row of the lane is free again.
    let mut free: Vec<f64> = Vec::new();
    let mut bars = String::new();
    for row in rows.iter().take(BARS_MAX) {
        let x = axis.x(row.raised.0);
        let end = axis
            .x(row.cleared.map_or(axis.to, |end| end.0))
            .max(x + 2.0);
        let at = match free.iter().position(|until| *until <= x) {
            Some(at) => at,
            None if free.len() < ROWS_MAX => {
                free.push(0.0);
                free.len() - 1
            }
            None => ROWS_MAX - 1,
        };
        if let Some(until) = free.get_mut(at) {
            *until = end + 1.0;
        }
        let y = top + at as f64 * (BAR + 2.0) + 4.0;
        let faint = if row.retrospective || row.suppressed || row.status != Status::Actual {
            " opacity=\"0.4\""
        } else {
            ""
        };
        let _ = write!(
            bars,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{BAR}\" rx=\"1\" fill=\"{colour}\"{faint}>\
             <title>{} · {} · {} … {}</title></rect>",
            end - x,
            escaped(&row.rule),
            escaped(&row.entity),
            row.raised,
            row.cleared
                .map_or("còn / open".to_owned(), |end| end.to_string()),
        );
    }
    let height = (free.len().max(2) as f64) * (BAR + 2.0) + 8.0;
    let _ = write!(
        out,
        "<rect x=\"{LEFT}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"#f3f4f6\"/>\
         <text x=\"20\" y=\"{:.1}\" fill=\"{colour}\">{vi} / {en}: {}</text>{bars}",
        WIDTH - LEFT - RIGHT,
        top + 14.0,
        rows.len()
    );
    top + height
}

/// Alerts in ten minutes of the position with most of them.
fn loads(report: &Report, axis: &Axis, top: f64, out: &mut String) -> f64 {
    let bottom = top + LOAD_HEIGHT;
    let Some(position) = report
        .load
        .positions
        .iter()
        .max_by_key(|position| position.alerts)
    else {
        return bottom;
    };
    let most = position
        .windows
        .iter()
        .map(|window| window.alerts)
        .max()
        .unwrap_or(0)
        .max(12);
    let y = |alerts: u64| bottom - alerts as f64 / most as f64 * (LOAD_HEIGHT - 10.0);
    let _ = write!(
        out,
        "<rect x=\"{LEFT}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{LOAD_HEIGHT}\" fill=\"#f3f4f6\"/>\
         <text x=\"20\" y=\"{:.1}\" fill=\"#111827\">Mỗi 10 phút</text>\
         <text x=\"20\" y=\"{:.1}\" fill=\"#111827\">In 10 minutes</text>\
         <text x=\"20\" y=\"{:.1}\" fill=\"#6b7280\">{} ({most})</text>",
        WIDTH - LEFT - RIGHT,
        top + 14.0,
        top + 30.0,
        top + 46.0,
        escaped(&position.name.vi)
    );
    for flood in &position.floods {
        let (from, to) = (axis.x(flood.from.0), axis.x(flood.to.0));
        let _ = write!(
            out,
            "<rect x=\"{from:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{LOAD_HEIGHT}\" fill=\"#fde2e2\"/>",
            (to - from).max(1.0)
        );
    }
    for window in &position.windows {
        let (from, to) = (
            axis.x(window.from.0),
            axis.x(window.from.0.saturating_add(600 * Time::SECOND)),
        );
        let _ = write!(
            out,
            "<rect x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#374151\"><title>{}: {}</title></rect>",
            y(window.alerts),
            (to - from - 0.5).max(1.0),
            bottom - y(window.alerts),
            window.from,
            window.alerts
        );
    }
    let limit = y(10);
    let _ = write!(
        out,
        "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{limit:.1}\" y2=\"{limit:.1}\" stroke=\"#b3123a\" stroke-dasharray=\"4 3\"/>\
         <text x=\"{LEFT}\" y=\"{:.1}\" dx=\"-8\" text-anchor=\"end\" fill=\"#b3123a\">10</text>",
        WIDTH - RIGHT,
        limit + 4.0
    );
    bottom
}

/// At most eight upright lines, at round hours of UTC.
fn ticks(axis: &Axis, bottom: f64, out: &mut String) {
    const STEPS_MINUTES: [i64; 12] = [1, 5, 15, 30, 60, 120, 180, 360, 720, 1_440, 2_880, 10_080];
    let span = axis.to.saturating_sub(axis.from);
    let step = STEPS_MINUTES
        .into_iter()
        .map(|minutes| minutes * 60 * Time::SECOND)
        .find(|step| span / step <= 8)
        .unwrap_or(span / 8 + 1);
    let mut at = (axis.from.div_euclid(step) + 1).saturating_mul(step);
    while at <= axis.to {
        let x = axis.x(at);
        let text = Time(at).to_string();
        let label = text.get(5..16).unwrap_or(&text).replace('T', " ");
        let _ = write!(
            out,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{bottom:.1}\" stroke=\"#d1d5db\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#374151\">{label}Z</text>",
            TOP - 4.0,
            bottom + 16.0
        );
        at = at.saturating_add(step);
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
