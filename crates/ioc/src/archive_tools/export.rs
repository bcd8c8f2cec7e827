//! `ioc export`: every recorded value of the series asked for, one a line.

use std::process::ExitCode;

use anyhow::Result;
use archive::{Export, ExportFormat};

use super::args::{ExportArgs, LinesArg};
use super::{open, times, write_to};
use crate::logging;

pub(crate) fn run(args: ExportArgs) -> Result<ExitCode> {
    logging::start("warn");
    let (from, to) = times(&args.span)?;
    let archive = open(&args.place)?;
    let export = Export {
        from,
        to,
        stream: args.filter.stream,
        entity: args.filter.entity,
        measure: args.filter.measure,
        format: match args.format {
            LinesArg::Csv => ExportFormat::Csv,
            LinesArg::Jsonl => ExportFormat::JsonLines,
        },
    };
    write_to(args.out.as_deref(), |out| {
        // A pipe that is closed ends it: nothing else has to.
        match archive.export(&export, out, &|| false) {
            Ok(_) => Ok(()),
            Err(problem) => Err(anyhow::anyhow!(
                "{} ({})",
                problem.detail.en,
                problem.detail.vi
            )),
        }
    })
}
