//! `mete key revoke`: keys of projects and administration keys.

use clap::Args;
use mete_control::View;
use mete_core::directory::{AdminKey, KeyStatus};
use mete_store::only;

use super::{describe_admin, show};
use crate::args::Yes;
use crate::context::Context;
use crate::error::CliError;
use crate::output::facts;

/// Which key to revoke.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete key revoke key_7aQ2mX91LbTz4RrW0cVdE5uK --yes")]
pub struct RevokeArgs {
    /// The key: its id, name, redacted form or secret; an administration key: its id or redacted form
    key: String,
    #[command(flatten)]
    yes: Yes,
}

/// Revokes it.
pub async fn run(args: &RevokeArgs, context: &Context) -> Result<(), CliError> {
    let view = context.view().await?;
    if let Some(key) = admin_key(&args.key, &view).await? {
        return revoke_admin(&key, args.yes, context).await;
    }
    // What the actor does not see, or is revoked already, is refused by the change, which writes that down.
    if let Some(key) = view.key(&args.key).await.ok().filter(|key| key.status != KeyStatus::Revoked) {
        let project = view.project(None, &key.project_id).await?.name;
        let (redacted, owner) = (&key.redacted_value, &key.owner);
        context
            .confirm(&format!("This revokes the key {redacted} of {owner} in {project:?} for good."), args.yes.yes)?;
    }
    match context.change(async |control, actor| control.revoke_key(actor, &args.key).await).await {
        // An administration key that the actor does not see: who tries its id is refused, and that is written down too.
        Err(error) if error.code() == "not_found" && args.key.starts_with("key_") => {
            let revoked =
                context.change(async |control, actor| control.revoke_admin_key(actor, &args.key).await).await?;
            context.output.show(&revoked, || facts(&describe_admin(&revoked)))
        }
        revoked => show(&revoked?, context).await,
    }
}

async fn revoke_admin(key: &AdminKey, yes: Yes, context: &Context) -> Result<(), CliError> {
    if key.status != KeyStatus::Revoked {
        let (redacted, owner) = (&key.redacted_value, &key.owner);
        context.confirm(&format!("This revokes the administration key {redacted} of {owner} for good."), yes.yes)?;
    }
    let key = context.change(async |control, actor| control.revoke_admin_key(actor, &key.id).await).await?;
    context.output.show(&key, || facts(&describe_admin(&key)))
}

/// The administration key that is meant, if it is one. A name is that of a project's key.
async fn admin_key(asked: &str, view: &View<'_>) -> Result<Option<AdminKey>, CliError> {
    let mut found = view.admin_keys(None).await?;
    found.retain(|key| key.id == asked || key.redacted_value == asked);
    Ok(if found.is_empty() { None } else { Some(only(found, "key", asked)?) })
}
