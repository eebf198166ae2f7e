//! `mete member`.

use clap::{Args, Subcommand};
use mete_control::{ControlError, View};
use mete_core::directory::{KeyStatus, OrganizationRole, UnknownWord};
use mete_core::people::{Member, MemberKind, ProjectRole};
use mete_core::rights::Action;
use mete_store::KeyFilter;

use crate::args::{Scope, ScopeArgs, Yes};
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Rows, Table, facts, left, several, time};

/// What to do with members.
#[derive(Debug, Subcommand)]
pub enum MemberCommand {
    /// List the people and service accounts of an organization or a project
    #[command(after_help = "Example:\n  mete member list --project Support")]
    List(ScopeArgs),
    /// Add somebody of the organization to a project
    Add(AddArgs),
    /// Change somebody's role in an organization or a project
    Role(RoleArgs),
    /// Take somebody out of an organization or a project; their keys there are disabled
    Remove(RemoveArgs),
    /// List those who can be added to a project
    Candidates(CandidatesArgs),
    /// Let somebody see usage and spend of the whole organization
    #[command(after_help = "Example:\n  mete member grant-usage kim@acme.test --org Acme")]
    GrantUsage(GrantArgs),
    /// Take the right to see usage and spend of the whole organization back
    #[command(after_help = "Example:\n  mete member revoke-usage kim@acme.test --org Acme")]
    RevokeUsage(GrantArgs),
}

/// Whom to add where.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete member add kim@acme.test --project Support --role owner")]
pub struct AddArgs {
    /// E-mail address of a reader of the organization
    #[arg(value_name = "EMAIL")]
    email: String,
    /// The project
    #[arg(long, value_name = "PROJECT")]
    project: String,
    /// The role there: owner or member
    #[arg(long, value_name = "ROLE", default_value_t = ProjectRole::Member)]
    role: ProjectRole,
}

/// Whose role to change.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete member role kim@acme.test owner --project Support\n  \
    mete member role kim@acme.test reader --org Acme")]
pub struct RoleArgs {
    /// E-mail address of the member
    #[arg(value_name = "EMAIL")]
    email: String,
    /// The new role: in an organization owner or reader, in a project owner or member
    #[arg(value_name = "ROLE")]
    role: String,
    #[command(flatten)]
    scope: ScopeArgs,
}

/// Whom to take out.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete member remove kim@acme.test --org Acme")]
pub struct RemoveArgs {
    /// E-mail address of the member
    #[arg(value_name = "EMAIL")]
    email: String,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    yes: Yes,
}

/// Where somebody is to be added.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete member candidates --project Support")]
pub struct CandidatesArgs {
    /// The project
    #[arg(long, value_name = "PROJECT")]
    project: String,
}

/// Whose grant to change.
#[derive(Debug, Args)]
pub struct GrantArgs {
    /// E-mail address of the member
    #[arg(value_name = "EMAIL")]
    email: String,
    /// The organization
    #[arg(long, value_name = "ORG")]
    org: String,
}

/// Carries it out.
pub async fn run(command: MemberCommand, context: &Context) -> Result<(), CliError> {
    match command {
        MemberCommand::List(scope) => list(&scope, context).await,
        MemberCommand::Add(args) => add(&args, context).await,
        MemberCommand::Role(args) => role(&args, context).await,
        MemberCommand::Remove(args) => remove(&args, context).await,
        MemberCommand::Candidates(args) => candidates(&args, context).await,
        MemberCommand::GrantUsage(args) => grant_usage(&args, true, context).await,
        MemberCommand::RevokeUsage(args) => grant_usage(&args, false, context).await,
    }
}

async fn list(args: &ScopeArgs, context: &Context) -> Result<(), CliError> {
    let members = members_of(args.scope(), &context.view().await?).await?;
    show_all(members, "there are no members", context)
}

async fn candidates(args: &CandidatesArgs, context: &Context) -> Result<(), CliError> {
    let view = context.view().await?;
    let candidates = view.candidates(&view.project(None, &args.project).await?).await?;
    show_all(candidates, "nobody can be added: invite people with 'mete invite create'", context)
}

async fn add(args: &AddArgs, context: &Context) -> Result<(), CliError> {
    let target = (args.project.as_str(), args.email.as_str());
    let added = context.change(async |control, actor| control.add_project_member(actor, target, args.role).await);
    show_one(&added.await?, context)
}

async fn role(args: &RoleArgs, context: &Context) -> Result<(), CliError> {
    let (email, unknown) = (args.email.as_str(), |word: UnknownWord| ControlError::Invalid(word.to_string()));
    let changed = match args.scope.scope() {
        Scope::Organization(organization) => {
            let role: OrganizationRole = args.role.parse().map_err(unknown)?;
            let target = (organization, email);
            context.change(async |control, actor| control.set_organization_role(actor, target, role).await).await?
        }
        Scope::Project(project) => {
            let role: ProjectRole = args.role.parse().map_err(unknown)?;
            let target = (project, email);
            context.change(async |control, actor| control.set_project_role(actor, target, role).await).await?
        }
    };
    show_one(&changed, context)
}

async fn remove(args: &RemoveArgs, context: &Context) -> Result<(), CliError> {
    // Whoever may not do it is not asked, but refused by the change, which writes that down.
    if let Ok(Some(warning)) = warning(&args.email, args.scope.scope(), &context.view().await?).await {
        context.confirm(&warning, args.yes.yes)?;
    }
    let email = args.email.as_str();
    let removed = match args.scope.scope() {
        Scope::Organization(organization) => {
            context
                .change(async |control, actor| control.remove_organization_member(actor, organization, email).await)
                .await?
        }
        Scope::Project(project) => {
            context.change(async |control, actor| control.remove_project_member(actor, project, email).await).await?
        }
    };
    show_one(&removed, context)
}

async fn grant_usage(args: &GrantArgs, granted: bool, context: &Context) -> Result<(), CliError> {
    let target = (args.org.as_str(), args.email.as_str());
    let changed = context.change(async |control, actor| control.set_usage_grant(actor, target, granted).await);
    show_one(&changed.await?, context)
}

/// Everybody in an organization or a project.
async fn members_of(scope: Scope<'_>, view: &View<'_>) -> Result<Vec<Member>, CliError> {
    Ok(match scope {
        Scope::Organization(asked) => view.organization_members(&view.organization(asked).await?).await?,
        Scope::Project(asked) => view.project_members(&view.project(None, asked).await?).await?,
    })
}

/// What a removal hits: the keys that are disabled with it (R11); nothing for whom the actor cannot remove.
async fn warning(asked: &str, scope: Scope<'_>, view: &View<'_>) -> Result<Option<String>, CliError> {
    let (place, may, mut keys) = match scope {
        Scope::Organization(asked) => {
            let organization = view.organization(asked).await?;
            let may = view.sight().may_in_organization(Action::ManageMembers, &organization.id);
            let keys = KeyFilter { organization_id: Some(organization.id), ..KeyFilter::default() };
            (format!("the organization {:?} and all its projects", organization.name), may, keys)
        }
        Scope::Project(asked) => {
            let project = view.project(None, asked).await?;
            let may = view.sight().may(Action::ManageProjectMembers, &project);
            let keys = KeyFilter { project_id: Some(project.id), ..KeyFilter::default() };
            (format!("the project {:?}", project.name), may, keys)
        }
    };
    let email = asked.trim().to_lowercase();
    let is_meant = |member: &Member| member.id == asked || member.email.as_ref() == Some(&email);
    let members = if may { members_of(scope, view).await? } else { Vec::new() };
    let Some(member) = members.into_iter().find(is_meant) else { return Ok(None) };
    keys.owner_id = Some(member.id.clone());
    let active = several(active_keys(view, &keys).await?, "active key");
    Ok(Some(format!("This takes {} out of {place} and stops {active}.", named(&member))))
}

/// How many keys work of those that `wanted` names, with the administration keys where it names an organization.
async fn active_keys(view: &View<'_>, wanted: &KeyFilter) -> Result<u64, CliError> {
    let mut statuses: Vec<KeyStatus> = view.keys(wanted).await?.into_iter().map(|key| key.status).collect();
    if let Some(organization_id) = &wanted.organization_id {
        let admin_keys = view.admin_keys(Some(&view.organization(organization_id).await?)).await?;
        let own = admin_keys.into_iter().filter(|key| Some(&key.owner_id) == wanted.owner_id.as_ref());
        statuses.extend(own.map(|key| key.status));
    }
    Ok(statuses.iter().filter(|status| **status == KeyStatus::Active).count() as u64)
}

fn show_all(members: Vec<Member>, nobody: &str, context: &Context) -> Result<(), CliError> {
    let rows = Rows { rows: members };
    context.output.show(&rows, || {
        let columns =
            [left("EMAIL"), left("NAME"), left("KIND"), left("ROLE"), left("USAGE GRANT"), left("SINCE"), left("ID")];
        let mut table = Table::new(&columns);
        for member in &rows.rows {
            table.row([
                member.email.clone().unwrap_or_default(),
                member.name.clone(),
                kind(member).to_owned(),
                role_of(member),
                if member.usage_grant { "yes".to_owned() } else { String::new() },
                time(member.added_at),
                member.id.clone(),
            ]);
        }
        table.render(nobody)
    })
}

fn show_one(member: &Member, context: &Context) -> Result<(), CliError> {
    context.output.show(member, || {
        facts(&[
            ("Member", format!("{} ({})", named(member), member.id)),
            ("Role", role_of(member)),
            ("Usage grant", if member.usage_grant { "yes" } else { "no" }.to_owned()),
            ("Since", time(member.added_at)),
        ])
    })
}

fn named(member: &Member) -> &str {
    member.email.as_ref().unwrap_or(&member.name)
}

const fn kind(member: &Member) -> &'static str {
    match member.kind {
        MemberKind::User => "person",
        MemberKind::ServiceAccount => "service account",
    }
}

/// The role, and that it comes from the organization where it cannot be changed in the project (R7).
fn role_of(member: &Member) -> String {
    if member.through_organization { format!("{}, of the organization", member.role) } else { member.role.to_string() }
}
