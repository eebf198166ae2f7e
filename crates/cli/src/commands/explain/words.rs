//! An explanation in words.

use mete_core::Timestamp;
use mete_core::decision::Refusal;
use mete_core::directory::ApiKey;
use mete_gate::{BudgetFigures, ByHand, Rule, RuleReport, Verdict};

use super::Explained;
use crate::output::{Table, count, left, money, right, safe, time};

/// The decision, its rules and who spent most.
pub fn describe(explained: &Explained, key: &ApiKey) -> String {
    let Explained { explanation, since, spent_by } = explained;
    let mut text = match explanation.refusal() {
        None => format!("{} is let through.\n", key.redacted_value),
        Some(refusal) => refused(refusal, key, *since),
    };
    text.push('\n');
    text.push_str(&rules(&explanation.rules));
    let Some(spent_by) = spent_by else { return text };
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
        refusal.code().unwrap_or("no permission"),
        refusal.kind(),
        safe(&refusal.message())
    )
}

fn rules(reports: &[RuleReport]) -> String {
    let mut table = Table::new(&[left("RULE"), left("VERDICT"), left("LOOKED AT")]);
    for report in reports {
        let (rule, seen) = line(&report.rule);
        let verdict = match report.verdict {
            Verdict::Ok => "ok",
            Verdict::Refused => "REFUSED",
            Verdict::NotAsked => "not asked",
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
    }
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
