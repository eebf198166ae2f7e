//! Making, editing, enabling, disabling, revoking and rotating keys (R15 to R18).

use mete_control::{ControlError, KeyChange, KeyOwner, NewKeyInput, Sight};
use mete_core::directory::{ApiKey, KeyStatus, Project};
use mete_core::endpoint::EndpointGroup;
use mete_core::people::MemberKind;
use mete_core::permissions::{PermissionKind, Permissions, Scopes, group_of_grant};
use mete_core::rights::Action;
use mete_core::{Nanos, Timestamp};
use mete_store::{SpendBy, SpendRow};

use super::told::{named, spent, stops_of};
use super::{Ask, Done, Means, Right, Target, misplaced, there};
use crate::form::{Care, Field, Form, Item, Rule};

/// The levels of a grant, as core names them.
const ACCESS: &[&str] = &["none", "read", "write"];
/// The value of the item that stands for the actor's own key.
const OWN: &str = "own";

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Makes a key in a project.
    Create,
    /// Changes its name, permissions or expiry.
    Edit,
    /// Gives it another secret.
    Rotate,
    /// Switches it off.
    Disable,
    /// Switches it on again.
    Enable,
    /// Revokes it for good.
    Revoke,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Make it.
    Create(NewKeyInput),
    /// Change it.
    Edit {
        /// Its id.
        key: String,
        /// What changes.
        change: KeyChange,
    },
    /// Give it another secret.
    Rotate {
        /// Its id.
        key: String,
        /// For how long the one before works, in microseconds.
        grace: i64,
    },
    /// Give it another status: disabled, active or revoked.
    Switch {
        /// Its id.
        key: String,
        /// Which.
        to: KeyStatus,
    },
}

impl Act {
    pub(super) const ALL: [Self; 6] =
        [Self::Create, Self::Edit, Self::Rotate, Self::Disable, Self::Enable, Self::Revoke];

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Create => "make a key",
            Self::Edit => "edit the key's name, permissions or expiry",
            Self::Rotate => "give the key another secret",
            Self::Disable => "disable the key",
            Self::Enable => "enable the key again",
            Self::Revoke => "revoke the key for good",
        }
    }

    pub(super) fn fits(self, target: &Target) -> bool {
        if self == Self::Create {
            return matches!(target, Target::Project(_)) && target.is_in_active_project();
        }
        let status = target.key().filter(|_| target.is_in_active_project()).map(|key| key.status);
        match self {
            Self::Create => false,
            Self::Edit | Self::Revoke => matches!(status, Some(KeyStatus::Active | KeyStatus::Disabled)),
            Self::Rotate | Self::Disable => status == Some(KeyStatus::Active),
            Self::Enable => status == Some(KeyStatus::Disabled),
        }
    }

    pub(super) fn right(self, target: &Target, sight: &Sight) -> Right {
        let Some((key, project)) = target.key().zip(target.project()) else {
            return Right::Row(Action::ManageOwnKeys);
        };
        let own = self != Self::Enable && sight.user_id() == Some(key.owner_id.as_str());
        Right::Row(match key.owner_kind {
            MemberKind::ServiceAccount if project.is_default => Action::CreateOrganizationServiceAccounts,
            MemberKind::ServiceAccount => Action::ManageServiceAccounts,
            MemberKind::User if own => Action::ManageOwnKeys,
            MemberKind::User => Action::ManageOthersKeys,
        })
    }

    pub(super) async fn form(self, target: &Target, ask: &Ask<'_>) -> Result<Form, ControlError> {
        if self == Self::Create {
            return creation(misplaced(target.project())?, ask).await;
        }
        let key = misplaced(target.key())?;
        let title = |verb: &str| format!("{verb} {}", target.name());
        Ok(match self {
            Self::Edit => edition(title("Edit"), key),
            Self::Rotate => Form::new(title("Another secret for"), "give it another secret")
                .careful(Care::Deliberate)
                .telling(format!("{} stops working when the grace is over.", key.redacted_value))
                .telling("The new secret is shown once.")
                .with(
                    Field::text("grace", "Grace", Rule::Span)
                        .preset("24h")
                        .hint("how long the old secret goes on working: up to 30d; 0 ends it at once"),
                ),
            Self::Enable => Form::new(title("Enable"), "enable it")
                .careful(Care::Deliberate)
                .telling(format!("{} of {} works again at once.", key.redacted_value, key.owner)),
            Self::Disable => Form::new(title("Disable"), "disable it")
                .careful(Care::Deliberate)
                .telling(hit(key, target, ask).await?)
                .telling("An owner can enable it again."),
            Self::Revoke | Self::Create => Form::new(title("Revoke"), "revoke it for good")
                .careful(Care::Deliberate)
                .telling(hit(key, target, ask).await?)
                .telling("Cannot be undone. History stays."),
        })
    }

    pub(super) fn deed(self, target: &Target, (form, now): (&Form, Timestamp)) -> Result<Deed, String> {
        if self == Self::Create {
            return Ok(Deed::Create(NewKeyInput {
                project: there(target.project())?.id.clone(),
                owner: owner(form)?,
                name: form.text("name"),
                permissions: permissions(form)?,
                expires_at: form.until("expires", now)?,
            }));
        }
        let before = there(target.key())?;
        let key = before.id.clone();
        let switch = |to| Ok(Deed::Switch { key: key.clone(), to });
        match self {
            Self::Edit | Self::Create => {
                let (name, permissions) = (form.text("name"), permissions(form)?);
                let kept = form.text("expires") == expiry(before);
                let change = KeyChange {
                    name: (name != before.name).then_some(name),
                    permissions: (permissions != before.permissions).then_some(permissions),
                    expires_at: if kept { None } else { Some(form.until("expires", now)?) },
                    project: None,
                };
                Ok(Deed::Edit { key, change })
            }
            Self::Rotate => Ok(Deed::Rotate { key, grace: form.span("grace")? }),
            Self::Disable => switch(KeyStatus::Disabled),
            Self::Enable => switch(KeyStatus::Active),
            Self::Revoke => switch(KeyStatus::Revoked),
        }
    }
}

/// `Stops 1 key at once. Last used 27m ago. Spent this month: $401.22.`
async fn hit(key: &ApiKey, target: &Target, ask: &Ask<'_>) -> Result<String, ControlError> {
    let project = misplaced(target.project())?;
    let mut spend = None;
    if ask.view.sight().may(Action::SeeSpend, project) {
        let rows = ask.view.spend((None, Some(project)), (ask.now.month(), SpendBy::Key)).await?;
        let own = |rows: Vec<SpendRow>| rows.into_iter().find(|row| row.id == key.id);
        spend = Some(own(rows).map_or(Nanos::ZERO, |row| row.spend));
    }
    Ok(format!("{}{}", stops_of(std::slice::from_ref(key), ask.now), spent(spend)))
}

async fn creation(project: &Project, ask: &Ask<'_>) -> Result<Form, ControlError> {
    let sight = ask.view.sight();
    let mut owners = Vec::new();
    if !ask.is_operator() {
        owners.push(Item::of(OWN, "my own"));
    }
    let members = ask.view.project_members(project).await?;
    if ask.is_operator() {
        let people = members.iter().filter_map(|member| Some((member, member.email.as_ref()?)));
        owners.extend(people.map(|(member, email)| Item::of(email, named(member))));
    }
    let accounts =
        if project.is_default { Action::CreateOrganizationServiceAccounts } else { Action::ManageServiceAccounts };
    if sight.may(accounts, project) {
        let found = ask.view.service_accounts(None, Some(project)).await?;
        owners.extend(found.iter().map(|account| Item::of(&account.id, format!("{} (service account)", account.name))));
    }
    let mut form = Form::new(format!("New key in {}", project.name), "make it")
        .telling("The secret is shown once.")
        .with(Field::choice("owner", "Whose", owners).hint("type letters to find somebody"));
    if ask.is_operator() {
        form = form.with(
            Field::text("email", "Or somebody new", Rule::EmailOrNothing)
                .hint("an e-mail address: joins the organization as reader and the project as member"),
        );
    }
    Ok(with_permissions(form, None, ""))
}

fn edition(title: String, key: &ApiKey) -> Form {
    with_permissions(Form::new(title, "save"), Some(key), &key.name)
}

/// The fields that making and editing have in common.
fn with_permissions(form: Form, key: Option<&ApiKey>, name: &str) -> Form {
    let before = key.map_or(Permissions::ALL, |key| key.permissions);
    let kinds = [
        (PermissionKind::All, "everything"),
        (PermissionKind::ReadOnly, "GET and HEAD of everything"),
        (PermissionKind::Restricted, "what is granted below, and nothing else"),
    ];
    let kinds = kinds.into_iter().map(|(kind, note)| Item::word(kind.as_str()).noting(note)).collect();
    let groups = EndpointGroup::ALL.into_iter().filter(|group| group_of_grant(*group) == Some(*group));
    let groups = groups.map(|group| Item::word(group.name())).collect();
    let mut grants =
        Field::levels("scopes", "Grants", (groups, ACCESS)).hint("for a restricted key: space changes one");
    for (group, access) in before.scopes.granted() {
        grants = grants.at_level(group.name(), access.as_str());
    }
    form.with(Field::text("name", "Name", Rule::NameOrNothing).preset(name).hint("may be empty"))
        .with(Field::choice("kind", "Permissions", kinds).preset(before.kind.as_str()))
        .with(grants)
        .with(
            Field::text("expires", "Expires", Rule::Expiry)
                .preset(key.map_or_else(|| "never".to_owned(), expiry))
                .hint("a time, a day or a span like 90d; never"),
        )
}

fn expiry(key: &ApiKey) -> String {
    key.expires_at.map_or_else(|| "never".to_owned(), |at| at.to_string())
}

fn permissions(form: &Form) -> Result<Permissions, String> {
    let kind: PermissionKind = form.parsed("kind")?;
    let mut scopes = Scopes::default();
    if kind == PermissionKind::Restricted {
        for (group, access) in form.levels("scopes") {
            let grant: mete_core::permissions::Grant = format!("{group}={access}")
                .parse()
                .map_err(|error: mete_core::permissions::GrantProblem| error.to_string())?;
            scopes.grant(grant.group, grant.access).map_err(|error| error.to_string())?;
        }
    }
    Ok(Permissions { kind, scopes })
}

fn owner(form: &Form) -> Result<KeyOwner, String> {
    let (email, chosen) = (form.text("email"), form.text("owner"));
    match (email.trim(), chosen.as_str()) {
        ("", "") => Err("say whose key it is".to_owned()),
        ("", OWN) => Ok(KeyOwner::Own),
        ("", chosen) if chosen.contains('@') => Ok(KeyOwner::Person(chosen.to_owned())),
        ("", chosen) => Ok(KeyOwner::ServiceAccount(chosen.to_owned())),
        (email, _) => Ok(KeyOwner::Person(email.to_owned())),
    }
}

impl Deed {
    pub(super) async fn carry_out(self, means: &Means<'_>) -> Result<Done, ControlError> {
        let Means { control, actor, .. } = means;
        let called = |key: &ApiKey| if key.name.is_empty() { key.redacted_value.clone() } else { key.name.clone() };
        Ok(match self {
            Self::Create(input) => {
                let created = control.create_key(actor, &input).await?;
                Done::with_secret(
                    format!("the key {} of {} is made", called(&created.key), created.key.owner),
                    created.secret,
                )
            }
            Self::Edit { key, change } => {
                Done::new(format!("the key {} is changed", called(&control.edit_key(actor, &key, &change).await?)))
            }
            Self::Rotate { key, grace } => {
                let rotated = control.rotate_key(actor, &key, grace).await?;
                let until = rotated.old_valid_until;
                let words =
                    format!("the key {} has another secret; the old one works until {until}", called(&rotated.key));
                Done::with_secret(words, rotated.secret)
            }
            Self::Switch { key, to: KeyStatus::Disabled } => {
                Done::new(format!("the key {} is disabled", called(&control.disable_key(actor, &key).await?)))
            }
            Self::Switch { key, to: KeyStatus::Active } => {
                Done::new(format!("the key {} is enabled", called(&control.enable_key(actor, &key).await?)))
            }
            Self::Switch { key, to: KeyStatus::Revoked } => {
                Done::new(format!("the key {} is revoked", called(&control.revoke_key(actor, &key).await?)))
            }
        })
    }
}
