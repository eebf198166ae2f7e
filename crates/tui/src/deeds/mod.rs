//! What can be done to the store from the screen: which acts there are, what each asks for, and how it is carried out.
//! One file a subject. Everything goes through `mete_control`, which asks for the right and writes it down.

mod admin_keys;
mod alerts;
mod blocks;
mod invites;
mod keys;
mod limits;
mod members;
mod organizations;
mod project_members;
mod projects;
mod quarantine;
mod service_accounts;
mod settings;
#[cfg(test)]
pub mod tests;
mod told;

use mete_control::{Control, ControlError, Sight, View};
use mete_core::Timestamp;
use mete_core::actor::{Actor, Who};
use mete_core::directory::{ApiKey, Organization, Project, ProjectStatus};
use mete_core::rights;
use mete_core::secret::Secret;
use mete_store::{Alert, Setting, Store};

pub use quarantine::Which;

use crate::actions::Action;
use crate::form::Form;
use crate::retrying::Retrying;

/// On what something is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The whole deployment.
    Deployment,
    /// An organization.
    Organization(Organization),
    /// A project.
    Project(Project),
    /// A key of a project.
    Key(Box<ApiKey>, Project),
    /// An alert, with its project where it is not the organization's.
    Alert(Box<Alert>, Option<Project>),
    /// Entries of the quarantine.
    Quarantine(Which),
    /// A setting of the deployment.
    Setting(Setting),
}

impl Target {
    /// Its name, for people.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Deployment => "the deployment",
            Self::Organization(organization) => &organization.name,
            Self::Project(project) => &project.name,
            Self::Key(key, _) if key.name.is_empty() => &key.redacted_value,
            Self::Key(key, _) => &key.name,
            Self::Alert(alert, _) => &alert.scope_name,
            Self::Quarantine(which) => which.name(),
            Self::Setting(setting) => setting.name(),
        }
    }

    const fn organization(&self) -> Option<&Organization> {
        match self {
            Self::Organization(organization) => Some(organization),
            _ => None,
        }
    }

    /// The project, or that of the key.
    const fn project(&self) -> Option<&Project> {
        match self {
            Self::Project(project) | Self::Key(_, project) => Some(project),
            Self::Deployment | Self::Organization(_) | Self::Alert(..) | Self::Quarantine(_) | Self::Setting(_) => None,
        }
    }

    fn alert(&self) -> Option<&Alert> {
        match self {
            Self::Alert(alert, _) => Some(alert),
            _ => None,
        }
    }

    fn key(&self) -> Option<&ApiKey> {
        match self {
            Self::Key(key, _) => Some(key),
            _ => None,
        }
    }

    /// The id of what it is; empty for what is the deployment's.
    fn id(&self) -> &str {
        match self {
            Self::Deployment | Self::Quarantine(_) | Self::Setting(_) => "",
            Self::Organization(organization) => &organization.id,
            Self::Project(project) => &project.id,
            Self::Key(key, _) => &key.id,
            Self::Alert(alert, _) => &alert.id,
        }
    }

    /// Whether it is a project, not the default one, in which something can be changed (R2, R21).
    fn is_open_project(&self) -> bool {
        matches!(self, Self::Project(project) if project.status == ProjectStatus::Active && !project.is_default)
    }

    /// Whether it is a project, perhaps the default one, or a key in one, in which something can be changed (R21).
    fn is_in_active_project(&self) -> bool {
        self.project().is_some_and(|project| project.status == ProjectStatus::Active)
    }
}

/// Whose to do something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// The operator's.
    Operator,
    /// Theirs to whom this row of R6's table is open, in the organization or project of the target.
    Row(rights::Action),
}

/// An act: what can be done to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Organizations(organizations::Act),
    Projects(projects::Act),
    Keys(keys::Act),
    Limits(limits::Act),
    Blocks(blocks::Act),
    Alerts(alerts::Act),
    ProjectMembers(project_members::Act),
    Members(members::Act),
    Invites(invites::Act),
    ServiceAccounts(service_accounts::Act),
    AdminKeys(admin_keys::Act),
    Quarantine(quarantine::Act),
    Settings(settings::Act),
}

/// Something to be done, carried out by [`Deed::carry_out`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    Organizations(organizations::Deed),
    Projects(projects::Deed),
    Keys(keys::Deed),
    Limits(limits::Deed),
    Blocks(blocks::Deed),
    Alerts(alerts::Deed),
    ProjectMembers(project_members::Deed),
    Members(members::Deed),
    Invites(invites::Deed),
    ServiceAccounts(service_accounts::Deed),
    AdminKeys(admin_keys::Deed),
    Quarantine(quarantine::Deed),
    Settings(settings::Deed),
}

/// Runs `$body` with the `$inner` of an act or a deed, whichever subject it is of.
macro_rules! of_subject {
    ($kind:ident, $value:expr, $inner:ident => $body:expr) => {
        match $value {
            $kind::Organizations($inner) => $body,
            $kind::Projects($inner) => $body,
            $kind::Keys($inner) => $body,
            $kind::Limits($inner) => $body,
            $kind::Blocks($inner) => $body,
            $kind::Alerts($inner) => $body,
            $kind::ProjectMembers($inner) => $body,
            $kind::Members($inner) => $body,
            $kind::Invites($inner) => $body,
            $kind::ServiceAccounts($inner) => $body,
            $kind::AdminKeys($inner) => $body,
            $kind::Quarantine($inner) => $body,
            $kind::Settings($inner) => $body,
        }
    };
}

impl Act {
    /// Every act, in the order of the list of acts.
    pub fn all() -> impl Iterator<Item = Self> {
        let projects = projects::Act::ALL.map(Self::Projects);
        let organizations = organizations::Act::ALL.map(Self::Organizations);
        let people = project_members::Act::ALL.map(Self::ProjectMembers).into_iter();
        let people = people.chain(members::Act::ALL.map(Self::Members)).chain(invites::Act::ALL.map(Self::Invites));
        (limits::Act::ALL.map(Self::Limits).into_iter())
            .chain(blocks::Act::ALL.map(Self::Blocks))
            .chain(alerts::Act::ALL.map(Self::Alerts))
            .chain(keys::Act::ALL.map(Self::Keys))
            .chain(projects)
            .chain(organizations)
            .chain(people)
            .chain(service_accounts::Act::ALL.map(Self::ServiceAccounts))
            .chain(admin_keys::Act::ALL.map(Self::AdminKeys))
            .chain(quarantine::Act::ALL.map(Self::Quarantine))
            .chain(settings::Act::ALL.map(Self::Settings))
    }

    /// What it does, in a few words: `archive the project`.
    #[must_use]
    pub fn words(self) -> &'static str {
        of_subject!(Self, self, act => act.words())
    }

    /// Whether there is such a thing to be done to a target as it is.
    #[must_use]
    pub fn fits(self, target: &Target) -> bool {
        of_subject!(Self, self, act => act.fits(target))
    }

    fn right(self, target: &Target, sight: &Sight) -> Right {
        of_subject!(Self, self, act => act.right(target, sight))
    }
}

/// An act on a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// What.
    pub act: Act,
    /// On what.
    pub target: Target,
}

impl Wish {
    /// All that fits a target.
    pub fn all(target: &Target) -> Vec<Self> {
        let fitting = Act::all().filter(|act| act.fits(target));
        fitting.map(|act| Self { act, target: target.clone() }).collect()
    }

    /// Whether somebody with such sight may do it (R6).
    ///
    /// # Errors
    /// The role that would do.
    pub fn permit(&self, sight: &Sight) -> Result<(), &'static str> {
        match self.act.right(&self.target, sight) {
            _ if sight.is_everything() => Ok(()),
            Right::Operator => Err("the operator of the deployment"),
            Right::Row(action) => {
                let open = match (&self.target, self.target.project()) {
                    (_, Some(project)) | (Target::Alert(_, Some(project)), None) => sight.may(action, project),
                    (Target::Organization(organization), _) => sight.may_in_organization(action, &organization.id),
                    (Target::Alert(alert, None), _) => sight.may_in_organization(action, &alert.organization_id),
                    _ => false,
                };
                if open { Ok(()) } else { Err(action.role_needed()) }
            }
        }
    }

    /// What has to be known before it can be done; told together with what it will hit.
    ///
    /// # Errors
    /// When it cannot be done at all, or the store cannot be read.
    pub(crate) async fn sheet(self, ask: &Ask<'_>) -> Result<Sheet, ControlError> {
        let form = of_subject!(Act, self.act, act => act.form(&self.target, ask).await)?;
        Ok(Sheet { wish: self, form })
    }
}

/// What is asked before something is done.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// What is to be done.
    pub wish: Wish,
    /// What is asked.
    pub form: Form,
}

impl Sheet {
    /// What is to be done, as it was filled in.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn deed(&self, now: Timestamp) -> Result<Deed, String> {
        let (target, form) = (&self.wish.target, &self.form);
        Ok(match self.wish.act {
            Act::Organizations(act) => Deed::Organizations(act.deed(target, form)?),
            Act::Projects(act) => Deed::Projects(act.deed(target, form)?),
            Act::Keys(act) => Deed::Keys(act.deed(target, (form, now))?),
            Act::Limits(act) => Deed::Limits(act.deed(target, form)?),
            Act::Blocks(act) => Deed::Blocks(act.deed(target, (form, now))?),
            Act::Alerts(act) => Deed::Alerts(act.deed(target)?),
            Act::ProjectMembers(act) => Deed::ProjectMembers(act.deed(target, form)?),
            Act::Members(act) => Deed::Members(act.deed(target, form)?),
            Act::Invites(act) => Deed::Invites(act.deed(target, form)?),
            Act::ServiceAccounts(act) => Deed::ServiceAccounts(act.deed(target, form)?),
            Act::AdminKeys(act) => Deed::AdminKeys(act.deed(target, (form, now))?),
            Act::Quarantine(act) => Deed::Quarantine(act.deed(target, form)),
            Act::Settings(act) => Deed::Settings(act.deed(form)?),
        })
    }
}

/// What a form may look at while it is made.
pub(crate) struct Ask<'a> {
    pub(crate) view: View<'a>,
    pub(crate) store: &'a Store,
    pub(crate) actor: &'a Actor,
    pub(crate) now: Timestamp,
}

impl Ask<'_> {
    fn is_operator(&self) -> bool {
        self.actor.who == Who::Operator
    }
}

/// What a deed is carried out with.
pub(crate) struct Means<'a> {
    pub(crate) control: &'a Control<'a>,
    pub(crate) actor: &'a Actor,
    pub(crate) store: &'a Store,
    pub(crate) retrying: Option<&'a Retrying>,
}

/// What came of a deed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// What was done, in a sentence without its full stop.
    pub words: String,
    /// A secret that nobody sees again.
    pub secret: Option<Secret>,
}

impl Done {
    fn new(words: impl Into<String>) -> Self {
        Self { words: words.into(), secret: None }
    }

    fn with_secret(words: impl Into<String>, secret: Secret) -> Self {
        Self { words: words.into(), secret: Some(secret) }
    }
}

impl Deed {
    /// Does it, to its end: never drop this.
    ///
    /// # Errors
    /// When the actor may not, what is typed is refused, or the store fails.
    pub(crate) async fn carry_out(self, means: &Means<'_>) -> Result<Done, ControlError> {
        of_subject!(Self, self, deed => Box::pin(deed.carry_out(means)).await)
    }
}

/// What a form or a deed says when its target is of another kind: acts are offered where they fit.
fn misplaced<T>(found: Option<T>) -> Result<T, ControlError> {
    found.ok_or_else(|| ControlError::Invalid("that cannot be done to this".to_owned()))
}

/// [`misplaced`], in words.
fn there<T>(found: Option<T>) -> Result<T, String> {
    misplaced(found).map_err(|error| error.to_string())
}

/// Something within a project that a list shows, for what the acting keys mean on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Within {
    /// People of the project.
    People,
    /// Its service accounts.
    ServiceAccounts,
    /// Its budget and threshold.
    Budget,
    /// The models that it may use.
    Models,
    /// Its rate limits.
    Rate,
    /// Budgets of models.
    ModelBudget,
    /// Budgets of members.
    MemberBudget,
}

/// What an action of a key means on a list of something within a project, if it means anything of its own there.
pub(crate) fn meant_within(action: Action, within: Within, project: &Project) -> Option<Wish> {
    let act = match (action, within) {
        (Action::New, Within::People | Within::ServiceAccounts) => Act::ProjectMembers(project_members::Act::Add),
        (Action::Edit, Within::People) => Act::ProjectMembers(project_members::Act::Role),
        (Action::Remove, Within::People) => Act::ProjectMembers(project_members::Act::Remove),
        (Action::Edit, Within::ServiceAccounts) => Act::ServiceAccounts(service_accounts::Act::Role),
        (Action::Remove, Within::ServiceAccounts) => Act::ServiceAccounts(service_accounts::Act::Remove),
        (Action::Budget, Within::People | Within::ServiceAccounts) => Act::Limits(limits::Act::MemberBudget),
        (Action::Edit, Within::Models) => Act::Limits(limits::Act::Models),
        (Action::Edit, Within::Rate) | (Action::New, _) => Act::Limits(limits::Act::Rate),
        (Action::Edit | Action::Budget, Within::ModelBudget) => Act::Limits(limits::Act::ModelBudget),
        (Action::Edit | Action::Budget, Within::MemberBudget) => Act::Limits(limits::Act::MemberBudget),
        (Action::Edit | Action::Budget, Within::Budget) | (Action::Budget, _) => Act::Limits(limits::Act::Budget),
        _ => return None,
    };
    let target = Target::Project(project.clone());
    act.fits(&target).then_some(Wish { act, target })
}

/// What making another one means where the people of an organization or its invites are listed.
pub(crate) fn inviting(organization: &Organization) -> Wish {
    Wish { act: Act::Invites(invites::Act::Create), target: Target::Organization(organization.clone()) }
}

/// What an action of a key means where these can be acted on: `New` makes something in the last of them, an alert is
/// acknowledged, the others are on the first that is no alert.
pub(crate) fn meant(action: Action, targets: &[Target]) -> Option<Wish> {
    let is_alert = |target: &&Target| target.alert().is_some();
    let target = match action {
        Action::New => targets.last(),
        Action::Acknowledge => targets.iter().find(is_alert),
        _ => targets.iter().find(|target| !is_alert(target)),
    }?;
    let act = match (action, target) {
        (Action::Block, _) => Act::Blocks(blocks::Act::Block),
        (Action::Unblock, _) => Act::Blocks(blocks::Act::Unblock),
        (Action::Acknowledge, _) => Act::Alerts(alerts::Act::Acknowledge),
        (Action::Budget, Target::Key(..)) => Act::Limits(limits::Act::KeyBudget),
        (Action::Budget, _) => Act::Limits(limits::Act::Budget),
        (Action::New, Target::Deployment) => Act::Organizations(organizations::Act::Create),
        (Action::New, Target::Organization(_)) => Act::Projects(projects::Act::Create),
        (Action::New, _) => Act::Keys(keys::Act::Create),
        (Action::Edit, Target::Setting(setting)) => Act::Settings(settings::Act::set(*setting)),
        (Action::Edit, Target::Organization(_)) => Act::Organizations(organizations::Act::Rename),
        (Action::Edit, Target::Project(_)) => Act::Projects(projects::Act::Edit),
        (Action::Edit, _) => Act::Keys(keys::Act::Edit),
        (Action::Remove, Target::Key(..)) => Act::Keys(keys::Act::Revoke),
        (Action::Remove, Target::Quarantine(_)) => Act::Quarantine(quarantine::Act::Forget),
        (Action::Retry, Target::Quarantine(_)) => Act::Quarantine(quarantine::Act::Retry),
        (Action::Remove, _) => Act::Projects(projects::Act::Archive),
        _ => return None,
    };
    act.fits(target).then(|| Wish { act, target: target.clone() })
}
