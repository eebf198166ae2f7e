//! What there is in the directory for the actor, as it can be named.

use std::collections::{BTreeMap, BTreeSet};

use mete_control::{ControlError, ListedProjects, View};
use mete_core::directory::{ApiKey, Organization, Project, ProjectStatus};
use mete_core::manual_block::ManualBlock;
use mete_core::people::{Invite, InviteStatus, Member, ServiceAccount};
use mete_store::{Alert, AlertFilter, AlertKind, KeyFilter, ManualBlockFilter, Store};

use super::offers::{Named, Unasked};
use super::question::Kind;
use crate::commands::lookup;
use crate::context::Context;
use crate::error::CliError;

/// The options on the line that say where to look.
#[derive(Debug)]
pub struct Scope {
    /// What `--org` was given.
    pub organization: Option<String>,
    /// What `--project` was given.
    pub project: Option<String>,
    /// Whether somebody is to be added to the project, and is not in it yet.
    pub adding: bool,
}

impl Scope {
    /// All of a kind that the actor sees (R6), within the organization and the project on the line.
    pub async fn named(&self, kind: Kind, context: &Context) -> Result<Vec<Named>, CliError> {
        let store = context.store_as_it_is().await?;
        let view = context.view().await?;
        let organization = lookup::organization(&view, self.organization.as_deref()).await?;
        // A project that is being typed is no place to look in yet.
        let project = match kind {
            Kind::Organization | Kind::Project => None,
            _ => lookup::project(&view, organization.as_ref(), self.project.as_deref()).await?,
        };
        let (organization, project) = (organization.as_ref(), project.as_ref());
        Ok(match kind {
            Kind::Organization => organizations(context, &view).await?.into_iter().map(by_name).collect(),
            Kind::Project => projects(context, &view, organization).await?,
            Kind::Key => keys(&view, organization, project).await?,
            Kind::Person => self.people(context, &view, (organization, project)).await?,
            Kind::ServiceAccount => {
                view.service_accounts(organization, project).await?.into_iter().map(service_account).collect()
            }
            Kind::Invite => invites(context, &view, organization).await?,
            Kind::Block => {
                let wanted = ManualBlockFilter { holding_at: Some(context.now()), ..ManualBlockFilter::default() };
                view.manual_blocks(&wanted).await?.into_iter().map(block).collect()
            }
            Kind::Alert => {
                let wanted = AlertFilter { is_open: true, ..AlertFilter::default() };
                view.alerts(&wanted).await?.into_iter().map(alert).collect()
            }
            Kind::Reason | Kind::Source => of_quarantine(kind, store, context).await?,
        })
    }

    /// The people of the project or the organization, else of all organizations whose people the actor may list.
    async fn people(
        &self,
        context: &Context,
        view: &View<'_>,
        within: (Option<&Organization>, Option<&Project>),
    ) -> Result<Vec<Named>, CliError> {
        let members = match within {
            (_, Some(project)) if self.adding => view.candidates(project).await?,
            (_, Some(project)) => view.project_members(project).await?,
            (Some(organization), None) => view.organization_members(organization).await?,
            (None, None) => {
                let mut members = Vec::new();
                for organization in organizations(context, view).await? {
                    members.extend(if_permitted(view.organization_members(&organization).await)?);
                }
                members
            }
        };
        // Somebody may be in several organizations.
        let named: BTreeMap<String, Named> = members.into_iter().filter_map(person).collect();
        Ok(named.into_values().collect())
    }
}

/// Reasons or sources of what is in the quarantine, which the operator alone sees.
async fn of_quarantine(kind: Kind, store: &Store, context: &Context) -> Result<Vec<Named>, CliError> {
    context.operator_only("see the quarantine")?;
    let counts = store.quarantine_counts().await?.into_iter();
    let names: BTreeSet<String> =
        counts.map(|count| if kind == Kind::Reason { count.reason } else { count.source }).collect();
    let named = |name| Named { id: String::new(), name, note: String::new(), unasked: Unasked::Name };
    Ok(names.into_iter().map(named).collect())
}

async fn organizations(context: &Context, view: &View<'_>) -> Result<Vec<Organization>, CliError> {
    let seen = view.organizations(context.month(None)).await?;
    Ok(seen.into_iter().map(|view| view.organization).collect())
}

async fn projects(
    context: &Context,
    view: &View<'_>,
    organization: Option<&Organization>,
) -> Result<Vec<Named>, CliError> {
    let organizations = organizations(context, view).await?;
    let wanted = ListedProjects { organization_id: organization.map(|within| within.id.as_str()), status: None };
    let seen = view.projects(wanted, context.month(None)).await?;
    Ok(seen.into_iter().map(|view| project(view.project, &organizations)).collect())
}

async fn keys(
    view: &View<'_>,
    organization: Option<&Organization>,
    project: Option<&Project>,
) -> Result<Vec<Named>, CliError> {
    let filter = KeyFilter {
        organization_id: organization.map(|organization| organization.id.clone()),
        project_id: project.map(|project| project.id.clone()),
        owner_id: None,
    };
    Ok(view.keys(&filter).await?.into_iter().map(key).collect())
}

async fn invites(
    context: &Context,
    view: &View<'_>,
    organization: Option<&Organization>,
) -> Result<Vec<Named>, CliError> {
    let within = match organization {
        Some(organization) => vec![organization.clone()],
        None => organizations(context, view).await?,
    };
    let mut found = Vec::new();
    for organization in within {
        found.extend(if_permitted(view.invites(&organization, context.now()).await)?);
    }
    Ok(found.into_iter().map(invite).collect())
}

/// Nothing where the actor has not the right: TAB is no attempt.
fn if_permitted<T>(read: Result<Vec<T>, ControlError>) -> Result<Vec<T>, ControlError> {
    match read {
        Err(ControlError::Denied(_)) => Ok(Vec::new()),
        read => read,
    }
}

fn by_name(organization: Organization) -> Named {
    Named { id: organization.id, name: organization.name, note: String::new(), unasked: Unasked::Name }
}

fn project(project: Project, organizations: &[Organization]) -> Named {
    let above = organizations.iter().find(|organization| organization.id == project.organization_id);
    let above = above.map(|organization| organization.name.as_str()).unwrap_or_default();
    let (note, unasked) = match project.status {
        ProjectStatus::Active => (above.to_owned(), Unasked::Name),
        ProjectStatus::Archived => (format!("{above}, archived"), Unasked::Nothing),
    };
    Named { id: project.id, name: project.name, note, unasked }
}

fn key(key: ApiKey) -> Named {
    let note = format!("{}, {}, {}", key.redacted_value, key.owner, key.status);
    Named { id: key.id, name: key.name, note, unasked: Unasked::Id }
}

fn person(member: Member) -> Option<(String, Named)> {
    let email = member.email?;
    let note =
        if member.name.is_empty() { member.role.to_string() } else { format!("{}, {}", member.name, member.role) };
    Some((email.clone(), Named { id: email, name: String::new(), note, unasked: Unasked::Id }))
}

fn service_account(account: ServiceAccount) -> Named {
    Named { id: account.id, name: account.name, note: account.role.to_string(), unasked: Unasked::Name }
}

fn invite(invite: Invite) -> Named {
    let unasked = if invite.status == InviteStatus::Pending { Unasked::Id } else { Unasked::Nothing };
    Named { id: invite.id, name: String::new(), note: format!("{}, {}", invite.email, invite.status), unasked }
}

fn alert(alert: Alert) -> Named {
    let what = match alert.kind {
        AlertKind::Threshold => "threshold",
        AlertKind::Exhausted => "budget",
    };
    let note = format!("{what} ${} of {}, {}", alert.amount, alert.whose(), alert.month);
    Named { id: alert.id, name: String::new(), note, unasked: Unasked::Id }
}

fn block(block: ManualBlock) -> Named {
    let note = format!("{} on {} {}", block.kind, block.scope_kind, block.scope_id);
    Named { id: block.id, name: String::new(), note, unasked: Unasked::Id }
}
