//! How a gate would have decided at an instant that is past: the directory of then, made of that of now and of what the
//! audit log says of every change since (R38, R42).

mod undo;

use mete_core::Timestamp;
use mete_store::{AuditFilter, GateSnapshot, ManualBlockFilter, ProjectSpend, SpentBefore, Store, StoreError};

use crate::case::Question;
use crate::explain::{Explanation, Verdict};
use crate::gate::Gate;
use crate::report::{Ages, Report, Spenders, ToldBy};
use crate::request::Request;
use crate::rule::Rule;
use undo::Undone;

/// A key and its project, or a project alone, as they were at an instant.
#[derive(Debug)]
pub struct Past {
    gate: Gate,
    at: Timestamp,
    project_id: String,
    key_id: Option<String>,
    /// Whether what is written down tells if the key could be used.
    knows_key: bool,
    spent: SpentBefore,
}

/// What is told of every past instant.
const NEVER_KNOWN: [&str; 3] = [
    "what was held for requests under way, and which were: nobody writes that down",
    "in which order usage came: what was spent is told by the times of the events, late ones and what was amended since \
     included, so that the gate may have known less",
    "what files were stored, and rates",
];

impl Past {
    /// The project with this id at `at`, and one of its keys; `None` if there was no such project.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn of(
        store: &Store,
        (project_id, key_id): (&str, Option<&str>),
        at: Timestamp,
    ) -> Result<Option<Self>, StoreError> {
        // No key has the empty id.
        let snapshot = store.gate_snapshot_of(key_id.unwrap_or_default()).await?;
        let Some(chain) = chain_of(&snapshot, project_id) else { return Ok(None) };
        let mut undone = Undone::new(snapshot, project_id, key_id);
        for organization_id in &chain {
            let since = Some(at.plus(1));
            let filter =
                AuditFilter { organization_id: Some(organization_id.clone()), since, ..AuditFilter::default() };
            for entry in store.audit(&filter).await? {
                undone.undo(&entry.record);
            }
        }
        let placed = ManualBlockFilter { project_id: Some(project_id.to_owned()), ..ManualBlockFilter::default() };
        undone.place(store.manual_blocks(&placed).await?, at);
        let Undone { snapshot, is_there, knows_key, .. } = undone;
        if !is_there {
            return Ok(None);
        }
        let top = chain.last().map_or(project_id, String::as_str);
        let spent = store.spent_before(top, at).await?;
        let gate = Gate::new(snapshot);
        let spends = spent.projects().into_iter();
        let total =
            |row: mete_store::SpendRow| ProjectSpend { project_id: row.id.into(), month: at.month(), spend: row.spend };
        gate.set_spend(&spends.map(total).collect::<Vec<_>>());
        let (project_id, key_id) = (project_id.to_owned(), key_id.map(str::to_owned));
        Ok(Some(Self { gate, at, project_id, key_id, knows_key, spent }))
    }

    /// The decision of then, with its grounds. What cannot be known is not asked, and said.
    #[must_use]
    pub fn explain(&self, request: &Request<'_>) -> Explanation {
        let is_known = |question| self.knows(question);
        let explained = match &self.key_id {
            Some(key_id) => Some(self.gate.explain_as_far(self.at, key_id, request, &is_known)),
            None => self.gate.explain_project_as_far(self.at, &self.project_id, request, &is_known),
        };
        explained.unwrap_or_else(|| Explanation::of_unknown_key(self.at))
    }

    /// All that can be told of then, but for who spent it: [`Past::spenders`].
    #[must_use]
    pub fn report(&self, request: &Request<'_>) -> Report {
        let mut explanation = self.explain(request);
        let mut not_known: Vec<String> = NEVER_KNOWN.map(str::to_owned).into();
        let all = explanation.rules.len();
        explanation.rules.retain(|report| !is_of_now(&report.rule));
        if explanation.rules.len() < all {
            not_known
                .push("what the budgets of the model, the member and the key were, and its rate limits".to_owned());
        }
        if !self.spent.is_exact {
            not_known.push("what was spent within the hour: the events of that month are not kept any more".to_owned());
        }
        if explanation.rules.iter().any(|report| report.verdict == Verdict::NotKnown) && !self.knows_key {
            not_known.push("whether the key could be used: it was disabled along with others since".to_owned());
        }
        let budgets = Report::budgets_of(&explanation);
        let (told_by, degraded, since, spent_by, ages) = (ToldBy::Store, None, None, None, Ages::default());
        Report { explanation, told_by, degraded, since, budgets, spent_by, ages, not_known }
    }

    /// Who had spent it, of a project or an organization.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn spenders(&self, store: &Store, scope_id: &str) -> Result<Spenders, StoreError> {
        let spent = store.spent_before(scope_id, self.at).await?;
        let all = Spenders::of_month(store, (scope_id, scope_id != self.project_id), self.at.month()).await?;
        Ok(Spenders { keys: spent.keys(), models: spent.models(), members: spent.members() }.named_as(&all))
    }

    const fn knows(&self, question: Question) -> bool {
        match question {
            Question::KeyStatus => self.knows_key,
            question => matches!(
                question,
                Question::ProjectStatus
                    | Question::Permission
                    | Question::Model
                    | Question::ManualBlock
                    | Question::ManualRelease
                    | Question::OrganizationBudget
                    | Question::ParentBudget
                    | Question::ProjectBudget
            ),
        }
    }
}

/// Whether a rule's figures are those of the present, which tell nothing of the past.
const fn is_of_now(rule: &Rule) -> bool {
    matches!(rule, Rule::ModelBudget(_) | Rule::MemberBudget(_) | Rule::KeyBudget(_) | Rule::RateLimits { .. })
}

/// The organizations whose limits hold for a project, its own first.
fn chain_of(snapshot: &GateSnapshot, project_id: &str) -> Option<Vec<String>> {
    let project = snapshot.projects.iter().find(|project| project.id == project_id)?;
    let organization = snapshot.organizations.iter().find(|it| it.id == project.organization_id)?;
    Some([Some(organization.id.clone()), organization.parent_id.clone()].into_iter().flatten().collect())
}
