//! Who acts (R45): persons by their e-mail address, administration keys by their secret.

use mete_core::actor::{Actor, Origin, Who};
use mete_core::directory::{KeyStatus, check_email};
use mete_core::secret::KeyHash;

use crate::boxed;
use crate::{Control, ControlError};

impl Control<'_> {
    /// The person with this e-mail address, as an actor.
    ///
    /// # Errors
    /// When nobody has that address.
    #[boxed]
    pub async fn person(&self, email: &str, origin: Origin) -> Result<Actor, ControlError> {
        let email = check_email(email)?;
        let person = self.store.person(&email).await?;
        let person =
            person.ok_or_else(|| ControlError::not_found(format!("nobody has the e-mail address {email:?}")))?;
        Ok(Actor { who: Who::Person { user_id: person.id, email: person.email }, origin })
    }

    /// The administration key with this secret, as an actor (R17). Keys of projects are none.
    ///
    /// # Errors
    /// When there is no such key, or it is disabled, revoked or expired. The secret is not repeated.
    #[boxed]
    pub async fn admin_key_actor(&self, secret: &str, origin: Origin) -> Result<Actor, ControlError> {
        let found = self.store.admin_key_of(KeyHash::of(secret)).await?;
        let now = self.now();
        let usable = found
            .filter(|key| key.status == KeyStatus::Active && key.expires_at.is_none_or(|expires| now < expires))
            .ok_or_else(|| ControlError::not_found("there is no such administration key".to_owned()))?;
        let who = Who::AdminKey {
            key_id: usable.id,
            organization_id: usable.organization_id,
            user_id: usable.owner_id,
            email: usable.owner,
        };
        Ok(Actor { who, origin })
    }
}
