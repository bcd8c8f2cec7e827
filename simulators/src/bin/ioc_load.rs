//! `ioc-load`: pushes pre-encoded PUBLISH packets, or serves as the bare reference that acknowledges them.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use simulators::load::{LoadOptions, Pace, reference, run};
use tokio::net::TcpListener;

/// Load generator of the benchmark.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Push messages and print one JSON line with what came of it.
    Send(Send),
    /// Read, count and acknowledge, nothing else; prints the address it listens on.
    Reference {
        /// Address to listen on.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: String,
    },
}

#[derive(Args)]
struct Send {
    /// Where to publish: mqtt://HOST:PORT.
    #[arg(long)]
    url: String,
    #[arg(long, default_value_t = 1)]
    connections: u32,
    /// Delivery: 0 or 1.
    #[arg(long, default_value_t = 1)]
    qos: u8,
    /// Messages a second in all; without it as fast as the window allows.
    #[arg(long)]
    rate: Option<f64>,
    /// Unacknowledged messages a connection, without --rate.
    #[arg(long, default_value_t = 20_000)]
    window: u64,
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Seconds at the start whose latencies are left out.
    #[arg(long, default_value_t = 0.0)]
    warm_up: f64,
    /// Devices that take turns.
    #[arg(long, default_value_t = 1_000)]
    devices: u32,
    /// Number of the first device.
    #[arg(long, default_value_t = 1)]
    first_device: u32,
    #[arg(long, default_value = "ioc-load")]
    client_prefix: String,
    /// Wire format of the messages (senml, sparkplug, cap ...); without it native readings. Up to 60,000 a connection are encoded
    /// beforehand, the others as they go.
    #[arg(long)]
    format: Option<String>,
}

// One thread: the generator must leave the cores to what it measures.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Send(send) => {
            let report = run(&options(send)?).await?;
            let line = serde_json::to_string(&report)?;
            writeln!(std::io::stdout(), "{line}").context("printing the report")
        }
        Command::Reference { listen } => {
            let listener = TcpListener::bind(&listen)
                .await
                .with_context(|| format!("listening on {listen}"))?;
            writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
            std::io::stdout().flush()?;
            reference::serve(listener).await.context("serving")
        }
    }
}

fn options(send: Send) -> anyhow::Result<LoadOptions> {
    let Some(host) = send.url.strip_prefix("mqtt://") else {
        bail!("the url must be mqtt://HOST:PORT, not {}", send.url);
    };
    let pace = match send.rate {
        Some(messages_per_second) if messages_per_second > 0.0 => Pace::Rate {
            messages_per_second,
        },
        Some(rate) => bail!("the rate must be above 0, not {rate}"),
        None => Pace::Max {
            window: send.window,
        },
    };
    Ok(LoadOptions {
        host: host.trim_end_matches('/').to_owned(),
        connections: send.connections,
        qos: send.qos,
        pace,
        duration: Duration::try_from_secs_f64(send.seconds).context("--seconds")?,
        warm_up: Duration::try_from_secs_f64(send.warm_up).context("--warm-up")?,
        devices: send.devices,
        first_device: send.first_device,
        client_prefix: send.client_prefix,
        format: send.format,
    })
}
