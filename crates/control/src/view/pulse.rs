//! All that somebody who is woken wants to see first, at once.

use std::collections::{HashMap, HashSet};

use mete_core::directory::{Organization, OrganizationView, ProjectStatus, ProjectView};
use mete_core::forecast::Habit;
use mete_core::time::{DAY, MINUTE};
use mete_core::{Month, Nanos, Timestamp};
use mete_store::{Alert, AlertFilter, DaemonSeen, QuarantineCount, Refusal, SourceDay, SourceFilter, Span, SpendPoint};
use serde::Serialize;

use super::{ListedProjects, Outlook, View};
use crate::ControlError;
use crate::boxed;

/// How many days a source is judged by.
const SOURCE_DAYS: i64 = 7;

/// On so many of them a source must have brought something to be one that is missed.
const USUAL_DAYS: usize = 3;

/// No source is missed earlier, in microseconds.
const SILENT: i64 = 5 * MINUTE;

/// A source is missed when nothing came for as long as so many lines usually take.
const LINES_MISSED: i64 = 20;

/// From this share of its budget on, in per mille, a project is near it.
const NEAR: u32 = 800;

/// What a screen shows first. What the actor may not see is `None` or not among it (R6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pulse {
    /// As of when.
    pub at: Timestamp,
    /// The month that it is about.
    pub month: Month,
    /// Where the spend of all that the actor sees is going; the budget is that of the organizations, where each has one.
    pub outlook: Option<Outlook>,
    /// Spent today.
    pub today: Option<Nanos>,
    /// Spent a week ago in the hour until this time of day; `None` where less than that is known.
    pub week_ago: Option<Nanos>,
    /// The month's days.
    pub days: Vec<SpendPoint>,
    /// The organizations, with their figures.
    pub organizations: Vec<OrganizationView>,
    /// The projects that burn the most, and those that are near their budgets or over them.
    pub projects: Vec<ProjectPulse>,
    /// How many active projects there are.
    pub project_count: u64,
    /// Who is refused.
    pub refusals: Vec<Refusal>,
    /// Alerts of the month of which nobody took note.
    pub alerts: Vec<Alert>,
    /// The sources; the operator's to see, as what follows.
    pub sources: Option<Vec<SourcePulse>>,
    /// What is in the quarantine, by source and reason.
    pub quarantine: Option<Vec<QuarantineCount>>,
    /// The daemons that run, or ran and said nothing of stopping.
    pub daemons: Option<Vec<DaemonSeen>>,
}

/// A project that somebody should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProjectPulse {
    /// The project with its figures.
    #[serde(flatten)]
    pub view: ProjectView,
    /// Where its spend is going; `None` for somebody who may not see it.
    pub outlook: Option<Outlook>,
}

/// How a source is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourcePulse {
    /// Its name.
    pub source: String,
    /// When something came from it last.
    pub last_at: Timestamp,
    /// The latest time of an event that came from it.
    pub last_event_at: Option<Timestamp>,
    /// Lines of today.
    pub today: u64,
    /// Lines of a usual day: the mean of those of the last seven days on which anything came.
    pub usual: u64,
    /// Whether it usually brings something and has not for longer than it usually pauses.
    pub is_silent: bool,
}

impl SourcePulse {
    /// From the last seven days of one source and today; nothing without any.
    #[must_use]
    pub fn of(days: &[SourceDay], now: Timestamp) -> Option<Self> {
        let newest = days.iter().max_by_key(|day| day.last_at)?;
        let (today, before): (Vec<_>, Vec<_>) = days.iter().partition(|day| day.day == now.day());
        let lines = |days: &[&SourceDay]| days.iter().map(|day| day.lines).sum::<u64>();
        let usual = lines(&before) / (before.len() as u64).max(1);
        let pause = DAY / i64::try_from(usual).unwrap_or(i64::MAX).max(1);
        let patience = pause.saturating_mul(LINES_MISSED).max(SILENT);
        Some(Self {
            source: newest.source.clone(),
            last_at: newest.last_at,
            last_event_at: days.iter().filter_map(|day| day.last_event_at).max(),
            today: lines(&today),
            usual,
            is_silent: before.len() >= USUAL_DAYS && now.since(newest.last_at) > patience,
        })
    }
}

impl View<'_> {
    /// What a screen shows first, of one organization or of all that the actor sees, with at most so many projects.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn pulse(
        &self,
        organization: Option<&Organization>,
        (now, most): (Timestamp, usize),
    ) -> Result<Pulse, ControlError> {
        self.pulse_of(organization, now.month(), (now, most)).await
    }

    /// [`View::pulse`] of any month. Of one that is over it tells what it came to: nothing burns, runs out or is refused
    /// in it, and its alerts, sources and quarantine are nobody's trouble any more.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn pulse_of(
        &self,
        organization: Option<&Organization>,
        month: Month,
        (now, most): (Timestamp, usize),
    ) -> Result<Pulse, ControlError> {
        let present = month == now.month();
        let organizations = match organization {
            Some(organization) => vec![self.organization_view(organization, month).await?],
            None => self.organizations(month).await?,
        };
        let organization_id = organization.map(|organization| organization.id.as_str());
        let wanted = ListedProjects { organization_id, status: Some(ProjectStatus::Active) };
        let projects = self.projects(wanted, month).await?;
        let project_count = projects.iter().filter(|view| !view.project.is_default).count() as u64;
        let (refusals, alerts) = match present {
            true => (self.refusals(organization, now).await?, self.open_alerts(organization_id, month).await?),
            false => (Vec::new(), Vec::new()),
        };
        let projects = match present {
            true => self.to_look_at(projects, &refusals, (now, most)).await?,
            false => most_spent(projects, most),
        };
        let mut pulse = Pulse {
            at: now,
            month,
            outlook: None,
            today: None,
            week_ago: None,
            days: Vec::new(),
            projects,
            project_count,
            refusals,
            alerts,
            sources: None,
            quarantine: None,
            daemons: None,
            organizations,
        };
        self.add_spend(&mut pulse, organization).await?;
        if present && self.sight.is_everything() {
            pulse.sources = Some(self.sources_now(now).await?);
            pulse.quarantine =
                Some(self.store.quarantine_counts().await?.into_iter().filter(|it| it.there > 0).collect());
            pulse.daemons = Some(self.store.daemons().await?);
        }
        Ok(pulse)
    }

    /// How the sources are, by name: the operator's to see.
    ///
    /// # Errors
    /// When the actor is not the operator, or the store cannot be read.
    #[boxed]
    pub async fn sources(&self, now: Timestamp) -> Result<Vec<SourcePulse>, ControlError> {
        self.require_operator("see the sources")?;
        self.sources_now(now).await
    }

    async fn sources_now(&self, now: Timestamp) -> Result<Vec<SourcePulse>, ControlError> {
        let lately = SourceFilter { source: None, since_day: Some(now.day() - SOURCE_DAYS) };
        let days = self.store.source_days(&lately).await?;
        Ok(days.chunk_by(|a, b| a.source == b.source).filter_map(|days| SourcePulse::of(days, now)).collect())
    }

    async fn open_alerts(&self, organization_id: Option<&str>, month: Month) -> Result<Vec<Alert>, ControlError> {
        let filter = AlertFilter {
            organization_id: organization_id.map(str::to_owned),
            month: Some(month),
            is_open: true,
            scope_ids: self.alerted(organization_id).await?,
            ..AlertFilter::default()
        };
        Ok(self.store.alerts(&filter).await?)
    }

    /// The figures of all spend that the actor may see, if there is any.
    async fn add_spend(&self, pulse: &mut Pulse, organization: Option<&Organization>) -> Result<(), ControlError> {
        let now = pulse.at;
        let (first, last) = pulse.month.days();
        pulse.days = match self.course((organization, None), Span::Days(first, last.min(now.day()))).await {
            // Somebody without a right to any of it sees the rest.
            Err(ControlError::Denied(_)) => return Ok(()),
            days => days?,
        };
        let spent = pulse.days.iter().map(|day| day.spend).sum();
        let payers = || pulse.organizations.iter().filter(|view| view.spend.is_some());
        let counted_above = |parent: &str| payers().any(|view| view.organization.id == parent);
        let budgets = payers().filter(|view| !view.organization.parent_id.as_deref().is_some_and(counted_above));
        let budget =
            budgets.map(|view| view.limits.budget).try_fold(Nanos::ZERO, |sum, budget| budget.map(|it| sum + it));
        let budget = budget.filter(|_| payers().next().is_some());
        if pulse.month != now.month() {
            pulse.outlook = Some(Outlook::over(spent, budget));
            return Ok(());
        }
        let habit = self.habit((organization, None), now).await?;
        pulse.outlook = Some(Outlook::of(&habit, spent, budget));
        pulse.today = Some(pulse.days.iter().filter(|day| day.at == now.day()).map(|day| day.spend).sum());
        pulse.week_ago = habit.week_ago();
        Ok(())
    }

    /// Of the projects those that are refused, over their budgets or near them, and those that burn the most; where there
    /// is room left, those that spent the most.
    async fn to_look_at(
        &self,
        projects: Vec<ProjectView>,
        refusals: &[Refusal],
        (now, most): (Timestamp, usize),
    ) -> Result<Vec<ProjectPulse>, ControlError> {
        let last = self.store.last_two_hours(now).await?;
        let habit_of = |hours: &[Nanos; 2]| Habit::new(now, None, [(now.hour(), hours[0]), (now.hour() - 1, hours[1])]);
        let burns: HashMap<&String, Nanos> = last.iter().map(|(id, hours)| (id, habit_of(hours).burn().now)).collect();
        let burn = |view: &ProjectView| burns.get(&view.project.id).copied().unwrap_or_default();
        let used = |view: &ProjectView| match (view.limits.budget, view.spend) {
            (Some(budget), Some(spend)) if budget > Nanos::ZERO => spend.per_mille_of(budget),
            _ => 0,
        };
        let refused: HashSet<&str> = refusals.iter().filter_map(|refusal| refusal.project_id.as_deref()).collect();
        let is_refused =
            |view: &ProjectView| view.blocked_since.is_some() || refused.contains(view.project.id.as_str());
        let mut near: Vec<&ProjectView> =
            projects.iter().filter(|view| is_refused(view) || used(view) >= NEAR).collect();
        near.sort_by_key(|view| std::cmp::Reverse((is_refused(view), used(view))));
        let mut burning: Vec<&ProjectView> =
            projects.iter().filter(|view| view.spend.is_some() && burn(view) > Nanos::ZERO).collect();
        burning.sort_by_key(|view| std::cmp::Reverse(burn(view)));
        // Half of the room for each; what one leaves is the other's.
        let of_near = near.len().min(most - burning.len().min(most / 2));
        let mut chosen: HashSet<String> = near.iter().take(of_near).map(|view| view.project.id.clone()).collect();
        let mut others: Vec<&ProjectView> = projects.iter().filter(|view| is_shown(view)).collect();
        others.sort_by_key(|view| std::cmp::Reverse(view.spend));
        for view in burning.into_iter().chain(others) {
            if chosen.len() < most {
                chosen.insert(view.project.id.clone());
            }
        }
        let ids: Vec<String> = chosen.iter().cloned().collect();
        let habits = self.store.habits(&ids, now).await?;
        let nothing = Habit::new(now, None, []);
        let pulse = |view: ProjectView| {
            let habit = habits.get(&view.project.id).unwrap_or(&nothing);
            let outlook = view.spend.map(|spend| Outlook::of(habit, spend, view.limits.budget));
            ProjectPulse { view, outlook }
        };
        let mut chosen: Vec<ProjectPulse> =
            projects.into_iter().filter(|view| chosen.contains(&view.project.id)).map(pulse).collect();
        chosen.sort_by_key(|it| std::cmp::Reverse(it.outlook.map_or(Nanos::ZERO, |outlook| outlook.burn.now)));
        Ok(chosen)
    }
}

/// Whether a project is worth a line where nothing is wrong with it: a default project is when something was spent in it.
fn is_shown(view: &ProjectView) -> bool {
    !view.project.is_default || view.spend.is_some_and(|spend| spend > Nanos::ZERO)
}

/// The projects that spent the most of a month that is over.
fn most_spent(projects: Vec<ProjectView>, most: usize) -> Vec<ProjectPulse> {
    let mut projects: Vec<ProjectView> = projects.into_iter().filter(is_shown).collect();
    projects.sort_by_key(|view| std::cmp::Reverse(view.spend));
    projects.truncate(most);
    let over = |view: ProjectView| ProjectPulse {
        outlook: view.spend.map(|spend| Outlook::over(spend, view.limits.budget)),
        view,
    };
    projects.into_iter().map(over).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64, lines: u64, last_at: Timestamp) -> SourceDay {
        SourceDay {
            source: "envoy".to_owned(),
            day,
            lines,
            ignored: 0,
            accepted: lines,
            duplicates: 0,
            amended: 0,
            late: 0,
            early: 0,
            quarantined: 0,
            cost_differs: 0,
            spend: Nanos::ZERO,
            last_at,
            last_event_at: None,
        }
    }

    #[test]
    fn a_source_is_silent_when_it_pauses_longer_than_usual() {
        let now: Timestamp = "2026-11-23T10:15:00Z".parse().unwrap();
        let silent = |lines: u64, ago: i64, days: i64| {
            let mut all: Vec<_> = (1..=days).map(|ago| day(now.day() - ago, lines, now.plus(-ago * DAY))).collect();
            all.push(day(now.day(), 1, now.plus(-ago)));
            SourcePulse::of(&all, now).unwrap().is_silent
        };
        assert!(!silent(100_000, 4 * MINUTE, 7) && silent(100_000, 6 * MINUTE, 7));
        // 288 lines a day are one in five minutes: twenty take longer.
        assert!(!silent(288, 99 * MINUTE, 7) && silent(288, 101 * MINUTE, 7));
        assert!(!silent(100_000, 600 * MINUTE, 2), "a source that was read once or twice is not missed");
    }
}
