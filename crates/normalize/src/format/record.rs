//! What a format module makes of a message: records, still in the words and units of the wire. Binding a record to its
//! device, profile, units, time and place is the same for all formats and happens behind them.

use event::{EventFlags, EventId, Kind, Quality, RejectCode, Status, Time};

use crate::fault::Fault;

/// One statement of a message about one device.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Record {
    /// Whom it is about.
    pub(crate) subject: Subject,
    /// What it is, where that differs from the profile's `kind`.
    pub(crate) kind: Option<Kind>,
    pub(crate) stamp: Option<Stamp>,
    /// End of the interval that begins at `stamp`.
    pub(crate) until: Option<Stamp>,
    pub(crate) valid_from: Option<Stamp>,
    pub(crate) valid_to: Option<Stamp>,
    pub(crate) sequence: Option<u64>,
    /// The message's own identity, where the format has one (never the nil UUID).
    pub(crate) uuid: Option<EventId>,
    pub(crate) status: Status,
    /// Latitude, longitude as the format says them; swapped ones are put right behind.
    pub(crate) place: Option<(f64, f64)>,
    /// An area by code, or by a name that the catalogue knows (old district names included).
    pub(crate) area: Option<String>,
    pub(crate) fields: Vec<RawField>,
    /// Of the whole record: HISTORY for history blocks, SEQUENCE_GAP, TEXT_DAMAGED, GROUPS_FOLDED...
    pub(crate) flags: EventFlags,
    /// Of all its values.
    pub(crate) quality: Quality,
    /// Known fields whose values could not be used.
    pub(crate) unusable: u64,
    /// Things that nobody asked for.
    pub(crate) unknown: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The device that topic and catalogue name.
    #[default]
    Topic,
    /// A device by the address that the format has for it (DevEUI, edge node path, station code): looked up among the
    /// catalogue's `address`es, then among device ids and families.
    Address(String),
}

/// A time as the wire has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stamp {
    At(Time),
    /// Local time without a zone, held as if it were UTC; the profile says which zone it is.
    Local(Time),
    /// So many nanoseconds before reception (negative: after).
    Ago(i64),
}

/// One value, by the name that the wire has for it. The profile's field whose `from` (or else whose own name) is equal takes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RawField {
    pub(crate) key: String,
    pub(crate) value: Raw,
    /// The unit that came with it, if any, as UCUM code: else the profile's unit holds.
    pub(crate) unit: Option<String>,
    pub(crate) quality: Quality,
}

impl RawField {
    pub(crate) fn new(key: impl Into<String>, value: Raw) -> Self {
        Self {
            key: key.into(),
            value,
            unit: None,
            quality: Quality::GOOD,
        }
    }

    pub(crate) fn number(key: impl Into<String>, value: f64) -> Self {
        Self::new(key, Raw::Number(value))
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Raw {
    Null,
    Boolean(bool),
    /// May be infinite or no number: that makes the field unusable behind, not the message.
    Number(f64),
    Text(String),
}

/// Where a format puts its records: bounded, so that no message costs more than the site allows.
#[derive(Debug)]
pub(crate) struct Records {
    list: Vec<Record>,
    records_max: usize,
    fields_max: usize,
    /// Records about devices elsewhere that a feed carries and this site does not want.
    pub(crate) elsewhere: u64,
    /// The first fault of an element of a list whose other elements are sound.
    pub(crate) spoilt: Option<Fault>,
}

impl Records {
    pub(crate) fn new(records_max: usize, fields_max: usize) -> Self {
        Self {
            list: Vec::new(),
            records_max,
            fields_max,
            elsewhere: 0,
            spoilt: None,
        }
    }

    pub(crate) fn push(&mut self, record: Record) -> Result<(), Fault> {
        if self.list.len() >= self.records_max {
            let reason = format!(
                "more than {} readings in one message; split it",
                self.records_max
            );
            return Err(Fault::new(RejectCode::TooManyFields, reason));
        }
        if record.fields.len() > self.fields_max {
            let reason = format!(
                "more than {} values in one reading; split it",
                self.fields_max
            );
            return Err(Fault::new(RejectCode::TooManyFields, reason));
        }
        self.list.push(record);
        Ok(())
    }

    /// One element of a list came to this. What is wrong with it says nothing of the others; what is too much does.
    pub(crate) fn element(&mut self, read: Result<(), Fault>) -> Result<(), Fault> {
        match read {
            Err(fault) if fault.code != RejectCode::TooManyFields => {
                self.spoilt.get_or_insert(fault);
                Ok(())
            }
            other => other,
        }
    }

    pub(crate) fn into_list(self) -> Vec<Record> {
        self.list
    }

    #[cfg(test)]
    pub(crate) fn list(&self) -> &[Record] {
        &self.list
    }
}
