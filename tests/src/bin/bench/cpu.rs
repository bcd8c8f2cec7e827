//! CPU time of a process and of its threads, from the kernel's accounting.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};

/// Hundredths of a second: `sysconf(_SC_CLK_TCK)` on every Linux of today.
const TICKS_A_SECOND: f64 = 100.0;

/// User and system seconds of the whole process, ended threads included.
pub(crate) fn process_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("reading /proc/PID/stat")?;
    // The name, in brackets, may hold spaces; user and system time are the 14th and 15th field.
    let (_, rest) = stat
        .rsplit_once(')')
        .context("/proc/PID/stat has no name")?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut ticks = || -> Result<f64> {
        let field = fields.next().context("/proc/PID/stat is short")?;
        field.parse().context("/proc/PID/stat has no number")
    };
    Ok((ticks()? + ticks()?) / TICKS_A_SECOND)
}

/// Seconds by thread name, of the threads that are there now. Numbered threads of one kind are added up.
pub(crate) fn thread_seconds(pid: u32) -> Result<BTreeMap<String, f64>> {
    let mut threads = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{pid}/task")).context("reading /proc/PID/task")? {
        let folder = entry?.path();
        // A thread may end between the two.
        let (Ok(name), Ok(times)) = (
            fs::read_to_string(folder.join("comm")),
            fs::read_to_string(folder.join("schedstat")),
        ) else {
            continue;
        };
        let run_ns: f64 = times
            .split_whitespace()
            .next()
            .and_then(|ns| ns.parse().ok())
            .unwrap_or(0.0);
        let name = name
            .trim()
            .trim_end_matches(|last: char| last.is_ascii_digit() || last == '-');
        *threads.entry(name.to_owned()).or_insert(0.0) += run_ns / 1e9;
    }
    Ok(threads)
}
