//! The primitives of the binary form.

use super::DecodeError;

/// LEB128, at most 10 bytes.
pub(super) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        // The low seven bits; truncation is the point.
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn put_signed(value: i64, out: &mut Vec<u8>) {
    // Zigzag: small magnitudes of either sign are short.
    put_varint(((value << 1) ^ (value >> 63)).cast_unsigned(), out);
}

pub(super) fn put_f64(value: f64, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_le_bytes());
}

pub(super) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Takes what was put, in the same order.
pub(super) struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    pub(super) fn byte(&mut self, what: &'static str) -> Result<u8, DecodeError> {
        let (first, rest) = self.left.split_first().ok_or(DecodeError::Short(what))?;
        self.left = rest;
        Ok(*first)
    }

    pub(super) fn array<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<[u8; N], DecodeError> {
        let (head, rest) = self
            .left
            .split_first_chunk::<N>()
            .ok_or(DecodeError::Short(what))?;
        self.left = rest;
        Ok(*head)
    }

    /// Refuses a value over 64 bits and a padded form: one number has one encoding.
    pub(super) fn varint(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte(what)?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 || byte == 0 && shift > 0 {
                return Err(DecodeError::Invalid(what));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::Invalid(what))
    }

    pub(super) fn signed(&mut self, what: &'static str) -> Result<i64, DecodeError> {
        let raw = self.varint(what)?;
        Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
    }

    pub(super) fn finite(&mut self, what: &'static str) -> Result<f64, DecodeError> {
        let value = f64::from_le_bytes(self.array(what)?);
        if value.is_finite() {
            Ok(value)
        } else {
            Err(DecodeError::Invalid(what))
        }
    }

    pub(super) fn bytes(&mut self, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let length = usize::try_from(self.varint(what)?).map_err(|_| DecodeError::Invalid(what))?;
        let (head, rest) = self
            .left
            .split_at_checked(length)
            .ok_or(DecodeError::Short(what))?;
        self.left = rest;
        Ok(head)
    }

    pub(super) fn text(&mut self, what: &'static str) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.bytes(what)?).map_err(|_| DecodeError::Invalid(what))
    }

    /// Everything that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.left)
    }

    pub(super) fn left(&self) -> usize {
        self.left.len()
    }

    pub(super) fn finish(self) -> Result<(), DecodeError> {
        if self.left.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::Long(self.left.len()))
        }
    }
}
