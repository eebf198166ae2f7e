//! `mete prices`: what things cost, where that is written, and what would be different.

mod diff;
mod list;
mod show;
mod words;

use clap::Subcommand;
use mete_control::host::SystemClock;
use mete_core::Clock;

use crate::error::CliError;
use crate::output::Output;
use diff::DiffArgs;
use list::ListArgs;
use show::ShowArgs;

/// What to do with prices.
#[derive(Debug, Subcommand)]
pub enum PricesCommand {
    /// List models with their prices and where they come from
    List(ListArgs),
    /// Show all about the price of one model: tiers, dates, and which override hides what
    Show(ShowArgs),
    /// Compare prices: yours with the catalogue's, two files, or two dates
    Diff(DiffArgs),
}

/// Carries it out (R35). Prices are in files: there need not be a store.
pub fn run(command: &PricesCommand, output: Output) -> Result<(), CliError> {
    let now = SystemClock.now();
    match command {
        PricesCommand::List(args) => list::run(args, now, output),
        PricesCommand::Show(args) => show::run(args, now, output),
        PricesCommand::Diff(args) => diff::run(args, now, output),
    }
}
