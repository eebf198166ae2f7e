//! What the gate answers, and in which words (R37, R38).

mod grounds;
mod limited;

use serde_json::{Value, json};

use crate::money::Nanos;
use crate::time::Timestamp;

pub use grounds::{Blocked, Exhausted, ForeignModel, FullStorage, MissingPermission};
pub use limited::{Limited, Standing, Standings, duration_text, period, seconds};

/// Why a request is refused. The order of the variants is the order of R37's table: the first that holds decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No key was given.
    NoKey,
    /// The key is not known.
    UnknownKey,
    /// The key is one of the administration API (R17).
    AdminKey,
    /// The key is disabled.
    KeyDisabled,
    /// The key is revoked.
    KeyRevoked,
    /// The key's time is over.
    KeyExpired {
        /// Since when.
        at: Timestamp,
    },
    /// The secret was replaced by another one of the same key, and its grace time is over.
    SecretReplaced {
        /// Since when.
        at: Timestamp,
    },
    /// The key's project is archived (R21).
    ProjectArchived {
        /// The project's name.
        project: String,
    },
    /// The key's permissions depend on the method and the path, and these were not told.
    RequestUntold,
    /// The key's permissions do not cover the request (R16).
    Permission(MissingPermission),
    /// A list of the models that may be used, of the project or of its organization, does not have the model (R23).
    Model(ForeignModel),
    /// Somebody blocked the key or its project (R41).
    Blocked(Blocked),
    /// The organization's monthly budget leaves nothing (R25, R26).
    OrganizationBudget(Exhausted),
    /// The project's monthly budget leaves nothing.
    ProjectBudget(Exhausted),
    /// That of the model within the project leaves nothing.
    ModelBudget(Exhausted),
    /// That of the key's owner within the project leaves nothing.
    MemberBudget(Exhausted),
    /// The key's own leaves nothing.
    KeyBudget(Exhausted),
    /// The upload does not fit in what the project may store (R28).
    FileQuota(FullStorage),
    /// A rate limit of the model has no room (R23).
    RateLimit(Box<Limited>),
}

impl Refusal {
    /// HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::NoKey
            | Self::UnknownKey
            | Self::AdminKey
            | Self::KeyDisabled
            | Self::KeyRevoked
            | Self::KeyExpired { .. }
            | Self::SecretReplaced { .. }
            | Self::ProjectArchived { .. } => 401,
            Self::RequestUntold | Self::Permission(_) | Self::Model(_) => 403,
            Self::Blocked(_)
            | Self::OrganizationBudget(_)
            | Self::ProjectBudget(_)
            | Self::ModelBudget(_)
            | Self::MemberBudget(_)
            | Self::KeyBudget(_)
            | Self::RateLimit(_) => 429,
            Self::FileQuota(_) => 413,
        }
    }

    /// The error's `type`, as an OpenAI client knows it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::RateLimit(limited) => limited.kind(),
            _ if self.forbids_retry() => "insufficient_quota",
            _ => "invalid_request_error",
        }
    }

    /// The error's `code`; a missing permission has none.
    #[must_use]
    pub const fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoKey
            | Self::UnknownKey
            | Self::AdminKey
            | Self::KeyDisabled
            | Self::KeyRevoked
            | Self::KeyExpired { .. }
            | Self::SecretReplaced { .. } => "invalid_api_key",
            Self::ProjectArchived { .. } => "not_authorized_invalid_project",
            Self::RequestUntold | Self::Permission(_) => return None,
            Self::Model(_) => "model_not_found",
            Self::Blocked(_) => "access_blocked",
            Self::OrganizationBudget(_) => "organization_spend_limit_exceeded",
            Self::ProjectBudget(_) => "project_spend_limit_exceeded",
            Self::ModelBudget(_) => "model_spend_limit_exceeded",
            Self::MemberBudget(_) => "member_spend_limit_exceeded",
            Self::KeyBudget(_) => "key_spend_limit_exceeded",
            Self::FileQuota(_) => "file_storage_quota_exceeded",
            Self::RateLimit(_) => "rate_limit_exceeded",
        })
    }

    /// Whether SDKs are to be told not to retry (`x-should-retry: false`): retrying does not bring money back, nor does
    /// it lift a block.
    #[must_use]
    pub const fn forbids_retry(&self) -> bool {
        matches!(self, Self::Blocked(_)) || self.exhausted().is_some()
    }

    /// The figures of the budget that refuses, if one does.
    #[must_use]
    pub const fn exhausted(&self) -> Option<&Exhausted> {
        match self {
            Self::OrganizationBudget(figures)
            | Self::ProjectBudget(figures)
            | Self::ModelBudget(figures)
            | Self::MemberBudget(figures)
            | Self::KeyBudget(figures) => Some(figures),
            _ => None,
        }
    }

    /// How much of the budget that refuses is held for requests under way (R40); nothing where no budget does.
    #[must_use]
    pub const fn held(&self) -> Nanos {
        match self.exhausted() {
            Some(figures) => figures.held,
            None => Nanos::ZERO,
        }
    }

    /// In words: which limit of which scope refused, how much was spent of how much, and when it ends (R38).
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::NoKey => "No API key was given. Send it as 'Authorization: Bearer sk-…'.".to_owned(),
            Self::UnknownKey => "This API key is not known. Ask an owner of your project for one.".to_owned(),
            Self::AdminKey => "This is an administration key: it works on the administration API only. \
                               Use an API key of a project."
                .to_owned(),
            Self::KeyDisabled => "This API key is disabled. An owner of its project can enable it again.".to_owned(),
            Self::KeyRevoked => "This API key was revoked and stays so. Create a new one.".to_owned(),
            Self::KeyExpired { at } => format!("This API key expired on {}. Create a new one.", at.to_the_second()),
            Self::SecretReplaced { at } => {
                let at = at.to_the_second();
                format!("This API key was rotated, and its old secret expired on {at}. Use the new secret.")
            }
            Self::ProjectArchived { project } => {
                format!("The project '{project}' of this API key is archived. Archived projects stay so.")
            }
            Self::RequestUntold => {
                "The permissions of this API key depend on the request, and the gateway did not tell \
                                    the method and the path of it, or told them twice and differently. \
                                    The gateway must tell both and pass on none that a client made up."
                    .to_owned()
            }
            Self::Permission(missing) => missing.message(),
            Self::Model(foreign) => foreign.message(),
            Self::Blocked(blocked) => blocked.message(),
            Self::OrganizationBudget(figures) => figures.message("organization"),
            Self::ProjectBudget(figures) => figures.message("project"),
            Self::ModelBudget(figures) => figures.message("model"),
            Self::MemberBudget(figures) => figures.message("member"),
            Self::KeyBudget(figures) => figures.message("key"),
            Self::FileQuota(figures) => figures.message(),
            Self::RateLimit(limited) => limited.message(),
        }
    }

    /// The body that an OpenAI client understands: all four keys are always there.
    #[must_use]
    pub fn body(&self) -> Value {
        json!({"error": {"message": self.message(), "type": self.kind(), "param": null, "code": self.code()}})
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
    use crate::endpoint::EndpointGroup;
    use crate::permissions::{Access, PermissionKind};

    fn end() -> Timestamp {
        "2026-12-01T00:00:00Z".parse().unwrap()
    }

    fn exhausted() -> Exhausted {
        Exhausted {
            scope: "Support bot".to_owned(),
            spend: Nanos(500_000_214_000),
            held: Nanos::ZERO,
            needed: None,
            budget: Nanos::from_dollars(500),
            until: end(),
        }
    }

    fn limited() -> Limited {
        Limited {
            kind: "organization",
            scope: "Acme".into(),
            model: "gpt-4o".into(),
            rate: crate::rates::Rate::TokensPerMinute,
            limit: 500,
            used: 400,
            requested: 200,
            retry_after: Some(12_000_000),
            standings: Standings::default(),
        }
    }

    /// One of each, with R37's status, type and code, and a part of its words.
    fn table() -> Vec<(Refusal, u16, &'static str, Option<&'static str>, &'static str)> {
        const BAD: &str = "invalid_request_error";
        const KEY: Option<&str> = Some("invalid_api_key");
        let missing =
            |group, needed| Refusal::Permission(MissingPermission { kind: PermissionKind::Restricted, group, needed });
        let model = ForeignModel { model: "m".repeat(5_000), kind: "organization", scope: "Acme".into() };
        let blocked = Blocked { project: None, reason: "Key leaked.".into(), until: Some(end()) };
        let project = Blocked { project: Some("Bot".into()), until: None, ..blocked.clone() };
        let held = Nanos::from_dollars(100);
        let full =
            FullStorage { project: "Bot".into(), stored: 99_500_000_000, upload: 500_000_001, quota: 100_000_000_000 };
        vec![
            (Refusal::NoKey, 401, BAD, KEY, "No API key"),
            (Refusal::UnknownKey, 401, BAD, KEY, "not known"),
            (Refusal::AdminKey, 401, BAD, KEY, "administration API only"),
            (Refusal::KeyDisabled, 401, BAD, KEY, "disabled"),
            (Refusal::KeyRevoked, 401, BAD, KEY, "revoked"),
            (Refusal::KeyExpired { at: end() }, 401, BAD, KEY, "expired on 2026-12-01T00:00:00Z"),
            (Refusal::SecretReplaced { at: end() }, 401, BAD, KEY, "was rotated"),
            (
                Refusal::ProjectArchived { project: "x".into() },
                401,
                BAD,
                Some("not_authorized_invalid_project"),
                "'x' of this API key is archived",
            ),
            (Refusal::RequestUntold, 403, BAD, None, "the method and the path"),
            (
                missing(EndpointGroup::ChatCompletions, Access::Write),
                403,
                BAD,
                None,
                "Missing scopes: chat_completions.write. Its permissions are 'restricted'",
            ),
            (missing(EndpointGroup::Messages, Access::Read), 403, BAD, None, "Missing scopes: chat_completions.read."),
            (missing(EndpointGroup::Other, Access::Read), 403, BAD, None, "no scope covers this path"),
            (Refusal::Model(model), 403, BAD, Some("model_not_found"), "mmm' is not among those that the organization"),
            (
                Refusal::Blocked(blocked),
                429,
                "insufficient_quota",
                Some("access_blocked"),
                "This API key was blocked by hand, for this reason: Key leaked. The block ends on 2026-12-01T00:00:00Z",
            ),
            (
                Refusal::Blocked(project),
                429,
                "insufficient_quota",
                Some("access_blocked"),
                "The project 'Bot' of this API key was blocked by hand, for this reason: Key leaked. \
                 The block holds until it is lifted.",
            ),
            (
                Refusal::OrganizationBudget(exhausted()),
                429,
                "insufficient_quota",
                Some("organization_spend_limit_exceeded"),
                "budget of the organization 'Support bot'",
            ),
            (
                Refusal::ProjectBudget(exhausted()),
                429,
                "insufficient_quota",
                Some("project_spend_limit_exceeded"),
                "The monthly budget of the project 'Support bot' is exhausted: $500.000214 of $500 are spent. \
                 It starts anew on 2026-12-01T00:00:00Z, or when an organization owner raises it.",
            ),
            (
                Refusal::ProjectBudget(Exhausted { spend: Nanos::from_dollars(400), held, ..exhausted() }),
                429,
                "insufficient_quota",
                Some("project_spend_limit_exceeded"),
                "'Support bot' is exhausted: $400 of $500 are spent, and $100 are held for requests under way. It",
            ),
            (
                Refusal::OrganizationBudget(Exhausted {
                    spend: Nanos::from_dollars(399),
                    held,
                    needed: Some(Nanos(1_500_000_000)),
                    ..exhausted()
                }),
                429,
                "insufficient_quota",
                Some("organization_spend_limit_exceeded"),
                "'Support bot' does not cover this request, which may cost $1.5: $399 of $500 are spent, and $100 are",
            ),
            (
                Refusal::ModelBudget(exhausted()),
                429,
                "insufficient_quota",
                Some("model_spend_limit_exceeded"),
                "The monthly budget of the model 'Support bot' is exhausted: $500.000214 of $500 are spent.",
            ),
            (
                Refusal::MemberBudget(exhausted()),
                429,
                "insufficient_quota",
                Some("member_spend_limit_exceeded"),
                "The monthly budget of the member 'Support bot'",
            ),
            (
                Refusal::KeyBudget(exhausted()),
                429,
                "insufficient_quota",
                Some("key_spend_limit_exceeded"),
                "The monthly budget of the key 'Support bot'",
            ),
            (
                Refusal::FileQuota(full),
                413,
                BAD,
                Some("file_storage_quota_exceeded"),
                "file quota of the project 'Bot' would be exceeded: 99.5 GB of 100 GB are stored, \
                 and this request brings 0.500000001 GB.",
            ),
            (
                Refusal::RateLimit(Box::new(limited())),
                429,
                "tokens",
                Some("rate_limit_exceeded"),
                "rate limit of the organization 'Acme' for gpt-4o is reached: 500 tokens per minute, 400 are used, 200 are \
                 asked for. Try again in 12s.",
            ),
        ]
    }

    #[test]
    fn r37_bodies_have_all_four_keys_and_the_tables_status_type_and_code() {
        for (refusal, status, kind, code, words) in table() {
            assert_eq!((refusal.status(), refusal.kind(), refusal.code()), (status, kind, code), "{refusal:?}");
            assert_eq!(refusal.forbids_retry(), kind == "insufficient_quota", "{refusal:?}");
            let message = refusal.message();
            assert!(message.contains(words) && message.len() < 400, "{message}");
            let body = refusal.body();
            let mut keys: Vec<_> = body["error"].as_object().unwrap().keys().cloned().collect();
            keys.sort();
            assert_eq!(keys, ["code", "message", "param", "type"]);
            assert_eq!(body["error"]["code"].as_str(), code);
        }
    }
}
