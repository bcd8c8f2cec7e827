//! What a site says of itself in its messages.

use std::collections::BTreeMap;

use event::Text;
use serde::Deserialize;

/// Who speaks in CAP messages.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CapConfig {
    /// CAP `sender`: no spaces, commas, `<` or `&`.
    pub sender: String,
    pub sender_name: Text,
    pub contact: String,
    /// How long a message about an alert is valid.
    pub valid_hours: u32,
    /// Names of communes and wards by code, for public warnings.
    pub areas: BTreeMap<String, String>,
}

impl Default for CapConfig {
    fn default() -> Self {
        Self {
            sender: "ioc.local".to_owned(),
            sender_name: Text::default(),
            contact: String::new(),
            valid_hours: 24,
            areas: BTreeMap::new(),
        }
    }
}
