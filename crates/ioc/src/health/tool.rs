//! `ioc health`: the figures of a period out of a node's `outcomes`, without its lock.

use std::io::{self, Write};
use std::process::ExitCode;

use alert::health::{Figure, Positions, Relation};
use anyhow::{Context, Result, bail};
use event::Time;
use event::outcome::{self, OutcomeKind};

use super::args::HealthArgs;
use super::{Answer, Feed};
use crate::journal_tools;

const DAY_NS: i64 = 24 * 3_600 * Time::SECOND;

pub(crate) fn run(args: &HealthArgs) -> Result<ExitCode> {
    let (feed, now) = read(args)?;
    let at = |name: &str, text: Option<&str>, default: Time| match text {
        None => Ok(default),
        Some(text) => console::parse_instant(text, now).with_context(|| {
            format!("--{name} {text}: no instant such as 2024-09-08T06:00:00+07:00, now, -24h")
        }),
    };
    let to = at("to", args.to.as_deref(), now.plus(1))?;
    let from = at("from", args.from.as_deref(), to.plus(-DAY_NS))?;
    let answer = Answer::of(&feed.health, from, to, args.position.as_deref())?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = if args.json {
        serde_json::to_writer_pretty(&mut out, &answer)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out))
    } else if args.csv {
        out.write_all(answer.report.to_csv().as_bytes())
    } else {
        table(&answer, &mut out)
    };
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        other => other.map(|()| ExitCode::SUCCESS).map_err(Into::into),
    }
}

/// Folds the whole journal; also the time of its newest record.
fn read(args: &HealthArgs) -> Result<(Feed, Time)> {
    let journal = journal_tools::outcomes(&args.data)?;
    let mut reader = journal.reader(journal.info().first_offset);
    let mut feed = Feed::new(Positions::default());
    let mut newest = None;
    while let Some(batch) = reader
        .next_blocking(None)
        .context("cannot read the journal")?
    {
        if let Some(gap) = batch.gap() {
            tracing::warn!(
                from = gap.from,
                to = gap.to,
                "records are missing here: figures may be too low"
            );
        }
        for frame in batch.frames() {
            let at = Time(frame.stamp.journal_ns);
            if newest.is_none() {
                feed.health.seen(at);
            }
            newest = newest.max(Some(at));
            let needless = [OutcomeKind::Event, OutcomeKind::Reject];
            if needless.iter().any(|kind| *kind as u8 == frame.kind) {
                continue;
            }
            match outcome::decode(frame.kind, frame.version, frame.payload) {
                Ok((_, outcome)) => feed.fold(at, &outcome),
                Err(error) => {
                    tracing::warn!(offset = frame.offset, %error, "a record is left out: it cannot be read");
                }
            }
        }
    }
    let Some(newest) = newest else {
        bail!("the journal of outcomes is empty: nothing has happened yet");
    };
    feed.health.seen(newest);
    Ok((feed, newest))
}

fn table(answer: &Answer, out: &mut impl Write) -> io::Result<()> {
    let report = &answer.report;
    writeln!(out, "{} .. {} (now {})", report.from, report.to, report.now)?;
    if !report.complete {
        writeln!(
            out,
            "  chưa đủ dữ liệu từ {} / not known from {}",
            report.asked_from, report.asked_from
        )?;
    }
    for position in &report.positions {
        let (name, calls) = (&position.name, &position.calls);
        writeln!(out, "\n{} / {} ({})", name.vi, name.en, position.id)?;
        for figure in &position.figures {
            line(figure, out)?;
        }
        let left = calls.total - calls.counted;
        writeln!(
            out,
            "  cảnh báo: {} tính, {left} không tính / alerts: {} counted, {left} left out",
            calls.counted, calls.counted
        )?;
        for flood in &position.floods {
            let ended = flood
                .ended
                .map_or_else(|| "...".to_owned(), |ended| ended.to_string());
            writeln!(
                out,
                "  quá tải / flood: {} .. {ended}, {} alerts",
                flood.began, flood.alerts
            )?;
        }
        for top in &position.top {
            let entity = top.entity.as_deref().unwrap_or_default();
            writeln!(
                out,
                "  {:>6} {:>5.1} % {} {entity}",
                top.alerts, top.percent, top.rule
            )?;
        }
    }
    if report.outside > 0 {
        writeln!(
            out,
            "\nngoài mọi vị trí trực / outside every position: {}",
            report.outside
        )?;
    }
    Ok(())
}

fn line(figure: &Figure, out: &mut impl Write) -> io::Result<()> {
    let value = figure
        .value
        .map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
    write!(
        out,
        "  {value:>10} {:<12} {} / {}",
        figure.unit, figure.label.vi, figure.label.en
    )?;
    for target in &figure.targets {
        let sign = match target.relation {
            Relation::AtMost => "<=",
            Relation::Below => "<",
            Relation::About => "~",
        };
        let met = match target.met {
            Some(true) => "đạt/met",
            Some(false) => "KHÔNG ĐẠT/NOT MET",
            None => "-",
        };
        write!(
            out,
            "  [{sign} {} {}, {}: {met}]",
            target.value, target.source, target.confidence
        )?;
    }
    writeln!(out)
}
