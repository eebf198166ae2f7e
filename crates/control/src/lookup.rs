//! Finding what an actor names for a change. What does not exist for the actor is told as not there, and the attempt is
//! written down where it was made (R6).

use mete_core::actor::Actor;
use mete_core::directory::{ApiKey, Organization, Project, User, check_email};
use mete_core::people::ServiceAccount;
use mete_core::secret::without_secrets;
use mete_store::{Store, StoreError, Tx, only, only_project};

use crate::deed::Deed;
use crate::rights::hidden;
use crate::sight::Sight;
use crate::{Control, ControlError};

/// A project named by its id or name, for reading.
pub(crate) async fn visible_project(
    store: &Store,
    sight: &Sight,
    (organization_id, asked): (Option<&str>, &str),
) -> Result<Project, ControlError> {
    let mut found = store.projects_named(organization_id, asked).await?;
    found.retain(|project| sight.sees_project(project));
    Ok(only_project(found, asked)?)
}

/// An organization named by its id or name, for reading.
pub(crate) async fn visible_organization(
    store: &Store,
    sight: &Sight,
    asked: &str,
) -> Result<Organization, ControlError> {
    let mut found = store.organizations_named(asked).await?;
    found.retain(|organization| sight.sees_organization(organization));
    Ok(only(found, "organization", asked)?)
}

/// Keys named by an id, secret, name or redacted form that the actor may see: their own, and all of projects that they
/// own.
pub(crate) async fn visible_keys(store: &Store, sight: &Sight, asked: &str) -> Result<Vec<ApiKey>, ControlError> {
    let mut found = store.keys_named(asked).await?;
    if !sight.is_everything() {
        let mut seen = Vec::new();
        for key in found {
            let project = store.find_project(&key.project_id).await?;
            if sees_key(sight, &project, &key) {
                seen.push(key);
            }
        }
        found = seen;
    }
    Ok(found)
}

/// Whether a key exists for the actor.
pub(crate) fn sees_key(sight: &Sight, project: &Project, key: &ApiKey) -> bool {
    let own = sight.user_id() == Some(key.owner_id.as_str());
    sight.sees_project(project) && (own || sight.may(mete_core::rights::Action::ManageOthersKeys, project))
}

impl Control<'_> {
    /// The organization that `asked` names, for an attempt at `action`.
    pub(crate) async fn organization_for(
        &self,
        actor: &Actor,
        asked: &str,
        action: &'static str,
    ) -> Result<Organization, ControlError> {
        let sight = Sight::of(self.store, actor).await?;
        let found = self.store.organizations_named(asked).await?;
        let (seen, unseen): (Vec<_>, Vec<_>) = found.into_iter().partition(|each| sight.sees_organization(each));
        match (seen.is_empty(), unseen.as_slice()) {
            (true, [one]) => {
                let denial = hidden(format!("there is no organization {asked:?}"), Deed::on_organization(action, one));
                Err(self.refused(actor, denial).await)
            }
            _ => Ok(only(seen, "organization", asked)?),
        }
    }

    /// The project that `asked` names, for an attempt at `action`.
    pub(crate) async fn project_for(
        &self,
        actor: &Actor,
        asked: &str,
        action: &'static str,
    ) -> Result<Project, ControlError> {
        let sight = Sight::of(self.store, actor).await?;
        let found = self.store.projects_named(None, asked).await?;
        let (seen, unseen): (Vec<_>, Vec<_>) = found.into_iter().partition(|each| sight.sees_project(each));
        match (seen.is_empty(), unseen.as_slice()) {
            (true, [one]) => {
                let denial = hidden(format!("there is no project {asked:?}"), Deed::on_project(action, one));
                Err(self.refused(actor, denial).await)
            }
            _ => Ok(only_project(seen, asked)?),
        }
    }

    /// The key that `asked` names, for an attempt at `action`. Keys that the actor may change come first; another
    /// key of a project that the actor sees is found as well, so that the refusal can name the role that would do.
    pub(crate) async fn key_for(
        &self,
        actor: &Actor,
        asked: &str,
        action: &'static str,
    ) -> Result<ApiKey, ControlError> {
        let sight = Sight::of(self.store, actor).await?;
        let (mut manageable, mut seen, mut unseen) = (Vec::new(), Vec::new(), Vec::new());
        for key in self.store.keys_named(asked).await? {
            let project = self.store.find_project(&key.project_id).await?;
            match (sees_key(&sight, &project, &key), sight.sees_project(&project)) {
                (true, _) => manageable.push(key),
                (false, true) => seen.push(key),
                (false, false) => unseen.push((project, key)),
            }
        }
        let seen = if manageable.is_empty() { seen } else { manageable };
        let shown = without_secrets(asked);
        match (seen.is_empty(), unseen.as_slice()) {
            (true, [(project, key)]) => {
                let deed = Deed::on_project(action, project).target(&key.id, &key.name);
                Err(self.refused(actor, hidden(format!("there is no key {shown:?}"), deed)).await)
            }
            _ => Ok(only(seen, "key", asked)?),
        }
    }

    /// The service account that `asked` names, for an attempt at `action`.
    pub(crate) async fn service_account_for(
        &self,
        actor: &Actor,
        asked: &str,
        action: &'static str,
    ) -> Result<ServiceAccount, ControlError> {
        let sight = Sight::of(self.store, actor).await?;
        let (mut seen, mut unseen) = (Vec::new(), Vec::new());
        for account in self.store.service_accounts_named(asked).await? {
            let project = self.store.find_project(&account.project_id).await?;
            if sight.sees_project(&project) { seen.push(account) } else { unseen.push((project, account)) }
        }
        match (seen.is_empty(), unseen.as_slice()) {
            (true, [(project, account)]) => {
                let deed = Deed::on_project(action, project).target(&account.id, &account.name);
                Err(self.refused(actor, hidden(format!("there is no service account {asked:?}"), deed)).await)
            }
            _ => Ok(only(seen, "service account", asked)?),
        }
    }
}

/// The project with this id as it is now.
pub(crate) async fn project_now(tx: &mut Tx, id: &str) -> Result<Project, ControlError> {
    tx.project(id).await?.ok_or_else(|| gone("project", id))
}

/// The organization with this id as it is now.
pub(crate) async fn organization_now(tx: &mut Tx, id: &str) -> Result<Organization, ControlError> {
    tx.organization(id).await?.ok_or_else(|| gone("organization", id))
}

/// The default project of an organization.
pub(crate) async fn default_project_of(tx: &mut Tx, organization_id: &str) -> Result<Project, ControlError> {
    let corrupt = || StoreError::Corrupt(format!("the organization {organization_id} without a default project"));
    Ok(tx.default_project(organization_id).await?.ok_or_else(corrupt)?)
}

/// The person whose e-mail address or id was typed, if there is one.
pub(crate) async fn person_named(tx: &mut Tx, asked: &str) -> Result<Option<User>, ControlError> {
    if asked.starts_with("user-") && !asked.contains('@') {
        return Ok(tx.person(asked).await?);
    }
    Ok(tx.person(&check_email(asked)?).await?)
}

/// What was there a moment ago, or was named by its id, is not there.
pub(crate) fn gone(what: &str, id: &str) -> ControlError {
    ControlError::not_found(format!("there is no {what} {:?}", without_secrets(id)))
}
