//! `mete key edit`.

use clap::Args;
use mete_control::KeyChange;

use super::permissions::{Expiry, PermissionArgs, hint};
use super::show;
use crate::context::Context;
use crate::error::CliError;

/// What to change of a key.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete key edit ci --name ci-runner --expires-in 30d\n  \
    mete key edit ci --scope chat-completions=write --scope models=read")]
pub struct EditArgs {
    /// The key: its id, name, redacted form or secret
    key: String,
    #[command(flatten)]
    change: ChangeArgs,
}

/// What is to be changed; what is not named stays, but scopes are given as a whole.
#[derive(Debug, Args)]
#[group(required = true, multiple = true, args = ["name", "permissions", "scopes", "expires_in", "project"])]
struct ChangeArgs {
    /// A new name for it
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    permissions: PermissionArgs,
    /// After how long from now it stops working by itself, as in 90d; never takes an expiry away
    #[arg(long, value_name = "SPAN|never")]
    expires_in: Option<Expiry>,
    /// Another project: keys are never moved, and it is refused
    #[arg(long, value_name = "PROJECT", hide = true)]
    project: Option<String>,
}

/// Changes it.
pub async fn run(args: EditArgs, context: &Context) -> Result<(), CliError> {
    let ChangeArgs { name, permissions, expires_in, project } = args.change;
    let permissions = permissions.typed()?;
    let expires_at = expires_in.map(|expiry| expiry.after(context.now()));
    let change = KeyChange { name, permissions, expires_at, project };
    let key = context.change(async |control, actor| control.edit_key(actor, &args.key, &change).await).await?;
    show(&key, context).await?;
    permissions.as_ref().and_then(hint).into_iter().for_each(|hint| context.output.note(hint));
    Ok(())
}
