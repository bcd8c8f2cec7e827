//! `ioc`: the binary. This file is the checklist; `topology.rs` is the map.

mod archive_tools;
mod cli;
mod clock;
mod commands;
mod config;
mod demo;
mod evidence;
mod health;
mod http;
mod journal_tools;
mod logging;
mod metrics;
mod monitor;
mod notify_tools;
mod quarantine;
mod redactor;
mod rule_tools;
mod rules;
mod runtime;
mod screens;
mod series;
mod shutdown;
mod sinks;
mod site;
mod site_tools;
mod status;
mod store;
mod topology;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command, ConfigCommand};

// Many small messages on many threads: measurably less time in the allocator than with the system's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Run(args) => commands::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Check(args) => commands::check(&args),
        Command::Config(ConfigCommand::Print(args)) => commands::print_config(&args),
        Command::Status(args) => status::run(&args),
        Command::Query(args) => archive_tools::query(args),
        Command::Export(args) => archive_tools::export(args),
        Command::Refill(args) => archive_tools::refill(&args),
        Command::Explain(args) => {
            logging::start("warn");
            evidence::run(&args)
        }
        Command::Catalog(command) => site_tools::catalog(&command),
        Command::Decode(args) => site_tools::decode(&args),
        Command::Decoder(command) => site_tools::decoder(&command),
        Command::Quarantine(command) => quarantine::run(&command),
        Command::Health(args) => {
            logging::start("warn");
            health::run(&args)
        }
        Command::Notify(command) => notify_tools::run(&command),
        Command::Backtest(args) => rule_tools::backtest(&args),
        Command::Rules(command) => rule_tools::rules(&command),
        Command::Journal(command) => {
            logging::start("warn");
            journal_tools::run(&command)
        }
    };
    result.unwrap_or_else(|error| {
        commands::complain(&error);
        ExitCode::FAILURE
    })
}
