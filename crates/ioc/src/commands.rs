//! `ioc run`, `ioc check`, `ioc config print`.

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use journal::ClockKind;

use crate::cli::{ConfigArgs, RunArgs};
use crate::clock::RealClock;
use crate::config::{self, Config, Mistake, Source};
use crate::site::{self, Site};
use crate::store::Recovered;
use crate::topology::{self, Setup};
use crate::{logging, notify_tools, runtime, shutdown};

/// Exit code for a wrong configuration or call.
pub(crate) const USAGE: u8 = 2;

pub(crate) fn run(args: &RunArgs) -> Result<ExitCode> {
    let Some(config) = load_or_complain(&args.config)? else {
        return Ok(ExitCode::from(USAGE));
    };
    let exposed = config.exposed();
    if !exposed.is_empty() && !args.insecure {
        for (key, address) in exposed {
            complain_line(&format!(
                "{key} = {address}: other machines can reach this address and nobody has to log in yet; use a loopback \
                 address, or say --insecure if the network itself is closed"
            ));
        }
        return Ok(ExitCode::from(USAGE));
    }
    logging::start("info");
    let pack = site::read(&config.node.site)?;
    if let Err(mistakes) = Site::load(&pack) {
        mistakes
            .iter()
            .for_each(|mistake| complain_line(&format!("{}/{mistake}", config.node.site)));
        return Ok(ExitCode::from(USAGE));
    }
    let recovered = Recovered::open(&config.node.data_dir, &config.journal, ClockKind::Real)?;
    let clock = Arc::new(RealClock::start(recovered.last_stamp(), args.accept_clock)?);
    let workers = runtime::main()?;
    let result = workers.block_on(async {
        let setup = Setup {
            config: &config,
            pack,
            clock,
            clock_kind: ClockKind::Real,
            page: true,
        };
        let mut node = topology::start(recovered, setup).await?;
        node.announce();
        let why = tokio::select! {
            why = shutdown::signal() => why?,
            failed = node.failed() => failed,
        };
        node.stop(why).await
    });
    workers.shutdown_background();
    result
}

/// Reports every mistake of the configuration and of the site pack.
pub(crate) fn check(args: &ConfigArgs) -> Result<ExitCode> {
    let (config, mut mistakes) = match load(args)? {
        Ok(config) => (Some(config), Vec::new()),
        Err(mistakes) => (None, mistakes),
    };
    // The site pack is checked even when the rest is wrong: one run shows everything.
    let site = config
        .as_ref()
        .map_or_else(|| site_named_in(args), |config| config.node.site.clone());
    match site::read(&site) {
        Ok(pack) => {
            let wrong = Site::load(&pack).err().unwrap_or_default();
            mistakes.extend(wrong.into_iter().map(|mistake| Mistake {
                place: if mistake.line == 0 {
                    format!("{site}/{}", mistake.file)
                } else {
                    format!("{site}/{}:{}", mistake.file, mistake.line)
                },
                message: mistake.message,
            }));
        }
        Err(error) => mistakes.push(Mistake {
            place: "node.site".to_owned(),
            message: format!("{error:#}"),
        }),
    }
    if let Some(config) = config.as_ref().filter(|config| config.notify.enabled) {
        mistakes.extend(notify_tools::mistakes(config));
    }
    let mut out = io::stdout().lock();
    for (key, address) in config.iter().flat_map(Config::exposed) {
        writeln!(
            out,
            "note: {key} = {address} can be reached by other machines: `ioc run` wants --insecure for it"
        )?;
    }
    if mistakes.is_empty() {
        writeln!(out, "configuration and site pack are good")?;
        return Ok(ExitCode::SUCCESS);
    }
    for mistake in &mistakes {
        writeln!(out, "{mistake}")?;
    }
    writeln!(out, "{} mistake(s)", mistakes.len())?;
    Ok(ExitCode::from(USAGE))
}

pub(crate) fn print_config(args: &ConfigArgs) -> Result<ExitCode> {
    let Some(config) = load_or_complain(args)? else {
        return Ok(ExitCode::from(USAGE));
    };
    let text = config
        .print()
        .context("cannot write the configuration as TOML")?;
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn load(args: &ConfigArgs) -> Result<Result<Config, Vec<Mistake>>> {
    let source = match &args.config {
        Some(path) => {
            let text = fs::read_to_string(path).with_context(|| {
                format!("cannot read the configuration file {}", path.display())
            })?;
            Some(Source {
                name: path.display().to_string(),
                text,
            })
        }
        None => None,
    };
    Ok(Config::load(source.as_ref(), &config::environment()))
}

pub(crate) fn load_or_complain(args: &ConfigArgs) -> Result<Option<Config>> {
    match load(args)? {
        Ok(config) => Ok(Some(config)),
        Err(mistakes) => {
            mistakes
                .iter()
                .for_each(|mistake| complain_line(&mistake.to_string()));
            Ok(None)
        }
    }
}

/// The site that a configuration with other mistakes names, as far as it can be read.
fn site_named_in(args: &ConfigArgs) -> String {
    let text = args
        .config
        .as_ref()
        .and_then(|path| fs::read_to_string(path).ok())
        .unwrap_or_default();
    let table = text.parse::<toml::Table>().unwrap_or_default();
    let site = table
        .get("node")
        .and_then(|node| node.get("site"))
        .and_then(toml::Value::as_str);
    site.unwrap_or("lao-cai").to_owned()
}

/// One line on standard error, for people: logging may not have started yet.
pub(crate) fn complain_line(text: &str) {
    // Nothing can be done when standard error is gone.
    let _ = writeln!(io::stderr(), "ioc: {text}");
}

pub(crate) fn complain(error: &anyhow::Error) {
    complain_line(&format!("{error:#}"));
}
