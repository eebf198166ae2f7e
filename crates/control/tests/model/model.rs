//! What control must do, from the rules alone: who sees and may do what, and what is then written down.

use std::fmt::Debug;

use mete_core::Timestamp;
use mete_core::directory::{KeyStatus, OrganizationRole, Project, User};
use mete_core::people::{InviteStatus, ProjectRole};
use mete_core::secret::Secret;
use mete_store::Alert;

use crate::op::{By, NOTHING, Op, PEOPLE, Pick};
use crate::state::State;

/// What a person is to a project or an organization, from nothing upwards: R6's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    Outsider,
    Reader,
    Member,
    ProjectOwner,
    Owner,
}

/// Whose chain gets an entry of which action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub organization: String,
    pub action: &'static str,
}

/// A refusal: any of these codes, and an entry if it is one for want of a right.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub codes: Vec<&'static str>,
    pub entry: Option<Entry>,
}

/// What must come of a try: the entries of what was done, or a refusal.
pub type Judged = Result<Vec<Entry>, Refusal>;

/// What was made by chance, and how the result shows itself.
#[derive(Clone, Debug, Default)]
pub struct Made {
    pub ids: Vec<String>,
    pub secret: Option<Secret>,
    /// The ids of people, by position, that the store knows now.
    pub people: Vec<Option<String>>,
    /// Alerts that were raised.
    pub alerts: Vec<Alert>,
    /// The `Debug` form of the whole result.
    pub debug: String,
}

impl Made {
    pub fn of(result: &impl Debug, ids: &[&str], secret: Option<&Secret>) -> Self {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        Self { ids, secret: secret.cloned(), debug: format!("{result:?}"), ..Self::default() }
    }

    pub fn redacted(&self) -> String {
        self.secret.as_ref().map(Secret::redacted).unwrap_or_default()
    }

    pub fn id(&self, place: usize) -> String {
        self.ids.get(place).cloned().unwrap_or_default()
    }
}

/// One who acts.
#[derive(Clone, Debug)]
pub struct Acting {
    /// The person whose rights decide; `None` for the operator.
    pub person: Option<usize>,
    /// The organization of an administration key.
    pub within: Option<String>,
}

/// The directory as it must be, and the order in which its things were made.
#[derive(Debug, Default)]
pub struct Model {
    pub state: State,
    pub emails: Vec<String>,
    pub orgs: Vec<String>,
    pub projects: Vec<String>,
    pub accounts: Vec<String>,
    pub keys: Vec<String>,
    pub admin_keys: Vec<String>,
    pub invites: Vec<String>,
    pub blocks: Vec<String>,
    pub alerts: Vec<String>,
    pub now: Timestamp,
}

/// The thing at a position, or an id that nothing has.
pub fn picked(of: &[String], pick: Pick) -> String {
    match of.len() {
        0 => "nothing".to_owned(),
        _ if pick == NOTHING => "nothing".to_owned(),
        count => of[usize::from(pick) % count].clone(),
    }
}

/// A name as it is kept; `None` if it is refused.
pub fn kept(name: &str) -> Option<String> {
    let name = name.trim();
    (!name.is_empty() && !name.chars().any(char::is_control)).then(|| name.to_owned())
}

pub fn entry(organization: &str, action: &'static str) -> Entry {
    Entry { organization: organization.to_owned(), action }
}

pub fn not_found() -> Refusal {
    Refusal { codes: vec!["not_found"], entry: None }
}

/// A refusal for want of a right, as not there or as not permitted.
pub fn denied(hidden: bool, organization: &str, action: &'static str) -> Refusal {
    let code = if hidden { "not_found" } else { "not_permitted" };
    Refusal { codes: vec![code], entry: Some(entry(organization, action)) }
}

/// What speaks against something that the actor has the right to. Which of several is told is not ruled.
#[derive(Debug, Default)]
pub struct Faults(Vec<&'static str>);

impl Faults {
    pub fn when(&mut self, wrong: bool, code: &'static str) {
        if wrong {
            self.0.push(code);
        }
    }

    pub fn none(self) -> Result<(), Refusal> {
        if self.0.is_empty() { Ok(()) } else { Err(Refusal { codes: self.0, entry: None }) }
    }
}

impl Model {
    /// A deployment with nobody in it.
    pub fn new(emails: Vec<String>, max_projects: i64) -> Self {
        Self { state: State { max_projects, ..State::default() }, emails, ..Self::default() }
    }

    /// What must come of a try; what it makes is as `made` says.
    pub fn judge(&mut self, by: By, op: &Op, made: &Made) -> Judged {
        let acting = self.acting(by)?;
        match op {
            Op::Directory(op) => self.directory(&acting, op, made),
            Op::People(op) => self.people(&acting, op, made),
            Op::Keys(op) => self.keys(&acting, op, made),
            Op::Limits(op) => self.limits(&acting, op, made),
            Op::Wait(_) => Ok(Vec::new()),
        }
    }

    /// Time passes: invites expire.
    pub fn at(&mut self, now: Timestamp) {
        self.now = now;
        for invite in self.state.invites.values_mut() {
            if invite.status == InviteStatus::Pending && now >= invite.expires_at {
                invite.status = InviteStatus::Expired;
            }
        }
    }

    fn acting(&self, by: By) -> Result<Acting, Refusal> {
        match by {
            By::Operator => Ok(Acting { person: None, within: None }),
            By::Person(pick) => {
                let person = usize::from(pick) % PEOPLE;
                self.user(person).map(|_| Acting { person: Some(person), within: None }).ok_or_else(not_found)
            }
            By::AdminKey(pick) => {
                let key = self.state.admin_keys.get(&picked(&self.admin_keys, pick)).ok_or_else(not_found)?;
                let over = key.expires_at.is_some_and(|end| end <= self.now);
                if key.status != KeyStatus::Active || over {
                    return Err(not_found());
                }
                let person = self.emails.iter().position(|email| *email == key.owner);
                Ok(Acting { person, within: Some(key.organization_id.clone()) })
            }
        }
    }

    pub fn email(&self, pick: Pick) -> &str {
        &self.emails[usize::from(pick) % PEOPLE]
    }

    pub fn user(&self, person: usize) -> Option<&User> {
        self.state.people.get(&self.emails[person])
    }

    pub fn picked_user(&self, pick: Pick) -> Option<String> {
        self.user(usize::from(pick) % PEOPLE).map(|user| user.id.clone())
    }

    /// The id of the acting person; empty for the operator.
    pub fn own_id(&self, acting: &Acting) -> String {
        acting.person.and_then(|person| self.user(person)).map(|user| user.id.clone()).unwrap_or_default()
    }

    /// The name by which things say who did it.
    pub fn own_name(&self, acting: &Acting) -> String {
        acting.person.map_or_else(|| crate::OPERATOR.to_owned(), |person| self.emails[person].clone())
    }

    /// Makes sure that a person is known, and gives their id.
    pub fn know(&mut self, email: &str, made: &Made) -> String {
        let place = self.emails.iter().position(|known| known == email).unwrap_or_default();
        let id = made.people.get(place).cloned().flatten().unwrap_or_default();
        let user = User { id, email: email.to_owned(), name: String::new(), created_at: self.now };
        self.state.people.entry(email.to_owned()).or_insert(user).id.clone()
    }

    pub fn organization_role(&self, organization: &str, user: &str) -> Option<OrganizationRole> {
        self.state.members.get(&(organization.to_owned(), user.to_owned())).map(|(role, _)| *role)
    }

    pub fn project_role(&self, project: &str, user: &str) -> Option<ProjectRole> {
        self.state.project_members.get(&(project.to_owned(), user.to_owned())).copied()
    }

    /// R5, R2, R7: what the actor is to an organization, or to a project of it.
    pub fn rank(&self, acting: &Acting, organization: &str, project: Option<&Project>) -> Rank {
        if acting.person.is_none() {
            return Rank::Owner;
        }
        if acting.within.as_ref().is_some_and(|within| within != organization) {
            return Rank::Outsider;
        }
        let user = self.own_id(acting);
        match (self.organization_role(organization, &user), project) {
            (None, _) => Rank::Outsider,
            (Some(OrganizationRole::Owner), _) => Rank::Owner,
            (Some(OrganizationRole::Reader), None) => Rank::Reader,
            (Some(OrganizationRole::Reader), Some(project)) if project.is_default => Rank::Member,
            (Some(OrganizationRole::Reader), Some(project)) => match self.project_role(&project.id, &user) {
                Some(ProjectRole::Owner) => Rank::ProjectOwner,
                Some(ProjectRole::Member) => Rank::Member,
                None => Rank::Reader,
            },
        }
    }

    /// Whether an organization exists for the actor: also a part of one that they own (R3).
    pub fn sees_organization(&self, acting: &Acting, organization: &str) -> bool {
        let parent = self.state.organizations.get(organization).and_then(|found| found.parent_id.as_ref());
        self.rank(acting, organization, None) > Rank::Outsider
            || parent.is_some_and(|parent| self.rank(acting, parent, None) == Rank::Owner)
    }

    /// The organization, if its owner's right is the actor's.
    pub fn owned(&self, acting: &Acting, organization: &str, action: &'static str) -> Result<(), Refusal> {
        if !self.state.organizations.contains_key(organization) {
            return Err(not_found());
        }
        if self.rank(acting, organization, None) == Rank::Owner {
            return Ok(());
        }
        Err(denied(!self.sees_organization(acting, organization), organization, action))
    }

    /// The project, if the actor is at least `needed` there.
    pub fn in_project(
        &self,
        acting: &Acting,
        project: &str,
        (needed, action): (Rank, &'static str),
    ) -> Result<Project, Refusal> {
        let project = self.state.projects.get(project).ok_or_else(not_found)?;
        let rank = self.rank(acting, &project.organization_id, Some(project));
        if rank >= needed {
            return Ok(project.clone());
        }
        Err(denied(rank < Rank::Member, &project.organization_id, action))
    }
}
