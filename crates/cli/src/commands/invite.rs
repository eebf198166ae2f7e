//! `mete invite`.

use std::convert::Infallible;
use std::str::FromStr;

use clap::{Args, Subcommand};
use mete_control::{NewInviteInput, View};
use mete_core::directory::OrganizationRole;
use mete_core::people::{Invite, InviteStatus, ProjectRole};
use mete_core::rights::Action;

use crate::context::Context;
use crate::error::CliError;
use crate::output::{Rows, Table, facts, left, time};

/// What to do with invites.
#[derive(Debug, Subcommand)]
pub enum InviteCommand {
    /// Invite somebody to an organization, for seven days
    Create(CreateArgs),
    /// List the invites of an organization, or all that concern whoever asks
    List(ListArgs),
    /// Accept an invite, as the person who is invited or in their name
    Accept(AcceptArgs),
    /// Take a pending invite back
    Revoke(RevokeArgs),
}

/// Whom to invite to what.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  mete invite create kim@acme.test --org Acme --project Support --project Search:owner\n\n\
    What follows a project's last colon is a role only if it is owner or member: the project 'a:owner' is written a:owner:member."
)]
pub struct CreateArgs {
    /// E-mail address of the person
    #[arg(value_name = "EMAIL")]
    email: String,
    /// The organization
    #[arg(long, value_name = "ORG")]
    org: String,
    /// The role there: reader or owner
    #[arg(long, value_name = "ROLE", default_value_t = OrganizationRole::Reader)]
    role: OrganizationRole,
    /// A project that comes with it, and the role there: owner or member (the default); may be given several times
    #[arg(long = "project", value_name = "PROJECT[:ROLE]")]
    projects: Vec<InvitedProject>,
}

/// Which invites to list.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete invite list --org Acme")]
pub struct ListArgs {
    /// To this organization only
    #[arg(long, value_name = "ORG")]
    org: Option<String>,
}

/// Which invite to accept.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  mete invite accept invite-7aQ2mX91LbTz4RrW0cVdE5uK --name 'Kim Lee' --as kim@acme.test"
)]
pub struct AcceptArgs {
    /// Its id
    #[arg(value_name = "INVITE")]
    invite: String,
    /// The person's name
    #[arg(long, value_name = "NAME")]
    name: String,
}

/// Which invite to take back.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete invite revoke invite-7aQ2mX91LbTz4RrW0cVdE5uK")]
pub struct RevokeArgs {
    /// Its id
    #[arg(value_name = "INVITE")]
    invite: String,
}

/// A project that comes with an invite.
#[derive(Clone, Debug, PartialEq, Eq)]
struct InvitedProject {
    asked: String,
    role: ProjectRole,
}

impl FromStr for InvitedProject {
    type Err = Infallible;

    /// A project's name may have colons in it: only a role at the end is one.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let with_role = text.rsplit_once(':').and_then(|(asked, role)| Some((asked, role.parse().ok()?)));
        let (asked, role) = with_role.unwrap_or((text, ProjectRole::Member));
        Ok(Self { asked: asked.to_owned(), role })
    }
}

/// Carries it out.
pub async fn run(command: InviteCommand, context: &Context) -> Result<(), CliError> {
    match command {
        InviteCommand::Create(args) => create(args, context).await,
        InviteCommand::List(args) => list(&args, context).await,
        InviteCommand::Accept(args) => accept(&args, context).await,
        InviteCommand::Revoke(args) => revoke(&args, context).await,
    }
}

async fn create(args: CreateArgs, context: &Context) -> Result<(), CliError> {
    let input = NewInviteInput {
        organization: args.org,
        email: args.email,
        role: args.role,
        projects: args.projects.into_iter().map(|project| (project.asked, project.role)).collect(),
    };
    let invite = context.change(async |control, actor| control.create_invite(actor, &input).await).await?;
    show_one(&invite, context)
}

async fn accept(args: &AcceptArgs, context: &Context) -> Result<(), CliError> {
    let accept = context.change(async |control, actor| control.accept_invite(actor, &args.invite, &args.name).await);
    show_one(&accept.await?, context)
}

async fn revoke(args: &RevokeArgs, context: &Context) -> Result<(), CliError> {
    let invite = context.change(async |control, actor| control.revoke_invite(actor, &args.invite).await).await?;
    show_one(&invite, context)
}

async fn list(args: &ListArgs, context: &Context) -> Result<(), CliError> {
    let view = context.view().await?;
    let invites = match &args.org {
        Some(asked) => view.invites(&view.organization(asked).await?, context.now()).await?,
        None if view.sight().is_everything() => view.all_invites(context.now()).await?,
        None => concerning(&view, context).await?,
    };
    let rows = Rows { rows: invites };
    context.output.show(&rows, || {
        let columns = [
            left("EMAIL"),
            left("ORGANIZATION"),
            left("ROLE"),
            left("PROJECTS"),
            left("STATUS"),
            left("EXPIRES"),
            left("ID"),
        ];
        let mut table = Table::new(&columns);
        for invite in &rows.rows {
            table.row([
                invite.email.clone(),
                invite.organization_id.clone(),
                invite.role.to_string(),
                projects(invite),
                invite.status.to_string(),
                time(invite.expires_at),
                invite.id.clone(),
            ]);
        }
        table.render("there are no such invites")
    })
}

/// The invites that are to a person, and those of the organizations whose members they manage.
async fn concerning(view: &View<'_>, context: &Context) -> Result<Vec<Invite>, CliError> {
    let mut found = context.change(async |control, actor| control.own_invites(actor).await).await?;
    for id in view.sight().organization_ids().unwrap_or_default() {
        if view.sight().may_in_organization(Action::ManageMembers, id) {
            // Their own to it are among them.
            found.retain(|own| own.organization_id != id);
            found.extend(view.invites(&view.organization(id).await?, context.now()).await?);
        }
    }
    Ok(found)
}

fn show_one(invite: &Invite, context: &Context) -> Result<(), CliError> {
    context.output.show(invite, || {
        let when = match invite.status {
            InviteStatus::Pending => ("Expires", time(invite.expires_at)),
            InviteStatus::Expired => ("Expired", time(invite.expires_at)),
            InviteStatus::Accepted => ("Accepted", invite.accepted_at.map(time).unwrap_or_default()),
        };
        facts(&[
            ("Invite", format!("{} ({})", invite.email, invite.id)),
            ("Organization", invite.organization_id.clone()),
            ("Role", invite.role.to_string()),
            ("Projects", projects(invite)),
            ("Status", invite.status.to_string()),
            when,
        ])
    })
}

fn projects(invite: &Invite) -> String {
    let each: Vec<String> =
        invite.projects.iter().map(|project| format!("{} as {}", project.id, project.role)).collect();
    each.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_role_at_the_end_is_one() {
        for (text, asked, role) in [
            ("Support", "Support", ProjectRole::Member),
            ("Support:owner", "Support", ProjectRole::Owner),
            ("Support:member", "Support", ProjectRole::Member),
            ("a:b", "a:b", ProjectRole::Member),
            ("a:b:owner", "a:b", ProjectRole::Owner),
            ("a:owner:member", "a:owner", ProjectRole::Member),
            ("Support:", "Support:", ProjectRole::Member),
            ("Support:Owner", "Support:Owner", ProjectRole::Member),
        ] {
            assert_eq!(text.parse(), Ok(InvitedProject { asked: asked.to_owned(), role }), "{text}");
        }
    }
}
