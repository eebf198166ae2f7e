//! What may be tried, and by whom. Things are named by their position among those that were made, so that every sequence
//! makes sense and stays so when it shrinks.

use std::fmt;

use mete_core::directory::OrganizationRole;
use mete_core::manual_block::ManualBlockKind;
use mete_core::people::{ProjectRole, ServiceAccountRole};
use mete_core::rates::Rate;

/// A position among the things of a kind, counted around; [`NOTHING`] is none of them.
pub type Pick = u8;
/// Names what is not there.
pub const NOTHING: Pick = u8::MAX;

/// How many people there may be.
pub const PEOPLE: usize = 7;
/// Names of projects and accounts; some are one name in other letters, the last two are refused.
pub const NAMES: [&str; 9] =
    ["Alpha", "alpha", "Beta", "Gamma ", "Delta", "Epsilon", "Default project", "", "be\u{7}ll"];
/// Websites; the last one is refused.
pub const WEBSITES: [&str; 3] = ["", "https://a.test", "a.test"];
/// Models; the last name is refused.
pub const MODELS: [&str; 4] = ["m-1", "m-2", "m-3", " "];
/// Figures of rate limits that are tried.
pub const RATES: [Rate; 3] = [Rate::RequestsPerMinute, Rate::TokensPerMinute, Rate::TokensPerDay];

/// Who tries it.
#[derive(Clone, Copy, Debug)]
pub enum By {
    Operator,
    Person(Pick),
    AdminKey(Pick),
}

/// An organization or a project.
#[derive(Clone, Copy, Debug)]
pub enum Of {
    Org(Pick),
    Project(Pick),
}

/// Days from now; none is never.
pub type Days = Option<i64>;

#[derive(Clone, Debug)]
pub enum DirectoryOp {
    CreateOrg {
        parent: Option<Pick>,
        owner: Pick,
    },
    Init,
    RenameOrg(Pick, usize),
    CreateProject(Pick, usize),
    EditProject(Pick, usize, usize),
    /// With the right name typed, or another.
    Archive(Pick, bool),
    MaxProjects(i64),
}

#[derive(Clone, Debug)]
pub enum PeopleOp {
    SetRole(Pick, Pick, OrganizationRole),
    Remove(Pick, Pick),
    Grant(Pick, Pick, bool),
    AddMember(Pick, Pick, ProjectRole),
    AddAccount(Pick, Pick),
    SetProjectRole(Pick, Pick, ProjectRole),
    RemoveMember(Pick, Pick),
    Invite { org: Pick, person: Pick, role: OrganizationRole, projects: Vec<(Pick, ProjectRole)> },
    Accept(Pick, usize),
    RevokeInvite(Pick),
}

#[derive(Clone, Copy, Debug)]
pub enum Owner {
    Own,
    Person(Pick),
    Account(Pick),
}

/// What a key is to be used for.
#[derive(Clone, Copy, Debug)]
pub enum Allowed {
    All,
    ReadOnly,
    Restricted,
    /// Scopes without being restricted: refused.
    Crooked,
}

#[derive(Clone, Copy, Debug)]
pub enum Edit {
    Name(usize),
    Allowed(Allowed),
    Expires(Days),
    /// Into the other project: refused (R20).
    Move(Pick),
}

#[derive(Clone, Debug)]
pub enum KeysOp {
    CreateAccount(Of, usize),
    AccountRole(Pick, ServiceAccountRole),
    RemoveAccount(Pick),
    CreateKey {
        project: Pick,
        owner: Owner,
        allowed: Allowed,
        expires: Days,
    },
    EditKey(Pick, Edit),
    Disable(Pick),
    Enable(Pick),
    Revoke(Pick),
    /// With so many days of grace.
    Rotate(Pick, i64),
    CreateAdminKey(Pick, Option<Pick>, Days),
    RevokeAdminKey(Pick),
}

/// A change of limits; amounts are dollars.
#[derive(Clone, Debug)]
pub enum Limit {
    Budget(Option<i64>),
    Threshold(Option<i64>),
    Models(Option<Vec<usize>>),
    Rate(usize, usize, Option<u64>),
}

#[derive(Clone, Copy, Debug)]
pub enum On {
    Key(Pick),
    Project(Pick),
}

#[derive(Clone, Debug)]
pub enum LimitsOp {
    Limits {
        of: Of,
        set: Vec<Limit>,
        lower: bool,
    },
    /// With or without a reason.
    Block {
        on: On,
        kind: ManualBlockKind,
        reason: bool,
        until: Days,
    },
    Lift(Pick),
    /// Two alerts at once, which may be one.
    Acknowledge(Pick, Pick),
}

/// What is tried.
#[derive(Clone)]
pub enum Op {
    Directory(DirectoryOp),
    People(PeopleOp),
    Keys(KeysOp),
    Limits(LimitsOp),
    /// Nothing, for so many hours.
    Wait(i64),
}

/// One try.
#[derive(Clone)]
pub struct Step(pub By, pub Op);

impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(op) => op.fmt(f),
            Self::People(op) => op.fmt(f),
            Self::Keys(op) => op.fmt(f),
            Self::Limits(op) => op.fmt(f),
            Self::Wait(hours) => write!(f, "Wait({hours} h)"),
        }
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:?}", self.0, self.1)
    }
}
