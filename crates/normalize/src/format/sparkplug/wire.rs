//! The protobuf of a Sparkplug payload, read by hand: borrowed, bounded and without recursion. A generated reader would
//! build a list of all metrics before anybody can count them; two bytes make an empty metric, so a small message could ask
//! for hundreds of megabytes. What nobody needs (metadata, data sets, templates) is skipped by its length.

use event::RejectCode;

use crate::fault::Fault;

/// Metrics of one message.
pub(super) const METRICS_MAX: usize = 5_000;

/// One field as it lies on the wire.
#[derive(Clone, Copy, Debug)]
enum Datum<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// The fields of one protobuf message, in order.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn next(&mut self) -> Result<Option<(u64, Datum<'a>)>, Fault> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let datum = match key & 7 {
            0 => Datum::Varint(self.varint()?),
            1 => Datum::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| cut())?;
                Datum::Bytes(self.take(length)?)
            }
            5 => Datum::Fixed32(u32::from_le_bytes(self.array()?)),
            // Groups went out of use before Sparkplug began.
            _ => return Err(malformed("a field has a wire type that does not exist")),
        };
        let tag = key >> 3;
        if tag == 0 || tag >= 1 << 29 {
            return Err(malformed("a field has a number that cannot be"));
        }
        Ok(Some((tag, datum)))
    }

    fn varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or_else(cut)?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(malformed("a number has more than 64 bits"))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(cut)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or_else(cut)?;
        self.rest = rest;
        Ok(*taken)
    }
}

impl<'a> Datum<'a> {
    fn number(self) -> Result<u64, Fault> {
        match self {
            Self::Varint(value) => Ok(value),
            Self::Fixed64(_) | Self::Bytes(_) | Self::Fixed32(_) => Err(mistyped()),
        }
    }

    fn bytes(self) -> Result<&'a [u8], Fault> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Varint(_) | Self::Fixed64(_) | Self::Fixed32(_) => Err(mistyped()),
        }
    }

    fn text(self) -> Result<&'a str, Fault> {
        let text = std::str::from_utf8(self.bytes()?);
        text.map_err(|_| malformed("a name or a text is not UTF-8"))
    }
}

fn malformed(what: &str) -> Fault {
    let reason = format!("the payload is not a Sparkplug B protobuf: {what}; check the edge node");
    Fault::malformed(reason)
}

fn cut() -> Fault {
    malformed("it ends in the middle of a field")
}

fn mistyped() -> Fault {
    malformed("a field is of another type than the schema says")
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Int(u32),
    Long(u64),
    Float(f32),
    Double(f64),
    Boolean(bool),
    Text(&'a str),
    /// Bytes, data sets, templates, extensions: nothing that an event can carry.
    Other,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Metric<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) alias: Option<u64>,
    pub(super) timestamp: Option<u64>,
    pub(super) datatype: Option<u64>,
    pub(super) historical: bool,
    pub(super) transient: bool,
    pub(super) null: bool,
    pub(super) value: Option<Value<'a>>,
    properties: Option<&'a [u8]>,
}

#[derive(Debug, Default)]
pub(super) struct Payload<'a> {
    pub(super) timestamp: Option<u64>,
    pub(super) sequence: Option<u64>,
    pub(super) metrics: Vec<Metric<'a>>,
    pub(super) uuid: Option<&'a str>,
    pub(super) body: Option<&'a [u8]>,
}

pub(super) fn payload(bytes: &[u8]) -> Result<Payload<'_>, Fault> {
    let mut fields = Fields { rest: bytes };
    let mut payload = Payload::default();
    while let Some((tag, datum)) = fields.next()? {
        match tag {
            1 => payload.timestamp = Some(datum.number()?),
            2 if payload.metrics.len() >= METRICS_MAX => {
                let reason = format!("more than {METRICS_MAX} metrics in one message; split it");
                return Err(Fault::new(RejectCode::TooManyFields, reason));
            }
            2 => payload.metrics.push(metric(datum.bytes()?)?),
            3 => payload.sequence = Some(datum.number()?),
            4 => payload.uuid = Some(datum.text()?),
            5 => payload.body = Some(datum.bytes()?),
            _ => {}
        }
    }
    Ok(payload)
}

fn metric(bytes: &[u8]) -> Result<Metric<'_>, Fault> {
    let mut fields = Fields { rest: bytes };
    let mut metric = Metric::default();
    while let Some((tag, datum)) = fields.next()? {
        match tag {
            1 => metric.name = Some(datum.text()?),
            2 => metric.alias = Some(datum.number()?),
            3 => metric.timestamp = Some(datum.number()?),
            4 => metric.datatype = Some(datum.number()?),
            5 => metric.historical = datum.number()? != 0,
            6 => metric.transient = datum.number()? != 0,
            7 => metric.null = datum.number()? != 0,
            9 => metric.properties = Some(datum.bytes()?),
            // A `uint32` written longer is cut, as every reader of protobuf does.
            10 => metric.value = Some(Value::Int(datum.number()? as u32)),
            11 => metric.value = Some(Value::Long(datum.number()?)),
            12 => match datum {
                Datum::Fixed32(bits) => metric.value = Some(Value::Float(f32::from_bits(bits))),
                Datum::Varint(_) | Datum::Fixed64(_) | Datum::Bytes(_) => return Err(mistyped()),
            },
            13 => match datum {
                Datum::Fixed64(bits) => metric.value = Some(Value::Double(f64::from_bits(bits))),
                Datum::Varint(_) | Datum::Fixed32(_) | Datum::Bytes(_) => return Err(mistyped()),
            },
            14 => metric.value = Some(Value::Boolean(datum.number()? != 0)),
            15 => metric.value = Some(Value::Text(datum.text()?)),
            16..=19 => metric.value = Some(Value::Other),
            _ => {}
        }
    }
    Ok(metric)
}

impl Metric<'_> {
    /// The property `Quality`, as a number. Keys and values of a property set are two lists that run beside each other.
    pub(super) fn quality(&self) -> Result<Option<i64>, Fault> {
        let Some(bytes) = self.properties else {
            return Ok(None);
        };
        let mut fields = Fields { rest: bytes };
        let (mut keys, mut wanted) = (0_usize, None);
        while let Some((tag, datum)) = fields.next()? {
            if tag == 1 {
                if wanted.is_none() && datum.bytes()?.eq_ignore_ascii_case(b"quality") {
                    wanted = Some(keys);
                }
                keys += 1;
            }
        }
        let Some(wanted) = wanted else {
            return Ok(None);
        };
        let mut fields = Fields { rest: bytes };
        let mut values = 0_usize;
        while let Some((tag, datum)) = fields.next()? {
            if tag == 2 {
                if values == wanted {
                    return property(datum.bytes()?);
                }
                values += 1;
            }
        }
        Ok(None)
    }
}

/// The whole number of a property value, if it is one.
fn property(bytes: &[u8]) -> Result<Option<i64>, Fault> {
    let mut fields = Fields { rest: bytes };
    let mut value = None;
    while let Some((tag, datum)) = fields.next()? {
        match tag {
            2 if datum.number()? != 0 => return Ok(None),
            3 => value = Some(i64::from(datum.number()? as u32)),
            4 => value = i64::try_from(datum.number()?).ok(),
            _ => {}
        }
    }
    Ok(value)
}
