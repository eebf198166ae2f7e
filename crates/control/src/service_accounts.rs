//! Service accounts of organizations and projects (R12 to R14).

use mete_core::actor::Actor;
use mete_core::directory::{ApiKey, KeyStatus, Project, check_name};
use mete_core::ids::IdKind;
use mete_core::people::{MemberKind, ServiceAccount, ServiceAccountRole};
use mete_core::permissions::Permissions;
use mete_core::rights::Action;
use mete_core::secret::{Secret, SecretKind};
use mete_store::Tx;
use serde_json::json;

use crate::boxed;
use crate::deed::Deed;
use crate::lookup::{default_project_of, gone, project_now};
use crate::rights::{Attempt, refuse_archived, refuse_default};
use crate::{Control, ControlError, change};

/// Whose a service account is to be; each is an id or a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceAccountOf {
    /// The organization's: in its default project, and in no other.
    Organization(String),
    /// A project's.
    Project(String),
}

/// A service account that was made, with its first key, whose secret nobody sees again (R13).
#[derive(Clone, Debug)]
pub struct CreatedServiceAccount {
    /// The account.
    pub account: ServiceAccount,
    /// Its key.
    pub key: ApiKey,
    /// The key's secret.
    pub secret: Secret,
}

/// The row of R6's table for the service accounts of a project, or of an organization where it is the default one.
pub(crate) const fn action_on(project: &Project) -> Action {
    if project.is_default { Action::CreateOrganizationServiceAccounts } else { Action::ManageServiceAccounts }
}

impl Control<'_> {
    /// Makes a service account and its first key, with full permissions (R13).
    ///
    /// # Errors
    /// When the actor may not, the organization or project is not there, archived (R21) or, for a project's account, a
    /// default project (R2), the name is refused, or the store fails.
    #[boxed]
    pub async fn create_service_account(
        &self,
        actor: &Actor,
        of: &ServiceAccountOf,
        name: &str,
    ) -> Result<CreatedServiceAccount, ControlError> {
        const ACTION: &str = "service_account.created";
        let (organization_id, project_id) = match of {
            ServiceAccountOf::Organization(asked) => (self.organization_for(actor, asked, ACTION).await?.id, None),
            ServiceAccountOf::Project(asked) => {
                let project = self.project_for(actor, asked, ACTION).await?;
                (project.organization_id, Some(project.id))
            }
        };
        let (id, key_id) = (self.id(IdKind::ServiceAccount), self.id(IdKind::Key));
        let secret = self.secret(SecretKind::ServiceAccount);
        change!(self, actor, tx => {
            let project = match &project_id {
                Some(id) => project_now(tx, id).await?,
                None => default_project_of(tx, &organization_id).await?,
            };
            let deed = Deed::on_project(ACTION, &project).target("", name);
            // An organization's account is asked of the organization: its default project hides nothing.
            let (action, within) = match project_id {
                Some(_) => (Action::ManageServiceAccounts, Some(&project)),
                None => (Action::CreateOrganizationServiceAccounts, None),
            };
            let attempt = Attempt { action, organization_id: &organization_id, project: within, deed: &deed };
            self.permit(tx, actor, attempt).await?;
            if project_id.is_some() {
                refuse_default(&project, "has the organization's service accounts only: create one with --org")?;
            }
            refuse_archived(&project)?;
            let account = ServiceAccount {
                id: id.clone(),
                organization_id: organization_id.clone(),
                project_id: project.id.clone(),
                name: check_name(name)?,
                role: ServiceAccountRole::Member,
                created_at: self.now(),
            };
            tx.insert_service_account(&account).await?;
            let key = first_key(&account, &key_id, &secret);
            tx.insert_key(&key, secret.hash()).await?;
            let deed = deed.target(&account.id, &account.name);
            let after = json!({"after": {"name": account.name, "role": account.role, "api_key_id": key.id}});
            self.record(tx, actor, &deed, after).await?;
            Ok(CreatedServiceAccount { account, key, secret: secret.clone() })
        })
    }

    /// Changes a service account's role in its project (R14).
    ///
    /// # Errors
    /// When the actor may not, the account is not there, its project is archived (R21), or the store fails.
    #[boxed]
    pub async fn set_service_account_role(
        &self,
        actor: &Actor,
        account: &str,
        role: ServiceAccountRole,
    ) -> Result<ServiceAccount, ControlError> {
        const ACTION: &str = "service_account.updated";
        let found = self.service_account_for(actor, account, ACTION).await?;
        change!(self, actor, tx => {
            let (before, project) = self.account_now(tx, actor, (&found.id, ACTION)).await?;
            tx.set_service_account_role(&before.id, role).await?;
            let deed = Deed::on_project(ACTION, &project).target(&before.id, &before.name);
            self.record(tx, actor, &deed, json!({"before": {"role": before.role}, "after": {"role": role}})).await?;
            Ok(ServiceAccount { role, ..before })
        })
    }

    /// Removes a service account; its keys are disabled (R14).
    ///
    /// # Errors
    /// As [`Control::set_service_account_role`].
    #[boxed]
    pub async fn remove_service_account(&self, actor: &Actor, account: &str) -> Result<ServiceAccount, ControlError> {
        const ACTION: &str = "service_account.deleted";
        let found = self.service_account_for(actor, account, ACTION).await?;
        change!(self, actor, tx => {
            let (account, project) = self.account_now(tx, actor, (&found.id, ACTION)).await?;
            tx.delete_service_account(&account.id, self.now()).await?;
            let mut disabled = Vec::new();
            for key in tx.active_keys_of(&account.id, &account.organization_id, None).await? {
                tx.set_key_status(&key.id, KeyStatus::Disabled).await?;
                disabled.push(key.id);
            }
            let deed = Deed::on_project(ACTION, &project).target(&account.id, &account.name);
            let changed = json!({"before": {"role": account.role}, "after": {"disabled_keys": disabled}});
            self.record(tx, actor, &deed, changed).await?;
            Ok(account)
        })
    }

    /// A service account and its project, if the actor may change them and they can be changed.
    async fn account_now(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        (id, action): (&str, &'static str),
    ) -> Result<(ServiceAccount, Project), ControlError> {
        let account = tx.service_account(id).await?.ok_or_else(|| gone("service account", id))?;
        let project = project_now(tx, &account.project_id).await?;
        let deed = Deed::on_project(action, &project).target(&account.id, &account.name);
        self.permit_in_project(tx, actor, action_on(&project), (&project, &deed)).await?;
        refuse_archived(&project)?;
        Ok((account, project))
    }
}

/// The key that a service account is made with (R13).
fn first_key(account: &ServiceAccount, id: &str, secret: &Secret) -> ApiKey {
    ApiKey {
        id: id.to_owned(),
        organization_id: account.organization_id.clone(),
        project_id: account.project_id.clone(),
        owner_id: account.id.clone(),
        owner_kind: MemberKind::ServiceAccount,
        owner: account.name.clone(),
        name: String::new(),
        redacted_value: secret.redacted(),
        status: KeyStatus::Active,
        created_at: account.created_at,
        last_used_at: None,
        expires_at: None,
        permissions: Permissions::ALL,
    }
}
