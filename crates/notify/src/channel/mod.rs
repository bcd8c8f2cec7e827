//! The channels: how a notice goes out, and what an answer means.

mod email;
mod feed;
mod guard;
mod http;
mod sms;
mod tokens;
mod webhook;
mod zalo;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use event::{Severity, Status, Time};

use crate::directory::{ChannelConfig, Directory, Person};
use crate::letter::{Content, Key};
use crate::metrics::Kind;
use crate::{Error, NotifyConfig, Secret};

pub use guard::is_public;
pub(crate) use http::check as check_webhook_address;
pub use webhook::sign;
pub(crate) use zalo::phone_84;

/// One notice, or several as one.
pub struct Letter<'a> {
    /// Of the notice, or of the group.
    pub key: &'a Key,
    pub person: &'a Person,
    pub contents: &'a [Arc<Content>],
    /// Wall time, for signatures.
    pub wall: Time,
    /// Journal time, for hours and quotas.
    pub now: Time,
}

impl Letter<'_> {
    pub(crate) fn first(&self) -> Option<&Content> {
        self.contents.first().map(|content| &**content)
    }

    pub(crate) fn all(&self) -> Vec<&Content> {
        self.contents.iter().map(|content| &**content).collect()
    }

    pub(crate) fn severity(&self) -> Severity {
        self.contents
            .iter()
            .map(|content| content.severity)
            .min()
            .unwrap_or(Severity::Info)
    }
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    Delivered(String),
    /// The other side will never take it: the next channel.
    Refused(String),
    /// The channel itself cannot be used now (quota, hours): the next channel at once, or later where there is none.
    Unusable(String, Option<Duration>),
    /// Again later, after the other side's wish.
    Later(String, Option<Duration>),
}

enum Way {
    Webhook(webhook::Webhook),
    Email(Box<email::Email>),
    Zalo(Box<zalo::Zalo>),
    Sms(sms::Sms),
    Feed(feed::Feed),
}

pub struct Channel {
    exercise: bool,
    way: Way,
}

/// The CAP messages that a feed has published, for whoever serves them.
#[derive(Clone)]
pub struct CapFeed(Arc<Channel>);

impl CapFeed {
    /// That of the first channel that is a feed and not for drills.
    pub(crate) fn of(channels: &Channels) -> Option<Self> {
        let mut channels = channels.values();
        let feed = channels.find(|channel| !channel.exercise && channel.feed().is_some());
        feed.map(|channel| Self(Arc::clone(channel)))
    }

    /// Atom, with links that begin with `base`. May block while a message is being published.
    pub fn feed(&self, now: Time, base: &str) -> String {
        let feed = self.0.feed();
        feed.map(|feed| feed.served(now, base)).unwrap_or_default()
    }

    /// The message of that name in the feed, or of that identifier, as XML. May block like `feed`.
    pub fn message(&self, id: &str) -> Option<String> {
        self.0.feed()?.message(id)
    }
}

/// All channels of a directory.
pub type Channels = BTreeMap<String, Arc<Channel>>;

/// Makes them; reads files, connects to nobody.
pub fn all(directory: &Directory, config: &NotifyConfig, dir: &Path) -> Result<Channels, Error> {
    let timeout = Duration::from_millis(config.request_timeout_ms);
    let http = Arc::new(http::Http::new(timeout).map_err(|why| Error::Channel {
        channel: "https".to_owned(),
        why,
    })?);
    let zone = directory.zone_seconds();
    directory
        .channels
        .iter()
        .map(|(name, channel)| {
            let secret = |key: &str| -> Result<Secret, String> {
                config
                    .secrets
                    .get(key)
                    .filter(|secret| !secret.is_empty())
                    .cloned()
                    .ok_or_else(|| format!("set notify.secrets.{key}"))
            };
            let way = match channel {
                ChannelConfig::Webhook(webhook) => secret(&webhook.secret)
                    .and_then(|secret| {
                        webhook::Webhook::new(name, webhook, &secret, Arc::clone(&http), dir)
                    })
                    .map(Way::Webhook),
                ChannelConfig::Email(email) => {
                    let password = if email.user.is_empty() {
                        Ok(Secret::default())
                    } else {
                        secret(&email.secret)
                    };
                    password
                        .and_then(|password| email::Email::new(email, &password, timeout, zone))
                        .map(|email| Way::Email(Box::new(email)))
                }
                ChannelConfig::Zalo(zalo) => secret(&zalo.secret)
                    .and_then(|key| Ok((key, secret(&zalo.refresh_secret)?)))
                    .and_then(|secrets| {
                        zalo::Zalo::new(name, zalo, secrets, Arc::clone(&http), (dir, zone))
                    })
                    .map(|zalo| Way::Zalo(Box::new(zalo))),
                ChannelConfig::Sms(sms) => {
                    let token = if sms.secret.is_empty() {
                        Ok(Secret::default())
                    } else {
                        secret(&sms.secret)
                    };
                    token
                        .and_then(|token| sms::Sms::new(sms, token, Arc::clone(&http)))
                        .map(Way::Sms)
                }
                ChannelConfig::Cap(feed) => {
                    feed::Feed::new(name, feed, directory, dir).map(Way::Feed)
                }
            };
            let way = way.map_err(|why| Error::Channel {
                channel: name.clone(),
                why,
            })?;
            let exercise = channel.exercise();
            Ok((name.clone(), Arc::new(Channel { exercise, way })))
        })
        .collect()
}

impl Channel {
    const fn feed(&self) -> Option<&feed::Feed> {
        match &self.way {
            Way::Feed(feed) => Some(feed),
            Way::Webhook(_) | Way::Email(_) | Way::Zalo(_) | Way::Sms(_) => None,
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match &self.way {
            Way::Webhook(_) => Kind::Webhook,
            Way::Email(_) => Kind::Email,
            Way::Zalo(_) => Kind::Zalo,
            Way::Sms(_) => Kind::Sms,
            Way::Feed(_) => Kind::Cap,
        }
    }

    /// Sends it. A drill never leaves by a live channel, whoever planned it.
    pub async fn send(&self, letter: &Letter<'_>) -> Sent {
        let crosses = letter
            .contents
            .iter()
            .any(|content| (content.status != Status::Actual) != self.exercise);
        if crosses {
            return Sent::Refused("drills and live notices never share a channel".to_owned());
        }
        self.send_anyway(letter).await
    }

    /// Without that check: for an operator who tries a channel by hand.
    pub async fn send_anyway(&self, letter: &Letter<'_>) -> Sent {
        if letter.contents.is_empty() {
            return Sent::Refused("nothing to say".to_owned());
        }
        match &self.way {
            Way::Webhook(webhook) => webhook.send(letter).await,
            Way::Email(email) => email.send(letter).await,
            Way::Zalo(zalo) => zalo.send(letter).await,
            Way::Sms(sms) => sms.send(letter).await,
            Way::Feed(feed) => feed.send(letter).await,
        }
    }
}

/// At most so many characters of what a server said.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}
