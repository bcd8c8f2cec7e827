//! `ioc demo`: a node on a scenario's clock and the simulated field devices that drive it, in one process. The messages
//! still cross the MQTT socket.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use event::Time;
use indicatif::{ProgressBar, ProgressStyle};
use journal::ClockKind;
use serde::Serialize;
use simulators::{DriveClock, Options, Pace, Scenario, Target, Totals};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::cli::{DemoArgs, Speed};
use crate::clock::ScenarioClock;
use crate::commands::{complain_line, load_or_complain};
use crate::config::{self, Config};
use crate::monitor::Progress;
use crate::shutdown::{self, Why};
use crate::site::{self, Site};
use crate::store::Recovered;
use crate::topology::{self, Node, Setup};
use crate::{logging, runtime};

/// Exit code for a wrong call.
const USAGE: u8 = 2;
/// How long an outside broker may take to confirm our subscription.
const BROKER_LIMIT: Duration = Duration::from_secs(30);
/// How long the monitor may take for what is already in `inputs` when the scenario is over.
const FOLD_LIMIT: Duration = Duration::from_secs(60);

/// The totals that `--json --exit-at-end` prints.
#[derive(Debug, Serialize)]
struct Summary {
    published: u64,
    acknowledged: u64,
    journaled: u64,
    events: u64,
    state: u64,
    duplicates: u64,
    rejected: u64,
    alerts_raised: u64,
    alerts_active: u64,
    lost: u64,
    seconds: f64,
}

impl Summary {
    fn new(totals: &Totals, progress: &Progress, seconds: f64) -> Self {
        let counters = progress.counters;
        let unique = counters.messages.saturating_sub(counters.duplicates);
        // At QoS 0 there is nothing to wait for: published is all that can be known of it.
        let acknowledged = totals.acknowledged + totals.unconfirmed;
        Self {
            published: totals.published,
            acknowledged,
            journaled: counters.messages,
            events: counters.events,
            state: counters.state,
            duplicates: counters.duplicates,
            rejected: counters.rejected,
            alerts_raised: counters.alerts_raised,
            alerts_active: progress.active.iter().sum(),
            lost: acknowledged.saturating_sub(unique),
            seconds: (seconds * 1000.0).round() / 1000.0,
        }
    }

    /// The accounting identity of a run.
    fn holds(&self) -> bool {
        self.published == self.acknowledged
            && self.acknowledged + self.duplicates == self.journaled
            && self.journaled == self.events + self.state + self.duplicates + self.rejected
    }
}

pub(crate) fn run(args: &DemoArgs) -> Result<ExitCode> {
    let scenario = match simulators::scenario(&args.scenario, args.seed, &Options::default()) {
        Ok(scenario) => scenario,
        Err(error) => {
            complain_line(&error.to_string());
            return Ok(ExitCode::from(USAGE));
        }
    };
    if args.json && !args.exit_at_end {
        complain_line("--json prints its line at the end: say --exit-at-end too");
        return Ok(ExitCode::from(USAGE));
    }
    logging::start("warn");
    let pack = site::read(&args.site)?;
    if let Err(mistakes) = Site::load(&pack) {
        mistakes
            .iter()
            .for_each(|mistake| complain_line(&format!("{}/{mistake}", args.site)));
        return Ok(ExitCode::from(USAGE));
    }
    let data = DataFolder::open(args.data.as_deref())?;
    let Some(config) = config(args, data.path())? else {
        return Ok(ExitCode::from(USAGE));
    };
    let recovered = Recovered::open(data.path(), &config.journal, ClockKind::Scenario)?;
    if recovered.last_stamp().is_some() {
        bail!(
            "{} holds a demo already: give --data a new folder, or look into it with `ioc journal`",
            data.path().display()
        );
    }
    let clock = Arc::new(ScenarioClock::starting_at(scenario.from_ns()));
    let setup = Setup {
        config: &config,
        pack,
        clock: clock.clone(),
        clock_kind: ClockKind::Scenario,
        page: !args.headless,
    };
    runtime::main()?.block_on(async {
        let node = topology::start(recovered, setup).await?;
        play(args, node, scenario, clock, &config).await
    })
}

async fn play(
    args: &DemoArgs,
    mut node: Node,
    scenario: Scenario,
    clock: Arc<ScenarioClock>,
    config: &Config,
) -> Result<ExitCode> {
    if let Some(address) = node.addresses.console {
        let _ = writeln!(
            io::stderr(),
            "operators' page: http://{address}   (simulated: {})",
            scenario.name()
        );
    }
    let started = Instant::now();
    listening(&mut node).await?;
    let (target, hands) = way_in(&node, clock, config)?;
    let pace = match args.speed {
        Speed::Times(times) => Pace::Speed(times),
        Speed::Max => Pace::Max,
    };
    let cancel = CancellationToken::new();
    let (progress, watched) = watch::channel(simulators::Progress::default());
    let driver = simulators::drive(
        scenario,
        target,
        pace,
        Arc::new(hands),
        progress,
        cancel.clone(),
    );
    let mut driver = tokio::spawn(driver);
    let printer = tokio::spawn(print_progress(watched, node.progress.clone(), !args.json));
    let mut ended = None;
    let mut why = tokio::select! {
        why = shutdown::signal() => Some(why?),
        failed = node.failed() => Some(failed),
        result = &mut driver => {
            ended = Some(result);
            None
        }
    };
    cancel.cancel();
    let ended = match ended {
        Some(result) => result,
        None => driver.await,
    };
    let totals = ended
        .context("the simulators panicked")?
        .context("the simulators failed")?;
    printer.abort();
    if why.is_none() {
        folded(&mut node).await?;
    }
    let summary = Summary::new(
        &totals,
        &node.progress.borrow(),
        started.elapsed().as_secs_f64(),
    );
    if why.is_none() && !args.exit_at_end {
        report(&summary, true);
        let _ = writeln!(
            io::stderr(),
            "the scenario is over; the page stays up until Ctrl-C"
        );
        why = Some(tokio::select! {
            why = shutdown::signal() => why?,
            failed = node.failed() => failed,
        });
    }
    let finished = why.is_none();
    if !finished && args.exit_at_end {
        // Stopped before the end: what was done is told, though it need not add up yet.
        report(&summary, true);
    }
    let code = node.stop(why.unwrap_or(Why::Finished)).await?;
    if !finished {
        return Ok(code);
    }
    if args.json {
        let line = serde_json::to_string(&summary).context("cannot write the totals")?;
        writeln!(io::stdout().lock(), "{line}").context("cannot print the totals")?;
    } else {
        report(&summary, summary.holds());
    }
    Ok(if summary.holds() {
        code
    } else {
        ExitCode::FAILURE
    })
}

/// Behind an outside broker: what is published before our subscription stands, nobody would hear.
async fn listening(node: &mut Node) -> Result<()> {
    let Some(status) = &mut node.broker_status else {
        return Ok(());
    };
    let ready = status.wait_for(mqtt::client::Status::is_ready);
    tokio::time::timeout(BROKER_LIMIT, ready)
        .await
        .context("the outside broker did not confirm our subscription: `ioc run` says why")?
        .context("the client of the outside broker ended")?;
    Ok(())
}

/// Waits until the monitor has folded everything that is in `inputs`.
async fn folded(node: &mut Node) -> Result<()> {
    let end = node.inputs.next_offset();
    let caught_up = node
        .progress
        .wait_for(|progress| progress.next_input >= end);
    tokio::time::timeout(FOLD_LIMIT, caught_up)
        .await
        .context("the monitor did not keep up")?
        .context("the monitor ended")?;
    Ok(())
}

fn report(summary: &Summary, sound: bool) {
    let _ = writeln!(
        io::stderr(),
        "{} published, {} acknowledged, {} journaled = {} events + {} state + {} duplicates + {} rejected; {} alerts raised, {} active; \
         lost {}; {:.1} s{}",
        summary.published,
        summary.acknowledged,
        summary.journaled,
        summary.events,
        summary.state,
        summary.duplicates,
        summary.rejected,
        summary.alerts_raised,
        summary.alerts_active,
        summary.lost,
        summary.seconds,
        if sound {
            ""
        } else {
            "  -- THE FIGURES DO NOT ADD UP"
        }
    );
}

/// A bar for a person, plain lines every few seconds for a log.
async fn print_progress(
    mut driver: watch::Receiver<simulators::Progress>,
    node: watch::Receiver<Progress>,
    wanted: bool,
) {
    if !wanted {
        return;
    }
    let bar = io::stderr().is_terminal().then(|| {
        let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(1000).with_style(style)
    });
    let mut last_line = Instant::now();
    while driver.changed().await.is_ok() {
        let now = *driver.borrow_and_update();
        let (length, passed) = (
            now.to_ns.saturating_sub(now.from_ns).max(1),
            now.now_ns.saturating_sub(now.from_ns),
        );
        let per_mille = u64::try_from(i128::from(passed) * 1000 / i128::from(length))
            .unwrap_or(0)
            .min(1000);
        let active: u64 = node.borrow().active.iter().sum();
        let text = format!(
            "{}  {} messages, {active} active alerts",
            Time(now.now_ns),
            now.totals.acknowledged
        );
        match &bar {
            Some(bar) => {
                bar.set_position(per_mille);
                bar.set_message(text);
            }
            None if last_line.elapsed() >= Duration::from_secs(5) => {
                last_line = Instant::now();
                let _ = writeln!(io::stderr(), "{:>5.1} %  {text}", per_mille as f64 / 10.0);
            }
            None => {}
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The simulators' hands on the node's clock.
struct Hands {
    clock: Arc<ScenarioClock>,
    /// Behind an outside broker: the clock must wait until what the broker acknowledged has come through.
    behind_broker: Option<watch::Receiver<Progress>>,
}

impl DriveClock for Hands {
    fn advance_to(&self, t_ns: i64) {
        self.clock.advance_to(t_ns);
    }

    fn arrived(&self, messages: u64) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let watched = self.behind_broker.clone();
        Box::pin(async move {
            if let Some(mut progress) = watched {
                let here = progress.wait_for(|progress| {
                    let [_, once, twice] = progress.counters.messages_by_qos;
                    once + twice >= messages
                });
                // The monitor has ended: the node is about to say so.
                let _ = here.await;
            }
        })
    }
}

/// Where the simulated devices publish: to our own listener, or to the outside broker when one is set up.
fn way_in(node: &Node, clock: Arc<ScenarioClock>, config: &Config) -> Result<(Target, Hands)> {
    if let Some((host, port)) = config.broker.address() {
        let behind_broker = Some(node.progress.clone());
        return Ok((
            Target::new(host, port),
            Hands {
                clock,
                behind_broker,
            },
        ));
    }
    let address = *node
        .addresses
        .ingest
        .first()
        .context("the MQTT listener has no address")?;
    let behind_broker = None;
    Ok((
        Target::from(address),
        Hands {
            clock,
            behind_broker,
        },
    ))
}

/// The defaults, the file if there is one, and `IOC__` variables. Addresses that nobody set are the usual ones when they are free, else free ones;
/// headless always free ones, so that demos do not meet.
fn config(args: &DemoArgs, data: &Path) -> Result<Option<Config>> {
    let variables = config::environment();
    let Some(mut config) = load_or_complain(&args.config)? else {
        return Ok(None);
    };
    config.node.data_dir = data.to_path_buf();
    let pick = |usual: SocketAddr| {
        if args.headless {
            free()
        } else {
            usual_or_free(usual)
        }
    };
    let set = |section: &str| variables.contains_key(&format!("IOC__{section}__LISTEN"));
    if !set("INGEST") {
        config.ingest.listen.truncate(1);
        config
            .ingest
            .listen
            .iter_mut()
            .for_each(|address| *address = pick(*address));
    }
    if !set("CONSOLE") {
        config.console.listen = pick(config.console.listen);
    }
    if !set("ADMIN") {
        config.admin.listen = pick(config.admin.listen);
    }
    match config.exposed().first() {
        Some((key, address)) => {
            bail!("{key} = {address}: a demo listens on loopback addresses only")
        }
        None => Ok(Some(config)),
    }
}

fn free() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn usual_or_free(usual: SocketAddr) -> SocketAddr {
    match TcpListener::bind(usual) {
        Ok(_) => usual,
        Err(_) => {
            complain_line(&format!("{usual} is in use; taking a free port instead"));
            free()
        }
    }
}

/// The demo's data: the folder asked for, or a temporary one that goes with the process.
struct DataFolder {
    path: PathBuf,
    temporary: bool,
}

impl DataFolder {
    fn open(asked: Option<&Path>) -> Result<Self> {
        let folder = match asked {
            Some(path) => Self {
                path: path.to_path_buf(),
                temporary: false,
            },
            None => Self {
                path: std::env::temp_dir().join(format!("ioc-demo-{}", std::process::id())),
                temporary: true,
            },
        };
        fs::create_dir_all(&folder.path)
            .with_context(|| format!("cannot make the folder {}", folder.path.display()))?;
        Ok(folder)
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        if self.temporary {
            // The system clears its temporary folder anyway.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
