//! What an actor may see (R6): every list and every search of the programs goes through here. What somebody may not see
//! does not exist for them, in rows, counts, sums and error messages.

mod intake;
mod keys;
mod log;
mod outlook;
mod pages;
mod parts;
mod people;
mod pulse;
mod resources;
mod spend;

use std::collections::HashMap;

use mete_core::Month;
use mete_core::actor::Actor;
use mete_core::directory::{KeyStatus, Organization, OrganizationView, Project, ProjectStatus, ProjectView};
use mete_core::manual_block::ManualBlock;
use mete_core::rights::{Action, Standing};
use mete_store::{KeyFilter, ManualBlockFilter, ProjectFilter, Store};

use crate::ControlError;
use crate::boxed;
use crate::error::Denial;
use crate::lookup::{gone, visible_organization, visible_project};
use crate::sight::Sight;

pub use outlook::{Outlook, ScopeOutlook};
pub use parts::SeenPart;
pub use pulse::{ProjectPulse, Pulse, SourcePulse};
pub use resources::SeenResource;

/// Reads of one actor.
#[derive(Clone, Debug)]
pub struct View<'a> {
    store: &'a Store,
    actor: &'a Actor,
    sight: Sight,
}

/// Which projects to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListedProjects<'a> {
    /// Of this organization only, by its id.
    pub organization_id: Option<&'a str>,
    /// With this status only (R22).
    pub status: Option<ProjectStatus>,
}

impl<'a> View<'a> {
    /// What `actor` may see as of now.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn new(store: &'a Store, actor: &'a Actor) -> Result<Self, ControlError> {
        Ok(Self { store, actor, sight: Sight::of(store, actor).await? })
    }

    /// What exists for the actor.
    #[must_use]
    pub const fn sight(&self) -> &Sight {
        &self.sight
    }

    /// The organization with this id, or the only one with this name.
    ///
    /// # Errors
    /// When there is none for the actor, or several.
    #[boxed]
    pub async fn organization(&self, asked: &str) -> Result<Organization, ControlError> {
        visible_organization(self.store, &self.sight, asked).await
    }

    /// The project with this id, or the only active one (else the only one) with this name; within an organization, where
    /// its id is given, so that a name need not be the only one of the deployment.
    ///
    /// # Errors
    /// When there is none for the actor, or several.
    #[boxed]
    pub async fn project(&self, organization_id: Option<&str>, asked: &str) -> Result<Project, ControlError> {
        visible_project(self.store, &self.sight, (organization_id, asked)).await
    }

    /// The organizations that the actor sees, by name, with the spend of `month` where they may see it.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn organizations(&self, month: Month) -> Result<Vec<OrganizationView>, ControlError> {
        let ids: Option<Vec<String>> =
            self.sight.organization_ids().map(|ids| ids.into_iter().map(str::to_owned).collect());
        let mut listed = Vec::new();
        for view in self.store.organizations(ids.as_deref(), month).await? {
            if self.sight.sees_organization(&view.organization) {
                listed.push(self.organization_as_seen(view, month).await?);
            }
        }
        Ok(listed)
    }

    /// An organization with its figures, as the actor sees them.
    ///
    /// # Errors
    /// When it is gone or does not exist for the actor, or the store cannot be read.
    #[boxed]
    pub async fn organization_view(
        &self,
        organization: &Organization,
        month: Month,
    ) -> Result<OrganizationView, ControlError> {
        let found = self.store.organizations(Some(std::slice::from_ref(&organization.id)), month).await?;
        let found = found.into_iter().find(|view| view.organization.id == organization.id);
        let found = found.filter(|view| self.sight.sees_organization(&view.organization));
        self.organization_as_seen(found.ok_or_else(|| gone("organization", &organization.id))?, month).await
    }

    async fn organization_as_seen(
        &self,
        mut view: OrganizationView,
        month: Month,
    ) -> Result<OrganizationView, ControlError> {
        let id = &view.organization.id;
        if !self.sight.may_in_organization(Action::SeeSpend, id) && !self.sight.pays_for(&view.organization) {
            (view.spend, view.requests) = (None, None);
        }
        if !self.sight.may_in_organization(Action::ListEverything, id) {
            let status = Some(ProjectStatus::Active);
            let seen = self.projects(ListedProjects { organization_id: Some(id), status }, month).await?;
            let seen = || seen.iter().filter(|view| !view.project.is_default);
            view.active_projects = seen().count() as u64;
            view.blocked_projects = seen().filter(|view| view.blocked_since.is_some()).count() as u64;
        }
        Ok(view)
    }

    /// The projects that the actor sees; default projects first, then by name; with the spend of `month` where they may
    /// see it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn projects(&self, wanted: ListedProjects<'_>, month: Month) -> Result<Vec<ProjectView>, ControlError> {
        let filter = |organization_id: Option<&str>| ProjectFilter {
            organization_id: organization_id.map(str::to_owned),
            project_id: None,
            status: wanted.status,
        };
        let within: Vec<Option<&str>> = match (wanted.organization_id, self.sight.organization_ids()) {
            (Some(organization_id), _) => vec![Some(organization_id)],
            (None, None) => vec![None],
            (None, Some(ids)) => ids.into_iter().map(Some).collect(),
        };
        let mut listed = Vec::new();
        for organization_id in within {
            let views = self.store.projects(&filter(organization_id), month).await?;
            listed.extend(views.into_iter().filter(|view| self.sight.sees_project(&view.project)));
        }
        // Several lists became one.
        listed.sort_by_cached_key(|view| {
            (!view.project.is_default, view.project.name.to_lowercase(), view.project.id.clone())
        });
        let own_keys = self.own_active_keys().await?;
        let mut listed: Vec<_> = listed.into_iter().map(|view| self.project_as_seen(view, &own_keys)).collect();
        self.add_blocks(&mut listed, (wanted.organization_id, None)).await?;
        Ok(listed)
    }

    /// A project with its figures, as the actor sees them.
    ///
    /// # Errors
    /// When it is gone or does not exist for the actor, or the store cannot be read.
    #[boxed]
    pub async fn project_view(&self, project: &Project, month: Month) -> Result<ProjectView, ControlError> {
        self.require_project(project)?;
        let filter = ProjectFilter { project_id: Some(project.id.clone()), ..ProjectFilter::default() };
        let found = self.store.projects(&filter, month).await?.into_iter().next();
        let found = found.ok_or_else(|| gone("project", &project.id))?;
        let mut seen = [self.project_as_seen(found, &self.own_active_keys().await?)];
        self.add_blocks(&mut seen, (Some(&project.organization_id), Some(&project.id))).await?;
        let [seen] = seen;
        Ok(seen)
    }

    /// What people placed on projects and keys, as far as the actor sees it (R41).
    async fn add_blocks(
        &self,
        views: &mut [ProjectView],
        (organization_id, project_id): (Option<&str>, Option<&str>),
    ) -> Result<(), ControlError> {
        let open = ManualBlockFilter {
            organization_id: organization_id.map(str::to_owned),
            project_id: project_id.map(str::to_owned),
            open: true,
            ..ManualBlockFilter::default()
        };
        let mut blocks: HashMap<String, Vec<ManualBlock>> = HashMap::new();
        for block in self.manual_blocks(&open).await? {
            blocks.entry(block.project_id.clone()).or_default().push(block);
        }
        for view in views {
            view.manual_blocks = blocks.remove(&view.project.id).unwrap_or_default();
        }
        Ok(())
    }

    /// How many active keys of their own a person has in each project.
    async fn own_active_keys(&self) -> Result<HashMap<String, u64>, ControlError> {
        let Some(user_id) = self.sight.user_id() else { return Ok(HashMap::new()) };
        let own = KeyFilter { owner_id: Some(user_id.to_owned()), ..KeyFilter::default() };
        let mut counts = HashMap::new();
        for key in self.store.keys(&own).await?.into_iter().filter(|key| key.status == KeyStatus::Active) {
            *counts.entry(key.project_id).or_default() += 1;
        }
        Ok(counts)
    }

    fn project_as_seen(&self, mut view: ProjectView, own_keys: &HashMap<String, u64>) -> ProjectView {
        if !self.sight.may(Action::ManageOthersKeys, &view.project) {
            view.active_keys = own_keys.get(&view.project.id).copied().unwrap_or_default();
        }
        if !self.sight.may(Action::SeeSpend, &view.project) {
            (view.spend, view.requests) = (None, None);
        }
        view
    }

    /// Refuses a project that does not exist for the actor, whoever found it.
    fn require_project(&self, project: &Project) -> Result<(), ControlError> {
        if self.sight.sees_project(project) { Ok(()) } else { Err(gone("project", &project.id)) }
    }

    /// Refuses an actor who may not read something of an organization.
    fn require_in_organization(&self, action: Action, organization: &Organization) -> Result<(), ControlError> {
        if self.sight.may_in_organization(action, &organization.id) { Ok(()) } else { Err(self.denied(action)) }
    }

    fn denied(&self, action: Action) -> ControlError {
        let message = format!("{} may not {action}: that takes {}", self.actor.name(), action.role_needed());
        Denial { message, hidden: false, deed: None }.into()
    }

    /// The projects of which something is listed: all of one organization, or of all, that let the actor do `action`.
    async fn projects_for(&self, action: Action, organization_id: Option<&str>) -> Result<Vec<Project>, ControlError> {
        let within: Vec<String> = match (organization_id, self.sight.organization_ids()) {
            (Some(id), _) => vec![id.to_owned()],
            (None, None) => return Ok(self.store.project_records().await?),
            (None, Some(ids)) => ids.into_iter().map(str::to_owned).collect(),
        };
        let mut found = self.store.projects_of(&within).await?;
        found.retain(|project| self.sight.may(action, project));
        Ok(found)
    }

    fn owns(&self, organization_id: &str) -> bool {
        self.sight.in_organization(organization_id) == Standing::OrganizationOwner
    }
}
