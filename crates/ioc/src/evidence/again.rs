//! Kept records read again, by the site pack that was kept with them and by nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use event::{Event, JournalId, Name, PackFiles, Time, Value};
use journal::inputs::{self, FrontDoor};
use mqtt::codec::Properties;
use normalize::{Input, Normalized, Normalizer};

use super::format::{self, KeptFrame};
use super::read::Record;
use crate::site::Site;

/// Moves reception so far that a device's own time stays what it is and one that was taken from reception moves along.
const SHIFT_NS: i64 = 400 * 86_400 * Time::SECOND;

/// What a kept record gives.
#[derive(Debug)]
pub(super) enum Reread {
    Events(Vec<Event>),
    Refused(String),
    /// No message, or one without a reading.
    Nothing,
}

/// The compiled packs of an alert's records: nearly always one.
#[derive(Default)]
pub(super) struct Packs {
    last: Option<(String, Opened)>,
}

/// A kept site pack as it was found.
#[derive(Clone)]
pub(super) enum Opened {
    /// Compiled, and whether its bytes have the digest that the alert names.
    Good(Arc<Again>, bool),
    Bad(String),
    Missing,
}

impl Packs {
    pub(super) fn of(&mut self, record: &Record) -> Opened {
        let (Some(digest), Some(pack)) = (&record.head.pack, &record.pack) else {
            return Opened::Missing;
        };
        if let Some((known, opened)) = &self.last
            && known == digest
        {
            return opened.clone();
        }
        let opened = match Again::load(pack) {
            Ok(again) => {
                let named = format::hex(&format::sha256(pack)) == *digest;
                Opened::Good(Arc::new(again), named)
            }
            Err(error) => Opened::Bad(error),
        };
        self.last = Some((digest.clone(), opened.clone()));
        opened
    }

    pub(super) fn again(&mut self, record: &Record) -> Option<Arc<Again>> {
        match self.of(record) {
            Opened::Good(again, _) => Some(again),
            Opened::Bad(_) | Opened::Missing => None,
        }
    }
}

/// A kept site pack, compiled.
pub(super) struct Again {
    pub(super) site: Site,
    files: PackFiles,
    /// Measures that are computed from others.
    derived: BTreeSet<Name>,
}

impl Again {
    pub(super) fn load(pack: &[u8]) -> Result<Self, String> {
        let files = PackFiles::from_bytes(pack).ok_or("its bytes are not a site pack")?;
        let site = Site::load(&files).map_err(|mistakes| {
            let first = mistakes.first().map(ToString::to_string);
            first.unwrap_or_default()
        })?;
        let measures = site.derive.measures();
        let derived = measures.map(|(_, measure)| measure.clone()).collect();
        Ok(Self {
            site,
            files,
            derived,
        })
    }

    pub(super) fn is_derived(&self, measure: &str) -> bool {
        self.derived.contains(measure)
    }

    /// The rule as it is written in the pack, with the file that it stands in.
    pub(super) fn rule_text(&self, rule: &str) -> Option<(String, String)> {
        let line = format!("id = \"{rule}\"");
        let files = self.files.files.keys();
        files
            .filter(|path| path.starts_with("rules/") && path.ends_with(".toml"))
            .find_map(|path| {
                let text = self.files.text(path)?;
                let mut blocks = text.split("[[rule]]").skip(1);
                let block = blocks.find(|block| block.lines().any(|one| one.trim() == line))?;
                Some((path.clone(), format!("[[rule]]{}", block.trim_end())))
            })
    }

    /// Whether the rule looks at more than the newest values.
    pub(super) fn looks_back(&self, rule: &str) -> bool {
        const OVER_TIME: [&str; 5] = [
            "duration(",
            "tumbling(",
            "session(",
            "baseline(",
            "deviation(",
        ];
        self.rule_text(rule)
            .is_none_or(|(_, text)| OVER_TIME.iter().any(|word| text.contains(word)))
    }

    /// All of them in the order in which they came, as the product would read them with no memory of what went before.
    pub(super) fn read(&self, journal: JournalId, frames: &[&KeptFrame]) -> BTreeMap<u64, Reread> {
        let mut normalizer = Normalizer::new(Arc::clone(&self.site.catalogue));
        let mut frames = frames.to_vec();
        frames.sort_by_key(|frame| frame.offset);
        let read = frames
            .into_iter()
            .map(|frame| (frame.offset, read_one(&mut normalizer, journal, frame, 0)));
        read.collect()
    }

    /// The device's time as it is written in the message (with what the pack says of its clock); none where there was none.
    pub(super) fn device_time(
        &self,
        journal: JournalId,
        frame: &KeptFrame,
        entity: &str,
        measure: &str,
    ) -> Option<Time> {
        let observed = |shift| {
            let mut normalizer = Normalizer::new(Arc::clone(&self.site.catalogue));
            let Reread::Events(events) = read_one(&mut normalizer, journal, frame, shift) else {
                return None;
            };
            let event = events
                .iter()
                .find(|event| &*event.entity == entity && event.value(measure).is_some())?;
            Some(event.observed)
        };
        let (now, later) = (observed(0)?, observed(SHIFT_NS)?);
        (later.since(now) != SHIFT_NS).then_some(later)
    }
}

fn read_one(
    normalizer: &mut Normalizer,
    journal: JournalId,
    frame: &KeptFrame,
    shift_ns: i64,
) -> Reread {
    if frame.kind != u8::from(inputs::Kind::Message) {
        return Reread::Nothing;
    }
    let message = match inputs::Message::decode(frame.version, &frame.payload) {
        Ok(message) => message,
        Err(error) => return Reread::Refused(error.to_string()),
    };
    let input = Input {
        journal,
        offset: frame.offset,
        journal_time: Time(frame.journal_ns).plus(shift_ns),
        wall_time: Time(frame.wall_ns).plus(shift_ns),
        client: message.client_id,
        session: message.session,
        packet_id: message.packet_id,
        qos: message.qos,
        dup: message.dup,
        retain: message.retain,
        from_broker: message.front_door == FrontDoor::Client,
        reprocessed: false,
        content_type: Properties::journalled(message.properties).content_type(),
        topic: message.topic,
        payload: message.payload,
        oversize: message.oversize.as_ref().map(|oversize| oversize.length),
    };
    let mut out = Vec::new();
    normalizer.apply(&input, &mut out);
    let (mut events, mut refused) = (Vec::new(), None);
    for one in out {
        match one {
            Normalized::Event(event) => events.push(event),
            Normalized::Reject(reject) => {
                refused = refused.or(Some(format!("{}: {}", reject.code.name(), reject.reason)));
            }
            Normalized::Duplicate | Normalized::State => {}
        }
    }
    match refused {
        _ if !events.is_empty() => Reread::Events(events),
        Some(reason) => Reread::Refused(reason),
        None => Reread::Nothing,
    }
}

/// Whether two values are the same, bit for bit.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.to_bits() == other.to_bits(),
        (one, other) => one == other,
    }
}
