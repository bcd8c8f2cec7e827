//! `site.toml`: who we are, what streams are called in topics, and limits.

use std::collections::BTreeMap;

use event::{PackFiles, Stream, Text, Time};

use super::reader::{Document, Mistakes, Section};

pub(super) const FILE: &str = "site.toml";

pub(crate) const STREAMS: [(Stream, &str); 5] = [
    (Stream::Disaster, "disaster"),
    (Stream::Energy, "energy"),
    (Stream::Environment, "environment"),
    (Stream::Tourism, "tourism"),
    (Stream::City, "city"),
];

const DAY_SECONDS: u64 = 86_400;

/// Indicators come by the day; what is two days old is still the news.
const CITY_LATENESS_SECONDS: u64 = 2 * DAY_SECONDS;

pub(crate) fn stream_name(stream: Stream) -> &'static str {
    match stream {
        Stream::Disaster => "disaster",
        Stream::Energy => "energy",
        Stream::Environment => "environment",
        Stream::Tourism => "tourism",
        Stream::City => "city",
    }
}

pub(super) fn stream_by_name(name: &str) -> Option<Stream> {
    STREAMS
        .iter()
        .find(|(_, known)| *known == name)
        .map(|(stream, _)| *stream)
}

/// Bounds of the normalizer; the owner of each is the site pack.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) future_tolerance_ns: i64,
    pub(crate) fields_max: u64,
    pub(crate) depth_max: u64,
    pub(crate) family_members_max: usize,
    pub(crate) member_idle_ns: i64,
    /// Readings of one message, in formats that carry several.
    pub(crate) readings_max: usize,
    /// Bytes of a payload once unpacked.
    pub(crate) unpacked_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            future_tolerance_ns: 60 * Time::SECOND,
            fields_max: 64,
            depth_max: 16,
            family_members_max: 10_000,
            member_idle_ns: nanoseconds(30 * DAY_SECONDS),
            readings_max: 5_000,
            unpacked_bytes_max: 1 << 20,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Site {
    pub(super) id: String,
    pub(super) name: Text,
    pub(super) border_tolerance_km: f64,
    /// Of local times without a zone, nanoseconds east of UTC.
    pub(super) zone_ns: i64,
    /// Words of topics.
    pub(super) words: Vec<(String, Stream)>,
    pub(super) lateness_seconds: BTreeMap<Stream, u64>,
    pub(super) limits: Limits,
}

pub(super) fn nanoseconds(seconds: u64) -> i64 {
    i64::try_from(seconds)
        .unwrap_or(i64::MAX)
        .saturating_mul(Time::SECOND)
}

/// A name that can stand in a topic, a file name and an alert id.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte))
}

pub(super) fn load(files: &PackFiles, mistakes: &Mistakes) -> Site {
    let mut site = Site::default();
    let Some(document) = Document::of(files, FILE, mistakes) else {
        return site;
    };
    let root = document.root(mistakes);
    match root.section("site") {
        Some(section) => head(&section, &mut site),
        None => root.missing("site"),
    }
    streams(&root, &mut site);
    if let Some(section) = root.section("limits") {
        limits(&section, &mut site.limits);
    }
    root.finish();
    site
}

fn head(section: &Section<'_>, site: &mut Site) {
    if let Some(id) = section.need_text("id") {
        if !is_name(id) {
            let line = section.line_of("id");
            section.mistake(
                line,
                "`site.id` may have letters, digits and `._:-`, at most 64",
            );
        }
        site.id = id.to_owned();
    }
    site.name = section.bilingual("name").unwrap_or_default();
    if let Some(tolerance) = section.number("border_tolerance_km") {
        if (0.0..=100.0).contains(&tolerance) {
            site.border_tolerance_km = tolerance;
        } else {
            let line = section.line_of("border_tolerance_km");
            section.mistake(line, "`site.border_tolerance_km` must be from 0 to 100");
        }
    }
    site.zone_ns = super::profiles::zone(section).unwrap_or(0);
    section.finish();
}

fn streams(root: &Section<'_>, site: &mut Site) {
    site.words = STREAMS
        .iter()
        .map(|(stream, name)| ((*name).to_owned(), *stream))
        .collect();
    for entry in root.entries("streams") {
        let Some(stream) = stream_by_name(entry.name) else {
            let message = format!(
                "stream `{}` does not exist; there are disaster, energy, environment, tourism, city",
                entry.name
            );
            entry.section.mistake(entry.line, message);
            continue;
        };
        for (alias, line) in entry.section.texts("aliases") {
            if !is_name(alias) {
                entry.section.mistake(
                    line,
                    format_args!("alias `{alias}` cannot stand in a topic"),
                );
            } else if site.words.iter().any(|(word, _)| word == alias) {
                entry
                    .section
                    .mistake(line, format_args!("alias `{alias}` is taken"));
            } else {
                site.words.push((alias.to_owned(), stream));
            }
        }
        if let Some(seconds) = entry
            .section
            .whole("lateness_seconds", 0..=366 * DAY_SECONDS)
        {
            site.lateness_seconds.insert(stream, seconds);
        }
        entry.section.finish();
    }
    // A pack from before this stream says nothing of it.
    site.lateness_seconds
        .entry(Stream::City)
        .or_insert(CITY_LATENESS_SECONDS);
    for (stream, name) in STREAMS {
        if !site.lateness_seconds.contains_key(&stream) {
            root.mistake(
                0,
                format_args!("`streams.{name}.lateness_seconds` is missing"),
            );
        }
    }
}

fn limits(section: &Section<'_>, limits: &mut Limits) {
    if let Some(seconds) = section.whole("future_tolerance_seconds", 0..=DAY_SECONDS) {
        limits.future_tolerance_ns = nanoseconds(seconds);
    }
    if let Some(fields) = section.whole("fields_max", 1..=10_000) {
        limits.fields_max = fields;
    }
    // The JSON reader itself stops at 128.
    if let Some(depth) = section.whole("depth_max", 1..=100) {
        limits.depth_max = depth;
    }
    if let Some(members) = section.whole("family_members_max", 0..=1_000_000) {
        limits.family_members_max = usize::try_from(members).unwrap_or(usize::MAX);
    }
    if let Some(readings) = section.whole("readings_max", 1..=100_000) {
        limits.readings_max = usize::try_from(readings).unwrap_or(usize::MAX);
    }
    if let Some(bytes) = section.whole("unpacked_bytes_max", 1_024..=16 << 20) {
        limits.unpacked_bytes_max = usize::try_from(bytes).unwrap_or(usize::MAX);
    }
    if let Some(days) = section.whole("member_idle_days", 1..=3_660) {
        limits.member_idle_ns = nanoseconds(days * DAY_SECONDS);
    }
    section.finish();
}
