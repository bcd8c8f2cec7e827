//! People, groups and channels as they are written.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Hours;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Person {
    /// Channels in order: what the first cannot deliver goes to the next.
    pub chain: Vec<String>,
    /// Channels that get every notice besides.
    pub also: Vec<String>,
    /// Nothing but critical then; the rest comes as one notice when they are over.
    pub quiet: Option<Hours>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub webhook: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Group {
    pub people: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ChannelConfig {
    Webhook(WebhookConfig),
    Email(EmailConfig),
    Zalo(ZaloConfig),
    Sms(SmsConfig),
    /// A folder with the current CAP messages and an Atom feed of them.
    Cap(FeedConfig),
}

impl ChannelConfig {
    /// Takes drills and tests, and nothing else.
    pub fn exercise(&self) -> bool {
        match self {
            Self::Webhook(webhook) => webhook.exercise,
            Self::Email(email) => email.exercise,
            Self::Zalo(zalo) => zalo.exercise,
            Self::Sms(sms) => sms.exercise,
            Self::Cap(feed) => feed.exercise,
        }
    }

    /// Sends CAP documents and so nothing that CAP has no message for.
    pub fn speaks_cap(&self) -> bool {
        match self {
            Self::Cap(_) => true,
            Self::Webhook(webhook) => webhook.body == WebhookBody::Cap,
            Self::Email(_) | Self::Zalo(_) | Self::Sms(_) => false,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookBody {
    #[default]
    Json,
    Cap,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookConfig {
    pub exercise: bool,
    /// Name of the signing secret (`whsec_…`).
    pub secret: String,
    /// Addresses that are not public may be called (a receiver within the building).
    pub allow_private: bool,
    pub body: WebhookBody,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsMode {
    #[default]
    Starttls,
    Tls,
    /// In clear: for a relay on this machine.
    None,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailConfig {
    #[serde(default)]
    pub exercise: bool,
    pub host: String,
    #[serde(default)]
    pub port: Option<u16>,
    #[serde(default)]
    pub tls: TlsMode,
    #[serde(default)]
    pub user: String,
    /// Name of the password.
    #[serde(default)]
    pub secret: String,
    pub from: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZaloConfig {
    #[serde(default)]
    pub exercise: bool,
    pub url: String,
    pub token_url: String,
    #[serde(default)]
    pub allow_private: bool,
    pub app_id: String,
    /// Name of the application's secret key.
    pub secret: String,
    /// Name of the first refresh token; later ones are kept in the folder of the outbox.
    pub refresh_secret: String,
    pub template_id: String,
    /// Slot of the template = what goes in: place, hazard, level, time, action, message, key.
    pub slots: BTreeMap<String, String>,
    #[serde(default = "slot_chars_max")]
    pub slot_chars_max: usize,
    /// Sends only to administrators of the account.
    #[serde(default)]
    pub development: bool,
    /// 0 = as many as the service allows.
    #[serde(default)]
    pub quota_per_day: u32,
    /// Hours in which the service takes notices.
    #[serde(default)]
    pub hours: Option<Hours>,
    /// Critical ones are tried at any hour.
    #[serde(default)]
    pub critical_any_hour: bool,
    /// Error code = `later`, `refused`, `unusable`, `token`, over the built-in list.
    #[serde(default)]
    pub errors: BTreeMap<String, String>,
}

const fn slot_chars_max() -> usize {
    100
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsConfig {
    #[serde(default)]
    pub exercise: bool,
    /// May hold `{phone}`, `{text}`, `{key}`, `{secret}`.
    pub url: String,
    #[serde(default = "post")]
    pub method: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The same places; what goes in is escaped for the content type (JSON or form).
    #[serde(default)]
    pub body: String,
    #[serde(default)]
    pub allow_private: bool,
    #[serde(default)]
    pub secret: String,
    /// Write without marks: three times as much fits into a part.
    #[serde(default = "yes")]
    pub plain: bool,
    /// Parts of one text; longer ones are cut.
    #[serde(default = "segments_max")]
    pub segments_max: usize,
    /// What an answer must hold besides a status of 2xx.
    #[serde(default)]
    pub success_contains: String,
}

fn post() -> String {
    "POST".to_owned()
}

const fn yes() -> bool {
    true
}

const fn segments_max() -> usize {
    2
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeedConfig {
    pub exercise: bool,
    /// Address under which the folder is served, for the links of the feed.
    pub base_url: String,
    pub entries_max: usize,
}

impl Default for FeedConfig {
    fn default() -> Self {
        Self {
            exercise: false,
            base_url: String::new(),
            entries_max: 200,
        }
    }
}
