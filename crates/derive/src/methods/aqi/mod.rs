//! VN_AQI of the hour and of the day: Decision 1459/QĐ-TCMT (2019).
//!
//! **Hour**, at its end: NowCast of PM2.5 and PM10, 1 h means of the gases. **Day** (local): 24 h mean of particles; highest 1 h mean of SO2, NO2,
//! CO and O3; highest 8 h mean of O3 among the windows that lie wholly in the day. The index is the greatest of the
//! pollutants', rounded half up; the pollutant that gives it is `dominant`. Without PM2.5 and PM10 there is none.
//!
//! **Enough data** (parameters): an hour has a mean from `hour_readings_min` readings; a day's mean or maximum needs `day_hours_min` hourly means
//! (18 of 24), an 8 h mean 6 of 8. What has less is left out; the index is `INCOMPLETE` where an hour of the twelve or of the
//! day is missing to a pollutant that was used.
//!
//! `UNOFFICIAL` unless the rule says `official = true`: low-cost instruments are not comparable with the legal methods.

pub(crate) mod index;
pub(crate) mod nowcast;

use event::Quality;

use self::index::{Averaging, Pollutant, category, index, rounded};
use self::nowcast::nowcast;
use super::{Answer, Clocked, Known, Loading, Method, Port, Shape, View, union};
use crate::calendar::{DAY, HOUR, Period};
use crate::reader::Section;

const UNIT: &[&str] = &["ug/m3"];

/// In the order of [`Pollutant::ALL`].
const INPUTS: [Port; 6] = [
    Port::number("pm25", UNIT),
    Port::number("pm10", UNIT),
    Port::number("o3", UNIT),
    Port::number("no2", UNIT),
    Port::number("so2", UNIT),
    Port::number("co", UNIT),
];

/// The day's are three further on.
const OUTPUTS: [Port; 6] = [
    Port::number("hour", &["1"]),
    Port::code("hour_dominant"),
    Port::code("hour_category"),
    Port::number("day", &["1"]),
    Port::code("day_dominant"),
    Port::code("day_category"),
];
const DAY_OUTPUTS: usize = 3;

pub(crate) const KNOWN: Known = Known {
    name: "vn_aqi",
    inputs: &INPUTS,
    outputs: &OUTPUTS,
    load,
};

#[derive(Clone, Debug)]
struct Aqi {
    hour: Period,
    day: Period,
    hour_readings_min: usize,
    day_hours_min: usize,
}

fn load(section: &Section<'_>, loading: &Loading<'_>) -> Option<Box<dyn Method>> {
    if loading.inputs.iter().take(2).flatten().count() == 0 {
        let line = section.line_of("inputs");
        section.mistake(
            line,
            "`inputs` must name `pm25` or `pm10`: without them there is no index",
        );
    }
    let mut hour = Period::new(HOUR, loading.zone_ns);
    let mut day = Period::new(DAY, loading.zone_ns);
    if section.choice("stamp", &["start", "end"]) == "end" {
        hour = hour.stamped_at_the_end();
        day = day.stamped_at_the_end();
    }
    let whole = |key, bounds, default| {
        let number = section.whole(key, bounds).unwrap_or(default);
        usize::try_from(number).unwrap_or(usize::MAX)
    };
    Some(Box::new(Aqi {
        hour,
        day,
        hour_readings_min: whole("hour_readings_min", 1..=3_600, 1),
        day_hours_min: whole("day_hours_min", 1..=24, 18),
    }))
}

/// An hourly mean, if there is one.
type Mean = Option<(f64, Quality)>;

/// The greatest index so far.
#[derive(Clone, Copy)]
struct Top {
    index: f64,
    pollutant: Pollutant,
    quality: Quality,
    particles: bool,
}

impl Top {
    fn take(top: &mut Option<Self>, pollutant: Pollutant, index: f64, quality: Quality) {
        let particles = matches!(pollutant, Pollutant::Pm25 | Pollutant::Pm10);
        match top {
            None => {
                *top = Some(Self {
                    index,
                    pollutant,
                    quality,
                    particles,
                });
            }
            Some(top) => {
                top.quality = union(top.quality, quality);
                top.particles |= particles;
                if index > top.index {
                    (top.index, top.pollutant) = (index, pollutant);
                }
            }
        }
    }

    fn answers(top: Option<Self>, first: usize) -> Vec<Answer> {
        let Some(top) = top.filter(|top| top.particles) else {
            return Vec::new();
        };
        let index = rounded(top.index);
        vec![
            Answer::number(first, index, top.quality),
            Answer::code(first + 1, top.pollutant.code(), top.quality),
            Answer::code(first + 2, category(index), top.quality),
        ]
    }
}

impl Aqi {
    fn mean(&self, view: &View<'_>, slot: usize, hour: i64) -> Mean {
        let (mut sum, mut count, mut quality) = (0.0, 0_usize, Quality::GOOD);
        for cell in view
            .of(&self.hour, hour)
            .filter_map(|sample| sample.cell(slot))
        {
            sum += cell.value;
            count += 1;
            quality = union(quality, cell.quality);
        }
        (count >= self.hour_readings_min).then(|| (sum / count as f64, quality))
    }

    fn of_hour(&self, view: &View<'_>, hour: i64) -> Vec<Answer> {
        let mut top = None;
        for (slot, pollutant) in Pollutant::ALL.into_iter().enumerate() {
            let (concentration, quality) = match pollutant {
                Pollutant::Pm25 | Pollutant::Pm10 => {
                    let means: Vec<Mean> = (0..12)
                        .map(|back| self.mean(view, slot, hour - back))
                        .collect();
                    let hours: Vec<_> = means.iter().map(|mean| mean.map(|(c, _)| c)).collect();
                    let Some(concentration) = nowcast(&hours) else {
                        continue;
                    };
                    (concentration, quality_of(&means))
                }
                Pollutant::O3 | Pollutant::No2 | Pollutant::So2 | Pollutant::Co => {
                    let Some(mean) = self.mean(view, slot, hour) else {
                        continue;
                    };
                    mean
                }
            };
            if let Some(index) = index(pollutant, Averaging::Usual, concentration) {
                Top::take(&mut top, pollutant, index, quality);
            }
        }
        Top::answers(top, 0)
    }

    fn of_day(&self, view: &View<'_>, day: i64) -> Vec<Answer> {
        let first = self.hour.bucket(self.day.start(day).saturating_add(1));
        let mut top = None;
        for (slot, pollutant) in Pollutant::ALL.into_iter().enumerate() {
            let means: Vec<Mean> = (first..first + 24)
                .map(|hour| self.mean(view, slot, hour))
                .collect();
            let known: Vec<f64> = means.iter().flatten().map(|(c, _)| *c).collect();
            if known.len() < self.day_hours_min {
                continue;
            }
            let quality = quality_of(&means);
            let concentration = match pollutant {
                Pollutant::Pm25 | Pollutant::Pm10 => known.iter().sum::<f64>() / known.len() as f64,
                Pollutant::O3 | Pollutant::No2 | Pollutant::So2 | Pollutant::Co => {
                    known.iter().copied().fold(0.0, f64::max)
                }
            };
            if let Some(index) = index(pollutant, Averaging::Usual, concentration) {
                Top::take(&mut top, pollutant, index, quality);
            }
            if pollutant == Pollutant::O3
                && let Some(highest) = highest_of_eight_hours(&means)
                && let Some(index) = index(pollutant, Averaging::EightHours, highest)
            {
                Top::take(&mut top, pollutant, index, quality);
            }
        }
        Top::answers(top, DAY_OUTPUTS)
    }
}

fn quality_of(means: &[Mean]) -> Quality {
    means.iter().fold(Quality::GOOD, |all, mean| match mean {
        Some((_, quality)) => union(all, *quality),
        None => union(all, Quality::INCOMPLETE),
    })
}

fn highest_of_eight_hours(means: &[Mean]) -> Option<f64> {
    const ENOUGH: usize = 6;
    let eight = means.windows(8).filter_map(|window| {
        let known: Vec<f64> = window.iter().flatten().map(|(c, _)| *c).collect();
        (known.len() >= ENOUGH).then(|| known.iter().sum::<f64>() / known.len() as f64)
    });
    eight.reduce(f64::max)
}

impl Method for Aqi {
    fn shape(&self) -> Option<Shape> {
        Some(Shape {
            // The day's first hour must still be there when the day is closed, and 12 hours of NowCast before any.
            keep_ns: DAY + 12 * HOUR,
            periods: vec![
                Clocked {
                    period: self.hour,
                    later: 11,
                    // Two of the three newest hours are enough, so the newest may be empty.
                    trailing: 1,
                },
                Clocked {
                    period: self.day,
                    later: 0,
                    trailing: 0,
                },
            ],
            ..Shape::default()
        })
    }

    fn period(&self, view: &View<'_>, number: usize, bucket: i64) -> Vec<Answer> {
        match number {
            0 => self.of_hour(view, bucket),
            _ => self.of_day(view, bucket),
        }
    }
}
