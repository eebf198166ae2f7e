//! `mete explain`.

use clap::Args;
use mete_core::decision::Refusal;
use mete_core::directory::ApiKey;
use mete_core::{Nanos, Timestamp};
use mete_gate::{BudgetFigures, Explanation, Gate, Rule, RuleReport, Verdict};
use mete_store::{SpendBy, SpendQuery, SpendRow, Store};
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::output::{Table, left, money, right, safe, time};

/// How many keys are named as those that spent most.
const SPENDERS: usize = 5;

/// Which key.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete explain key_7aQ2mX91LbTz4RrW0cVdE5uK")]
pub struct ExplainArgs {
    /// The key: its id, name, redacted form or secret
    key: String,
}

/// The gate's decision with its grounds, since when, and who spent it (R38).
#[derive(Serialize)]
struct Explained {
    #[serde(flatten)]
    explanation: Explanation,
    /// Since when a budget refuses, where one does.
    since: Option<Timestamp>,
    spent_by: SpentBy,
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
    let store = context.store().await?;
    let key = store.find_key(&args.key).await?;
    let explained = explain(store, &key, context.now()).await?;
    context.output.show(&explained, || describe(&explained, &key))
}

async fn explain(store: &Store, key: &ApiKey, now: Timestamp) -> Result<Explained, CliError> {
    let gate = Gate::new(store.gate_snapshot().await?);
    gate.set_spend(&store.month_spends(now.month()).await?);
    let explanation = gate.explain_id(now, &key.id);
    let refusing = explanation.rules.iter().find(|report| report.verdict == Verdict::Refused);
    let budget = refusing.and_then(|report| budget(&report.rule));
    let since = match budget {
        None => None,
        Some(budget) => {
            let blocks = store.blocks(explanation.month).await?;
            blocks.into_iter().find(|block| block.scope_id == budget.id).map(|block| block.since)
        }
    };
    let by_organization = refusing.filter(|report| !matches!(report.rule, Rule::ProjectBudget(_))).and(budget);
    let spent_by = spent_by(store, key, by_organization, &explanation).await?;
    Ok(Explained { explanation, since, spent_by })
}

async fn spent_by(
    store: &Store,
    key: &ApiKey,
    organization: Option<&BudgetFigures>,
    explanation: &Explanation,
) -> Result<SpentBy, CliError> {
    let (scope_id, scope_name) = match organization {
        Some(organization) => (organization.id.clone(), organization.name.clone()),
        None => (key.project_id.clone(), store.find_project(&key.project_id).await?.name),
    };
    let query = SpendQuery {
        organization_id: organization.map(|organization| organization.id.clone()),
        project_id: organization.is_none().then(|| key.project_id.clone()),
        month: explanation.month,
        by: SpendBy::Key,
    };
    let mut rows = store.spend(&query).await?;
    let total = rows.iter().map(|row| row.spend).sum();
    rows.truncate(SPENDERS);
    Ok(SpentBy { scope_id, scope_name, total, rows })
}

const fn budget(rule: &Rule) -> Option<&BudgetFigures> {
    match rule {
        Rule::OrganizationBudget(figures) | Rule::ParentBudget(figures) | Rule::ProjectBudget(figures) => Some(figures),
        Rule::KeyKnown | Rule::KeyStatus { .. } | Rule::ProjectStatus { .. } => None,
    }
}

fn describe(explained: &Explained, key: &ApiKey) -> String {
    let Explained { explanation, since, spent_by } = explained;
    let mut text = match explanation.refusal() {
        None => format!("{} is let through.\n", key.redacted_value),
        Some(refusal) => refused(refusal, key, *since),
    };
    text.push('\n');
    text.push_str(&rules(&explanation.rules));
    let (month, total) = (explanation.month.name(), money(spent_by.total));
    text.push_str(&format!("\nSpent by, of {total} in '{}', {month}:\n", safe(&spent_by.scope_name)));
    let mut table = Table::new(&[left("KEY"), left("ID"), right("SPEND")]);
    for row in &spent_by.rows {
        let name = if row.name.is_empty() { "(not said)".to_owned() } else { row.name.clone() };
        table.row([name, row.id.clone(), money(row.spend)]);
    }
    text + &table.render("nobody")
}

fn refused(refusal: &Refusal, key: &ApiKey, since: Option<Timestamp>) -> String {
    let since = since.map(|since| format!(" since {}", time(since))).unwrap_or_default();
    format!(
        "{} is refused{since}: {} {} ({})\n{}\n",
        key.redacted_value,
        refusal.status(),
        refusal.code(),
        refusal.kind(),
        safe(&refusal.message())
    )
}

fn rules(reports: &[RuleReport]) -> String {
    let mut table = Table::new(&[left("RULE"), left("VERDICT"), left("LOOKED AT")]);
    for report in reports {
        let (rule, seen) = match &report.rule {
            Rule::KeyKnown => ("the key is known", String::new()),
            Rule::KeyStatus { status } => ("the key is active", status.to_string()),
            Rule::ProjectStatus { name, status, .. } => ("the project is active", format!("{name}: {status}")),
            Rule::OrganizationBudget(figures) => ("the organization's budget leaves something", spent(figures)),
            Rule::ParentBudget(figures) => ("the parent organization's budget leaves something", spent(figures)),
            Rule::ProjectBudget(figures) => ("the project's budget leaves something", spent(figures)),
        };
        let verdict = match report.verdict {
            Verdict::Ok => "ok",
            Verdict::Refused => "REFUSED",
            Verdict::NotAsked => "not asked",
        };
        table.row([rule.to_owned(), verdict.to_owned(), seen]);
    }
    table.render("")
}

fn spent(figures: &BudgetFigures) -> String {
    let budget = figures.budget.map_or_else(|| "no budget".to_owned(), money);
    format!("{}: {} of {budget}", figures.name, money(figures.spend))
}
