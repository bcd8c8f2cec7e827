//! The panel's figures in both languages, each beside what the standards ask.
//!
//! What the standards ask is taken from the domain reference, with its mark: `H` two sources or a standard's text, `M` one
//! source, `L` recalled and confirmed by nothing (`recalled: true`). None of it is law.

use event::{Priority, Severity, Text};
use serde::Serialize;

use super::report::{PositionReport, Share};
use super::sections::Peaks;

const ISA: &str = "ISA-18.2 / IEC 62682";
const EEMUA: &str = "EEMUA 191";
const BOTH: &str = "ISA-18.2 / IEC 62682, EEMUA 191";

/// How a figure stands to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    AtMost,
    Below,
    /// A proportion to look at; neither met nor missed.
    About,
}

impl Relation {
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::AtMost => "<=",
            Self::Below => "<",
            Self::About => "~",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Target {
    pub source: &'static str,
    pub relation: Relation,
    pub value: f64,
    /// `H`, `M` or `L`.
    pub confidence: &'static str,
    /// From memory: to be checked against the text of the standard.
    pub recalled: bool,
    /// None without a figure, or for a proportion.
    pub met: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    pub key: &'static str,
    pub label: Text,
    /// `alerts`, `alerts/10min`, `alerts/h`, `%`, `s`, `floods`, `marks`, `changes`.
    pub unit: &'static str,
    /// None where there is nothing to divide by.
    pub value: Option<f64>,
    pub targets: Vec<Target>,
}

const fn target(
    source: &'static str,
    relation: Relation,
    value: f64,
    confidence: &'static str,
) -> Target {
    Target {
        source,
        relation,
        value,
        confidence,
        recalled: matches!(confidence.as_bytes(), b"L"),
        met: None,
    }
}

fn figure(
    key: &'static str,
    (vi, en): (&str, &str),
    unit: &'static str,
    value: Option<f64>,
    targets: &[Target],
) -> Figure {
    let judged = targets.iter().map(|target| Target {
        met: value.and_then(|value| match target.relation {
            Relation::AtMost => Some(value <= target.value),
            Relation::Below => Some(value < target.value),
            Relation::About => None,
        }),
        ..*target
    });
    Figure {
        key,
        label: text(vi, en),
        unit,
        value,
        targets: judged.collect(),
    }
}

pub(super) fn text(vi: &str, en: &str) -> Text {
    Text {
        vi: vi.to_owned(),
        en: en.to_owned(),
    }
}

pub(super) fn figures(report: &PositionReport, peaks: &Peaks) -> Vec<Figure> {
    let mut all: Vec<Figure> = load(report, peaks).into();
    all.extend(lists(report));
    all.extend(report.priorities.iter().map(split));
    all.extend(people(report));
    all
}

fn load(report: &PositionReport, peaks: &Peaks) -> [Figure; 8] {
    use Relation::{AtMost, Below};
    let staffed = report.staffed_seconds;
    let counted = report.calls.counted as f64;
    let per = |seconds: f64| (staffed > 0.0).then(|| counted * seconds / staffed);
    // Not `sum`: that of nothing is -0.
    let flooded = report
        .floods
        .iter()
        .fold(0.0, |sum, flood| sum + flood.seconds);
    let top = report.top.iter().map(|top| top.alerts).sum::<u64>() as f64;
    let share = |part: f64, whole: f64| (whole > 0.0).then(|| part * 100.0 / whole);
    [
        figure(
            "alerts_per_10_minutes",
            (
                "Cảnh báo trung bình trong 10 phút",
                "Average alerts per 10 minutes",
            ),
            "alerts/10min",
            per(600.0),
            &[
                target(BOTH, AtMost, 1.0, "H"),
                target("ISA-18.2 / IEC 62682 (most manageable)", AtMost, 2.0, "L"),
            ],
        ),
        figure(
            "alerts_per_hour",
            ("Cảnh báo trung bình mỗi giờ", "Average alerts per hour"),
            "alerts/h",
            per(3_600.0),
            &[
                target(ISA, AtMost, 6.0, "L"),
                target("ISA-18.2 / IEC 62682 (most manageable)", AtMost, 12.0, "L"),
            ],
        ),
        figure(
            "peak_10_minutes",
            ("Nhiều nhất trong 10 phút", "Most in 10 minutes"),
            "alerts",
            Some(peaks.interval as f64),
            &[target(BOTH, AtMost, 10.0, "M")],
        ),
        figure(
            "peak_hour",
            ("Nhiều nhất trong một giờ", "Most in one hour"),
            "alerts",
            Some(peaks.hour as f64),
            &[],
        ),
        figure(
            "intervals_over_10_percent",
            (
                "Tỷ lệ khoảng 10 phút có trên 10 cảnh báo",
                "Share of 10-minute intervals with more than 10 alerts",
            ),
            "%",
            peaks.over_percent,
            &[target(ISA, Below, 1.0, "L")],
        ),
        figure(
            "flood_percent",
            ("Tỷ lệ thời gian quá tải cảnh báo", "Share of time in flood"),
            "%",
            share(flooded, staffed),
            &[target(ISA, Below, 1.0, "L")],
        ),
        figure(
            "floods",
            ("Số đợt quá tải cảnh báo", "Flood episodes"),
            "floods",
            Some(report.floods.len() as f64),
            &[],
        ),
        figure(
            "top_10_percent",
            (
                "Tỷ trọng của 10 cảnh báo hay gặp nhất",
                "Share of the 10 most frequent alarms",
            ),
            "%",
            share(top, counted),
            &[target(ISA, AtMost, 5.0, "L")],
        ),
    ]
}

fn lists(report: &PositionReport) -> [Figure; 7] {
    use Relation::{AtMost, Below};
    let count = |count: u64| Some(count as f64);
    [
        figure(
            "chattering",
            ("Cảnh báo chập chờn", "Chattering alerts"),
            "alerts",
            count(report.chattering.spans),
            &[target(ISA, AtMost, 0.0, "L")],
        ),
        figure(
            "stale_at_end",
            (
                "Tồn đọng trên 24 giờ ở cuối kỳ",
                "Stale for over 24 h at the end",
            ),
            "alerts",
            count(report.stale.at_end),
            &[],
        ),
        figure(
            "stale_most",
            (
                "Tồn đọng trên 24 giờ, nhiều nhất cùng lúc",
                "Stale for over 24 h, most at a time",
            ),
            "alerts",
            count(report.stale.most),
            &[target(ISA, Below, 5.0, "L")],
        ),
        figure(
            "standing_at_end",
            ("Đang tồn tại ở cuối kỳ", "Standing at the end"),
            "alerts",
            count(report.standing.at_end),
            &[target(EEMUA, Below, 10.0, "L")],
        ),
        figure(
            "standing_most",
            (
                "Đang tồn tại, nhiều nhất cùng lúc",
                "Standing, most at a time",
            ),
            "alerts",
            count(report.standing.most),
            &[],
        ),
        figure(
            "shelved_at_end",
            ("Đang tạm ẩn ở cuối kỳ", "Shelved at the end"),
            "alerts",
            count(report.shelved.at_end),
            &[target(EEMUA, Below, 30.0, "L")],
        ),
        figure(
            "suppressed_at_end",
            (
                "Đang tạm ngừng theo thiết kế ở cuối kỳ",
                "Suppressed by design at the end",
            ),
            "alerts",
            count(report.suppressed.at_end),
            &[],
        ),
    ]
}

fn split(share: &Share) -> Figure {
    let (key, label, about) = match share.key {
        "low" => (
            "priority_low_percent",
            ("Tỷ lệ ưu tiên thấp", "Share of low priority"),
            80.0,
        ),
        "medium" => (
            "priority_medium_percent",
            ("Tỷ lệ ưu tiên trung bình", "Share of medium priority"),
            15.0,
        ),
        _ => (
            "priority_high_percent",
            ("Tỷ lệ ưu tiên cao", "Share of high priority"),
            5.0,
        ),
    };
    figure(
        key,
        label,
        "%",
        share.percent,
        &[target(BOTH, Relation::About, about, "M")],
    )
}

fn people(report: &PositionReport) -> [Figure; 6] {
    let times = &report.acknowledge;
    let marks: u64 = report.false_alerts.iter().map(|rule| rule.marks).sum();
    [
        figure(
            "acknowledge_median",
            (
                "Thời gian tiếp nhận, trung vị",
                "Time to acknowledge, median",
            ),
            "s",
            times.median_seconds,
            &[],
        ),
        figure(
            "acknowledge_p90",
            (
                "Thời gian tiếp nhận, 90 %",
                "Time to acknowledge, 90th percentile",
            ),
            "s",
            times.p90_seconds,
            &[],
        ),
        figure(
            "acknowledge_max",
            (
                "Thời gian tiếp nhận, lâu nhất",
                "Time to acknowledge, longest",
            ),
            "s",
            times.max_seconds,
            &[],
        ),
        figure(
            "unacknowledged",
            ("Chưa tiếp nhận ở cuối kỳ", "Not acknowledged at the end"),
            "alerts",
            Some(times.waiting as f64),
            &[],
        ),
        figure(
            "false_alerts",
            ("Đánh dấu cảnh báo sai", "Marked as false alarms"),
            "marks",
            Some(marks as f64),
            &[],
        ),
        figure(
            "unauthorised_changes",
            (
                "Thay đổi chưa xác thực người thực hiện",
                "Unauthorised changes",
            ),
            "changes",
            Some(report.commands.unauthorised as f64),
            &[target(ISA, Relation::AtMost, 0.0, "L")],
        ),
    ]
}

pub(super) fn priority_label(priority: Priority) -> (&'static str, Text) {
    match priority {
        Priority::Low => ("low", text("Thấp", "Low")),
        Priority::Medium => ("medium", text("Trung bình", "Medium")),
        Priority::High => ("high", text("Cao", "High")),
    }
}

pub(super) fn severity_label(severity: Severity) -> (&'static str, Text) {
    match severity {
        Severity::Critical => ("critical", text("Khẩn cấp", "Critical")),
        Severity::Major => ("major", text("Nghiêm trọng", "Major")),
        Severity::Minor => ("minor", text("Đáng chú ý", "Minor")),
        Severity::Warning => ("warning", text("Cảnh báo sớm", "Warning")),
        Severity::Info => ("info", text("Thông tin", "Info")),
    }
}
