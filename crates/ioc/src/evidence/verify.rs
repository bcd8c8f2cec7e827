//! `--verify`: an alert derived again from its evidence alone - the kept records, by the kept site pack, through a fresh engine - and
//! compared with what was told. Every difference is an item that says what and where.
//!
//! What cannot be derived from the records alone is said too, as an item that is `limited`: a value computed over a time longer than
//! the evidence, a record past the bound (the window's samples stand in for it), content that was blanked, a format that needs the
//! memory of its source.

use std::collections::BTreeMap;
use std::str::FromStr;

use event::{Event, EvidenceValue, JournalId, Quality, Text, Time};
use serde::Serialize;

use super::again::{Again, Opened, Packs, Reread, same};
use super::engine;
use super::format::{self, FrameState};
use super::read::{Found, Record};

/// Quality that depends on the readings before, which are not kept.
const OF_MEMORY: Quality = Quality::RATE
    .with(Quality::STUCK)
    .with(Quality::SPIKE)
    .with(Quality::UNCERTAIN_SOURCE);
/// A second event at the same instant is moved by nanoseconds; never by so many.
const NUDGE_MAX_NS: i64 = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Proven,
    Limited,
    Failed,
}

/// One thing that was compared.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Item {
    pub(super) verdict: Verdict,
    /// `revision 1, record 12 of inputs`
    pub(super) place: String,
    pub(super) what: Text,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    pub(super) verdict: Verdict,
    /// Transitions, kept records and values that were compared.
    pub(super) transitions: usize,
    pub(super) frames: usize,
    pub(super) values: usize,
    /// Everything that is not plainly proven.
    pub(super) items: Vec<Item>,
}

impl Report {
    pub(super) fn add(&mut self, verdict: Verdict, place: String, vi: String, en: String) {
        self.verdict = self.verdict.max(verdict);
        let what = Text { vi, en };
        self.items.push(Item {
            verdict,
            place,
            what,
        });
    }
}

pub(super) fn verify(found: &Found) -> Report {
    let mut report = Report {
        verdict: Verdict::Proven,
        transitions: 0,
        frames: 0,
        values: 0,
        items: Vec::new(),
    };
    for damaged in &found.damaged {
        report.add(
            Verdict::Failed,
            damaged.clone(),
            "bản ghi bằng chứng bị hỏng".to_owned(),
            "a record of the evidence is damaged".to_owned(),
        );
    }
    let mut packs = Packs::default();
    for record in &found.records {
        report.transitions += 1;
        one(record, packs.of(record), &mut report);
        let head = &record.head;
        let lived = found.life.iter().any(|life| {
            life.outcome == head.outcome
                && life.revision == head.revision
                && life.change == record.transition.change.name()
        });
        if !lived {
            report.add(
                Verdict::Failed,
                format!("revision {}", head.revision),
                "vòng đời không có bước này".to_owned(),
                "the life cycle does not have this step".to_owned(),
            );
        }
    }
    report
}

fn one(record: &Record, pack: Opened, report: &mut Report) {
    let head = &record.head;
    let place = format!("revision {}", head.revision);
    if format::hex(&format::sha256(&record.text)) != head.sha256
        || record.transition.alert.id.to_string() != head.alert
        || record.transition.alert.revision != head.revision
    {
        report.add(
            Verdict::Failed,
            place.clone(),
            "chuyển trạng thái khác với lúc lưu".to_owned(),
            "the transition is not the one that was kept".to_owned(),
        );
    }
    seals(record, report);
    let (verdict, vi, en) = match pack {
        Opened::Good(again, true) => return by(record, &again, report),
        Opened::Good(_, false) => (
            Verdict::Failed,
            "gói địa bàn khác với lúc lưu".to_owned(),
            "the site pack is not the one that was kept".to_owned(),
        ),
        Opened::Bad(error) => (
            Verdict::Failed,
            format!("không đọc được gói địa bàn: {error}"),
            format!("the site pack cannot be read: {error}"),
        ),
        Opened::Missing => (
            Verdict::Limited,
            "không có gói địa bàn kèm theo".to_owned(),
            "its site pack is not kept".to_owned(),
        ),
    };
    report.add(verdict, place, vi, en);
}

/// Reads the records again by the kept pack and derives the transition.
fn by(record: &Record, again: &Again, report: &mut Report) {
    let head = &record.head;
    let Ok(journal) = JournalId::from_str(&head.journal) else {
        report.add(
            Verdict::Failed,
            format!("revision {}", head.revision),
            "số hiệu nhật ký không đọc được".to_owned(),
            "the identity of the journal cannot be read".to_owned(),
        );
        return;
    };
    let kept: Vec<_> = record
        .frames
        .iter()
        .filter_map(|frame| frame.kept.as_ref())
        .collect();
    let read = again.read(journal, &kept);
    let values: Vec<EvidenceValue> = record.transition.alert.evidence.values.clone();
    for value in &values {
        report.values += 1;
        compare(record, again, &read, value, report);
    }
    samples(record, &read, report);
    engine::derive(record, again, journal, &read, report);
}

/// Kept records against the digests that the alert holds of them.
fn seals(record: &Record, report: &mut Report) {
    for frame in &record.frames {
        let place = format!(
            "revision {}, record {} of inputs",
            record.head.revision, frame.offset
        );
        let (verdict, vi, en) = match frame.state {
            FrameState::Kept => {
                report.frames += 1;
                if frame.kept.is_some() && frame.found_sha256 == frame.sha256 {
                    continue;
                }
                let missing = frame.kept.is_none();
                (
                    Verdict::Failed,
                    if missing {
                        "bản tin gốc không còn"
                    } else {
                        "bản tin gốc khác với lúc lưu"
                    },
                    if missing {
                        "the raw record is missing"
                    } else {
                        "the raw record is not the one that was kept"
                    },
                )
            }
            FrameState::Blanked => (
                Verdict::Limited,
                "nội dung là dữ liệu cá nhân, đã xoá",
                "its content was personal data and was blanked",
            ),
            FrameState::Gone => (
                Verdict::Limited,
                "bản tin gốc đã mất trước khi kịp lưu",
                "the raw record was gone before it could be kept",
            ),
            FrameState::Beyond => (
                Verdict::Limited,
                "vượt giới hạn bằng chứng, dùng mẫu trong cửa sổ",
                "past the bound of the evidence: the window's sample stands for it",
            ),
        };
        report.add(verdict, place, vi.to_owned(), en.to_owned());
    }
}

/// The event of a record that carries a measure of an entity; of several the nearest in time.
pub(super) fn event_of<'a>(
    read: &'a BTreeMap<u64, Reread>,
    offset: u64,
    (entity, measure): (&str, &str),
    observed: Time,
) -> Option<&'a Event> {
    let Reread::Events(events) = read.get(&offset)? else {
        return None;
    };
    events
        .iter()
        .filter(|event| &*event.entity == entity && event.value(measure).is_some())
        .min_by_key(|event| event.observed.since(observed).unsigned_abs())
}

fn compare(
    record: &Record,
    again: &Again,
    read: &BTreeMap<u64, Reread>,
    value: &EvidenceValue,
    report: &mut Report,
) {
    let alert = &record.transition.alert;
    let entity = value.entity.as_deref().unwrap_or(&alert.entity);
    let place = format!(
        "revision {}, record {} of inputs, {entity} {}",
        record.head.revision, value.offset, value.measure
    );
    let Some(frame) = record
        .frames
        .iter()
        .find(|frame| frame.offset == value.offset)
    else {
        report.add(
            Verdict::Failed,
            place,
            "bản tin gốc không được nêu".to_owned(),
            "its raw record is not named".to_owned(),
        );
        return;
    };
    let Some(kept) = &frame.kept else { return };
    let times = [
        (value.received.0, kept.wall_ns),
        (value.processed.0, kept.journal_ns),
    ];
    if times.iter().any(|(told, kept)| told != kept) {
        report.add(
            Verdict::Failed,
            place.clone(),
            "thời điểm nhận khác với bản tin gốc".to_owned(),
            "its time of reception is not that of the raw record".to_owned(),
        );
    }
    let Some(event) = event_of(read, value.offset, (entity, &value.measure), value.observed) else {
        not_given(again, read, value, &kept.payload, place, report);
        return;
    };
    let Some(given) = event.value(&value.measure) else {
        return;
    };
    if !same(&given.value, &value.value) || given.unit != value.unit {
        report.add(
            Verdict::Failed,
            place.clone(),
            format!(
                "bản tin gốc cho {:?}, cảnh báo ghi {:?}",
                given.value, value.value
            ),
            format!(
                "the raw record gives {:?}, the alert says {:?}",
                given.value, value.value
            ),
        );
    }
    if (given.quality.0 ^ value.quality.0) & !OF_MEMORY.0 != 0 {
        report.add(
            Verdict::Failed,
            place.clone(),
            "chất lượng khác với bản tin gốc".to_owned(),
            "its quality is not what the raw record gives".to_owned(),
        );
    }
    let moved = value.observed.since(event.observed);
    if moved != 0 && !(0..NUDGE_MAX_NS).contains(&moved) {
        let corrected = event.flags.has(event::EventFlags::TIME_FUTURE);
        let verdict = if corrected {
            Verdict::Limited
        } else {
            Verdict::Failed
        };
        report.add(
            verdict,
            place,
            format!(
                "bản tin gốc cho thời điểm {}, cảnh báo ghi {}",
                event.observed, value.observed
            ),
            format!(
                "the raw record gives the time {}, the alert says {}",
                event.observed, value.observed
            ),
        );
    }
}

/// The kept record does not give the value at all.
fn not_given(
    again: &Again,
    read: &BTreeMap<u64, Reread>,
    value: &EvidenceValue,
    record: &[u8],
    place: String,
    report: &mut Report,
) {
    if again.is_derived(&value.measure) {
        report.add(
            Verdict::Limited,
            place,
            "giá trị được tính theo thời gian, lấy như đã lưu".to_owned(),
            "computed over time: taken as it was kept".to_owned(),
        );
        return;
    }
    // Its metrics are named in a birth certificate, which came long before.
    let remembers = record.windows(8).any(|part| part == b"spBv1.0/");
    let why = match read.get(&value.offset) {
        Some(Reread::Refused(reason)) => reason.clone(),
        Some(Reread::Nothing) | None => "no reading in it".to_owned(),
        Some(Reread::Events(_)) => "another reading in it".to_owned(),
    };
    let verdict = if remembers {
        Verdict::Limited
    } else {
        Verdict::Failed
    };
    report.add(
        verdict,
        place,
        format!("bản tin gốc không cho giá trị này ({why})"),
        format!("the raw record does not give this value ({why})"),
    );
}

fn samples(record: &Record, read: &BTreeMap<u64, Reread>, report: &mut Report) {
    let alert = &record.transition.alert;
    for window in &alert.evidence.windows {
        let entity = window.entity.as_deref().unwrap_or(&alert.entity);
        let place = format!(
            "revision {}, window of {entity} {}",
            record.head.revision, window.measure
        );
        if usize::try_from(window.count).is_ok_and(|count| count > window.samples.len()) {
            report.add(
                Verdict::Limited,
                place.clone(),
                format!("giữ {} trong {} mẫu", window.samples.len(), window.count),
                format!(
                    "{} of {} samples are kept",
                    window.samples.len(),
                    window.count
                ),
            );
        }
        for (observed, number, offset) in &window.samples {
            report.values += 1;
            let event = event_of(read, *offset, (entity, &window.measure), *observed);
            let given = event.and_then(|event| event.value(&window.measure));
            let Some(given) = given else { continue };
            if !same(&given.value, &event::Value::Number(*number)) {
                report.add(
                    Verdict::Failed,
                    format!("{place}, record {offset} of inputs"),
                    format!("bản tin gốc cho {:?}, cửa sổ ghi {number}", given.value),
                    format!(
                        "the raw record gives {:?}, the window says {number}",
                        given.value
                    ),
                );
            }
        }
    }
}
