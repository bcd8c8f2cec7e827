//! Taking an unknown device into a site pack: which profiles fit what it sends, the entry as text, and writing it.
//!
//! The entry goes into `devices/adopted.toml` of the pack's folder. The pack is checked with it before anything is written,
//! and written by a temporary file and rename; a pack that would not be accepted stays as it was. A running node takes the
//! new pack at its next start: as a configuration record, so that a replay sees it at the same place.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use event::PackFiles;
use serde_json::Value;
use toml::Table;

use super::args::AdoptArgs;
use super::wrong_call;
use crate::site::{self, Site};

/// The file of the pack that adopted devices are written to.
pub(crate) const FILE: &str = "devices/adopted.toml";
/// Keys of a payload that are looked at, and how deep.
const KEYS_MAX: usize = 512;
const DEPTH_MAX: usize = 8;
/// Profiles proposed at most.
const PROPOSALS_MAX: usize = 5;
const NAME_CHARS_MAX: usize = 120;

/// A profile that may suit a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    pub(crate) profile: String,
    /// Keys of the payload that it knows, of how many there are.
    pub(crate) known: usize,
    pub(crate) keys: usize,
}

/// The profiles of the pack that know a key of the payload, best first; those of another stream than the topic's are left out.
pub(crate) fn propose(pack: &PackFiles, topic: &str, payload: &[u8]) -> Vec<Proposal> {
    let mut keys = BTreeSet::new();
    if let Ok(value) = serde_json::from_slice::<Value>(payload) {
        gather(&value, 0, &mut keys);
    }
    let stream = stream_of(topic);
    let mut found: Vec<Proposal> = profiles(pack)
        .into_iter()
        .filter(|(_, table)| {
            let own = table.get("stream").and_then(toml::Value::as_str);
            stream.is_none() || own.is_none() || own == stream
        })
        .map(|(profile, table)| Proposal {
            profile,
            known: fields(&table)
                .iter()
                .filter(|field| keys.contains(*field))
                .count(),
            keys: keys.len(),
        })
        .filter(|proposal| proposal.known > 0)
        .collect();
    found.sort_by(|a, b| {
        b.known
            .cmp(&a.known)
            .then_with(|| a.profile.cmp(&b.profile))
    });
    found.truncate(PROPOSALS_MAX);
    found
}

/// The stream in `ioc/{site}/{stream}/{device}/up`.
fn stream_of(topic: &str) -> Option<&str> {
    let mut parts = topic.split('/');
    (parts.next() == Some("ioc")).then_some(())?;
    parts.nth(1)
}

fn gather(value: &Value, depth: usize, keys: &mut BTreeSet<String>) {
    if depth > DEPTH_MAX {
        return;
    }
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                if keys.len() < KEYS_MAX {
                    keys.insert(key.clone());
                }
                gather(inner, depth + 1, keys);
            }
        }
        Value::Array(list) => list
            .iter()
            .take(KEYS_MAX)
            .for_each(|inner| gather(inner, depth + 1, keys)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn profiles(pack: &PackFiles) -> Vec<(String, Table)> {
    let files = pack
        .files
        .iter()
        .filter(|(path, _)| path.starts_with("profiles/") && path.ends_with(".toml"));
    files
        .filter_map(|(_, content)| std::str::from_utf8(content).ok()?.parse::<Table>().ok())
        .filter_map(|mut file| match file.remove("profiles") {
            Some(toml::Value::Table(profiles)) => Some(profiles),
            Some(_) | None => None,
        })
        .flatten()
        .filter_map(|(name, profile)| {
            let table = profile.as_table()?.clone();
            Some((name, table))
        })
        .collect()
}

/// The keys that a profile knows: its fields, or the last step of the path they are taken `from`.
fn fields(profile: &Table) -> BTreeSet<String> {
    let fields = profile.get("fields").and_then(toml::Value::as_table);
    fields
        .into_iter()
        .flatten()
        .map(|(name, field)| {
            let from = field
                .as_table()
                .and_then(|field| field.get("from"))
                .and_then(toml::Value::as_str);
            from.and_then(|path| path.rsplit(['.', '/']).next())
                .unwrap_or(name)
                .to_owned()
        })
        .collect()
}

/// The entry of a device as it stands in the pack.
pub(crate) fn snippet(
    device: &str,
    profile: &str,
    names: (&str, &str),
    area: Option<&str>,
) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut text = format!(
        "[devices.{}]\nprofile = {}\nname = {{ vi = {}, en = {} }}\n",
        quoted(device),
        quoted(profile),
        quoted(names.0),
        quoted(names.1)
    );
    if let Some(area) = area {
        text.push_str(&format!("area = {}\n", quoted(area)));
    }
    text
}

pub(super) fn run(args: &AdoptArgs) -> Result<ExitCode> {
    if !args.site.is_dir() {
        return Ok(wrong_call(&format!(
            "{} is no folder: a device is taken into a site pack that is a folder (copy the built-in one first)",
            args.site.display()
        )));
    }
    let folder = args.site.to_string_lossy();
    let pack = site::read(&folder)?;
    let mut out = io::stdout().lock();
    let Some(profile) = &args.profile else {
        let payload = match &args.payload {
            Some(path) => {
                fs::read(path).with_context(|| format!("cannot read {}", path.display()))?
            }
            None => {
                return Ok(wrong_call(
                    "give --profile, or --payload to have profiles proposed",
                ));
            }
        };
        let proposals = propose(&pack, "", &payload);
        for proposal in &proposals {
            writeln!(
                out,
                "{}: knows {} of {} keys",
                proposal.profile, proposal.known, proposal.keys
            )?;
        }
        if proposals.is_empty() {
            writeln!(out, "no profile knows a key of this payload")?;
            return Ok(ExitCode::FAILURE);
        }
        return Ok(ExitCode::SUCCESS);
    };
    let names = (
        args.name_vi.as_deref().unwrap_or(&args.device),
        args.name_en.as_deref().unwrap_or(&args.device),
    );
    let entry = snippet(&args.device, profile, names, args.area.as_deref());
    if let Err(refused) = write(&args.site, &pack, &entry, args.dry_run) {
        write!(out, "{entry}")?;
        return Err(refused);
    }
    write!(out, "{entry}")?;
    if args.dry_run {
        writeln!(out, "# good; not written (--dry-run)")?;
    } else {
        writeln!(
            out,
            "# written to {}; in force after the node's next start",
            args.site.join(FILE).display()
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The pack lies in a folder that may be written.
pub(crate) fn is_writable(site: &str) -> bool {
    fs::metadata(site).is_ok_and(|found| found.is_dir() && !found.permissions().readonly())
}

/// Writes the device's entry into the pack as it lies in the folder now; gives the entry.
pub(crate) fn adopt(folder: &Path, ask: &console::AdoptAsk) -> Result<String> {
    if !folder.is_dir() {
        bail!(
            "node.site = {} is no folder: copy the built-in pack to one and let node.site name it",
            folder.display()
        );
    }
    let pack = site::read(&folder.to_string_lossy())?;
    let names = (ask.name.vi.as_str(), ask.name.en.as_str());
    let entry = snippet(&ask.device, &ask.profile, names, ask.area.as_deref());
    write(folder, &pack, &entry, false)?;
    Ok(entry)
}

/// Checks the pack with the entry, and writes it unless it is only a try.
fn write(folder: &Path, pack: &PackFiles, entry: &str, dry_run: bool) -> Result<()> {
    if entry.chars().count() > 4 * NAME_CHARS_MAX + 400 {
        bail!("the names are too long: at most {NAME_CHARS_MAX} characters each");
    }
    let mut mended = pack.clone();
    let mut text = match mended.files.get(FILE) {
        Some(content) => {
            String::from_utf8(content.clone()).with_context(|| format!("{FILE} is not UTF-8"))?
        }
        None => "# Devices taken in from the quarantine with `ioc catalog adopt`.\n".to_owned(),
    };
    text.push('\n');
    text.push_str(entry);
    mended
        .files
        .insert(FILE.to_owned(), text.clone().into_bytes());
    if let Err(mistakes) = Site::load(&mended) {
        let list: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        bail!(
            "the site pack would not be accepted, nothing was written:\n{}",
            list.join("\n")
        );
    }
    if dry_run {
        return Ok(());
    }
    let path = folder.join(FILE);
    let temporary = folder.join("devices/.adopted.toml.tmp");
    fs::create_dir_all(folder.join("devices"))
        .and_then(|()| fs::write(&temporary, text))
        .and_then(|()| fs::rename(&temporary, &path))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack() -> PackFiles {
        site::read("lao-cai").unwrap()
    }

    #[test]
    fn the_profile_that_knows_most_keys_comes_first() {
        let payload = br#"{"ts":"2026-11-23T05:00:00Z","rain_1h":2.5,"rain_24h":30,"battery":3.6}"#;
        let found = propose(&pack(), "ioc/lao-cai/disaster/rg-new-1/up", payload);
        assert_eq!(found[0].profile, "rain-gauge");
        assert_eq!((found[0].known, found[0].keys), (3, 4));
        assert_eq!(propose(&pack(), "", b"\xff not json"), []);
    }

    #[test]
    fn an_adopted_device_is_in_the_pack_and_a_wrong_one_changes_nothing() {
        let folder = std::env::temp_dir().join(format!("ioc-adopt-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let before = pack();
        let entry = snippet(
            "rg-new-1",
            "rain-gauge",
            ("Trạm \"mới\"", "New"),
            Some("02647"),
        );
        write(&folder, &before, &entry, false).unwrap();
        let text = fs::read_to_string(folder.join(FILE)).unwrap();
        assert!(text.contains("[devices.\"rg-new-1\"]"), "{text}");
        let wrong = snippet("rg-new-2", "no-such-profile", ("a", "b"), None);
        assert!(write(&folder, &before, &wrong, false).is_err());
        assert_eq!(fs::read_to_string(folder.join(FILE)).unwrap(), text);
        fs::remove_dir_all(&folder).unwrap();
    }
}
