//! `ioc query`, `ioc export`, `ioc refill`: the archive from the command line, of a node that runs or not.

pub(crate) mod args;
mod export;
mod refill;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use archive::{
    Aggregate, Answer, Archive, ArchiveConfig, Ask, Filter, Format, Order, QualityWanted, Question,
};
use event::Time;
use journal::{DiskStorage, JournalName, ReadOnly, Storage};

use crate::{clock, commands, logging};
use args::{
    AggregateArg, AskArgs, FilterArgs, FormatArg, OutputArgs, PlaceArgs, QueryArgs, SpanArgs,
};

pub(crate) use export::run as export;
pub(crate) use refill::run as refill;

/// A question from the command line may take longer than one from a screen.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn query(args: QueryArgs) -> Result<ExitCode> {
    logging::start("warn");
    let (ask, output) = split(args.ask)?;
    let archive = open(&output.place)?;
    let question = Question {
        ask,
        zone: output.zone.clone(),
    };
    let answer = answer(&archive, &question)?;
    let format = match output.format {
        FormatArg::Table => Format::Table,
        FormatArg::Csv => Format::Csv,
        FormatArg::Json => Format::Json,
        FormatArg::Parquet => Format::Parquet,
    };
    write_to(output.out.as_deref(), |out| {
        archive::render(&answer, format, out).context("cannot write the answer")
    })
}

fn answer(archive: &Archive, question: &Question) -> Result<Answer> {
    let until = Instant::now() + PATIENCE;
    archive
        .ask(question, &|| Instant::now() >= until)
        .map_err(|problem| anyhow::anyhow!("{} ({})", problem.detail.en, problem.detail.vi))
}

fn split(ask: AskArgs) -> Result<(Ask, OutputArgs)> {
    Ok(match ask {
        AskArgs::Series {
            filter: wanted,
            limit,
            output,
        } => {
            let ask = Ask::Catalogue {
                filter: filter(wanted),
                after: None,
                limit,
            };
            (ask, output)
        }
        AskArgs::Range {
            entity,
            measure,
            span,
            every,
            aggregate: step,
            any_quality,
            drills,
            limit,
            output,
        } => {
            let (from, to) = times(&span)?;
            let interval_ns = every.as_deref().map(duration).transpose()?;
            let ask = Ask::Range {
                entity,
                measure,
                from,
                to,
                interval_ns,
                aggregate: if interval_ns.is_some() {
                    aggregate(step)
                } else {
                    Aggregate::Raw
                },
                quality: quality(any_quality),
                drills,
                limit,
            };
            (ask, output)
        }
        AskArgs::Latest {
            filter: wanted,
            any_quality,
            limit,
            output,
        } => {
            let ask = Ask::Latest {
                filter: filter(wanted),
                quality: quality(any_quality),
                after: None,
                limit,
            };
            (ask, output)
        }
        AskArgs::Top {
            measure,
            span,
            n,
            lowest,
            aggregate: compared,
            any_quality,
            output,
        } => {
            let (from, to) = times(&span)?;
            let ask = Ask::Top {
                measure,
                stream: None,
                from,
                to,
                aggregate: aggregate(compared),
                order: if lowest {
                    Order::Lowest
                } else {
                    Order::Highest
                },
                quality: quality(any_quality),
                n,
            };
            (ask, output)
        }
    })
}

fn filter(args: FilterArgs) -> Filter {
    Filter {
        entity: args.entity,
        measure: args.measure,
        stream: args.stream,
    }
}

const fn aggregate(args: AggregateArg) -> Aggregate {
    match args {
        AggregateArg::Mean => Aggregate::Mean,
        AggregateArg::Min => Aggregate::Min,
        AggregateArg::Max => Aggregate::Max,
        AggregateArg::Last => Aggregate::Last,
        AggregateArg::Count => Aggregate::Count,
    }
}

const fn quality(any: bool) -> QualityWanted {
    if any {
        QualityWanted::Any
    } else {
        QualityWanted::Good
    }
}

fn times(span: &SpanArgs) -> Result<(Time, Time)> {
    let now = Time(clock::wall_now());
    let time = |text: &str| {
        console::parse_instant(text, now).with_context(|| {
            format!(
                "{text:?} is no time: write ISO 8601 with a zone (2024-09-09T00:00:00+07:00), now, or so long ago (-6h)"
            )
        })
    };
    let (from, to) = (time(&span.from)?, time(&span.to)?);
    if from >= to {
        bail!("--from ({from}) must lie before --to ({to})");
    }
    Ok((from, to))
}

fn duration(text: &str) -> Result<i64> {
    console::parse_duration_ns(text)
        .filter(|ns| *ns > 0)
        .with_context(|| format!("{text:?} is no duration: write PT10M, P1D or 10m"))
}

/// The archive with what the journal has beyond it, so that an answer does not end a minute ago.
fn open(place: &PlaceArgs) -> Result<Archive> {
    let dir = place
        .archive
        .clone()
        .unwrap_or_else(|| place.data.join("archive"));
    let archive = Archive::read_only(ArchiveConfig::default(), &dir).with_context(|| {
        format!(
            "cannot read the archive {} (give the node's node.data_dir with --data)",
            dir.display()
        )
    })?;
    let outcomes = place.data.join("outcomes");
    if outcomes.is_dir() {
        look_ahead(&archive, &place.data)?;
    }
    Ok(archive)
}

/// What the node has concluded since it wrote its last file.
fn look_ahead(archive: &Archive, data: &Path) -> Result<()> {
    let storage: Arc<dyn Storage> = Arc::new(DiskStorage::new(data));
    let journal = ReadOnly::open(storage, JournalName::Outcomes)
        .with_context(|| format!("cannot read the journal in {}", data.display()))?;
    let mut reader = journal.reader(archive.covered(journal.info().id));
    while let Some(read) = reader
        .next_blocking(None)
        .context("cannot read the journal")?
    {
        if !archive.look_ahead(read.frames()) {
            commands::complain_line(
                "the archive is far behind the journal: the newest values are not in this answer yet",
            );
            break;
        }
    }
    Ok(())
}

/// Standard output or a file; a reader that has had enough (`| head`) is no error.
fn write_to(
    path: Option<&Path>,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>,
) -> Result<ExitCode> {
    let mut out: Box<dyn Write + Send> = match path {
        Some(path) => Box::new(
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?,
        ),
        None => Box::new(io::stdout()),
    };
    let mut out = BufWriter::new(&mut out);
    let result = write(&mut out).and_then(|()| out.flush().map_err(Into::into));
    match result {
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        other => other.map(|()| ExitCode::SUCCESS),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
