//! `sources.toml`: topics besides `ioc/{site}/{stream}/{device}/up`, and how their messages are read. A pack may leave it out.

use event::PackFiles;

use super::profiles::plan;
use super::reader::{Document, Entry, Mistakes};
use crate::format::{Format, Plan};

pub(super) const FILE: &str = "sources.toml";

/// Sources of one pack.
const SOURCES_MAX: usize = 64;

#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Levels of the MQTT filter.
    filter: Vec<String>,
    /// The format of its messages; where there is none, the profile of the device that the topic names says it.
    pub(crate) plan: Option<Plan>,
    /// Level of the topic (from 0) that names the device.
    pub(crate) device_level: Option<usize>,
    /// Messages that name devices unknown here are of elsewhere, not mistakes.
    pub(crate) skip_unknown: bool,
}

impl Source {
    fn matches(&self, topic: &str) -> bool {
        let mut levels = topic.split('/');
        for wanted in &self.filter {
            if wanted == "#" {
                return true;
            }
            match levels.next() {
                Some(level) if wanted == "+" || wanted == level => {}
                _ => return false,
            }
        }
        levels.next().is_none()
    }
}

/// In order of the file: the first whose filter fits takes the message.
#[derive(Debug, Default)]
pub(crate) struct Sources(Vec<Source>);

impl Sources {
    pub(crate) fn find(&self, topic: &str) -> Option<&Source> {
        self.0.iter().find(|source| source.matches(topic))
    }
}

pub(super) fn load(files: &PackFiles, mistakes: &Mistakes) -> Sources {
    let mut sources = Sources::default();
    if !files.files.contains_key(FILE) {
        return sources;
    }
    let Some(document) = Document::of(files, FILE, mistakes) else {
        return sources;
    };
    let root = document.root(mistakes);
    for entry in root.entries("sources") {
        if let Some(source) = source(&entry, files) {
            sources.0.push(source);
        }
    }
    if sources.0.len() > SOURCES_MAX {
        root.mistake(0, format_args!("a pack has at most {SOURCES_MAX} sources"));
    }
    root.finish();
    sources
}

fn source(entry: &Entry<'_>, files: &PackFiles) -> Option<Source> {
    let section = &entry.section;
    let filter = section.need_text("topic");
    if let Some(filter) = filter
        && let Err(message) = check_filter(filter)
    {
        section.mistake(section.line_of("topic"), message);
    }
    let device_level = section.whole("device_level", 0..=31);
    let planned = plan(section, files, None);
    let skip_unknown = section.boolean("skip_unknown").unwrap_or(false);
    if device_level.is_none() && !section.has("format") {
        let message = "a source needs `format`, or `device_level`: the level of the topic (from 0) that names the device";
        section.mistake(entry.line, message);
    }
    if matches!(planned, Some((Format::Native, _))) && device_level.is_none() {
        section.mistake(
            section.line_of("format"),
            "native messages do not name their device; give `device_level`",
        );
    }
    section.finish();
    Some(Source {
        filter: filter?.split('/').map(str::to_owned).collect(),
        // Native messages are read by their own path, through the profile.
        plan: planned
            .filter(|(format, _)| *format != Format::Native)
            .map(|(_, plan)| plan),
        device_level: device_level.and_then(|level| usize::try_from(level).ok()),
        skip_unknown,
    })
}

fn check_filter(filter: &str) -> Result<(), String> {
    let levels: Vec<&str> = filter.split('/').collect();
    if filter.is_empty() || filter.len() > 1_024 {
        return Err("a topic filter has 1 to 1024 bytes".to_owned());
    }
    if filter.starts_with("ioc/") {
        return Err(
            "topics below `ioc/` have their own form; sources are for other topics".to_owned(),
        );
    }
    let last = levels.len() - 1;
    for (at, level) in levels.iter().enumerate() {
        let wildcard = *level == "+" || (*level == "#" && at == last);
        if !wildcard && level.contains(['+', '#']) {
            return Err(format!(
                "`{filter}` is no MQTT filter: `+` fills a level, `#` the last one"
            ));
        }
    }
    Ok(())
}
