//! The words, times and shapes of CAP, as the standard defines them.

use event::{RejectCode, Status, Time};

use super::xml::Element;
use crate::fault::Fault;

pub(super) const SCOPES: [&str; 3] = ["Public", "Restricted", "Private"];
pub(super) const CATEGORIES: [&str; 12] = [
    "Geo",
    "Met",
    "Safety",
    "Security",
    "Rescue",
    "Fire",
    "Health",
    "Env",
    "Transport",
    "Infra",
    "CBRNE",
    "Other",
];
pub(super) const RESPONSES: [&str; 9] = [
    "Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None",
];
pub(super) const URGENCIES: [&str; 5] = ["Immediate", "Expected", "Future", "Past", "Unknown"];
pub(super) const SEVERITIES: [&str; 5] = ["Extreme", "Severe", "Moderate", "Minor", "Unknown"];
pub(super) const CERTAINTIES: [&str; 5] = ["Observed", "Likely", "Possible", "Unlikely", "Unknown"];

/// Longest identifier and sender: they are kept for the chains.
const NAME_BYTES_MAX: usize = 256;
/// Corners of all polygons of one area.
const POINTS_MAX: usize = 100_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageType {
    Alert,
    Update,
    Cancel,
    Ack,
    Error,
}

impl MessageType {
    pub(super) fn of(word: &str) -> Result<Self, Fault> {
        match word {
            "Alert" => Ok(Self::Alert),
            "Update" => Ok(Self::Update),
            "Cancel" => Ok(Self::Cancel),
            "Ack" => Ok(Self::Ack),
            "Error" => Ok(Self::Error),
            _ => Err(no_word(
                "msgType",
                word,
                &["Alert", "Update", "Cancel", "Ack", "Error"],
            )),
        }
    }
}

/// A drill is one; what is for networks, tests or is no more than a draft is a test.
pub(super) fn status(word: &str) -> Result<Status, Fault> {
    match word {
        "Actual" => Ok(Status::Actual),
        "Exercise" => Ok(Status::Exercise),
        "System" | "Test" | "Draft" => Ok(Status::Test),
        _ => Err(no_word(
            "status",
            word,
            &["Actual", "Exercise", "System", "Test", "Draft"],
        )),
    }
}

/// The words are of a closed list and their case counts.
pub(super) fn one_of<'w>(element: &str, word: &'w str, words: &[&str]) -> Result<&'w str, Fault> {
    if words.contains(&word) {
        return Ok(word);
    }
    // CAP 1.1 had the same thing under this name.
    if element == "category" && word == "CBRN" {
        return Ok("CBRNE");
    }
    Err(no_word(element, word, words))
}

fn no_word(element: &str, word: &str, words: &[&str]) -> Fault {
    let word: String = word.chars().take(40).collect();
    Fault::shape(format!(
        "`{element}` is {word:?}; it must be one of {}",
        words.join(", ")
    ))
}

/// `identifier` and `sender` have no spaces, commas, `<` or `&`: references are put together of them.
pub(super) fn name<'t>(element: &str, text: &'t str) -> Result<&'t str, Fault> {
    let wrong = |letter: char| letter.is_whitespace() || ",<&".contains(letter);
    if text.contains(wrong) || text.len() > NAME_BYTES_MAX {
        let reason = format!(
            "`{element}` may have no spaces, commas, `<` or `&` and at most {NAME_BYTES_MAX} bytes; correct it at the sender"
        );
        return Err(Fault::shape(reason));
    }
    Ok(text)
}

/// `2026-09-09T20:00:00+07:00`. The standard wants a numeric zone and `-00:00` for UTC. `Z`, and parts of a second, are
/// faults that real senders make; the instant is as clear, so that refusing a warning for it would harm more than it
/// teaches: it is counted in `mended` (and refused where the profile is `strict`). A time without a zone is refused.
pub(super) fn time(
    element: &str,
    text: &str,
    strict: bool,
    mended: &mut u64,
) -> Result<Time, Fault> {
    let standard =
        text.len() == 25 && text.as_bytes().get(10) == Some(&b'T') && !text.ends_with(['Z', 'z']);
    let time = crate::time::from_text(text).filter(|_| standard || !strict);
    let time = time.ok_or_else(|| {
        let text: String = text.chars().take(40).collect();
        let reason = format!(
            "`{element}` {text:?} is not of the form 2026-09-09T20:00:00+07:00; a zone is needed"
        );
        Fault::new(RejectCode::TimeInvalid, reason)
    })?;
    *mended += u64::from(!standard);
    Ok(time)
}

/// The middle of the first polygon or circle of an area, as the document says it: latitude first.
pub(super) fn place(area: &Element) -> Result<Option<(f64, f64)>, Fault> {
    let mut first = None;
    let mut points = 0;
    for polygon in area
        .all("polygon")
        .filter(|polygon| !polygon.text.is_empty())
    {
        let corners = polygon_points(&polygon.text, &mut points)?;
        first = first.or_else(|| Some(centroid(&corners)));
    }
    for circle in area.all("circle").filter(|circle| !circle.text.is_empty()) {
        let middle = circle_middle(&circle.text)?;
        first = first.or(Some(middle));
    }
    Ok(first)
}

fn polygon_points(text: &str, points: &mut usize) -> Result<Vec<(f64, f64)>, Fault> {
    let mut corners = Vec::new();
    for pair in text.split_ascii_whitespace() {
        *points += 1;
        if *points > POINTS_MAX {
            return Err(Fault::shape(format!(
                "an area has more than {POINTS_MAX} corners; simplify it"
            )));
        }
        corners.push(pair_of(pair, "polygon")?);
    }
    if corners.len() < 4 || corners.first() != corners.last() {
        let reason =
            "a polygon needs at least four pairs `lat,lon`, the last equal to the first; close it";
        return Err(Fault::shape(reason));
    }
    Ok(corners)
}

fn circle_middle(text: &str) -> Result<(f64, f64), Fault> {
    let mut parts = text.split_ascii_whitespace();
    let (middle, radius) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let sound = number(radius).is_some_and(|radius| radius >= 0.0) && parts.next().is_none();
    if !sound {
        return Err(Fault::shape(
            "a circle is `lat,lon radius` with the radius in kilometres",
        ));
    }
    pair_of(middle, "circle")
}

/// Senders that swap the two are put right behind, so that either may reach to 180.
fn pair_of(pair: &str, shape: &str) -> Result<(f64, f64), Fault> {
    let numbers = pair
        .split_once(',')
        .and_then(|(lat, lon)| Some((number(lat)?, number(lon)?)));
    let sound = numbers.filter(|(lat, lon)| {
        lat.abs() <= 180.0 && lon.abs() <= 180.0 && (lat.abs() <= 90.0 || lon.abs() <= 90.0)
    });
    sound.ok_or_else(|| {
        let pair: String = pair.chars().take(40).collect();
        Fault::shape(format!(
            "`{shape}` has {pair:?} where a pair `lat,lon` is needed"
        ))
    })
}

fn number(text: &str) -> Option<f64> {
    let plain = |letter: u8| letter.is_ascii_digit() || b"+-.".contains(&letter);
    if text.is_empty() || !text.bytes().all(plain) {
        return None;
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// Of the surface; of the corners where there is no surface. Relative to a corner, to keep the digits.
fn centroid(corners: &[(f64, f64)]) -> (f64, f64) {
    let Some(&(lat0, lon0)) = corners.first() else {
        return (0.0, 0.0);
    };
    let (mut doubled, mut lat, mut lon) = (0.0, 0.0, 0.0);
    for pair in corners.windows(2) {
        let [(a_lat, a_lon), (b_lat, b_lon)] = *pair else {
            continue;
        };
        let (a_lat, a_lon, b_lat, b_lon) = (a_lat - lat0, a_lon - lon0, b_lat - lat0, b_lon - lon0);
        let cross = a_lat * b_lon - b_lat * a_lon;
        doubled += cross;
        lat += (a_lat + b_lat) * cross;
        lon += (a_lon + b_lon) * cross;
    }
    if doubled.abs() > 1e-12 {
        return (lat0 + lat / (3.0 * doubled), lon0 + lon / (3.0 * doubled));
    }
    let count = (corners.len() - 1).max(1) as f64;
    let sum = corners
        .iter()
        .skip(1)
        .fold((0.0, 0.0), |(lat, lon), at| (lat + at.0, lon + at.1));
    (sum.0 / count, sum.1 / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_shape() {
        let square = [
            (22.0, 104.0),
            (22.0, 104.2),
            (22.2, 104.2),
            (22.2, 104.0),
            (22.0, 104.0),
        ];
        let (lat, lon) = centroid(&square);
        assert!((lat - 22.1).abs() < 1e-9 && (lon - 104.1).abs() < 1e-9);
        let line = [(22.0, 104.0), (22.1, 104.1), (22.0, 104.0), (22.0, 104.0)];
        assert!((centroid(&line).0 - 22.0 - 0.1 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn shapes_that_are_none() {
        let mut points = 0;
        for wrong in [
            "",
            "22,104 22,105 23,105",
            "22,104 22,105 23,105 22,104.1",
            "a,b c,d e,f a,b",
            "22 104 22 104",
            "95,190 1,1 2,2 95,190",
            "inf,1 1,1 2,2 inf,1",
        ] {
            assert!(polygon_points(wrong, &mut points).is_err(), "{wrong}");
        }
        for wrong in [
            "",
            "22.1,104.1",
            "22.1,104.1 -1",
            "22.1,104.1 1 2",
            "22.1 104.1 3",
        ] {
            assert!(circle_middle(wrong).is_err(), "{wrong}");
        }
    }
}
