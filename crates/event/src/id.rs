//! Identifiers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! hex_id {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                for (index, byte) in self.0.iter().enumerate() {
                    if matches!(index, 4 | 6 | 8 | 10) {
                        f.write_str("-")?;
                    }
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = &'static str;

            /// Accepts the UUID text form, with or without hyphens, either case.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                const WRONG: &str = "not a UUID";
                let mut bytes = [0_u8; 16];
                let hyphenated = text.len() == 36;
                let mut digits = text.bytes().enumerate().filter_map(|(at, byte)| {
                    let separator = hyphenated && matches!(at, 8 | 13 | 18 | 23);
                    match (separator, byte) {
                        (true, b'-') => None,
                        (true, _) => Some(None),
                        (false, _) => Some((byte as char).to_digit(16)),
                    }
                });
                for byte in &mut bytes {
                    let high = digits.next().flatten().ok_or(WRONG)?;
                    let low = digits.next().flatten().ok_or(WRONG)?;
                    *byte = u8::try_from(high * 16 + low).map_err(|_| WRONG)?;
                }
                if digits.next().is_some() {
                    Err(WRONG)
                } else {
                    Ok(Self(bytes))
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.0.serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = String::deserialize(deserializer)?;
                    text.parse().map_err(serde::de::Error::custom)
                } else {
                    <[u8; 16]>::deserialize(deserializer).map(Self)
                }
            }
        }
    };
}

hex_id!(
    EventId,
    "Identity of an event: equal ids are the same event, whatever brought it a second time."
);
hex_id!(
    JournalId,
    "Identity of one `inputs` journal; a restored journal gets a new one."
);
