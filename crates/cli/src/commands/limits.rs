//! `mete limits`.

use std::str::FromStr;

use clap::{Args, Subcommand};
use mete_control::LimitChange;
use mete_core::limits::Limits;
use mete_core::money::ParseMoneyError;
use mete_core::{Month, Nanos, Timestamp};
use mete_store::{Alert, AlertKind, Scope, ScopeKind, Store, StoreError};
use serde::Serialize;

use super::project;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{facts, money, percent, time};

/// What to do with limits.
#[derive(Debug, Subcommand)]
pub enum LimitsCommand {
    /// Show the limits of an organization or a project, and this month's spend
    #[command(after_help = "Example:\n  mete limits show --project Support")]
    Show(ScopeArgs),
    /// Set or take away limits; what is not named stays
    Set(SetArgs),
}

/// Whose limits.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct ScopeArgs {
    /// Of this organization
    #[arg(long, value_name = "ORG")]
    org: Option<String>,
    /// Of this project
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
}

/// Limits to set.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete limits set --project Support --budget 500 --threshold 400\n  \
    mete limits set --org Acme --budget none")]
pub struct SetArgs {
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    change: ChangeArgs,
}

/// What is to be changed.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct ChangeArgs {
    /// Monthly budget in dollars, past which every request is refused; none takes it away
    #[arg(long, value_name = "USD|none")]
    budget: Option<Amount>,
    /// Monthly spend in dollars that raises an alert; none takes it away
    #[arg(long, value_name = "USD|none")]
    threshold: Option<Amount>,
}

/// An amount, or `none`.
#[derive(Clone, Copy, Debug)]
struct Amount(Option<Nanos>);

impl FromStr for Amount {
    type Err = ParseMoneyError;

    fn from_str(text: &str) -> Result<Self, ParseMoneyError> {
        if text == "none" { Ok(Self(None)) } else { text.parse().map(|amount| Self(Some(amount))) }
    }
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
    month: Month,
    spend: Nanos,
    blocked_since: Option<Timestamp>,
}

#[derive(Serialize)]
struct Changed {
    #[serde(flatten)]
    view: LimitsView,
    /// Raised by the change, because the spend is past the new limit already.
    alerts: Vec<Alert>,
}

/// Carries it out.
pub async fn run(command: LimitsCommand, context: &Context) -> Result<(), CliError> {
    match command {
        LimitsCommand::Show(scope) => show(&scope, context).await,
        LimitsCommand::Set(args) => set(&args, context).await,
    }
}

async fn show(args: &ScopeArgs, context: &Context) -> Result<(), CliError> {
    let view = view_of(args, context).await?;
    context.output.show(&view, || describe(&view))
}

async fn set(args: &SetArgs, context: &Context) -> Result<(), CliError> {
    let change = LimitChange {
        budget: args.change.budget.map(|Amount(amount)| amount),
        threshold: args.change.threshold.map(|Amount(amount)| amount),
    };
    let after = context
        .change(async |control| {
            let scope: Scope = match (&args.scope.org, &args.scope.project) {
                (Some(organization), _) => control.organization_scope(organization).await?,
                (None, project) => control.project_scope(project.as_deref().unwrap_or_default()).await?,
            };
            control.set_limits(&scope, change).await
        })
        .await?;
    let view = view_of(&args.scope, context).await?;
    // The change knows its scope by id only.
    let named = |alert| Alert { scope_name: view.scope_name.clone(), ..alert };
    let alerts = after.alerts.into_iter().map(named).collect();
    let changed = Changed { view, alerts };
    context.output.show(&changed, || {
        let mut text = describe(&changed.view);
        for alert in &changed.alerts {
            let what = match alert.kind {
                AlertKind::Threshold => "threshold is passed",
                AlertKind::Exhausted => "budget is exhausted",
            };
            text.push_str(&format!("Alert: the {what}: {} of {}\n", money(alert.spend), money(alert.amount)));
        }
        text
    })
}

async fn view_of(args: &ScopeArgs, context: &Context) -> Result<LimitsView, CliError> {
    let (store, month) = (context.store().await?, context.month(None));
    match (&args.org, &args.project) {
        (Some(organization), _) => organization_view(store, organization, month).await,
        (None, project) => project_view(store, project.as_deref().unwrap_or_default(), month).await,
    }
}

async fn organization_view(store: &Store, asked: &str, month: Month) -> Result<LimitsView, CliError> {
    let organization = store.find_organization(asked).await?;
    let gone = || StoreError::NotFound(format!("there is no organization {asked:?}"));
    let views = store.organizations(month).await?;
    let view = views.into_iter().find(|view| view.organization.id == organization.id).ok_or_else(gone)?;
    Ok(LimitsView {
        scope_kind: ScopeKind::Organization,
        scope_id: organization.id.clone(),
        scope_name: organization.name,
        organization_id: organization.id,
        limits: view.limits,
        month,
        spend: view.spend,
        blocked_since: view.blocked_since,
    })
}

async fn project_view(store: &Store, asked: &str, month: Month) -> Result<LimitsView, CliError> {
    let view = project::view(store, &store.find_project(asked).await?, month).await?;
    Ok(LimitsView {
        scope_kind: ScopeKind::Project,
        scope_id: view.project.id,
        scope_name: view.project.name,
        organization_id: view.project.organization_id,
        limits: view.limits,
        month,
        spend: view.spend,
        blocked_since: view.blocked_since,
    })
}

fn describe(view: &LimitsView) -> String {
    let what = match view.scope_kind {
        ScopeKind::Organization => "Organization",
        ScopeKind::Project => "Project",
    };
    let limit = |amount: Option<Nanos>| match amount {
        None => "none".to_owned(),
        Some(amount) => format!("{} ({} spent)", money(amount), percent(view.spend.per_mille_of(amount))),
    };
    facts(&[
        (what, format!("{} ({})", view.scope_name, view.scope_id)),
        ("Budget", limit(view.limits.budget)),
        ("Threshold", limit(view.limits.threshold)),
        ("Spend", format!("{} in {}", money(view.spend), view.month.name())),
        ("Blocked since", view.blocked_since.map_or_else(|| "not blocked".to_owned(), time)),
    ])
}
