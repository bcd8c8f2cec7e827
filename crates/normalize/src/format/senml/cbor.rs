//! A reader of CBOR (RFC 8949) for lists of flat maps. It takes nothing on trust: a length that is said and not there ends the
//! reading before anything is allocated for it, and what is nested is skipped with a bound.

/// One value of a map. What is nested has been skipped.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Null,
    Boolean(bool),
    Number(f64),
    Text(String),
    Bytes(Vec<u8>),
    Nested,
}

/// Nesting under values that nobody reads.
const DEPTH_MAX: u32 = 16;

pub(super) type Outcome<T> = Result<T, &'static str>;

const SHORT: &str = "it ends in the middle";

#[derive(Debug)]
pub(super) struct Reader<'b> {
    bytes: &'b [u8],
}

/// The first byte of a value with its argument; `None` for a length that is not said.
#[derive(Clone, Copy, Debug)]
struct Head {
    major: u8,
    /// The low five bits: width of the argument, or which simple value.
    info: u8,
    argument: Option<u64>,
}

/// How many entries follow.
#[derive(Clone, Copy, Debug)]
pub(super) enum Count {
    Left(u64),
    UntilBreak,
}

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn take(&mut self, length: usize) -> Outcome<&'b [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or(SHORT)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn head(&mut self) -> Outcome<Head> {
        let first = *self.take(1)?.first().ok_or(SHORT)?;
        let (major, info) = (first >> 5, first & 0x1F);
        let argument = match info {
            0..=23 => Some(u64::from(info)),
            24..=27 => {
                let bytes = self.take(1 << (info - 24))?;
                Some(
                    bytes
                        .iter()
                        .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
                )
            }
            31 if matches!(major, 2..=5 | 7) => None,
            _ => return Err("it has a byte that CBOR does not know"),
        };
        Ok(Head {
            major,
            info,
            argument,
        })
    }

    /// The head of a value, tags before it left out.
    fn untagged(&mut self) -> Outcome<(Option<u64>, Head)> {
        let mut tag = None;
        for _ in 0..4 {
            let head = self.head()?;
            if head.major != 6 {
                return Ok((tag, head));
            }
            tag = head.argument;
        }
        Err("it has tags upon tags")
    }

    /// Begins a list.
    pub(super) fn list(&mut self) -> Outcome<Count> {
        match self.untagged()? {
            (
                _,
                Head {
                    major: 4, argument, ..
                },
            ) => Ok(count(argument)),
            _ => Err("it is no list"),
        }
    }

    /// Begins a map.
    pub(super) fn map(&mut self) -> Outcome<Count> {
        match self.untagged()? {
            (
                _,
                Head {
                    major: 5, argument, ..
                },
            ) => Ok(count(argument)),
            _ => Err("a record is no map"),
        }
    }

    /// Whether another entry follows.
    pub(super) fn more(&mut self, count: &mut Count) -> Outcome<bool> {
        match count {
            Count::Left(left) => match left.checked_sub(1) {
                Some(less) => {
                    *left = less;
                    Ok(true)
                }
                None => Ok(false),
            },
            Count::UntilBreak => {
                if self.bytes.first() == Some(&0xFF) {
                    self.take(1)?;
                    return Ok(false);
                }
                Ok(true)
            }
        }
    }

    pub(super) fn item(&mut self) -> Outcome<Item> {
        let (tag, head) = self.untagged()?;
        match (head.major, head.argument) {
            (0, Some(number)) => Ok(Item::Number(number as f64)),
            (1, Some(number)) => Ok(Item::Number(-1.0 - number as f64)),
            (2, length) => {
                let bytes = self.string(2, length)?;
                match tag {
                    Some(2) => Ok(Item::Number(big(&bytes))),
                    Some(3) => Ok(Item::Number(-1.0 - big(&bytes))),
                    _ => Ok(Item::Bytes(bytes)),
                }
            }
            (3, length) => {
                let bytes = self.string(3, length)?;
                let text = String::from_utf8(bytes);
                text.map(Item::Text)
                    .map_err(|_| "it has text that is not UTF-8")
            }
            // Decimal fractions and their binary kin: exponent and mantissa.
            (4, Some(2)) if matches!(tag, Some(4 | 5)) => {
                let (exponent, mantissa) = (self.plain()?, self.plain()?);
                let base: f64 = if tag == Some(4) { 10.0 } else { 2.0 };
                Ok(Item::Number(scaled(mantissa, base, exponent)))
            }
            (4 | 5, length) => {
                self.skip_inside(head.major, count(length), DEPTH_MAX)?;
                Ok(Item::Nested)
            }
            (7, Some(argument)) => simple(head.info, argument),
            _ => Err("it has a break where a value must stand"),
        }
    }

    /// A number within a decimal fraction.
    fn plain(&mut self) -> Outcome<f64> {
        let (tag, head) = self.untagged()?;
        match (head.major, head.argument, tag) {
            (0, Some(number), _) => Ok(number as f64),
            (1, Some(number), _) => Ok(-1.0 - number as f64),
            (2, length, Some(2)) => Ok(big(&self.string(2, length)?)),
            (2, length, Some(3)) => Ok(-1.0 - big(&self.string(2, length)?)),
            _ => Err("it has a decimal fraction that is none"),
        }
    }

    fn string(&mut self, major: u8, length: Option<u64>) -> Outcome<Vec<u8>> {
        if let Some(length) = length {
            return Ok(self.chunk(length)?.to_vec());
        }
        let mut all = Vec::new();
        loop {
            let head = self.head()?;
            match (head.major, head.argument) {
                (7, None) => return Ok(all),
                (own, Some(length)) if own == major => all.extend_from_slice(self.chunk(length)?),
                _ => return Err("a text in pieces has a piece of another kind"),
            }
        }
    }

    fn chunk(&mut self, length: u64) -> Outcome<&'b [u8]> {
        self.take(usize::try_from(length).map_err(|_| SHORT)?)
    }

    fn skip_inside(&mut self, major: u8, mut count: Count, levels_left: u32) -> Outcome<()> {
        let levels_left = levels_left.checked_sub(1).ok_or("it is nested too deep")?;
        while self.more(&mut count)? {
            for _ in 0..if major == 5 { 2 } else { 1 } {
                let (_, head) = self.untagged()?;
                match (head.major, head.argument) {
                    (0 | 1, Some(_)) | (7, Some(_)) => {}
                    (2 | 3, length) => drop(self.string(head.major, length)?),
                    (4 | 5, length) => {
                        self.skip_inside(head.major, self::count(length), levels_left)?;
                    }
                    _ => return Err("it has a break where a value must stand"),
                }
            }
        }
        Ok(())
    }
}

fn count(length: Option<u64>) -> Count {
    length.map_or(Count::UntilBreak, Count::Left)
}

fn big(bytes: &[u8]) -> f64 {
    // Beyond what a number can hold it is infinite, and so of no use.
    bytes
        .iter()
        .fold(0.0, |sum, byte| sum * 256.0 + f64::from(*byte))
}

/// Decimal digits through the reader of numbers: a product of powers would be off in the last digit.
fn scaled(mantissa: f64, base: f64, exponent: f64) -> f64 {
    if base == 10.0 && exponent.abs() < 400.0 {
        return format!("{mantissa:.0}e{exponent:.0}")
            .parse()
            .unwrap_or(f64::NAN);
    }
    mantissa * base.powf(exponent)
}

fn simple(info: u8, argument: u64) -> Outcome<Item> {
    Ok(match (info, argument) {
        (25, bits) => Item::Number(half(bits)),
        (26, bits) => Item::Number(f64::from(f32::from_bits(bits as u32))),
        (27, bits) => Item::Number(f64::from_bits(bits)),
        (_, 20) => Item::Boolean(false),
        (_, 21) => Item::Boolean(true),
        (_, 22 | 23) => Item::Null,
        _ => Item::Nested,
    })
}

/// IEEE 754 half precision.
fn half(bits: u64) -> f64 {
    let mantissa = (bits & 0x3FF) as f64;
    let size = match bits >> 10 & 0x1F {
        0 => mantissa * 2_f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (mantissa + 1024.0) * 2_f64.powi(exponent as i32 - 25),
    };
    if bits & 0x8000 == 0 { size } else { -size }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(hex: &str) -> Outcome<Item> {
        let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
        let bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| (pair[0] << 4 | pair[1]) as u8)
            .collect();
        let mut reader = Reader::new(&bytes);
        let item = reader.item();
        assert!(
            item.is_err() || reader.is_empty(),
            "{hex}: something is left"
        );
        item
    }

    /// Examples of RFC 8949, Appendix A.
    #[test]
    fn examples_of_the_standard() {
        for (hex, wanted) in [
            ("00", 0.0),
            ("17", 23.0),
            ("1818", 24.0),
            ("1903e8", 1000.0),
            ("1a000f4240", 1_000_000.0),
            ("1b000000e8d4a51000", 1e12),
            ("c249010000000000000000", 18_446_744_073_709_551_616.0),
            ("c349010000000000000000", -18_446_744_073_709_551_617.0),
            ("20", -1.0),
            ("3903e7", -1000.0),
            ("f93c00", 1.0),
            ("f93e00", 1.5),
            ("f97bff", 65504.0),
            ("f90001", 5.960_464_477_539_063e-8),
            ("f90400", 0.000_061_035_156_25),
            ("f9c400", -4.0),
            ("fa47c35000", 100_000.0),
            ("fb3ff199999999999a", 1.1),
            ("fbc010666666666666", -4.1),
            ("f97c00", f64::INFINITY),
            // 273.15 as a decimal fraction, 1.5 as a binary one.
            ("c48221196ab3", 273.15),
            ("c5822003", 1.5),
        ] {
            assert_eq!(item(hex), Ok(Item::Number(wanted)), "{hex}");
        }
        assert!(matches!(item("f97e00"), Ok(Item::Number(number)) if number.is_nan()));
        assert_eq!(item("f4"), Ok(Item::Boolean(false)));
        assert_eq!(item("f6"), Ok(Item::Null));
        assert_eq!(item("62c3bc"), Ok(Item::Text("ü".to_owned())));
        assert_eq!(
            item("7f657374726561646d696e67ff"),
            Ok(Item::Text("streaming".to_owned()))
        );
        assert_eq!(
            item("5f42010243030405ff"),
            Ok(Item::Bytes(vec![1, 2, 3, 4, 5]))
        );
        assert_eq!(item("a26161016162820203"), Ok(Item::Nested));
        assert_eq!(item("bf61610161629f0203ffff"), Ok(Item::Nested));
    }

    #[test]
    fn what_is_broken_ends_the_reading() {
        for hex in [
            "",
            "18",
            "1c",
            "ff",
            "62c3",
            "62c328",
            "5f4101",
            "5f6161ff",
            "7bffffffffffffffff61",
            "9bffffffffffffffff",
            "bf6161ff",
            "c4820061",
            "c0c0c0c0c0",
            "df",
        ] {
            assert!(item(hex).is_err(), "{hex}");
        }
        assert!(item(&"81".repeat(15)).is_err());
        assert_eq!(item(&format!("{}01", "81".repeat(16))), Ok(Item::Nested));
        assert_eq!(
            item(&format!("{}01", "81".repeat(17))),
            Err("it is nested too deep")
        );
    }
}
