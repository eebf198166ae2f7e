//! Making and disabling API keys.

use std::sync::PoisonError;

use mete_core::directory::{ApiKey, KeyStatus, OrganizationRole, Project, ProjectStatus, check_email, check_name};
use mete_core::ids::IdKind;
use mete_core::secret::{Secret, SecretKind};
use mete_store::NewKey;

use crate::{Control, ControlError, change};

/// A key to be made.
#[derive(Clone, Debug)]
pub struct NewKeyInput {
    /// Id or name of its project.
    pub project: String,
    /// The e-mail address of the person it belongs to.
    pub member: String,
    /// Its name; may be empty.
    pub name: String,
}

/// A key that was made, with the secret that nobody sees again.
#[derive(Clone, Debug)]
pub struct CreatedKey {
    /// The key.
    pub key: ApiKey,
    /// Its secret.
    pub secret: Secret,
}

impl Control<'_> {
    /// Makes a key for a person in a project (R15). A person who is not in the organization or the project yet is added
    /// to both: the operator who hands out a key means that.
    ///
    /// # Errors
    /// When the project is not there or archived, the e-mail address or name is refused, or the store fails.
    pub async fn create_key(&self, input: &NewKeyInput) -> Result<CreatedKey, ControlError> {
        let member = check_email(&input.member)?;
        let name = if input.name.is_empty() { String::new() } else { check_name(&input.name)? };
        let project = self.store.find_project(&input.project).await?;
        refuse_archived(&project)?;
        let secret = {
            let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
            Secret::generate(SecretKind::Person, &mut **random)
        };
        let (id, redacted, user, at) = (self.id(IdKind::Key), secret.redacted(), self.id(IdKind::User), self.now());
        let owner_id = change!(self, tx => {
            let user = tx.upsert_person(&member, &user, at).await?;
            tx.insert_organization_member(&project.organization_id, &user, OrganizationRole::Reader, at).await?;
            tx.insert_project_member(&project.id, &user, "member", at).await?;
            let new = NewKey {
                id: &id,
                organization_id: &project.organization_id,
                project_id: &project.id,
                owner_id: &user,
                name: &name,
                hash: secret.hash(),
                redacted_value: &redacted,
            };
            tx.insert_key(&new, at).await?;
            tx.tell(at, &project.organization_id, "api_key.created", &id).await?;
            Ok(user)
        })?;
        let key = ApiKey {
            id,
            organization_id: project.organization_id,
            project_id: project.id,
            owner_id,
            owner: member,
            name,
            redacted_value: redacted,
            status: KeyStatus::Active,
            created_at: at,
            last_used_at: None,
        };
        Ok(CreatedKey { key, secret })
    }

    /// Disables a key (R18); one that is disabled already stays so.
    ///
    /// # Errors
    /// When the key is not there or revoked, its project is archived (R21), or the store fails.
    pub async fn disable_key(&self, key: &str) -> Result<ApiKey, ControlError> {
        let mut key = self.store.find_key(key).await?;
        refuse_archived(&self.store.find_project(&key.project_id).await?)?;
        if key.status == KeyStatus::Revoked {
            return Err(ControlError::Conflict(format!("the key {} is revoked, and stays so", key.id)));
        }
        let at = self.now();
        change!(self, tx => {
            tx.set_key_status(&key.id, KeyStatus::Disabled).await?;
            tx.tell(at, &key.organization_id, "api_key.disabled", &key.id).await?;
            Ok(())
        })?;
        key.status = KeyStatus::Disabled;
        Ok(key)
    }
}

fn refuse_archived(project: &Project) -> Result<(), ControlError> {
    if project.status == ProjectStatus::Active {
        return Ok(());
    }
    Err(ControlError::Conflict(format!("the project {:?} is archived: nothing in it can be changed", project.name)))
}
