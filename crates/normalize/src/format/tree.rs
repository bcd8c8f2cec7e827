//! A JSON document as a tree, within the site's bound of depth and our own of parts. What is doubtful is refused: a key twice
//! in one object says two things, and which of them a reader takes is chance.

use std::cell::{Cell, RefCell};
use std::fmt;

use event::RejectCode;
use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::Wire;
use crate::fault::Fault;

/// Values and keys of one document. A tree of so many takes less than 16 MiB and a few milliseconds.
pub(crate) const NODES_MAX: usize = 100_000;

/// Parses the payload: UTF-8 or UTF-16 with its mark (a byte order mark is left out), one document, no deeper than `depth_max`.
pub(crate) fn parse(wire: &Wire<'_>) -> Result<Value, Fault> {
    let text = crate::text::decode(wire.payload)?;
    parse_text(&text, wire.catalogue.limits.depth_max)
}

/// The same for a document that is text inside another (`"{\"a\":1}"`).
pub(crate) fn parse_text(text: &str, depth_max: u64) -> Result<Value, Fault> {
    let budget = Budget {
        nodes_left: Cell::new(NODES_MAX),
        fault: RefCell::default(),
        depth_max,
    };
    let seed = Seed {
        levels_left: depth_max,
        budget: &budget,
    };
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = seed.deserialize(&mut reader).and_then(|value| {
        reader.end()?;
        Ok(value)
    });
    match (budget.fault.into_inner(), value) {
        (Some(fault), _) => Err(fault),
        (None, Ok(value)) => Ok(value),
        (None, Err(error)) => Err(not_json(text, &error)),
    }
}

fn not_json(text: &str, error: &serde_json::Error) -> Fault {
    let reason = match word_at(text, error) {
        Some(word) => format!(
            "the payload has `{word}` as a value (line {}, column {}), which JSON does not know; \
             let the sender leave the value out or send null",
            error.line(),
            error.column()
        ),
        None => format!("the payload is not valid JSON ({error}); check the sender"),
    };
    Fault::new(RejectCode::PayloadNotJson, reason)
}

/// The word that floating-point libraries print where JSON has no number, if that is what stopped the reader.
fn word_at(text: &str, error: &serde_json::Error) -> Option<&'static str> {
    let line = text.split('\n').nth(error.line().checked_sub(1)?)?;
    // The column counts bytes from 1; how far into the word the reader stops differs from word to word.
    let near = error.column().min(line.len());
    let from = line.floor_char_boundary(near.saturating_sub(3));
    let rest = line.get(from..)?;
    let words = [
        "NaN",
        "nan",
        "-Infinity",
        "Infinity",
        "-inf",
        "inf",
        "undefined",
        "None",
    ];
    let window = rest.get(..rest.floor_char_boundary(14))?;
    words.into_iter().find(|word| {
        let found = window.find(word);
        found.is_some_and(|at| at <= 3)
    })
}

struct Budget {
    nodes_left: Cell<usize>,
    /// The first thing that was wrong by our own rules.
    fault: RefCell<Option<Fault>>,
    depth_max: u64,
}

impl Budget {
    fn refuse<E: serde::de::Error>(&self, fault: Fault) -> E {
        self.fault.borrow_mut().get_or_insert(fault);
        E::custom("refused")
    }

    fn spend<E: serde::de::Error>(&self) -> Result<(), E> {
        match self.nodes_left.get().checked_sub(1) {
            Some(left) => {
                self.nodes_left.set(left);
                Ok(())
            }
            None => {
                let reason =
                    format!("the payload has more than {NODES_MAX} keys and values; split it");
                Err(self.refuse(Fault::new(RejectCode::TooManyFields, reason)))
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Seed<'b> {
    levels_left: u64,
    budget: &'b Budget,
}

impl Seed<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.levels_left.checked_sub(1) {
            Some(levels_left) => Ok(Self {
                levels_left,
                ..self
            }),
            None => {
                let reason = format!(
                    "the payload is nested deeper than {} levels; flatten it",
                    self.budget.depth_max
                );
                Err(self.budget.refuse(Fault::shape(reason)))
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        self.budget.spend()?;
        Ok(Value::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Value, E> {
        self.budget.spend()?;
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        self.budget.spend()?;
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        self.budget.spend()?;
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        self.budget.spend()?;
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.budget.spend()?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        self.budget.spend()?;
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        self.budget.spend()?;
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        self.budget.spend()?;
        let inner = self.deeper()?;
        let mut members = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            self.budget.spend()?;
            if members.contains_key(&key) {
                let shown: String = key.chars().take(64).collect();
                let reason = format!("key {shown:?} appears twice in one object; send it once");
                return Err(self.budget.refuse(Fault::shape(reason)));
            }
            let value = map.next_value_seed(inner)?;
            members.insert(key, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Fault {
        parse_text(text, 4).expect_err(text)
    }

    #[test]
    fn reads_what_any_other_reader_reads() {
        for text in [
            "null",
            "{}",
            r#" {"a":[1,-2,3.5,1e3,true,false,null,"x\u00e9\n"],"b":{"c":{}}} "#,
            "18446744073709551615",
            "123456789012345678901234567890",
        ] {
            let other: Value = serde_json::from_str(text).unwrap();
            assert_eq!(parse_text(text, 16).unwrap(), other, "{text}");
        }
    }

    #[test]
    fn depth_at_the_limit_and_one_past_it() {
        assert!(parse_text("[[[[1]]]]", 4).is_ok());
        assert_eq!(refused("[[[[[]]]]]").code, RejectCode::PayloadShape);
        assert_eq!(refused(&"[".repeat(4_000)).code, RejectCode::PayloadShape);
        let deep = format!("{}1{}", r#"{"a":"#.repeat(5), "}".repeat(5));
        assert_eq!(refused(&deep).code, RejectCode::PayloadShape);
    }

    #[test]
    fn parts_at_the_limit_and_one_past_it() {
        // The list itself is one part.
        let fits = format!("[{}0]", "0,".repeat(NODES_MAX - 2));
        assert!(parse_text(&fits, 4).is_ok());
        let over = format!("[{}0]", "0,".repeat(NODES_MAX - 1));
        assert_eq!(refused(&over).code, RejectCode::TooManyFields);
    }

    #[test]
    fn a_key_twice_is_refused_at_any_depth() {
        let fault = refused(r#"{"b":[{"level":1,"level":2}]}"#);
        assert_eq!(fault.code, RejectCode::PayloadShape);
        assert!(fault.reason.contains("\"level\""), "{}", fault.reason);
        assert!(parse_text(r#"{"a":{"x":1},"b":{"x":1}}"#, 4).is_ok());
        // The same key in another spelling is the same key.
        assert_eq!(
            refused(r#"{"a":1,"\u0061":2}"#).code,
            RejectCode::PayloadShape
        );
    }

    #[test]
    fn words_for_no_number_are_told_plainly() {
        for (text, word) in [
            (r#"{"a":NaN}"#, "NaN"),
            (r#"{"a": nan}"#, "nan"),
            (r#"[1,-Infinity]"#, "-Infinity"),
            (r#"{"a":Infinity,"b":1}"#, "Infinity"),
            ("{\"a\":1,\n\"b\":NaN}", "NaN"),
        ] {
            let fault = refused(text);
            assert_eq!(fault.code, RejectCode::PayloadNotJson, "{text}");
            let told = format!("`{word}`");
            assert!(fault.reason.contains(&told), "{text}: {}", fault.reason);
        }
        for text in [
            "{",
            "{\"a\":1,}",
            "{'a':1}",
            "1 2",
            "",
            "{\"a\":01}",
            "[1e999]",
        ] {
            let fault = refused(text);
            assert_eq!(fault.code, RejectCode::PayloadNotJson, "{text}");
            assert!(!fault.reason.contains('`'), "{text}: {}", fault.reason);
        }
    }
}
