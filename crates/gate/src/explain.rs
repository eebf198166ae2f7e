//! A decision with its grounds, for people and scripts (R38).

use mete_core::decision::{Decision, Refusal};
use mete_core::{Month, Timestamp};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::case::{Case, Question};
use crate::directory::text;
use crate::rule::Rule;

/// The decision on a key at an instant, with every rule that applies, in R37's order.
///
/// What is not told of the request is not asked. There the gate itself is stricter with keys that may not do everything:
/// it refuses them when method or path is not told.
///
/// Serialized as `{"at","month","decision":"allow"|"refuse","status","type","code","message","key_id","project_id",
/// "rules":[…]}`; `type`, `code` and `message` are null when the decision is to allow, `code` also for a missing permission,
/// the ids when the key is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The instant that it holds for.
    pub at: Timestamp,
    /// The UTC month whose spend was looked at.
    pub month: Month,
    /// The decision itself.
    pub decision: Decision,
    /// The key's id, if the key is known.
    pub key_id: Option<String>,
    /// Its project's id, if the key is known.
    pub project_id: Option<String>,
    /// The rules in R37's order. For an unknown key there is only the first.
    pub rules: Vec<RuleReport>,
}

/// A rule and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleReport {
    /// The rule with its figures; these are given even where it was not asked.
    #[serde(flatten)]
    pub rule: Rule,
    /// Its answer.
    pub verdict: Verdict,
}

/// What a rule answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It lets the key through.
    Ok,
    /// It refuses the key, and so decides.
    Refused,
    /// A rule before it has decided, too little is told of the request, or a manual release stands in for it.
    NotAsked,
    /// What it looks at is not known of a time that is past.
    NotKnown,
}

/// What an explanation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    Key,
    /// A project: the rules of its keys do not apply.
    Project,
}

impl Explanation {
    /// For a key that the directory does not hold.
    pub(crate) fn of_unknown_key(now: Timestamp) -> Self {
        Self {
            at: now,
            month: now.month(),
            decision: Decision::Refuse(Refusal::UnknownKey),
            key_id: None,
            project_id: None,
            rules: vec![RuleReport { rule: Rule::KeyKnown, verdict: Verdict::Refused }],
        }
    }

    pub(crate) fn of_case(case: &Case<'_>, about: About, is_known: &dyn Fn(Question) -> bool) -> Self {
        let mut decision = Decision::Allow;
        let known = RuleReport { rule: Rule::KeyKnown, verdict: Verdict::Ok };
        let mut rules: Vec<RuleReport> = (about == About::Key).then_some(known).into_iter().collect();
        for question in Question::IN_ORDER {
            let applies = about == About::Key || !matches!(question, Question::KeyStatus | Question::Permission);
            let Some(rule) = applies.then(|| Rule::of(case, question)).flatten() else { continue };
            let verdict = if !is_known(question) {
                Verdict::NotKnown
            } else if decision != Decision::Allow || !case.asks(question) {
                Verdict::NotAsked
            } else if let Some(refusal) = case.refusal(question) {
                decision = Decision::Refuse(refusal);
                Verdict::Refused
            } else {
                Verdict::Ok
            };
            rules.push(RuleReport { rule, verdict });
        }
        Self {
            at: case.now,
            month: case.month,
            decision,
            key_id: (about == About::Key).then(|| text(&case.key.id)),
            project_id: Some(text(&case.project.id)),
            rules,
        }
    }

    /// The refusal, if the decision is one.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        match &self.decision {
            Decision::Allow => None,
            Decision::Refuse(refusal) => Some(refusal),
        }
    }
}

impl Serialize for Explanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let refusal = self.refusal();
        let mut fields = serializer.serialize_struct("Explanation", 10)?;
        fields.serialize_field("at", &self.at)?;
        fields.serialize_field("month", &self.month)?;
        fields.serialize_field("decision", if refusal.is_some() { "refuse" } else { "allow" })?;
        fields.serialize_field("status", &refusal.map_or(204, Refusal::status))?;
        fields.serialize_field("type", &refusal.map(Refusal::kind))?;
        fields.serialize_field("code", &refusal.and_then(Refusal::code))?;
        fields.serialize_field("message", &refusal.map(Refusal::message))?;
        fields.serialize_field("key_id", &self.key_id)?;
        fields.serialize_field("project_id", &self.project_id)?;
        fields.serialize_field("rules", &self.rules)?;
        fields.end()
    }
}
