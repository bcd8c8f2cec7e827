//! The site catalogue: the pack's files checked, cross-referenced and compiled to what the hot path needs.
//!
//! Loading is a pure function of the bytes. All mistakes of all files are reported together; a pack with one mistake is
//! not used at all.

mod areas;
mod devices;
mod measures;
mod profiles;
mod reader;
mod site;

use std::collections::{BTreeMap, HashMap};

use event::{Name, PackError, PackFiles, Stream, Vocabulary};

pub(crate) use areas::Areas;
pub(crate) use devices::Device;
pub(crate) use profiles::{Field, Meaning, Profile, RESERVED};
pub(crate) use site::{Limits, is_name, stream_name};

/// Files that belong to the alert engine or the page; not read here.
const FOREIGN: [&str; 2] = ["thresholds.toml", "display.toml"];
const FOREIGN_FOLDER: &str = "rules/";

/// Everything the normalizer knows about a site.
#[derive(Debug)]
pub struct Catalogue {
    pub(crate) site: Name,
    /// Words of topics for the streams.
    words: Vec<(String, Stream)>,
    lateness_ns: BTreeMap<Stream, i64>,
    pub(crate) limits: Limits,
    pub(crate) areas: Areas,
    pub(crate) profiles: Vec<Profile>,
    devices: HashMap<Name, Device>,
    families: Vec<devices::Family>,
    vocabulary: Vocabulary,
}

impl Catalogue {
    /// Reads a pack; all its mistakes, in order of file and line, if there are any.
    pub fn load(files: &PackFiles) -> Result<Self, Vec<PackError>> {
        let mistakes = reader::Mistakes::default();
        unknown_files(files, &mistakes);
        let site = site::load(files, &mistakes);
        let areas = areas::load(files, &mistakes);
        let measures = measures::load(files, &mistakes);
        let profiles = profiles::load(files, &measures, &mistakes);
        let lateness_ns = site
            .lateness_seconds
            .iter()
            .map(|(stream, seconds)| (*stream, site::nanoseconds(*seconds)))
            .collect();
        let vocabulary = Vocabulary {
            site: site.id.clone(),
            site_name: site.name,
            measures: measures
                .by_name
                .into_iter()
                .map(|(name, measure)| (name, measure.info))
                .collect(),
            entities: BTreeMap::new(),
            areas: areas.clone(),
            lateness_seconds: site.lateness_seconds,
        };
        let mut catalogue = Self {
            site: Name::from(site.id),
            words: site.words,
            lateness_ns,
            limits: site.limits,
            areas: Areas::new(&areas, site.border_tolerance_km),
            profiles: profiles.into_values().collect(),
            devices: HashMap::new(),
            families: Vec::new(),
            vocabulary,
        };
        devices::load(files, &mut catalogue, &mistakes);
        let list = mistakes.into_list();
        if list.is_empty() {
            Ok(catalogue)
        } else {
            Err(list)
        }
    }

    /// What rules and screens may refer to.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// Names of payload fields by profile: for documentation and tools.
    pub fn fields(&self, profile: &str) -> impl Iterator<Item = &str> {
        let profile = self.profiles.iter().find(|known| &*known.name == profile);
        profile
            .into_iter()
            .flat_map(|profile| profile.fields.iter().map(|field| &*field.key))
    }

    pub(crate) fn stream(&self, word: &str) -> Option<Stream> {
        self.words
            .iter()
            .find(|(known, _)| known == word)
            .map(|(_, stream)| *stream)
    }

    pub(crate) fn lateness_ns(&self, stream: Stream) -> i64 {
        // Loading refuses a pack that leaves a stream out.
        self.lateness_ns.get(&stream).copied().unwrap_or(i64::MAX)
    }

    /// The device of that id, listed or of a family.
    pub(crate) fn resolve(&self, id: &str) -> Option<Device> {
        if let Some(device) = self.devices.get(id) {
            return Some(device.clone());
        }
        if !is_name(id) {
            return None;
        }
        self.families.iter().find_map(|family| family.member(id))
    }
}

/// The `.toml` files right in a folder, in order of path.
fn toml_files<'p>(files: &'p PackFiles, folder: &str) -> Vec<&'p str> {
    let in_folder = |path: &&'p str| {
        path.strip_prefix(folder)
            .is_some_and(|name| name.ends_with(".toml") && !name.contains('/'))
    };
    files
        .files
        .keys()
        .map(String::as_str)
        .filter(in_folder)
        .collect()
}

/// A misspelt file name would otherwise be an entry that nobody misses.
fn unknown_files(files: &PackFiles, mistakes: &reader::Mistakes) {
    for path in files.files.keys() {
        let read_here = [site::FILE, areas::FILE, measures::FILE].contains(&path.as_str());
        let in_folder = [profiles::FOLDER, devices::FOLDER, FOREIGN_FOLDER]
            .iter()
            .any(|folder| {
                path.strip_prefix(folder)
                    .is_some_and(|name| !name.contains('/') && name.ends_with(".toml"))
            });
        let document = path.ends_with(".md");
        if !read_here && !in_folder && !document && !FOREIGN.contains(&path.as_str()) {
            mistakes.add(
                path,
                0,
                "this file has no place in a site pack; rename or remove it",
            );
        }
    }
}

#[cfg(test)]
mod tests;
