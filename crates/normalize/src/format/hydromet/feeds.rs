//! The five feeds.

use std::collections::BTreeMap;

use event::{AreaInfo, EventFlags, Kind, Time};

use super::names::{self, Risk};
use super::{Context, Item};
use crate::fault::Fault;
use crate::format::{Raw, RawField, Record, Records, Stamp, Subject};

/// Forecast hours that a warning may have; the service offers 1, 3 and 6.
const HOURS_MAX: f64 = 72.0;

impl<'c> Context<'c> {
    /// The commune that an item names; whether it lies in a province of ours (None: not said).
    fn commune(
        &self,
        item: Item<'_>,
        flags: &mut EventFlags,
    ) -> (Option<&'c AreaInfo>, Option<bool>) {
        let provinces = [
            "provinceName_2cap",
            "ten_tinh_2cap",
            "provinceName",
            "ten_tinh",
        ];
        let province = provinces.iter().find_map(|key| item.text(key, flags));
        let ours = province.map(|name| self.plan.provinces.contains(&names::key(&name)));
        if ours == Some(false) {
            return (None, ours);
        }
        let communes = ["commune_name_2cap", "ten_xa_2cap", "commune_name", "ten_xa"];
        let names = communes.iter().filter_map(|key| item.text(key, flags));
        let found = names
            .into_iter()
            .find_map(|name| self.by_name.get(&names::key(&name)).copied());
        let located = || {
            let (lat, lon) = item.place()?;
            let code = self.wire.catalogue.areas.locate(lat, lon)?;
            self.wire.catalogue.vocabulary().areas.get(&**code)
        };
        (found.or_else(located), ours)
    }

    /// Whether a point belongs to the site; of a point that is not there nothing is known.
    pub(super) fn inside(&self, place: Option<(f64, f64)>) -> Option<bool> {
        place.map(|(lat, lon)| {
            let areas = &self.wire.catalogue.areas;
            areas.locate(lat, lon).is_some() || areas.locate(lon, lat).is_some()
        })
    }

    fn listed(&self, address: &str) -> bool {
        self.wire
            .catalogue
            .by_address(address)
            .is_some_and(|device| device.listed)
    }
}

/// A commune of the warning feed: the highest of all its rows.
struct Commune {
    record: Record,
    landslide: Option<Risk>,
    flood: Option<Risk>,
}

pub(super) fn warnings(
    context: &Context<'_>,
    items: &[Item<'_>],
    out: &mut Records,
) -> Result<(), Fault> {
    let mut communes: BTreeMap<String, Commune> = BTreeMap::new();
    for item in items {
        let mut flags = EventFlags::default();
        let (area, ours) = context.commune(*item, &mut flags);
        let Some(area) = area else {
            // A commune of ours that no name and no point tells: it must not be lost without a word.
            match ours {
                Some(true) => out.push(nameless(context, *item, flags))?,
                _ => out.elsewhere += 1,
            }
            continue;
        };
        let mut record = Record {
            flags,
            ..warning(*item)
        };
        record.subject = Subject::Address(format!("nchmf-{}", area.code));
        record.area = Some(area.code.to_string());
        let mut risk = |key: &str| {
            let text = item.text(key, &mut record.flags)?;
            let risk = Risk::of(&text);
            record.unusable += u64::from(risk.is_none());
            risk
        };
        let (landslide, flood) = (risk("nguycosatlo"), risk("nguycoluquet"));
        let row = Commune {
            record,
            landslide,
            flood,
        };
        match communes.get_mut(&*area.code) {
            Some(known) => known.take(row),
            None => {
                communes.insert(area.code.to_string(), row);
            }
        }
    }
    for commune in communes.into_values() {
        out.push(commune.finish())?;
    }
    Ok(())
}

impl Commune {
    fn take(&mut self, other: Self) {
        let highest = |commune: &Self| commune.landslide.max(commune.flood);
        let (landslide, flood) = (
            self.landslide.max(other.landslide),
            self.flood.max(other.flood),
        );
        if highest(&other) > highest(self) {
            self.record = other.record;
        }
        (self.landslide, self.flood) = (landslide, flood);
    }

    fn finish(self) -> Record {
        let mut record = self.record;
        for (key, risk) in [
            ("nguycosatlo", self.landslide),
            ("nguycoluquet", self.flood),
        ] {
            if let Some(risk) = risk {
                record
                    .fields
                    .push(RawField::new(key, Raw::Text(risk.code().to_owned())));
            }
        }
        if let Some(highest) = self.landslide.max(self.flood) {
            record
                .fields
                .push(RawField::new("active", Raw::Boolean(highest > Risk::None)));
        }
        record
    }
}

/// Rain, time and validity of one row.
fn warning(item: Item<'_>) -> Record {
    let mut record = Record {
        kind: Some(Kind::Warning),
        ..Record::default()
    };
    for key in ["luongmuatd", "luongmuadb", "luongmuatd_db"] {
        item.field(key, &mut record.fields, &mut record.unusable);
    }
    let issued = item.time("thoigian").or_else(|| item.time("ngay_capnhat"));
    let hours = item
        .number("sogiodubao")
        .filter(|hours| (1.0..=HOURS_MAX).contains(hours));
    record.unusable += u64::from(hours.is_none() && item.get("sogiodubao").is_some());
    if let Some(hours) = hours {
        record.fields.push(RawField::number("sogiodubao", hours));
    }
    if let Some(issued) = issued {
        record.stamp = Some(issued);
        record.valid_from = Some(issued);
        record.valid_to = hours.map(|hours| later(issued, (hours * 3_600.0) as i64 * Time::SECOND));
    }
    record
}

fn later(stamp: Stamp, nanoseconds: i64) -> Stamp {
    match stamp {
        Stamp::At(time) => Stamp::At(time.plus(nanoseconds)),
        Stamp::Local(time) => Stamp::Local(time.plus(nanoseconds)),
        Stamp::Ago(ago) => Stamp::Ago(ago.saturating_sub(nanoseconds)),
    }
}

/// Told for the feed itself, with the name as it came: the catalogue may know it by an old name.
fn nameless(context: &Context<'_>, item: Item<'_>, flags: EventFlags) -> Record {
    let mut record = Record {
        flags,
        ..warning(item)
    };
    let names = ["commune_name_2cap", "commune_name", "district_name"];
    record.area = names
        .iter()
        .find_map(|key| item.text(key, &mut record.flags));
    record.place = item.place();
    for key in ["nguycosatlo", "nguycoluquet"] {
        let Some(text) = item.text(key, &mut record.flags) else {
            continue;
        };
        match Risk::of(&text) {
            Some(risk) => record
                .fields
                .push(RawField::new(key, Raw::Text(risk.code().to_owned()))),
            None => record.unusable += 1,
        }
    }
    if context.wire.device.is_none() {
        record.subject = Subject::Address("nchmf-warnings".to_owned());
    }
    record
}

pub(super) fn rain(
    context: &Context<'_>,
    items: &[Item<'_>],
    out: &mut Records,
) -> Result<(), Fault> {
    for item in items {
        let mut record = Record::default();
        let station = item
            .text("station_no", &mut record.flags)
            .or_else(|| item.text("station_id", &mut record.flags));
        let Some(station) = station else {
            out.push(Record {
                unusable: 1,
                ..record
            })?;
            continue;
        };
        let address = format!("rain-{}", names::slug(&station));
        let place = item.place();
        if !context
            .inside(place)
            .unwrap_or_else(|| context.listed(&address))
        {
            out.elsewhere += 1;
            continue;
        }
        record.subject = Subject::Address(address);
        record.place = place;
        record.stamp = ["thoigian", "time", "giocapnhat"]
            .iter()
            .find_map(|key| item.time(key));
        for key in [
            "luongmua1h",
            "luongmua3h",
            "luongmua6h",
            "luongmua12h",
            "luongmua24h",
        ] {
            item.field(key, &mut record.fields, &mut record.unusable);
        }
        if !record.fields.is_empty() || record.unusable > 0 {
            out.push(record)?;
        }
    }
    Ok(())
}

pub(super) fn soil(
    context: &Context<'_>,
    items: &[Item<'_>],
    out: &mut Records,
) -> Result<(), Fault> {
    for item in items {
        let mut record = Record::default();
        let (Some(area), _) = context.commune(*item, &mut record.flags) else {
            out.elsewhere += 1;
            continue;
        };
        record.subject = Subject::Address(format!("soil-{}", area.code));
        record.area = Some(area.code.to_string());
        record.stamp = soil_time(*item);
        item.field("doAm", &mut record.fields, &mut record.unusable);
        if !record.fields.is_empty() || record.unusable > 0 {
            out.push(record)?;
        }
    }
    Ok(())
}

/// A date with a time of the day beside it, or either alone that is a whole time.
fn soil_time(item: Item<'_>) -> Option<Stamp> {
    let mut flags = EventFlags::default();
    let (date, clock) = (
        item.text("ngaycapnhat", &mut flags),
        item.text("giocapnhat", &mut flags),
    );
    if let (Some(date), Some(clock)) = (&date, &clock) {
        let hour = clock.trim_end_matches(['h', 'H', 'g']).trim();
        let clock = if hour.len() <= 2 {
            format!("{hour:0>2}:00")
        } else {
            hour.to_owned()
        };
        let date = date.split(['T', ' ']).next().unwrap_or(date);
        if let Some(stamp) = crate::time::stamp(&format!("{date} {clock}")) {
            return Some(stamp);
        }
    }
    item.time("giocapnhat").or_else(|| item.time("ngaycapnhat"))
}

pub(super) fn spots(
    context: &Context<'_>,
    items: &[Item<'_>],
    out: &mut Records,
) -> Result<(), Fault> {
    for item in items {
        let mut record = Record::default();
        let (area, ours) = context.commune(*item, &mut record.flags);
        let place = item.place();
        let here = match ours {
            Some(ours) => ours,
            None => area.is_some() || context.inside(place).unwrap_or(false),
        };
        if !here {
            out.elsewhere += 1;
            continue;
        }
        let name = ["ten", "diadiem", "ten_xa"]
            .iter()
            .filter_map(|key| item.text(key, &mut record.flags));
        let name = names::slug(&name.collect::<Vec<_>>().join(" "));
        record.subject = Subject::Address(format!("spot-{name}"));
        record.place = place;
        record.area = area
            .filter(|_| place.is_none())
            .map(|area| area.code.to_string());
        record.stamp = ["thoigian", "ngay_capnhat", "ngaycapnhat"]
            .iter()
            .find_map(|key| item.time(key));
        let counts = item
            .0
            .keys()
            .filter(|key| key.starts_with("soho_"))
            .take(16);
        for key in counts {
            item.field(key, &mut record.fields, &mut record.unusable);
        }
        if !record.fields.is_empty() || record.unusable > 0 {
            out.push(record)?;
        }
    }
    Ok(())
}

pub(super) fn vrain(
    context: &Context<'_>,
    items: &[Item<'_>],
    out: &mut Records,
) -> Result<(), Fault> {
    for item in items {
        let mut record = Record::default();
        let Some(name) = item.text("sn", &mut record.flags) else {
            out.push(Record {
                unusable: 1,
                ..record
            })?;
            continue;
        };
        let address = format!("vrain-{}", names::slug(&name));
        let place = item.place();
        if !context
            .inside(place)
            .unwrap_or_else(|| context.listed(&address))
        {
            out.elsewhere += 1;
            continue;
        }
        record.subject = Subject::Address(address);
        record.place = place;
        record.stamp = ["t", "time"].iter().find_map(|key| item.time(key));
        for key in ["d", "l"] {
            item.field(key, &mut record.fields, &mut record.unusable);
        }
        if !record.fields.is_empty() || record.unusable > 0 {
            out.push(record)?;
        }
    }
    Ok(())
}
