//! The CAP feed: a folder with the current messages as files and `feed.atom`, for any web server and for the page.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cap::{CapConfig, Entry, Ledger, Placed, Profile};
use event::{Text, Time};
use sha2::{Digest, Sha256};

use super::tokens::store;
use super::{Letter, Sent};
use crate::directory::{Directory, FeedConfig};
use crate::letter::Content;

/// What a channel has published, on the disk before anybody refers to it.
pub(super) struct Published {
    path: PathBuf,
    ledger: Mutex<Ledger>,
}

/// Subjects that a channel remembers for references.
const SUBJECTS_MAX: usize = 5_000;

impl Published {
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let ledger = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| format!("{}: {error}", path.display()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ledger::default(),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        Ok(Self {
            path: path.to_owned(),
            ledger: Mutex::new(ledger),
        })
    }

    /// None where there is nothing to say (a cancel of what was never published).
    pub(super) fn place(&self, content: Option<&Content>) -> Result<Option<Placed>, String> {
        let Some((content, message)) = content.and_then(|it| Some((it, it.cap.as_deref()?))) else {
            return Ok(None);
        };
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.prune(content.at, SUBJECTS_MAX);
        let placed = ledger.place(&content.subject, &content.supersedes, message);
        if placed.as_ref().is_some_and(|placed| !placed.again) {
            let bytes = serde_json::to_vec(&*ledger).map_err(|error| error.to_string())?;
            store(&self.path, &bytes)?;
        }
        Ok(placed)
    }

    fn with<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        look(&self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

pub(super) struct Feed {
    dir: PathBuf,
    name: String,
    config: FeedConfig,
    cap: CapConfig,
    zone_seconds: i32,
    published: Published,
}

impl Feed {
    pub(super) fn new(
        name: &str,
        config: &FeedConfig,
        directory: &Directory,
        dir: &Path,
    ) -> Result<Self, String> {
        if !(1..=SUBJECTS_MAX).contains(&config.entries_max) {
            return Err(format!("entries_max: 1 to {SUBJECTS_MAX}"));
        }
        Ok(Self {
            dir: dir.join(format!("feed-{name}")),
            name: name.to_owned(),
            config: config.clone(),
            cap: directory.cap.clone(),
            zone_seconds: directory.zone_seconds(),
            published: Published::open(&dir.join(format!("cap-{name}.json")))?,
        })
    }

    /// Blocking work on a small file: moved off the sockets' thread.
    pub(super) async fn send(&self, letter: &Letter<'_>) -> Sent {
        let outcome = letter
            .contents
            .iter()
            .try_for_each(|content| self.publish(content, letter.now));
        tokio::task::yield_now().await;
        match outcome {
            Ok(()) => Sent::Delivered("published".to_owned()),
            Err(why) => Sent::Later(why, None),
        }
    }

    fn publish(&self, content: &Content, now: Time) -> Result<(), String> {
        let Some(placed) = self.published.place(Some(content))? else {
            return Ok(());
        };
        let message = &placed.message;
        store(
            &self
                .dir
                .join(format!("{}.xml", name_of(&message.identifier))),
            cap::to_xml(message).as_bytes(),
        )?;
        let (feed, current) = self.atom(now, |name| format!("{}{name}.xml", self.config.base_url));
        store(&self.dir.join("feed.atom"), feed.as_bytes())?;
        self.sweep(&current)
    }

    /// The feed of what is in force, and the names of its messages.
    fn atom(&self, now: Time, link: impl Fn(&str) -> String) -> (String, Vec<String>) {
        let profile = Profile::new(&self.cap, self.zone_seconds);
        self.published.with(|ledger| {
            let current: Vec<_> = ledger
                .current(now)
                .into_iter()
                .take(self.config.entries_max)
                .map(|message| (message, name_of(&message.identifier)))
                .collect();
            let entries: Vec<Entry<'_>> = current
                .iter()
                .map(|(message, name)| Entry {
                    message,
                    link: link(name),
                })
                .collect();
            let title = Text {
                vi: "Cảnh báo".to_owned(),
                en: "Alerts".to_owned(),
            };
            let id = format!("urn:cap-feed:{}:{}", self.cap.sender, self.name);
            let feed = cap::feed(&title, &id, &entries, &profile);
            (feed, current.into_iter().map(|(_, name)| name).collect())
        })
    }

    /// As it is now, with links that begin with `base`: what has expired since the last message is not in it.
    pub(super) fn served(&self, now: Time, base: &str) -> String {
        self.atom(now, |name| format!("{base}{name}")).0
    }

    /// By its name in the feed or by its identifier.
    pub(super) fn message(&self, id: &str) -> Option<String> {
        self.published.with(|ledger| {
            let mut messages = ledger.messages();
            let wanted = |message: &&cap::Message| {
                message.identifier == id || name_of(&message.identifier) == id
            };
            messages.find(wanted).map(cap::to_xml)
        })
    }

    /// Files that the feed does not name any more.
    fn sweep(&self, current: &[String]) -> Result<(), String> {
        let told = |error: io::Error| format!("{}: {error}", self.dir.display());
        for entry in fs::read_dir(&self.dir).map_err(told)? {
            let entry = entry.map_err(told)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let stem = name.strip_suffix(".xml");
            if stem.is_some_and(|stem| !current.iter().any(|name| name == stem)) {
                fs::remove_file(entry.path()).map_err(told)?;
            }
        }
        Ok(())
    }
}

/// Ids hold characters that file names may not.
fn name_of(identifier: &str) -> String {
    let digest = Sha256::digest(identifier.as_bytes());
    let hex = digest.iter().take(16).map(|byte| format!("{byte:02x}"));
    hex.collect()
}
