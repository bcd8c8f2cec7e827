//! The journal `outcomes` of a node, as `ioc journal cat` prints it: what every sink has to have in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::node;

#[derive(Default)]
pub struct Outcomes {
    /// By offset, and so in order.
    pub events: BTreeMap<u64, Value>,
    pub transitions: BTreeMap<u64, Value>,
    pub rejects: BTreeMap<u64, Value>,
}

impl Outcomes {
    /// The node may be running.
    pub fn read(data: &Path) -> Self {
        let mut all = Self::default();
        for line in node::journal(data, &["cat", "--journal", "outcomes", "--json"]).lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            let offset = record["offset"].as_u64().unwrap();
            match record["kind"].as_str().unwrap() {
                "event" => all.events.insert(offset, record["event"].clone()),
                "transition" => all.transitions.insert(offset, record["transition"].clone()),
                "reject" => all.rejects.insert(offset, record),
                _ => None,
            };
        }
        all
    }

    /// The numbers (`sequence`) of a device's events.
    pub fn numbers(&self, device: &str) -> BTreeSet<u64> {
        let of_device = self
            .events
            .values()
            .filter(|event| event["device"] == device);
        of_device
            .filter_map(|event| event["sequence"].as_u64())
            .collect()
    }
}

/// Whether the event was computed here from those of messages.
pub fn derived(event: &Value) -> bool {
    let flags = event["flags"].as_array().unwrap();
    flags.iter().any(|flag| flag == "derived")
}

/// A time as the APIs write it, with all nine digits behind the point, so that equal times are equal texts.
pub fn instant(text: &str) -> String {
    let text = text
        .strip_suffix('Z')
        .unwrap_or_else(|| panic!("{text} is not UTC"));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}.{fraction:0<9}Z")
}
