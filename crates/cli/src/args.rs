//! What can be typed: the commands and the options that all of them have.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use mete_prices::Catalogue;

use crate::commands::alerts::AlertsCommand;
use crate::commands::audit::AuditCommand;
use crate::commands::block::BlockCommand;
use crate::commands::completions::CompletionsArgs;
use crate::commands::demo::DemoArgs;
use crate::commands::explain::ExplainArgs;
use crate::commands::export::ExportArgs;
use crate::commands::ingest::IngestArgs;
use crate::commands::init::InitArgs;
use crate::commands::invite::InviteCommand;
use crate::commands::key::KeyCommand;
use crate::commands::limits::LimitsCommand;
use crate::commands::man::ManArgs;
use crate::commands::member::MemberCommand;
use crate::commands::notify::NotifyCommand;
use crate::commands::org::OrgCommand;
use crate::commands::prices::PricesCommand;
use crate::commands::project::ProjectCommand;
use crate::commands::quarantine::QuarantineCommand;
use crate::commands::report::ReportArgs;
use crate::commands::rerate::RerateArgs;
use crate::commands::resource::ResourceCommand;
use crate::commands::service_account::ServiceAccountCommand;
use crate::commands::settings::SettingsCommand;
use crate::commands::sources::SourcesArgs;
use crate::commands::spend::SpendArgs;
use crate::commands::tui::TuiArgs;
use crate::complete::CompleteArgs;
use crate::error::CliError;
use crate::places;

/// Budgets for LLM API keys: what was spent, by whom, and who is refused.
#[derive(Debug, Parser)]
#[command(name = "mete", version, after_help = AFTER_HELP, propagate_version = true)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub task: Task,
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
#[derive(Clone, Debug, Args)]
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

/// Everything that can be asked of the program.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Work on a store.
    #[command(flatten)]
    Work(Command),
    /// Tell about the program.
    #[command(flatten)]
    About(About),
}

/// A command that works on a store.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the store and its first organization
    Init(InitArgs),
    /// Make, list, show and rename organizations
    #[command(subcommand)]
    Org(OrgCommand),
    /// Make, list, show, change and archive projects
    #[command(subcommand)]
    Project(ProjectCommand),
    /// Make, list, change, rotate and revoke API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// List, add, change and remove the people of organizations and projects
    #[command(subcommand)]
    Member(MemberCommand),
    /// Invite people to an organization
    #[command(subcommand)]
    Invite(InviteCommand),
    /// Make, list, change and remove pseudo-users for systems
    #[command(subcommand)]
    ServiceAccount(ServiceAccountCommand),
    /// Show and set budgets, notification thresholds, models and rate limits
    #[command(subcommand)]
    Limits(LimitsCommand),
    /// Refuse a key or a project by hand, or let it go on
    #[command(subcommand)]
    Block(BlockCommand),
    /// List the files, threads and the like that usage named
    #[command(subcommand)]
    Resource(ResourceCommand),
    /// Show what was spent in a month
    Spend(SpendArgs),
    /// Write the statement of a month: text, Markdown or HTML
    Report(ReportArgs),
    /// Write usage row by row: CSV, JSON, Parquet or FOCUS
    Export(ExportArgs),
    /// Say whether a key is let through now, and why
    Explain(ExplainArgs),
    /// List thresholds passed and budgets exhausted
    #[command(subcommand)]
    Alerts(AlertsCommand),
    /// See who was told of alerts, and try the ways on which they are told
    #[command(subcommand)]
    Notify(NotifyCommand),
    /// Show who changed what, and prove that the record is whole
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Show and set what holds for the whole deployment
    #[command(subcommand)]
    Settings(SettingsCommand),
    /// Work through what could not be counted: list, show, retry, forget
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// Show what came from each source, day by day, and how far its files are read
    Sources(SourcesArgs),
    /// Prove that the events kept, the sums and the spend shown agree
    #[command(after_help = "Example:\n  mete verify && echo clean")]
    Verify,
    /// Count usage logs: files or standard input
    Ingest(IngestArgs),
    /// Rate a month anew at the prices of now, or take that back
    Rerate(RerateArgs),
    /// Open the terminal interface
    Tui(TuiArgs),
    /// Play all of Mete in a temporary folder, on made-up traffic
    Demo(DemoArgs),
}

/// A command that tells about the program itself, and needs neither store nor actor.
#[derive(Debug, Subcommand)]
pub enum About {
    /// List, explain and compare prices
    #[command(subcommand)]
    Prices(PricesCommand),
    /// Write a shell's completion script
    Completions(CompletionsArgs),
    /// Write the manual pages
    Man(ManArgs),
    /// Answer a shell that completes a line
    #[command(hide = true)]
    Complete(CompleteArgs),
}

/// Of commands about prices: the operator's own.
#[derive(Debug, Args)]
pub struct PricesFile {
    /// Prices of your own [default: mete/prices.toml in the XDG configuration directory, if it is there]
    #[arg(long, value_name = "FILE", env = "METE_PRICES")]
    prices: Option<PathBuf>,
}

impl PricesFile {
    /// The catalogue with these prices over it (R35). An empty METE_PRICES is one that is not set.
    pub fn catalogue(&self) -> Result<Catalogue, CliError> {
        places::catalogue(self.prices.as_deref().filter(|path| !path.as_os_str().is_empty()))
    }
}

/// Of commands about an organization or a project: which of them.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct ScopeArgs {
    /// Of this organization
    #[arg(long, value_name = "ORG")]
    org: Option<String>,
    /// Of this project
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
}

/// An organization or a project, by its id or name.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// The organization.
    Organization(&'a str),
    /// The project.
    Project(&'a str),
}

impl ScopeArgs {
    /// What was named.
    pub fn scope(&self) -> Scope<'_> {
        match (&self.org, &self.project) {
            (Some(organization), _) => Scope::Organization(organization),
            // One of them is there, or the command is not understood.
            (None, project) => Scope::Project(project.as_deref().unwrap_or_default()),
        }
    }
}

/// Of commands that destroy something: to do it without being asked.
#[derive(Clone, Copy, Debug, Args)]
pub struct Yes {
    /// Do it without asking
    #[arg(long, short)]
    pub yes: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    /// clap takes an argument with the id of a global one for that one, and says nothing.
    #[test]
    fn no_argument_passes_for_a_global_one() {
        fn check(command: &clap::Command, taken: &[String]) -> usize {
            let clash = command.get_arguments().find(|arg| taken.iter().any(|id| *id == arg.get_id().as_str()));
            assert!(clash.is_none(), "{}: {clash:?}", command.get_name());
            1 + command.get_subcommands().map(|sub| check(sub, taken)).sum::<usize>()
        }
        let cli = Cli::command();
        let taken: Vec<String> = cli.get_arguments().map(|arg| arg.get_id().to_string()).collect();
        assert!(taken.len() >= 3, "{taken:?}");
        assert!(cli.get_subcommands().map(|sub| check(sub, &taken)).sum::<usize>() >= 17);
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
