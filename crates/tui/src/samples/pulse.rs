//! The pulse of the small world, by the same arithmetic as the true one.

use mete_control::{Outlook, ProjectPulse, Pulse, SourcePulse};
use mete_core::directory::{OrganizationView, ProjectStatus, ProjectView};
use mete_core::forecast::{HABIT_HOURS, Habit};
use mete_core::time::DAY;
use mete_core::{Month, Nanos, Timestamp};
use mete_store::{Alert, DaemonSeen, QuarantineCount, Refusal, RefusalCause, SpendPoint};

use super::{at, now};

/// Lines of the list at most.
const MOST: usize = 40;

/// More by day than by night; `times` as much in the last two hours.
fn habit(a_day: Nanos, times: i64) -> Habit {
    let hours = (now().hour() - HABIT_HOURS)..=now().hour();
    Habit::new(
        now(),
        None,
        hours.map(|hour| {
            let of_day = hour.rem_euclid(24);
            let share = if (8..20).contains(&of_day) { 6 } else { 2 };
            let times = if hour >= now().hour() - 1 { times } else { 1 };
            (hour, Nanos(a_day.0 / 96 * share * times))
        }),
    )
}

/// What a thing with such a spend in this month spends in a day.
const fn a_day(spend: Nanos) -> Nanos {
    Nanos(spend.0 / 23)
}

fn outlook(view: &ProjectView, month: Month) -> Option<Outlook> {
    let (spend, budget) = (view.spend?, view.limits.budget);
    let times = match view.project.name.as_str() {
        "Eval nightly" => 6,
        "Support bot" => 0,
        _ => 1,
    };
    Some(match month == now().month() {
        true => Outlook::of(&habit(a_day(spend), times), spend, budget),
        false => Outlook::over(spend, budget),
    })
}

fn refusal(view: &ProjectView) -> Option<Refusal> {
    let (spend, budget) = (view.spend, view.limits.budget?);
    let refused = view.blocked_since.is_some() || spend.is_some_and(|spend| spend >= budget);
    refused.then(|| Refusal {
        organization_id: view.project.organization_id.clone(),
        project_id: Some(view.project.id.clone()),
        scope: "project",
        scope_id: view.project.id.clone(),
        scope_name: view.project.name.clone(),
        cause: RefusalCause::Budget { budget, spend },
        since: view.blocked_since,
        until: Some(now().month().end()),
        keys: view.active_keys,
        released: 0,
    })
}

fn source(name: &str, last_at: Timestamp, is_silent: bool) -> SourcePulse {
    SourcePulse {
        source: name.to_owned(),
        last_at,
        last_event_at: Some(last_at),
        today: 6_204,
        usual: 12_400,
        is_silent,
    }
}

fn daemon(host: &str, seen_at: Timestamp) -> DaemonSeen {
    DaemonSeen {
        id: format!("daemon_{host}"),
        host: host.to_owned(),
        version: "0.1.0".to_owned(),
        started_at: now().plus(-3 * DAY),
        seen_at,
        lag: 0,
    }
}

fn quarantined(reason: &str, there: u64) -> QuarantineCount {
    let source = "envoy-1".to_owned();
    QuarantineCount { source, reason: reason.to_owned(), there, seen: there, retried: 0, forgotten: 0, dropped: 0 }
}

/// Of a month, for the operator; for somebody who may not see spend where none of it has any.
pub fn pulse(
    month: Month,
    (organizations, projects): (Vec<OrganizationView>, Vec<ProjectView>),
    alerts: Vec<Alert>,
) -> Pulse {
    let present = month == now().month();
    let total: Nanos =
        organizations.iter().filter(|view| view.organization.parent_id.is_none()).filter_map(|view| view.spend).sum();
    let seen = organizations.is_empty() || organizations.iter().any(|view| view.spend.is_some());
    let payers = organizations.iter().filter(|view| view.organization.parent_id.is_none());
    let budget = payers.map(|view| view.limits.budget).try_fold(Nanos::ZERO, |sum, it| it.map(|it| sum + it));
    let budget = budget.filter(|_| !organizations.is_empty());
    let habit = habit(if total > Nanos::ZERO { a_day(total) } else { Nanos::ZERO }, 1);
    let active: Vec<ProjectView> =
        projects.into_iter().filter(|view| view.project.status == ProjectStatus::Active).collect();
    let day = |day: i64| SpendPoint { at: day, spend: Nanos(total.0 / 520 * (10 + day * 7 % 23)), requests: 100 };
    let days = (month.days().0..=now().day()).map(day).filter(|point| point.spend > Nanos::ZERO);
    let mut pulse = Pulse {
        at: now(),
        month,
        outlook: seen.then(|| match present {
            true => Outlook::of(&habit, total, budget),
            false => Outlook::over(total, budget),
        }),
        today: seen.then_some(a_day(total)),
        week_ago: habit.week_ago().filter(|_| seen),
        days: if seen && present { days.collect() } else { Vec::new() },
        project_count: active.len() as u64,
        refusals: if present { active.iter().filter_map(refusal).collect() } else { Vec::new() },
        projects: active
            .into_iter()
            .map(|view| ProjectPulse { outlook: outlook(&view, month), view })
            .take(MOST)
            .collect(),
        alerts,
        sources: None,
        quarantine: None,
        daemons: None,
        organizations,
    };
    if present && seen && !pulse.organizations.is_empty() {
        pulse.sources = Some(vec![source("envoy-1", at("12:22:00"), true), source("litellm", at("12:30:58"), false)]);
        pulse.quarantine = Some(vec![quarantined("unknown_model", 200), quarantined("bad_json", 12)]);
        pulse.daemons = Some(vec![daemon("gate-1", at("12:30:57")), daemon("gate-2", at("12:28:00"))]);
    }
    pulse
}
