//! All that the directory is: what the model says, and what the store holds.

use std::collections::BTreeMap;
use std::fmt::Debug;

use mete_core::Timestamp;
use mete_core::directory::{AdminKey, ApiKey, Organization, OrganizationRole, Project, User};
use mete_core::limits::Limits;
use mete_core::manual_block::ManualBlock;
use mete_core::people::{Invite, ProjectRole, ServiceAccount};
use mete_core::rates::{Models, RateLimit};
use mete_store::{Alert, AlertFilter, InviteFilter, KeyFilter, ManualBlockFilter, Scope, Setting, Store, StoreError};

/// All limits of a scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllLimits {
    pub limits: Limits,
    pub models: Models,
    pub rates: Vec<RateLimit>,
}

/// The directory of some organizations and people, by ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// By e-mail address.
    pub people: BTreeMap<String, User>,
    pub organizations: BTreeMap<String, Organization>,
    /// By organization and person: role and grant to see usage.
    pub members: BTreeMap<(String, String), (OrganizationRole, bool)>,
    pub projects: BTreeMap<String, Project>,
    /// By project and person, for those who were added.
    pub project_members: BTreeMap<(String, String), ProjectRole>,
    pub accounts: BTreeMap<String, ServiceAccount>,
    pub keys: BTreeMap<String, ApiKey>,
    pub admin_keys: BTreeMap<String, AdminKey>,
    pub invites: BTreeMap<String, Invite>,
    /// By organization or project; those without any are left out.
    pub limits: BTreeMap<String, AllLimits>,
    pub blocks: BTreeMap<String, ManualBlock>,
    /// Without the names of what they are about.
    pub alerts: BTreeMap<String, Alert>,
    pub max_projects: i64,
}

impl State {
    /// What the store holds of these organizations and people at `now`.
    pub async fn read(
        store: &Store,
        (orgs, emails): (&[String], &[String]),
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let mut state = Self { max_projects: store.setting(Setting::MaxProjects).await?, ..Self::default() };
        for email in emails {
            state.read_person(store, email, orgs).await?;
        }
        let projects = store.projects_of(orgs).await?;
        state.projects = projects.into_iter().map(|project| (project.id.clone(), project)).collect();
        for id in orgs {
            state.read_organization(store, id, now).await?;
        }
        let scopes = orgs.iter().map(|id| Scope::organization(id));
        let of_projects = state.projects.values().map(|project| Scope::project(&project.id, &project.organization_id));
        for scope in scopes.chain(of_projects).collect::<Vec<_>>() {
            state.read_limits(store, &scope).await?;
        }
        Ok(state)
    }

    async fn read_person(&mut self, store: &Store, email: &str, orgs: &[String]) -> Result<(), StoreError> {
        let Some(person) = store.person(email).await? else { return Ok(()) };
        let memberships = store.memberships(&person.id).await?;
        for (org, role, grant) in memberships.organizations.into_iter().filter(|(org, ..)| orgs.contains(org)) {
            self.members.insert((org, person.id.clone()), (role, grant));
        }
        for (project, role) in memberships.projects {
            self.project_members.insert((project, person.id.clone()), role);
        }
        self.people.insert(email.to_owned(), person);
        Ok(())
    }

    async fn read_organization(&mut self, store: &Store, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let organization_id = Some(id.to_owned());
        let organizations = store.organizations_named(id).await?;
        self.organizations.extend(organizations.into_iter().map(|one| (one.id.clone(), one)));
        let accounts = store.service_accounts(Some(id), None).await?;
        self.accounts.extend(accounts.into_iter().map(|one| (one.id.clone(), one)));
        let filter = KeyFilter { organization_id: organization_id.clone(), ..KeyFilter::default() };
        self.keys.extend(store.keys(&filter).await?.into_iter().map(|one| (one.id.clone(), one)));
        let admin_keys = store.admin_keys(Some(id)).await?;
        self.admin_keys.extend(admin_keys.into_iter().map(|one| (one.id.clone(), one)));
        let filter = InviteFilter { organization_id: organization_id.clone(), ..InviteFilter::default() };
        self.invites.extend(store.invites(&filter, now).await?.into_iter().map(|one| (one.id.clone(), one)));
        let filter = AlertFilter { organization_id: organization_id.clone(), ..AlertFilter::default() };
        self.alerts.extend(store.alerts(&filter).await?.into_iter().map(|one| (one.id.clone(), unnamed(one))));
        let filter = ManualBlockFilter { organization_id, ..ManualBlockFilter::default() };
        self.blocks.extend(store.manual_blocks(&filter).await?.into_iter().map(|one| (one.id.clone(), one)));
        Ok(())
    }

    async fn read_limits(&mut self, store: &Store, scope: &Scope) -> Result<(), StoreError> {
        let (limits, models) = (store.limits(scope).await?, store.models(scope).await?);
        let all = AllLimits { limits, models, rates: store.rate_limits(scope).await? };
        if all != AllLimits::default() {
            self.limits.insert(scope.id().to_owned(), all);
        }
        Ok(())
    }

    /// The limits of a scope.
    pub fn limits_of(&self, scope: &str) -> AllLimits {
        self.limits.get(scope).cloned().unwrap_or_default()
    }

    /// Whether a person is in a project: by a role there, as owner of the organization (R7), or because it is the default
    /// one of an organization that they are in (R2).
    pub fn is_in_project(&self, project: &Project, user: &str) -> bool {
        match self.members.get(&(project.organization_id.clone(), user.to_owned())) {
            None => false,
            Some((OrganizationRole::Owner, _)) => true,
            Some((OrganizationRole::Reader, _)) => {
                project.is_default || self.project_members.contains_key(&(project.id.clone(), user.to_owned()))
            }
        }
    }

    /// What differs from `other`, in words; nothing if they are equal.
    pub fn difference(&self, other: &Self) -> String {
        let mut found = String::new();
        differing(&mut found, "person", (&self.people, &other.people));
        differing(&mut found, "organization", (&self.organizations, &other.organizations));
        differing(&mut found, "member", (&self.members, &other.members));
        differing(&mut found, "project", (&self.projects, &other.projects));
        differing(&mut found, "project member", (&self.project_members, &other.project_members));
        differing(&mut found, "service account", (&self.accounts, &other.accounts));
        differing(&mut found, "key", (&self.keys, &other.keys));
        differing(&mut found, "admin key", (&self.admin_keys, &other.admin_keys));
        differing(&mut found, "invite", (&self.invites, &other.invites));
        differing(&mut found, "limits", (&self.limits, &other.limits));
        differing(&mut found, "block", (&self.blocks, &other.blocks));
        differing(&mut found, "alert", (&self.alerts, &other.alerts));
        if self.max_projects != other.max_projects {
            found += &format!("max_projects: model {}, store {}\n", self.max_projects, other.max_projects);
        }
        found
    }
}

/// An alert without the name of what it is about, which may be another one later.
pub fn unnamed(alert: Alert) -> Alert {
    Alert { scope_name: String::new(), ..alert }
}

fn differing<K: Ord + Debug, V: PartialEq + Debug>(
    found: &mut String,
    what: &str,
    (model, store): (&BTreeMap<K, V>, &BTreeMap<K, V>),
) {
    for (key, value) in model.iter().filter(|(key, value)| store.get(key) != Some(value)) {
        *found += &format!("{what} {key:?}:\n  model {value:?}\n  store {:?}\n", store.get(key));
    }
    for (key, value) in store.iter().filter(|(key, _)| !model.contains_key(key)) {
        *found += &format!("{what} {key:?}:\n  model has none\n  store {value:?}\n");
    }
}
