//! `mete limits`.

mod parts;
mod typed;

use clap::{Args, Subcommand};
use mete_control::{LimitChange, LimitsOf, SeenPart, View};
use mete_core::limits::Limits;
use mete_core::rates::{Models, Rate, RateChange, RateLimit};
use mete_core::{Month, Nanos, Timestamp};
use mete_store::{Alert, AlertKind, ScopeKind};
use serde::Serialize;

use crate::args::{Scope, ScopeArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::output::{facts, money, percent, safe, time, unseen};

use parts::{PartArgs, fact};
use typed::{Amount, ModelList};

/// What to do with limits.
#[derive(Debug, Subcommand)]
pub enum LimitsCommand {
    /// Show the limits of an organization or a project, and this month's spend
    #[command(after_help = "Example:\n  mete limits show --project Support")]
    Show(ScopeArgs),
    /// Set or take away limits; what is not named stays
    Set(SetArgs),
}

/// Limits to set.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete limits set --project Support --budget 500 --threshold 400\n  \
    mete limits set --project Support --models gpt-4o,gpt-4o-mini --rate gpt-4o:requests_per_minute=500\n  \
    mete limits set --project Support --key ci --budget 20\n  \
    mete limits set --project Support --member ann@acme.test --budget 50\n  \
    mete limits set --org Acme --budget 1000 --lower-projects")]
pub struct SetArgs {
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    part: PartArgs,
    #[command(flatten)]
    change: ChangeArgs,
    /// Lower the organization's projects along where they are above it
    #[arg(long, conflicts_with = "project")]
    lower_projects: bool,
    /// Lower the budgets of the project's models, members and keys along where they are above it
    #[arg(long, conflicts_with = "org")]
    lower_parts: bool,
}

/// What is to be changed.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct ChangeArgs {
    /// Monthly budget in dollars, past which every request is refused; none takes it away
    #[arg(long, value_name = "USD|none")]
    budget: Option<Amount>,
    /// Monthly spend in dollars that raises an alert; none takes it away
    #[arg(long, value_name = "USD|none")]
    threshold: Option<Amount>,
    /// The models that may be used, with commas between; all takes the list away
    #[arg(long, value_name = "MODEL,…|all")]
    models: Option<ModelList>,
    /// A rate limit of a model, as in gpt-4o:requests_per_minute=500; may be repeated; =none takes it away
    #[arg(long = "rate", value_name = "MODEL:RATE=NUMBER|none")]
    rates: Vec<RateChange>,
}

/// The limits of a scope beside what is spent of them.
#[derive(Serialize)]
struct LimitsView {
    scope_kind: ScopeKind,
    scope_id: String,
    scope_name: String,
    organization_id: String,
    #[serde(flatten)]
    limits: Limits,
    models: Models,
    rate_limits: Vec<RateLimit>,
    month: Month,
    spend: Option<Nanos>,
    blocked_since: Option<Timestamp>,
    /// Those of the project's models, members and keys.
    part_budgets: Vec<SeenPart>,
}

#[derive(Serialize)]
struct Changed {
    #[serde(flatten)]
    view: LimitsView,
    /// Raised by the change, because the spend is past the new limit already.
    alerts: Vec<Alert>,
    /// The names of the projects that were lowered along (R24).
    lowered_projects: Vec<String>,
    /// The models, members and keys whose budgets were lowered along.
    lowered_parts: Vec<String>,
}

/// Carries it out.
pub async fn run(command: LimitsCommand, context: &Context) -> Result<(), CliError> {
    match command {
        LimitsCommand::Show(scope) => show(scope.scope(), context).await,
        LimitsCommand::Set(args) => set(args, context).await,
    }
}

async fn show(scope: Scope<'_>, context: &Context) -> Result<(), CliError> {
    let view = view_of(scope, &context.view().await?, context.month(None)).await?;
    context.output.show(&view, || describe(&view))
}

async fn set(args: SetArgs, context: &Context) -> Result<(), CliError> {
    let ChangeArgs { budget, threshold, models, rates } = args.change;
    if let (Scope::Project(project), Some(named), Some(Amount(budget))) =
        (args.scope.scope(), args.part.named(), budget)
    {
        let change =
            context.change(async |control, actor| control.set_part_budget(actor, (project, &named), budget).await);
        let after = change.await?;
        return show_changed(args.scope.scope(), context, (after.alerts, Vec::new(), Vec::new())).await;
    }
    let change = LimitChange {
        budget: budget.map(|Amount(amount)| amount),
        threshold: threshold.map(|Amount(amount)| amount),
        models: models.map(|ModelList(models)| models),
        rates,
        lower_projects: args.lower_projects,
        lower_parts: args.lower_parts,
    };
    let of = match args.scope.scope() {
        Scope::Organization(asked) => LimitsOf::Organization(asked.to_owned()),
        Scope::Project(asked) => LimitsOf::Project(asked.to_owned()),
    };
    let after = context.change(async |control, actor| control.set_limits(actor, &of, &change).await).await?;
    let raised = (after.alerts, after.lowered_projects, after.lowered_parts);
    show_changed(args.scope.scope(), context, raised).await
}

/// Shows the limits after a change, the alerts that it raised, and the projects and parts that were lowered along.
async fn show_changed(
    scope: Scope<'_>,
    context: &Context,
    (alerts, lowered_projects, lowered_parts): (Vec<Alert>, Vec<String>, Vec<String>),
) -> Result<(), CliError> {
    let view = view_of(scope, &context.view().await?, context.month(None)).await?;
    let changed = Changed { alerts: named(alerts, &view), view, lowered_projects, lowered_parts };
    context.output.show(&changed, || {
        let mut text = describe(&changed.view);
        changed.alerts.iter().for_each(|alert| text.push_str(&told(alert)));
        for lowered in [&changed.lowered_projects, &changed.lowered_parts] {
            if !lowered.is_empty() {
                text.push_str(&facts(&[("Lowered along", lowered.join(", "))]));
            }
        }
        text
    })
}

/// The alerts with the name of their scope, where that is the one changed: the change itself knows scopes by id only.
fn named(alerts: Vec<Alert>, view: &LimitsView) -> Vec<Alert> {
    let named = |alert: Alert| match alert.scope_id == view.scope_id {
        true => Alert { scope_name: view.scope_name.clone(), ..alert },
        false => alert,
    };
    alerts.into_iter().map(named).collect()
}

fn told(alert: &Alert) -> String {
    let (what, state) = match alert.kind {
        AlertKind::Threshold => ("threshold", "is passed"),
        AlertKind::Exhausted => ("budget", "is exhausted"),
    };
    let of = alert.part.as_ref().map(|of| format!(" of the {} {}", of.part.kind, safe(&of.name))).unwrap_or_default();
    format!("Alert: the {what}{of} {state}: {} of {}\n", money(alert.spend), money(alert.amount))
}

async fn view_of(scope: Scope<'_>, view: &View<'_>, month: Month) -> Result<LimitsView, CliError> {
    match scope {
        Scope::Organization(asked) => organization_view(view, asked, month).await,
        Scope::Project(asked) => project_view(view, asked, month).await,
    }
}

async fn organization_view(view: &View<'_>, asked: &str, month: Month) -> Result<LimitsView, CliError> {
    let seen = view.organization_view(&view.organization(asked).await?, month).await?;
    let organization = seen.organization;
    let (models, rate_limits) = view.models_and_rates(&mete_store::Scope::organization(&organization.id)).await?;
    Ok(LimitsView {
        scope_kind: ScopeKind::Organization,
        scope_id: organization.id.clone(),
        scope_name: organization.name,
        organization_id: organization.id,
        limits: seen.limits,
        models,
        rate_limits,
        month,
        spend: seen.spend,
        blocked_since: seen.blocked_since,
        part_budgets: Vec::new(),
    })
}

async fn project_view(view: &View<'_>, asked: &str, month: Month) -> Result<LimitsView, CliError> {
    let seen = view.project_view(&view.project(None, asked).await?, month).await?;
    let project = seen.project;
    let part_budgets = view.part_budgets(&project, month).await?;
    let scope = mete_store::Scope::project(&project.id, &project.organization_id);
    let (models, rate_limits) = view.models_and_rates(&scope).await?;
    Ok(LimitsView {
        scope_kind: ScopeKind::Project,
        scope_id: project.id,
        scope_name: project.name,
        organization_id: project.organization_id,
        limits: seen.limits,
        models,
        rate_limits,
        month,
        spend: seen.spend,
        blocked_since: seen.blocked_since,
        part_budgets,
    })
}

fn describe(view: &LimitsView) -> String {
    let what = match view.scope_kind {
        ScopeKind::Organization => "Organization",
        ScopeKind::Project => "Project",
    };
    let limit = |amount: Option<Nanos>| match (amount, view.spend) {
        (None, _) => "none".to_owned(),
        (Some(amount), None) => money(amount),
        (Some(amount), Some(spend)) => format!("{} ({} spent)", money(amount), percent(spend.per_mille_of(amount))),
    };
    let mut lines = vec![
        (what, format!("{} ({})", view.scope_name, view.scope_id)),
        ("Budget", limit(view.limits.budget)),
        ("Threshold", limit(view.limits.threshold)),
        ("Models", view.models.as_ref().map_or_else(|| "all".to_owned(), |models| models.join(", "))),
    ];
    lines.extend(view.rate_limits.iter().map(|limit| ("Rate limit", rate_limit(limit))));
    lines.extend(view.part_budgets.iter().map(fact));
    let spend = view.spend.map_or_else(unseen, |spend| format!("{} in {}", money(spend), view.month.name()));
    lines.extend([
        ("Spend", spend),
        ("Blocked since", view.blocked_since.map_or_else(|| "not blocked".to_owned(), time)),
    ]);
    facts(&lines)
}

/// `gpt-4o: requests_per_minute=500, tokens_per_minute=90000`
fn rate_limit(limit: &RateLimit) -> String {
    let set = Rate::ALL.into_iter().filter_map(|rate| Some(format!("{}={}", rate.name(), limit.rates.get(rate)?)));
    format!("{}: {}", limit.model, set.collect::<Vec<_>>().join(", "))
}
