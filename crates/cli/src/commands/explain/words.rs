//! An explanation in words.

use mete_core::{Nanos, Timestamp};
use mete_gate::{
    BudgetFigures, BudgetReport, ByHand, Exposure, RateFigures, Rule, RuleReport, Spender, SpentBy, ToldBy, Verdict,
};

use super::told::Told;
use crate::output::{Table, count, left, money, percent, right, safe, several, time};

/// The answer first; then its rules, what is under way, and who spent most.
pub fn describe(told: &Told, name: Option<&str>) -> String {
    let mut text = answer(told, name);
    text.push('\n');
    text.push_str(&rules(&told.rules));
    if told.told_by == ToldBy::Daemon {
        text.push_str("\nUnder way:\n");
        text.push_str(&under_way(&told.budgets));
    }
    if let Some(spent_by) = &told.spent_by {
        text.push_str(&spenders(spent_by, told.at));
    }
    text.push_str(&ages(told));
    for what in &told.not_known {
        text.push_str(&format!("Not known: {}.\n", safe(what)));
    }
    text
}

fn answer(told: &Told, name: Option<&str>) -> String {
    let name = name.map_or_else(|| told.subject(), str::to_owned);
    let (name, is_past) = (safe(&name), told.ages.store_heard_at.is_none() && told.told_by == ToldBy::Store);
    let (was, when) = if is_past { ("was", format!(" at {}", time(told.at))) } else { ("is", String::new()) };
    let since = told.since.map(|since| format!(" since {}", time(since))).unwrap_or_default();
    let degraded = told.degraded.iter().map(|doubt| format!("Degraded: {}.\n", safe(doubt)));
    let answer = match (told.decision.as_str(), &told.message) {
        ("refuse", message) => format!(
            "{name} {was} refused{when}{since}: {} {} ({})\n{}\n",
            told.status,
            told.code.as_deref().unwrap_or("no permission"),
            told.kind.as_deref().unwrap_or_default(),
            safe(message.as_deref().unwrap_or_default())
        ),
        _ => format!("{name} {was} let through{when}.\n"),
    };
    answer + &degraded.collect::<String>()
}

/// What the running daemon knows of each budget beside its rule.
fn under_way(budgets: &[BudgetReport]) -> String {
    let columns = [left("OF"), right("LEDGER"), right("HELD"), left("BY"), left("WITHOUT A HOLD"), left("AT WORST")];
    let mut table = Table::new(&columns);
    let known = |amount: Option<Nanos>| amount.map_or_else(|| "(not known)".to_owned(), money);
    for budget in budgets {
        let ledger = match budget.difference {
            Some(Nanos::ZERO) => "the same".to_owned(),
            Some(difference) => format!("{} more", money(difference)),
            None => known(budget.ledger),
        };
        let Some(exposure) = &budget.under_way else { continue };
        let unheld = match exposure.unheld {
            0 => "none".to_owned(),
            requests => format!("{}, up to {}", several(requests, "request"), known(exposure.unheld_cost)),
        };
        let worst = match budget.worst_overshoot {
            None if budget.budget.is_none() => "no budget".to_owned(),
            None => "(not known)".to_owned(),
            Some(Nanos::ZERO) => "within the budget".to_owned(),
            Some(amount) => format!("{} beyond the budget", money(amount)),
        };
        let name = budget.scope_name.clone();
        table.row([name, ledger, money(exposure.held), holders(exposure), unheld, worst]);
    }
    table.render("nothing")
}

fn holders(exposure: &Exposure) -> String {
    let oldest = exposure.oldest_hold.map(|at| format!(", since {}", time(at))).unwrap_or_default();
    let assumed = match exposure.assumed {
        Nanos::ZERO => String::new(),
        assumed => format!(", {} by an earlier life", money(assumed)),
    };
    format!("{}{oldest}{assumed}", several(exposure.holds, "hold"))
}

fn spenders(spent_by: &SpentBy, at: Timestamp) -> String {
    let (month, total) = (at.month().name(), money(spent_by.total));
    let mut text = format!("\nSpent, of {total} in '{}', {month}:\n", safe(&spent_by.scope_name));
    let mut table = Table::new(&[left("BY"), left("NAME"), left("ID"), right("SPEND"), right("SHARE")]);
    let kinds = [("key", &spent_by.rows), ("model", &spent_by.models), ("member", &spent_by.members)];
    for (kind, spenders) in kinds {
        for Spender { row, share_per_mille } in spenders {
            let name = if row.name.is_empty() { "(not said)".to_owned() } else { row.name.clone() };
            let id = if row.id == row.name { String::new() } else { row.id.clone() };
            table.row([kind.to_owned(), name, id, money(row.spend), percent(*share_per_mille)]);
        }
    }
    text.push_str(&table.render("by nobody"));
    text
}

/// How old what is told is.
fn ages(told: &Told) -> String {
    let ages = &told.ages;
    let Some(heard) = ages.store_heard_at else { return "\n".to_owned() };
    let or_never = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), time);
    let (commit, event) = (or_never(ages.last_commit_at), or_never(ages.newest_event_at));
    let waiting = ages.waiting_since.map(|since| format!("; usage waits since {}", time(since))).unwrap_or_default();
    format!("\nAs of {}; last commit {commit}, newest event {event}{waiting}.\n", time(heard))
}

fn rules(reports: &[RuleReport]) -> String {
    let mut table = Table::new(&[left("RULE"), left("VERDICT"), left("LOOKED AT")]);
    for report in reports {
        let (rule, mut seen) = line(&report.rule);
        let verdict = match report.verdict {
            Verdict::Ok => "ok",
            Verdict::Refused => "REFUSED",
            Verdict::NotAsked => "not asked",
            Verdict::NotKnown => {
                seen.clear();
                "not known"
            }
        };
        table.row([rule.to_owned(), verdict.to_owned(), seen]);
    }
    table.render("")
}

/// What a rule says where it lets the key through, and what it looked at.
fn line(rule: &Rule) -> (&'static str, String) {
    match rule {
        Rule::KeyKnown => ("the key is known", String::new()),
        Rule::KeyStatus { status, expires_at, secret_valid_until } => {
            let end = |what, at: &Option<Timestamp>| at.map(|at| format!(", {what} {}", time(at))).unwrap_or_default();
            let ends = end("expires", expires_at) + &end("this secret until", secret_valid_until);
            ("the key is active", format!("{status}{ends}"))
        }
        Rule::ProjectStatus { name, status, .. } => ("the project is active", format!("{name}: {status}")),
        Rule::Permission { permissions, needed } => {
            let needed = needed.as_ref().map(|needed| format!("; needed: {needed}")).unwrap_or_default();
            ("the key's permissions cover the request", format!("{permissions}{needed}"))
        }
        Rule::Model { model, project_models, organization_models } => {
            let lists = [("project", project_models), ("organization", organization_models)];
            let lists = lists.map(|(whose, list)| list.as_ref().map(|list| format!("{whose}: {}", list.join(", "))));
            let mut seen: Vec<String> = model.iter().cloned().chain(lists.into_iter().flatten()).collect();
            if project_models.is_none() && organization_models.is_none() {
                seen.push("every model may be".to_owned());
            }
            ("the model may be used", seen.join("; "))
        }
        Rule::ManualBlock(placed) => ("nobody has blocked it by hand", by_hand(placed)),
        Rule::ManualRelease(placed) => ("somebody has released it from the budgets", by_hand(placed)),
        Rule::OrganizationBudget(figures) => ("the organization's budget leaves something", spent(figures)),
        Rule::ParentBudget(figures) => ("the parent organization's budget leaves something", spent(figures)),
        Rule::ProjectBudget(figures) => ("the project's budget leaves something", spent(figures)),
        Rule::ModelBudget(figures) => ("the model's budget in the project leaves something", spent(figures)),
        Rule::MemberBudget(figures) => ("the owner's budget in the project leaves something", spent(figures)),
        Rule::KeyBudget(figures) => ("the key's own budget leaves something", spent(figures)),
        Rule::FileQuota { name, stored, upload, quota, .. } => {
            let upload = upload.map(|upload| format!(", and {} more", count(upload))).unwrap_or_default();
            let seen = format!("{name}: {} of {} bytes{upload}", count(*stored), count(*quota));
            ("the file quota leaves room", seen)
        }
        Rule::RateLimits { model, limits } => {
            let seen: Vec<String> = limits.iter().map(rate).collect();
            ("the model's rate limits have room", format!("{model}: {}", seen.join("; ")))
        }
    }
}

fn rate(figures: &RateFigures) -> String {
    let used = figures.used.map_or_else(|| "?".to_owned(), count);
    format!("{}: {used} of {} {}", figures.name, count(figures.limit), figures.rate.replace('_', " "))
}

fn by_hand(placed: &ByHand) -> String {
    let until = placed.until.map_or_else(|| "until it is lifted".to_owned(), |until| format!("until {}", time(until)));
    format!("{}, {until}: {}", placed.id, placed.reason)
}

fn spent(figures: &BudgetFigures) -> String {
    let budget = figures.budget.map_or_else(|| "no budget".to_owned(), money);
    let spend = figures.spend.map_or_else(|| "(not shown)".to_owned(), money);
    format!("{}: {spend} of {budget}", figures.name)
}
