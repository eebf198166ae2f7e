//! `mete service-account`.

use clap::{Args, Subcommand};
use mete_control::{ServiceAccountOf, View};
use mete_core::directory::{ApiKey, KeyStatus};
use mete_core::people::{ServiceAccount, ServiceAccountRole};
use mete_core::rights::Action;
use mete_store::KeyFilter;
use serde::Serialize;

use super::lookup;
use crate::args::{Scope, ScopeArgs, Yes};
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Rows, Table, facts, left, several, time};

/// What to do with service accounts.
#[derive(Debug, Subcommand)]
pub enum ServiceAccountCommand {
    /// Make a service account and its first key, whose secret is shown now and never again
    Create(CreateArgs),
    /// List service accounts
    List(ListArgs),
    /// Change a service account's role in its project
    Role(RoleArgs),
    /// Remove a service account; its keys are disabled
    Remove(RemoveArgs),
}

/// A service account to make.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete service-account create ci --project Support\n  \
    mete service-account create billing --org Acme")]
pub struct CreateArgs {
    /// Its name
    name: String,
    #[command(flatten)]
    scope: ScopeArgs,
}

/// Which service accounts to list.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete service-account list --project Support")]
pub struct ListArgs {
    /// Of this organization and its projects only
    #[arg(long, value_name = "ORG")]
    org: Option<String>,
    /// Of this project only
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
}

/// Whose role to change.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete service-account role ci owner")]
pub struct RoleArgs {
    /// The service account: its id or name
    #[arg(value_name = "SERVICE_ACCOUNT")]
    account: String,
    /// The new role: owner, member or none
    #[arg(value_name = "ROLE")]
    role: ServiceAccountRole,
}

/// Which to remove.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete service-account remove ci")]
pub struct RemoveArgs {
    /// The service account: its id or name
    #[arg(value_name = "SERVICE_ACCOUNT")]
    account: String,
    #[command(flatten)]
    yes: Yes,
}

/// A service account with its first key (R13).
#[derive(Serialize)]
struct Created<'a> {
    #[serde(flatten)]
    account: &'a ServiceAccount,
    api_key: CreatedKey<'a>,
}

/// A key with its secret: the only time that it is shown (R15).
#[derive(Serialize)]
struct CreatedKey<'a> {
    #[serde(flatten)]
    key: &'a ApiKey,
    value: &'a str,
}

/// Carries it out.
pub async fn run(command: ServiceAccountCommand, context: &Context) -> Result<(), CliError> {
    match command {
        ServiceAccountCommand::Create(args) => create(&args, context).await,
        ServiceAccountCommand::List(args) => list(&args, context).await,
        ServiceAccountCommand::Role(args) => role(&args, context).await,
        ServiceAccountCommand::Remove(args) => remove(&args, context).await,
    }
}

async fn create(args: &CreateArgs, context: &Context) -> Result<(), CliError> {
    let of = match args.scope.scope() {
        Scope::Organization(organization) => ServiceAccountOf::Organization(organization.to_owned()),
        Scope::Project(project) => ServiceAccountOf::Project(project.to_owned()),
    };
    let created = context.change(async |control, actor| control.create_service_account(actor, &of, &args.name).await);
    let created = created.await?;
    let value = created.secret.reveal();
    let shown = Created { account: &created.account, api_key: CreatedKey { key: &created.key, value } };
    context.output.show(&shown, || {
        let mut facts = describe(&created.account).to_vec();
        facts.extend([("Key", created.key.id.clone()), ("Secret", value.to_owned())]);
        self::facts(&facts)
    })?;
    context.output.note("Keep the secret now: it is not stored and cannot be shown again.");
    Ok(())
}

async fn list(args: &ListArgs, context: &Context) -> Result<(), CliError> {
    let view = context.view().await?;
    let organization = lookup::organization(&view, args.org.as_deref()).await?;
    let project = lookup::project(&view, organization.as_ref(), args.project.as_deref()).await?;
    let rows = Rows { rows: view.service_accounts(organization.as_ref(), project.as_ref()).await? };
    context.output.show(&rows, || {
        let mut table = Table::new(&[left("NAME"), left("ID"), left("PROJECT"), left("ROLE"), left("CREATED")]);
        for account in &rows.rows {
            table.row([
                account.name.clone(),
                account.id.clone(),
                account.project_id.clone(),
                account.role.to_string(),
                time(account.created_at),
            ]);
        }
        table.render("there are no such service accounts")
    })
}

async fn role(args: &RoleArgs, context: &Context) -> Result<(), CliError> {
    let change =
        context.change(async |control, actor| control.set_service_account_role(actor, &args.account, args.role).await);
    show_one(&change.await?, context)
}

async fn remove(args: &RemoveArgs, context: &Context) -> Result<(), CliError> {
    // Whoever may not do it is not asked, but refused by the change, which writes that down.
    if let Some(warning) = warning(&args.account, &context.view().await?).await? {
        context.confirm(&warning, args.yes.yes)?;
    }
    let removal = context.change(async |control, actor| control.remove_service_account(actor, &args.account).await);
    show_one(&removal.await?, context)
}

/// What a removal hits: the keys that are disabled with it (R14); nothing for what the actor cannot remove.
async fn warning(asked: &str, view: &View<'_>) -> Result<Option<String>, CliError> {
    let named = asked.to_lowercase();
    let mut accounts = view.service_accounts(None, None).await?;
    accounts.retain(|account| account.id == asked || account.name.to_lowercase() == named);
    let Some(account) = accounts.first() else { return Ok(None) };
    if !view.sight().may(Action::ManageServiceAccounts, &view.project(None, &account.project_id).await?) {
        return Ok(None);
    }
    let filter = KeyFilter { owner_id: Some(account.id.clone()), ..KeyFilter::default() };
    let keys = view.keys(&filter).await?;
    let active = keys.iter().filter(|key| key.status == KeyStatus::Active).count() as u64;
    let what = format!("{:?} ({})", account.name, account.id);
    Ok(Some(format!("This removes the service account {what} and stops {}.", several(active, "active key"))))
}

fn show_one(account: &ServiceAccount, context: &Context) -> Result<(), CliError> {
    context.output.show(account, || facts(&describe(account)))
}

fn describe(account: &ServiceAccount) -> [(&'static str, String); 3] {
    [
        ("Service account", format!("{} ({})", account.name, account.id)),
        ("Project", account.project_id.clone()),
        ("Role", account.role.to_string()),
    ]
}
