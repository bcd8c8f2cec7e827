//! The register map of a profile, and reading values through it.

use super::super::{Raw, RawField, Record};
use super::{Block, Content};
use crate::catalogue::Profile;

/// How a number of several bytes lies in its registers; `a` is the most significant byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    /// Big endian, as the standard says.
    #[default]
    Abcd,
    /// Low word first.
    Cdab,
    /// Bytes of each register swapped.
    Badc,
    /// Little endian.
    Dcba,
}

impl Order {
    pub(super) const WORDS: [(&'static str, Self); 4] = [
        ("abcd", Self::Abcd),
        ("cdab", Self::Cdab),
        ("badc", Self::Badc),
        ("dcba", Self::Dcba),
    ];

    fn words_reversed(self) -> bool {
        matches!(self, Self::Cdab | Self::Dcba)
    }

    fn bytes_swapped(self) -> bool {
        matches!(self, Self::Badc | Self::Dcba)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
    /// A bit of a register.
    BitOf(u8),
    /// A coil or an input.
    Bit,
}

impl Type {
    fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "u16" => Self::U16,
            "i16" => Self::I16,
            "u32" => Self::U32,
            "i32" => Self::I32,
            "u64" => Self::U64,
            "i64" => Self::I64,
            "f32" => Self::F32,
            "f64" => Self::F64,
            "bit" => Self::Bit,
            _ => match name.strip_prefix("bit")?.parse() {
                Ok(bit @ 0..=15) => Self::BitOf(bit),
                _ => return None,
            },
        })
    }

    fn registers(self) -> u32 {
        match self {
            Self::U16 | Self::I16 | Self::BitOf(_) | Self::Bit => 1,
            Self::U32 | Self::I32 | Self::F32 => 2,
            Self::U64 | Self::I64 | Self::F64 => 4,
        }
    }
}

#[derive(Clone, Debug)]
struct Entry<'p> {
    /// As the profile writes it: what the value is bound by.
    key: &'p str,
    function: Option<u8>,
    address: u32,
    kind: Type,
    order: Order,
}

#[derive(Debug)]
pub(super) struct Map<'p>(Vec<Entry<'p>>);

impl<'p> Map<'p> {
    /// Fields without `from` are not registers and are left out.
    pub(super) fn of(profile: &'p Profile, order: Order) -> Result<Self, String> {
        let mut entries = Vec::new();
        for field in &profile.fields {
            let Some(from) = &field.from else { continue };
            let Some(entry) = entry(from, order) else {
                return Err(format!(
                    "`from = \"{from}\"` of field `{}` is no register of the form [function/]address:type[:order], as in 0x0034:f32",
                    field.key
                ));
            };
            entries.push(entry);
        }
        Ok(Self(entries))
    }

    /// Takes what the blocks hold; counts what they should have held.
    pub(super) fn read(&self, blocks: &[Block], not_available: bool, record: &mut Record) {
        for entry in &self.0 {
            let mut touched = false;
            let mut value = None;
            for block in blocks {
                match entry.find(block) {
                    Found::Nothing => {}
                    Found::Unusable => touched = true,
                    Found::Registers(registers) => {
                        value = Some(entry.value(&registers, not_available));
                    }
                    Found::Bit(bit) => value = Some(Raw::Boolean(bit)),
                }
                if value.is_some() {
                    break;
                }
            }
            match value {
                Some(value) => record.fields.push(RawField::new(entry.key, value)),
                None => record.unusable += u64::from(touched),
            }
        }
    }
}

fn entry(from: &str, order: Order) -> Option<Entry<'_>> {
    let (function, rest) = match from.split_once('/') {
        Some((function, rest)) => (
            Some(
                function
                    .parse()
                    .ok()
                    .filter(|code| (1..=4).contains(code))?,
            ),
            rest,
        ),
        None => (None, from),
    };
    let mut parts = rest.split(':');
    let address = number(parts.next()?)?;
    let kind = Type::by_name(parts.next()?)?;
    let order = match parts.next() {
        Some(word) => Order::WORDS.iter().find(|(known, _)| *known == word)?.1,
        None => order,
    };
    parts.next().is_none().then_some(Entry {
        key: from,
        function,
        address,
        kind,
        order,
    })
}

/// `0x0034` or `52`, within the address space.
pub(super) fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.ok().filter(|number| *number <= 0xFFFF)
}

enum Found {
    Nothing,
    Unusable,
    Registers([u16; 4]),
    Bit(bool),
}

impl Entry<'_> {
    fn find(&self, block: &Block) -> Found {
        if self.function.is_some() && block.function.is_some() && self.function != block.function {
            return Found::Nothing;
        }
        let held = match &block.content {
            Content::Registers(registers) => registers.len() as u64,
            Content::Bits(bits) => bits.len() as u64,
            Content::Failed { count, .. } => count.map_or(1, u64::from),
        };
        let (from, start) = (u64::from(self.address), u64::from(block.start));
        let to = from + u64::from(self.kind.registers());
        if to <= start || from >= start + held {
            return Found::Nothing;
        }
        let inside = from.checked_sub(start).filter(|_| to <= start + held);
        let Some(at) = inside.and_then(|at| usize::try_from(at).ok()) else {
            return Found::Unusable;
        };
        match &block.content {
            Content::Failed { .. } => Found::Unusable,
            Content::Bits(bits) => match (self.kind, bits.get(at)) {
                (Type::Bit, Some(Some(bit))) => Found::Bit(*bit),
                (Type::Bit, _) => Found::Unusable,
                _ => Found::Nothing,
            },
            Content::Registers(registers) => {
                if self.kind == Type::Bit {
                    return Found::Nothing;
                }
                let mut words = [0; 4];
                for (offset, word) in words
                    .iter_mut()
                    .take(self.kind.registers() as usize)
                    .enumerate()
                {
                    match registers.get(at + offset) {
                        Some(Some(register)) => *word = *register,
                        _ => return Found::Unusable,
                    }
                }
                Found::Registers(words)
            }
        }
    }

    fn value(&self, registers: &[u16; 4], not_available: bool) -> Raw {
        let length = self.kind.registers() as usize;
        let mut bits = 0_u64;
        for at in 0..length {
            let at = if self.order.words_reversed() {
                length - 1 - at
            } else {
                at
            };
            let word = registers.get(at).copied().unwrap_or_default();
            let word = if self.order.bytes_swapped() {
                word.swap_bytes()
            } else {
                word
            };
            bits = bits << 16 | u64::from(word);
        }
        let (value, missing) = match self.kind {
            Type::U16 => (bits as f64, bits == 0xFFFF),
            Type::I16 => (f64::from(bits as u16 as i16), bits == 0x8000),
            Type::U32 => (bits as f64, bits == 0xFFFF_FFFF),
            Type::I32 => (f64::from(bits as u32 as i32), bits == 0x8000_0000),
            Type::U64 => (bits as f64, bits == u64::MAX),
            Type::I64 => (bits as i64 as f64, bits == 1 << 63),
            Type::F32 => (widened(f32::from_bits(bits as u32)), false),
            Type::F64 => (f64::from_bits(bits), false),
            Type::BitOf(bit) => return Raw::Boolean(bits >> bit & 1 == 1),
            Type::Bit => return Raw::Boolean(bits != 0),
        };
        // What is no number makes the field unusable behind.
        Raw::Number(if missing && not_available {
            f64::NAN
        } else {
            value
        })
    }
}

/// The decimal number that the meter meant: 230.1 as f32 is 230.10000610…, whose shortest decimal is 230.1 again.
fn widened(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(from: &str, registers: &[u16]) -> Raw {
        let entry = entry(from, Order::Abcd).unwrap();
        let block = Block {
            content: Content::Registers(registers.iter().copied().map(Some).collect()),
            ..Block::default()
        };
        match entry.find(&block) {
            Found::Registers(words) => entry.value(&words, true),
            Found::Bit(bit) => Raw::Boolean(bit),
            Found::Nothing | Found::Unusable => Raw::Null,
        }
    }

    #[test]
    fn types_and_orders() {
        // 0x43660000 is 230.0.
        assert_eq!(read("0:f32", &[0x4366, 0x0000]), Raw::Number(230.0));
        assert_eq!(read("0:f32:cdab", &[0x0000, 0x4366]), Raw::Number(230.0));
        assert_eq!(read("0:f32:badc", &[0x6643, 0x0000]), Raw::Number(230.0));
        assert_eq!(read("0:f32:dcba", &[0x0000, 0x6643]), Raw::Number(230.0));
        assert_eq!(read("0:i16", &[0xFFFE]), Raw::Number(-2.0));
        assert_eq!(read("0:u16:dcba", &[0x0100]), Raw::Number(1.0));
        assert_eq!(read("0:i32", &[0xFFFF, 0xFFFE]), Raw::Number(-2.0));
        assert_eq!(read("0:u32", &[0x0001, 0x0000]), Raw::Number(65_536.0));
        assert_eq!(read("0:u64", &[0, 0, 1, 0]), Raw::Number(65_536.0));
        assert_eq!(read("0:u64:cdab", &[0, 1, 0, 0]), Raw::Number(65_536.0));
        assert_eq!(
            read("0:i64", &[0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF]),
            Raw::Number(-1.0)
        );
        // 0x3FF8000000000000 is 1.5.
        assert_eq!(read("0:f64", &[0x3FF8, 0, 0, 0]), Raw::Number(1.5));
        assert_eq!(read("1:bit3", &[0, 0b1000]), Raw::Boolean(true));
        assert_eq!(read("1:bit2", &[0, 0b1000]), Raw::Boolean(false));
        assert_eq!(read("1:f32", &[0, 0]), Raw::Null);
        assert!(matches!(read("0:u16", &[0xFFFF]), Raw::Number(none) if none.is_nan()));
        // 230.1 as f32 is 0x4366199A.
        assert_eq!(read("0:f32", &[0x4366, 0x199A]), Raw::Number(230.1));
    }

    #[test]
    fn forms_of_from() {
        for good in [
            "0x0034:f32",
            "52:f32",
            "4/0x0034:f32",
            "3/1:i16:dcba",
            "2/7:bit",
            "7:bit15",
        ] {
            assert!(entry(good, Order::Abcd).is_some(), "{good}");
        }
        for bad in [
            "",
            "0x0034",
            "f32",
            "0x10000:u16",
            "5/1:u16",
            "1:u8",
            "1:f32:acbd",
            "1:bit16",
            "1:u16:abcd:x",
            "-1:u16",
        ] {
            assert!(entry(bad, Order::Abcd).is_none(), "{bad}");
        }
    }

    proptest::proptest! {
        /// The order is a permutation of the bytes: written so, a number is read so.
        #[test]
        fn any_number_in_any_order(number: u64, quadruple: bool) {
            let (kind, length) = if quadruple { ("u64", 8) } else { ("u32", 4) };
            let bytes = &number.to_be_bytes()[8 - length..];
            let wanted = if quadruple { number as f64 } else { f64::from(number as u32) };
            // Positions of the bytes `a` to `h` in the order's own word, as its name spells them.
            for (order, places) in [
                ("abcd", [0, 1, 2, 3, 4, 5, 6, 7]),
                ("badc", [1, 0, 3, 2, 5, 4, 7, 6]),
                ("cdab", if quadruple { [6, 7, 4, 5, 2, 3, 0, 1] } else { [2, 3, 0, 1, 0, 0, 0, 0] }),
                ("dcba", if quadruple { [7, 6, 5, 4, 3, 2, 1, 0] } else { [3, 2, 1, 0, 0, 0, 0, 0] }),
            ] {
                let wire: Vec<u8> = places.iter().take(length).map(|place| bytes[*place]).collect();
                let registers: Vec<u16> = wire.chunks(2).map(|pair| u16::from(pair[0]) << 8 | u16::from(pair[1])).collect();
                let all_ones = number & (u64::MAX >> (64 - 8 * length)) == u64::MAX >> (64 - 8 * length);
                let got = read(&format!("0:{kind}:{order}"), &registers);
                proptest::prop_assert!(all_ones || got == Raw::Number(wanted), "{order} {got:?}");
            }
        }
    }
}
