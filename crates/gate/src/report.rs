//! An explanation with what belongs to it: what the ledger says, what is under way, who spent it, and how old each figure
//! is (R38).

mod spenders;

use mete_core::{Month, Nanos, Timestamp};
use mete_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::explain::Explanation;
use crate::exposure::Exposure;
use crate::rule::{BudgetFigures, Rule};
use crate::{Gate, Verdict};

pub use spenders::{Spender, Spenders, SpentBy};

/// How often the gate is compared with the ledger anew, where a commit came in between.
const TRIES: usize = 8;

/// What the store alone does not tell.
const NOT_HERE: &str = "what is held and under way: only the running daemon knows (--daemon)";

/// All that is told about a key or a project.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The decision with its rules.
    #[serde(flatten)]
    pub explanation: Explanation,
    /// Who tells it.
    pub told_by: ToldBy,
    /// What puts the gate's knowledge in doubt, in words, if anything does.
    pub degraded: Option<String>,
    /// Since when a budget refuses, where one does.
    pub since: Option<Timestamp>,
    /// Each budget with what is booked and under way on it.
    pub budgets: Vec<BudgetReport>,
    /// Who spent it; `None` for somebody who may not see it (R6).
    pub spent_by: Option<SpentBy>,
    /// How old what is told is.
    pub ages: Ages,
    /// What is not known, in words.
    pub not_known: Vec<String>,
}

/// Who tells a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToldBy {
    /// The running daemon: what it answers to gateways.
    Daemon,
    /// The store: what a daemon that knows all of it would answer, but for what is held.
    Store,
}

/// A budget, or a scope that could have one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetReport {
    /// The project's or organization's id.
    pub scope_id: String,
    /// Its name.
    pub scope_name: String,
    /// Its budget, if it has one.
    pub budget: Option<Nanos>,
    /// What the decision took for spent in the month. Null for those who may not see it.
    pub spend: Option<Nanos>,
    /// What the ledger has; null for a time that is past, where the decision's figure is the ledger's.
    pub ledger: Option<Nanos>,
    /// The ledger's less the decision's: nothing, but for a moment around a commit.
    pub difference: Option<Nanos>,
    /// What is under way; null where only the running daemon knows.
    pub under_way: Option<Exposure>,
    /// By how much the budget is passed if all that is under way costs as much as it can; null where that is not known, or
    /// there is no budget.
    pub worst_overshoot: Option<Nanos>,
    /// Whether that holds for certain, if no request costs more than the highest of its project; otherwise the report says
    /// what is not known.
    pub is_bound: bool,
}

/// When what is told was known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ages {
    /// How many changes of the directory are in it.
    pub directory_version: Option<i64>,
    /// When the store was last asked for more.
    pub store_heard_at: Option<Timestamp>,
    /// When something was committed last, of whichever project.
    pub last_commit_at: Option<Timestamp>,
    /// The latest time of an event, of whichever project.
    pub newest_event_at: Option<Timestamp>,
    /// Since when usage waits to be counted, if any does.
    pub waiting_since: Option<Timestamp>,
}

impl Report {
    /// What the store has beside an explanation of the present: since when, the ledger's sums, how old they are.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn of(explanation: Explanation, store: &Store) -> Result<Self, StoreError> {
        let (since, budgets) = (since(&explanation, store).await?, budgets(&explanation, store).await?);
        let ages = Ages::of(store, explanation.at).await?;
        let (told_by, degraded, spent_by, not_known) = (ToldBy::Store, None, None, vec![NOT_HERE.to_owned()]);
        Ok(Self { explanation, told_by, degraded, since, budgets, spent_by, ages, not_known })
    }

    /// The same of a running gate, which `explain` asks and that began at `began`. Where a commit comes between the gate's
    /// figures and the ledger's, both are read again.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn of_gate(
        (gate, began): (&Gate, Timestamp),
        store: &Store,
        explain: &(dyn Fn() -> Explanation + Sync),
    ) -> Result<Self, StoreError> {
        let mut under_way = exposures(gate, &explain());
        let mut report = Self::of(explain(), store).await?;
        for _ in 1..TRIES {
            if report.is_settled() {
                break;
            }
            under_way = exposures(gate, &explain());
            report = Self::of(explain(), store).await?;
        }
        report.add_gate((gate, began), &under_way);
        Ok(report)
    }

    /// What a running gate, which `explain` asks, can tell without its store.
    #[must_use]
    pub fn of_gate_alone(
        (gate, began): (&Gate, Timestamp),
        explain: &(dyn Fn() -> Explanation + Sync),
        error: &str,
    ) -> Self {
        let under_way = exposures(gate, &explain());
        let explanation = explain();
        let budgets = Self::budgets_of(&explanation);
        let (told_by, degraded, since, spent_by, ages) = (ToldBy::Daemon, None, None, None, Ages::default());
        let mut report = Self { explanation, told_by, degraded, since, budgets, spent_by, ages, not_known: Vec::new() };
        report.add_gate((gate, began), &under_way);
        report.not_known.push(format!("what the ledger has, since when, and who spent it: {error}"));
        report
    }

    fn add_gate(&mut self, (gate, began): (&Gate, Timestamp), under_way: &[Exposure]) {
        (self.told_by, self.not_known) = (ToldBy::Daemon, Vec::new());
        self.ages.directory_version = Some(gate.change_seq());
        if under_way.is_empty() {
            return;
        }
        let is_young = self.explanation.at.since(began) < gate.terms().time;
        if is_young {
            let began = began.to_the_second();
            self.not_known.push(format!("which requests were let through before this daemon began, at {began}"));
        }
        for budget in &mut self.budgets {
            if let Some(exposure) = under_way.iter().find(|exposure| exposure.scope_id == budget.scope_id) {
                self.not_known.extend(exposure.doubts());
                budget.add(exposure.clone(), is_young);
            }
        }
        self.not_known.dedup();
    }

    /// The budgets of an explanation of the past, whose spend is the ledger's.
    pub(crate) fn budgets_of(explanation: &Explanation) -> Vec<BudgetReport> {
        figures(explanation).map(|figures| BudgetReport::new(figures, None)).collect()
    }

    /// Whether the decision's figures are those of the ledger: nothing was committed in between.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.budgets.iter().all(|budget| budget.difference == Some(Nanos::ZERO))
    }

    /// The scope whose spenders are told: the organization whose budget refuses, else the project, by its id and name;
    /// `None` for a key that is not known.
    #[must_use]
    pub fn spending_scope(&self) -> Option<(String, String)> {
        let rules = &self.explanation.rules;
        let refusing = rules.iter().find(|report| report.verdict == Verdict::Refused).map(|report| &report.rule);
        if let Some(Rule::OrganizationBudget(figures) | Rule::ParentBudget(figures)) = refusing {
            return Some((figures.id.clone(), figures.name.clone()));
        }
        rules.iter().find_map(|report| match &report.rule {
            Rule::ProjectStatus { id, name, .. } => Some((id.clone(), name.clone())),
            _ => None,
        })
    }
}

/// What is under way on the budgets of an explanation. To be asked before the explanation that it is told with: what is
/// booked in between is told twice then, rather than not at all.
fn exposures(gate: &Gate, explanation: &Explanation) -> Vec<Exposure> {
    let project_id = explanation.project_id.as_deref();
    project_id.map(|id| gate.exposures(explanation.at, id)).unwrap_or_default()
}

impl BudgetReport {
    fn new(figures: &BudgetFigures, ledger: Option<Nanos>) -> Self {
        Self {
            scope_id: figures.id.clone(),
            scope_name: figures.name.clone(),
            budget: figures.budget,
            spend: figures.spend,
            ledger,
            difference: figures.spend.zip(ledger).map(|(spend, ledger)| ledger - spend),
            under_way: None,
            worst_overshoot: None,
            is_bound: false,
        }
    }

    fn add(&mut self, under_way: Exposure, is_young: bool) {
        let all = self.budget.zip(self.spend).zip(under_way.unheld_cost);
        self.worst_overshoot =
            all.map(|((budget, spend), unheld)| (spend + under_way.held + unheld - budget).max(Nanos::ZERO));
        self.is_bound = self.worst_overshoot.is_some() && !is_young && under_way.unasked_at.is_none();
        self.under_way = Some(under_way);
    }
}

impl Ages {
    async fn of(store: &Store, now: Timestamp) -> Result<Self, StoreError> {
        let (last_commit_at, newest_event_at) = store.newest().await?;
        let directory_version = Some(store.versions().await?.change_seq);
        Ok(Self { directory_version, store_heard_at: Some(now), last_commit_at, newest_event_at, waiting_since: None })
    }
}

/// The budgets of an explanation's rules.
fn figures(explanation: &Explanation) -> impl Iterator<Item = &BudgetFigures> {
    explanation.rules.iter().filter_map(|report| match &report.rule {
        Rule::OrganizationBudget(figures) | Rule::ParentBudget(figures) | Rule::ProjectBudget(figures) => Some(figures),
        _ => None,
    })
}

async fn budgets(explanation: &Explanation, store: &Store) -> Result<Vec<BudgetReport>, StoreError> {
    let mut budgets = Vec::new();
    for figures in figures(explanation) {
        let ledger = store.scope_spend(&figures.id, explanation.month).await?;
        budgets.push(BudgetReport::new(figures, Some(ledger)));
    }
    Ok(budgets)
}

/// Since when a budget refuses, where one does.
async fn since(explanation: &Explanation, store: &Store) -> Result<Option<Timestamp>, StoreError> {
    let refuses = |id: &str| {
        explanation.rules.iter().any(|report| report.verdict == Verdict::Refused && id_of(&report.rule) == Some(id))
    };
    let month: Month = explanation.month;
    let blocks = store.blocks(month).await?;
    let since = blocks.into_iter().find(|block| refuses(&block.scope_id)).map(|block| block.since);
    Ok(since.filter(|since| *since <= explanation.at))
}

fn id_of(rule: &Rule) -> Option<&str> {
    match rule {
        Rule::OrganizationBudget(figures) | Rule::ParentBudget(figures) | Rule::ProjectBudget(figures) => {
            Some(&figures.id)
        }
        _ => None,
    }
}
