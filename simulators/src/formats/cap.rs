//! Common Alerting Protocol 1.2 as XML.

use super::times;

pub(crate) struct Alert<'a> {
    pub(crate) identifier: String,
    pub(crate) sent_ns: i64,
    /// `Actual`, `Exercise`, `Test`.
    pub(crate) status: &'a str,
    /// `Alert`, `Update`, `Cancel`.
    pub(crate) message_type: &'a str,
    /// Earlier messages of the chain: identifier and time of sending.
    pub(crate) references: Vec<(String, i64)>,
    pub(crate) event: (&'a str, &'a str),
    pub(crate) severity: &'a str,
    pub(crate) urgency: &'a str,
    pub(crate) certainty: &'a str,
    pub(crate) category: &'a str,
    pub(crate) risk_level: u8,
    pub(crate) effective_ns: i64,
    pub(crate) expires_ns: i64,
    /// Name, code and centre of the communes.
    pub(crate) areas: Vec<(&'a str, &'a str, f64, f64)>,
}

pub(crate) const SENDER: &str = "dutin@kttv.laocai.example.vn";

/// Two `info` blocks, Vietnamese and English, over the same areas.
pub(crate) fn xml(alert: &Alert<'_>) -> String {
    let references = alert
        .references
        .iter()
        .map(|(identifier, sent_ns)| format!("{SENDER},{identifier},{}", times::offset(*sent_ns)));
    let references = references.collect::<Vec<_>>().join(" ");
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\">\n\
         <identifier>{}</identifier>\n<sender>{SENDER}</sender>\n<sent>{}</sent>\n<status>{}</status>\n\
         <msgType>{}</msgType>\n<scope>Public</scope>\n",
        escape(&alert.identifier),
        times::offset(alert.sent_ns),
        alert.status,
        alert.message_type
    );
    if !references.is_empty() {
        out.push_str(&format!(
            "<references>{}</references>\n",
            escape(&references)
        ));
    }
    out.push_str(&info(alert, "vi-VN", alert.event.0));
    out.push_str(&info(alert, "en-US", alert.event.1));
    out.push_str("</alert>\n");
    out
}

fn info(alert: &Alert<'_>, language: &str, event: &str) -> String {
    let event = escape(event);
    let response = if alert.message_type == "Cancel" {
        "AllClear"
    } else {
        "Prepare"
    };
    let mut out = format!(
        "<info>\n<language>{language}</language>\n<category>{}</category>\n<event>{event}</event>\n\
         <responseType>{response}</responseType>\n<urgency>{}</urgency>\n<severity>{}</severity>\n\
         <certainty>{}</certainty>\n<effective>{}</effective>\n<expires>{}</expires>\n\
         <headline>{event}</headline>\n\
         <parameter><valueName>VN:CapDoRuiRo</valueName><value>{}</value></parameter>\n",
        alert.category,
        alert.urgency,
        alert.severity,
        alert.certainty,
        times::offset(alert.effective_ns),
        times::offset(alert.expires_ns),
        alert.risk_level
    );
    for (name, code, lat, lon) in &alert.areas {
        let (north, south, west, east) = (lat + 0.03, lat - 0.03, lon - 0.03, lon + 0.03);
        out.push_str(&format!(
            "<area><areaDesc>{}</areaDesc>\
             <polygon>{south:.4},{west:.4} {south:.4},{east:.4} {north:.4},{east:.4} {north:.4},{west:.4} {south:.4},{west:.4}</polygon>\
             <geocode><valueName>VN:MaDonViHanhChinh</valueName><value>{code}</value></geocode></area>\n",
            escape(name)
        ));
    }
    out.push_str("</info>\n");
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert() -> Alert<'static> {
        Alert {
            identifier: "LC-2026-0001".to_owned(),
            sent_ns: 1_795_316_646_000_000_000,
            status: "Actual",
            message_type: "Update",
            references: vec![("LC-2026-0000".to_owned(), 1_795_316_046_000_000_000)],
            event: ("Lũ quét & sạt lở", "Flash flood"),
            severity: "Severe",
            urgency: "Expected",
            certainty: "Likely",
            category: "Met",
            risk_level: 2,
            effective_ns: 1_795_316_646_000_000_000,
            expires_ns: 1_795_338_246_000_000_000,
            areas: vec![("Sa Pa", "03006", 22.33, 103.84)],
        }
    }

    #[test]
    fn elements_come_in_the_order_of_the_schema() {
        let text = xml(&alert());
        let order = [
            "<identifier>",
            "<sender>",
            "<sent>",
            "<status>",
            "<msgType>",
            "<scope>",
            "<references>",
            "<info>",
            "<language>",
            "<category>",
            "<event>",
            "<responseType>",
            "<urgency>",
            "<severity>",
            "<certainty>",
            "<effective>",
            "<expires>",
            "<headline>",
            "<parameter>",
            "<area>",
            "<areaDesc>",
            "<polygon>",
            "<geocode>",
        ];
        let places: Vec<usize> = order
            .iter()
            .map(|element| text.find(element).unwrap())
            .collect();
        assert!(places.is_sorted(), "{places:?}");
        assert!(text.contains("Lũ quét &amp; sạt lở"));
        assert!(text.contains(
            "<references>dutin@kttv.laocai.example.vn,LC-2026-0000,2026-11-22T09:54:06+07:00<"
        ));
    }

    #[test]
    fn times_have_a_numeric_zone_and_polygons_close() {
        let text = xml(&alert());
        assert!(text.contains("<sent>2026-11-22T10:04:06+07:00</sent>"));
        let (_, rest) = text.split_once("<polygon>").unwrap();
        let points: Vec<&str> = rest.split_once('<').unwrap().0.split(' ').collect();
        assert_eq!((points.len(), points[0]), (5, points[4]));
        // Latitude first.
        assert_eq!(points[0], "22.3000,103.8100");
    }
}
