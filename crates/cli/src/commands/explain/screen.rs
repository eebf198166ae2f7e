//! An explanation as the terminal interface shows it.

use std::path::PathBuf;
use std::sync::Arc;

use mete_control::View;
use mete_core::actor::Actor;
use mete_core::directory::{KeyStatus, ProjectStatus};
use mete_core::when::When;
use mete_core::{Clock, Nanos, Timestamp};
use mete_gate::{BudgetFigures, BudgetReport, RateFigures, Rule, RuleReport, Spender, SpentBy, ToldBy, Verdict};
use mete_store::Store;
use mete_tui::{About, Asked, Explained, Explaining, Figures, Refused};

use super::local::{self, Ground};
use super::told::Told;
use super::{ExplainArgs, daemon};
use crate::error::CliError;
use crate::output::{count, time};

/// The running daemon, which alone knows what is held.
#[derive(Clone, Debug)]
pub struct Daemon {
    /// Its URL, or the path of its socket.
    pub place: String,
    /// The file with its token, where it asks for one.
    pub token_file: Option<PathBuf>,
}

/// How the interface has decisions explained: by the daemon, where one is given and answers, else from the store, as far
/// as the actor may see it (R6).
pub fn explaining((store, actor): (&Store, &Actor), clock: &Arc<dyn Clock>, daemon: Option<Daemon>) -> Explaining {
    let (store, actor, clock) = (store.clone(), actor.clone(), Arc::clone(clock));
    Explaining::new(move |asked| {
        let (store, actor, daemon, now) = (store.clone(), actor.clone(), daemon.clone(), clock.now());
        Box::pin(async move {
            let told = told(&asked, (&store, &actor, daemon.as_ref()), now).await;
            told.map(|told| shown(&told)).map_err(|error| error.to_string())
        })
    })
}

async fn told(
    asked: &Asked,
    (store, actor, daemon): (&Store, &Actor, Option<&Daemon>),
    now: Timestamp,
) -> Result<Told, CliError> {
    let is_past = asked.month < now.month();
    let args = ExplainArgs {
        key: asked.key_id.clone(),
        project: asked.key_id.is_none().then(|| asked.project_id.clone()),
        at: is_past.then(|| When::At(asked.month.end().plus(-1))),
        token_file: daemon.and_then(|daemon| daemon.token_file.clone()),
        ..ExplainArgs::default()
    };
    let mut silent = None;
    if let Some(Daemon { place, .. }) = daemon.filter(|_| !is_past) {
        let key = asked.key_id.clone().map(|id| ("key_id", id));
        match daemon::ask(place, (&args, key), now).await.and_then(|value| Told::read(&value, Some(place))) {
            Ok(told) => return Ok(told),
            Err(error) => silent = Some(error.to_string()),
        }
    }
    let ground = Ground { view: View::new(store, actor).await?, store, now };
    let report = local::explain(&args, &ground).await?.report;
    let value = serde_json::to_value(report).map_err(|error| CliError::Write(error.into()))?;
    let mut told = Told::read(&value, None)?;
    told.not_known.extend(silent);
    Ok(told)
}

/// What the interface shows of it.
fn shown(told: &Told) -> Explained {
    let spent_by = told.spent_by.as_ref().map(spent_by);
    Explained {
        refused: (told.decision == "refuse").then(|| refused(told)),
        rules: told.rules.iter().map(|report| rule(report, &told.budgets)).collect(),
        spent_by,
        by_daemon: told.told_by == ToldBy::Daemon,
        degraded: told.degraded.clone(),
        last_commit_at: told.ages.last_commit_at,
        newest_event_at: told.ages.newest_event_at,
        waiting_since: told.ages.waiting_since,
        not_known: told.not_known.clone(),
    }
}

fn spent_by(spent_by: &SpentBy) -> mete_tui::SpentBy {
    let kinds = [("key", &spent_by.rows), ("model", &spent_by.models), ("member", &spent_by.members)];
    let spenders = kinds.into_iter().flat_map(|(kind, spenders)| {
        spenders.iter().map(move |Spender { row, .. }| (kind, row.name.clone(), row.spend))
    });
    mete_tui::SpentBy { scope: spent_by.scope_name.clone(), total: spent_by.total, spenders: spenders.collect() }
}

fn refused(told: &Told) -> Refused {
    let deciding = told.rules.iter().find(|report| report.verdict == Verdict::Refused);
    let (until, ends) = deciding.map_or((None, "something changes"), |report| end(&report.rule));
    Refused {
        status: told.status,
        code: told.code.clone().or_else(|| told.kind.clone()).unwrap_or_default(),
        message: told.message.clone().unwrap_or_default(),
        since: told.since,
        until,
        ends,
    }
}

/// When a rule lets through again by itself, and what else makes it.
fn end(rule: &Rule) -> (Option<Timestamp>, &'static str) {
    match rule {
        Rule::KeyKnown => (None, "there is such a key"),
        Rule::KeyStatus { status: KeyStatus::Disabled, .. } => (None, "the key is enabled again"),
        Rule::KeyStatus { status: KeyStatus::Revoked, .. } => {
            (None, "another key is used: this one is revoked for good")
        }
        Rule::KeyStatus { .. } => (None, "the key's expiry is later"),
        Rule::ProjectStatus { .. } => (None, "another project is used: this one is archived for good"),
        Rule::Permission { .. } => (None, "the key may do more"),
        Rule::Model { .. } => (None, "the model is in the list"),
        Rule::ManualBlock(placed) => (placed.until, "somebody lifts it"),
        Rule::ManualRelease(placed) => (placed.until, "somebody lifts it"),
        Rule::OrganizationBudget(figures)
        | Rule::ParentBudget(figures)
        | Rule::ProjectBudget(figures)
        | Rule::ModelBudget(figures)
        | Rule::MemberBudget(figures)
        | Rule::KeyBudget(figures) => (Some(figures.until), "a higher budget"),
        Rule::FileQuota { .. } => (None, "files are deleted or the quota is higher"),
        Rule::RateLimits { limits, .. } => (limits.iter().filter_map(|limit| limit.free_at).max(), "a higher limit"),
    }
}

fn rule(report: &RuleReport, budgets: &[BudgetReport]) -> mete_tui::Rule {
    let (name, about, figures) = looked_at(&report.rule, budgets);
    let verdict = match report.verdict {
        Verdict::Ok => mete_tui::Verdict::Ok,
        Verdict::Refused => mete_tui::Verdict::Refused,
        Verdict::NotAsked => mete_tui::Verdict::NotAsked,
        Verdict::NotKnown => mete_tui::Verdict::NotKnown,
    };
    mete_tui::Rule { name, about, verdict, figures }
}

fn looked_at(rule: &Rule, budgets: &[BudgetReport]) -> (&'static str, About, Figures) {
    let words = Figures::Words;
    match rule {
        Rule::KeyKnown => ("key known", About::Key, words(String::new())),
        Rule::KeyStatus { status, expires_at, secret_valid_until } => {
            let end = |what, at: &Option<Timestamp>| at.map(|at| format!(", {what} {}", time(at))).unwrap_or_default();
            let ends = end("expires", expires_at) + &end("this secret until", secret_valid_until);
            ("key active", About::Key, words(format!("{status}{ends}")))
        }
        Rule::ProjectStatus { name, status, .. } => {
            let archived = if *status == ProjectStatus::Archived { ": archived" } else { "" };
            ("project active", About::Project, words(format!("{name}{archived}")))
        }
        Rule::Permission { permissions, needed } => {
            let needed = needed.as_ref().map(|needed| format!("; needed: {needed}")).unwrap_or_default();
            ("permission", About::Key, words(format!("{permissions}{needed}")))
        }
        Rule::Model { project_models, organization_models, .. } => {
            let lists = [("project", project_models), ("organization", organization_models)];
            let lists = lists.map(|(whose, list)| list.as_ref().map(|list| format!("{whose}: {}", list.join(", "))));
            let seen: Vec<String> = lists.into_iter().flatten().collect();
            let seen = if seen.is_empty() { "every model may be used".to_owned() } else { seen.join("; ") };
            ("model", About::Project, words(seen))
        }
        Rule::ManualBlock(placed) => ("manual block", by_hand(&placed.id), words(placed_by_hand(placed))),
        Rule::ManualRelease(placed) => ("manual release", by_hand(&placed.id), words(placed_by_hand(placed))),
        Rule::OrganizationBudget(figures) => ("organization budget", About::Organization, budget(figures, budgets)),
        Rule::ParentBudget(figures) => ("parent budget", About::Organization, budget(figures, budgets)),
        Rule::ProjectBudget(figures) => ("project budget", About::Project, budget(figures, budgets)),
        Rule::ModelBudget(figures) => ("model budget", About::Project, budget(figures, &[])),
        Rule::MemberBudget(figures) => ("member budget", About::Project, budget(figures, &[])),
        Rule::KeyBudget(figures) => ("key budget", About::Key, budget(figures, &[])),
        Rule::FileQuota { stored, upload, quota, .. } => {
            let upload = upload.map(|upload| format!(", and {} more", count(upload))).unwrap_or_default();
            let seen = format!("{} of {} bytes{upload}", count(*stored), count(*quota));
            ("file quota", About::Project, words(seen))
        }
        Rule::RateLimits { model, limits } => {
            let seen: Vec<String> = limits.iter().map(rate).collect();
            ("rate limit", About::Project, words(format!("{model}: {}", seen.join("; "))))
        }
    }
}

fn by_hand(id: &str) -> About {
    if id.starts_with("key_") { About::Key } else { About::Project }
}

fn placed_by_hand(placed: &mete_gate::ByHand) -> String {
    let on = if by_hand(&placed.id) == About::Key { "this key" } else { "the project" };
    let until = placed.until.map_or_else(|| "until it is lifted".to_owned(), |until| format!("until {}", time(until)));
    format!("{on}, {until}: {}", placed.reason)
}

fn rate(figures: &RateFigures) -> String {
    let used = figures.used.map_or_else(|| "?".to_owned(), count);
    format!("{used} of {} {}", count(figures.limit), figures.rate.replace('_', " "))
}

fn budget(figures: &BudgetFigures, budgets: &[BudgetReport]) -> Figures {
    let report = budgets.iter().find(|report| report.scope_id == figures.id);
    let held: Option<Nanos> = report.and_then(|report| report.under_way.as_ref()).map(|exposure| exposure.held);
    Figures::Budget {
        name: figures.name.clone(),
        spend: figures.spend,
        budget: figures.budget,
        held,
        overshoot: report.and_then(|report| report.worst_overshoot),
    }
}
