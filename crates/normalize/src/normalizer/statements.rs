//! Messages of formats with records: from a topic of `sources.toml` or a profile's format to readings of devices.
//!
//! Whether a message carries personal data is known before it changes anything: a replay sees a refused message blanked, and must
//! come to the same state without it.

use event::RejectCode;

use super::Normalizer;
use super::identify::Index;
use super::readings::native_reading;
use crate::bind::{self, bind};
use crate::catalogue::{Device, Source};
use crate::checks::{reject, resolve, resolve_address, topic_unknown};
use crate::fault::Fault;
use crate::format::{self, Format, Record, Records, Subject, Wire};
use crate::identity;
use crate::message::{Input, Normalized};
use crate::personal;
use crate::reading::Reading;
use crate::unpack;

/// A record that found its device, bound.
struct Statement {
    device: Device,
    reading: Reading,
    mark: u128,
    index: Index,
}

impl Normalizer {
    /// A topic of `sources.toml`: the device is in the topic, or in the message.
    pub(super) fn sourced(
        &mut self,
        source: &Source,
        input: &Input<'_>,
        out: &mut Vec<Normalized>,
    ) -> Result<(), Fault> {
        let catalogue = self.catalogue.clone();
        let payload = unpack::unpack(input, &catalogue.limits)?;
        let named = source
            .device_level
            .and_then(|level| input.topic.split('/').nth(level));
        let device = match named {
            Some(address) => Some(resolve_address(&catalogue, address)?),
            None => None,
        };
        let profile = device
            .as_ref()
            .map(|device| &catalogue.profiles[device.profile]);
        let plan = match (&source.plan, profile) {
            (Some(plan), _) => plan,
            (None, Some(profile)) if profile.format != Format::Native => &profile.plan,
            (None, Some(profile)) => {
                let device = device.ok_or_else(topic_unknown)?;
                let mut reading = native_reading(&catalogue, profile, &device.id, &payload)?;
                let at = self.known_or_admitted(device, input)?;
                self.deliver(&catalogue, at, &mut reading, (0, Index::First), input, out);
                return Ok(());
            }
            // Loading refuses a source without both.
            (None, None) => return Err(topic_unknown()),
        };
        let wire = Wire {
            topic: input.topic,
            payload: &payload,
            content_type: input.content_type,
            catalogue: &catalogue,
            device: device.as_ref().map(|device| &*device.id),
            profile,
            received: input.journal_time,
        };
        self.formatted(&wire, plan, source.skip_unknown, input, out)
    }

    /// A message of a format with records: each finds its device, profile and units.
    pub(super) fn formatted(
        &mut self,
        wire: &Wire<'_>,
        plan: &format::Plan,
        skip_unknown: bool,
        input: &Input<'_>,
        out: &mut Vec<Normalized>,
    ) -> Result<(), Fault> {
        let personal = &wire.catalogue.personal;
        let keys = personal.scan(wire.payload);
        if !keys.is_empty() {
            return Err(personal::fault(&keys));
        }
        // What is found only once it is decoded must not have changed what formats remember. A copy is made where that
        // can be, of what this message can change.
        let may_hide = || {
            let free_text =
                wire.catalogue.has_free_text && personal::may_hold_numbers(wire.payload);
            free_text
                || plan.veils(wire.payload)
                || personal::is_veiled(wire.payload)
                || personal.mentioned(wire.payload)
        };
        let shielded = plan.remembers() && (input.reprocessed || may_hide());
        let before = shielded.then(|| self.memory.before(wire.topic, plan));
        match self.statements(wire, plan, skip_unknown, input) {
            Ok((statements, fault)) => {
                // What comes out of the quarantine is of another time than the sessions of now.
                if input.reprocessed
                    && let Some(before) = before
                {
                    self.memory.put_back(before);
                }
                self.conclude(wire, statements, fault, input, out)
            }
            Err(fault) => {
                if fault.code == RejectCode::PersonalData
                    && let Some(before) = before
                {
                    self.memory.put_back(before);
                }
                Err(fault)
            }
        }
    }

    /// The statements that are sound, and the first fault of the others.
    fn statements(
        &mut self,
        wire: &Wire<'_>,
        plan: &format::Plan,
        skip_unknown: bool,
        input: &Input<'_>,
    ) -> Result<(Vec<Statement>, Option<Fault>), Fault> {
        let limits = &wire.catalogue.limits;
        let fields_max = usize::try_from(limits.fields_max).unwrap_or(usize::MAX);
        let mut records = Records::new(limits.readings_max, fields_max);
        let decoded = format::decode(wire, plan, &mut self.memory, &mut records);
        self.counts.elsewhere += records.elsewhere;
        let mut fault = records.spoilt.take();
        let records = records.into_list();
        // Also of what came before a fault, and of devices that nobody knows: a refusal would keep it.
        for field in records.iter().flat_map(|record| &record.fields) {
            bind::check_personal(field, &wire.catalogue.personal)?;
        }
        decoded?;
        let mut statements = Vec::with_capacity(records.len());
        for (index, record) in (0_u32..).zip(records) {
            match statement(wire, record, index, input) {
                Ok(statement) => statements.push(statement),
                Err(unknown) if skip_unknown && unknown.code == RejectCode::DeviceUnknown => {
                    self.counts.elsewhere += 1;
                }
                Err(personal) if personal.code == RejectCode::PersonalData => return Err(personal),
                // The first fault speaks for the others: one message, one refusal.
                Err(other) => fault = fault.or(Some(other)),
            }
        }
        Ok((statements, fault))
    }

    fn conclude(
        &mut self,
        wire: &Wire<'_>,
        statements: Vec<Statement>,
        mut fault: Option<Fault>,
        input: &Input<'_>,
        out: &mut Vec<Normalized>,
    ) -> Result<(), Fault> {
        let before = out.len();
        for mut statement in statements {
            match self.known_or_admitted(statement.device, input) {
                Ok(at) => {
                    let which = (statement.mark, statement.index);
                    self.deliver(
                        wire.catalogue,
                        at,
                        &mut statement.reading,
                        which,
                        input,
                        out,
                    );
                }
                Err(full) => fault = fault.or(Some(full)),
            }
        }
        match fault {
            Some(fault) if out.len() == before => Err(fault),
            // Some of it was good: the rest is kept as a refusal beside it, to be reprocessed once it is mended.
            Some(fault) => {
                self.counts.rejects += 1;
                out.push(Normalized::Reject(reject(input, fault)));
                Ok(())
            }
            None => Ok(()),
        }
    }
}

fn statement(
    wire: &Wire<'_>,
    record: Record,
    index: u32,
    input: &Input<'_>,
) -> Result<Statement, Fault> {
    let catalogue = wire.catalogue;
    let device = match &record.subject {
        Subject::Address(address) => resolve_address(catalogue, address)?,
        Subject::Topic => {
            let id = wire.device.ok_or_else(|| {
                let reason = "neither topic nor payload names a device; name it in one of them";
                Fault::new(RejectCode::DeviceUnknown, reason)
            })?;
            resolve(catalogue, id)?
        }
    };
    let profile = &catalogue.profiles[device.profile];
    let keys: Vec<String> = record
        .fields
        .iter()
        .take(16)
        .map(|field| field.key.clone())
        .collect();
    // Two equal statements of one device and time are one, wherever in a message they stand: history blocks are
    // sent again and again.
    let mark = identity::fields_hash(&record);
    let reading = bind(record, profile, catalogue, input.journal_time)?;
    bind::check_values(&reading, profile, &keys)?;
    Ok(Statement {
        device,
        reading,
        mark,
        index: Index::Of(index),
    })
}
