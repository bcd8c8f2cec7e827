//! CAP 1.2: our alerts, incidents and warnings to the public as messages, and a feed of them. Pure.
//!
//! A message has two `info` blocks, vi-VN and en-US. Times have a numeric zone, never `Z`; places are latitude first. Severity,
//! parameters and the code of the place follow the engineering proposal of the domain reference (11.2, confidence L for the
//! wording of Vietnamese scales): a risk level is carried as a parameter and never stated as law.

mod atom;
mod config;
mod ledger;
mod make;
mod stream;
mod write;

use std::collections::BTreeMap;

use event::{Name, Text, Time};
use serde::{Deserialize, Serialize};

pub use atom::{Entry, feed};
pub use config::CapConfig;
pub use ledger::{Ledger, Placed};
pub use make::{of_incident, of_transition, of_warning};
pub use stream::{streamed_alert, streamed_warning};
pub use write::{local, to_xml, zoned};

pub const NAMESPACE: &str = "urn:oasis:names:tc:emergency:cap:1.2";

/// What a message needs besides the alert.
#[derive(Clone, Debug)]
pub struct Profile<'a> {
    pub cap: &'a CapConfig,
    pub zone_seconds: i32,
}

impl<'a> Profile<'a> {
    pub const fn new(cap: &'a CapConfig, zone_seconds: i32) -> Self {
        Self { cap, zone_seconds }
    }

    pub fn area_names(&self, codes: &[Name]) -> String {
        let names: Vec<&str> = codes
            .iter()
            .map(|code| self.cap.areas.get(&**code).map_or(&**code, String::as_str))
            .collect();
        names.join(", ")
    }
}

/// CAP `alert`. Enumerations are the words of the standard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub identifier: String,
    pub sender: String,
    pub sent: Time,
    pub status: String,
    pub kind: String,
    /// `sender,identifier,sent` of earlier messages.
    pub references: Vec<String>,
    pub incidents: Vec<String>,
    pub note: Option<String>,
    pub zone_seconds: i32,
    pub info: Info,
}

/// What both language blocks share, and the texts of both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Info {
    pub categories: Vec<String>,
    pub event: Text,
    pub responses: Vec<String>,
    pub urgency: String,
    pub severity: String,
    pub certainty: String,
    pub audience: Option<String>,
    pub effective: Option<Time>,
    pub onset: Option<Time>,
    pub expires: Option<Time>,
    pub sender_name: Text,
    pub headline: Text,
    pub description: Text,
    pub instruction: Text,
    pub contact: Option<String>,
    pub parameters: Vec<(String, String)>,
    pub areas: Vec<Area>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Area {
    pub description: String,
    /// Latitude, longitude; closed, at least four points.
    pub polygons: Vec<Vec<(f64, f64)>>,
    /// Latitude, longitude, radius in km.
    pub circles: Vec<(f64, f64, f64)>,
    pub geocodes: Vec<(String, String)>,
}

impl Message {
    /// What a later message refers to this one by.
    pub fn reference(&self) -> String {
        format!(
            "{},{},{}",
            self.sender,
            self.identifier,
            zoned(self.sent, self.zone_seconds)
        )
    }
}

/// Fit for `identifier` and `sender`.
pub fn is_token(text: &str) -> bool {
    !text.is_empty()
        && !text
            .chars()
            .any(|letter| letter.is_whitespace() || matches!(letter, ',' | '<' | '&' | '>'))
}

/// Any id as an `identifier`: what may not stand there becomes `_`.
pub(crate) fn token(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            letter if letter.is_whitespace() || letter.is_control() => '_',
            ',' | '<' | '>' | '&' => '_',
            letter => letter,
        })
        .collect()
}

/// Parameters by name, for tests and readers.
pub fn parameters(message: &Message) -> BTreeMap<&str, &str> {
    message
        .info
        .parameters
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}
