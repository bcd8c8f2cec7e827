//! Takes fields off the front of a packet's bytes.

use super::header::{Varint, varint};
use super::{DiscouragedText, Malformed, text};

#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

fn short() -> Malformed {
    Malformed::packet("field beyond the end of the packet", "MQTT5-2.1.4")
}

impl<'a> Reader<'a> {
    #[inline]
    pub(super) fn new(rest: &'a [u8]) -> Reader<'a> {
        Reader { rest }
    }

    /// Everything not yet taken.
    #[inline]
    pub(super) fn rest(self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// For packets whose last field is not "the rest".
    pub(super) fn end(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(Malformed::packet(
            "bytes after the end of the packet",
            "MQTT5-2.1.4",
        ))
    }

    #[inline]
    pub(super) fn take(&mut self, bytes: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or_else(short)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        let (&byte, rest) = self.rest.split_first().ok_or_else(short)?;
        self.rest = rest;
        Ok(byte)
    }

    #[inline]
    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        let (&bytes, rest) = self.rest.split_first_chunk::<2>().ok_or_else(short)?;
        self.rest = rest;
        Ok(u16::from_be_bytes(bytes))
    }

    #[inline]
    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        let (&bytes, rest) = self.rest.split_first_chunk::<4>().ok_or_else(short)?;
        self.rest = rest;
        Ok(u32::from_be_bytes(bytes))
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u32, Malformed> {
        match varint(self.rest) {
            Varint::Value { value, bytes } => {
                self.take(bytes)?;
                Ok(value)
            }
            Varint::Incomplete => Err(short()),
            Varint::TooLong => Err(Malformed::packet(
                "variable byte integer longer than four bytes",
                "MQTT5-1.5.5",
            )),
            Varint::NotShortest => Err(Malformed::packet(
                "variable byte integer not in its shortest form",
                "MQTT-1.5.5-1",
            )),
        }
    }

    /// Binary data: a two-byte length and so many bytes.
    #[inline]
    pub(super) fn binary(&mut self) -> Result<&'a [u8], Malformed> {
        let bytes = self.u16()?;
        self.take(usize::from(bytes))
    }

    /// A UTF-8 string: a two-byte length and so many bytes of text.
    #[inline]
    pub(super) fn text(&mut self, discouraged: DiscouragedText) -> Result<&'a str, Malformed> {
        text::check(self.binary()?, discouraged)
    }

    /// A packet identifier, which is never 0.
    #[inline]
    pub(super) fn packet_id(&mut self) -> Result<u16, Malformed> {
        match self.u16()? {
            0 => Err(Malformed::protocol("packet identifier 0", "MQTT-2.2.1-3")),
            id => Ok(id),
        }
    }
}
