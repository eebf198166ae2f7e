//! `mete key rotate`.

use clap::Args;
use mete_core::Timestamp;
use mete_core::directory::ApiKey;
use mete_core::when::parse_span;
use serde::Serialize;

use super::{KEEP, describe, project_of};
use crate::context::Context;
use crate::error::CliError;
use crate::output::{facts, time};

/// Which key to give another secret.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete key rotate ci --grace 7d")]
pub struct RotateArgs {
    /// The key: its id, name, redacted form or secret
    key: String,
    /// How long the secret that it has goes on working: up to 30d; 0 ends it at once
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = parse_span)]
    grace: i64,
}

/// A key with its secret from now on: the only time that it is shown (R15).
#[derive(Serialize)]
struct Rotated<'a> {
    #[serde(flatten)]
    key: &'a ApiKey,
    secret: &'a str,
    old_valid_until: Timestamp,
}

/// Gives it one.
pub async fn run(args: &RotateArgs, context: &Context) -> Result<(), CliError> {
    let rotated = context.change(async |control, actor| control.rotate_key(actor, &args.key, args.grace).await).await?;
    let (key, secret, old_valid_until) = (&rotated.key, rotated.secret.reveal(), rotated.old_valid_until);
    let project = project_of(key, context).await;
    context.output.show(&Rotated { key, secret, old_valid_until }, || {
        let mut facts = describe(key, project);
        facts.extend([("Secret", secret.to_owned()), ("Old secret until", time(old_valid_until))]);
        self::facts(&facts)
    })?;
    context.output.note(KEEP);
    Ok(())
}
