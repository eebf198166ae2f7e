//! Service accounts of organizations and projects (R12 to R14).

use mete_control::{ControlError, ServiceAccountOf, Sight};
use mete_core::people::{ServiceAccount, ServiceAccountRole};
use mete_core::rights::Action;
use mete_store::KeyFilter;

use super::told::stops;
use super::{Ask, Done, Means, Right, Target, misplaced, there};
use crate::form::{Care, Field, Form, Item, Rule};

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Makes one with its first key.
    Create,
    /// Gives one another role.
    Role,
    /// Removes one.
    Remove,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Make it.
    Create {
        /// Whose.
        of: ServiceAccountOf,
        /// Its name.
        name: String,
    },
    /// Give it that role.
    Role {
        /// Its id.
        account: String,
        /// The role.
        role: ServiceAccountRole,
    },
    /// Remove it.
    Remove {
        /// Its id.
        account: String,
    },
}

impl Act {
    pub(super) const ALL: [Self; 3] = [Self::Create, Self::Role, Self::Remove];

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Create => "make a service account",
            Self::Role => "change a service account's role",
            Self::Remove => "remove a service account",
        }
    }

    pub(super) fn fits(self, target: &Target) -> bool {
        // an organization's own are in its default project
        target.organization().is_some() || target.is_open_project()
    }

    pub(super) const fn right(self, target: &Target, _: &Sight) -> Right {
        Right::Row(match target {
            Target::Organization(_) => Action::CreateOrganizationServiceAccounts,
            _ => Action::ManageServiceAccounts,
        })
    }

    pub(super) async fn form(self, target: &Target, ask: &Ask<'_>) -> Result<Form, ControlError> {
        if self == Self::Create {
            return Ok(Form::new(format!("New service account of {}", target.name()), "make it")
                .telling("It is made with a key that may do everything; the secret is shown once.")
                .with(Field::text("name", "Name", Rule::Name)));
        }
        let found = match target.organization() {
            Some(organization) => ask.view.service_accounts(Some(organization), None).await?,
            None => ask.view.service_accounts(None, Some(misplaced(target.project())?)).await?,
        };
        if found.is_empty() {
            return Err(ControlError::Conflict(format!("{:?} has no service account", target.name())));
        }
        if self == Self::Role {
            let items = found.iter().map(|account| Item::of(&account.id, label(account))).collect();
            let roles = ["member", "owner", "none"].map(Item::word).to_vec();
            return Ok(Form::new(format!("Service account of {}", target.name()), "change it")
                .with(Field::choice("account", "Which", items))
                .with(Field::choice("role", "Role", roles)));
        }
        let mut items = Vec::new();
        for account in &found {
            let keys = KeyFilter {
                organization_id: Some(account.organization_id.clone()),
                project_id: None,
                owner_id: Some(account.id.clone()),
            };
            items.push(Item::of(&account.id, label(account)).noting(stops(ask, &keys).await?));
        }
        Ok(Form::new(format!("Remove a service account of {}", target.name()), "remove it")
            .careful(Care::Deliberate)
            .telling("Its keys are disabled at once. History stays.")
            .with(Field::choice("account", "Which", items)))
    }

    pub(super) fn deed(self, target: &Target, form: &Form) -> Result<Deed, String> {
        let account = form.text("account");
        Ok(match self {
            Self::Role => Deed::Role { account, role: form.parsed("role")? },
            Self::Remove => Deed::Remove { account },
            Self::Create => {
                let of = match target.organization() {
                    Some(organization) => ServiceAccountOf::Organization(organization.id.clone()),
                    None => ServiceAccountOf::Project(there(target.project())?.id.clone()),
                };
                Deed::Create { of, name: form.text("name") }
            }
        })
    }
}

fn label(account: &ServiceAccount) -> String {
    format!("{} ({})", account.name, account.role)
}

impl Deed {
    pub(super) async fn carry_out(self, means: &Means<'_>) -> Result<Done, ControlError> {
        let Means { control, actor, .. } = means;
        Ok(match self {
            Self::Create { of, name } => {
                let created = control.create_service_account(actor, &of, &name).await?;
                Done::with_secret(format!("the service account {:?} is made", created.account.name), created.secret)
            }
            Self::Role { account, role } => {
                let changed = control.set_service_account_role(actor, &account, role).await?;
                Done::new(format!("the role of the service account {:?} is {role}", changed.name))
            }
            Self::Remove { account } => {
                let removed = control.remove_service_account(actor, &account).await?;
                Done::new(format!("the service account {:?} is removed, its keys are disabled", removed.name))
            }
        })
    }
}
