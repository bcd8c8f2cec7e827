//! A back-test for people: tables with headings in both languages.

use std::io::{self, Write};

use super::backtest::Report;
use super::diff::{Changed, Diff};
use super::episodes::Row;
use super::feed::InputReport;
use super::load::{Load, PositionLoad, SEVERITIES, severity_name};
use super::marks::Detection;

/// Lines of one table; the rest is in `--json`.
const LINES_MAX: usize = 40;

pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    input(&report.input, out)?;
    alerts("Cảnh báo / Alerts", &report.alerts, out)?;
    if !report.shadow.is_empty() {
        alerts("Chạy thử / On trial", &report.shadow, out)?;
    }
    load(&report.load, report.load_before.as_ref(), out)?;
    detections(&report.detections, out)?;
    if let Some(found) = &report.diff {
        diff(found, out)?;
    }
    Ok(())
}

fn heading(text: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n{text}\n{}", "─".repeat(text.chars().count()))
}

fn input(input: &InputReport, out: &mut impl Write) -> io::Result<()> {
    let time = |time: Option<event::Time>| time.map_or("–".to_owned(), |time| time.to_string());
    writeln!(
        out,
        "Đầu vào / Input: {} · {} bản ghi / records · {} bản tin / messages · {} sự kiện / events · {} bị từ chối / rejected",
        input.source, input.lines, input.messages, input.events, input.rejects
    )?;
    writeln!(out, "{} … {}", time(input.first), time(input.last))?;
    if input.missing > 0 {
        writeln!(
            out,
            "{} bản ghi bị thiếu / records are missing",
            input.missing
        )?;
    }
    if input.sorted {
        writeln!(
            out,
            "các dòng đã được sắp xếp theo received / the lines were sorted by received"
        )?;
    }
    if input.bad_lines > 0 {
        writeln!(
            out,
            "{} dòng không đọc được, đã bỏ qua / lines cannot be read and were left out:",
            input.bad_lines
        )?;
        for bad in &input.mistakes {
            writeln!(out, "  {}: {}", bad.line, bad.message)?;
        }
    }
    Ok(())
}

fn alerts(title: &str, rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    heading(&format!("{title}: {}", rows.len()), out)?;
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "{:<24} {:<24} {:<9} {:<20} {:<22} Nơi / Place",
        "Từ / From (UTC)", "Đến / To (UTC)", "Mức/Sev.", "Quy tắc / Rule", "Đối tượng / Entity"
    )?;
    for row in rows.iter().take(LINES_MAX) {
        let marks = [
            (row.retrospective, " [hồi cứu / retrospective]"),
            (row.suppressed, " [không báo / kept back]"),
            (row.status != event::Status::Actual, " [diễn tập / drill]"),
        ];
        let marks: String = marks
            .iter()
            .filter(|(on, _)| *on)
            .map(|(_, text)| *text)
            .collect();
        writeln!(
            out,
            "{:<24} {:<24} {:<9} {:<20} {:<22} {}{marks}",
            row.raised.to_string(),
            row.cleared
                .map_or("còn / open".to_owned(), |end| end.to_string()),
            severity_name(row.severity),
            row.rule,
            row.entity,
            row.area_name.as_deref().unwrap_or("–"),
        )?;
    }
    more(rows.len(), out)
}

fn more(count: usize, out: &mut impl Write) -> io::Result<()> {
    match count.checked_sub(LINES_MAX) {
        Some(left @ 1..) => writeln!(out, "… và {left} nữa / and {left} more (--json)"),
        _ => Ok(()),
    }
}

fn load(load: &Load, before: Option<&Load>, out: &mut impl Write) -> io::Result<()> {
    heading("Tải người trực / Operator load", out)?;
    let was = |now: u64, then: Option<u64>| match then {
        Some(then) => format!("{now} (trước / before: {then})"),
        None => now.to_string(),
    };
    writeln!(
        out,
        "Đã báo / Told: {} · hồi cứu / retrospective: {} · không báo / kept back: {} · diễn tập / drills: {}",
        was(load.told, before.map(|before| before.told)),
        load.retrospective,
        load.suppressed,
        load.drills
    )?;
    for severity in SEVERITIES {
        let name = severity_name(severity);
        let count = |load: &Load| load.by_severity.get(name).copied().unwrap_or_default();
        writeln!(out, "  {name:<10} {}", was(count(load), before.map(count)))?;
    }
    writeln!(out, "Theo nơi / By place:")?;
    for area in load.by_area.iter().take(LINES_MAX) {
        let name = area.name.as_deref().unwrap_or("không rõ / unknown");
        writeln!(out, "  {:<28} {:>6}", name, area.alerts)?;
    }
    more(load.by_area.len(), out)?;
    for position in &load.positions {
        let then = before.and_then(|before| {
            before
                .positions
                .iter()
                .find(|other| other.position == position.position)
        });
        of_position(position, then, out)?;
    }
    Ok(())
}

fn of_position(
    position: &PositionLoad,
    before: Option<&PositionLoad>,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(
        out,
        "Vị trí trực / Position {} ({} / {}):",
        position.position, position.name.vi, position.name.en
    )?;
    let mut line = |text: &str, now: String, then: Option<String>| match then {
        Some(then) => writeln!(out, "  {text:<58} {now:>8}  (trước / before: {then})"),
        None => writeln!(out, "  {text:<58} {now:>8}"),
    };
    type Figure = fn(&PositionLoad) -> String;
    let rows: [(&str, Figure); 6] = [
        ("cảnh báo / alerts", |load| load.alerts.to_string()),
        ("trung bình mỗi giờ / average an hour", |load| {
            format!("{:.2}", load.per_hour)
        }),
        (
            "nhiều nhất trong 10 phút / most in 10 minutes",
            |load| load.most_in_10_minutes.to_string(),
        ),
        (
            "nhiều nhất trong một giờ / most in an hour",
            |load| load.most_in_an_hour.to_string(),
        ),
        ("đợt quá tải / floods", |load| {
            load.floods.len().to_string()
        }),
        (
            "tỷ lệ thời gian quá tải / share of time in flood",
            |load| format!("{:.1} %", load.flood_share * 100.0),
        ),
    ];
    for (text, figure) in rows {
        line(text, figure(position), before.map(figure))?;
    }
    for flood in position.floods.iter().take(LINES_MAX) {
        writeln!(
            out,
            "    {} … {}: {} cảnh báo / alerts",
            flood.from, flood.to, flood.alerts
        )?;
    }
    Ok(())
}

fn detections(detections: &[Detection], out: &mut impl Write) -> io::Result<()> {
    if detections.is_empty() {
        return Ok(());
    }
    heading("Thời gian phát hiện / Time to detection", out)?;
    for found in detections {
        match (found.seconds, &found.rule, &found.entity) {
            (Some(seconds), Some(rule), Some(entity)) => {
                writeln!(
                    out,
                    "  {:<28} {seconds:>10.0} s  {rule} · {entity}",
                    found.id
                )?;
            }
            _ => writeln!(out, "  {:<28} không phát hiện / not detected", found.id)?,
        }
    }
    Ok(())
}

fn diff(diff: &Diff, out: &mut impl Write) -> io::Result<()> {
    heading("So với quy tắc đang dùng / Against the rules in force", out)?;
    writeln!(
        out,
        "mới / new: {} · mất / gone: {} · sớm hơn / earlier: {} · muộn hơn / later: {} · khác / changed: {} · như cũ / same: {}",
        diff.new.len(),
        diff.gone.len(),
        diff.earlier.len(),
        diff.later.len(),
        diff.changed.len(),
        diff.same
    )?;
    for (sign, rows) in [("+", &diff.new), ("−", &diff.gone)] {
        for row in rows.iter().take(LINES_MAX) {
            writeln!(
                out,
                "  {sign} {:<24} {:<9} {:<20} {}",
                row.raised.to_string(),
                severity_name(row.severity),
                row.rule,
                row.entity
            )?;
        }
        more(rows.len(), out)?;
    }
    for (sign, rows) in [
        ("<", &diff.earlier),
        (">", &diff.later),
        ("~", &diff.changed),
    ] {
        for row in rows.iter().take(LINES_MAX) {
            changed(sign, row, out)?;
        }
        more(rows.len(), out)?;
    }
    Ok(())
}

fn changed(sign: &str, row: &Changed, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "  {sign} {:<24} {:<9} {:<20} {} (trước / before: {} {}, {:+.0} s)",
        row.raised.to_string(),
        severity_name(row.severity),
        row.rule,
        row.entity,
        row.raised_before,
        severity_name(row.severity_before),
        -row.sooner_seconds
    )
}
