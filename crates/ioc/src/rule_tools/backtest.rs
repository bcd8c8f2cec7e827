//! `ioc backtest`: what a set of rules would have told, over what really came in.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use event::{JournalId, PackError, PackFiles, Time};
use serde::Serialize;

use super::args::{BacktestArgs, SourceArg};
use super::diff::{self, Diff};
use super::episodes::Row;
use super::feed::{self, Folder, InputReport, Span};
use super::lane::{Clock, Lane};
use super::load::{self, Load};
use super::marks::{self, Detection};
use super::{picture, table};
use crate::commands::{USAGE, complain_line};
use crate::site::{self, Site};
use crate::{clock, logging};

/// Everything a back-test found; `--json` writes it as it is.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) alerts: Vec<Row>,
    /// What rules on trial would have told.
    pub(super) shadow: Vec<Row>,
    pub(super) load: Load,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) diff: Option<Diff>,
    /// The load of the rules compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) load_before: Option<Load>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) detections: Vec<Detection>,
    pub(super) input: InputReport,
}

/// A wrong call: told already.
struct Wrong;

/// What is to be done, checked.
struct Plan {
    pack: PackFiles,
    before: Option<PackFiles>,
    folder: Option<Folder>,
    fold: Span,
    listed: Span,
    marks: Vec<marks::Mark>,
}

pub(crate) fn run(args: &BacktestArgs) -> Result<ExitCode> {
    logging::start("warn");
    let plan = match plan(args) {
        Ok(Ok(plan)) => plan,
        Ok(Err(Wrong)) => return Ok(ExitCode::from(USAGE)),
        Err(error) => {
            complain_line(&format!("{error:#}"));
            return Ok(ExitCode::from(USAGE));
        }
    };
    let (lanes, input) = fold(args, &plan)?;
    let report = report(&plan, &lanes, input);
    if let Some(path) = &args.picture {
        fs::write(path, picture::svg(&report))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = if args.json {
        serde_json::to_writer(&mut out, &report)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out))
    } else {
        table::write(&report, &mut out)
    };
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        other => other
            .map(|()| ExitCode::SUCCESS)
            .context("cannot write the answer"),
    }
}

fn plan(args: &BacktestArgs) -> Result<Result<Plan, Wrong>> {
    let now = Time(clock::wall_now());
    let time = |text: &Option<String>| {
        text.as_deref()
            .map(|text| {
                console::parse_instant(text, now).with_context(|| {
                    format!("{text:?} is no time: write ISO 8601 with a zone (2024-09-09T00:00:00+07:00), or so long ago (-7d)")
                })
            })
            .transpose()
    };
    let listed = Span {
        from: time(&args.from)?,
        to: time(&args.to)?,
    };
    if let (Some(from), Some(to)) = (listed.from, listed.to)
        && from >= to
    {
        bail!("--from ({from}) must lie before --to ({to})");
    }
    let warm_up = console::parse_duration_ns(&args.warm_up)
        .filter(|ns| *ns >= 0)
        .with_context(|| format!("--warm-up {:?} is no duration: write P1D", args.warm_up))?;
    let fold = Span {
        from: listed.from.map(|from| from.plus(-warm_up)),
        to: listed.to,
    };
    if args.input.is_none() && args.data.is_none() {
        bail!(
            "say what to replay: recorded traffic with --input FILE, or a node's folder with --data DIR"
        );
    }
    let own = site::read(&args.site)?;
    let mut pack = own.clone();
    if let Some(rules) = &args.rules {
        replace_rules(&mut pack, rules)?;
    }
    if !is_good(
        &pack,
        args.rules.as_deref().unwrap_or(Path::new(&args.site)),
    ) {
        return Ok(Err(Wrong));
    }
    let folder = args
        .data
        .as_ref()
        .map(|data| {
            let archive = match args.source {
                SourceArg::Auto => None,
                SourceArg::Journal => Some(false),
                SourceArg::Archive => Some(true),
            };
            Folder::open(data, archive)
        })
        .transpose()?;
    let before = match args.against.as_deref() {
        None => None,
        Some("current") => Some(in_force(own, folder.as_ref())?),
        Some(rules) => {
            let (mut other, rules) = (own, PathBuf::from(rules));
            replace_rules(&mut other, &rules)?;
            if !is_good(&other, &rules) {
                return Ok(Err(Wrong));
            }
            Some(other)
        }
    };
    let marks = match &args.marks {
        Some(path) => marks::read(path)?,
        None => Vec::new(),
    };
    Ok(Ok(Plan {
        pack,
        before,
        folder,
        fold,
        listed,
        marks,
    }))
}

/// The rules that the node of the folder last put in force; without a node, the site pack's own.
fn in_force(own: PackFiles, folder: Option<&Folder>) -> Result<PackFiles> {
    let Some(recorded) = folder.map(Folder::pack_in_force).transpose()?.flatten() else {
        return Ok(own);
    };
    PackFiles::from_bytes(&recorded).context("the node's last configuration is not a site pack")
}

fn is_good(pack: &PackFiles, place: &Path) -> bool {
    let mistakes: Vec<PackError> = Site::load(pack).err().unwrap_or_default();
    for mistake in &mistakes {
        complain_line(&format!("{}/{mistake}", place.display()));
    }
    mistakes.is_empty()
}

/// Files beside `rules/` that belong to the rules.
const BESIDE: [&str; 4] = [
    "thresholds.toml",
    "escalation.toml",
    "positions.toml",
    "causes.toml",
];

/// Puts the rules of a folder in place of the pack's: `DIR/rules/*.toml` where there is such a folder, else `DIR/*.toml`;
/// `thresholds.toml` and the other files beside the rules where they are there.
pub(super) fn replace_rules(pack: &mut PackFiles, folder: &Path) -> Result<()> {
    let files = site::read(&folder.display().to_string())
        .with_context(|| format!("cannot read the rules in {}", folder.display()))?;
    let nested = files.files.keys().any(|path| path.starts_with("rules/"));
    pack.files.retain(|path, _| !path.starts_with("rules/"));
    let mut count = 0;
    for (path, content) in files.files {
        let name = path.strip_prefix("rules/").unwrap_or(&path);
        if BESIDE.contains(&path.as_str()) || BESIDE.contains(&name) {
            pack.files.insert(name.to_owned(), content);
        } else if path.ends_with(".toml")
            && nested == path.starts_with("rules/")
            && !name.starts_with("cases/")
        {
            count += 1;
            pack.files.insert(format!("rules/{name}"), content);
        }
    }
    if count == 0 {
        bail!("{} holds no rule file", folder.display());
    }
    Ok(())
}

fn fold(args: &BacktestArgs, plan: &Plan) -> Result<(Vec<Lane>, InputReport)> {
    let clock = if plan.folder.is_some() {
        Clock::Recorded
    } else {
        Clock::Bare
    };
    let journal = plan
        .folder
        .as_ref()
        .map_or_else(JournalId::default, Folder::journal);
    let lanes = || {
        let packs = std::iter::once(&plan.pack).chain(&plan.before);
        packs.map(|pack| Lane::new(journal, pack, clock)).collect()
    };
    match (&args.input, &plan.folder) {
        (Some(path), _) => feed::traffic(path, plan.fold, &lanes),
        (None, Some(folder)) => {
            let mut lanes: Vec<Lane> = lanes();
            let input = folder.feed(plan.fold, &mut lanes)?;
            Ok((lanes, input))
        }
        (None, None) => bail!("nothing to replay"),
    }
}

fn report(plan: &Plan, lanes: &[Lane], mut input: InputReport) -> Report {
    let (from, to) = (plan.listed.from, plan.listed.to);
    let rows = |lane: Option<&Lane>| lane.map(|lane| lane.told.rows(from, to));
    let alerts = rows(lanes.first()).unwrap_or_default();
    let before = rows(lanes.get(1));
    if let Some(lane) = lanes.first() {
        let counters = lane.counters();
        if counters.messages > 0 {
            input.messages = counters.messages;
        }
        input.state = counters.state;
        input.duplicates = counters.duplicates;
        (input.events, input.rejects) = (lane.tally.events, lane.tally.rejects);
    }
    let first = from.or(input.first);
    let last = to.or(lanes.first().and_then(Lane::now));
    let load_of =
        |rows: &[Row], pack: &PackFiles| load::load(rows, &load::positions(pack), first, last);
    Report {
        shadow: lanes
            .first()
            .map(|lane| lane.told.shadow_rows(from, to))
            .unwrap_or_default(),
        load: load_of(&alerts, &plan.pack),
        diff: before.as_ref().map(|before| diff::diff(&alerts, before)),
        load_before: before
            .as_ref()
            .zip(plan.before.as_ref())
            .map(|(rows, pack)| load_of(rows, pack)),
        detections: marks::detections(&plan.marks, &alerts),
        alerts,
        input,
    }
}
