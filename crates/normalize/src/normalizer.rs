//! The fold: one message in, one event, reject or duplicate out.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use event::{Event, EventFlags, EventId, Name, Place, RejectCode, Time};
use serde::Serialize;

use crate::catalogue::{Catalogue, Device, Profile};
use crate::checks::{check_stream, check_values, payload_text, reject, resolve, route};
use crate::clock::{is_history, judge};
use crate::identity::{self, Mark};
use crate::message::{Counts, Input, Normalized};
use crate::native::{self, Fault, Reading};
use crate::state::{DeviceMemory, EntityMemory, Saved, State, VERSION};

#[derive(Debug)]
struct Tracked {
    device: Device,
    /// Index into `entities`.
    entity: usize,
    memory: DeviceMemory,
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
            .map(|tracked| (tracked.device.id, tracked.memory));
        self.fill(memories.collect(), old.entities);
        self.counts = counts;
    }

    pub fn counts(&self) -> Counts {
        Counts {
            devices: self.devices.len() as u64,
            entities: self.entities.len() as u64,
            ..self.counts
        }
    }

    /// Exactly one entry is added to `out`.
    pub fn apply(&mut self, input: &Input<'_>, out: &mut Vec<Normalized>) {
        if let Err(fault) = self.normalize(input, out) {
            self.counts.rejects += 1;
            out.push(Normalized::Reject(reject(input, fault)));
        }
    }

    /// Adds an event or a duplicate, or says why there is neither.
    fn normalize(&mut self, input: &Input<'_>, out: &mut Vec<Normalized>) -> Result<(), Fault> {
        if let Some(length) = input.oversize {
            let reason =
                format!("the payload has {length} bytes, over the limit; split the message");
            return Err(Fault::new(RejectCode::PayloadTooLarge, reason));
        }
        let catalogue = self.catalogue.clone();
        let (stream, id) = route(&catalogue, input.topic)?;
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
        let text = payload_text(input.payload)?;
        let reading = native::decode(text, id, profile, &catalogue.limits)?;
        check_values(&reading, profile)?;
        let at = match known {
            Some(at) => at,
            None => {
                let device = device.clone();
                self.admit(device, input.journal_time)?
            }
        };
        match self.accept(at, &catalogue, profile, reading, input) {
            Some(event) => {
                self.counts.events += 1;
                out.push(Normalized::Event(event));
            }
            None => {
                self.counts.duplicates += 1;
                out.push(Normalized::Duplicate);
            }
        }
        Ok(())
    }

    /// Identity, time and place of a reading that is sound.
    fn accept(
        &mut self,
        at: usize,
        catalogue: &Catalogue,
        profile: &Profile,
        mut reading: Reading,
        input: &Input<'_>,
    ) -> Option<Event> {
        let tracked = &mut self.devices[at];
        let device = &tracked.device;
        let judged = judge(&mut reading, device.clock_offset_ns, catalogue, input);
        let id = identify(
            &mut self.id_buffer,
            &catalogue.site,
            device,
            &mut tracked.memory,
            &reading,
            input,
        )?;
        tracked.memory.last_heard = tracked.memory.last_heard.max(input.journal_time);
        let mut flags = EventFlags::default();
        let mut unusable = reading.unusable;
        let wanted = judged.observed;
        flags = flags.with(judged.flags);
        if is_history(wanted, catalogue.lateness_ns(profile.stream), input) {
            flags = flags.with(EventFlags::HISTORY);
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
        let place = place(catalogue, device, &reading, &mut unusable);
        let offset = |time: Time| time.plus(device.clock_offset_ns);
        let until = reading.until.map(offset).filter(|until| *until >= observed);
        unusable += u64::from(until.is_none() && reading.until.is_some());
        if unusable > 0 {
            flags = flags.with(EventFlags::FIELDS_UNUSABLE);
        }
        self.counts.unusable_fields += unusable;
        self.counts.unknown_fields += reading.unknown;
        Some(Event {
            id,
            kind: profile.kind,
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
            values: reading.values,
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
        Ok(self.track(device, DeviceMemory::default()))
    }

    fn track(&mut self, device: Device, memory: DeviceMemory) -> usize {
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
                .map(|tracked| (tracked.device.id, tracked.memory));
            let memories = memories.collect();
            let entities = std::mem::take(&mut self.entities);
            let counts = self.counts;
            *self = Self::new(self.catalogue.clone());
            self.counts = counts;
            self.fill(memories, entities);
        }
        self.sweep_not_before = oldest.map_or(now, |oldest| oldest.plus(idle_ns));
    }

    /// Takes over memory, leaving out what the catalogue does not know.
    fn fill(&mut self, devices: Vec<(Name, DeviceMemory)>, entities: Vec<(Name, EntityMemory)>) {
        for (id, memory) in devices {
            if let Some(device) = self.catalogue.resolve(&id) {
                self.track(device, memory);
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
        }
    }

    /// Goes on from a saved memory, with the catalogue that was in force; `None` if the form is of another release.
    pub fn restore(catalogue: Arc<Catalogue>, state: State) -> Option<Self> {
        if state.version != VERSION {
            return None;
        }
        let mut normalizer = Self::new(catalogue);
        let named = |name: String| Name::from(name);
        normalizer.fill(
            state
                .devices
                .into_iter()
                .map(|(id, memory)| (named(id), memory))
                .collect(),
            state
                .entities
                .into_iter()
                .map(|(id, memory)| (named(id), memory))
                .collect(),
        );
        Some(normalizer)
    }
}

/// The event's id, remembered; `None` when it was here before.
fn identify(
    buffer: &mut Vec<u8>,
    site: &str,
    device: &Device,
    memory: &mut DeviceMemory,
    reading: &Reading,
    input: &Input<'_>,
) -> Option<EventId> {
    // A message gives one event in this format.
    const INDEX: u32 = 0;
    let (id, certainly_new) = match (reading.uuid, reading.stamp) {
        (Some(uuid), _) => (uuid, false),
        (None, Some(stamp)) => {
            let mark = match reading.sequence {
                Some(sequence) => Mark::Sequence(sequence),
                None => Mark::Payload(input.payload),
            };
            // An equal id has an equal device time and mark, so it cannot have come before one that is new.
            let new = match stamp.0.cmp(&memory.newest_stamp) {
                Ordering::Greater => true,
                Ordering::Equal => reading
                    .sequence
                    .is_some_and(|sequence| Some(sequence) > memory.newest_sequence),
                Ordering::Less => false,
            };
            (
                identity::of_reading(buffer, site, &device.id, stamp, mark, INDEX),
                new,
            )
        }
        (None, None) => {
            let delivery = identity::of_delivery(
                buffer,
                input.client,
                input.session,
                input.packet_id,
                input.payload,
            );
            // The DUP flag alone says nothing; QoS 0 has no packet id and is never sent again.
            if input.dup && memory.deliveries.contains(delivery) {
                return None;
            }
            if input.qos > 0 {
                memory.deliveries.push(delivery);
            }
            (
                identity::of_record(buffer, input.journal, input.offset, INDEX),
                true,
            )
        }
    };
    if !certainly_new && memory.ids.contains(id) {
        return None;
    }
    memory.ids.push(id);
    if let Some(stamp) = reading.stamp
        && stamp.0 >= memory.newest_stamp
    {
        let before = memory
            .newest_sequence
            .filter(|_| stamp.0 == memory.newest_stamp);
        memory.newest_sequence = before.max(reading.sequence);
        memory.newest_stamp = stamp.0;
    }
    Some(id)
}

/// Where the device says that it is, else where the catalogue puts it.
fn place(
    catalogue: &Catalogue,
    device: &Device,
    reading: &Reading,
    unusable: &mut u64,
) -> Option<Place> {
    match (reading.lat, reading.lon) {
        (Some(lat), Some(lon)) => Some(Place {
            area: catalogue.areas.locate(lat, lon).cloned(),
            lat,
            lon,
        }),
        (None, None) => device.place.clone(),
        // Half a place is none.
        _ => {
            *unusable += 1;
            device.place.clone()
        }
    }
}
