//! The directory of notices as a file, and `ioc notify test`.

pub(crate) mod args;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use alert::health::{Position, Positions};
use anyhow::{Context, Result, bail};
use console::CapBackend;
use event::{PublicWarningId, Severity, Status, Text, Time};
use journal::Clock;
use kafka::CapSource;
use notify::channel::{self, Letter, Sent};
use notify::letter::{Content, Key};
use notify::{CapFeed, Directory, Mistake as Wrong, Scope};

use crate::clock;
use crate::commands::{self, USAGE};
use crate::config::{Config, Mistake};
use crate::site;
use args::{NotifyCommand, TestArgs};

pub(crate) fn run(command: &NotifyCommand) -> Result<ExitCode> {
    match command {
        NotifyCommand::Test(args) => test(args),
    }
}

/// Where outbox, tokens and feeds live.
pub(crate) fn dir(config: &Config) -> PathBuf {
    if config.notify.dir.as_os_str().is_empty() {
        config.node.data_dir.join("notify")
    } else {
        config.notify.dir.clone()
    }
}

/// The positions that routes may name are those of the site pack, and those that the file adds.
pub(crate) fn directory(config: &Config, positions: &Positions) -> Result<Directory> {
    let wrong = match read(config, positions)? {
        Ok(directory) => return Ok(directory),
        Err(wrong) => wrong,
    };
    let lines: Vec<String> = wrong
        .iter()
        .map(|wrong| placed(config, wrong).to_string())
        .collect();
    bail!("{}", lines.join("; "))
}

/// For `ioc check`.
pub(crate) fn mistakes(config: &Config) -> Vec<Mistake> {
    match read(config, &positions(config)) {
        Ok(Ok(_)) => Vec::new(),
        Ok(Err(wrong)) => wrong.iter().map(|wrong| placed(config, wrong)).collect(),
        Err(error) => vec![Mistake {
            place: "notify.file".to_owned(),
            message: format!("{error:#}"),
        }],
    }
}

/// Those of the site pack as it lies there; its own mistakes are told elsewhere.
fn positions(config: &Config) -> Positions {
    let pack = site::read(&config.node.site).ok();
    pack.and_then(|pack| Positions::load(&pack).ok())
        .unwrap_or_default()
}

fn scopes(positions: &Positions) -> BTreeMap<String, Scope> {
    let scope = |position: &Position| Scope {
        severities: position.severities.iter().copied().collect(),
        streams: position.streams.iter().copied().collect(),
        areas: position.areas.iter().map(ToString::to_string).collect(),
    };
    let positions = positions.as_slice().iter();
    positions
        .map(|position| (position.id.to_string(), scope(position)))
        .collect()
}

/// What CAP messages beside those of the notices need. Without a directory they carry the words of the defaults.
pub(crate) fn cap_source(
    config: &Config,
    released: Vec<(PublicWarningId, Time)>,
) -> Result<CapSource> {
    let there = config.notify.enabled || config.notify.file.is_file();
    let directory = if there {
        directory(config, &positions(config))?
    } else {
        Directory::default()
    };
    Ok(CapSource {
        zone_seconds: directory.zone_seconds(),
        config: directory.cap,
        released,
    })
}

/// The console's way to what the feed has published.
pub(crate) struct CapDesk {
    pub(crate) feed: CapFeed,
    pub(crate) clock: Arc<dyn Clock>,
}

impl CapBackend for CapDesk {
    fn feed(&self) -> Vec<u8> {
        let now = Time(self.clock.now().journal_ns);
        self.feed.feed(now, "cap/").into_bytes()
    }

    fn message(&self, id: &str) -> Option<Vec<u8>> {
        self.feed.message(id).map(String::into_bytes)
    }
}

fn read(config: &Config, positions: &Positions) -> Result<Result<Directory, Vec<Wrong>>> {
    let path = &config.notify.file;
    let text = fs::read_to_string(path)
        .with_context(|| format!("cannot read the directory of notices {}", path.display()))?;
    Ok(Directory::parse(&text, &scopes(positions)))
}

fn placed(config: &Config, wrong: &Wrong) -> Mistake {
    let file = config.notify.file.display();
    Mistake {
        place: if wrong.line == 0 {
            file.to_string()
        } else {
            format!("{file}:{}", wrong.line)
        },
        message: wrong.message.clone(),
    }
}

fn test(args: &TestArgs) -> Result<ExitCode> {
    let Some(config) = commands::load_or_complain(&args.config)? else {
        return Ok(ExitCode::from(USAGE));
    };
    let directory = directory(&config, &positions(&config))?;
    let Some(person) = directory.people.get(&args.to) else {
        bail!(
            "there is no person {} in {}",
            args.to,
            config.notify.file.display()
        );
    };
    let uses = person
        .chain
        .iter()
        .chain(&person.also)
        .any(|name| *name == args.channel);
    if !uses {
        bail!("{} does not use the channel {}", args.to, args.channel);
    }
    let channels = channel::all(&directory, &config.notify, &dir(&config))?;
    let way = channels
        .get(&args.channel)
        .with_context(|| format!("there is no channel {}", args.channel))?;
    let wall = Time(clock::wall_now());
    let content = content(wall);
    // Another one each time: a receiver drops what it has had.
    let key = Key::new(&content, &args.channel, &args.to);
    let letter = Letter {
        key: &key,
        person,
        contents: &[Arc::new(content)],
        wall,
        now: wall,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let sent = runtime.block_on(way.send_anyway(&letter));
    let mut out = io::stdout().lock();
    let code = match sent {
        Sent::Delivered(told) => {
            writeln!(out, "đã gửi / delivered: {told}")?;
            ExitCode::SUCCESS
        }
        Sent::Refused(told) => {
            writeln!(out, "bị từ chối / refused: {told}")?;
            ExitCode::FAILURE
        }
        Sent::Unusable(told, _) => {
            writeln!(
                out,
                "kênh chưa dùng được / the channel cannot be used now: {told}"
            )?;
            ExitCode::FAILURE
        }
        Sent::Later(told, _) => {
            writeln!(out, "không gửi được / not delivered: {told}")?;
            ExitCode::FAILURE
        }
    };
    Ok(code)
}

fn content(at: Time) -> Content {
    Content {
        subject: format!("test-{}", at.0),
        revision: 1,
        change: None,
        public: false,
        severity: Severity::Info,
        status: Status::Test,
        stream: None,
        cause: None,
        level: None,
        areas: Vec::new(),
        place: Text {
            vi: "Trung tâm điều hành".to_owned(),
            en: "Operations centre".to_owned(),
        },
        at,
        since: at,
        message: Text {
            vi: "Thử kênh thông báo, không có sự cố".to_owned(),
            en: "Trial of a channel, nothing has happened".to_owned(),
        },
        guidance: Text {
            vi: "Không cần làm gì.".to_owned(),
            en: "Nothing to do.".to_owned(),
        },
        value: None,
        unit: None,
        unofficial: false,
        suspect: false,
        estimate: false,
        supersedes: Vec::new(),
        cap: None,
    }
}
