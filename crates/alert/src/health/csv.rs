//! The report as a table: one figure a line, RFC 4180, UTF-8.
//!
//! `section` is `figure`, `calls`, `distribution`, `flood`, `top`, `top_rule` or `false_alert`; a figure with several targets has a
//! line for each.

use super::figures::Target;
use super::report::{PositionReport, Report};

const HEADER: &str = "position,section,key,label_vi,label_en,value,unit,relation,target,source,confidence,recalled,met\r\n";

impl Report {
    pub fn to_csv(&self) -> String {
        let mut out = String::from(HEADER);
        let site = |out: &mut String, key: &str, value: String| {
            row(out, &["", "period", key, "", "", &value, ""], None);
        };
        site(&mut out, "from", self.from.to_string());
        site(&mut out, "to", self.to.to_string());
        site(&mut out, "now", self.now.to_string());
        site(&mut out, "complete", self.complete.to_string());
        site(&mut out, "outside", self.outside.to_string());
        for position in &self.positions {
            figures(&mut out, position);
            calls(&mut out, position);
            lists(&mut out, position);
        }
        out
    }
}

fn figures(out: &mut String, position: &PositionReport) {
    for figure in &position.figures {
        let value = figure
            .value
            .map(|value| value.to_string())
            .unwrap_or_default();
        let fields = [
            &*position.id,
            "figure",
            figure.key,
            &figure.label.vi,
            &figure.label.en,
            &value,
            figure.unit,
        ];
        if figure.targets.is_empty() {
            row(out, &fields, None);
        }
        for target in &figure.targets {
            row(out, &fields, Some(target));
        }
    }
}

fn calls(out: &mut String, position: &PositionReport) {
    let (calls, left) = (&position.calls, &position.calls.left_out);
    let lines = [
        ("total", calls.total),
        ("counted", calls.counted),
        ("left_out_shadow", left.shadow),
        ("left_out_exercise", left.exercise),
        ("left_out_test", left.test),
        ("left_out_retrospective", left.retrospective),
        ("left_out_suppressed", left.suppressed),
        ("left_out_shelved", left.shelved),
    ];
    for (key, count) in lines {
        line(out, position, "calls", key, count, "alerts");
    }
}

fn lists(out: &mut String, position: &PositionReport) {
    for spread in &position.distribution {
        let key = match spread.alerts_to {
            Some(to) if to == spread.alerts_from => to.to_string(),
            Some(to) => format!("{}..{to}", spread.alerts_from),
            None => format!("{}..", spread.alerts_from),
        };
        line(
            out,
            position,
            "distribution",
            &key,
            spread.intervals,
            "intervals",
        );
    }
    for flood in &position.floods {
        let ended = flood
            .ended
            .map(|ended| ended.to_string())
            .unwrap_or_default();
        let key = format!("{}/{ended}", flood.began);
        line(out, position, "flood", &key, flood.alerts, "alerts");
    }
    for top in &position.top {
        let key = format!("{} {}", top.rule, top.entity.as_deref().unwrap_or_default());
        line(out, position, "top", &key, top.alerts, "alerts");
    }
    for top in &position.top_rules {
        line(out, position, "top_rule", &top.rule, top.alerts, "alerts");
    }
    for rule in &position.false_alerts {
        line(
            out,
            position,
            "false_alert",
            &rule.rule,
            rule.marks,
            "marks",
        );
    }
}

fn line(
    out: &mut String,
    position: &PositionReport,
    section: &str,
    key: &str,
    count: u64,
    unit: &str,
) {
    let count = count.to_string();
    row(
        out,
        &[&position.id, section, key, "", "", &count, unit],
        None,
    );
}

fn row(out: &mut String, fields: &[&str], target: Option<&Target>) {
    for field in fields {
        put(out, field);
        out.push(',');
    }
    if let Some(target) = target {
        let met = target.met.map(|met| met.to_string()).unwrap_or_default();
        put(out, target.relation.sign());
        out.push_str(&format!(",{},", target.value));
        put(out, target.source);
        out.push_str(&format!(",{},{},{met}", target.confidence, target.recalled));
    } else {
        out.push_str(",,,,,");
    }
    out.push_str("\r\n");
}

/// Ids come from outside: none of them may become a formula of a spreadsheet.
fn put(out: &mut String, field: &str) {
    let formula = field.starts_with(['=', '+', '@', '\t'])
        || field.starts_with("-") && field.parse::<f64>().is_err();
    let quoted = formula || field.contains([',', '"', '\r', '\n']);
    if !quoted {
        out.push_str(field);
        return;
    }
    out.push('"');
    if formula {
        out.push('\'');
    }
    out.push_str(&field.replace('"', "\"\""));
    out.push('"');
}
