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
            table.row([shown.name.to_owned(), shown.value.to_string(), meaning(setting).to_owned()]);
        }
        table.render("there are no settings")
    })
}

async fn set(args: &SetArgs, context: &Context) -> Result<(), CliError> {
    let no_value = || {
        let units = if is_bytes(args.setting) { ", also with kB, MB, GB or TB, as in 250GB" } else { "" };
        ControlError::Invalid(format!(
            "{:?} is no value of {}: write a whole number{units}",
            args.value,
            args.setting.name()
        ))
    };
    let value = parse_value(args.setting, &args.value).ok_or_else(no_value)?;
    context.change(async |control, actor| control.set_setting(actor, args.setting, value).await).await?;
    let shown = Shown { name: args.setting.name(), value };
    context.output.show(&shown, || facts(&[(shown.name, shown.value.to_string())]))
}

/// A whole number, times the unit at its end where bytes are meant.
fn parse_value(setting: Setting, text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 4] =
        [("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000)];
    let of_bytes = |(name, unit): (&str, i64)| Some((text.strip_suffix(name)?, unit));
    let with_unit = if is_bytes(setting) { UNITS.into_iter().find_map(of_bytes) } else { None };
    let (number, unit) = with_unit.unwrap_or((text, 1));
    number.trim_end().parse::<i64>().ok()?.checked_mul(unit)
}

const fn is_bytes(setting: Setting) -> bool {
    matches!(setting, Setting::FileQuotaBytes | Setting::QuarantineBytes)
}

const fn meaning(setting: Setting) -> &'static str {
    match setting {
        Setting::MaxProjects => "projects that an organization can have",
        Setting::FileQuotaBytes => "bytes of files that a project can hold",
        Setting::RetentionMonths => "months for which raw events are kept; 0 is for ever",
        Setting::QuarantineBytes => "bytes of raw text that the quarantine keeps",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r28_bytes_may_have_a_unit() {
        for (text, bytes) in [
            ("100GB", Some(100_000_000_000)),
            ("100 GB", Some(100_000_000_000)),
            ("5kB", Some(5_000)),
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("1GiB", None),
            ("GB", None),
            ("1.5GB", None),
            ("99999999TB", None),
        ] {
            assert_eq!(parse_value(Setting::FileQuotaBytes, text), bytes, "{text}");
        }
        assert_eq!(parse_value(Setting::MaxProjects, "1000"), Some(1000));
        assert_eq!(parse_value(Setting::MaxProjects, "1kB"), None);
    }
}
