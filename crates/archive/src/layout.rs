//! Names and places of files.

use std::path::{Path, PathBuf};

use event::{Stream, Time};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub(crate) const HOUR_NS: i64 = 3_600 * Time::SECOND;
pub(crate) const DAY_HOURS: i64 = 24;
pub(crate) const INDEX: &str = "series.index";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Points,
    Alerts,
    Records,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Points, Self::Alerts, Self::Records];

    pub(crate) const fn folder(self) -> &'static str {
        match self {
            Self::Points => "points",
            Self::Alerts => "alerts",
            Self::Records => "records",
        }
    }
}

pub(crate) const STREAMS: [Stream; 5] = [
    Stream::Disaster,
    Stream::Energy,
    Stream::Environment,
    Stream::Tourism,
    Stream::City,
];

pub(crate) const fn stream_name(stream: Stream) -> &'static str {
    match stream {
        Stream::Disaster => "disaster",
        Stream::Energy => "energy",
        Stream::Environment => "environment",
        Stream::Tourism => "tourism",
        Stream::City => "city",
    }
}

/// A bit a stream, for sets of them.
pub(crate) const fn stream_bit(stream: Stream) -> u8 {
    match stream {
        Stream::Disaster => 1,
        Stream::Energy => 1 << 1,
        Stream::Environment => 1 << 2,
        Stream::Tourism => 1 << 3,
        Stream::City => 1 << 4,
    }
}

pub(crate) const ALL_STREAMS: u8 = 0b1111;

pub(crate) fn stream_from(name: &str) -> Option<Stream> {
    STREAMS
        .into_iter()
        .find(|stream| stream_name(*stream) == name)
}

/// Where rows belong: points by hour since 1970, the others by day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Partition {
    Points { hour: i64, stream: Stream },
    Alerts { day: i64 },
    Records { day: i64 },
}

impl Partition {
    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Points { .. } => Kind::Points,
            Self::Alerts { .. } => Kind::Alerts,
            Self::Records { .. } => Kind::Records,
        }
    }

    /// First instant that lies behind the partition.
    pub(crate) const fn end_ns(self) -> i64 {
        match self {
            Self::Points { hour, .. } => (hour + 1).saturating_mul(HOUR_NS),
            Self::Alerts { day } | Self::Records { day } => {
                (day + 1).saturating_mul(DAY_HOURS * HOUR_NS)
            }
        }
    }

    /// Folder below the archive's root.
    pub(crate) fn folder(self) -> PathBuf {
        let folder = self.kind().folder();
        PathBuf::from(match self {
            Self::Points { hour, stream } => format!(
                "{folder}/stream={}/date={}/hour={:02}",
                stream_name(stream),
                date(hour.div_euclid(DAY_HOURS)),
                hour.rem_euclid(DAY_HOURS)
            ),
            Self::Alerts { day } | Self::Records { day } => format!("{folder}/date={}", date(day)),
        })
    }

    fn parse(folder: &Path) -> Option<Self> {
        let mut parts = folder.iter().map(|part| part.to_str());
        let kind = parts.next()??;
        let mut value = |key: &str| parts.next()??.strip_prefix(key)?.strip_prefix('=');
        let found = match kind {
            "points" => {
                let stream = stream_from(value("stream")?)?;
                let day = day(value("date")?)?;
                let hour: i64 = value("hour")?.parse().ok()?;
                Self::Points {
                    hour: day * DAY_HOURS + hour,
                    stream,
                }
            }
            "alerts" => Self::Alerts {
                day: day(value("date")?)?,
            },
            "records" => Self::Records {
                day: day(value("date")?)?,
            },
            _ => return None,
        };
        parts.next().is_none().then_some(found)
    }
}

pub(crate) fn day_of(ns: i64) -> i64 {
    ns.div_euclid(DAY_HOURS * HOUR_NS)
}

fn date(day: i64) -> String {
    Timestamp::from_second(day.saturating_mul(86_400)).map_or_else(
        |_| day.to_string(),
        |stamp| stamp.to_zoned(TimeZone::UTC).date().to_string(),
    )
}

fn day(date: &str) -> Option<i64> {
    let date: Date = date.parse().ok()?;
    let midnight = date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    Some(midnight.div_euclid(86_400))
}

/// One file: which outcomes of which journal its rows were made from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileName {
    /// First digits of the identity of `outcomes`.
    pub(crate) journal: String,
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// 0 as it was flushed, one more at every merge.
    pub(crate) generation: u32,
}

impl FileName {
    pub(crate) fn file(&self) -> String {
        format!(
            "{}-{:012}-{:012}-{}.parquet",
            self.journal, self.from, self.to, self.generation
        )
    }

    fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(".parquet")?.split('-');
        let found = Self {
            journal: parts.next()?.to_owned(),
            from: parts.next()?.parse().ok()?,
            to: parts.next()?.parse().ok()?,
            generation: parts.next()?.parse().ok()?,
        };
        (parts.next().is_none() && found.from < found.to).then_some(found)
    }

    /// The rows of `other` are in this file too.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.journal == other.journal
            && self.from <= other.from
            && other.to <= self.to
            && self.generation > other.generation
    }
}

/// A file and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) partition: Partition,
    pub(crate) name: FileName,
}

impl Place {
    pub(crate) fn path(&self, root: &Path) -> PathBuf {
        root.join(self.partition.folder()).join(self.name.file())
    }

    /// Of a path below the root.
    pub(crate) fn parse(relative: &Path) -> Option<Self> {
        Some(Self {
            partition: Partition::parse(relative.parent()?)?,
            name: FileName::parse(relative.file_name()?.to_str()?)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_back() {
        for partition in [
            Partition::Points {
                hour: 479_000,
                stream: Stream::Disaster,
            },
            Partition::Points {
                hour: -1,
                stream: Stream::Tourism,
            },
            Partition::Alerts { day: 20_000 },
            Partition::Records { day: -400 },
        ] {
            let name = FileName {
                journal: "0a1b2c3d".into(),
                from: 5,
                to: 1 << 50,
                generation: 3,
            };
            let place = Place { partition, name };
            let path = place.path(Path::new(""));
            assert_eq!(Place::parse(&path), Some(place), "{path:?}");
        }
        for wrong in [
            "points/stream=x/date=2024-01-01/hour=1/a-1-2-0.parquet",
            "alerts/date=2024-01-01/a-2-2-0.parquet",
            "alerts/date=2024-01-01/a-1-2-0.parquet.tmp",
            "other/date=2024-01-01/a-1-2-0.parquet",
            "series.index",
        ] {
            assert_eq!(Place::parse(Path::new(wrong)), None, "{wrong}");
        }
    }
}
