//! `ioc rules shadow | promote | drop`: a rule goes on trial, in force, or away. Files of the pack alone; `ioc rules apply` hands them
//! to the node.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use event::PackFiles;

use super::args::{NamedArgs, ShadowArgs};
use super::texts::{Block, RuleFile, TRIAL};
use crate::commands::complain_line;
use crate::logging;
use crate::site::{self, Site};

/// A file of the pack as it is to be; none: it goes.
type Write1 = (String, Option<String>);

pub(super) fn shadow(args: &ShadowArgs) -> Result<ExitCode> {
    logging::start("warn");
    let pack = folder(&args.site)?;
    let text = fs::read_to_string(&args.file)
        .with_context(|| format!("cannot read {}", args.file.display()))?;
    let name = args
        .file
        .file_name()
        .and_then(|name| name.to_str())
        .filter(|name| name.ends_with(".toml"))
        .with_context(|| format!("{} is no .toml file", args.file.display()))?;
    let blocks = RuleFile::parse(&text).blocks;
    if blocks.is_empty() {
        bail!("{} holds no [[rule]]", args.file.display());
    }
    for block in &blocks {
        let Some((_, live)) = find(&pack, &block.id, false) else {
            continue;
        };
        newer(block, &live)?;
    }
    let ids: Vec<&str> = blocks.iter().map(|block| block.id.as_str()).collect();
    put(
        &args.site,
        &pack,
        vec![(format!("{TRIAL}{name}"), Some(text.clone()))],
    )?
    .map_or_else(
        || Ok(ExitCode::FAILURE),
        |()| say(&format!("chạy thử / on trial: {}", ids.join(", "))),
    )
}

pub(super) fn promote(args: &NamedArgs) -> Result<ExitCode> {
    logging::start("warn");
    let pack = folder(&args.site)?;
    let (from, trial) = on_trial(&pack, &args.rule)?;
    let mut writes = vec![without(&pack, &from, &args.rule)];
    match find(&pack, &args.rule, false) {
        Some((path, live)) => {
            newer(&trial, &live)?;
            let mut file = RuleFile::parse(pack.text(&path).unwrap_or_default());
            for block in &mut file.blocks {
                if block.id == args.rule {
                    block.text.clone_from(&with_gap(&trial.text));
                }
            }
            writes.push((path, Some(file.text())));
        }
        None => {
            let path = from.replacen(TRIAL, "rules/", 1);
            let mut text = pack.text(&path).unwrap_or_default().to_owned();
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&trial.text);
            writes.push((path, Some(text)));
        }
    }
    put(&args.site, &pack, writes)?.map_or_else(
        || Ok(ExitCode::FAILURE),
        |()| {
            say(&format!(
                "đã dùng / in force after `ioc rules apply`: {} v{}",
                trial.id, trial.version
            ))
        },
    )
}

pub(super) fn drop_trial(args: &NamedArgs) -> Result<ExitCode> {
    logging::start("warn");
    let pack = folder(&args.site)?;
    let (from, _) = on_trial(&pack, &args.rule)?;
    let writes = vec![without(&pack, &from, &args.rule)];
    put(&args.site, &pack, writes)?.map_or_else(
        || Ok(ExitCode::FAILURE),
        |()| say(&format!("đã bỏ / dropped: {}", args.rule)),
    )
}

fn say(text: &str) -> Result<ExitCode> {
    writeln!(io::stdout(), "{text}")?;
    Ok(ExitCode::SUCCESS)
}

fn folder(site: &Path) -> Result<PackFiles> {
    if !site.is_dir() {
        bail!(
            "{} is no folder: give the folder of the site pack with --site",
            site.display()
        );
    }
    site::read(&site.display().to_string())
}

fn find(pack: &PackFiles, rule: &str, trial: bool) -> Option<(String, Block)> {
    let paths = pack
        .files
        .keys()
        .filter(|path| path.starts_with("rules/") && path.starts_with(TRIAL) == trial);
    paths.into_iter().find_map(|path| {
        let file = RuleFile::parse(pack.text(path)?);
        let block = file.blocks.into_iter().find(|block| block.id == rule)?;
        Some((path.clone(), block))
    })
}

fn on_trial(pack: &PackFiles, rule: &str) -> Result<(String, Block)> {
    find(pack, rule, true)
        .with_context(|| format!("no rule {rule:?} is on trial: nothing in {TRIAL} has this id"))
}

/// What a version means must not change under it.
fn newer(trial: &Block, live: &Block) -> Result<()> {
    if trial.version <= live.version {
        bail!(
            "rule {}: version {} must be above {}, the one in force",
            trial.id,
            trial.version,
            live.version
        );
    }
    Ok(())
}

/// The file without the rule; a file without rules goes.
fn without(pack: &PackFiles, path: &str, rule: &str) -> Write1 {
    let mut file = RuleFile::parse(pack.text(path).unwrap_or_default());
    file.blocks.retain(|block| block.id != rule);
    let text = (!file.blocks.is_empty()).then(|| file.text());
    (path.to_owned(), text)
}

fn with_gap(text: &str) -> String {
    format!("{}\n\n", text.trim_end())
}

/// Checks the pack as it would be, then writes; `None`: there are mistakes, they are told, nothing is written.
fn put(folder: &Path, pack: &PackFiles, writes: Vec<Write1>) -> Result<Option<()>> {
    let mut fresh = pack.clone();
    for (path, text) in &writes {
        match text {
            Some(text) => fresh.files.insert(path.clone(), text.clone().into_bytes()),
            None => fresh.files.remove(path),
        };
    }
    if let Err(mistakes) = Site::load(&fresh) {
        for mistake in &mistakes {
            complain_line(&format!("{}/{mistake}", folder.display()));
        }
        complain_line(&format!(
            "{} mistake(s); nothing was changed",
            mistakes.len()
        ));
        return Ok(None);
    }
    // The new text first: whatever happens between, no rule is lost.
    let (kept, gone): (Vec<_>, Vec<_>) = writes.into_iter().partition(|(_, text)| text.is_some());
    let (live, trial): (Vec<_>, Vec<_>) = kept
        .into_iter()
        .partition(|(path, _)| !path.starts_with(TRIAL));
    for (path, text) in live.into_iter().chain(trial) {
        let target = folder.join(&path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)
                .with_context(|| format!("cannot make {}", parent.display()))?;
        }
        let temporary = target.with_extension("toml.new");
        fs::write(&temporary, text.unwrap_or_default())
            .and_then(|()| fs::rename(&temporary, &target))
            .with_context(|| format!("cannot write {}", target.display()))?;
    }
    for (path, _) in gone {
        let target = folder.join(&path);
        fs::remove_file(&target).with_context(|| format!("cannot remove {}", target.display()))?;
    }
    Ok(Some(()))
}
