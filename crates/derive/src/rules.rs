//! `derive.toml`: which measures are computed from which, where and how.
//!
//! ```toml
//! [limits]                       # all optional; the bounds of the fold
//! [rules.NAME]
//! method = "rain_windows"        # see the modules of `methods`
//! entities = ["rg-1", "rg-x-*"]  # by id; `*` at the end takes in the members of a family
//! profiles = ["rain-counter"]    # the listed entities of a profile
//! source = "…"                   # where the method and its figures come from
//! verified = true
//! official = false               # true: the result may be stated as it is
//! inputs.rain = "rain_total"     # input of the method = measure
//! outputs.r1 = "rain_1h"         # output of the method = measure
//! lent.rg-1 = "wx-1"             # readings of rg-1 count as readings of wx-1 (the rain beside a weather station)
//! ```
//!
//! The order of the file matters twice: a rule may take the levels that an earlier `level` rule computes, and the position is
//! part of the time of derived events.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use event::{MeasureType, Name, PackError, PackFiles, Stream, Time, Vocabulary};

use crate::calendar::{HOUR, MINUTE};
use crate::methods::{Known, Loading, METHODS, Method, Port, Shape};
use crate::reader::{Document, Entry, Mistakes, Section};
use crate::thresholds::Thresholds;

const FILE: &str = "derive.toml";

/// Position of the rule and kind of the result are told in 12 bits of a derived event's time.
const RULES_MAX: usize = 1_000;

/// The bounds of the fold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Limits {
    pub(crate) readings_max: usize,
    pub(crate) series_max: usize,
    /// Results this far behind the newest reading of their series are revised; readings behind that are counted and not used.
    pub(crate) revise_ns: i64,
    /// Results that one reading may revise; of more, the newest are.
    pub(crate) revisions_max: usize,
    /// How long after the end of an hour or day its result waits for an event, in journal time.
    pub(crate) grace_ns: i64,
    /// A series not heard for this long makes room when the fold is full.
    pub(crate) idle_ns: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            readings_max: 8_000,
            series_max: 10_000,
            revise_ns: 48 * HOUR,
            revisions_max: 200,
            grace_ns: 10 * MINUTE,
            idle_ns: 30 * 24 * HOUR,
        }
    }
}

/// An output that the rule asks for.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) measure: Name,
    pub(crate) unit: Name,
}

#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: Name,
    pub(crate) method: Box<dyn Method>,
    pub(crate) shape: Option<Shape>,
    /// Measures by input of the method.
    pub(crate) inputs: Vec<Option<Name>>,
    pub(crate) outputs: Vec<Option<Output>>,
    pub(crate) unofficial: bool,
    /// Entities whose readings count as those of another.
    pub(crate) lent: BTreeMap<Name, Name>,
    /// Method and inputs: a series is of use to a later rule of the same name only if these are the same.
    pub(crate) signature: String,
}

/// The rules of a site, checked.
#[derive(Debug, Default)]
pub struct Rules {
    pub(crate) limits: Limits,
    pub(crate) list: Vec<Rule>,
    /// Entities that the catalogue names; the order of the map is never looked at.
    by_entity: HashMap<Name, Vec<usize>>,
    /// Lateness bound of each stream: a result older than that is history.
    pub(crate) lateness_ns: BTreeMap<Stream, i64>,
    /// Beginning of the id, rule.
    by_pattern: Vec<(String, usize)>,
}

impl Rules {
    /// Without the file there are no rules. Otherwise every mistake is told, with file and line.
    pub fn load(files: &PackFiles, vocabulary: &Vocabulary) -> Result<Self, Vec<PackError>> {
        let mut rules = Self::default();
        if !files.files.contains_key(FILE) {
            return Ok(rules);
        }
        for (stream, seconds) in &vocabulary.lateness_seconds {
            let seconds = i64::try_from(*seconds).unwrap_or(i64::MAX);
            let lateness = seconds.saturating_mul(Time::SECOND);
            rules.lateness_ns.insert(*stream, lateness);
        }
        let mistakes = Mistakes::default();
        let thresholds = Thresholds::load(files, &mistakes);
        if let Some(document) = Document::of(files, FILE, &mistakes) {
            let root = document.root(&mistakes);
            let zone_ns = root
                .section("limits")
                .map_or(7 * HOUR, |limits| rules.read_limits(&limits));
            let entries = root.entries("rules");
            if entries.len() > RULES_MAX {
                root.mistake(0, format_args!("a site has at most {RULES_MAX} rules"));
            }
            for entry in entries.iter().take(RULES_MAX) {
                rules.read_rule(entry, vocabulary, &thresholds, zone_ns);
            }
            root.finish();
        }
        let list = mistakes.into_list();
        if list.is_empty() {
            Ok(rules)
        } else {
            Err(list)
        }
    }

    /// Listed entities that some rule computes measures of.
    pub fn entities(&self) -> Vec<Name> {
        let mut entities: Vec<Name> = self.by_entity.keys().cloned().collect();
        entities.sort_unstable();
        entities
    }

    /// Measures that the rules give: name of the rule, measure.
    pub fn measures(&self) -> impl Iterator<Item = (&Name, &Name)> {
        self.list.iter().flat_map(|rule| {
            let outputs = rule.outputs.iter().flatten();
            outputs.map(|output| (&rule.name, &output.measure))
        })
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The rules of an entity, in order of the file.
    pub(crate) fn of(&self, entity: &Name, out: &mut Vec<usize>) {
        out.clear();
        match self.by_entity.get(entity) {
            Some(rules) => out.extend_from_slice(rules),
            None => {
                let fits = self.by_pattern.iter();
                let fits = fits.filter(|(start, _)| entity.starts_with(start.as_str()));
                out.extend(fits.map(|(_, rule)| *rule));
            }
        }
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<usize> {
        self.list.iter().position(|rule| &*rule.name == name)
    }

    /// Reads the bounds; returns the zone.
    fn read_limits(&mut self, section: &Section<'_>) -> i64 {
        let limits = &mut self.limits;
        let whole = |key, bounds, default: usize| {
            let read = section.whole(key, bounds);
            read.and_then(|read| usize::try_from(read).ok())
                .unwrap_or(default)
        };
        limits.readings_max = whole("readings_max", 100..=20_000, limits.readings_max);
        limits.series_max = whole("series_max", 1..=100_000, limits.series_max);
        limits.revisions_max = whole("revisions_max", 1..=2_000, limits.revisions_max);
        let time = |key, bounds, unit: i64, default: i64| {
            let default = default as f64 / unit as f64;
            (section.number_in(key, bounds, default) * unit as f64) as i64
        };
        limits.revise_ns = time("revise_hours", 1.0..=168.0, HOUR, limits.revise_ns);
        limits.grace_ns = time(
            "grace_seconds",
            0.0..=7_200.0,
            Time::SECOND,
            limits.grace_ns,
        );
        limits.idle_ns = time("idle_days", 1.0..=400.0, 24 * HOUR, limits.idle_ns);
        let zone = time("utc_offset_minutes", -720.0..=840.0, MINUTE, 7 * HOUR);
        section.finish();
        zone
    }

    fn read_rule(
        &mut self,
        entry: &Entry<'_>,
        vocabulary: &Vocabulary,
        thresholds: &Thresholds,
        zone_ns: i64,
    ) {
        let section = &entry.section;
        let Some(name) = section.need_text("method") else {
            return;
        };
        let Some(known) = METHODS.iter().find(|known| known.name == name) else {
            let methods: Vec<_> = METHODS.iter().map(|known| known.name).collect();
            let line = section.line_of("method");
            let methods = methods.join("`, `");
            section.mistake(line, format_args!("`method` must be one of `{methods}`"));
            return;
        };
        section.sourced();
        let official = section.boolean("official").unwrap_or(false);
        let inputs = read_inputs(section, known, vocabulary);
        let outputs = read_outputs(section, known, vocabulary);
        let wanted: Vec<bool> = outputs.iter().map(Option::is_some).collect();
        let loading = Loading {
            thresholds,
            zone_ns,
            inputs: &inputs,
            wanted: &wanted,
        };
        let method = (known.load)(section, &loading);
        let Some(method) = method else { return };
        let chosen = self.read_scope(section, vocabulary, method.as_ref());
        let shape = method.shape();
        let lent = read_lent(section, vocabulary, &chosen, shape.is_some());
        for entity in chosen.iter().chain(lent.keys()) {
            let rules = self.by_entity.entry(entity.clone()).or_default();
            rules.push(self.list.len());
        }
        section.finish();
        self.list.push(Rule {
            name: Name::from(entry.name),
            shape,
            lent,
            // What the law reserves to state bodies; the rest is our own arithmetic and claims nothing.
            unofficial: match known.name {
                "river_status" | "forest_fire" => true,
                "vn_aqi" => !official,
                _ => false,
            },
            signature: format!("{} {inputs:?}", known.name),
            method,
            inputs,
            outputs,
        });
    }

    fn read_scope(
        &mut self,
        section: &Section<'_>,
        vocabulary: &Vocabulary,
        method: &dyn Method,
    ) -> BTreeSet<Name> {
        let rule = self.list.len();
        let mut chosen: BTreeSet<Name> = BTreeSet::new();
        for (id, line) in section.texts("entities") {
            if let Some(start) = id.strip_suffix('*') {
                self.by_pattern.push((start.to_owned(), rule));
                let members = vocabulary.entities.values();
                let members = members.filter(|entity| entity.id.starts_with(start));
                chosen.extend(members.map(|entity| entity.id.clone()));
                continue;
            }
            match vocabulary.entities.get(id) {
                Some(entity) => {
                    chosen.insert(entity.id.clone());
                    if let Err(why) = method.covers(id) {
                        section.mistake(line, why);
                    }
                }
                None => section.mistake(line, format_args!("unknown entity `{id}`")),
            }
        }
        for (profile, line) in section.texts("profiles") {
            let all = vocabulary.entities.values();
            let fitting = all.filter(|entity| &*entity.profile == profile);
            let mut any = false;
            for entity in fitting {
                any = true;
                chosen.insert(entity.id.clone());
                if let Err(why) = method.covers(&entity.id) {
                    section.mistake(line, why);
                }
            }
            if !any {
                let message = format_args!("no listed entity has the profile `{profile}`");
                section.mistake(line, message);
            }
        }
        if !section.has("entities") && !section.has("profiles") {
            let message = "`entities` or `profiles` must say what the rule is about";
            section.mistake(section.line(), message);
        }
        chosen
    }
}

/// Who lends readings to whom. Both are listed; the one that borrows is of the rule, the one that lends is not.
fn read_lent(
    section: &Section<'_>,
    vocabulary: &Vocabulary,
    chosen: &BTreeSet<Name>,
    has_series: bool,
) -> BTreeMap<Name, Name> {
    let mut lent = BTreeMap::new();
    if !section.has("lent") {
        return lent;
    }
    if !has_series {
        let line = section.line_of("lent");
        section.mistake(
            line,
            "this method looks at one event; nothing can be lent to it",
        );
    }
    for (lender, borrower, line) in section.pairs("lent") {
        let known = vocabulary.entities.get(lender);
        match known.filter(|entity| !chosen.contains(&entity.id)) {
            None => section.mistake(
                line,
                format_args!("`{lender}` is unknown, or the rule is about it"),
            ),
            Some(_) if !chosen.contains(borrower) => {
                section.mistake(line, format_args!("the rule is not about `{borrower}`"));
            }
            Some(lender) => {
                lent.insert(lender.id.clone(), Name::from(borrower));
            }
        }
    }
    lent
}

/// The measures of a table of ports, by port; everything that does not fit is told.
fn read_ports(
    section: &Section<'_>,
    key: &'static str,
    ports: &'static [Port],
    vocabulary: &Vocabulary,
) -> Vec<Option<Name>> {
    let mut found = vec![None; ports.len()];
    let Some(table) = section.section(key) else {
        section.missing(key);
        return found;
    };
    for (port, found) in ports.iter().zip(&mut found) {
        let Some(measure) = table.text(port.key) else {
            if port.required && !table.has(port.key) {
                table.missing(port.key);
            }
            continue;
        };
        let line = table.line_of(port.key);
        let Some(info) = vocabulary.measures.get(measure) else {
            table.mistake(
                line,
                format_args!("measure `{measure}` is not in measures.toml"),
            );
            continue;
        };
        let either = port.either && info.kind != MeasureType::Boolean;
        if info.kind != port.kind && !either {
            let kind = match port.kind {
                MeasureType::Number => "number",
                MeasureType::Boolean => "boolean",
                MeasureType::Code => "code",
            };
            table.mistake(
                line,
                format_args!("measure `{measure}` is not of kind {kind}"),
            );
        } else if !port.units.is_empty() && !port.units.contains(&&*info.unit) {
            let units = port.units.join("` or `");
            table.mistake(
                line,
                format_args!("measure `{measure}` is in `{}`, not `{units}`", info.unit),
            );
        }
        *found = Some(info.name.clone());
    }
    table.finish();
    found
}

fn read_inputs(section: &Section<'_>, known: &Known, vocabulary: &Vocabulary) -> Vec<Option<Name>> {
    read_ports(section, "inputs", known.inputs, vocabulary)
}

fn read_outputs(
    section: &Section<'_>,
    known: &Known,
    vocabulary: &Vocabulary,
) -> Vec<Option<Output>> {
    let names = read_ports(section, "outputs", known.outputs, vocabulary);
    let mut seen: BTreeMap<Name, &str> = BTreeMap::new();
    for (name, port) in names.iter().zip(known.outputs) {
        let Some(name) = name else { continue };
        if let Some(other) = seen.insert(name.clone(), port.key) {
            section.mistake(
                section.line_of("outputs"),
                format_args!("`{other}` and `{}` give the same measure", port.key),
            );
        }
    }
    if seen.is_empty() && section.has("outputs") {
        let line = section.line_of("outputs");
        section.mistake(line, "`outputs` names no measure");
    }
    let unit = |name: &Name| {
        let info = vocabulary.measures.get(&**name);
        info.map_or_else(|| Name::from(""), |info| info.unit.clone())
    };
    let output = |name: Name| Output {
        unit: unit(&name),
        measure: name,
    };
    names.into_iter().map(|name| name.map(output)).collect()
}
