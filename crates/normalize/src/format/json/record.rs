//! One element of a document as a record.

use std::collections::BTreeSet;

use event::{EventFlags, EventId, RejectCode, Status};
use serde_json::Value;

use super::path::{Path, Start};
use super::{Key, Plan, Scope, Wanted};
use crate::catalogue::Profile;
use crate::fault::Fault;
use crate::format::senml::ucum_of_people;
use crate::format::{Plan as AnyPlan, Raw, RawField, Record, Records, Stamp, Subject, Wire};
use crate::{text, time};

pub(super) struct Reader<'a> {
    pub(super) wire: &'a Wire<'a>,
    pub(super) plan: &'a Plan,
}

/// What a path finds.
enum Found<'v> {
    Value(&'v Value),
    Key(Key<'v>),
}

impl Found<'_> {
    fn text(&self) -> Option<String> {
        match self {
            Self::Value(Value::String(text)) => Some(text.trim().to_owned()),
            Self::Value(Value::Number(number)) => Some(number.to_string()),
            Self::Key(Key::Name(name)) => Some((*name).to_owned()),
            Self::Key(Key::Number(number)) => Some(number.to_string()),
            Self::Value(_) | Self::Key(Key::None) => None,
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Value(Value::Number(number)) => number.as_f64(),
            Self::Value(Value::String(written)) => text::number(written, false),
            Self::Value(_) | Self::Key(_) => None,
        }
    }
}

impl Reader<'_> {
    pub(super) fn read(
        &self,
        scopes: &[Scope<'_>],
        history: bool,
        out: &mut Records,
    ) -> Result<(), Fault> {
        let plan = self.plan;
        let mut record = Record::default();
        if history {
            record.flags = EventFlags::HISTORY;
        }
        record.subject = self.subject(scopes)?;
        self.times(scopes, &mut record)?;
        record.status = status(around(scopes, plan.status.as_ref()))?;
        let lat = around(scopes, plan.lat.as_ref());
        let lon = around(scopes, plan.lon.as_ref());
        match (&lat, &lon) {
            (None, None) => {}
            (Some(lat), Some(lon)) if lat.number().is_some() && lon.number().is_some() => {
                record.place = lat.number().zip(lon.number());
            }
            // Half a place, or a place that is no number, is none.
            _ => record.unusable += 1,
        }
        let area = around(scopes, plan.area.as_ref()).and_then(|area| area.text());
        if let Some(area) = area {
            let cleaned = text::clean(&area);
            if cleaned.damaged {
                record.flags = record.flags.with(EventFlags::TEXT_DAMAGED);
            }
            record.area = Some(cleaned.text.into_owned());
        }
        if let Some(found) = here(scopes, plan.sequence.as_ref()) {
            record.sequence = found.text().and_then(|text| text.parse().ok());
            record.unusable += u64::from(record.sequence.is_none());
        }
        if let Some(found) = here(scopes, plan.uuid.as_ref()) {
            let uuid = found.text().and_then(|text| text.parse().ok());
            record.uuid = uuid.filter(|id: &EventId| *id != EventId::default());
            record.unusable += u64::from(record.uuid.is_none());
        }
        self.fields(scopes, &mut record);
        out.push(record)
    }

    fn subject(&self, scopes: &[Scope<'_>]) -> Result<Subject, Fault> {
        let Some(path) = &self.plan.device else {
            return Ok(Subject::Topic);
        };
        let address = around(scopes, Some(path)).and_then(|found| found.text());
        match address.filter(|address| !address.is_empty()) {
            Some(address) => Ok(Subject::Address(address)),
            None => Err(Fault::shape(
                "an element names no device where the profile's `options.device` says; \
                 correct the path or the sender",
            )),
        }
    }

    fn times(&self, scopes: &[Scope<'_>], record: &mut Record) -> Result<(), Fault> {
        let plan = self.plan;
        match &*plan.time {
            [] => {}
            [path] => {
                let found = around(scopes, Some(path));
                let span = found.as_ref().and_then(|found| match found {
                    Found::Value(Value::String(text)) => time::interval(text),
                    Found::Value(_) | Found::Key(_) => None,
                });
                match span {
                    Some((start, end)) => (record.stamp, record.until) = (Some(start), Some(end)),
                    None => record.stamp = found.map(|found| stamp(&found, "time")).transpose()?,
                }
            }
            parts => {
                let parts = parts.iter().filter_map(|path| around(scopes, Some(path)));
                let joined: Vec<String> = parts.filter_map(|found| found.text()).collect();
                if !joined.is_empty() {
                    let joined = Value::String(joined.join(" "));
                    record.stamp = Some(stamp(&Found::Value(&joined), "time")?);
                }
            }
        }
        if let Some(found) = around(scopes, plan.age.as_ref()) {
            // More than a century ago is no age of a reading.
            let seconds = found.number().filter(|seconds| seconds.abs() < 3.2e9);
            let seconds = seconds.ok_or_else(|| invalid(&found, "age"))?;
            record.stamp = Some(Stamp::Ago((seconds * 1e9).round() as i64));
        }
        let other = |path: &Option<Path>, name: &str| {
            let found = around(scopes, path.as_ref());
            found.map(|found| stamp(&found, name)).transpose()
        };
        record.until = other(&plan.time_end, "time_end")?.or(record.until);
        record.valid_from = other(&plan.valid_from, "valid_from")?;
        record.valid_to = other(&plan.valid_to, "valid_to")?;
        Ok(())
    }

    fn fields(&self, scopes: &[Scope<'_>], record: &mut Record) {
        let Some(element) = scopes.last() else { return };
        let own = self.own_profile(&record.subject);
        let by_name: Vec<Wanted>;
        let wanted = match own.map(|profile| &profile.plan) {
            None => &self.plan.fields,
            Some(AnyPlan::Json(plan)) => &plan.fields,
            // A device of another format's profile: its fields by their own names.
            Some(_) => {
                let fields = own.into_iter().flat_map(|profile| &profile.fields);
                let named = fields.map(|field| {
                    let key = field.from.as_ref().unwrap_or(&field.key).to_string();
                    Wanted {
                        path: Path::name(&key),
                        key,
                        unit: None,
                    }
                });
                by_name = named.collect();
                &by_name
            }
        };
        for Wanted { key, path, unit } in wanted {
            let value = match here(scopes, Some(path)) {
                None => continue,
                Some(Found::Key(_)) => here(scopes, Some(path))
                    .and_then(|found| found.text())
                    .map(Raw::Text),
                Some(Found::Value(value)) => raw(value, &mut record.flags),
            };
            let Some(value) = value else {
                record.unusable += 1;
                continue;
            };
            let mut field = RawField::new(key.clone(), value);
            let said = here(scopes, unit.as_ref()).and_then(|found| found.text());
            field.unit = said
                .filter(|said| !said.is_empty())
                .map(|said| ucum_of_people(&said));
            record.fields.push(field);
        }
        record.unknown += self.unknown(element.value, wanted);
    }

    /// The profile of the device that the element names, where that is another than the topic's.
    fn own_profile(&self, subject: &Subject) -> Option<&Profile> {
        let Subject::Address(address) = subject else {
            return None;
        };
        let device = self.wire.catalogue.by_address(address)?;
        self.wire.catalogue.profiles.get(device.profile)
    }

    /// Members of the element that no path begins with.
    fn unknown(&self, element: &Value, wanted: &[Wanted]) -> u64 {
        let Some(members) = element.as_object() else {
            return 0;
        };
        let plan = self.plan;
        let fields = wanted.iter().map(|wanted| &wanted.path);
        let units = wanted.iter().filter_map(|wanted| wanted.unit.as_ref());
        let single = [
            &plan.time_end,
            &plan.age,
            &plan.valid_from,
            &plan.valid_to,
            &plan.device,
            &plan.area,
            &plan.lat,
            &plan.lon,
            &plan.sequence,
            &plan.uuid,
            &plan.status,
        ];
        let lists = plan.each.iter().chain(&plan.history).chain(&plan.time);
        let all = fields
            .chain(units)
            .chain(single.into_iter().flatten())
            .chain(lists);
        let heads: BTreeSet<&str> = all.filter_map(Path::head).collect();
        members
            .keys()
            .filter(|name| !heads.contains(name.as_str()))
            .count() as u64
    }
}

/// In the element, or from the document if the path says so. Null is nothing.
fn here<'v>(scopes: &[Scope<'v>], path: Option<&Path>) -> Option<Found<'v>> {
    let path = path?;
    let scope = match path.start {
        Start::Document => scopes.first()?,
        Start::Element => scopes.last()?,
        Start::Key => return Some(Found::Key(scopes.last()?.key)),
    };
    path.find(scope.value)
        .filter(|value| !value.is_null())
        .map(Found::Value)
}

/// In the element, else in what surrounds it.
fn around<'v>(scopes: &[Scope<'v>], path: Option<&Path>) -> Option<Found<'v>> {
    let mut scopes = scopes;
    while !scopes.is_empty() {
        if let Some(found) = here(scopes, path) {
            return Some(found);
        }
        scopes = scopes.split_last()?.1;
    }
    None
}

fn raw(value: &Value, flags: &mut EventFlags) -> Option<Raw> {
    match value {
        Value::Null => Some(Raw::Null),
        Value::Bool(word) => Some(Raw::Boolean(*word)),
        Value::Number(number) => number.as_f64().map(Raw::Number),
        Value::String(written) => {
            let cleaned = text::clean(written);
            if cleaned.damaged {
                *flags = flags.with(EventFlags::TEXT_DAMAGED);
            }
            Some(Raw::Text(cleaned.text.into_owned()))
        }
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn stamp(found: &Found<'_>, name: &str) -> Result<Stamp, Fault> {
    let stamp = match found {
        Found::Value(value) => time::stamp_of(value),
        Found::Key(_) => found.text().and_then(|text| time::stamp(&text)),
    };
    stamp.ok_or_else(|| invalid(found, name))
}

fn invalid(found: &Found<'_>, name: &str) -> Fault {
    let shown = match found.text() {
        Some(text) => format!("{:?}", text.chars().take(64).collect::<String>()),
        None => "no text or number".to_owned(),
    };
    let reason = format!("`{name}` is {shown}, which is no time; correct the path or the sender");
    Fault::new(RejectCode::TimeInvalid, reason)
}

fn status(found: Option<Found<'_>>) -> Result<Status, Fault> {
    let Some(found) = found else {
        return Ok(Status::Actual);
    };
    let word = found.text().unwrap_or_default();
    let known = [
        ("actual", Status::Actual),
        ("exercise", Status::Exercise),
        ("test", Status::Test),
    ];
    let status = known
        .iter()
        .find(|(known, _)| word.eq_ignore_ascii_case(known));
    status.map(|(_, status)| *status).ok_or_else(|| {
        let word: String = word.chars().take(64).collect();
        Fault::shape(format!(
            "the status is {word:?}; it must be actual, exercise or test"
        ))
    })
}
