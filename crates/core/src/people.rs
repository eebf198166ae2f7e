//! People and service accounts in their roles, and invites (R5 to R14).

use serde::Serialize;

use crate::directory::{OrganizationRole, text_form};
use crate::time::{DAY, Timestamp};

/// A person's role in a project (R5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectRole {
    /// Manages it.
    Owner,
    /// Works in it.
    Member,
}

/// A service account's role in its project (R14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceAccountRole {
    /// As a person who is an owner.
    Owner,
    /// As a person who is a member.
    Member,
    /// Has keys and no role.
    None,
}

/// What a key belongs to, or a member is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberKind {
    /// A person.
    #[default]
    User,
    /// A pseudo-user for systems (R12).
    ServiceAccount,
}

/// The role by which a member is listed: of an organization `owner` or `reader`, of a project `owner` or `member`, of a
/// service account also `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is named like the role it lists")]
pub enum ListedRole {
    Owner,
    Reader,
    Member,
    None,
}

text_form!(ProjectRole, "project role", Owner = "owner", Member = "member");
text_form!(ServiceAccountRole, "service account role", Owner = "owner", Member = "member", None = "none");
text_form!(MemberKind, "kind of member", User = "user", ServiceAccount = "service_account");
text_form!(ListedRole, "role", Owner = "owner", Reader = "reader", Member = "member", None = "none");

impl From<OrganizationRole> for ListedRole {
    fn from(role: OrganizationRole) -> Self {
        match role {
            OrganizationRole::Owner => Self::Owner,
            OrganizationRole::Reader => Self::Reader,
        }
    }
}

impl From<ProjectRole> for ListedRole {
    fn from(role: ProjectRole) -> Self {
        match role {
            ProjectRole::Owner => Self::Owner,
            ProjectRole::Member => Self::Member,
        }
    }
}

impl From<ServiceAccountRole> for ListedRole {
    fn from(role: ServiceAccountRole) -> Self {
        match role {
            ServiceAccountRole::Owner => Self::Owner,
            ServiceAccountRole::Member => Self::Member,
            ServiceAccountRole::None => Self::None,
        }
    }
}

/// Somebody in the member list of an organization or a project (R14).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// `user-…` or `svc-acct-…`
    pub id: String,
    /// A person or a service account.
    pub kind: MemberKind,
    /// A person's e-mail address; service accounts have none.
    pub email: Option<String>,
    /// Their name; empty until a person gives one.
    pub name: String,
    /// Their role there.
    pub role: ListedRole,
    /// Whether the role in the project comes from being an owner of the organization (R7); it cannot be changed there then.
    pub through_organization: bool,
    /// Whether they may see usage and spend of the whole organization by a grant (R8).
    pub usage_grant: bool,
    /// The project of a service account.
    pub project_id: Option<String>,
    /// Since when they are there.
    pub added_at: Timestamp,
}

/// A service account (R12). An organization's own is one of its default project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceAccount {
    /// `svc-acct-…`
    pub id: String,
    /// Its organization's id.
    pub organization_id: String,
    /// Its project's id.
    pub project_id: String,
    /// Its name.
    pub name: String,
    /// Its role in the project.
    pub role: ServiceAccountRole,
    /// When it was made.
    pub created_at: Timestamp,
}

/// How long an invite can be accepted (R9), in microseconds.
pub const INVITE_LIFETIME: i64 = 7 * DAY;

/// What has become of an invite (R9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InviteStatus {
    /// It can be accepted or revoked.
    Pending,
    /// It was accepted.
    Accepted,
    /// Its time is over.
    Expired,
}

text_form!(InviteStatus, "invite status", Pending = "pending", Accepted = "accepted", Expired = "expired");

/// An invite to an organization (R9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Invite {
    /// `invite-…`
    pub id: String,
    /// To which organization.
    pub organization_id: String,
    /// Who is invited.
    pub email: String,
    /// The role in the organization.
    pub role: OrganizationRole,
    /// What has become of it.
    pub status: InviteStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its time is over.
    pub expires_at: Timestamp,
    /// When it was accepted, if it was.
    pub accepted_at: Option<Timestamp>,
    /// The projects that come with it.
    pub projects: Vec<InviteProject>,
}

/// A project that comes with an invite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InviteProject {
    /// `proj_…`
    pub id: String,
    /// The role there.
    pub role: ProjectRole,
}

impl InviteStatus {
    /// The status at `now` of an invite with these times.
    #[must_use]
    pub fn at(now: Timestamp, accepted_at: Option<Timestamp>, expires_at: Timestamp) -> Self {
        match accepted_at {
            Some(_) => Self::Accepted,
            None if now >= expires_at => Self::Expired,
            None => Self::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r9_an_invite_expires_after_seven_days_unless_it_was_accepted() {
        let made: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
        let over = Timestamp(made.0 + INVITE_LIFETIME);
        assert_eq!(over.to_string(), "2026-11-08T00:00:00Z");
        assert_eq!(InviteStatus::at(Timestamp(over.0 - 1), None, over), InviteStatus::Pending);
        assert_eq!(InviteStatus::at(over, None, over), InviteStatus::Expired);
        assert_eq!(InviteStatus::at(over, Some(made), over), InviteStatus::Accepted);
    }
}
