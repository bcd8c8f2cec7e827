//! `devices/*.toml`: devices by id, and families by pattern.

use std::collections::BTreeMap;

use event::{AreaInfo, EntityInfo, Name, PackFiles, Place, Text};

use super::Catalogue;
use super::profiles::Profile;
use super::reader::{Document, Entry, Mistakes, Section};
use super::site::{is_name, nanoseconds};

pub(super) const FOLDER: &str = "devices/";

/// What the catalogue knows of one device.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) id: Name,
    pub(crate) entity: Name,
    /// Index into the catalogue's profiles.
    pub(crate) profile: usize,
    pub(crate) place: Option<Place>,
    /// Added to the device's time.
    pub(crate) clock_offset_ns: i64,
    /// Listed by id; members of a family are not and count against its bound.
    pub(crate) listed: bool,
}

/// Whoever's id begins and ends so.
#[derive(Clone, Debug)]
pub(super) struct Family {
    prefix: String,
    suffix: String,
    /// The member's id, entity and `listed` are still to be filled.
    template: Device,
    name: Text,
    interval_seconds: u64,
    way: Way,
}

impl Family {
    fn matches(&self, id: &str) -> bool {
        id.len() > self.prefix.len() + self.suffix.len()
            && id.starts_with(&self.prefix)
            && id.ends_with(&self.suffix)
    }

    pub(super) fn member(&self, id: &str) -> Option<Device> {
        let name = self.matches(id).then(|| Name::from(id))?;
        Some(Device {
            id: name.clone(),
            entity: name,
            ..self.template.clone()
        })
    }
}

/// What an entry may say; the same for a device and for a family.
struct Common {
    profile: usize,
    name: Text,
    area: Option<Name>,
    lat: Option<f64>,
    lon: Option<f64>,
    labels: BTreeMap<String, Text>,
    interval_seconds: u64,
    clock_offset_ns: i64,
    way: Way,
}

/// What it speaks through, and where it stands on a river.
#[derive(Clone, Debug, Default)]
struct Way {
    gateway: Option<Name>,
    river: Option<Name>,
    river_km: Option<f64>,
}

pub(super) fn load(files: &PackFiles, catalogue: &mut Catalogue, mistakes: &Mistakes) {
    for path in super::toml_files(files, FOLDER) {
        let Some(document) = Document::of(files, path, mistakes) else {
            continue;
        };
        let root = document.root(mistakes);
        for entry in root.entries("devices") {
            device(&entry, catalogue);
        }
        for entry in root.entries("families") {
            family(&entry, catalogue);
        }
        root.finish();
    }
    // The most particular pattern comes first; the order of files does not matter.
    catalogue.families.sort_by(|a, b| {
        let weight = |family: &Family| family.prefix.len() + family.suffix.len();
        weight(b)
            .cmp(&weight(a))
            .then_with(|| (&a.prefix, &a.suffix).cmp(&(&b.prefix, &b.suffix)))
    });
    if catalogue.devices.is_empty() && catalogue.families.is_empty() {
        mistakes.add(FOLDER, 0, "no device is listed");
    }
}

fn device(entry: &Entry<'_>, catalogue: &mut Catalogue) {
    let section = &entry.section;
    let entity = section.text("entity").unwrap_or(entry.name);
    let addresses = section.texts("addresses");
    // Its silence means something, unless the pack says otherwise.
    let expected = section.boolean("expected").unwrap_or(true);
    let common = common(section, catalogue);
    section.finish();
    if !is_name(entry.name) || !is_name(entity) {
        let message = "ids of devices and entities may have letters, digits and `._:-`, at most 64";
        section.mistake(entry.line, message);
        return;
    }
    let Some(common) = common else { return };
    let id = Name::from(entry.name);
    let entity = if entity == entry.name {
        id.clone()
    } else {
        Name::from(entity)
    };
    let device = Device {
        id: id.clone(),
        entity: entity.clone(),
        listed: true,
        ..common.device()
    };
    for (address, line) in addresses {
        let key = address.to_ascii_lowercase();
        if address.is_empty() || address.len() > 256 {
            section.mistake(line, "an address has 1 to 256 bytes");
        } else if catalogue.addresses.insert(key, id.clone()).is_some() {
            section.mistake(
                line,
                format_args!("address `{address}` belongs to two devices"),
            );
        }
    }
    if catalogue.devices.insert(id, device).is_some() {
        section.mistake(
            entry.line,
            format_args!("device `{}` is listed twice", entry.name),
        );
    }
    let info = common.info(entity, &catalogue.profiles, expected);
    add_entity(catalogue, info, section, entry.line);
}

fn add_entity(catalogue: &mut Catalogue, info: EntityInfo, section: &Section<'_>, line: u32) {
    let entities = &mut catalogue.vocabulary.entities;
    match entities.get(&*info.id) {
        // Several devices may watch one entity, of one stream; the first entry names it.
        Some(known) if known.stream == info.stream => {}
        Some(_) => {
            let message = format!("entity `{}` belongs to another stream elsewhere", info.id);
            section.mistake(line, message);
        }
        None => {
            entities.insert(info.id.to_string(), info);
        }
    }
}

fn family(entry: &Entry<'_>, catalogue: &mut Catalogue) {
    let section = &entry.section;
    let expected = section.texts("expected");
    let common = common(section, catalogue);
    section.finish();
    let mut parts = entry.name.splitn(2, '*');
    let (prefix, suffix) = match (parts.next(), parts.next()) {
        (Some(prefix), Some(suffix)) if !suffix.contains('*') && !prefix.is_empty() => {
            (prefix.to_owned(), suffix.to_owned())
        }
        _ => {
            let message = "a pattern is a beginning, one `*` and perhaps an end, as in `aqm-*`";
            section.mistake(entry.line, message);
            return;
        }
    };
    let Some(common) = common else { return };
    let family = Family {
        prefix,
        suffix,
        template: common.device(),
        name: common.name.clone(),
        interval_seconds: common.interval_seconds,
        way: common.way.clone(),
    };
    let twin = |other: &Family| other.prefix == family.prefix && other.suffix == family.suffix;
    if catalogue.families.iter().any(twin) {
        section.mistake(
            entry.line,
            format_args!("family `{}` appears twice", entry.name),
        );
    }
    for (id, line) in expected {
        let Some(member) = family.member(id).filter(|_| is_name(id)) else {
            section.mistake(
                line,
                format_args!("`{id}` does not fit the pattern `{}`", entry.name),
            );
            continue;
        };
        let info = family_info(&family, &member, &catalogue.profiles);
        add_entity(catalogue, info, section, line);
        let listed = Device {
            listed: true,
            ..member
        };
        if catalogue
            .devices
            .insert(listed.id.clone(), listed)
            .is_some()
        {
            section.mistake(line, format_args!("device `{id}` is listed twice"));
        }
    }
    catalogue.families.push(family);
}

fn family_info(family: &Family, member: &Device, profiles: &[Profile]) -> EntityInfo {
    let common = Common {
        profile: family.template.profile,
        name: Text {
            vi: family.name.vi.replace("{id}", &member.id),
            en: family.name.en.replace("{id}", &member.id),
        },
        area: member.place.as_ref().and_then(|place| place.area.clone()),
        lat: member.place.as_ref().map(|place| place.lat),
        lon: member.place.as_ref().map(|place| place.lon),
        labels: BTreeMap::new(),
        interval_seconds: family.interval_seconds,
        clock_offset_ns: 0,
        way: family.way.clone(),
    };
    common.info(member.id.clone(), profiles, true)
}

impl Common {
    /// A device of this kind, id and entity still to be filled.
    fn device(&self) -> Device {
        let place = match (self.lat, self.lon) {
            (Some(lat), Some(lon)) => Some(Place {
                area: self.area.clone(),
                lat,
                lon,
            }),
            _ => None,
        };
        Device {
            id: Name::from(""),
            entity: Name::from(""),
            profile: self.profile,
            place,
            clock_offset_ns: self.clock_offset_ns,
            listed: false,
        }
    }

    fn info(&self, id: Name, profiles: &[Profile], expected: bool) -> EntityInfo {
        let profile = &profiles[self.profile];
        EntityInfo {
            id,
            name: self.name.clone(),
            stream: profile.stream,
            profile: profile.name.clone(),
            area: self.area.clone(),
            lat: self.lat,
            lon: self.lon,
            labels: self.labels.clone(),
            interval_seconds: self.interval_seconds,
            expected,
            gateway: self.way.gateway.clone(),
            river: self.way.river.clone(),
            river_km: self.way.river_km,
        }
    }
}

fn common(section: &Section<'_>, catalogue: &Catalogue) -> Option<Common> {
    let profile = section.need_text("profile").and_then(|name| {
        let found = catalogue
            .profiles
            .iter()
            .position(|profile| &*profile.name == name);
        if found.is_none() {
            let line = section.line_of("profile");
            section.mistake(
                line,
                format_args!("profile `{name}` is in none of profiles/*.toml"),
            );
        }
        found
    });
    let name = section.bilingual("name");
    let area = area(section, catalogue);
    let (mut lat, mut lon) = coordinates(section);
    let area = match (area, lat, lon) {
        (Some(area), None, None) => {
            // Better the middle of the commune than nowhere.
            (lat, lon) = (Some(area.lat), Some(area.lon));
            Some(area.code.clone())
        }
        (Some(area), _, _) => Some(area.code.clone()),
        (None, Some(lat), Some(lon)) => catalogue.areas.locate(lat, lon).cloned(),
        _ => None,
    };
    let mut labels = BTreeMap::new();
    for entry in section.entries("labels") {
        if let Some(text) = entry.section.as_bilingual() {
            labels.insert(entry.name.to_owned(), text);
        }
    }
    let interval = section.whole("interval_seconds", 1..=31_536_000);
    let offset = clock_offset(section);
    let way = way(section);
    let profile = profile?;
    Some(Common {
        profile,
        name: name?,
        area,
        lat,
        lon,
        labels,
        interval_seconds: interval.unwrap_or(catalogue.profiles[profile].interval_seconds),
        clock_offset_ns: offset,
        way,
    })
}

fn way(section: &Section<'_>) -> Way {
    let way = Way {
        gateway: section.text("gateway").map(Name::from),
        river: section.text("river").map(Name::from),
        river_km: section.number("river_km"),
    };
    if way.river_km.is_some() && way.river.is_none() {
        let line = section.line_of("river_km");
        section.mistake(line, "`river_km` needs `river`");
    }
    way
}

fn area<'c>(section: &Section<'_>, catalogue: &'c Catalogue) -> Option<&'c AreaInfo> {
    let code = section.text("area")?;
    let found = catalogue.vocabulary.areas.get(code);
    if found.is_none() {
        let line = section.line_of("area");
        section.mistake(line, format_args!("area `{code}` is not in areas.csv"));
    }
    found
}

fn coordinates(section: &Section<'_>) -> (Option<f64>, Option<f64>) {
    let (lat, lon) = (section.number("lat"), section.number("lon"));
    if section.has("lat") != section.has("lon") {
        section.mistake(section.line(), "`lat` and `lon` come together");
    }
    for (key, value, bound) in [("lat", lat, 90.0), ("lon", lon, 180.0)] {
        if value.is_some_and(|value| value.abs() > bound) {
            section.mistake(
                section.line_of(key),
                format_args!("`{key}` must be within ±{bound}"),
            );
        }
    }
    (lat, lon)
}

fn clock_offset(section: &Section<'_>) -> i64 {
    const KEY: &str = "clock_offset_seconds";
    let Some(seconds) = section.number(KEY) else {
        return 0;
    };
    if seconds.abs() > 86_400.0 {
        section.mistake(
            section.line_of(KEY),
            "`clock_offset_seconds` must be within ±86400",
        );
        return 0;
    }
    let whole = nanoseconds(seconds.abs().trunc() as u64);
    let part = (seconds.abs().fract() * 1e9).round() as i64;
    if seconds < 0.0 {
        -(whole + part)
    } else {
        whole + part
    }
}
