//! `ioc quarantine`: of a running node over its HTTP API, of a stopped one in its folder. The lock of the folder says which.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use console::{
    QuarantineFilter, QuarantineItem, QuarantineOverview, ReprocessAnswer, ReprocessAsk,
};
use event::Time;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::args::{ListArgs, PickArgs, PlaceArgs, QuarantineCommand, ReprocessArgs, ShowArgs};
use super::{folder, item};
use crate::clock;
use crate::commands::{USAGE, complain_line, load_or_complain};
use crate::config::Config;
use crate::{http, logging};

/// A node may put many records into its journal before it answers.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where the answer comes from.
enum Place {
    /// Host and port of the page.
    Node(String),
    Folder(PathBuf),
}

pub(crate) fn run(command: &QuarantineCommand) -> Result<ExitCode> {
    logging::start("warn");
    let place = match command {
        QuarantineCommand::List(args) => &args.place,
        QuarantineCommand::Show(args) => &args.place,
        QuarantineCommand::Reprocess(args) => &args.place,
    };
    let Some(config) = load_or_complain(&place.config)? else {
        return Ok(ExitCode::from(USAGE));
    };
    let found = find(place, &config)?;
    match command {
        QuarantineCommand::List(args) => list(args, &found),
        QuarantineCommand::Show(args) => show(args, &found),
        QuarantineCommand::Reprocess(args) => reprocess(args, &found, &config),
    }
}

#[derive(Deserialize)]
struct Addresses {
    console: Option<SocketAddr>,
}

fn find(place: &PlaceArgs, config: &Config) -> Result<Place> {
    if let Some(url) = &place.url {
        let authority = url.strip_prefix("http://").unwrap_or(url);
        return Ok(Place::Node(authority.trim_end_matches('/').to_owned()));
    }
    let data = place.data.as_ref().unwrap_or(&config.node.data_dir);
    if !data.is_dir() {
        bail!(
            "{} is not a data folder: give the node's node.data_dir with --data, or --config",
            data.display()
        );
    }
    match journal::lock(&folder::storage(data)) {
        Ok(_) => return Ok(Place::Folder(data.clone())),
        Err(journal::Error::Locked { .. }) => {}
        Err(error) => {
            return Err(error).with_context(|| format!("cannot look at {}", data.display()));
        }
    }
    let path = data.join("addresses.json");
    let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let addresses: Addresses = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not what a node writes", path.display()))?;
    match addresses.console {
        Some(address) => Ok(Place::Node(address.to_string())),
        None => bail!("the node runs without its page: stop it, or start it with one"),
    }
}

fn ask<T: DeserializeOwned>(node: &str, path: &str, body: Option<&str>) -> Result<T> {
    let (status, answer) = http::call(node, path, body, PATIENCE)?;
    if status != 200 {
        let problem: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
        let detail = problem.get("detail").and_then(serde_json::Value::as_str);
        bail!(
            "http://{node} answered {status}: {}",
            detail.unwrap_or("no reason given")
        );
    }
    serde_json::from_slice(&answer)
        .with_context(|| format!("http://{node} is not a node of this release"))
}

fn filter(pick: &PickArgs, offset: Option<u64>) -> Result<QuarantineFilter> {
    let now = Time(clock::wall_now());
    let time = |text: &Option<String>| {
        text.as_deref()
            .map(|text| {
                console::parse_instant(text, now).with_context(|| {
                    format!("{text:?} is no time: write ISO 8601 with a zone, or so long ago (-6h)")
                })
            })
            .transpose()
    };
    Ok(QuarantineFilter {
        code: pick.code,
        device: pick.device.clone(),
        from: time(&pick.from)?,
        to: time(&pick.to)?,
        offset,
    })
}

fn list(args: &ListArgs, place: &Place) -> Result<ExitCode> {
    let filter = filter(&args.pick, None)?;
    let overview: QuarantineOverview = match place {
        Place::Node(node) => {
            let mut path = "/api/v1/quarantine?".to_owned();
            let code = filter.code.map(|code| code.name().to_owned());
            let given = [
                ("code", code),
                ("device", filter.device),
                ("from", filter.from.map(|time| time.to_string())),
                ("to", filter.to.map(|time| time.to_string())),
            ];
            for (key, value) in given {
                if let Some(value) = value {
                    path.push_str(&format!("{key}={}&", http::encoded(&value)));
                }
            }
            ask(node, path.trim_end_matches(['&', '?']), None)?
        }
        Place::Folder(data) => folder::look(data)?.1.overview(&filter),
    };
    let mut out = io::stdout().lock();
    if args.place.json {
        writeln!(out, "{}", json!(overview))?;
    } else {
        print(&overview, &mut out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(overview: &QuarantineOverview, out: &mut impl Write) -> Result<()> {
    let counts = &overview.counts;
    writeln!(
        out,
        "{} refused: {} to do, {} queued, {} delivered by reprocessing, {} refused again",
        counts.total, counts.to_do, counts.queued, counts.reprocessed, counts.failed
    )?;
    if overview.forgotten > 0 {
        writeln!(out, "{} older ones are not in the list", overview.forgotten)?;
    }
    let last = |time: Option<Time>| time.map(|time| time.to_string()).unwrap_or_default();
    for reason in &overview.reasons {
        let group = &reason.group;
        writeln!(
            out,
            "\n{}  {} ({} to do), last {}, newest {:?}\n    {}\n    {}",
            reason.code.name(),
            group.counts.total,
            group.counts.to_do,
            last(group.last),
            group.samples,
            reason.meaning.vi,
            reason.meaning.en
        )?;
    }
    if !overview.devices.is_empty() {
        writeln!(out)?;
    }
    for device in &overview.devices {
        let name = if device.others {
            "(others)".to_owned()
        } else {
            device.device.escape_debug().to_string()
        };
        let group = &device.group;
        writeln!(
            out,
            "{name}  {} ({} to do), last {}, newest {:?}{}",
            group.counts.total,
            group.counts.to_do,
            last(group.last),
            group.samples,
            if device.unknown {
                "  unknown device"
            } else {
                ""
            }
        )?;
    }
    if overview.devices_left_out > 0 {
        writeln!(out, "and {} more devices", overview.devices_left_out)?;
    }
    Ok(())
}

fn show(args: &ShowArgs, place: &Place) -> Result<ExitCode> {
    let found: Option<QuarantineItem> = match place {
        Place::Node(node) => Some(ask(
            node,
            &format!("/api/v1/quarantine/{}", args.offset),
            None,
        )?),
        Place::Folder(data) => {
            let (journal, index) = folder::look(data)?;
            let open = |from| journal.reader(from);
            let end = journal.info().next_offset;
            match index.entry(args.offset) {
                Some(entry) => {
                    item::read(&open, end, &entry, index.device(&entry).to_owned(), None)?
                }
                None => None,
            }
        }
    };
    let Some(item) = found else {
        complain_line(&format!("message {} is not in quarantine", args.offset));
        return Ok(ExitCode::FAILURE);
    };
    let mut out = io::stdout().lock();
    if args.place.json {
        writeln!(out, "{}", json!(item))?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "message {} of {}", item.offset, item.time)?;
    writeln!(out, "{}: {}", item.code.name(), item.reason.escape_debug())?;
    writeln!(out, "{}\n{}", item.meaning.vi, item.meaning.en)?;
    writeln!(
        out,
        "device {}, client {}, topic {}",
        item.device.escape_debug(),
        item.client.escape_debug(),
        item.topic.escape_debug()
    )?;
    let cut = if item.payload_cut {
        ", the beginning"
    } else {
        ""
    };
    match (&item.payload, &item.payload_base64) {
        (Some(text), _) => writeln!(
            out,
            "{} bytes{cut}:\n{}",
            item.payload_bytes,
            text.escape_debug()
        )?,
        (None, Some(base64)) => {
            writeln!(out, "{} bytes, base64{cut}:\n{base64}", item.payload_bytes)?
        }
        (None, None) => writeln!(out, "no content")?,
    }
    Ok(ExitCode::SUCCESS)
}

fn reprocess(args: &ReprocessArgs, place: &Place, config: &Config) -> Result<ExitCode> {
    let filter = filter(&args.pick, args.offset)?;
    let answer: ReprocessAnswer = match place {
        Place::Node(node) => {
            let mut body = json!({
                "operator": args.operator,
                "reason": args.reason,
                "dry_run": args.dry_run,
            });
            if let Some(body) = body.as_object_mut() {
                let code = filter.code.map(|code| json!(code.name()));
                let given = [
                    ("code", code),
                    ("device", filter.device.map(|device| json!(device))),
                    ("from", filter.from.map(|time| json!(time.to_string()))),
                    ("to", filter.to.map(|time| json!(time.to_string()))),
                    ("offset", filter.offset.map(|offset| json!(offset))),
                ];
                for (key, value) in given {
                    if let Some(value) = value {
                        body.insert(key.to_owned(), value);
                    }
                }
            }
            ask(
                node,
                "/api/v1/quarantine/reprocess",
                Some(&body.to_string()),
            )?
        }
        Place::Folder(data) => {
            let ask = ReprocessAsk {
                filter,
                operator: args.operator.clone(),
                verified: false,
                reason: args.reason.clone(),
                dry_run: args.dry_run,
            };
            if args.dry_run {
                let (_, index) = folder::look(data)?;
                super::count(&index, &ask)
            } else {
                folder::reprocess(data, config, &folder::pack(args, config)?, &ask)?
            }
        }
    };
    let mut out = io::stdout().lock();
    if args.place.json {
        writeln!(out, "{}", json!(answer))?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        out,
        "{} to do, {} done or queued before, {} that cannot be tried again",
        answer.to_do, answer.done_before, answer.not_reprocessable
    )?;
    if !answer.dry_run {
        let how = match place {
            Place::Node(node) => format!("the node at http://{node} takes them in now"),
            Place::Folder(_) => {
                "the node is stopped: they are in its journal and take effect at its next start"
                    .to_owned()
            }
        };
        writeln!(out, "{} put into the journal: {how}", answer.queued)?;
        if answer.left > 0 {
            writeln!(out, "{} are left: run it again", answer.left)?;
        }
        if answer.gone > 0 {
            writeln!(out, "{} are gone from the journals", answer.gone)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
