//! `mete explain`.

mod words;

use clap::Args;
use mete_control::{ControlError, View};
use mete_core::directory::{ApiKey, Project};
use mete_core::rights::Action;
use mete_core::secret::KeyHash;
use mete_core::{Nanos, Timestamp};
use mete_gate::{BudgetFigures, Explanation, Gate, Request, Rule, Verdict};
use mete_store::{SpendBy, SpendRow, Store};
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;

/// How many keys are named as those that spent most.
const SPENDERS: usize = 5;

/// Which key, and for which request.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete explain key_7aQ2mX91LbTz4RrW0cVdE5uK\n  \
    mete explain ci --method POST --path /v1/chat/completions --model gpt-4o\n\n\
    Rules about what is not said of the request are not asked.")]
pub struct ExplainArgs {
    /// The key: its id, name, redacted form or secret
    key: String,
    /// The HTTP method of a request, as in POST
    #[arg(long, requires = "path")]
    method: Option<String>,
    /// Its path, as in /v1/chat/completions
    #[arg(long, requires = "method")]
    path: Option<String>,
    /// The model that it asks for
    #[arg(long)]
    model: Option<String>,
    /// How many bytes it brings
    #[arg(long, requires = "path")]
    bytes: Option<u64>,
}

impl ExplainArgs {
    fn request(&self) -> Request<'_> {
        Request {
            method: self.method.as_deref(),
            path: self.path.as_deref(),
            model: self.model.as_deref(),
            bytes: self.bytes,
        }
    }
}

/// The gate's decision with its grounds, since when, and who spent it (R38).
#[derive(Serialize)]
struct Explained {
    #[serde(flatten)]
    explanation: Explanation,
    /// Since when a budget refuses, where one does.
    since: Option<Timestamp>,
    /// `None` for somebody who may not see it (R6).
    spent_by: Option<SpentBy>,
}

/// The keys that spent most this month in the project or, where an organization's budget refuses, in that organization.
#[derive(Serialize)]
struct SpentBy {
    scope_id: String,
    scope_name: String,
    total: Nanos,
    rows: Vec<SpendRow>,
}

/// Says whether a key is let through now, and why.
pub async fn run(args: ExplainArgs, context: &Context) -> Result<(), CliError> {
    let view = context.view().await?;
    let key = view.key(&args.key).await?;
    let project = view.project(None, &key.project_id).await?;
    let explanation = decide(context.store().await?, &key, &args, context.now()).await?;
    let explained = show(&view, (&project, &key.owner_id), explanation).await?;
    context.output.show(&explained, || words::describe(&explained, &key))
}

async fn decide(store: &Store, key: &ApiKey, args: &ExplainArgs, now: Timestamp) -> Result<Explanation, CliError> {
    let gate = Gate::new(store.gate_snapshot_of(&key.id).await?);
    gate.set_spend(&store.month_spends(now.month()).await?);
    gate.set_part_spend(&store.part_spends(now.month()).await?);
    gate.set_bytes(&store.project_bytes().await?);
    // A secret that a rotation replaced is decided on by itself.
    let by_secret = gate.explain(now, KeyHash::of(&args.key), &args.request());
    Ok(if by_secret.key_id.is_some() { by_secret } else { gate.explain_id(now, &key.id, &args.request()) })
}

/// An explanation with what belongs to it, as far as the actor may see it (R6).
async fn show(
    view: &View<'_>,
    (project, owner_id): (&Project, &str),
    mut explanation: Explanation,
) -> Result<Explained, CliError> {
    for report in &mut explanation.rules {
        conceal(view, (project, owner_id), &mut report.rule).await?;
    }
    let refusing = explanation.rules.iter().find(|report| report.verdict == Verdict::Refused);
    let budget = refusing.and_then(|report| budget(&report.rule));
    let since = match budget {
        None => None,
        Some(budget) => view.blocked_since(&budget.id, explanation.month).await?,
    };
    let by_organization = refusing
        .filter(|report| matches!(report.rule, Rule::OrganizationBudget(_) | Rule::ParentBudget(_)))
        .and(budget);
    let spent_by = spent_by(view, project, by_organization, &explanation).await?;
    Ok(Explained { explanation, since, spent_by })
}

/// Takes the spend away that the actor may not see.
async fn conceal(view: &View<'_>, (project, owner_id): (&Project, &str), rule: &mut Rule) -> Result<(), CliError> {
    let (figures, seen) = match rule {
        Rule::ProjectBudget(figures) | Rule::ModelBudget(figures) => {
            (figures, view.sight().may(Action::SeeSpend, project))
        }
        // Of one's own key one sees the spend, and so the owner's as far as there is one who asks.
        Rule::MemberBudget(figures) | Rule::KeyBudget(figures) => {
            let seen = view.sight().may(Action::SeeSpend, project) || view.sight().user_id() == Some(owner_id);
            (figures, seen)
        }
        Rule::OrganizationBudget(figures) | Rule::ParentBudget(figures) => {
            let seen = sees_spend(view, &figures.id).await?;
            (figures, seen)
        }
        _ => return Ok(()),
    };
    figures.spend = figures.spend.filter(|_| seen);
    Ok(())
}

/// Whether the actor may see the spend of an organization.
async fn sees_spend(view: &View<'_>, organization_id: &str) -> Result<bool, CliError> {
    if view.sight().may_in_organization(Action::SeeSpend, organization_id) {
        return Ok(true);
    }
    let organization = found(view.organization(organization_id).await)?;
    Ok(organization.is_some_and(|organization| view.sight().pays_for(&organization)))
}

async fn spent_by(
    view: &View<'_>,
    project: &Project,
    organization: Option<&BudgetFigures>,
    explanation: &Explanation,
) -> Result<Option<SpentBy>, CliError> {
    let by_key = (explanation.month, SpendBy::Key);
    let (scope_id, scope_name, rows) = match organization {
        None => (project.id.clone(), project.name.clone(), view.spend((None, Some(project)), by_key).await),
        Some(figures) => {
            let Some(organization) = found(view.organization(&figures.id).await)? else { return Ok(None) };
            (figures.id.clone(), figures.name.clone(), view.spend((Some(&organization), None), by_key).await)
        }
    };
    let Some(mut rows) = found(rows)? else { return Ok(None) };
    let total = rows.iter().map(|row| row.spend).sum();
    rows.truncate(SPENDERS);
    Ok(Some(SpentBy { scope_id, scope_name, total, rows }))
}

/// What was read; `None` where the actor may not see it.
fn found<T>(read: Result<T, ControlError>) -> Result<Option<T>, CliError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if ["not_found", "not_permitted"].contains(&error.code()) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

const fn budget(rule: &Rule) -> Option<&BudgetFigures> {
    match rule {
        Rule::OrganizationBudget(figures)
        | Rule::ParentBudget(figures)
        | Rule::ProjectBudget(figures)
        | Rule::ModelBudget(figures)
        | Rule::MemberBudget(figures)
        | Rule::KeyBudget(figures) => Some(figures),
        _ => None,
    }
}
