//! The site catalogue: the pack's files checked, cross-referenced and compiled to what the hot path needs.
//!
//! Loading is a pure function of the bytes. All mistakes of all files are reported together; a pack with one mistake is
//! not used at all.

mod areas;
mod devices;
mod measures;
mod personal;
mod places;
mod profiles;
mod reader;
mod site;
mod sources;

use std::collections::{BTreeMap, HashMap};

use crate::personal::Personal;
use event::{MeasureType, Name, PackError, PackFiles, Stream, Vocabulary};

pub(crate) use areas::Areas;
pub(crate) use devices::Device;
pub(crate) use measures::{Conversion, Units};
pub(crate) use profiles::{Field, Meaning, Plausible, Profile, RESERVED};
pub(crate) use site::{Limits, is_name, stream_name};
pub(crate) use sources::{Source, Sources};

/// Other names of areas: old districts, spellings.
pub(crate) const PLACES_FILE: &str = "places.csv";
/// Borders of the areas as GeoJSON, where the operator has them.
pub(crate) const POLYGONS_FILE: &str = "areas.geojson";
/// Scripts that decode what nothing else does.
pub(crate) const DECODERS_FOLDER: &str = "decoders/";

/// Files that belong to the alert engine or the page; not read here.
const FOREIGN: [&str; 6] = [
    "thresholds.toml",
    "display.toml",
    "derive.toml",
    "positions.toml",
    "escalation.toml",
    "causes.toml",
];
const FOREIGN_FOLDER: &str = "rules/";
/// Rules on trial.
const SHADOW_FOLDER: &str = "rules/shadow/";
/// Cases of the rules; not part of what is in force.
const CASES_FOLDER: &str = "rules/cases/";

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
    /// What formats call a device -> its id.
    addresses: HashMap<String, Name>,
    pub(crate) sources: Sources,
    pub(crate) units: Units,
    pub(crate) personal: Personal,
    /// A field of a profile is free text.
    pub(crate) has_free_text: bool,
    /// Whoever is not listed has this profile: for trying a payload out, never in a node.
    stand_in: Option<usize>,
    /// The measure of device states, where the pack has one.
    pub(crate) online: Option<Name>,
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
        let profiles = profiles::load(files, &measures, site.zone_ns, &mistakes);
        let has_free_text = profiles
            .values()
            .flat_map(|profile| &profile.fields)
            .any(|field| field.free_text);
        let units = measures.resolved.clone();
        let aliases = places::names(files, &areas, &mistakes);
        let borders = places::borders(files, &areas, &mistakes);
        let online = measures
            .by_name
            .get("online")
            .filter(|measure| measure.info.kind == MeasureType::Boolean);
        let online = online.map(|measure| measure.info.name.clone());
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
            areas: Areas::new(&areas, site.border_tolerance_km, &aliases, borders),
            profiles: profiles.into_values().collect(),
            devices: HashMap::new(),
            families: Vec::new(),
            addresses: HashMap::new(),
            sources: sources::load(files, &mistakes),
            units,
            personal: personal::load(files, &mistakes),
            has_free_text,
            stand_in: None,
            online,
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
        self.families
            .iter()
            .find_map(|family| family.member(id))
            .or_else(|| self.stand_in(id))
    }

    /// The device that a format calls so: by its `address`, else by its id or family.
    pub(crate) fn by_address(&self, address: &str) -> Option<Device> {
        if let Some(id) = self.addresses.get(&address.to_ascii_lowercase()) {
            return self.devices.get(id).cloned();
        }
        self.resolve(address)
            .or_else(|| self.stand_in(&as_name(address)))
    }

    /// The same, with a profile for whoever is not listed: for trials.
    pub(crate) fn with_stand_in(mut self, profile: usize) -> Self {
        self.stand_in = Some(profile);
        self
    }

    fn stand_in(&self, id: &str) -> Option<Device> {
        Some(Device {
            id: Name::from(id),
            entity: Name::from(id),
            profile: self.stand_in?,
            place: None,
            clock_offset_ns: 0,
            listed: true,
        })
    }

    pub(crate) fn profile_named(&self, name: &str) -> Option<usize> {
        self.profiles
            .iter()
            .position(|profile| &*profile.name == name)
    }
}

/// An address as a device id would be written.
fn as_name(address: &str) -> String {
    let sound = |letter: char| letter.is_ascii_alphanumeric() || "._:-".contains(letter);
    let letters = address
        .chars()
        .map(|letter| if sound(letter) { letter } else { '-' });
    letters.take(64).collect()
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
        let read_here = [
            site::FILE,
            areas::FILE,
            measures::FILE,
            sources::FILE,
            personal::FILE,
            PLACES_FILE,
            POLYGONS_FILE,
        ]
        .contains(&path.as_str());
        let in_folder = [
            profiles::FOLDER,
            devices::FOLDER,
            measures::FOLDER,
            FOREIGN_FOLDER,
            SHADOW_FOLDER,
            CASES_FOLDER,
        ]
        .iter()
        .any(|folder| {
            path.strip_prefix(folder)
                .is_some_and(|name| !name.contains('/') && name.ends_with(".toml"))
        });
        let document = path.ends_with(".md");
        let in_folder = in_folder
            || path
                .strip_prefix(DECODERS_FOLDER)
                .is_some_and(|name| !name.contains('/') && name.ends_with(".rhai"));
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
