//! `ioc-load` as a child process: the load, and the bare reference that it is compared on.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ioc_tests::process::{Guard, binary};
use serde::Deserialize;

/// What to push.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) connections: u32,
    pub(crate) qos: u8,
    /// Messages a second; without it as fast as the window allows.
    pub(crate) rate: Option<u32>,
    /// Unacknowledged messages a connection.
    pub(crate) window: u32,
    pub(crate) duration: Duration,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Latency {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) max_us: f64,
}

/// The line that `ioc-load send` prints.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Report {
    pub(crate) sent: u64,
    pub(crate) acknowledged: u64,
    pub(crate) out_of_order: u64,
    pub(crate) messages_per_second: f64,
    pub(crate) latency: Latency,
    pub(crate) cpu_seconds: Option<f64>,
}

impl Load {
    /// Pushes to the end; every message must be acknowledged, in order.
    pub(crate) fn run(&self, address: SocketAddr) -> Result<Report> {
        let mut command = Command::new(binary("ioc-load"));
        command.args(["send", "--url", &format!("mqtt://{address}")]);
        command.args(["--connections", &self.connections.to_string()]);
        command.args([
            "--qos",
            &self.qos.to_string(),
            "--window",
            &self.window.to_string(),
        ]);
        command.args(["--seconds", &self.duration.as_secs_f64().to_string()]);
        command.args([
            "--warm-up",
            &(self.duration.as_secs_f64() / 10.0).to_string(),
        ]);
        if let Some(rate) = self.rate {
            command.args(["--rate", &rate.to_string()]);
        }
        let output = command
            .stderr(Stdio::inherit())
            .output()
            .context("starting ioc-load")?;
        if !output.status.success() {
            bail!("ioc-load ended with {}", output.status);
        }
        let report: Report = serde_json::from_slice(&output.stdout).context("reading ioc-load")?;
        if self.qos > 0 && (report.acknowledged != report.sent || report.out_of_order > 0) {
            bail!("not every message was acknowledged in order: {report:?}");
        }
        Ok(report)
    }
}

/// The bare server.
pub(crate) struct Reference {
    child: Guard,
    pub(crate) address: SocketAddr,
}

impl Reference {
    pub(crate) fn start() -> Result<Self> {
        let mut command = Command::new(binary("ioc-load"));
        command
            .arg("reference")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = Guard(command.spawn().context("starting ioc-load reference")?);
        let stdout = child
            .0
            .stdout
            .take()
            .context("the reference has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line
            .trim()
            .parse()
            .context("the reference names no address")?;
        Ok(Self { child, address })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.0.id()
    }
}
