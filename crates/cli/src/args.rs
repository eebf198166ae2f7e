//! What can be typed: the commands and the options that all of them have.

use clap::{Args, Parser, Subcommand};

use crate::commands::alerts::AlertsCommand;
use crate::commands::completions::CompletionsArgs;
use crate::commands::demo::DemoArgs;
use crate::commands::explain::ExplainArgs;
use crate::commands::ingest::IngestArgs;
use crate::commands::init::InitArgs;
use crate::commands::key::KeyCommand;
use crate::commands::limits::LimitsCommand;
use crate::commands::org::OrgCommand;
use crate::commands::project::ProjectCommand;
use crate::commands::quarantine::QuarantineCommand;
use crate::commands::spend::SpendArgs;

/// Budgets for LLM API keys: what was spent, by whom, and who is refused.
#[derive(Debug, Parser)]
#[command(name = "mete", version, after_help = AFTER_HELP, propagate_version = true)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Example:
  mete init --org Acme --owner dana@acme.test
  mete project create Support --org Acme
  mete key create --project Support
  mete ingest usage.jsonl --project Support
  mete spend

ORG, PROJECT and KEY are an id or a name that only one has. Exit status: 0 done, 1 refused or not found, 2 wrong usage.";

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Where the store is: sqlite:PATH or postgres://USER@HOST/DATABASE [default: mete/mete.db in the XDG data directory]
    #[arg(long, global = true, value_name = "URL", env = "METE_STORE", hide_env_values = true)]
    pub store: Option<String>,
    /// Write one JSON object in place of tables, and errors as {"error":{"message","code"}}
    #[arg(long, global = true)]
    pub json: bool,
    /// Act with the rights of this person rather than as the operator
    #[arg(long = "as", global = true, value_name = "EMAIL", env = "METE_ACTOR")]
    pub actor: Option<String>,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the store and its first organization
    Init(InitArgs),
    /// Make and list organizations
    #[command(subcommand)]
    Org(OrgCommand),
    /// Make, list and show projects
    #[command(subcommand)]
    Project(ProjectCommand),
    /// Make, list and disable API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Show and set monthly budgets and notification thresholds
    #[command(subcommand)]
    Limits(LimitsCommand),
    /// Show what was spent in a month
    Spend(SpendArgs),
    /// Say whether a key is let through now, and why
    Explain(ExplainArgs),
    /// List thresholds passed and budgets exhausted
    #[command(subcommand)]
    Alerts(AlertsCommand),
    /// List what could not be counted
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// Prove that the events kept, the sums and the spend shown agree
    #[command(after_help = "Example:\n  mete verify && echo clean")]
    Verify,
    /// Count usage logs: files or standard input
    Ingest(IngestArgs),
    /// Open the terminal interface
    #[command(after_help = "Example:\n  mete tui --store sqlite:mete.db")]
    Tui,
    /// Play all of Mete in a temporary folder, on made-up traffic
    Demo(DemoArgs),
    /// Write a shell's completion script
    Completions(CompletionsArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    /// Every command that does something, groups excluded, has an example in its help.
    #[test]
    fn every_help_has_an_example() {
        fn check(command: &clap::Command, path: &str) -> usize {
            let path = format!("{path} {}", command.get_name());
            if command.has_subcommands() {
                return command.get_subcommands().map(|sub| check(sub, &path)).sum();
            }
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Example:\n  mete ") && help.contains(path.trim()), "{path}: {help:?}");
            1
        }
        assert!(check(&Cli::command(), "") >= 17);
    }
}
