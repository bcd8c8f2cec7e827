//! Redaction with a crash at every storage step: a fault at the step, then death of the process or of the machine, which
//! keeps any part of what was not synced. Whatever was torn, no record is damaged, no other one changes, the named ones
//! come out blanked, and doing it again leaves no byte of them anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use super::Ticking;
use super::model::payload;
use crate::inputs::{Kind, Redaction};
use crate::storage::sim::{Fault, Random, SimStorage};
use crate::{
    Batch, Class, Journal, JournalName, Opened, Options, Overwritten, ReadOnly, Reader, Storage,
};

/// Bytes of a record that stay: its number.
const KEPT_BYTES: usize = 8;

fn keep_number(_kind: u8, _version: u8, payload: &mut [u8]) {
    let kept = KEPT_BYTES.min(payload.len());
    payload[kept..].fill(0);
}

fn options(name: JournalName, redacted: Vec<u64>) -> Options {
    let mut options = Options::new(name);
    options.segment_bytes = 8192;
    options.bytes_max = 1024 * 1024;
    options.queue_bytes_max = 64 * 1024;
    options.record_bytes_max = 4096;
    options.memory_tail_bytes = 16 * 1024;
    options.reserve_disaster_bytes = 0;
    options.reserve_system_bytes = 4096;
    options.blank = keep_number;
    options.redacted = redacted;
    options
}

fn open(world: &SimStorage, options: &Options) -> Result<Opened, String> {
    let storage: Arc<dyn Storage> = Arc::new(world.clone());
    Opened::open(storage, options.clone()).map_err(|error| format!("{error}: {error:?}"))
}

/// A journal whose committer this test drives.
struct Life {
    journal: Journal,
    committer: crate::committer::Committer,
}

impl Life {
    fn begin(world: &SimStorage, options: &Options) -> Result<Self, String> {
        let clock = Arc::new(Ticking(AtomicI64::new(1_000_000)));
        let (shared, committer) = open(world, options)?
            .into_parts(clock)
            .map_err(|error| error.to_string())?;
        Ok(Self {
            journal: Journal::manual(shared),
            committer,
        })
    }

    fn append(&mut self, kind: u8, encode: impl FnOnce(&mut Vec<u8>)) -> Result<u64, String> {
        let mut batch = Batch::new();
        batch.push(kind, encode);
        let ticket = self.journal.appender().try_append(Class::System, batch);
        let ticket = ticket.map_err(|error| error.to_string())?;
        // A segment may have to be begun first.
        self.committer.step();
        self.committer.step();
        let committed = ticket.wait().map_err(|error| error.to_string())?;
        Ok(committed.first_offset)
    }
}

/// What was written, and what of it is redacted.
struct Told {
    records: BTreeMap<u64, Vec<u8>>,
    victims: BTreeSet<u64>,
    /// Victims whose overwriting returned.
    finished: bool,
}

impl Told {
    fn check(&self, reader: &mut Reader, end: u64) -> Result<(), String> {
        while reader.position() < end {
            let batch = reader
                .next_blocking(None)
                .map_err(|error| error.to_string())?
                .ok_or("the journal ends early")?;
            if let Some(gap) = batch.gap() {
                return Err(format!("damage: {gap:?}"));
            }
            for frame in batch.frames().filter(|frame| frame.kind == 1) {
                let mut wanted = self.records[&frame.offset].clone();
                let victim = self.victims.contains(&frame.offset);
                if victim {
                    keep_number(frame.kind, frame.version, &mut wanted);
                }
                if frame.payload != wanted || frame.is_redacted() != victim {
                    return Err(format!("record {} is not what it must be", frame.offset));
                }
            }
        }
        Ok(())
    }

    /// After a crash: nothing is damaged, for whoever opens it.
    fn check_disk(&self, world: &SimStorage, options: &Options) -> Result<(), String> {
        let storage: Arc<dyn Storage> = Arc::new(world.clone());
        let looker = ReadOnly::open_with(storage, options.clone());
        let looker = looker.map_err(|error| error.to_string())?;
        let verified = looker.verify().map_err(|error| error.to_string())?;
        if !verified.damaged.is_empty() {
            return Err(format!("damage: {:?}", verified.damaged));
        }
        let opened = open(world, options)?;
        if !opened.recovery().damaged.is_empty() {
            return Err(format!("damage: {:?}", opened.recovery().damaged));
        }
        let end = opened.next_offset();
        if end < self.records.len() as u64 {
            return Err(format!("records at the end are lost: {end}"));
        }
        self.check(&mut opened.reader(0), end)
    }

    /// No file holds anything of a victim.
    fn check_forgotten(&self, world: &SimStorage) -> Result<(), String> {
        for offset in &self.victims {
            let secret = &self.records[offset][KEPT_BYTES..];
            for path in world.files() {
                let content = world.content(&path).unwrap_or_default();
                // The first and the last word, so that a part left over is seen too.
                for word in [secret.first_chunk::<8>(), secret.last_chunk::<8>()] {
                    let found = |word: &[u8; 8]| content.windows(8).any(|bytes| bytes == word);
                    if word.is_some_and(found) {
                        return Err(format!("bytes of record {offset} are left in {path}"));
                    }
                }
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
struct Plan {
    name: JournalName,
    fault: Fault,
    power: bool,
    /// The storage step of the overwriting that fails.
    step: u64,
    /// Our own mistake: the overwriting begins although nothing names its frames.
    unnamed: bool,
}

/// True when the overwriting had fewer steps than planned: every step was met.
fn run(seed: u64, plan: Plan) -> Result<bool, String> {
    let mut random = Random::new(seed);
    let mut world = SimStorage::new(random.number());
    let plain = options(plan.name, Vec::new());
    let mut life = Life::begin(&world, &plain)?;
    let mut told = Told {
        records: BTreeMap::new(),
        victims: BTreeSet::new(),
        finished: false,
    };
    for number in 0..20 + random.below(20) {
        let mut bytes = Vec::new();
        payload(random.number() % 1_000_000 + number * 1_000_000, &mut bytes);
        let offset = life.append(1, |out| out.extend_from_slice(&bytes))?;
        told.records.insert(offset, bytes);
    }
    for _ in 0..=random.below(4) {
        told.victims.insert(random.below(told.records.len() as u64));
    }
    let victims: Vec<u64> = told.victims.iter().copied().collect();
    if !plan.unnamed && plan.name == JournalName::Inputs {
        for offset in &victims {
            let record = Redaction {
                journal: plan.name,
                offset: *offset,
                code: "personal_data",
                keys: vec!["cccd"],
                hash: [7; 32],
            };
            life.append(u8::from(Kind::Redaction), |out| record.encode(out))?;
        }
    }
    let names = match plan.name {
        JournalName::Outcomes if !plan.unnamed => victims.clone(),
        JournalName::Inputs | JournalName::Outcomes => Vec::new(),
    };
    let with_names = options(plan.name, names);
    world.fail(plan.step, plan.fault);
    let result = life.journal.redact(&victims);
    told.finished = result.is_ok();
    if told.finished {
        let end = life.journal.next_offset();
        told.check(&mut life.journal.reader(0), end)?;
    }
    drop(life);
    world = if plan.power {
        world.power_cut()
    } else {
        world.kill()
    };
    world.heal();
    told.check_disk(&world, &with_names)?;
    if told.finished {
        told.check_forgotten(&world)?;
    }
    // The next start does it again.
    let life = Life::begin(&world, &with_names)?;
    let end = life.journal.next_offset();
    told.check(&mut life.journal.reader(0), end)?;
    let answers = life.journal.redact(&victims);
    let answers = answers.map_err(|error| error.to_string())?;
    if answers.iter().any(|answer| *answer != Overwritten::Done) {
        return Err(format!("not overwritten: {answers:?}"));
    }
    told.check(&mut life.journal.reader(0), end)?;
    drop(life);
    world = world.power_cut();
    told.check_forgotten(&world)?;
    // From here on the frames speak for themselves.
    told.check_disk(&world, &plain)?;
    Ok(told.finished)
}

fn plans(name: JournalName, unnamed: bool) -> impl Iterator<Item = Plan> {
    [
        (Fault::Io, true),
        (Fault::Io, false),
        (Fault::NoSpace, true),
    ]
    .into_iter()
    .flat_map(move |(fault, power)| {
        (0..)
            .map(move |step| Plan {
                name,
                fault,
                power,
                step,
                unnamed,
            })
            .take(40)
    })
}

fn check_all(name: JournalName) {
    let (mut crashed, mut finished) = (0, 0);
    for seed in 0..150 {
        let mut met = BTreeSet::new();
        for plan in plans(name, false) {
            let way = (plan.fault == Fault::Io, plan.power);
            if met.contains(&way) {
                continue;
            }
            match run(seed, plan) {
                Ok(true) => {
                    met.insert(way);
                    finished += 1;
                }
                Ok(false) => crashed += 1,
                Err(why) => panic!("seed {seed}, {plan:?}: {why}"),
            }
        }
    }
    // Every way came to its end, behind several steps that failed.
    assert!(finished == 450 && crashed > 1_500, "{finished} {crashed}");
}

#[test]
fn a_crash_at_any_step_of_a_redaction_of_inputs_is_no_damage() {
    check_all(JournalName::Inputs);
}

#[test]
fn a_crash_at_any_step_of_a_redaction_of_outcomes_is_no_damage() {
    check_all(JournalName::Outcomes);
}

/// The checker must see what the names are for.
#[test]
fn without_its_record_a_torn_redaction_is_damage() {
    let caught = (0..150)
        .flat_map(|seed| plans(JournalName::Inputs, true).map(move |plan| (seed, plan)))
        .find_map(|(seed, plan)| run(seed, plan).err());
    assert!(caught.is_some_and(|why| why.contains("damage") || why.contains("must be")));
}
