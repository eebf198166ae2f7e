//! Keys of the administration API (R17).

use mete_control::{ControlError, NewAdminKeyInput, Sight};
use mete_core::Timestamp;
use mete_core::directory::KeyStatus;
use mete_core::people::MemberKind;
use mete_core::rights::Action;

use super::told::named;
use super::{Ask, Done, Means, Right, Target, misplaced, there};
use crate::form::{Care, Field, Form, Item, Rule};
use crate::format::ago;

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Makes one.
    Create,
    /// Revokes one for good.
    Revoke,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Make it.
    Create(NewAdminKeyInput),
    /// Revoke it.
    Revoke {
        /// Its id.
        key: String,
    },
}

impl Act {
    pub(super) const ALL: [Self; 2] = [Self::Create, Self::Revoke];

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Create => "make an administration key",
            Self::Revoke => "revoke an administration key",
        }
    }

    pub(super) fn fits(self, target: &Target) -> bool {
        target.organization().is_some()
    }

    pub(super) const fn right(self, _: &Target, _: &Sight) -> Right {
        match self {
            Self::Create => Right::Row(Action::ManageMembers),
            // everybody may revoke their own; the form offers those that one sees
            Self::Revoke => Right::Row(Action::SeeOrganization),
        }
    }

    pub(super) async fn form(self, target: &Target, ask: &Ask<'_>) -> Result<Form, ControlError> {
        let organization = misplaced(target.organization())?;
        if self == Self::Create {
            let form = Form::new(format!("New administration key of {}", organization.name), "make it")
                .telling("It carries its person's rights. The secret is shown once.");
            let form = match ask.is_operator() {
                false => form,
                true => {
                    let members = ask.view.organization_members(organization).await?;
                    let people = members.iter().filter(|member| member.kind == MemberKind::User);
                    let items =
                        people.map(|member| Item::of(&member.id, format!("{} ({})", named(member), member.role)));
                    form.with(Field::choice("member", "Whose", items.collect()))
                }
            };
            return Ok(form.with(Field::text("name", "Name", Rule::NameOrNothing).hint("may be empty")).with(
                Field::text("expires", "Expires", Rule::Expiry)
                    .preset("never")
                    .hint("a time, a day or a span like 90d; never"),
            ));
        }
        let mut found = ask.view.admin_keys(Some(organization)).await?;
        found.retain(|key| key.status != KeyStatus::Revoked);
        if found.is_empty() {
            return Err(ControlError::Conflict("there is no administration key to revoke".to_owned()));
        }
        let items = found.iter().map(|key| {
            let used = key
                .last_used_at
                .map_or_else(|| "Never used yet.".to_owned(), |at| format!("Last used {}.", ago(at, ask.now)));
            Item::of(&key.id, format!("{} {} of {}", key.redacted_value, key.name, key.owner)).noting(used)
        });
        Ok(Form::new(format!("Revoke an administration key of {}", organization.name), "revoke it for good")
            .careful(Care::Deliberate)
            .telling("Stops it at once. Cannot be undone.")
            .with(Field::choice("key", "Which", items.collect())))
    }

    pub(super) fn deed(self, target: &Target, (form, now): (&Form, Timestamp)) -> Result<Deed, String> {
        if self == Self::Revoke {
            return Ok(Deed::Revoke { key: form.text("key") });
        }
        Ok(Deed::Create(NewAdminKeyInput {
            organization: there(target.organization())?.id.clone(),
            member: Some(form.text("member")).filter(|member| !member.is_empty()),
            name: form.text("name"),
            expires_at: form.until("expires", now)?,
        }))
    }
}

impl Deed {
    pub(super) async fn carry_out(self, means: &Means<'_>) -> Result<Done, ControlError> {
        Ok(match self {
            Self::Create(input) => {
                let created = means.control.create_admin_key(means.actor, &input).await?;
                Done::with_secret(format!("the administration key of {} is made", created.key.owner), created.secret)
            }
            Self::Revoke { key } => {
                let revoked = means.control.revoke_admin_key(means.actor, &key).await?;
                Done::new(format!("the administration key {} is revoked", revoked.redacted_value))
            }
        })
    }
}
