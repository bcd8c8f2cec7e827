//! `ioc status`: how a node is doing, asked of the running one; of a stopped one, what its folder says.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use event::Time;
use journal::{Cursors, DiskStorage, JournalName, ReadOnly, Storage};
use pipeline::{State, Status};
use serde::{Deserialize, Serialize};

use crate::cli::StatusArgs;

/// How long a running node may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// An answer larger than this is not ours.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// What `/status` on the admin port says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NodeStatus {
    pub(crate) version: String,
    pub(crate) running: bool,
    /// One past the last durable record.
    pub(crate) inputs_next: u64,
    pub(crate) outcomes_next: u64,
    pub(crate) received: u64,
    pub(crate) events: u64,
    pub(crate) state: u64,
    pub(crate) duplicates: u64,
    pub(crate) rejected: u64,
    /// Reasons why the node is not ready; empty: ready.
    pub(crate) unready: Vec<String>,
    pub(crate) sinks: Vec<Status>,
}

#[derive(Deserialize)]
struct Addresses {
    admin: Option<SocketAddr>,
}

pub(crate) fn run(args: &StatusArgs) -> Result<ExitCode> {
    let status = match ask(&args.data)? {
        Some(status) => status,
        None => of_folder(&args.data)?,
    };
    let mut out = io::stdout().lock();
    if args.json {
        let line = serde_json::to_string(&status).context("cannot write the status")?;
        writeln!(out, "{line}")?;
    } else {
        print(&status, &mut out)?;
    }
    let well = status.running
        && status.unready.is_empty()
        && status
            .sinks
            .iter()
            .all(|sink| matches!(sink.state, State::Running | State::Starting));
    Ok(if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The running node's own answer; `None` when nobody answers.
fn ask(data: &Path) -> Result<Option<NodeStatus>> {
    let path = data.join("addresses.json");
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    };
    let addresses: Addresses = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not what a node writes", path.display()))?;
    let Some(address) = addresses.admin else {
        return Ok(None);
    };
    // The file outlives a node that was killed: no connection means not running.
    let Ok(connection) = TcpStream::connect_timeout(&address, PATIENCE) else {
        return Ok(None);
    };
    let body = get(connection, address, "/status")
        .with_context(|| format!("the node at http://{address} did not answer"))?;
    serde_json::from_slice(&body)
        .with_context(|| format!("http://{address}/status is not a node of this release"))
        .map(Some)
}

/// One GET; the connection ends with the answer.
fn get(mut connection: TcpStream, address: SocketAddr, path: &str) -> Result<Vec<u8>> {
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    write!(
        connection,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    connection.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    let split = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .context("the answer has no head")?;
    let head = String::from_utf8_lossy(&answer[..split]).into_owned();
    let first = head.lines().next().unwrap_or_default();
    if !first.contains(" 200 ") {
        bail!("it answered {first:?}");
    }
    Ok(answer.split_off(split + 4))
}

/// What a stopped node's folder tells: how far each sink was.
fn of_folder(data: &Path) -> Result<NodeStatus> {
    if !data.is_dir() {
        bail!(
            "{} is not a data folder: give the node's node.data_dir with --data",
            data.display()
        );
    }
    let storage: Arc<dyn Storage> = Arc::new(DiskStorage::new(data));
    let next = |name| -> Result<u64> {
        let journal = ReadOnly::open(Arc::clone(&storage), name)
            .with_context(|| format!("cannot read the journal in {}", data.display()))?;
        Ok(journal.info().next_offset)
    };
    let (inputs_next, outcomes_next) = (next(JournalName::Inputs)?, next(JournalName::Outcomes)?);
    let mut sinks = Vec::new();
    if data.join("cursors").is_dir() {
        let cursors = Cursors::read_only(storage);
        for name in cursors.names().context("cannot list the cursors")? {
            let position = cursors
                .load(&name)
                .with_context(|| format!("cannot read the cursor {name}"))?
                .unwrap_or(0);
            sinks.push(Status {
                sink: name,
                state: State::Stopped,
                position,
                lag_records: outcomes_next.saturating_sub(position),
                ..Status::default()
            });
        }
    }
    Ok(NodeStatus {
        version: crate::topology::VERSION.to_owned(),
        running: false,
        inputs_next,
        outcomes_next,
        received: 0,
        events: 0,
        state: 0,
        duplicates: 0,
        rejected: 0,
        unready: vec!["the node is not running".to_owned()],
        sinks,
    })
}

fn print(status: &NodeStatus, out: &mut impl Write) -> Result<()> {
    if status.running {
        writeln!(
            out,
            "node {} is running: {} received = {} events + {} state + {} duplicates + {} rejected",
            status.version,
            status.received,
            status.events,
            status.state,
            status.duplicates,
            status.rejected
        )?;
    }
    for reason in &status.unready {
        writeln!(out, "not ready: {reason}")?;
    }
    writeln!(
        out,
        "inputs up to {}, outcomes up to {}",
        status.inputs_next, status.outcomes_next
    )?;
    if status.sinks.is_empty() {
        writeln!(out, "no sink is set up")?;
    }
    for sink in &status.sinks {
        writeln!(
            out,
            "{:<9} {:<9} position {}  lag {} records, {:.1} s{}",
            sink.sink,
            word(sink.state),
            sink.position,
            sink.lag_records,
            sink.lag_seconds,
            if sink.since_ns > 0 {
                format!("  since {}", Time(sink.since_ns))
            } else {
                String::new()
            }
        )?;
        if let Some(trouble) = &sink.trouble {
            writeln!(
                out,
                "          last trouble: {} ({}), at {}, {} tries",
                trouble.message,
                trouble.code.name(),
                Time(trouble.at_ns),
                trouble.attempts
            )?;
        }
        for (from, to) in &sink.gaps {
            writeln!(
                out,
                "          lost at the disk bound: outcomes {from} to {} (ioc refill brings them back from the archive)",
                to - 1
            )?;
        }
    }
    Ok(())
}

const fn word(state: State) -> &'static str {
    match state {
        State::Starting => "starting",
        State::Running => "running",
        State::Retrying => "retrying",
        State::Draining => "draining",
        State::Stopped => "stopped",
        State::Failed => "failed",
    }
}
