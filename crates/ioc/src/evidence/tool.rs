//! `ioc explain`.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Result, bail};
use journal::DiskStorage;

use super::verify::Verdict;
use super::{document, read, text, verify};
use crate::cli::ExplainArgs;
use crate::commands::complain_line;

pub(crate) fn run(args: &ExplainArgs) -> Result<ExitCode> {
    if !args.data.is_dir() {
        bail!(
            "{} is not a data folder: give the node's node.data_dir with --data",
            args.data.display()
        );
    }
    let storage = DiskStorage::new(&args.data);
    let found = read::find(&storage, &args.alert)?;
    let report = args.verify.then(|| verify::verify(&found));
    let Some(document) = document::document(&args.alert, &found, report.as_ref()) else {
        for damaged in &found.damaged {
            complain_line(damaged);
        }
        complain_line(&format!(
            "không giữ bằng chứng nào của cảnh báo này / no evidence of alert {:?} is kept (the id is that of the page and of /api/v1/alerts)",
            args.alert
        ));
        return Ok(ExitCode::FAILURE);
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = if args.json {
        writeln!(out, "{document}")
    } else {
        text::print(&document, &mut out)
    };
    match written.and_then(|()| out.flush()) {
        // `ioc explain … | head` is no error.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    Ok(match report {
        Some(report) if report.verdict == Verdict::Failed => ExitCode::FAILURE,
        Some(_) | None => ExitCode::SUCCESS,
    })
}
