//! What a value is worth beside the values before it: faster than possible, the same for too long, a single wild one, or at the end
//! of the instrument's scale. All of it is advice: flags, never a silent drop, and none of these keeps a value from the rules. A real
//! flood rises by 0.3 to 0.7 m an hour and may rise faster than anybody thought.

use event::{Measured, Quality, Time, Value};
use serde::{Deserialize, Serialize};

use crate::catalogue::{Meaning, Plausible, Profile};

/// Values that a spike is judged against.
const RECENT: usize = 3;

/// What is remembered of one measure of one device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Track {
    /// Value and observed time of the newest.
    last: Option<(f64, Time)>,
    /// Since when it has been the same.
    since: Time,
    /// The last values that were no spikes, newest last.
    recent: Vec<f64>,
    /// The last one was taken for a spike: the next one beside it makes both real.
    spiked: Option<f64>,
}

impl Track {
    /// The flags of a value, which then becomes the newest. Values from before the newest are not judged.
    fn judge(&mut self, value: f64, observed: Time, wanted: &Plausible) -> Quality {
        let mut quality = Quality::GOOD;
        if let Some((low, high)) = wanted.scale
            && (value <= low || value >= high)
        {
            quality = quality.with(Quality::SATURATED);
        }
        let Some((last, at)) = self.last else {
            self.begin(value, observed);
            return quality;
        };
        let passed = observed.since(at);
        if passed <= 0 {
            return quality;
        }
        let hours = passed as f64 / (3_600.0 * Time::SECOND as f64);
        if wanted
            .rate_per_hour
            .is_some_and(|most| (value - last).abs() > most * hours)
        {
            quality = quality.with(Quality::RATE);
        }
        if value.to_bits() != last.to_bits() {
            self.since = observed;
        }
        if wanted
            .stuck_ns
            .is_some_and(|most| observed.since(self.since) >= most)
        {
            quality = quality.with(Quality::STUCK);
        }
        if self.is_spike(value, wanted) {
            quality = quality.with(Quality::SPIKE);
            self.spiked = Some(value);
        } else {
            if let Some(before) = self.spiked.take()
                && wanted
                    .spike
                    .is_some_and(|far| (before - value).abs() <= far)
            {
                // Two beside each other are a new level: from here on it is the middle.
                self.recent = vec![before];
            }
            self.recent.push(value);
            if self.recent.len() > RECENT {
                self.recent.remove(0);
            }
        }
        self.last = Some((value, observed));
        quality
    }

    fn begin(&mut self, value: f64, observed: Time) {
        self.last = Some((value, observed));
        self.since = observed;
        self.recent = vec![value];
    }

    /// Far from the middle of the last values, and the one before was not beside it.
    fn is_spike(&self, value: f64, wanted: &Plausible) -> bool {
        let Some(far) = wanted.spike else {
            return false;
        };
        if self.recent.len() < RECENT
            || self
                .spiked
                .is_some_and(|spike| (spike - value).abs() <= far)
        {
            return false;
        }
        let mut sorted = self.recent.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.get(RECENT / 2).copied().unwrap_or(value);
        (value - middle).abs() > far
    }
}

/// Tracks of a device by measure, sorted: only of measures whose field asks for it, so bounded by the profile.
pub(crate) type Tracks = Vec<(String, Track)>;

/// Adds what the memory of the device has to say about each value.
pub(crate) fn judge(
    tracks: &mut Tracks,
    profile: &Profile,
    values: &mut [Measured],
    observed: Time,
) {
    if !profile.watched {
        return;
    }
    for field in &profile.fields {
        let Meaning::Number {
            measure,
            plausible: Some(wanted),
            ..
        } = &field.meaning
        else {
            continue;
        };
        let measured = values
            .iter_mut()
            .find(|measured| measured.measure == *measure);
        let Some(measured) = measured else { continue };
        let Value::Number(value) = measured.value else {
            continue;
        };
        // What the device itself calls wrong says nothing about the next one.
        if !measured.quality.is_usable() {
            continue;
        }
        let at = tracks.binary_search_by(|(name, _)| (**name).cmp(&**measure));
        let at = at.unwrap_or_else(|at| {
            tracks.insert(at, (measure.to_string(), Track::default()));
            at
        });
        if let Some((_, track)) = tracks.get_mut(at) {
            measured.quality = measured.quality.with(track.judge(value, observed, wanted));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600 * Time::SECOND;

    fn flags(wanted: &Plausible, values: &[(i64, f64)]) -> Vec<Vec<&'static str>> {
        let mut track = Track::default();
        let judge = |(minutes, value): &(i64, f64)| {
            let observed = Time(minutes * 60 * Time::SECOND);
            track.judge(*value, observed, wanted).names()
        };
        values.iter().map(judge).collect()
    }

    #[test]
    fn a_flood_is_no_spike() {
        let wanted = Plausible {
            rate_per_hour: Some(5.0),
            spike: Some(3.0),
            stuck_ns: Some(6 * HOUR),
            scale: None,
        };
        // 0.7 m an hour, then a wave of 4 m between two readings that stays.
        let got = flags(
            &wanted,
            &[
                (0, 80.0),
                (60, 80.7),
                (120, 81.4),
                (180, 82.1),
                (190, 86.2),
                (200, 86.3),
                (210, 86.4),
            ],
        );
        assert_eq!(got[3], [""; 0]);
        assert_eq!(got[4], ["rate", "spike"]);
        assert_eq!(got[5], [""; 0], "seen twice it is real");
        assert_eq!(got[6], [""; 0]);
    }

    #[test]
    fn the_same_for_too_long() {
        let wanted = Plausible {
            stuck_ns: Some(2 * HOUR),
            ..Plausible::default()
        };
        let got = flags(
            &wanted,
            &[(0, 1.0), (60, 1.0), (120, 1.0), (180, 1.1), (240, 1.1)],
        );
        assert_eq!(
            got.iter().map(Vec::len).collect::<Vec<_>>(),
            [0, 0, 1, 0, 0]
        );
    }

    #[test]
    fn the_end_of_the_scale() {
        let wanted = Plausible {
            scale: Some((0.0, 150.0)),
            ..Plausible::default()
        };
        let got = flags(&wanted, &[(0, 149.9), (1, 150.0), (0, 151.0)]);
        assert_eq!(got.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1, 1]);
    }
}
