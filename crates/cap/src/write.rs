//! The XML of a message, in the order of the schema.

use std::fmt::Write as _;

use event::{Text, Time};

use super::{Area, Info, Message, NAMESPACE};

/// `2024-09-10T08:00:00+07:00`; UTC is `-00:00`, since the standard forbids `Z`.
pub fn zoned(time: Time, zone_seconds: i32) -> String {
    let zone = if zone_seconds == 0 {
        "-00:00".to_owned()
    } else {
        let minutes = zone_seconds.unsigned_abs() / 60;
        let sign = if zone_seconds < 0 { '-' } else { '+' };
        format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    };
    let at = local(time, zone_seconds)
        .unwrap_or(jiff::civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{zone}",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// Local time; none out of the range of the calendar.
pub fn local(time: Time, zone_seconds: i32) -> Option<jiff::civil::DateTime> {
    let stamp = jiff::Timestamp::from_nanosecond(i128::from(time.0)).ok()?;
    let offset = jiff::tz::Offset::from_seconds(zone_seconds).ok()?;
    Some(offset.to_datetime(stamp))
}

pub(super) struct Xml(String);

impl Xml {
    pub(super) fn new() -> Self {
        Self("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned())
    }

    pub(super) fn open(&mut self, tag: &str) {
        self.0.push('<');
        self.0.push_str(tag);
        self.0.push_str(">\n");
    }

    pub(super) fn close(&mut self, tag: &str) {
        self.0.push_str("</");
        self.0.push_str(tag);
        self.0.push_str(">\n");
    }

    pub(super) fn leaf(&mut self, tag: &str, text: &str) {
        self.0.push('<');
        self.0.push_str(tag);
        self.0.push('>');
        self.0.push_str(&escaped(text));
        self.close(tag);
    }

    /// Nothing for an empty text.
    pub(super) fn some(&mut self, tag: &str, text: &str) {
        if !text.trim().is_empty() {
            self.leaf(tag, text);
        }
    }

    pub(super) fn raw(&mut self, text: &str) {
        self.0.push_str(text);
    }

    pub(super) fn end(self) -> String {
        self.0
    }

    fn pair(&mut self, tag: &str, (name, value): &(String, String)) {
        self.open(tag);
        self.leaf("valueName", name);
        self.leaf("value", value);
        self.close(tag);
    }
}

/// Also drops what XML 1.0 cannot hold at all.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(letter),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {}
            letter => out.push(letter),
        }
    }
    out
}

pub fn to_xml(message: &Message) -> String {
    let zone = message.zone_seconds;
    let mut xml = Xml::new();
    xml.open(&format!("alert xmlns=\"{NAMESPACE}\""));
    xml.leaf("identifier", &message.identifier);
    xml.leaf("sender", &message.sender);
    xml.leaf("sent", &zoned(message.sent, zone));
    xml.leaf("status", &message.status);
    xml.leaf("msgType", &message.kind);
    xml.leaf("scope", "Public");
    xml.some("note", message.note.as_deref().unwrap_or_default());
    xml.some("references", &message.references.join(" "));
    xml.some("incidents", &message.incidents.join(" "));
    info(&mut xml, "vi-VN", &message.info, zone, |text| &text.vi);
    info(&mut xml, "en-US", &message.info, zone, |text| &text.en);
    xml.close("alert");
    xml.end()
}

fn info(xml: &mut Xml, language: &str, info: &Info, zone: i32, of: fn(&Text) -> &String) {
    xml.open("info");
    xml.leaf("language", language);
    for category in &info.categories {
        xml.leaf("category", category);
    }
    xml.leaf("event", of(&info.event));
    for response in &info.responses {
        xml.leaf("responseType", response);
    }
    xml.leaf("urgency", &info.urgency);
    xml.leaf("severity", &info.severity);
    xml.leaf("certainty", &info.certainty);
    xml.some("audience", info.audience.as_deref().unwrap_or_default());
    for (tag, time) in [
        ("effective", info.effective),
        ("onset", info.onset),
        ("expires", info.expires),
    ] {
        if let Some(time) = time {
            xml.leaf(tag, &zoned(time, zone));
        }
    }
    xml.some("senderName", of(&info.sender_name));
    xml.some("headline", of(&info.headline));
    xml.some("description", of(&info.description));
    xml.some("instruction", of(&info.instruction));
    xml.some("contact", info.contact.as_deref().unwrap_or_default());
    for parameter in &info.parameters {
        xml.pair("parameter", parameter);
    }
    for area in &info.areas {
        write_area(xml, area);
    }
    xml.close("info");
}

fn write_area(xml: &mut Xml, area: &Area) {
    xml.open("area");
    xml.leaf("areaDesc", &area.description);
    for polygon in &area.polygons {
        let points: Vec<String> = polygon
            .iter()
            .map(|(lat, lon)| format!("{lat:.5},{lon:.5}"))
            .collect();
        xml.leaf("polygon", &points.join(" "));
    }
    for (lat, lon, km) in &area.circles {
        let mut text = String::new();
        // Writing to a text cannot fail.
        let _ = write!(text, "{lat:.5},{lon:.5} {km}");
        xml.leaf("circle", &text);
    }
    for geocode in &area.geocodes {
        xml.pair("geocode", geocode);
    }
    xml.close("area");
}
