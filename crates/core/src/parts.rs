//! Parts of a project's spend that can have monthly budgets of their own, beside the project's (R24 to R26).

use serde::Serialize;

use crate::money::Nanos;

/// What a part is told by. The order is the one in which the gate asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartKind {
    /// One model, whoever uses it.
    Model,
    /// A person or service account: all keys that they own in the project.
    Member,
    /// One key.
    Key,
}

crate::directory::text_form!(PartKind, "kind of budget", Model = "model", Member = "member", Key = "key");

/// A part of one project's spend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Part {
    /// What it is told by.
    pub kind: PartKind,
    /// The model as usage names it, or the id of the member or key.
    pub id: String,
}

/// Why a part's budget is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartProblem {
    /// A budget below nothing.
    #[error("a budget cannot be negative, and {0} is")]
    Negative(Nanos),
    /// A budget above the project's.
    #[error("the budget of a {kind} cannot be above its project's: ${own} is above ${project}")]
    AboveProject {
        /// What the part is.
        kind: PartKind,
        /// Its budget.
        own: Nanos,
        /// The project's budget.
        project: Nanos,
    },
}

impl PartKind {
    /// What is wrong with `own` as the budget of such a part, in a project with this budget, if anything (R24). A project
    /// without a budget bounds nothing.
    #[must_use]
    pub fn problem(self, own: Nanos, project: Option<Nanos>) -> Option<PartProblem> {
        if own < Nanos::ZERO {
            return Some(PartProblem::Negative(own));
        }
        let project = project.filter(|project| own > *project)?;
        Some(PartProblem::AboveProject { kind: self, own, project })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r24_a_parts_budget_is_never_above_its_projects() {
        let project = Some(Nanos::from_dollars(10));
        let problem = |dollars, project| PartKind::Key.problem(Nanos::from_dollars(dollars), project);
        assert_eq!(problem(10, project), None);
        assert_eq!(problem(0, project), None);
        assert_eq!(problem(11, None), None);
        assert!(matches!(problem(-1, None), Some(PartProblem::Negative(_))));
        let above = problem(11, project).unwrap().to_string();
        assert_eq!(above, "the budget of a key cannot be above its project's: $11 is above $10");
    }
}
