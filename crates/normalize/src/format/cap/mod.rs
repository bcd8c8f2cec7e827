//! Warnings as OASIS CAP 1.2 (XML); 1.1 is read too.
//!
//! One record for each `info` of the chosen language and each of its communes (`geocode` of ward codes) or, where there is
//! no code, each of its areas (middle of its polygon or circle, else its name). The chosen language is the one of most `info`s, the
//! profile's `language` (Vietnamese) before others: an `info` in another language is a translation.
//!
//! - `sent` is the time; validity runs from `effective` (else `onset`, else `sent`) to `expires`. A cancellation ends it at
//!   `sent` and sets `active` to false. What had expired before it came is still told.
//! - `update` and `cancel` messages belong to the warning whose first message they lead back to (`chain`). A message that
//!   comes after a newer one of its warning is history.
//! - An alert is known by sender, identifier and time: repeated by another way it is a duplicate.
//! - `ack` and `error` messages, and warnings for other provinces' communes, give no event.
//!
//! Options: `language` ("vi"), `geocode` ("VN:MaDonViHanhChinh"), `strict` (false: refuse times with `Z` too).

mod chains;
mod words;
mod xml;

use event::{EventFlags, EventId, Kind, RejectCode, Status, Time};
use sha2::{Digest, Sha256};

use super::{Options, Raw, RawField, Record, Records, Stamp, Subject, Wire};
use crate::fault::Fault;
pub(crate) use chains::Memory;
use chains::Reference;
use words::MessageType;
use xml::Element;

const NAMESPACES: [&str; 2] = [
    "urn:oasis:names:tc:emergency:cap:1.2",
    "urn:oasis:names:tc:emergency:cap:1.1",
];
const GEOCODE: &str = "VN:MaDonViHanhChinh";
const INFOS_MAX: usize = 200;
/// Communes and areas of one alert; the province has 99.
const PLACES_MAX: usize = 1_000;
const REFERENCES_MAX: usize = 100;
/// Bytes kept of texts that people read.
const HEADLINE_BYTES_MAX: usize = 256;

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    language: String,
    geocode: String,
    strict: bool,
}

impl Plan {
    pub(crate) fn new(options: &Options<'_>) -> Result<Self, String> {
        Ok(Self {
            language: options
                .text("language")?
                .unwrap_or("vi")
                .to_ascii_lowercase(),
            geocode: options.text("geocode")?.unwrap_or(GEOCODE).to_owned(),
            strict: options.boolean("strict")?.unwrap_or(false),
        })
    }
}

/// What all records of an alert share.
struct Head {
    own: Reference,
    kind: MessageType,
    status: Status,
    references: Vec<Reference>,
    /// Times that were not written as the standard wants.
    mended: u64,
}

pub(crate) fn decode(
    wire: &Wire<'_>,
    plan: &Plan,
    memory: &mut Memory,
    out: &mut Records,
) -> Result<(), Fault> {
    let text = crate::checks::payload_text(wire.payload)?;
    let (namespace, alert) = xml::parse(text)?;
    if alert.name != "alert" || !NAMESPACES.contains(&namespace.as_str()) {
        let namespace: String = namespace.chars().take(80).collect();
        let reason = format!(
            "the XML is `{}` of namespace {namespace:?}, not `alert` of {}; send CAP 1.2",
            alert.name, NAMESPACES[0]
        );
        return Err(Fault::shape(reason));
    }
    let mut head = head(&alert, plan)?;
    let infos = infos(&alert, plan, &mut head)?;
    if matches!(head.kind, MessageType::Ack | MessageType::Error) {
        return Ok(());
    }
    let mut records = Vec::new();
    if infos.is_empty() {
        // Cancellations often have none.
        records.push(Record::default());
    }
    for info in infos {
        spread(wire, plan, info, out, &mut records)?;
        if records.len() > PLACES_MAX {
            let reason = format!("an alert names more than {PLACES_MAX} areas; split it");
            return Err(Fault::new(RejectCode::TooManyFields, reason));
        }
    }
    let place = memory.place(&head.own, &head.references);
    for (index, mut record) in records.into_iter().enumerate() {
        finish(wire, &head, &place, index, &mut record);
        out.push(record)?;
    }
    Ok(())
}

fn head(alert: &Element, plan: &Plan) -> Result<Head, Fault> {
    let mut mended = 0;
    let sent = words::time("sent", alert.need("sent")?, plan.strict, &mut mended)?;
    let own = Reference {
        identifier: words::name("identifier", alert.need("identifier")?)?.to_owned(),
        sender: words::name("sender", alert.need("sender")?)?.to_owned(),
        sent,
    };
    let status = words::status(alert.need("status")?)?;
    let kind = MessageType::of(alert.need("msgType")?)?;
    match words::one_of("scope", alert.need("scope")?, &words::SCOPES)? {
        "Private" => alert.need("addresses").map(|_| ())?,
        "Restricted" => alert.need("restriction").map(|_| ())?,
        _ => {}
    }
    let references = references(
        alert.text_of("references")?.unwrap_or_default(),
        plan,
        &mut mended,
    )?;
    if references.is_empty() && kind == MessageType::Cancel {
        let reason = "a cancellation without `references` cancels nothing; name the messages";
        return Err(Fault::shape(reason));
    }
    Ok(Head {
        own,
        kind,
        status,
        references,
        mended,
    })
}

/// `sender,identifier,sent` with spaces between.
fn references(text: &str, plan: &Plan, mended: &mut u64) -> Result<Vec<Reference>, Fault> {
    let mut list = Vec::new();
    for triple in text.split_ascii_whitespace() {
        let mut parts = triple.split(',');
        let (Some(sender), Some(identifier), Some(sent), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Fault::shape(
                "`references` must be triples sender,identifier,sent with spaces between",
            ));
        };
        if list.len() >= REFERENCES_MAX {
            return Err(Fault::shape(format!(
                "`references` names more than {REFERENCES_MAX} messages"
            )));
        }
        if sender.is_empty() || identifier.is_empty() {
            return Err(Fault::shape(
                "`references` has a triple without sender or identifier",
            ));
        }
        list.push(Reference {
            sender: words::name("references", sender)?.to_owned(),
            identifier: words::name("references", identifier)?.to_owned(),
            sent: words::time("references", sent, plan.strict, mended)?,
        });
    }
    Ok(list)
}

/// What one `info` says, before it is spread over its places.
struct Info<'e> {
    element: &'e Element,
    valid_from: Option<Time>,
    valid_to: Option<Time>,
    fields: Vec<RawField>,
    unusable: u64,
}

/// All `info`s are checked; those of the chosen language are used.
fn infos<'e>(alert: &'e Element, plan: &Plan, head: &mut Head) -> Result<Vec<Info<'e>>, Fault> {
    let mut by_language: Vec<(String, Vec<Info<'e>>)> = Vec::new();
    for (count, element) in alert.all("info").enumerate() {
        if count >= INFOS_MAX {
            return Err(Fault::shape(format!(
                "an alert has more than {INFOS_MAX} `info`s; split it"
            )));
        }
        let language = element
            .text_of("language")?
            .unwrap_or("en-US")
            .to_ascii_lowercase();
        let info = info(element, plan, head)?;
        match by_language.iter_mut().find(|(known, _)| *known == language) {
            Some((_, list)) => list.push(info),
            None => by_language.push((language, vec![info])),
        }
    }
    let rank = |language: &str| {
        let of = |wanted: &str| language.split('-').next() == Some(wanted);
        u8::from(of("en")) + 2 * u8::from(of(&plan.language))
    };
    // The first of the best: `max_by_key` takes the last of equals.
    let best = by_language
        .into_iter()
        .rev()
        .max_by_key(|(language, list)| (list.len(), rank(language)));
    Ok(best.map(|(_, list)| list).unwrap_or_default())
}

fn info<'e>(element: &'e Element, plan: &Plan, head: &mut Head) -> Result<Info<'e>, Fault> {
    let mut fields = Vec::new();
    let mut code =
        |key: &str, word: &str| fields.push(RawField::new(key, Raw::Text(word.to_owned())));
    for (at, category) in element.all("category").enumerate() {
        let word = words::one_of("category", &category.text, &words::CATEGORIES)?;
        if at == 0 {
            code("category", word);
        }
    }
    element
        .all("category")
        .next()
        .ok_or_else(|| Fault::shape("`info` has no `category`, which CAP requires"))?;
    for (at, response) in element.all("responseType").enumerate() {
        let word = words::one_of("responseType", &response.text, &words::RESPONSES)?;
        if at == 0 {
            code("response", word);
        }
    }
    code("event", cut(element.need("event")?));
    code(
        "urgency",
        words::one_of("urgency", element.need("urgency")?, &words::URGENCIES)?,
    );
    code(
        "severity",
        words::one_of("severity", element.need("severity")?, &words::SEVERITIES)?,
    );
    code(
        "certainty",
        words::one_of("certainty", element.need("certainty")?, &words::CERTAINTIES)?,
    );
    if let Some(headline) = element.text_of("headline")? {
        code("headline", cut(headline));
    }
    let mut time = |name: &str| -> Result<Option<Time>, Fault> {
        let text = element.text_of(name)?;
        text.map(|text| words::time(name, text, plan.strict, &mut head.mended))
            .transpose()
    };
    let (effective, onset, expires) = (time("effective")?, time("onset")?, time("expires")?);
    if let (Some(_), Some(onset)) = (effective, onset) {
        fields.push(RawField::new("onset", Raw::Text(onset.to_string())));
    }
    let valid_from = effective.or(onset).unwrap_or(head.own.sent);
    let valid_to = expires.filter(|expires| *expires >= valid_from);
    Ok(Info {
        element,
        valid_from: Some(valid_from),
        valid_to,
        fields,
        // A warning that ends before it begins: it is told, its end is not.
        unusable: u64::from(expires.is_some() && valid_to.is_none()),
    })
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(HEADLINE_BYTES_MAX))
        .unwrap_or(text)
}

/// One record for each commune or area of an `info`.
fn spread(
    wire: &Wire<'_>,
    plan: &Plan,
    info: Info<'_>,
    out: &mut Records,
    records: &mut Vec<Record>,
) -> Result<(), Fault> {
    let mut base = Record {
        valid_from: info.valid_from.map(Stamp::At),
        valid_to: info.valid_to.map(Stamp::At),
        unusable: info.unusable,
        fields: info.fields,
        ..Record::default()
    };
    parameters(wire, info.element, &mut base)?;
    let known = &wire.catalogue.vocabulary().areas;
    let mut codes: Vec<String> = Vec::new();
    let (mut placed, mut foreign) = (false, false);
    for area in info.element.all("area") {
        let description = area.need("areaDesc")?;
        let place = words::place(area)?;
        let mut coded = false;
        for pair in area.all("geocode") {
            let (name, value) = (pair.need("valueName")?, pair.need("value")?);
            if name != plan.geocode
                || !matches!(value.len(), 4 | 5)
                || !value.bytes().all(|byte| byte.is_ascii_digit())
            {
                continue;
            }
            coded = true;
            // Tables in spreadsheets lose the leading zero.
            let code = format!("{value:0>5}");
            if !known.contains_key(&code) {
                foreign = true;
                out.elsewhere += 1;
            } else if !codes.contains(&code) {
                codes.push(code.clone());
                records.push(Record {
                    area: Some(code),
                    ..base.clone()
                });
            }
        }
        if coded {
            continue;
        }
        let area = by_name(wire, description).filter(|_| place.is_none());
        if place.is_some() || area.is_some() {
            placed = true;
            records.push(Record {
                place,
                area: area.map(str::to_owned),
                ..base.clone()
            });
        }
    }
    if codes.is_empty() && !placed && !foreign {
        records.push(base);
    }
    Ok(())
}

/// A feed may have any number of parameters; the profile names those that count.
fn parameters(wire: &Wire<'_>, info: &Element, base: &mut Record) -> Result<(), Fault> {
    for pair in info.all("parameter") {
        let (name, value) = (
            pair.need("valueName")?,
            pair.text_of("value")?.unwrap_or_default(),
        );
        let wanted = format!("parameter.{name}");
        let known = |key: &str| {
            wire.profile.is_some_and(|profile| {
                profile
                    .fields
                    .iter()
                    .any(|field| field.from.as_deref().unwrap_or(&field.key) == key)
            })
        };
        if known(&wanted) && !base.fields.iter().any(|field| field.key == wanted) {
            base.fields
                .push(RawField::new(wanted, Raw::Text(value.to_owned())));
        }
    }
    Ok(())
}

/// The name of a commune that stands where a code should: `Xã Bảo Hà`, if the catalogue knows it.
fn by_name<'t>(wire: &Wire<'_>, description: &'t str) -> Option<&'t str> {
    let bare = ["Xã ", "xã ", "Phường ", "phường "];
    let bare = bare.iter().find_map(|kind| description.strip_prefix(kind));
    let names = [Some(description), bare];
    let mut names = names.into_iter().flatten();
    names.find(|name| wire.catalogue.areas.named(name).is_some())
}

fn finish(wire: &Wire<'_>, head: &Head, place: &chains::Place, index: usize, record: &mut Record) {
    let cancelled = head.kind == MessageType::Cancel;
    let mut add = |key: &str, value: &str| {
        record
            .fields
            .push(RawField::new(key, Raw::Text(value.to_owned())));
    };
    add("id", &head.own.identifier);
    add("chain", &place.chain);
    add("sender", &head.own.sender);
    add(
        "msg_type",
        match head.kind {
            MessageType::Update => "Update",
            MessageType::Cancel => "Cancel",
            MessageType::Alert | MessageType::Ack | MessageType::Error => "Alert",
        },
    );
    record
        .fields
        .push(RawField::new("active", Raw::Boolean(!cancelled)));
    record.kind = Some(Kind::Warning);
    record.status = head.status;
    record.stamp = Some(Stamp::At(head.own.sent));
    if cancelled {
        record.valid_to = Some(Stamp::At(head.own.sent));
        // A hazard that was still to come is called off: it never was.
        record.valid_from = match record.valid_from {
            Some(Stamp::At(from)) if from > head.own.sent => record.valid_to,
            other => other,
        };
    }
    if place.superseded {
        record.flags = record.flags.with(EventFlags::HISTORY);
    }
    if index == 0 {
        record.unknown += head.mended;
    }
    if wire.device.is_none() {
        record.subject = Subject::Address(format!("cap:{}", head.own.sender));
    }
    record.uuid = Some(identity(&head.own, index));
}

/// The alert is told apart by sender, identifier and time of sending; its records by their order.
fn identity(own: &Reference, index: usize) -> EventId {
    let text = format!(
        "cap,{},{},{},{index}",
        own.sender, own.identifier, own.sent.0
    );
    let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    let mut id = EventId::default();
    id.0.copy_from_slice(hash.split_at(16).0);
    id
}

#[cfg(test)]
mod tests;
