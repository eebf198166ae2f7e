//! What the gate answers, and in which words (R37, R38).

use serde::Serialize;
use serde_json::{Value, json};

use crate::money::Nanos;
use crate::time::Timestamp;

/// Why a request is refused. The order of the variants is the order of R37's table: the first that holds decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No key was given.
    NoKey,
    /// The key is not known.
    UnknownKey,
    /// The key is disabled.
    KeyDisabled,
    /// The key is revoked.
    KeyRevoked,
    /// The key's project is archived (R21).
    ProjectArchived {
        /// The project's name.
        project: String,
    },
    /// The organization's monthly budget leaves nothing (R25, R26).
    OrganizationBudget(Exhausted),
    /// The project's monthly budget leaves nothing.
    ProjectBudget(Exhausted),
}

/// The figures of an exhausted budget (R38).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exhausted {
    /// The name of the project or organization whose budget it is.
    pub scope: String,
    /// Spent this month.
    pub spend: Nanos,
    /// The budget.
    pub budget: Nanos,
    /// When the budget starts anew: the month's end.
    pub until: Timestamp,
}

impl Refusal {
    /// HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::NoKey | Self::UnknownKey | Self::KeyDisabled | Self::KeyRevoked | Self::ProjectArchived { .. } => 401,
            Self::OrganizationBudget(_) | Self::ProjectBudget(_) => 429,
        }
    }

    /// The error's `type`, as an OpenAI client knows it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::OrganizationBudget(_) | Self::ProjectBudget(_) => "insufficient_quota",
            _ => "invalid_request_error",
        }
    }

    /// The error's `code`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoKey | Self::UnknownKey | Self::KeyDisabled | Self::KeyRevoked => "invalid_api_key",
            Self::ProjectArchived { .. } => "not_authorized_invalid_project",
            Self::OrganizationBudget(_) => "organization_spend_limit_exceeded",
            Self::ProjectBudget(_) => "project_spend_limit_exceeded",
        }
    }

    /// Whether SDKs are to be told not to retry (`x-should-retry: false`): retrying does not bring money back.
    #[must_use]
    pub const fn forbids_retry(&self) -> bool {
        matches!(self, Self::OrganizationBudget(_) | Self::ProjectBudget(_))
    }

    /// In words: which limit of which scope refused, how much was spent of how much, and when it ends (R38).
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::NoKey => "No API key was given. Send it as 'Authorization: Bearer sk-…'.".to_owned(),
            Self::UnknownKey => "This API key is not known. Ask an owner of your project for one.".to_owned(),
            Self::KeyDisabled => "This API key is disabled. An owner of its project can enable it again.".to_owned(),
            Self::KeyRevoked => "This API key was revoked and stays so. Create a new one.".to_owned(),
            Self::ProjectArchived { project } => {
                format!("The project '{project}' of this API key is archived. Archived projects stay so.")
            }
            Self::OrganizationBudget(figures) => figures.message("organization"),
            Self::ProjectBudget(figures) => figures.message("project"),
        }
    }

    /// The body that an OpenAI client understands: all four keys are always there.
    #[must_use]
    pub fn body(&self) -> Value {
        json!({"error": {"message": self.message(), "type": self.kind(), "param": null, "code": self.code()}})
    }
}

impl Exhausted {
    fn message(&self, kind: &str) -> String {
        format!(
            "The monthly budget of the {kind} '{}' is exhausted: ${} of ${} are spent. \
             It starts anew on {}, or when an organization owner raises it.",
            self.scope, self.spend, self.budget, self.until
        )
    }
}

/// The gate's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Let the request through.
    Allow,
    /// Refuse it.
    Refuse(Refusal),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r37_bodies_have_all_four_keys_and_the_tables_status_type_and_code() {
        let figures = Exhausted {
            scope: "Support bot".to_owned(),
            spend: Nanos(500_000_214_000),
            budget: Nanos::from_dollars(500),
            until: "2026-12-01T00:00:00Z".parse().unwrap(),
        };
        for (refusal, status, kind, code) in [
            (Refusal::NoKey, 401, "invalid_request_error", "invalid_api_key"),
            (Refusal::UnknownKey, 401, "invalid_request_error", "invalid_api_key"),
            (Refusal::KeyDisabled, 401, "invalid_request_error", "invalid_api_key"),
            (Refusal::KeyRevoked, 401, "invalid_request_error", "invalid_api_key"),
            (
                Refusal::ProjectArchived { project: "x".into() },
                401,
                "invalid_request_error",
                "not_authorized_invalid_project",
            ),
            (
                Refusal::OrganizationBudget(figures.clone()),
                429,
                "insufficient_quota",
                "organization_spend_limit_exceeded",
            ),
            (Refusal::ProjectBudget(figures.clone()), 429, "insufficient_quota", "project_spend_limit_exceeded"),
        ] {
            assert_eq!((refusal.status(), refusal.kind(), refusal.code()), (status, kind, code));
            assert_eq!(refusal.forbids_retry(), status == 429);
            let body = refusal.body();
            let mut keys: Vec<_> = body["error"].as_object().unwrap().keys().cloned().collect();
            keys.sort();
            assert_eq!(keys, ["code", "message", "param", "type"]);
        }
        assert_eq!(
            Refusal::ProjectBudget(figures).message(),
            "The monthly budget of the project 'Support bot' is exhausted: $500.000214 of $500 are spent. \
             It starts anew on 2026-12-01T00:00:00Z, or when an organization owner raises it."
        );
    }
}
