//! `mete key`.

mod create;
mod edit;
mod list;
mod permissions;
mod revoke;
mod rotate;

use clap::{Args, Subcommand};
use mete_core::directory::{AdminKey, ApiKey};
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::output::{facts, time};

use create::CreateArgs;
use edit::EditArgs;
use list::ListArgs;
use revoke::RevokeArgs;
use rotate::RotateArgs;

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key; its secret is shown now and never again
    Create(CreateArgs),
    /// List keys, without their secrets
    List(ListArgs),
    /// Change a key's name, permissions or expiry
    Edit(EditArgs),
    /// Disable a key: it is refused from then on
    #[command(after_help = "Example:\n  mete key disable key_7aQ2mX91LbTz4RrW0cVdE5uK")]
    Disable(KeyArgs),
    /// Enable a disabled key again
    #[command(after_help = "Example:\n  mete key enable key_7aQ2mX91LbTz4RrW0cVdE5uK")]
    Enable(KeyArgs),
    /// Revoke a key for good; an administration key too
    Revoke(RevokeArgs),
    /// Give a key another secret, shown now and never again
    Rotate(RotateArgs),
}

/// Which key.
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// The key: its id, name, redacted form or secret
    key: String,
}

/// A key with its secret: the only time that it is shown (R15).
#[derive(Serialize)]
struct WithSecret<'a, K> {
    #[serde(flatten)]
    key: &'a K,
    secret: &'a str,
}

/// Carries it out.
pub async fn run(command: KeyCommand, context: &Context) -> Result<(), CliError> {
    match command {
        KeyCommand::Create(args) => create::run(args, context).await,
        KeyCommand::List(args) => list::run(&args, context).await,
        KeyCommand::Edit(args) => edit::run(args, context).await,
        KeyCommand::Disable(args) => {
            let changed = context.change(async |control, actor| control.disable_key(actor, &args.key).await);
            show(&changed.await?, context).await
        }
        KeyCommand::Enable(args) => {
            let changed = context.change(async |control, actor| control.enable_key(actor, &args.key).await);
            show(&changed.await?, context).await
        }
        KeyCommand::Revoke(args) => revoke::run(&args, context).await,
        KeyCommand::Rotate(args) => rotate::run(&args, context).await,
    }
}

async fn show(key: &ApiKey, context: &Context) -> Result<(), CliError> {
    let project = project_of(key, context).await;
    context.output.show(key, || facts(&describe(key, project)))
}

/// The key's project for people. By its id alone, if the name cannot be read: a new secret must be shown all the same.
async fn project_of(key: &ApiKey, context: &Context) -> String {
    let named = async { Ok::<_, CliError>(context.view().await?.project(None, &key.project_id).await?) };
    named.await.map_or_else(|_| key.project_id.clone(), |project| format!("{} ({})", project.name, project.id))
}

/// What people are told after a secret was shown.
const KEEP: &str = "Keep the secret now: it is not stored and cannot be shown again.";

fn describe(key: &ApiKey, project: String) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Key", format!("{} ({})", key.redacted_value, key.id))];
    if !key.name.is_empty() {
        facts.push(("Name", key.name.clone()));
    }
    facts.extend([
        ("Project", project),
        ("Owner", key.owner.clone()),
        ("Status", key.status.to_string()),
        ("Permissions", key.permissions.to_string()),
    ]);
    facts.extend(key.expires_at.map(|at| ("Expires", time(at))));
    facts
}

fn describe_admin(key: &AdminKey) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Administration key", format!("{} ({})", key.redacted_value, key.id))];
    if !key.name.is_empty() {
        facts.push(("Name", key.name.clone()));
    }
    facts.extend([
        ("Organization", key.organization_id.clone()),
        ("Owner", key.owner.clone()),
        ("Status", key.status.to_string()),
    ]);
    facts.extend(key.expires_at.map(|at| ("Expires", time(at))));
    facts
}
