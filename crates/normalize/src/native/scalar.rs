//! One value of the object, and skipping what is nested without building it.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use event::Time;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::time;

/// One value of the object; text borrowed where it has no escapes.
pub(super) enum Scalar<'de> {
    Null,
    Boolean(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(Cow<'de, str>),
    Nested,
}

impl Scalar<'_> {
    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self {
            Some(text)
        } else {
            None
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Signed(number) => Some(*number as f64),
            Self::Unsigned(number) => Some(*number as f64),
            // The reader refuses what an `f64` cannot hold.
            Self::Float(number) => Some(*number),
            Self::Null | Self::Boolean(_) | Self::Text(_) | Self::Nested => None,
        }
    }

    /// Whether it is this word of a list, as text or as the number that the word is.
    pub(super) fn is_word(&self, word: &str) -> bool {
        let number = |text: &str| text.parse::<u64>().ok();
        match self {
            Self::Text(text) => {
                let text = text.trim_ascii();
                text == word || number(text).is_some_and(|own| number(word) == Some(own))
            }
            Self::Unsigned(own) => number(word) == Some(*own),
            Self::Null | Self::Boolean(_) | Self::Signed(_) | Self::Float(_) | Self::Nested => {
                false
            }
        }
    }

    pub(super) fn unsigned(&self) -> Option<u64> {
        if let Self::Unsigned(number) = self {
            Some(*number)
        } else {
            None
        }
    }

    pub(super) fn time(&self) -> Option<Time> {
        match self {
            Self::Text(text) => time::from_text(text),
            Self::Signed(number) => Some(time::from_whole(*number)),
            Self::Unsigned(number) => {
                Some(time::from_whole(i64::try_from(*number).unwrap_or(i64::MAX)))
            }
            Self::Float(number) => Some(time::from_float(*number)),
            Self::Null | Self::Boolean(_) | Self::Nested => None,
        }
    }
}

/// As it goes into the sentence of a reject: short, whatever came.
impl fmt::Display for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Signed(number) => write!(f, "{number}"),
            Self::Unsigned(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number:e}"),
            Self::Text(text) if text.chars().nth(64).is_none() => write!(f, "{text:?}"),
            Self::Text(text) => write!(f, "a text of {} bytes", text.len()),
            Self::Nested => f.write_str("an object or list"),
        }
    }
}

#[derive(Clone, Copy)]
pub(super) struct ScalarSeed<'c> {
    pub(super) levels_left: u64,
    pub(super) too_deep: &'c Cell<bool>,
}

impl ScalarSeed<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        match self.levels_left.checked_sub(1) {
            // The object itself is the first level.
            Some(levels_left) if levels_left > 0 => Ok(Self {
                levels_left,
                ..self
            }),
            _ => {
                self.too_deep.set(true);
                Err(E::custom("nested too deep"))
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for ScalarSeed<'_> {
    type Value = Scalar<'de>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Scalar<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ScalarSeed<'_> {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Signed(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Unsigned(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Float(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let inner = self.deeper()?;
        while list.next_element_seed(inner)?.is_some() {}
        Ok(Scalar::Nested)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let inner = self.deeper()?;
        while map.next_key::<IgnoredAny>()?.is_some() {
            map.next_value_seed(inner)?;
        }
        Ok(Scalar::Nested)
    }
}
