//! What each role may do: the table of R6, as a table.

use std::fmt;

/// What somebody may want to do: the rows of R6's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is named like its row, which the table quotes")]
pub enum Action {
    SeeOrganization,
    SeeProject,
    ListEverything,
    CreateProject,
    EditProject,
    ArchiveProject,
    ManageProjectMembers,
    ManageServiceAccounts,
    ManageOwnKeys,
    ManageOthersKeys,
    ManageMembers,
    CreateOrganizationServiceAccounts,
    SetLimits,
    SeeSpend,
    ReadAudit,
    ManageBlocks,
}

/// What somebody is to a project, or to an organization where no project is meant: the columns of R6's table, and those
/// who are not in the organization at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Owner of the organization, and so of every project in it (R7).
    OrganizationOwner,
    /// Owner of the project.
    ProjectOwner,
    /// Member of the project.
    ProjectMember,
    /// In the organization, not in the project.
    Reader,
    /// Not in the organization: nothing of it exists for them.
    Outsider,
}

/// A cell of R6's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Allowed.
    Yes,
    /// Refused, with an error that names the role needed.
    No,
    /// Allowed with a grant to see usage (R8).
    WithGrant,
    /// Refused as if what was asked about were not there.
    Hidden,
}

use Action::*;
use Answer::{Hidden, No, WithGrant, Yes};

/// R6's table: action, then organization owner, project owner, project member, organization reader not in the project.
pub const TABLE: [(Action, [Answer; 4]); 16] = [
    // see the organization's name and basic facts
    (SeeOrganization, [Yes, Yes, Yes, Yes]),
    // see a project, its members and their roles
    (SeeProject, [Yes, Yes, Yes, Hidden]),
    // the list of all projects, active and archived; all users; all keys
    (ListEverything, [Yes, No, No, No]),
    // create a project
    (CreateProject, [Yes, No, No, No]),
    // rename a project, edit its description and website
    (EditProject, [Yes, Yes, No, No]),
    // archive a project
    (ArchiveProject, [Yes, Yes, No, No]),
    // add, remove members of a project, change their role
    (ManageProjectMembers, [Yes, Yes, No, No]),
    // create, remove project service accounts and manage their keys
    (ManageServiceAccounts, [Yes, Yes, No, No]),
    // create an own API key in a project, edit or revoke it
    (ManageOwnKeys, [Yes, Yes, Yes, No]),
    // revoke or edit somebody else's key in the project
    (ManageOthersKeys, [Yes, Yes, No, No]),
    // invite to, remove from the organization, change an organization role
    (ManageMembers, [Yes, No, No, No]),
    // create organization-level service accounts
    (CreateOrganizationServiceAccounts, [Yes, No, No, No]),
    // set budgets, thresholds, models and rate limits (project or organization)
    (SetLimits, [Yes, No, No, No]),
    // see usage and spend
    (SeeSpend, [Yes, Yes, WithGrant, WithGrant]),
    // read the audit log
    (ReadAudit, [Yes, Yes, No, No]),
    // lift or place a manual block
    (ManageBlocks, [Yes, Yes, No, No]),
];

impl Standing {
    const fn column(self) -> Option<usize> {
        match self {
            Self::OrganizationOwner => Some(0),
            Self::ProjectOwner => Some(1),
            Self::ProjectMember => Some(2),
            Self::Reader => Some(3),
            Self::Outsider => None,
        }
    }
}

impl Action {
    /// What R6's table says for a standing; for an outsider, everything is hidden.
    #[must_use]
    pub fn answer(self, standing: Standing) -> Answer {
        let row = TABLE.iter().find(|(action, _)| *action == self);
        match (row, standing.column()) {
            (Some((_, answers)), Some(column)) => answers[column],
            _ => Hidden,
        }
    }

    /// Whether somebody of this standing may do it; `usage_grant` is R8's.
    #[must_use]
    pub fn is_open_to(self, standing: Standing, usage_grant: bool) -> bool {
        match self.answer(standing) {
            Yes => true,
            WithGrant => usage_grant,
            No | Hidden => false,
        }
    }

    /// The role that would do, for an error message: the least of those that the table allows.
    #[must_use]
    pub fn role_needed(self) -> &'static str {
        let open = |standing| self.answer(standing) == Yes;
        if self == SeeSpend {
            "an owner of the project or the organization, or a grant to see usage"
        } else if open(Standing::Reader) {
            "a member of the organization"
        } else if open(Standing::ProjectMember) {
            "a member of the project"
        } else if open(Standing::ProjectOwner) {
            "an owner of the project or the organization"
        } else {
            "an owner of the organization"
        }
    }
}

/// In words, as they follow "may not".
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SeeOrganization => "see the organization",
            SeeProject => "see the project",
            ListEverything => "list all projects, users and keys of the organization",
            CreateProject => "create a project",
            EditProject => "rename or edit the project",
            ArchiveProject => "archive the project",
            ManageProjectMembers => "add or remove members of the project or change their role",
            ManageServiceAccounts => "manage the project's service accounts and their keys",
            ManageOwnKeys => "have an API key in the project",
            ManageOthersKeys => "manage somebody else's key in the project",
            ManageMembers => "manage the organization, its members and its invites",
            CreateOrganizationServiceAccounts => "manage the organization's service accounts",
            SetLimits => "set budgets, thresholds, models and rate limits",
            SeeSpend => "see usage and spend",
            ReadAudit => "read the audit log",
            ManageBlocks => "place or lift a manual block",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r6_every_action_has_one_row() {
        for (place, (action, _)) in TABLE.iter().enumerate() {
            assert_eq!(TABLE.iter().position(|(other, _)| other == action), Some(place), "{action:?}");
        }
    }

    #[test]
    fn r6_a_higher_role_may_do_all_that_a_lower_one_may() {
        let rank = |answer| match answer {
            Yes => 2,
            WithGrant => 1,
            No | Hidden => 0,
        };
        for (action, answers) in TABLE {
            assert!(answers.windows(2).all(|pair| rank(pair[0]) >= rank(pair[1])), "{action:?}");
            assert_eq!(action.answer(Standing::Outsider), Hidden);
        }
    }

    #[test]
    fn r8_a_grant_opens_usage_and_nothing_else() {
        for (action, _) in TABLE {
            for standing in [Standing::ProjectMember, Standing::Reader] {
                let opened = !action.is_open_to(standing, false) && action.is_open_to(standing, true);
                assert_eq!(opened, action == SeeSpend, "{action:?}");
            }
        }
        assert!(!SeeSpend.is_open_to(Standing::Outsider, true));
    }
}
