//! Monthly budgets and notification thresholds (R23 to R27).

use serde::Serialize;

use crate::money::Nanos;

/// The limits of an organization or a project; each is optional.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Monthly budget: a hard limit.
    pub budget: Option<Nanos>,
    /// Notification threshold for the month's spend.
    pub threshold: Option<Nanos>,
}

impl Limits {
    /// Whether `spend`, together with what is `held` for requests under way, exhausts the budget (R26).
    #[must_use]
    pub fn is_exhausted(&self, spend: Nanos, held: Nanos) -> bool {
        self.budget.is_some_and(|budget| spend + held >= budget)
    }

    /// Whether `spend` has reached the threshold (R27).
    #[must_use]
    pub fn has_passed_threshold(&self, spend: Nanos) -> bool {
        self.threshold.is_some_and(|threshold| spend >= threshold)
    }

    /// What is wrong with these limits under those of the organization, or by themselves, if anything (R24).
    #[must_use]
    pub fn problem(&self, organization: Option<&Self>) -> Option<LimitProblem> {
        for amount in [self.budget, self.threshold].into_iter().flatten() {
            if amount < Nanos::ZERO {
                return Some(LimitProblem::Negative(amount));
            }
        }
        let above = |own: Option<Nanos>, organization: Option<Nanos>| match (own, organization) {
            (Some(own), Some(organization)) if own > organization => Some((own, organization)),
            _ => None,
        };
        let organization = organization?;
        if let Some((own, organization)) = above(self.budget, organization.budget) {
            return Some(LimitProblem::AboveOrganization { what: "budget", own, organization });
        }
        above(self.threshold, organization.budget).map(|(own, organization)| LimitProblem::AboveOrganization {
            what: "threshold",
            own,
            organization,
        })
    }

    /// These, with what is above the organization's budget lowered to it (R24).
    #[must_use]
    pub fn lowered_to(&self, organization: &Self) -> Self {
        let lowered = |own: Option<Nanos>| own.map(|own| organization.budget.map_or(own, |budget| own.min(budget)));
        Self { budget: lowered(self.budget), threshold: lowered(self.threshold) }
    }
}

/// Why limits are refused (R24).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitProblem {
    /// A limit below nothing.
    #[error("a limit cannot be negative, and {0} is")]
    Negative(Nanos),
    /// A project's limit above its organization's budget.
    #[error("a project's {what} cannot be above its organization's budget: ${own} is above ${organization}")]
    AboveOrganization {
        /// `budget` or `threshold`.
        what: &'static str,
        /// The project's.
        own: Nanos,
        /// The organization's budget.
        organization: Nanos,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn dollars(n: i64) -> Option<Nanos> {
        Some(Nanos::from_dollars(n))
    }

    #[test]
    fn r26_a_budget_is_exhausted_when_spend_and_holds_leave_nothing() {
        let limits = Limits { budget: dollars(100), threshold: None };
        let almost = Nanos(Nanos::from_dollars(100).0 - 1);
        assert!(!limits.is_exhausted(almost, Nanos::ZERO));
        assert!(limits.is_exhausted(almost, Nanos(1)));
        assert!(limits.is_exhausted(Nanos::from_dollars(100), Nanos::ZERO));
        assert!(!Limits::default().is_exhausted(Nanos::MAX, Nanos::ZERO));
        assert!(Limits { budget: dollars(0), threshold: None }.is_exhausted(Nanos::ZERO, Nanos::ZERO));
    }

    #[test]
    fn r24_a_projects_limits_are_never_above_its_organizations() {
        let organization = Limits { budget: dollars(100), threshold: dollars(50) };
        let problem = |budget, threshold| Limits { budget, threshold }.problem(Some(&organization));
        assert_eq!(problem(dollars(100), dollars(100)), None);
        assert_eq!(problem(None, None), None);
        assert!(matches!(problem(dollars(101), None), Some(LimitProblem::AboveOrganization { what: "budget", .. })));
        assert!(matches!(problem(None, dollars(101)), Some(LimitProblem::AboveOrganization { what: "threshold", .. })));
        assert!(matches!(problem(dollars(-1), None), Some(LimitProblem::Negative(_))));
        let above = Limits { budget: dollars(300), threshold: dollars(20) };
        assert_eq!(above.lowered_to(&organization), Limits { budget: dollars(100), threshold: dollars(20) });
    }
}
