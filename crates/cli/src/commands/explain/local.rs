//! Explains from the store, as far as the actor may see it (R6).

use mete_control::{ControlError, View};
use mete_core::Timestamp;
use mete_core::directory::{ApiKey, Project};
use mete_core::rights::Action;
use mete_core::secret::KeyHash;
use mete_gate::{Explanation, Gate, Past, Report, Rule, Spenders, SpentBy, Verdict};
use mete_store::{SpendBy, Store};

use super::ExplainArgs;
use crate::error::CliError;

/// How often the store is read anew where somebody commits meanwhile.
const TRIES: usize = 4;

/// An explanation, and what it is about in words.
pub struct Local {
    pub report: Report,
    pub name: String,
}

/// What it is explained from.
pub struct Ground<'a> {
    pub view: View<'a>,
    pub store: &'a Store,
    pub now: Timestamp,
}

/// Whom it is about.
struct Subject {
    key: Option<ApiKey>,
    project: Project,
}

/// Explains from the store.
///
/// # Errors
/// When there is no such key or project for the actor, or the store cannot be read.
pub async fn explain(args: &ExplainArgs, ground: &Ground<'_>) -> Result<Local, CliError> {
    let Ground { view, store, now } = ground;
    let key = match &args.key {
        Some(key) => Some(view.key(key).await?),
        None => None,
    };
    let project = key.as_ref().map(|key| key.project_id.as_str()).or(args.project.as_deref());
    let project = view.project(None, project.unwrap_or_default()).await?;
    let name = key.as_ref().map_or_else(|| format!("the project '{}'", project.name), |key| key.redacted_value.clone());
    let subject = Subject { key, project };
    let report = match args.past(*now)? {
        Some(at) => subject.past(view, store, args, at).await?,
        None => subject.present(view, store, args, *now).await?,
    };
    Ok(Local { report, name })
}

/// What is used of rate limits only a running daemon knows.
fn without_rates(mut explanation: Explanation) -> Explanation {
    for report in &mut explanation.rules {
        if let Rule::RateLimits { limits, .. } = &mut report.rule {
            limits.iter_mut().for_each(|figures| (figures.used, figures.free_at) = (None, None));
            report.verdict = Verdict::NotKnown;
        }
    }
    explanation
}

impl Subject {
    async fn present(
        &self,
        view: &View<'_>,
        store: &Store,
        args: &ExplainArgs,
        now: Timestamp,
    ) -> Result<Report, CliError> {
        let mut report = Report::of(self.decide(store, args, now).await?, store).await?;
        for _ in 1..TRIES {
            if report.is_settled() {
                break;
            }
            report = Report::of(self.decide(store, args, now).await?, store).await?;
        }
        if let Some(scope) = report.spending_scope() {
            report.spent_by = self.spenders(view, scope, now).await?;
        }
        self.conceal(view, &mut report).await?;
        Ok(report)
    }

    async fn decide(&self, store: &Store, args: &ExplainArgs, now: Timestamp) -> Result<Explanation, CliError> {
        let id = self.key.as_ref().map(|key| key.id.as_str()).unwrap_or_default();
        let gate = Gate::new(store.gate_snapshot_of(id).await?);
        gate.set_spend(&store.month_spends(now.month()).await?);
        gate.set_part_spend(&store.part_spends(now.month()).await?);
        gate.set_bytes(&store.project_bytes().await?);
        Ok(without_rates(self.ask(&gate, args, now)?))
    }

    fn ask(&self, gate: &Gate, args: &ExplainArgs, now: Timestamp) -> Result<Explanation, CliError> {
        let request = args.request();
        if self.key.is_none() {
            let explained = gate.explain_project(now, &self.project.id, &request);
            return explained.ok_or_else(|| self.gone("now"));
        }
        let id = self.key.as_ref().map(|key| key.id.as_str()).unwrap_or_default();
        // A secret that a rotation replaced is decided on by itself.
        let by_secret = gate.explain(now, KeyHash::of(args.key.as_deref().unwrap_or_default()), &request);
        Ok(if by_secret.key_id.is_some() { by_secret } else { gate.explain_id(now, id, &request) })
    }

    async fn past(
        &self,
        view: &View<'_>,
        store: &Store,
        args: &ExplainArgs,
        at: Timestamp,
    ) -> Result<Report, CliError> {
        let key_id = self.key.as_ref().map(|key| key.id.as_str());
        let past = Past::of(store, (&self.project.id, key_id), at).await?;
        let past = past.ok_or_else(|| self.gone(&format!("at {at}")))?;
        let mut report = past.report(&args.request());
        if let Some(scope) = report.spending_scope()
            && self.sees_spend(view, &scope.0).await?
        {
            report.spent_by = Some(past.spenders(store, &scope.0).await?.largest(scope));
        }
        self.conceal(view, &mut report).await?;
        Ok(report)
    }

    fn gone(&self, when: &str) -> CliError {
        ControlError::Invalid(format!("there was no project '{}' {when}", self.project.name)).into()
    }

    /// Takes the spend away that the actor may not see.
    async fn conceal(&self, view: &View<'_>, report: &mut Report) -> Result<(), CliError> {
        for budget in &mut report.budgets {
            if !self.sees_spend(view, &budget.scope_id).await? {
                (budget.spend, budget.ledger, budget.difference) = (None, None, None);
            }
        }
        for rule in report.explanation.rules.iter_mut().map(|report| &mut report.rule) {
            if let Rule::ProjectBudget(figures) | Rule::OrganizationBudget(figures) | Rule::ParentBudget(figures) =
                &mut *rule
            {
                let seen = self.sees_spend(view, &figures.id).await?;
                figures.spend = figures.spend.filter(|_| seen);
            }
            let all = view.sight().may(Action::SeeSpend, &self.project);
            match rule {
                Rule::ModelBudget(figures) => figures.spend = figures.spend.filter(|_| all),
                // Of one's own key one sees the spend, and so the owner's as far as there is one who asks.
                Rule::MemberBudget(figures) | Rule::KeyBudget(figures) => {
                    figures.spend = figures.spend.filter(|_| all || self.is_own(view));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether the key is the actor's own.
    fn is_own(&self, view: &View<'_>) -> bool {
        self.key.as_ref().is_some_and(|key| view.sight().user_id() == Some(&key.owner_id))
    }

    /// Whether the actor may see the spend of the project or of an organization.
    async fn sees_spend(&self, view: &View<'_>, scope_id: &str) -> Result<bool, CliError> {
        if scope_id == self.project.id {
            return Ok(view.sight().may(Action::SeeSpend, &self.project));
        }
        if view.sight().may_in_organization(Action::SeeSpend, scope_id) {
            return Ok(true);
        }
        let organization = found(view.organization(scope_id).await)?;
        Ok(organization.is_some_and(|organization| view.sight().pays_for(&organization)))
    }

    /// Who spent most of what the actor may see of the project or of an organization.
    async fn spenders(
        &self,
        view: &View<'_>,
        scope: (String, String),
        now: Timestamp,
    ) -> Result<Option<SpentBy>, CliError> {
        let organization = match scope.0 == self.project.id {
            true => None,
            false => match found(view.organization(&scope.0).await)? {
                None => return Ok(None),
                organization => organization,
            },
        };
        let of = (organization.as_ref(), organization.is_none().then_some(&self.project));
        let mut kinds = Vec::new();
        for by in [SpendBy::Key, SpendBy::Model, SpendBy::Member] {
            let Some(rows) = found(view.spend(of, (now.month(), by)).await)? else { return Ok(None) };
            kinds.push(rows);
        }
        let mut kinds = kinds.into_iter();
        let mut next = || kinds.next().unwrap_or_default();
        Ok(Some(Spenders { keys: next(), models: next(), members: next() }.largest(scope)))
    }
}

/// What was read; `None` where the actor may not see it.
fn found<T>(read: Result<T, ControlError>) -> Result<Option<T>, CliError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if ["not_found", "not_permitted"].contains(&error.code()) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
