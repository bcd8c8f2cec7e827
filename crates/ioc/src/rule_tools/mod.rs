//! `ioc backtest` and `ioc rules …`: rules tried before they are trusted, on the production fold.

pub(crate) mod apply;
pub(crate) mod args;
mod backtest;
mod cases;
mod check;
mod compare;
mod diff;
mod episodes;
mod feed;
mod lane;
mod load;
mod marks;
mod picture;
mod shadow;
mod table;
pub(crate) mod texts;
mod traffic;
mod trial;

use std::process::ExitCode;

use anyhow::Result;

use args::RulesCommand;

pub(crate) use backtest::run as backtest;

pub(crate) fn rules(command: &RulesCommand) -> Result<ExitCode> {
    match command {
        RulesCommand::Check(args) => check::check(args),
        RulesCommand::List(args) => check::list(args),
        RulesCommand::Test(args) => trial::run(args),
        RulesCommand::Shadow(args) => shadow::shadow(args),
        RulesCommand::Promote(args) => shadow::promote(args),
        RulesCommand::Drop(args) => shadow::drop_trial(args),
        RulesCommand::Apply(args) => apply::run(args),
        RulesCommand::Compare(args) => compare::run(args),
    }
}
