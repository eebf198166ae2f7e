//! Keys of the administration API (R17).

use mete_core::Timestamp;
use mete_core::actor::{Actor, Who};
use mete_core::directory::{AdminKey, KeyStatus};
use mete_core::ids::IdKind;
use mete_core::rights::Action;
use mete_core::secret::{Secret, SecretKind};
use serde_json::json;

use crate::boxed;
use crate::deed::Deed;
use crate::keys::key_name;
use crate::lookup::{gone, organization_now, person_named};
use crate::rights::{hidden, not_permitted};
use crate::sight::Sight;
use crate::{Control, ControlError, change};

/// An administration key to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAdminKeyInput {
    /// Id or name of its organization.
    pub organization: String,
    /// E-mail address of its person; the actor where nobody is named.
    pub member: Option<String>,
    /// Its name; may be empty.
    pub name: String,
    /// When it stops working by itself, if it is to.
    pub expires_at: Option<Timestamp>,
}

/// An administration key that was made, with the secret that nobody sees again.
#[derive(Clone, Debug)]
pub struct CreatedAdminKey {
    /// The key.
    pub key: AdminKey,
    /// Its secret.
    pub secret: Secret,
}

impl Control<'_> {
    /// Makes an administration key: an owner's to do for themselves, since it carries their rights, and the operator's
    /// for any member.
    ///
    /// # Errors
    /// When the actor may not, the organization or member is not there, the input is refused, or the store fails.
    #[boxed]
    pub async fn create_admin_key(
        &self,
        actor: &Actor,
        input: &NewAdminKeyInput,
    ) -> Result<CreatedAdminKey, ControlError> {
        const ACTION: &str = "admin_api_key.created";
        let found = self.organization_for(actor, &input.organization, ACTION).await?;
        let (id, secret) = (self.id(IdKind::Key), self.secret(SecretKind::Admin));
        change!(self, actor, tx => {
            let organization = organization_now(tx, &found.id).await?;
            let deed = Deed::on_organization(ACTION, &organization).target("", &input.name);
            self.permit_in_organization(tx, actor, Action::ManageMembers, (&organization, &deed)).await?;
            let asked = match (&input.member, &actor.who) {
                (Some(member), _) => member,
                (None, Who::Person { email, .. } | Who::AdminKey { email, .. }) => email,
                (None, _) => return Err(ControlError::Invalid("say whose administration key it is".to_owned())),
            };
            let person = person_named(tx, asked).await?.ok_or_else(|| gone("member", asked))?;
            if actor.user_id().is_some_and(|own| own != person.id) {
                let what = "create an administration key for somebody else";
                return Err(not_permitted(actor, what, "the operator of the deployment", &deed).into());
            }
            if tx.organization_role(&organization.id, &person.id).await?.is_none() {
                return Err(gone("member", asked));
            }
            self.check_expiry(input.expires_at)?;
            let key = AdminKey {
                id: id.clone(),
                organization_id: organization.id,
                owner_id: person.id,
                owner: person.email,
                name: key_name(&input.name)?,
                redacted_value: secret.redacted(),
                status: KeyStatus::Active,
                created_at: self.now(),
                expires_at: input.expires_at,
                last_used_at: None,
            };
            tx.insert_admin_key(&key, secret.hash()).await?;
            let after = json!({"after": {"owner_id": key.owner_id, "redacted_value": key.redacted_value,
                "expires_at": key.expires_at}});
            self.record(tx, actor, &deed.target(&key.id, &key.name), after).await?;
            Ok(CreatedAdminKey { key, secret: secret.clone() })
        })
    }

    /// Revokes an administration key for good: its person's or an owner's to do.
    ///
    /// # Errors
    /// When the actor may not, the key is not there or revoked already, or the store fails.
    #[boxed]
    pub async fn revoke_admin_key(&self, actor: &Actor, id: &str) -> Result<AdminKey, ControlError> {
        const ACTION: &str = "admin_api_key.deleted";
        let sight = Sight::of(self.store, actor).await?;
        change!(self, actor, tx => {
            let key = tx.admin_key(id).await?.ok_or_else(|| gone("key", id))?;
            let organization = organization_now(tx, &key.organization_id).await?;
            let deed = Deed::on_organization(ACTION, &organization).target(&key.id, &key.name);
            if !sight.sees_organization(&organization) {
                return Err(hidden(format!("there is no key {id:?}"), deed).into());
            }
            if actor.user_id() != Some(key.owner_id.as_str()) {
                self.permit_in_organization(tx, actor, Action::ManageMembers, (&organization, &deed)).await?;
            }
            if key.status == KeyStatus::Revoked {
                return Err(ControlError::Conflict(format!("the key {} is revoked, and stays so", key.id)));
            }
            tx.set_admin_key_status(&key.id, KeyStatus::Revoked).await?;
            let changed = json!({"before": {"status": key.status}, "after": {"status": KeyStatus::Revoked}});
            self.record(tx, actor, &deed, changed).await?;
            Ok(AdminKey { status: KeyStatus::Revoked, ..key })
        })
    }
}
