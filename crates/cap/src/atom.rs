//! An Atom feed of the current messages.

use event::Text;

use super::write::Xml;
use super::{Message, Profile, to_xml, zoned};

/// A message with where it can be fetched.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    pub message: &'a Message,
    pub link: String,
}

/// The newest first; every entry carries its whole message.
pub fn feed(title: &Text, id: &str, entries: &[Entry<'_>], profile: &Profile<'_>) -> String {
    let mut ordered: Vec<_> = entries.iter().collect();
    ordered.sort_by(|a, b| {
        (b.message.sent, &b.message.identifier).cmp(&(a.message.sent, &a.message.identifier))
    });
    let mut xml = Xml::new();
    xml.open("feed xmlns=\"http://www.w3.org/2005/Atom\"");
    xml.leaf("id", id);
    xml.leaf("title", &format!("{} / {}", title.vi, title.en));
    let newest = ordered
        .first()
        .map_or(event::Time(0), |entry| entry.message.sent);
    xml.leaf("updated", &atom_time(newest, profile.zone_seconds));
    xml.open("author");
    xml.leaf("name", &profile.cap.sender);
    xml.close("author");
    for entry in ordered {
        let message = entry.message;
        let sent = atom_time(message.sent, profile.zone_seconds);
        xml.open("entry");
        xml.leaf(
            "id",
            &format!("urn:cap:{}:{}", message.sender, message.identifier),
        );
        xml.leaf("title", &message.info.headline.vi);
        xml.leaf("updated", &sent);
        xml.leaf("summary", &message.info.headline.en);
        let link = super::write::escaped(&entry.link);
        xml.raw(&format!(
            "<link type=\"application/cap+xml\" href=\"{link}\"/>\n"
        ));
        xml.raw("<content type=\"application/cap+xml\">\n");
        let document = to_xml(message);
        xml.raw(document.split_once('\n').map_or("", |(_, body)| body));
        xml.close("content");
        xml.close("entry");
    }
    xml.close("feed");
    xml.end()
}

/// RFC 3339 as Atom wants it; `-00:00` is allowed there too.
fn atom_time(time: event::Time, zone_seconds: i32) -> String {
    zoned(time, zone_seconds)
}
