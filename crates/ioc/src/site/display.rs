//! `display.toml` of a site pack: the key points of the trend strip, and lines (rivers) for the schematic map.

use std::ops::Range;

use console::{MapLine, Trend};
use event::{PackError, PackFiles, Text, Vocabulary};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::{Spanned, Value};

const FILE: &str = "display.toml";

/// Bounds: every page that opens is sent all of it.
const TRENDS_MAX: usize = 24;
const LINES_MAX: usize = 50;
const POINTS_MAX: usize = 500;
const NAME_CHARS_MAX: usize = 100;

/// A point may lie this far outside the frame of the site's units; farther out it is a slip of the pen.
const MARGIN_DEGREES: f64 = 1.0;

/// What the page shows of a site beside its alerts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Display {
    pub(crate) trends: Vec<Trend>,
    pub(crate) lines: Vec<MapLine>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    trend: Vec<Spanned<Value>>,
    #[serde(default)]
    line: Vec<Spanned<Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TrendEntry {
    entity: String,
    measure: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineEntry {
    name: Words,
    /// Drawn by hand through known places, not surveyed.
    #[serde(default)]
    schematic: bool,
    source: Option<String>,
    /// Longitude and latitude, in the order of the course.
    points: Vec<[f64; 2]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    vi: String,
    en: String,
}

impl Display {
    /// A pack without the file has neither trends nor lines.
    pub(crate) fn load(files: &PackFiles, vocabulary: &Vocabulary) -> Result<Self, Vec<PackError>> {
        if !files.files.contains_key(FILE) {
            return Ok(Self::default());
        }
        let mut reading = Reading {
            text: files.text(FILE).unwrap_or_default(),
            mistakes: Vec::new(),
        };
        if files.text(FILE).is_none() {
            reading.mistake(0, "the file is not UTF-8; save it as UTF-8".to_owned());
        }
        let mut display = Self::default();
        let file: File = match toml::from_str(reading.text) {
            Ok(file) => file,
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                reading.mistake(at, error.message().to_owned());
                return Err(reading.mistakes);
            }
        };
        reading.at_most(TRENDS_MAX, "[[trend]]", &file.trend);
        reading.at_most(LINES_MAX, "[[line]]", &file.line);
        for (entry, span) in reading.entries::<TrendEntry>(file.trend) {
            display
                .trends
                .push(reading.trend(entry, span.start, vocabulary));
        }
        let frame = Frame::of(vocabulary);
        for (entry, span) in reading.entries::<LineEntry>(file.line) {
            display.lines.push(reading.line(entry, &span, &frame));
        }
        if reading.mistakes.is_empty() {
            Ok(display)
        } else {
            reading.mistakes.sort_by_key(|mistake| mistake.line);
            Err(reading.mistakes)
        }
    }
}

struct Reading<'f> {
    text: &'f str,
    mistakes: Vec<PackError>,
}

impl Reading<'_> {
    fn mistake(&mut self, at: usize, message: String) {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        let breaks = before.iter().filter(|byte| **byte == b'\n').count();
        self.mistakes.push(PackError {
            file: FILE.to_owned(),
            line: u32::try_from(breaks + 1).unwrap_or(u32::MAX),
            message,
        });
    }

    fn at_most(&mut self, most: usize, what: &str, entries: &[Spanned<Value>]) {
        if let Some(first) = entries.get(most) {
            let message = format!("more than {most} entries of {what}");
            self.mistake(first.span().start, message);
        }
    }

    /// One by one, so that a wrong entry does not hide the next.
    fn entries<T: DeserializeOwned>(
        &mut self,
        entries: Vec<Spanned<Value>>,
    ) -> Vec<(T, Range<usize>)> {
        let mut sound = Vec::with_capacity(entries.len());
        for entry in entries {
            let span = entry.span();
            match entry.into_inner().try_into() {
                Ok(value) => sound.push((value, span)),
                Err(error) => self.mistake(span.start, error.message().to_owned()),
            }
        }
        sound
    }

    fn trend(&mut self, entry: TrendEntry, at: usize, vocabulary: &Vocabulary) -> Trend {
        let TrendEntry { entity, measure } = entry;
        if !vocabulary.entities.contains_key(&entity) {
            let message = format!("no device of the catalogue has the entity {entity:?}");
            self.mistake(at, message);
        }
        if !vocabulary.measures.contains_key(&measure) {
            let message = format!("measures.toml has no measure {measure:?}");
            self.mistake(at, message);
        }
        Trend {
            entity: entity.into(),
            measure: measure.into(),
        }
    }

    fn line(&mut self, entry: LineEntry, span: &Range<usize>, frame: &Frame) -> MapLine {
        let at = span.start;
        for (language, name) in [("vi", &entry.name.vi), ("en", &entry.name.en)] {
            let length = name.trim().chars().count();
            if length == 0 || length > NAME_CHARS_MAX {
                let message =
                    format!("`name.{language}` must have 1 to {NAME_CHARS_MAX} characters");
                self.mistake(at, message);
            }
        }
        let source = entry.source.filter(|source| !source.trim().is_empty());
        if source.is_none() && !entry.schematic {
            let message = "a line needs its `source`, or `schematic = true`".to_owned();
            self.mistake(at, message);
        }
        let count = entry.points.len();
        if !(2..=POINTS_MAX).contains(&count) {
            let message = format!("`points` must be 2 to {POINTS_MAX}, not {count}");
            self.mistake(at, message);
        }
        for (number, [lon, lat]) in entry.points.iter().enumerate() {
            if !frame.holds(*lon, *lat) {
                let message = format!(
                    "point {} [{lon}, {lat}] lies outside the site; a point is [longitude, latitude]",
                    number + 1
                );
                self.mistake(at, message);
            }
        }
        MapLine {
            name: Text {
                vi: entry.name.vi,
                en: entry.name.en,
            },
            schematic: entry.schematic,
            source,
            points: entry.points,
        }
    }
}

/// The rectangle around the middles of the site's units.
struct Frame {
    lon: Range<f64>,
    lat: Range<f64>,
}

impl Frame {
    fn of(vocabulary: &Vocabulary) -> Self {
        let around = |values: &mut dyn Iterator<Item = f64>| {
            let none = f64::INFINITY..f64::NEG_INFINITY;
            let range = values.fold(none, |range, value| {
                range.start.min(value)..range.end.max(value)
            });
            range.start - MARGIN_DEGREES..range.end + MARGIN_DEGREES
        };
        Self {
            lon: around(&mut vocabulary.areas.values().map(|area| area.lon)),
            lat: around(&mut vocabulary.areas.values().map(|area| area.lat)),
        }
    }

    /// False for what is no number, too.
    fn holds(&self, lon: f64, lat: f64) -> bool {
        self.lon.contains(&lon) && self.lat.contains(&lat)
    }
}

#[cfg(test)]
mod tests {
    use normalize::Catalogue;

    use super::*;

    fn load(text: &str) -> Result<Display, Vec<String>> {
        let mut files = crate::site::read("lao-cai").expect("the built-in pack");
        let catalogue = Catalogue::load(&files).expect("a sound pack");
        files
            .files
            .insert(FILE.to_owned(), text.as_bytes().to_vec());
        Display::load(&files, catalogue.vocabulary())
            .map_err(|list| list.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_rivers_of_lao_cai_pass_their_stations() {
        let files = crate::site::read("lao-cai").expect("the built-in pack");
        let catalogue = Catalogue::load(&files).expect("a sound pack");
        let vocabulary = catalogue.vocabulary();
        let display = Display::load(&files, vocabulary).expect("a sound display");
        assert_eq!(display.trends.len(), 7);
        let names: Vec<&str> = display.lines.iter().map(|line| &*line.name.vi).collect();
        assert_eq!(names, ["Sông Thao", "Sông Chảy", "Suối Nhù"]);
        for (river, station) in [
            (0, "wl-lao-cai"),
            (0, "wl-bao-ha"),
            (0, "wl-yen-bai"),
            (1, "wl-bao-yen"),
            (1, "rv-thac-ba"),
            (2, "wl-van-ban"),
        ] {
            let line = &display.lines[river];
            let entity = &vocabulary.entities[station];
            assert!(line.schematic && line.source.is_none());
            assert!(
                line.points
                    .iter()
                    .any(|[lon, lat]| { Some(*lon) == entity.lon && Some(*lat) == entity.lat }),
                "{} does not pass {station}",
                line.name.en
            );
        }
    }

    #[test]
    fn a_pack_without_the_file_shows_neither() {
        let display = Display::load(&PackFiles::default(), &Vocabulary::default());
        let display = display.expect("nothing is wrong");
        assert!(display.trends.is_empty() && display.lines.is_empty());
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        let found = load(
            r#"[[trend]]
entity = "wl-nowhere"
measure = "levl"

[[trend]]
entity = "wl-lao-cai"
measur = "level"

[[line]]
name = { vi = "", en = "R" }
points = [[104.0, 22.0]]

[[line]]
name = { vi = "S", en = "R" }
schematic = true
points = [[22.0, 104.0], [104.0, nan], [104.0, 22.0]]

[[line]]
name = { vi = "S" }
points = [[104.0, 22.0], [104.1, 22.0]]

[[line]]
name = { vi = "S", en = "R" }
points = [[104.0, 22.0, 3.0], [104.1, 22.0]]
"#,
        )
        .expect_err("all wrong");
        for expected in [
            "display.toml:1: no device of the catalogue has the entity \"wl-nowhere\"",
            "display.toml:1: measures.toml has no measure \"levl\"",
            "display.toml:5: unknown field `measur`",
            "display.toml:9: `name.vi` must have 1 to 100 characters",
            "display.toml:9: a line needs its `source`, or `schematic = true`",
            "display.toml:9: `points` must be 2 to 500, not 1",
            "display.toml:13: point 1 [22, 104] lies outside the site",
            "display.toml:13: point 2 [104, NaN] lies outside the site",
            "display.toml:18: missing field `en`",
            "display.toml:22: ",
        ] {
            assert!(
                found.iter().any(|text| text.starts_with(expected)),
                "{expected}\nfound {found:#?}"
            );
        }
        let broken = load("[[line]]\nname = {").expect_err("no TOML");
        assert_eq!(broken.len(), 1, "{broken:?}");
        let unknown = load("\n[[lines]]\n").expect_err("no such table");
        assert!(
            unknown[0].starts_with("display.toml:2: unknown field `lines`"),
            "{unknown:?}"
        );
    }

    #[test]
    fn the_bounds_hold() {
        let point = "[104.0, 22.0],";
        let line = |points: usize| {
            format!(
                "[[line]]\nname = {{ vi = \"S\", en = \"R\" }}\nsource = \"a survey\"\npoints = [{}]\n",
                point.repeat(points)
            )
        };
        let sound = load(&line(POINTS_MAX)).expect("at the bound");
        assert_eq!(sound.lines[0].source.as_deref(), Some("a survey"));
        let long = load(&line(POINTS_MAX + 1)).expect_err("over it");
        assert_eq!(long, ["display.toml:1: `points` must be 2 to 500, not 501"]);
        let many = load(&line(2).repeat(LINES_MAX + 1)).expect_err("over it");
        assert_eq!(many, ["display.toml:201: more than 50 entries of [[line]]"]);
    }
}
