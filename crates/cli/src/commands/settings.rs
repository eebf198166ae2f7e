//! `mete settings`.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use mete_control::ControlError;
use mete_store::Setting;
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::output::{Rows, Table, facts, left, right};

/// What to do with the deployment's settings.
#[derive(Debug, Subcommand)]
pub enum SettingsCommand {
    /// List the settings of the deployment
    #[command(after_help = "Example:\n  mete settings list")]
    List,
    /// Set one of them
    Set(SetArgs),
}

/// What to set.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete settings set file_quota_bytes 250GB")]
pub struct SetArgs {
    /// Which setting
    #[arg(value_name = "NAME", value_parser = setting_parser())]
    setting: Setting,
    /// A whole number; of bytes also with kB, MB, GB or TB, each a thousand of the one before
    #[arg(value_name = "VALUE", allow_negative_numbers = true)]
    value: String,
}

/// A setting as scripts get it.
#[derive(Debug, Serialize)]
struct Shown {
    name: &'static str,
    value: i64,
}

fn setting_parser() -> impl TypedValueParser<Value = Setting> {
    PossibleValuesParser::new(Setting::ALL.map(Setting::name)).try_map(|name| {
        Setting::ALL.into_iter().find(|setting| setting.name() == name).ok_or("there is no such setting")
    })
}

/// Carries it out.
pub async fn run(command: SettingsCommand, context: &Context) -> Result<(), CliError> {
    match command {
        SettingsCommand::List => list(context).await,
        SettingsCommand::Set(args) => set(&args, context).await,
    }
}

async fn list(context: &Context) -> Result<(), CliError> {
    context.operator_only("see the settings of the deployment")?;
    let store = context.store().await?;
    let mut rows = Rows { rows: Vec::new() };
    for setting in Setting::ALL {
        rows.rows.push(Shown { name: setting.name(), value: store.setting(setting).await? });
    }
    context.output.show(&rows, || {
        let mut table = Table::new(&[left("NAME"), right("VALUE"), left("WHAT")]);
        for (setting, shown) in Setting::ALL.into_iter().zip(&rows.rows) {
            table.row([shown.name.to_owned(), shown.value.to_string(), setting.meaning().to_owned()]);
        }
        table.render("there are no settings")
    })
}

async fn set(args: &SetArgs, context: &Context) -> Result<(), CliError> {
    let value = args.setting.read(&args.value).map_err(|problem| ControlError::Invalid(problem.to_string()))?;
    context.change(async |control, actor| control.set_setting(actor, args.setting, value).await).await?;
    let shown = Shown { name: args.setting.name(), value };
    context.output.show(&shown, || facts(&[(shown.name, shown.value.to_string())]))
}
