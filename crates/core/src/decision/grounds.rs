//! What a refusal stands on, and its words.

use std::fmt;

use serde::Serialize;

use crate::endpoint::EndpointGroup;
use crate::money::Nanos;
use crate::permissions::{Access, PermissionKind, group_of_grant};
use crate::time::Timestamp;

/// What a request needs and its key does not have (R16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingPermission {
    /// The kind of the key's permissions.
    pub kind: PermissionKind,
    /// Where the request's path belongs.
    pub group: EndpointGroup,
    /// What its method needs there.
    pub needed: Access,
}

/// A model that is not in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignModel {
    /// The model as it was asked for.
    pub model: String,
    /// `project` or `organization`.
    pub kind: &'static str,
    /// The name of the one whose list it is.
    pub scope: String,
}

/// A person's block (R41). Who placed it is not told to clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The project's name, or `None` where the key itself is blocked.
    pub project: Option<String>,
    /// The reason that the person gave.
    pub reason: String,
    /// When it ends by itself, if it does.
    pub until: Option<Timestamp>,
}

/// The figures of an exhausted budget (R38).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exhausted {
    /// The name of the project, organization, model, member or key whose budget it is.
    pub scope: String,
    /// Spent this month.
    pub spend: Nanos,
    /// Held for requests under way (R40).
    pub held: Nanos,
    /// What the request may cost at most, where that was to be held for it too.
    pub needed: Option<Nanos>,
    /// The budget.
    pub budget: Nanos,
    /// When the budget starts anew: the month's end.
    pub until: Timestamp,
}

/// The figures of a file quota that an upload does not fit in (R28), in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullStorage {
    /// The project's name.
    pub project: String,
    /// Stored already.
    pub stored: u64,
    /// What the upload brings.
    pub upload: u64,
    /// The quota.
    pub quota: u64,
}

impl MissingPermission {
    /// The scope that is missing, as in `chat_completions.write`; `None` where no scope grants the path.
    #[must_use]
    pub fn scope(&self) -> Option<String> {
        group_of_grant(self.group).map(|group| format!("{}.{}", group.name(), self.needed.as_str()))
    }

    pub(super) fn message(&self) -> String {
        match self.scope() {
            Some(scope) => format!(
                "This API key has insufficient permissions for this operation. Missing scopes: {scope}. \
                 Its permissions are '{}'; its owner, or an owner of its project, can edit them.",
                self.kind
            ),
            None => format!(
                "This API key has insufficient permissions for this operation: its permissions are '{}', and no scope \
                 covers this path. Use an API key with the permissions 'all'.",
                self.kind
            ),
        }
    }
}

impl ForeignModel {
    pub(super) fn message(&self) -> String {
        // A client may ask for a model of any length.
        let model: String = self.model.chars().take(100).collect();
        format!(
            "The model '{model}' is not among those that the {} '{}' may use. An organization owner can add it.",
            self.kind, self.scope
        )
    }
}

impl Blocked {
    pub(super) fn message(&self) -> String {
        let what = match &self.project {
            None => "This API key".to_owned(),
            Some(project) => format!("The project '{project}' of this API key"),
        };
        let end = match self.until {
            None => "The block holds until it is lifted.".to_owned(),
            Some(until) => format!("The block ends on {}, or when it is lifted.", until.to_the_second()),
        };
        format!("{what} was blocked by hand, for this reason: {}. {end}", self.reason.trim_end_matches('.'))
    }
}

impl Exhausted {
    pub(super) fn message(&self, kind: &str) -> String {
        let left = self.budget - self.spend - self.held;
        let state = match self.needed {
            Some(needed) if left > Nanos::ZERO => format!("does not cover this request, which may cost ${needed}"),
            _ => "is exhausted".to_owned(),
        };
        let held = match self.held {
            Nanos::ZERO => String::new(),
            held => format!(", and ${held} are held for requests under way"),
        };
        format!(
            "The monthly budget of the {kind} '{}' {state}: ${} of ${} are spent{held}. \
             It starts anew on {}, or when an organization owner raises it.",
            self.scope, self.spend, self.budget, self.until
        )
    }
}

impl FullStorage {
    pub(super) fn message(&self) -> String {
        format!(
            "The file quota of the project '{}' would be exceeded: {} of {} are stored, and this request brings {}. \
             Delete files, or ask the operator of this deployment for a larger quota.",
            self.project,
            Gigabytes(self.stored),
            Gigabytes(self.quota),
            Gigabytes(self.upload)
        )
    }
}

/// Bytes in decimal gigabytes, exactly: `99.5 GB`.
struct Gigabytes(u64);

impl fmt::Display for Gigabytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const GB: u64 = 1_000_000_000;
        let fraction = format!("{:09}", self.0 % GB);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{}{point}{fraction} GB", self.0 / GB)
    }
}
