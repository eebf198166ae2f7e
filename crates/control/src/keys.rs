//! API keys: making, editing, disabling, revoking, rotating (R11, R15, R16, R18).

use mete_core::Timestamp;
use mete_core::actor::{Actor, Who};
use mete_core::directory::{ApiKey, KeyStatus, OrganizationRole, Project, check_email, check_name};
use mete_core::ids::IdKind;
use mete_core::people::{MemberKind, ProjectRole};
use mete_core::permissions::{PermissionKind, Permissions, Scopes};
use mete_core::rights::Action;
use mete_core::secret::{Secret, SecretKind};
use mete_core::time::DAY;
use mete_store::{StoredSecret, Tx};
use serde_json::{Value, json};

use crate::boxed;
use crate::deed::Deed;
use crate::lookup::{gone, project_now};
use crate::members::is_in_project;
use crate::rights::{not_permitted, refuse_archived};
use crate::service_accounts::action_on;
use crate::{Control, ControlError, change};

/// The longest time that a secret which was replaced stays valid, in microseconds.
pub const MAX_GRACE: i64 = 30 * DAY;

/// Whose a key is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyOwner {
    /// The actor's own.
    Own,
    /// A person's, by e-mail address: for the operator to hand out. Somebody new is added to the organization (as
    /// `reader`) and to the project (as `member`).
    Person(String),
    /// A service account's, by id or name.
    ServiceAccount(String),
}

/// A key to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKeyInput {
    /// Id or name of its project.
    pub project: String,
    /// Whose it is to be.
    pub owner: KeyOwner,
    /// Its name; may be empty.
    pub name: String,
    /// What it may be used for.
    pub permissions: Permissions,
    /// When it stops working by itself, if it is to.
    pub expires_at: Option<Timestamp>,
}

impl NewKeyInput {
    /// A person's key with full permissions, as the operator hands it out.
    #[must_use]
    pub fn for_person(project: &str, email: &str) -> Self {
        Self {
            project: project.to_owned(),
            owner: KeyOwner::Person(email.to_owned()),
            name: String::new(),
            permissions: Permissions::ALL,
            expires_at: None,
        }
    }
}

/// A key that was made, with the secret that nobody sees again.
#[derive(Clone, Debug)]
pub struct CreatedKey {
    /// The key.
    pub key: ApiKey,
    /// Its secret.
    pub secret: Secret,
}

/// A key with another secret, and until when the one before works.
#[derive(Clone, Debug)]
pub struct RotatedKey {
    /// The key.
    pub key: ApiKey,
    /// Its secret from now on.
    pub secret: Secret,
    /// Until when the secret before works.
    pub old_valid_until: Timestamp,
}

/// What is to be changed of a key; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyChange {
    /// Its name; may be empty.
    pub name: Option<String>,
    /// What it may be used for.
    pub permissions: Option<Permissions>,
    /// When it stops working by itself; `Some(None)` is never.
    pub expires_at: Option<Option<Timestamp>>,
    /// Another project: always refused (R20).
    pub project: Option<String>,
}

/// An owner as they are in the store.
struct Owner {
    id: String,
    kind: MemberKind,
    name: String,
}

impl Control<'_> {
    /// Makes a key (R15).
    ///
    /// # Errors
    /// When the actor may not, the project or owner is not there, the project is archived (R21), the input is refused, or
    /// the store fails.
    #[boxed]
    pub async fn create_key(&self, actor: &Actor, input: &NewKeyInput) -> Result<CreatedKey, ControlError> {
        const ACTION: &str = "api_key.created";
        let found = self.project_for(actor, &input.project, ACTION).await?;
        // Found before the transaction: nothing else is asked or written while it holds the store.
        let account = match &input.owner {
            KeyOwner::ServiceAccount(asked) => Some(self.service_account_for(actor, asked, ACTION).await?.id),
            KeyOwner::Own | KeyOwner::Person(_) => None,
        };
        let (id, user_id) = (self.id(IdKind::Key), self.id(IdKind::User));
        let secret = self.secret(match input.owner {
            KeyOwner::ServiceAccount(_) => SecretKind::ServiceAccount,
            KeyOwner::Own | KeyOwner::Person(_) => SecretKind::Person,
        });
        change!(self, actor, tx => {
            let project = project_now(tx, &found.id).await?;
            let deed = Deed::on_project(ACTION, &project).target("", &input.name);
            self.permit_new_key(tx, actor, (&project, &input.owner, &deed)).await?;
            refuse_archived(&project)?;
            let name = key_name(&input.name)?;
            check_permissions(&input.permissions)?;
            self.check_expiry(input.expires_at)?;
            let owner = match &account {
                Some(id) => account_now(tx, &project, id).await?,
                None => self.person_now(tx, actor, (&project, &input.owner, &user_id)).await?,
            };
            let key = ApiKey {
                id: id.clone(),
                organization_id: project.organization_id.clone(),
                project_id: project.id.clone(),
                owner_id: owner.id,
                owner_kind: owner.kind,
                owner: owner.name,
                name,
                redacted_value: secret.redacted(),
                status: KeyStatus::Active,
                created_at: self.now(),
                last_used_at: None,
                expires_at: input.expires_at,
                permissions: input.permissions,
            };
            tx.insert_key(&key, secret.hash()).await?;
            self.record(tx, actor, &deed.target(&key.id, &key.name), json!({"after": facts(&key)})).await?;
            Ok(CreatedKey { key, secret: secret.clone() })
        })
    }

    async fn permit_new_key(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        (project, owner, deed): (&Project, &KeyOwner, &Deed),
    ) -> Result<(), ControlError> {
        let action = match owner {
            KeyOwner::ServiceAccount(_) => action_on(project),
            KeyOwner::Own | KeyOwner::Person(_) => Action::ManageOwnKeys,
        };
        self.permit_in_project(tx, actor, action, (project, deed)).await?;
        match (&actor.who, owner) {
            (Who::Person { email, .. } | Who::AdminKey { email, .. }, KeyOwner::Person(other))
                if check_email(other).as_ref() != Ok(email) =>
            {
                Err(not_permitted(actor, "create a key for somebody else", "the operator of the deployment", deed)
                    .into())
            }
            (Who::Operator | Who::Daemon, KeyOwner::Own) => {
                Err(ControlError::Invalid("say whose key it is: the operator is no member of a project".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// The person that the key is for, made a member first where the operator hands a key to somebody new.
    async fn person_now(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        (project, owner, new_id): (&Project, &KeyOwner, &str),
    ) -> Result<Owner, ControlError> {
        let email = match (owner, &actor.who) {
            (_, Who::Person { user_id, email } | Who::AdminKey { user_id, email, .. }) => {
                return Ok(Owner { id: user_id.clone(), kind: MemberKind::User, name: email.clone() });
            }
            (KeyOwner::Person(email), _) => check_email(email)?,
            _ => return Err(gone("owner", "")),
        };
        let user_id = tx.upsert_person(&email, new_id, self.now()).await?;
        self.let_in(tx, actor, project, (&user_id, &email)).await?;
        Ok(Owner { id: user_id, kind: MemberKind::User, name: email })
    }

    /// Makes a person a member of organization and project, where they are not.
    async fn let_in(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        project: &Project,
        (user_id, email): (&str, &str),
    ) -> Result<(), ControlError> {
        let now = self.now();
        if tx.organization_role(&project.organization_id, user_id).await?.is_none() {
            let role = OrganizationRole::Reader;
            tx.insert_organization_member(&project.organization_id, user_id, role, now).await?;
            let deed =
                Deed { project_id: String::new(), ..Deed::on_project("user.added", project).target(user_id, email) };
            self.record(tx, actor, &deed, json!({"after": {"role": role}})).await?;
        }
        if !is_in_project(tx, project, user_id).await? {
            tx.upsert_project_member(&project.id, user_id, ProjectRole::Member, now).await?;
            let deed = Deed::on_project("project_user.added", project).target(user_id, email);
            self.record(tx, actor, &deed, json!({"after": {"role": ProjectRole::Member}})).await?;
        }
        Ok(())
    }

    /// Changes a key's name, permissions or expiry.
    ///
    /// # Errors
    /// When the actor may not, the key is not there or revoked, its project is archived (R21), another project is named
    /// (R20), the input is refused, or the store fails.
    #[boxed]
    pub async fn edit_key(&self, actor: &Actor, key: &str, change: &KeyChange) -> Result<ApiKey, ControlError> {
        self.update_key(actor, (key, "api_key.updated", Manage::Own), |before| {
            if change.project.is_some() {
                return Err(ControlError::Invalid(
                    "resources are never moved between projects: create a key in the other project".to_owned(),
                ));
            }
            let mut after = before.clone();
            if let Some(name) = &change.name {
                after.name = key_name(name)?;
            }
            if let Some(permissions) = change.permissions {
                check_permissions(&permissions)?;
                after.permissions = permissions;
            }
            if let Some(expires_at) = change.expires_at {
                self.check_expiry(expires_at)?;
                after.expires_at = expires_at;
            }
            Ok(after)
        })
        .await
    }

    /// Disables a key (R18); one that is disabled already stays so.
    ///
    /// # Errors
    /// As [`Control::edit_key`].
    #[boxed]
    pub async fn disable_key(&self, actor: &Actor, key: &str) -> Result<ApiKey, ControlError> {
        let disabled = |before: &ApiKey| Ok(ApiKey { status: KeyStatus::Disabled, ..before.clone() });
        self.update_key(actor, (key, "api_key.disabled", Manage::Own), disabled).await
    }

    /// Enables a key again: an owner's to do, also for the key's owner (R11). A key whose owner is not in the project is
    /// not enabled.
    ///
    /// # Errors
    /// As [`Control::edit_key`]; when the key's owner is not in the project, or its time is over.
    #[boxed]
    pub async fn enable_key(&self, actor: &Actor, key: &str) -> Result<ApiKey, ControlError> {
        let now = self.now();
        self.update_key(actor, (key, "api_key.enabled", Manage::Others), |before| {
            if before.expires_at.is_some_and(|expires| expires <= now) {
                return Err(ControlError::Conflict(
                    "the key's time is over: give it a later one with 'mete key edit' first".to_owned(),
                ));
            }
            Ok(ApiKey { status: KeyStatus::Active, ..before.clone() })
        })
        .await
    }

    /// Revokes a key for good (R18).
    ///
    /// # Errors
    /// As [`Control::edit_key`].
    #[boxed]
    pub async fn revoke_key(&self, actor: &Actor, key: &str) -> Result<ApiKey, ControlError> {
        let revoked = |before: &ApiKey| Ok(ApiKey { status: KeyStatus::Revoked, ..before.clone() });
        self.update_key(actor, (key, "api_key.deleted", Manage::Own), revoked).await
    }

    /// Gives a key another secret; the one it had works for `grace` microseconds more, and those before it
    /// no longer than that.
    ///
    /// # Errors
    /// When the actor may not, the key is not there or not active, its project is archived (R21), `grace` is negative or
    /// above [`MAX_GRACE`], or the store fails.
    #[boxed]
    pub async fn rotate_key(&self, actor: &Actor, key: &str, grace: i64) -> Result<RotatedKey, ControlError> {
        const ACTION: &str = "api_key.rotated";
        let found = self.key_for(actor, key, ACTION).await?;
        let kind = match found.owner_kind {
            MemberKind::User => SecretKind::Person,
            MemberKind::ServiceAccount => SecretKind::ServiceAccount,
        };
        let secret = self.secret(kind);
        change!(self, actor, tx => {
            let (before, project) = self.key_now(tx, actor, (&found.id, ACTION, Manage::Own)).await?;
            if !(0..=MAX_GRACE).contains(&grace) {
                return Err(ControlError::Invalid(format!(
                    "the old secret can work for 0 to {} days more",
                    MAX_GRACE / DAY
                )));
            }
            if before.status != KeyStatus::Active {
                return Err(ControlError::Conflict(format!("the key is {}: only an active one is rotated", before.status)));
            }
            let (redacted_value, old_valid_until) = (secret.redacted(), self.now().plus(grace));
            let stored = StoredSecret { hash: secret.hash(), redacted_value: &redacted_value };
            tx.set_key_secret(&before.id, stored, old_valid_until).await?;
            let deed = Deed::on_project(ACTION, &project).target(&before.id, &before.name);
            let changed = json!({
                "before": {"redacted_value": before.redacted_value, "valid_until": old_valid_until},
                "after": {"redacted_value": redacted_value},
            });
            self.record(tx, actor, &deed, changed).await?;
            Ok(RotatedKey { key: ApiKey { redacted_value, ..before }, secret: secret.clone(), old_valid_until })
        })
    }

    /// Changes a key as `changed` says.
    async fn update_key(
        &self,
        actor: &Actor,
        (key, action, manage): (&str, &'static str, Manage),
        changed: impl Fn(&ApiKey) -> Result<ApiKey, ControlError>,
    ) -> Result<ApiKey, ControlError> {
        let found = self.key_for(actor, key, action).await?;
        change!(self, actor, tx => {
            let (before, project) = self.key_now(tx, actor, (&found.id, action, manage)).await?;
            let after = changed(&before)?;
            if after.status == KeyStatus::Active && before.status != KeyStatus::Active {
                refuse_outsider(tx, &project, &before).await?;
            }
            tx.update_key(&after).await?;
            let deed = Deed::on_project(action, &project).target(&before.id, &after.name);
            self.record(tx, actor, &deed, json!({"before": facts(&before), "after": facts(&after)})).await?;
            Ok(after)
        })
    }

    /// A key and its project, if the actor may change it and it can be changed.
    async fn key_now(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        (id, action, manage): (&str, &'static str, Manage),
    ) -> Result<(ApiKey, Project), ControlError> {
        let key = tx.key(id).await?.ok_or_else(|| gone("key", id))?;
        let project = project_now(tx, &key.project_id).await?;
        let deed = Deed::on_project(action, &project).target(&key.id, &key.name);
        let own = actor.user_id() == Some(key.owner_id.as_str()) && manage == Manage::Own;
        let needed = match key.owner_kind {
            MemberKind::ServiceAccount => action_on(&project),
            MemberKind::User if own => Action::ManageOwnKeys,
            MemberKind::User => Action::ManageOthersKeys,
        };
        self.permit_in_project(tx, actor, needed, (&project, &deed)).await?;
        refuse_archived(&project)?;
        if key.status == KeyStatus::Revoked {
            return Err(ControlError::Conflict(format!("the key {} is revoked, and stays so", key.id)));
        }
        Ok((key, project))
    }

    pub(crate) fn check_expiry(&self, expires_at: Option<Timestamp>) -> Result<(), ControlError> {
        match expires_at {
            Some(at) if at <= self.now() => {
                Err(ControlError::Invalid(format!("a key cannot expire at {at}: that is in the past")))
            }
            _ => Ok(()),
        }
    }
}

/// The service account that the key is for.
async fn account_now(tx: &mut Tx, project: &Project, id: &str) -> Result<Owner, ControlError> {
    let account = tx.service_account(id).await?.ok_or_else(|| gone("service account", id))?;
    if account.project_id == project.id {
        return Ok(Owner { id: account.id, kind: MemberKind::ServiceAccount, name: account.name });
    }
    Err(ControlError::Invalid(format!(
        "the service account {:?} belongs to another project, and stays there",
        account.name
    )))
}

/// Whether being the key's owner is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manage {
    /// It is.
    Own,
    /// It takes somebody who manages others' keys.
    Others,
}

/// Refuses to let a key work again that belongs to somebody outside the project (R11, R14).
async fn refuse_outsider(tx: &mut Tx, project: &Project, key: &ApiKey) -> Result<(), ControlError> {
    let inside = match key.owner_kind {
        MemberKind::ServiceAccount => tx.service_account(&key.owner_id).await?.is_some(),
        MemberKind::User => is_in_project(tx, project, &key.owner_id).await?,
    };
    if inside {
        return Ok(());
    }
    Err(ControlError::Conflict(format!(
        "{} is not in the project {:?}: the key stays disabled",
        key.owner, project.name
    )))
}

/// A key's name as it is kept: may be empty.
pub(crate) fn key_name(name: &str) -> Result<String, ControlError> {
    if name.is_empty() { Ok(String::new()) } else { Ok(check_name(name)?) }
}

fn check_permissions(permissions: &Permissions) -> Result<(), ControlError> {
    if permissions.kind != PermissionKind::Restricted && permissions.scopes != Scopes::default() {
        return Err(ControlError::Invalid("only a restricted key has scopes".to_owned()));
    }
    Ok(())
}

/// What the audit log says of a key.
fn facts(key: &ApiKey) -> Value {
    json!({
        "name": key.name,
        "owner_id": key.owner_id,
        "redacted_value": key.redacted_value,
        "status": key.status,
        "permissions": key.permissions.kind,
        "scopes": key.permissions.scopes,
        "expires_at": key.expires_at,
    })
}
