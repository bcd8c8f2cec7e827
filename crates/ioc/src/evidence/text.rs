//! The words of `ioc explain`, Vietnamese first.

use std::io::{self, Write};

use serde_json::Value;

/// A heading or a word in both languages.
pub(super) struct Words(&'static str, &'static str);

impl std::fmt::Display for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} / {}", self.0, self.1)
    }
}

const ALERT: Words = Words("Cảnh báo", "Alert");
const RULE: Words = Words("Quy tắc", "Rule");
const VERSION: Words = Words("phiên bản", "version");
const PACK: Words = Words("Gói địa bàn", "Site pack");
const STATE: Words = Words("Trạng thái", "State");
const SINCE: Words = Words("Từ lúc", "Since");
const TRANSITION: Words = Words("Chuyển trạng thái", "Transition");
const VALUES: Words = Words("Giá trị làm căn cứ", "Values it rests on");
const OBSERVED: Words = Words("đo lúc", "observed");
const RECEIVED: Words = Words("nhận lúc", "received");
const PROCESSED: Words = Words("xử lý lúc", "processed");
const DEVICE: Words = Words("đồng hồ thiết bị", "device clock");
const NO_DEVICE_TIME: Words = Words("không ghi giờ", "wrote no time");
const QUALITY: Words = Words("chất lượng", "quality");
const GOOD: Words = Words("tốt", "good");
const COMPUTED: Words = Words("tính tại đây", "computed here");
const WINDOWS: Words = Words("Cửa sổ thời gian", "Windows");
const LIMITS: Words = Words("Ngưỡng", "Thresholds");
const SOURCE: Words = Words("nguồn", "source");
const VERIFIED: Words = Words("đã kiểm chứng", "verified");
const NOT_VERIFIED: Words = Words("CHƯA kiểm chứng", "NOT verified");
const CONSIDERED: Words = Words("Lý do không báo đã xét", "Suppressions considered");
const APPLIED: Words = Words("áp dụng", "applied");
const NOT_APPLIED: Words = Words("không áp dụng", "not applied");
const HEARD: Words = Words("Tín hiệu cuối", "Last heard");
const RECORDS: Words = Words("Bản tin gốc", "Raw records");
const LIFE: Words = Words("Vòng đời", "Life cycle");
const DAMAGED: Words = Words("Bằng chứng bị hỏng", "Damaged evidence");
const CHECK: Words = Words("Kiểm chứng lại", "Verification");
const PROVEN: Words = Words(
    "khớp: cảnh báo tính lại được từ riêng bằng chứng",
    "proven: the alert comes out again from its evidence alone",
);
const LIMITED: Words = Words(
    "khớp trong phạm vi bằng chứng còn giữ",
    "holds as far as the evidence reaches",
);
const FAILED: Words = Words(
    "KHÔNG khớp: bằng chứng đã bị thay đổi hoặc hỏng",
    "FAILED: the evidence was changed or is damaged",
);

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("-")
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// A number, word or text without its JSON dress.
fn bare(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(fields) if fields.len() == 1 => {
            fields.values().next().map(bare).unwrap_or_default()
        }
        Value::Null => "-".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn both(out: &mut dyn Write, indent: &str, value: &Value) -> io::Result<()> {
    for language in ["vi", "en"] {
        if let Some(words) = value[language].as_str() {
            writeln!(out, "{indent}{words}")?;
        }
    }
    Ok(())
}

/// Prints what [`super::document`] made.
pub(super) fn print(document: &Value, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{ALERT}: {}", text(document, "alert"))?;
    both(out, "  ", &document["entity_name"])?;
    writeln!(
        out,
        "  {STATE}: {} ({}, {})",
        text(document, "state"),
        text(document, "severity"),
        text(document, "status")
    )?;
    writeln!(out, "  {SINCE}: {}", text(document, "since"))?;
    let rule = &document["rule"];
    writeln!(
        out,
        "\n{RULE}: {}, {VERSION} {}, {}",
        text(rule, "id"),
        rule["version"],
        text(rule, "file")
    )?;
    both(out, "  ", &rule["title"])?;
    match rule["text"].as_str() {
        Some(written) => {
            for line in written.lines() {
                writeln!(out, "  | {line}")?;
            }
        }
        None => writeln!(out, "  | {}", text(rule, "condition"))?,
    }
    writeln!(out, "  {PACK}: {}", text(rule, "pack"))?;
    let transitions = list(document, "transitions");
    for (index, transition) in transitions.iter().enumerate() {
        // Revisions are many: all of the newest, of those before it the sentence.
        let whole = transition["change"] != "revised" || index + 1 == transitions.len();
        print_transition(transition, whole, out)?;
    }
    writeln!(out, "\n{LIFE}")?;
    for step in list(document, "life") {
        writeln!(
            out,
            "  {:>3}  {}  {} -> {}{}  [inputs {}, outcomes {}]",
            step["revision"],
            text(step, "at"),
            text(step, "change"),
            text(step, "state"),
            step["by"]
                .as_str()
                .map_or_else(String::new, |by| format!("  ({})", by.escape_debug())),
            step["cause"],
            step["outcome"]
        )?;
    }
    if !list(document, "damaged").is_empty() {
        writeln!(out, "\n{DAMAGED}")?;
        for damaged in list(document, "damaged") {
            writeln!(out, "  {}", bare(damaged))?;
        }
    }
    if document["verify"].is_object() {
        print_report(&document["verify"], out)?;
    }
    Ok(())
}

fn print_transition(transition: &Value, whole: bool, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "\n{TRANSITION}: {} ({}), {}  [inputs {}, outcomes {}]",
        text(transition, "change"),
        transition["revision"],
        text(transition, "at"),
        transition["cause"],
        transition["outcome"]
    )?;
    both(out, "  ", &transition["message"])?;
    if !whole {
        return Ok(());
    }
    if let Some(heard) = transition["last_heard"].as_str() {
        writeln!(out, "  {HEARD}: {heard}")?;
    }
    if !list(transition, "values").is_empty() {
        writeln!(out, "  {VALUES}")?;
    }
    for value in list(transition, "values") {
        print_value(value, out)?;
    }
    if !list(transition, "windows").is_empty() {
        writeln!(out, "  {WINDOWS}")?;
    }
    for window in list(transition, "windows") {
        writeln!(
            out,
            "    {}  {} .. {}: {} / {}",
            text(window, "measure"),
            text(window, "from"),
            text(window, "to"),
            list(window, "samples").len(),
            window["count"]
        )?;
        for sample in list(window, "samples") {
            writeln!(
                out,
                "      {}  {}  [inputs {}]",
                bare(&sample[0]),
                sample[1],
                sample[2]
            )?;
        }
    }
    if !list(transition, "limits").is_empty() {
        writeln!(out, "  {LIMITS}")?;
    }
    for limit in list(transition, "limits") {
        let mark = if limit["verified"] == true {
            VERIFIED
        } else {
            NOT_VERIFIED
        };
        writeln!(
            out,
            "    {} = {} {}  ({mark}; {SOURCE}: {})",
            text(limit, "name"),
            limit["value"],
            text(limit, "unit"),
            text(limit, "source")
        )?;
    }
    if !list(transition, "considered").is_empty() {
        writeln!(out, "  {CONSIDERED}")?;
    }
    for considered in list(transition, "considered") {
        let mark = if considered["applied"] == true {
            APPLIED
        } else {
            NOT_APPLIED
        };
        writeln!(out, "    {}: {mark}", text(considered, "what"))?;
    }
    if !list(transition, "records").is_empty() {
        writeln!(out, "  {RECORDS}")?;
    }
    for record in list(transition, "records") {
        print_record(record, out)?;
    }
    Ok(())
}

fn print_value(value: &Value, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "    {} {} = {} {}  [inputs {}]",
        text(value, "entity"),
        text(value, "measure"),
        bare(&value["value"]),
        text(value, "unit"),
        value["offset"]
    )?;
    writeln!(
        out,
        "      {OBSERVED} {}; {RECEIVED} {}; {PROCESSED} {}",
        text(value, "observed"),
        text(value, "received"),
        text(value, "processed")
    )?;
    match value["device_time"].as_str() {
        Some(written) => writeln!(
            out,
            "      {DEVICE}: {written} ({:+} s)",
            value["clock_offset_seconds"].as_f64().unwrap_or_default()
        )?,
        None if value["derived"] == true => writeln!(out, "      {COMPUTED}")?,
        None => writeln!(out, "      {DEVICE}: {NO_DEVICE_TIME}")?,
    }
    let quality: Vec<String> = list(value, "quality").iter().map(bare).collect();
    if quality.is_empty() {
        writeln!(out, "      {QUALITY}: {GOOD}")
    } else {
        writeln!(out, "      {QUALITY}: {}", quality.join(", "))
    }
}

fn print_record(record: &Value, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "    [inputs {}] {}  {}  {}",
        record["offset"],
        text(record, "state"),
        text(record, "journal_time"),
        text(record, "topic").escape_debug()
    )?;
    match (record["payload"].as_str(), record["payload_hex"].as_str()) {
        (Some(payload), _) => writeln!(out, "      {}", payload.escape_debug()),
        (None, Some(hex)) => writeln!(out, "      0x{hex}"),
        (None, None) => Ok(()),
    }
}

fn print_report(report: &Value, out: &mut dyn Write) -> io::Result<()> {
    let words = match report["verdict"].as_str() {
        Some("proven") => PROVEN,
        Some("limited") => LIMITED,
        Some(_) | None => FAILED,
    };
    writeln!(out, "\n{CHECK}: {words}")?;
    writeln!(
        out,
        "  {} {TRANSITION}, {} {RECORDS}, {} {VALUES}",
        report["transitions"], report["frames"], report["values"]
    )?;
    for item in list(report, "items") {
        writeln!(
            out,
            "  {}: {}",
            text(item, "verdict"),
            text(item, "place").escape_debug()
        )?;
        both(out, "      ", &item["what"])?;
    }
    Ok(())
}
