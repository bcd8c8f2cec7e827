//! The fold: one message in; events, duplicates or a reject out, or a change of what is remembered.

mod identify;
mod readings;
mod statements;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use event::{Event, EventFlags, Kind, Name, Reject, RejectCode, Time};
use serde::Serialize;

use crate::catalogue::{Catalogue, Device, Profile};
use crate::checks::{Route, check_stream, reject, resolve, route};
use crate::clock::{is_history, judge};
use crate::fault::Fault;
use crate::format::{self, Format, Wire};
use crate::message::{Counts, Input, Normalized};
use crate::personal;
use crate::quality;
use crate::reading::Reading;
use crate::state::{DeviceMemory, EntityMemory, Saved, State, VERSION, Watched};
use crate::unpack;
use identify::{Index, identify};
use readings::{native_reading, online_reading, place};

#[derive(Debug)]
struct Tracked {
    device: Device,
    /// Index into `entities`.
    entity: usize,
    memory: DeviceMemory,
    watched: Watched,
}

/// Catalogue and memory. Bound: the devices that the catalogue lists plus `family_members_max`, each with its windows.
#[derive(Debug)]
pub struct Normalizer {
    catalogue: Arc<Catalogue>,
    /// Names come from the wire, hence the standard hasher with its random key; its order is never looked at.
    index: HashMap<Name, usize>,
    devices: Vec<Tracked>,
    entity_index: HashMap<Name, usize>,
    entities: Vec<(Name, EntityMemory)>,
    /// What formats remember of their sources.
    memory: format::Memory,
    family_members: usize,
    /// No member can have been idle for long enough before this time, so there is no use in looking.
    sweep_not_before: Time,
    counts: Counts,
    /// Room for the parts of an id; holds nothing from one message to the next.
    id_buffer: Vec<u8>,
}

impl Normalizer {
    pub fn new(catalogue: Arc<Catalogue>) -> Self {
        Self {
            catalogue,
            index: HashMap::new(),
            devices: Vec::new(),
            entity_index: HashMap::new(),
            entities: Vec::new(),
            memory: format::Memory::default(),
            family_members: 0,
            sweep_not_before: Time(i64::MIN),
            counts: Counts::default(),
            id_buffer: Vec::new(),
        }
    }

    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// Takes a new pack. Memory of devices that it knows is kept, of others dropped.
    pub fn set_catalogue(&mut self, catalogue: Arc<Catalogue>) {
        let counts = self.counts;
        let old = std::mem::replace(self, Self::new(catalogue));
        let memories = old
            .devices
            .into_iter()
            .map(|tracked| (tracked.device.id, tracked.memory, tracked.watched));
        self.fill(memories.collect(), old.entities);
        self.memory = old.memory;
        self.counts = counts;
    }

    pub fn counts(&self) -> Counts {
        Counts {
            devices: self.devices.len() as u64,
            entities: self.entities.len() as u64,
            ..self.counts
        }
    }

    /// At least one entry is added to `out`.
    pub fn apply(&mut self, input: &Input<'_>, out: &mut Vec<Normalized>) {
        let before = out.len();
        if let Err(fault) = self.normalize(input, out) {
            // What a message said before its fault was found is not kept: it is refused as a whole.
            out.truncate(before);
            self.counts.rejects += 1;
            out.push(Normalized::Reject(self.refuse(input, fault)));
        } else if out.len() == before {
            self.counts.states += 1;
            out.push(Normalized::State);
        }
    }

    /// A refusal keeps the message; personal data in it are the one thing that nobody may keep.
    fn refuse(&self, input: &Input<'_>, fault: Fault) -> Reject {
        let personal = &self.catalogue.personal;
        if fault.code != RejectCode::PersonalData {
            let payload = unpack::salvage(input, &self.catalogue.limits);
            let keys = personal.scan_refused(&payload);
            if !keys.is_empty() {
                return reject(input, personal::fault(&keys));
            }
        }
        reject(input, fault)
    }

    /// Adds events, duplicates, or nothing; or says why there is no use in the message.
    fn normalize(&mut self, input: &Input<'_>, out: &mut Vec<Normalized>) -> Result<(), Fault> {
        if let Some(length) = input.oversize {
            let reason =
                format!("the payload has {length} bytes, over the limit; split the message");
            return Err(Fault::new(RejectCode::PayloadTooLarge, reason));
        }
        let catalogue = self.catalogue.clone();
        match route(&catalogue, input.topic)? {
            Route::Up { stream, device: id } => {
                let known = self.index.get(id).copied();
                let newcomer;
                let device = match known {
                    Some(at) => &self.devices[at].device,
                    None => {
                        newcomer = resolve(&catalogue, id)?;
                        &newcomer
                    }
                };
                let profile = &catalogue.profiles[device.profile];
                check_stream(profile, stream, id)?;
                let payload = unpack::unpack(input, &catalogue.limits)?;
                if profile.format == Format::Native {
                    let mut reading = native_reading(&catalogue, profile, id, &payload)?;
                    let at = match known {
                        Some(at) => at,
                        None => self.admit(device.clone(), input.journal_time)?,
                    };
                    self.deliver(&catalogue, at, &mut reading, (0, Index::First), input, out);
                    Ok(())
                } else {
                    let wire = Wire {
                        topic: input.topic,
                        payload: &payload,
                        content_type: input.content_type,
                        catalogue: &catalogue,
                        device: Some(id),
                        profile: Some(profile),
                        received: input.journal_time,
                    };
                    self.formatted(&wire, &profile.plan, profile.skip_unknown, input, out)
                }
            }
            Route::Online { stream, device: id } => {
                let device = resolve(&catalogue, id)?;
                check_stream(&catalogue.profiles[device.profile], stream, id)?;
                let mut reading = online_reading(&catalogue, input.payload)?;
                let at = self.known_or_admitted(device, input)?;
                self.deliver(&catalogue, at, &mut reading, (0, Index::First), input, out);
                Ok(())
            }
            Route::Source(source) => self.sourced(source, input, out),
        }
    }

    fn known_or_admitted(&mut self, device: Device, input: &Input<'_>) -> Result<usize, Fault> {
        match self.index.get(&device.id).copied() {
            Some(at) => Ok(at),
            None => self.admit(device, input.journal_time),
        }
    }

    /// A reading that is sound becomes an event or a duplicate.
    #[inline]
    fn deliver(
        &mut self,
        catalogue: &Catalogue,
        at: usize,
        reading: &mut Reading,
        statement: (u128, Index),
        input: &Input<'_>,
        out: &mut Vec<Normalized>,
    ) {
        let profile = &catalogue.profiles[self.devices[at].device.profile];
        match self.accept(at, catalogue, profile, reading, statement, input) {
            Some(event) => {
                self.counts.events += 1;
                out.push(Normalized::Event(event));
            }
            None => {
                self.counts.duplicates += 1;
                out.push(Normalized::Duplicate);
            }
        }
    }

    /// Identity, time and place of a reading that is sound.
    #[inline]
    fn accept(
        &mut self,
        at: usize,
        catalogue: &Catalogue,
        profile: &Profile,
        reading: &mut Reading,
        statement: (u128, Index),
        input: &Input<'_>,
    ) -> Option<Event> {
        let tracked = &mut self.devices[at];
        let device = &tracked.device;
        let clock = &mut tracked.watched.clock;
        let judged = judge(reading, device.clock_offset_ns, clock, catalogue, input);
        let id = identify(
            &mut self.id_buffer,
            &catalogue.site,
            device,
            &mut tracked.memory,
            reading,
            statement,
            input,
        )?;
        tracked.memory.last_heard = tracked.memory.last_heard.max(input.journal_time);
        let mut flags = reading.flags.with(judged.flags);
        let mut unusable = reading.unusable;
        let wanted = judged.observed;
        let kind = reading.kind.unwrap_or(profile.kind);
        // What is of an interval could not be said before its end, and an announcement is of the time for which it holds.
        let until = reading.until.map(|until| until.plus(judged.offset_ns));
        let ends = [until, reading.valid_from, reading.valid_to];
        let newest_of = ends.into_iter().flatten().fold(wanted, Ord::max);
        if is_history(newest_of, catalogue.lateness_ns(profile.stream), input)
            || input.reprocessed
            // A broker's retained reading is from before we subscribed; a retained state is how things are.
            || (input.retain && input.from_broker && kind != Kind::State)
        {
            flags = flags.with(EventFlags::HISTORY);
        }
        if input.reprocessed {
            flags = flags.with(EventFlags::REPROCESSED);
        }
        let memory = &mut self.entities[tracked.entity].1;
        let newest = memory.newest;
        let observed = memory.take(wanted);
        if newest.is_some_and(|newest| observed < newest) {
            flags = flags.with(EventFlags::LATE);
        }
        if observed != wanted {
            flags = flags.with(EventFlags::TIME_NUDGED);
        }
        if input.retain {
            flags = flags.with(EventFlags::RETAINED);
        }
        let place = place(catalogue, device, reading, &mut unusable, &mut flags);
        if judged.is_live && !flags.has(EventFlags::HISTORY) {
            let tracks = &mut tracked.watched.tracks;
            quality::judge(tracks, profile, &mut reading.values, observed);
        }
        let offset = |time: Time| time.plus(judged.offset_ns);
        let until = reading.until.map(offset).filter(|until| *until >= observed);
        unusable += u64::from(until.is_none() && reading.until.is_some());
        if unusable > 0 {
            flags = flags.with(EventFlags::FIELDS_UNUSABLE);
        }
        self.counts.unusable_fields += unusable;
        self.counts.unknown_fields += reading.unknown;
        Some(Event {
            id,
            kind,
            stream: profile.stream,
            status: reading.status,
            site: catalogue.site.clone(),
            entity: device.entity.clone(),
            device: device.id.clone(),
            observed,
            observed_until: until,
            valid_from: reading.valid_from,
            valid_to: reading.valid_to,
            received: input.wall_time,
            processed: input.journal_time,
            sequence: reading.sequence,
            place,
            flags,
            values: std::mem::take(&mut reading.values),
        })
    }

    /// Makes room for a device that spoke for the first time.
    fn admit(&mut self, device: Device, now: Time) -> Result<usize, Fault> {
        let members_max = self.catalogue.limits.family_members_max;
        if !device.listed && self.family_members >= members_max {
            self.sweep(now);
            if self.family_members >= members_max {
                let reason = format!(
                    "device `{}` would be one more than the {members_max} that families may have; \
                     raise `family_members_max` or find who makes up ids",
                    device.id
                );
                return Err(Fault::new(RejectCode::DeviceLimit, reason));
            }
        }
        Ok(self.track(device, DeviceMemory::default(), Watched::default()))
    }

    fn track(&mut self, device: Device, memory: DeviceMemory, watched: Watched) -> usize {
        let entity = match self.entity_index.get(&device.entity) {
            Some(entity) => *entity,
            None => {
                self.entities
                    .push((device.entity.clone(), EntityMemory::default()));
                self.entity_index
                    .insert(device.entity.clone(), self.entities.len() - 1);
                self.entities.len() - 1
            }
        };
        self.family_members += usize::from(!device.listed);
        self.index.insert(device.id.clone(), self.devices.len());
        self.devices.push(Tracked {
            device,
            entity,
            memory,
            watched,
        });
        self.devices.len() - 1
    }

    /// Forgets members of families that have been silent for longer than the site allows.
    fn sweep(&mut self, now: Time) {
        if now < self.sweep_not_before {
            return;
        }
        let idle_ns = self.catalogue.limits.member_idle_ns;
        let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.devices)
            .into_iter()
            .partition(|tracked| {
                tracked.device.listed || now.since(tracked.memory.last_heard) <= idle_ns
            });
        let members = kept.iter().filter(|tracked| !tracked.device.listed);
        let oldest = members.map(|tracked| tracked.memory.last_heard).min();
        if gone.is_empty() {
            self.devices = kept;
        } else {
            let memories = kept
                .into_iter()
                .map(|tracked| (tracked.device.id, tracked.memory, tracked.watched));
            let memories = memories.collect();
            let entities = std::mem::take(&mut self.entities);
            let counts = self.counts;
            let memory = std::mem::take(&mut self.memory);
            *self = Self::new(self.catalogue.clone());
            self.counts = counts;
            self.memory = memory;
            self.fill(memories, entities);
        }
        self.sweep_not_before = oldest.map_or(now, |oldest| oldest.plus(idle_ns));
    }

    /// Takes over memory, leaving out what the catalogue does not know.
    fn fill(
        &mut self,
        devices: Vec<(Name, DeviceMemory, Watched)>,
        entities: Vec<(Name, EntityMemory)>,
    ) {
        for (id, memory, watched) in devices {
            if let Some(device) = self.catalogue.resolve(&id) {
                self.track(device, memory, watched);
            }
        }
        let wanted: HashSet<Name> = self.entity_index.keys().cloned().collect();
        for (name, memory) in entities
            .into_iter()
            .filter(|(name, _)| wanted.contains(name))
        {
            if let Some(at) = self.entity_index.get(&name) {
                self.entities[*at].1 = memory;
            }
        }
    }

    /// The whole memory, sorted: equal memories have equal bytes in any format.
    pub fn save(&self) -> impl Serialize + '_ {
        let mut devices: Vec<_> = self
            .devices
            .iter()
            .map(|tracked| (&*tracked.device.id, &tracked.memory))
            .collect();
        devices.sort_unstable_by_key(|(id, _)| *id);
        let watched = self.devices.iter();
        let mut watched: Vec<_> = watched
            .map(|tracked| (&*tracked.device.id, &tracked.watched))
            .collect();
        watched.sort_unstable_by_key(|(id, _)| *id);
        let mut entities: Vec<_> = self
            .entities
            .iter()
            .map(|(name, memory)| (&**name, memory))
            .collect();
        entities.sort_unstable_by_key(|(name, _)| *name);
        Saved {
            version: VERSION,
            devices,
            entities,
            memory: &self.memory,
            watched,
        }
    }

    /// Goes on from a saved memory, with the catalogue that was in force; `None` if the form is of another release.
    pub fn restore(catalogue: Arc<Catalogue>, state: State) -> Option<Self> {
        if state.version != VERSION {
            return None;
        }
        let mut normalizer = Self::new(catalogue);
        let mut watched: HashMap<String, Watched> = state.watched.into_iter().collect();
        let devices = state.devices.into_iter().map(|(id, memory)| {
            let watched = watched.remove(&id).unwrap_or_default();
            (Name::from(id), memory, watched)
        });
        let entities = state.entities.into_iter();
        let entities = entities.map(|(name, memory)| (Name::from(name), memory));
        normalizer.fill(devices.collect(), entities.collect());
        normalizer.memory = state.memory;
        Some(normalizer)
    }
}
