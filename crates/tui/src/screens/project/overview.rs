//! The first tab of a project: its budget, where the month is going, what the last day was like, who spends.

use mete_control::Outlook;
use mete_core::directory::Project;
use mete_core::time::{day_label, day_of_month};
use mete_core::{Month, Nanos, Timestamp};
use mete_store::SpendRow;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use crate::budget::Budget;
use crate::chart::{Bars, Mark};
use crate::format::{clock_time, money};
use crate::look::Look;
use crate::panel::{Title, lines, panel, wrapped};
use crate::piece::piece;
use crate::theme::Tone;

/// What the panels say that need to see spend, where that is not allowed.
pub const UNSEEN: &str = "Spend is for owners to see, and for those whom they grant it.";
/// Lines of the budget panel before what it says is known.
const UNKNOWN_BUDGET: u16 = 4;
/// Below this height there is room for the budget and the list only.
const LOW: u16 = 17;
/// From this width on there is room for three charts beside each other.
const WIDE: u16 = 120;
/// A limit so many times as large as what is spent is not drawn: there would be no bars to see.
const FAR: i64 = 6;

/// What the tab shows beside the list of keys.
pub struct Overview {
    /// Its budget, once it is known.
    pub budget: Option<Budget>,
    /// Whether the person at the screen may see what was spent (R6).
    pub sees_spend: bool,
    /// What was spent on each day with spend.
    pub days: Vec<SpendRow>,
    /// The present hour, and what was spent in the last ones.
    pub course: Option<(i64, Vec<Nanos>)>,
    /// Where the present month is going.
    pub outlook: Option<Outlook>,
}

/// Where its parts stand.
pub struct Areas {
    budget: Rect,
    charts: Vec<Rect>,
    /// The list.
    pub list: Rect,
}

impl Overview {
    /// Nothing known yet.
    pub const fn new() -> Self {
        Self { budget: None, sees_spend: true, days: Vec::new(), course: None, outlook: None }
    }

    /// Forgets the month.
    pub fn forget(&mut self) {
        *self = Self::new();
    }

    /// Divides an area.
    pub fn areas(&self, area: Rect, look: &Look<'_>) -> Areas {
        let budget = self.budget.as_ref().map_or(UNKNOWN_BUDGET, |budget| budget.height(area.width, look));
        let charts = if area.height < LOW { 0 } else { ((area.height - budget) * 2 / 5).clamp(6, 14) };
        let [budget, charts, list] =
            Layout::vertical([Constraint::Length(budget), Constraint::Length(charts), Constraint::Fill(1)]).areas(area);
        let shown = if charts.is_empty() {
            0
        } else if area.width >= WIDE {
            3
        } else {
            2
        };
        let charts = Layout::horizontal(vec![Constraint::Fill(1); shown]).split(charts).to_vec();
        Areas { budget, charts, list }
    }

    /// Draws all but the list.
    pub fn draw(&self, project: &Project, buffer: &mut Buffer, areas: &Areas, look: &Look<'_>) {
        match &self.budget {
            Some(budget) => budget.draw(buffer, areas.budget, look),
            None => {
                panel(buffer, areas.budget, &Title::new(project.name.clone()), look.theme);
            }
        }
        match areas.charts.as_slice() {
            [month, last] if look.is_present() => {
                self.draw_month(buffer, *month, look);
                self.draw_hours(buffer, *last, look);
            }
            [month, last] => {
                self.draw_month(buffer, *month, look);
                self.draw_days(buffer, *last, look);
            }
            [month, days, hours] => {
                self.draw_month(buffer, *month, look);
                self.draw_days(buffer, *days, look);
                self.draw_hours(buffer, *hours, look);
            }
            _ => {}
        }
    }

    /// The sum so far, day by day, on to the forecast; with budget and threshold.
    fn draw_month(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let (first, last) = look.month.days();
        let days = (last - first + 1) as usize;
        let today = look.is_present().then(|| day_of_month(look.now.day()) as usize);
        let mut sum = Nanos::ZERO;
        let mut sums: Vec<Nanos> = (first..=last)
            .map(|day| {
                sum += self.spend_on(&day_label(day));
                sum
            })
            .collect();
        let point = self.outlook.filter(|_| today.is_some()).map(|outlook| outlook.forecast.point);
        if let Some(today) = today {
            let left = (days - today) as i64;
            for (place, day) in sums.iter_mut().zip(1..).skip(today) {
                let ahead = point.map_or(Nanos::ZERO, |point| along((sum, point), (day as i64 - today as i64, left)));
                *place = ahead;
            }
        }
        let most = sums.iter().copied().max().unwrap_or_default();
        let limits = self.budget.as_ref().map(|budget| budget.limits).unwrap_or_default();
        let mark = |name, amount: Option<Nanos>, tone| {
            let near = amount.filter(|amount| amount.0 > 0 && amount.0 / FAR <= most.0)?;
            Some(Mark { name, amount: near, tone })
        };
        let marks = [mark("alert", limits.threshold, Tone::Dim), mark("budget", limits.budget, Tone::Strong)];
        let bars = Bars::days(sums, today).marked(marks.into_iter().flatten().collect());
        let mut title = Title::new("Month, US$");
        title.note = self.outlook.filter(|_| today.is_some()).map(|outlook| {
            let forecast = outlook.forecast;
            format!("→ {} to {}", money(forecast.low), money(forecast.high))
        });
        self.chart(buffer, area, (&title, &bars), look);
    }

    fn draw_days(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let (first, last) = look.month.days();
        let spend: Vec<Nanos> = (first..=last).map(|day| self.spend_on(&day_label(day))).collect();
        let today = look.is_present().then(|| day_of_month(look.now.day()) as usize);
        let mut title = Title::new("Daily, US$");
        title.note = today.filter(|_| self.sees_spend).map(|day| format!("today {}", money(spend[day - 1])));
        self.chart(buffer, area, (&title, &Bars::days(spend, today)), look);
    }

    fn draw_hours(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let (present, spend) = self.course.clone().unwrap_or_else(|| (look.now.hour(), Vec::new()));
        let mut title = Title::new("Hourly, US$");
        title.note = self.outlook.map(|outlook| {
            let burn = outlook.burn;
            format!("{}/h, usual {}", money(burn.now), money(burn.usual))
        });
        if self.sees_spend
            && look.arrival == crate::look::Arrival::Here
            && spend.iter().all(|spend| *spend <= Nanos::ZERO)
        {
            let text = "No spend in the last 24 hours.";
            empty(buffer, area, (&title, text), look);
            return;
        }
        self.chart(buffer, area, (&title, &Bars::hours(spend, present)), look);
    }

    fn chart(&self, buffer: &mut Buffer, area: Rect, (title, bars): (&Title, &Bars), look: &Look<'_>) {
        if bars.spend.iter().any(|spend| *spend > Nanos::ZERO) {
            let inner = panel(buffer, area, title, look.theme);
            bars.draw(buffer, inner, look.theme);
            return;
        }
        let text = match self.sees_spend {
            true => format!("No spend in {}. Usage arrives through: mete ingest FILE, or meted.", look.month.name()),
            false => UNSEEN.to_owned(),
        };
        empty(buffer, area, (title, look.arrival.reason(&text)), look);
    }

    /// What was spent on a day, as usage names it.
    pub fn spend_on(&self, day: &str) -> Nanos {
        self.days.iter().find(|row| row.id == day).map_or(Nanos::ZERO, |row| row.spend)
    }

    /// What was spent today, if today is in the month shown and known.
    pub fn today(&self, month: Month, now: Timestamp) -> Option<Nanos> {
        let label = day_label(now.day());
        let known = month == now.month() && self.days.iter().any(|row| row.id == label);
        known.then(|| self.spend_on(&label))
    }

    /// When the budget runs out, in a few words, if it is expected to.
    pub fn runs_out(&self, look: &Look<'_>) -> Option<String> {
        let at = self.outlook.filter(|_| look.is_present())?.runs_out?.earliest()?;
        Some(format!("may run out {}", clock_time(at, look.now)))
    }
}

/// The place of a step on the way from one amount to another.
fn along((from, to): (Nanos, Nanos), (step, steps): (i64, i64)) -> Nanos {
    let way = i128::from(to.0 - from.0) * i128::from(step) / i128::from(steps.max(1));
    i64::try_from(way).map_or(to, |way| Nanos(from.0.saturating_add(way)))
}

fn empty(buffer: &mut Buffer, area: Rect, (title, text): (&Title, &str), look: &Look<'_>) {
    let inner = panel(buffer, area, title, look.theme);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let text = wrapped(text, usize::from(inner.width)).into_iter().map(|line| vec![piece(line, Tone::Dim)]);
    lines(buffer, inner, &text.collect::<Vec<_>>(), look.theme);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forecast_is_reached_step_by_step() {
        let (from, to) = (Nanos(100), Nanos(170));
        let steps: Vec<i64> = (0..=7).map(|step| along((from, to), (step, 7)).0).collect();
        assert_eq!(steps, [100, 110, 120, 130, 140, 150, 160, 170]);
        assert_eq!(along((Nanos(0), Nanos::MAX), (1, 1)), Nanos::MAX);
        assert_eq!(along((from, to), (0, 0)), from);
    }
}
