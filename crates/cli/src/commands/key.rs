//! `mete key`.

use clap::{Args, Subcommand};
use mete_control::NewKeyInput;
use mete_core::directory::ApiKey;
use mete_store::{KeyFilter, Store};
use serde::Serialize;

use super::lookup;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Rows, Table, facts, left, time};

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key; its secret is shown now and never again
    Create(CreateArgs),
    /// List keys, without their secrets
    List(ListArgs),
    /// Disable a key: it is refused from then on
    Disable(DisableArgs),
}

/// A key to make.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete key create --project Support --member kim@acme.test --name ci")]
pub struct CreateArgs {
    /// Its project
    #[arg(long, value_name = "PROJECT")]
    project: String,
    /// E-mail address of the person it belongs to [default: the organization's owner, if there is only one]
    #[arg(long, value_name = "EMAIL")]
    member: Option<String>,
    /// A name for it
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    name: String,
}

/// Which keys to list.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete key list --project Support")]
pub struct ListArgs {
    /// Of this organization only
    #[arg(long, value_name = "ORG")]
    org: Option<String>,
    /// Of this project only
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
}

/// Which key to disable.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete key disable key_7aQ2mX91LbTz4RrW0cVdE5uK")]
pub struct DisableArgs {
    /// The key: its id, name, redacted form or secret
    key: String,
}

/// A key with its secret: the only time that it is shown (R15).
#[derive(Serialize)]
struct Created<'a> {
    #[serde(flatten)]
    key: &'a ApiKey,
    secret: &'a str,
}

/// Carries it out.
pub async fn run(command: KeyCommand, context: &Context) -> Result<(), CliError> {
    match command {
        KeyCommand::Create(args) => create(args, context).await,
        KeyCommand::List(args) => list(&args, context).await,
        KeyCommand::Disable(args) => disable(&args, context).await,
    }
}

async fn create(args: CreateArgs, context: &Context) -> Result<(), CliError> {
    let store = context.store().await?;
    let project = store.find_project(&args.project).await?;
    let member = match args.member {
        Some(member) => member,
        None => only_owner(store, &project.organization_id).await?,
    };
    let input = NewKeyInput { project: project.id, member, name: args.name };
    let created = context.change(async |control| control.create_key(&input).await).await?;
    let shown = Created { key: &created.key, secret: created.secret.reveal() };
    context.output.show(&shown, || {
        let mut facts = describe(&created.key, &project.name);
        facts.push(("Secret", created.secret.reveal().to_owned()));
        self::facts(&facts)
    })?;
    context.output.note("Keep the secret now: it is not stored and cannot be shown again.");
    Ok(())
}

/// Whom a key belongs to when nobody says so: there is no doubt only where the organization has one owner.
async fn only_owner(store: &Store, organization_id: &str) -> Result<String, CliError> {
    let mut owners = store.organization_owners(organization_id).await?;
    match owners.pop() {
        Some(owner) if owners.is_empty() => Ok(owner.email),
        last => Err(CliError::WhoseKey(owners.len() + usize::from(last.is_some()))),
    }
}

async fn list(args: &ListArgs, context: &Context) -> Result<(), CliError> {
    let store = context.store().await?;
    let organization = lookup::organization(store, args.org.as_deref()).await?;
    let project = lookup::project(store, organization.as_ref(), args.project.as_deref()).await?;
    let filter = KeyFilter {
        organization_id: organization.map(|organization| organization.id),
        project_id: project.map(|project| project.id),
    };
    let rows = Rows { rows: store.keys(&filter).await? };
    context.output.show(&rows, || {
        let columns = [
            left("ID"),
            left("NAME"),
            left("KEY"),
            left("OWNER"),
            left("PROJECT"),
            left("STATUS"),
            left("CREATED"),
            left("LAST USED"),
        ];
        let mut table = Table::new(&columns);
        for key in &rows.rows {
            table.row([
                key.id.clone(),
                key.name.clone(),
                key.redacted_value.clone(),
                key.owner.clone(),
                key.project_id.clone(),
                key.status.to_string(),
                time(key.created_at),
                key.last_used_at.map(time).unwrap_or_default(),
            ]);
        }
        table.render("there are no such keys")
    })
}

async fn disable(args: &DisableArgs, context: &Context) -> Result<(), CliError> {
    let key = context.change(async |control| control.disable_key(&args.key).await).await?;
    context.output.show(&key, || facts(&describe(&key, &key.project_id)))
}

fn describe(key: &ApiKey, project: &str) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Key", format!("{} ({})", key.redacted_value, key.id))];
    if !key.name.is_empty() {
        facts.push(("Name", key.name.clone()));
    }
    facts.extend([("Project", project.to_owned()), ("Owner", key.owner.clone()), ("Status", key.status.to_string())]);
    facts
}
