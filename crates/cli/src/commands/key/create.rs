//! `mete key create`.

use clap::Args;
use mete_control::{KeyOwner, NewAdminKeyInput, NewKeyInput, View};
use mete_core::directory::Organization;
use mete_core::people::{ListedRole, MemberKind};
use mete_core::permissions::Permissions;
use mete_core::when::parse_span;

use super::permissions::{PermissionArgs, hint};
use super::{KEEP, WithSecret, describe, describe_admin, project_of};
use crate::context::Context;
use crate::error::CliError;
use crate::output::facts;

/// A key to make.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete key create --project Support --member kim@acme.test --name ci\n  \
    mete key create --project Support --scope chat-completions=write --scope models=read --expires-in 90d\n  \
    mete key create --admin --org Acme --member dana@acme.test")]
pub struct CreateArgs {
    /// Its project
    #[arg(long, value_name = "PROJECT", required_unless_present = "admin")]
    project: Option<String>,
    /// An administration key: for the administration API only, with its person's rights
    #[arg(long, requires = "org", conflicts_with_all = ["project", "service_account", "permissions", "scopes"])]
    admin: bool,
    /// The organization of an administration key
    #[arg(long, value_name = "ORG", requires = "admin", conflicts_with = "project")]
    org: Option<String>,
    /// E-mail address of the person it belongs to [default: who acts; for the operator the organization's owner, if
    /// there is only one]
    #[arg(long, value_name = "EMAIL")]
    member: Option<String>,
    /// The service account that it belongs to
    #[arg(long, value_name = "SERVICE_ACCOUNT", conflicts_with = "member")]
    service_account: Option<String>,
    /// A name for it
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    name: String,
    #[command(flatten)]
    permissions: PermissionArgs,
    /// After how long it stops working by itself, as in 90d [default: never]
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    expires_in: Option<i64>,
}

/// Makes it.
pub async fn run(args: CreateArgs, context: &Context) -> Result<(), CliError> {
    let expires_at = args.expires_in.map(|micros| context.now().plus(micros));
    if let Some(organization) = args.org {
        return create_admin(
            NewAdminKeyInput { organization, member: args.member, name: args.name, expires_at },
            context,
        )
        .await;
    }
    // It is there, or the command is not understood.
    let project = args.project.unwrap_or_default();
    let permissions = args.permissions.typed()?.unwrap_or(Permissions::ALL);
    let owner = match (args.service_account, args.member) {
        (Some(account), _) => KeyOwner::ServiceAccount(account),
        (None, Some(member)) => KeyOwner::Person(member),
        (None, None) if context.actor().await?.user_id().is_some() => KeyOwner::Own,
        (None, None) => KeyOwner::Person(only_owner(&project, context).await?),
    };
    let input = NewKeyInput { project, owner, name: args.name, permissions, expires_at };
    let created = context.change(async |control, actor| control.create_key(actor, &input).await).await?;
    let (secret, project) = (created.secret.reveal(), project_of(&created.key, context).await);
    context.output.show(&WithSecret { key: &created.key, secret }, || {
        let mut facts = describe(&created.key, project);
        facts.push(("Secret", secret.to_owned()));
        self::facts(&facts)
    })?;
    hint(&permissions).into_iter().for_each(|hint| context.output.note(hint));
    context.output.note(KEEP);
    Ok(())
}

async fn create_admin(input: NewAdminKeyInput, context: &Context) -> Result<(), CliError> {
    let created = context.change(async |control, actor| control.create_admin_key(actor, &input).await).await?;
    let secret = created.secret.reveal();
    context.output.show(&WithSecret { key: &created.key, secret }, || {
        let mut facts = describe_admin(&created.key);
        facts.push(("Secret", secret.to_owned()));
        self::facts(&facts)
    })?;
    context.output.note(KEEP);
    Ok(())
}

/// Whom a key belongs to when the operator does not say so: there is no doubt only where the organization has one
/// owner.
async fn only_owner(project: &str, context: &Context) -> Result<String, CliError> {
    let view = context.view().await?;
    let project = view.project(None, project).await?;
    let mut owners = owners(&view, &view.organization(&project.organization_id).await?).await?;
    match owners.pop() {
        Some(owner) if owners.is_empty() => Ok(owner),
        last => Err(CliError::WhoseKey(owners.len() + usize::from(last.is_some()))),
    }
}

async fn owners(view: &View<'_>, organization: &Organization) -> Result<Vec<String>, CliError> {
    let members = view.organization_members(organization).await?;
    let owners =
        members.into_iter().filter(|member| member.kind == MemberKind::User && member.role == ListedRole::Owner);
    Ok(owners.filter_map(|owner| owner.email).collect())
}
