//! What a month came to.

use mete_control::{ControlError, Outlook, View};
use mete_core::directory::{Organization, Project};
use mete_core::{Month, Nanos, Timestamp};
use mete_store::{Alert, AlertFilter, Span, SpendBy, SpendRow};
use serde::Serialize;

/// Rows of a chapter that are told one by one; the others are told as a sum.
const MOST_ROWS: usize = 20;

/// Whether a statement's figures may still change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The month is not over.
    Running,
    /// The month is over; usage of it that comes late still counts (R32).
    Provisional,
    /// The month is sealed: usage that comes later is quarantined.
    Final,
}

impl Standing {
    /// What it means, for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Running => "so far: the month is not over",
            Self::Provisional => "provisional: usage of this month that arrives late still counts",
            Self::Final => "final: the month is sealed",
        }
    }
}

/// Spend by one thing: projects, models, members or keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chapter {
    /// What the rows are: `Projects`.
    pub title: &'static str,
    /// The largest first, at most 20.
    pub rows: Vec<SpendRow>,
    /// How many more there are.
    pub others: u64,
    /// What those spent together.
    pub others_spend: Nanos,
}

impl Chapter {
    fn of(title: &'static str, mut rows: Vec<SpendRow>) -> Self {
        let rest = rows.split_off(rows.len().min(MOST_ROWS));
        Self { title, rows, others: rest.len() as u64, others_spend: rest.iter().map(|row| row.spend).sum() }
    }
}

/// What a month came to, for a project, an organization with its sub-organizations, or all that the actor may see.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Statement {
    /// Whose it is, for people: `Acme`, `Support bot (Acme)`, `all organizations`.
    pub whose: String,
    /// The UTC month.
    pub month: Month,
    /// When it was made.
    pub made_at: Timestamp,
    /// Whether it may change.
    pub standing: Standing,
    /// Spent.
    pub total: Nanos,
    /// Spent in the month before.
    pub before: Nanos,
    /// Requests counted.
    pub requests: u64,
    /// The budget, where it is one organization's or project's and there is one.
    pub budget: Option<Nanos>,
    /// What the month will come to, while it is not over.
    pub outlook: Option<Outlook>,
    /// Spent on each of its days, the first first; all of them, also those to come.
    pub days: Vec<Nanos>,
    /// By project, model, member and key.
    pub chapters: Vec<Chapter>,
    /// Thresholds passed and budgets exhausted (R27), the oldest first.
    pub alerts: Vec<Alert>,
}

impl Statement {
    /// Reads what the actor of `view` may see of it (R6, R33).
    ///
    /// # Errors
    /// When the actor may see none of it, or the store cannot be read.
    pub async fn gather(
        view: &View<'_>,
        within: (Option<&Organization>, Option<&Project>),
        month: Month,
        now: Timestamp,
    ) -> Result<Self, ControlError> {
        let by_model = view.spend(within, (month, SpendBy::Model)).await?;
        let before = view.course(within, Span::Month(month.previous())).await?;
        let running = month.start() <= now && now < month.end();
        let standing = match month {
            month if now < month.end() => Standing::Running,
            month if view.is_sealed(month).await? => Standing::Final,
            _ => Standing::Provisional,
        };
        let total = by_model.iter().map(|row| row.spend).sum();
        let budget = budget(view, within, month).await?;
        let outlook = if running { Some(Outlook::of(&view.habit(within, now).await?, total, budget)) } else { None };
        Ok(Self {
            whose: whose(within),
            month,
            made_at: now,
            standing,
            total,
            before: before.iter().map(|point| point.spend).sum(),
            requests: by_model.iter().map(|row| row.requests).sum(),
            budget,
            outlook,
            days: days(view, within, month).await?,
            chapters: chapters(view, within, month, by_model).await?,
            alerts: alerts(view, within, month).await?,
        })
    }

    /// Of the spend the part that is used of the budget, in per mille; `None` without one.
    #[must_use]
    pub fn used_per_mille(&self) -> Option<u32> {
        self.budget.map(|budget| self.total.per_mille_of(budget))
    }
}

fn whose((organization, project): (Option<&Organization>, Option<&Project>)) -> String {
    match (organization, project) {
        (Some(organization), Some(project)) => format!("{} ({})", project.name, organization.name),
        (None, Some(project)) => project.name.clone(),
        (Some(organization), None) => organization.name.clone(),
        (None, None) => "all organizations".to_owned(),
    }
}

/// The limit of now: what a budget was in a month that is over is not kept.
async fn budget(
    view: &View<'_>,
    (organization, project): (Option<&Organization>, Option<&Project>),
    month: Month,
) -> Result<Option<Nanos>, ControlError> {
    Ok(match (organization, project) {
        (_, Some(project)) => view.project_view(project, month).await?.limits.budget,
        (Some(organization), None) => view.organization_view(organization, month).await?.limits.budget,
        (None, None) => None,
    })
}

async fn days(
    view: &View<'_>,
    within: (Option<&Organization>, Option<&Project>),
    month: Month,
) -> Result<Vec<Nanos>, ControlError> {
    let (first, last) = month.days();
    let course = view.course(within, Span::Days(first, last)).await?;
    let mut days = vec![Nanos::ZERO; usize::try_from(last - first + 1).unwrap_or_default()];
    for point in course {
        if let Some(day) = usize::try_from(point.at - first).ok().and_then(|place| days.get_mut(place)) {
            *day += point.spend;
        }
    }
    Ok(days)
}

async fn chapters(
    view: &View<'_>,
    within: (Option<&Organization>, Option<&Project>),
    month: Month,
    by_model: Vec<SpendRow>,
) -> Result<Vec<Chapter>, ControlError> {
    let mut chapters = Vec::new();
    if within.1.is_none() {
        chapters.push(Chapter::of("Projects", view.spend(within, (month, SpendBy::Project)).await?));
    }
    chapters.push(Chapter::of("Models", by_model));
    chapters.push(Chapter::of("Members", view.spend(within, (month, SpendBy::Member)).await?));
    chapters.push(Chapter::of("Keys", view.spend(within, (month, SpendBy::Key)).await?));
    Ok(chapters)
}

async fn alerts(
    view: &View<'_>,
    (organization, project): (Option<&Organization>, Option<&Project>),
    month: Month,
) -> Result<Vec<Alert>, ControlError> {
    let filter = AlertFilter {
        organization_id: organization.map(|organization| organization.id.clone()),
        project_id: project.map(|project| project.id.clone()),
        month: Some(month),
        ..AlertFilter::default()
    };
    let mut alerts = view.alerts(&filter).await?;
    alerts.reverse();
    Ok(alerts)
}
