//! `simulate`: virtual field devices against a running node.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use simulators::{
    NAMES, Options, Pace, Progress, Qos, RealTime, Scenario, Target, Totals, drive, ledger,
    scenario, stamp, wall,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Publish a scenario as virtual field devices over MQTT.
///
/// With `--start now` (the default) every stamp is the present's: at `--speed 60` an hour of the scenario is reported
/// within a minute, each reading stamped when it is sent. With `--start TIME` the stamps begin there and keep the
/// scenario's own pace, as devices with a wrong clock or a backlog do.
#[derive(Parser)]
#[command(version, after_help = scenarios())]
struct Cli {
    /// Where to publish: mqtt://HOST:PORT.
    #[arg(long, required_unless_present = "ledger")]
    url: Option<String>,
    /// Which scenario; see below.
    #[arg(long)]
    scenario: String,
    /// Scenario seconds a real second.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// The same seed gives the same readings.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Numbered devices (aqm-0001 …) beside the named ones; for `burst` the devices of the storm.
    #[arg(long)]
    devices: Option<u32>,
    /// Messages a (real) second from all numbered devices together; without it each speaks once a scenario minute.
    #[arg(long)]
    rate: Option<f64>,
    /// Delivery of every message: 0, 1 or 2; without it 1, and 2 for dams and meters.
    #[arg(long)]
    qos: Option<u8>,
    /// When the scenario begins: `now`, or a time such as 2024-09-08T00:00:00+07:00.
    #[arg(long, default_value = "now")]
    start: String,
    /// Publish nothing: print as one JSON line what must become of the scenario's messages, by format, and their faults.
    #[arg(long)]
    ledger: bool,
    /// End with one JSON line of totals instead of a sentence.
    #[arg(long)]
    json: bool,
}

fn scenarios() -> String {
    let lines = NAMES
        .iter()
        .map(|(name, what)| format!("  {name:<10} {what}"));
    format!("Scenarios:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

#[tokio::main]
async fn main() -> ExitCode {
    match publish().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line for a person, without a backtrace.
            let _ = writeln!(std::io::stderr(), "simulate: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn publish() -> anyhow::Result<()> {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn")),
        )
        .with_writer(std::io::stderr)
        .init();
    let (scenario, pace) = prepare(&cli)?;
    if cli.ledger {
        let line = serde_json::to_string(&ledger(scenario))?;
        return writeln!(std::io::stdout(), "{line}").context("printing the ledger");
    }
    let target = target(cli.url.as_deref().unwrap_or_default())?;
    let cancel = CancellationToken::new();
    let interrupted = cancel.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupted.cancel();
        }
    });
    let (progress, seen) = watch::channel(Progress::default());
    let shown = tokio::spawn(show(seen, cli.scenario.clone()));
    let run = drive(scenario, target, pace, Arc::new(RealTime), progress, cancel);
    let result = run.await.context("publishing the scenario");
    let _ = shown.await;
    let totals = result?;
    print_totals(&totals, cli.json)?;
    let missing = totals.published - totals.acknowledged - totals.unconfirmed;
    if missing > 0 {
        bail!("{missing} messages were not acknowledged");
    }
    Ok(())
}

fn prepare(cli: &Cli) -> anyhow::Result<(Scenario, Pace)> {
    if !(cli.speed.is_finite() && cli.speed > 0.0) {
        bail!("--speed is a number above 0, not {}", cli.speed);
    }
    let present = cli.start == "now";
    let start_ns = if present {
        wall::now_ns()
    } else {
        let start: jiff::Timestamp = cli.start.parse().ok().with_context(|| {
            format!(
                "--start is `now` or a time such as 2024-09-08T00:00:00+07:00, not {:?}",
                cli.start
            )
        })?;
        i64::try_from(start.as_nanosecond()).context("--start is out of range")?
    };
    let qos = match cli.qos {
        Some(number) => Some(
            Qos::from_number(number)
                .with_context(|| format!("--qos is 0, 1 or 2, not {number}"))?,
        ),
        None => None,
    };
    let options = Options {
        devices: cli.devices,
        messages_per_second: cli.rate.map(|rate| rate / cli.speed),
        qos,
        start_ns: Some(start_ns),
        compression: present.then_some(cli.speed),
    };
    // Where the stamps are the present's, the scenario's time is already compressed.
    let pace = Pace::Speed(if present { 1.0 } else { cli.speed });
    Ok((scenario(&cli.scenario, cli.seed, &options)?, pace))
}

fn target(url: &str) -> anyhow::Result<Target> {
    let address = url
        .strip_prefix("mqtt://")
        .map(|address| address.trim_end_matches('/'));
    let parts = address.and_then(|address| address.rsplit_once(':'));
    let (host, port) =
        parts.with_context(|| format!("--url must be mqtt://HOST:PORT, not {url}"))?;
    let port = port
        .parse()
        .with_context(|| format!("--url has no port number: {url}"))?;
    Ok(Target::new(host, port))
}

/// A bar while somebody looks, nothing otherwise.
async fn show(mut seen: watch::Receiver<Progress>, name: String) {
    if !std::io::stderr().is_terminal() {
        return;
    }
    let bar = ProgressBar::new(1_000);
    if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} {percent:>3} %  {msg}") {
        bar.set_style(style);
    }
    bar.set_prefix(name);
    while seen.changed().await.is_ok() {
        let Progress {
            from_ns,
            to_ns,
            now_ns,
            totals,
        } = *seen.borrow_and_update();
        let passed = (now_ns - from_ns) as f64 / (to_ns - from_ns).max(1) as f64;
        bar.set_position((passed * 1_000.0) as u64);
        let time = stamp::text(now_ns);
        let time = String::from_utf8_lossy(&time).into_owned();
        bar.set_message(format!(
            "{time}  {} sent, {} acknowledged",
            totals.published, totals.acknowledged
        ));
        // Twenty times a second is enough for an eye.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bar.finish_and_clear();
}

fn print_totals(totals: &Totals, json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    if json {
        return writeln!(out, "{}", serde_json::to_string(totals)?).context("printing the totals");
    }
    writeln!(
        out,
        "{} messages published, {} acknowledged, {} at QoS 0; {} repeated by their devices, {} delivered again; \
         {} connections, {} sessions lost",
        totals.published,
        totals.acknowledged,
        totals.unconfirmed,
        totals.repeats,
        totals.redelivered,
        totals.connects,
        totals.sessions_lost
    )
    .context("printing the totals")
}
