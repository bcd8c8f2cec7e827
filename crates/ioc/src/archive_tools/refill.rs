//! `ioc refill`: what a sink lost at the disk bound, out of the archive. The node may run or not; cursors are not touched.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use archive::Archive;
use event::JournalId;
use influxdb::InfluxSink;
use journal::{DiskStorage, JournalName, ReadOnly};
use pipeline::{RecordBuffer, RefillOptions, Refilled, Sink};

use super::args::{RefillArgs, SinkArg};
use crate::commands::load_or_complain;
use crate::sinks::{archive_dir, kafka_sink};
use crate::{logging, runtime};

/// Tries in a row without progress before a person is asked to look.
const ATTEMPTS_MAX: u32 = 8;

pub(crate) fn run(args: &RefillArgs) -> Result<ExitCode> {
    let Some(config) = load_or_complain(&args.config)? else {
        return Ok(ExitCode::from(crate::commands::USAGE));
    };
    logging::start("warn");
    if args.from >= args.to {
        bail!("--from must lie before --to");
    }
    let dir = archive_dir(&config);
    let archive = Archive::read_only(config.archive.clone(), &dir)
        .with_context(|| format!("cannot read the archive {}", dir.display()))?;
    for (from, to) in archive.missing_records(None, args.from, args.to) {
        writeln!(
            io::stderr(),
            "outcomes {from} to {} are not in the archive and cannot be brought back",
            to - 1
        )?;
    }
    // An error in the middle ends the stream; it is told after what was read is delivered.
    let mut broken = None;
    let records = archive
        .records(None, args.from, args.to)
        .map_while(|buffer| buffer.map_err(|error| broken = Some(error)).ok());
    let runtime = runtime::main()?;
    let done = match args.sink {
        SinkArg::Kafka => {
            if !config.kafka.is_on() {
                bail!("kafka.brokers is not set");
            }
            let storage = std::sync::Arc::new(DiskStorage::new(&config.node.data_dir));
            let inputs = ReadOnly::open(storage, JournalName::Inputs)
                .context("cannot read the inputs journal")?;
            let journal = JournalId(inputs.info().id.0);
            runtime.block_on(deliver(kafka_sink(&config, journal, Vec::new())?, records))?
        }
        SinkArg::Influxdb => {
            if !config.influxdb.enabled() {
                bail!("influxdb.url is not set");
            }
            let sink = InfluxSink::new(&config.influxdb).context("cannot set up InfluxDB")?;
            runtime.block_on(deliver(sink, records))?
        }
    };
    runtime.shutdown_background();
    if let Some(error) = broken {
        return Err(error).context("the archive could not be read to the end");
    }
    writeln!(
        io::stdout(),
        "{} outcomes delivered, {} refused, {} tries repeated",
        done.written,
        done.refused,
        done.retried
    )?;
    Ok(ExitCode::SUCCESS)
}

async fn deliver<S: Sink>(
    sink: S,
    records: impl Iterator<Item = RecordBuffer>,
) -> Result<Refilled> {
    let options = RefillOptions {
        attempts_max: ATTEMPTS_MAX,
        seed: 1,
    };
    let refused = |refused: &pipeline::Refused| {
        // Standard error gone: nobody is reading.
        let _ = writeln!(
            io::stderr(),
            "outcome {} refused: {}",
            refused.offset,
            refused.reason
        );
    };
    pipeline::refill(sink, options, records, refused, |_| {})
        .await
        .context("the sink could not be refilled")
}
