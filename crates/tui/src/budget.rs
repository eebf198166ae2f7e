//! The panel that says how a budget stands: gauge, figures, and what its state means.

use mete_core::limits::Limits;
use mete_core::{Nanos, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::format::{ago, clock_time, count, money, money_exact, month_end, percent};
use crate::gauge::bar;
use crate::look::Look;
use crate::panel::{Title, lines, panel, wrapped};
use crate::piece::{Piece, columns, piece};
use crate::state::{NEAR_PER_MILLE, State};
use crate::theme::Tone;

/// The figures of a project or an organization in the month shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Name of the project or organization.
    pub name: String,
    /// Its limits.
    pub limits: Limits,
    /// Spent in the month; nothing for somebody who may not see it (R6).
    pub spend: Option<Nanos>,
    /// Spent today, where that is known.
    pub today: Option<Nanos>,
    /// Requests in the month; as with the spend.
    pub requests: Option<u64>,
    /// How it stands.
    pub state: State,
}

impl Budget {
    /// Lines that the panel needs at `width` columns, its border included.
    #[must_use]
    pub fn height(&self, width: u16, look: &Look<'_>) -> u16 {
        self.lines(width.saturating_sub(4), look).len() as u16 + 2
    }

    /// Draws the panel.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let inner = panel(buffer, area, &Title::new(self.name.clone()), look.theme);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        lines(buffer, inner, &self.lines(inner.width, look), look.theme);
    }

    fn lines(&self, width: u16, look: &Look<'_>) -> Vec<Vec<Piece>> {
        let width = usize::from(width);
        let mut lines = vec![self.gauge(width, look.now), self.figures(width)];
        let tone = self.state.tone(look.now);
        lines.extend(wrapped(&self.sentence(look), width).into_iter().map(|line| vec![piece(line, tone)]));
        lines
    }

    /// `$212.40 of $300.00  ██████▋░│░  71%  ● near`
    fn gauge(&self, width: usize, now: Timestamp) -> Vec<Piece> {
        let label = piece(self.state.label(now), self.state.tone(now));
        let Some(spend) = self.spend else {
            let budget =
                self.limits.budget.map_or_else(|| "no budget".to_owned(), |budget| format!("of {}", money(budget)));
            return vec![piece(format!("— {budget}   "), Tone::Plain), label];
        };
        let mut line = vec![piece(money(spend), Tone::Strong)];
        let Some(budget) = self.limits.budget else {
            line.extend([piece(" spent, no budget   ", Tone::Plain), label]);
            return line;
        };
        let share = spend.per_mille_of(budget);
        line.push(piece(format!(" of {}  ", money(budget)), Tone::Plain));
        let after = [piece(format!("  {:>4}  ", percent(share)), Tone::Strong), label];
        let room = width.saturating_sub(columns(&line) + columns(&after)).min(60);
        let threshold = self.limits.threshold.map(|threshold| threshold.per_mille_of(budget));
        line.extend(bar(share, threshold, room, bar_tone(spend, &self.limits)));
        line.extend(after);
        line
    }

    /// As many figures as fit, the most wanted first.
    fn figures(&self, width: usize) -> Vec<Piece> {
        let budget = self.spend.zip(self.limits.budget);
        let left = budget.map(|(spend, budget)| format!("left {}", money((budget - spend).max(Nanos::ZERO))));
        let today = self.today.map(|today| format!("today {}", money(today)));
        let threshold = self.limits.threshold.map(|threshold| format!("threshold {}", money(threshold)));
        let requests = self.requests.map(|requests| match requests {
            1 => "1 request".to_owned(),
            requests => format!("{} requests", count(requests)),
        });
        let exact = self.spend.map(|spend| format!("exactly {}", money_exact(spend)));
        let mut line = String::new();
        for figure in [left, today, threshold, exact, requests].into_iter().flatten() {
            let separator = if line.is_empty() { "" } else { " · " };
            if crate::text::width(&line) + separator.len() + figure.len() <= width {
                line.push_str(separator);
                line.push_str(&figure);
            }
        }
        vec![piece(line, Tone::Dim)]
    }

    /// What the state means, and until when; empty where there is nothing to say.
    fn sentence(&self, look: &Look<'_>) -> String {
        let until = month_end(look.month, look.now);
        let since = |at: Option<Timestamp>| {
            at.map_or_else(String::new, |at| format!(" since {} ({})", clock_time(at, look.now), ago(at, look.now)))
        };
        match self.state {
            State::Refused(at) => format!("Refused{} until {until} or a higher budget.", since(at)),
            State::Exhausted(at) => {
                let when = at.map_or_else(String::new, |at| format!(", reached {}", clock_time(at, look.now)));
                format!("The budget of that month was exhausted{when}.")
            }
            State::RefusedByOrganization(at) => {
                format!("Refused{}: the budget of the organization above is exhausted, until {until}.", since(at))
            }
            State::ProjectsRefused(1) => "One of its projects is refused by its own budget.".to_owned(),
            State::ProjectsRefused(projects) => format!("{projects} of its projects are refused by their own budgets."),
            State::Near if self.spend.is_some_and(|spend| self.limits.has_passed_threshold(spend)) => {
                "The threshold is passed.".to_owned()
            }
            State::Near => format!("More than {} of the budget is spent.", percent(NEAR_PER_MILLE)),
            State::Archived => "Archived: its keys stopped working, its history stays.".to_owned(),
            State::BlockedByHand(at) => format!("Blocked by hand{} until that is lifted or over.", since(Some(at))),
            State::Released => "Released by hand: no exhausted budget refuses it.".to_owned(),
            State::Ok | State::Recovered(_) => String::new(),
        }
    }
}

/// The look of the filled part of a budget's bar: it says how this budget stands, whatever else refuses.
#[must_use]
pub fn bar_tone(spend: Nanos, limits: &Limits) -> Tone {
    match State::of_budget(limits, Some(spend), None) {
        State::Refused(_) => Tone::Bad,
        State::Near => Tone::Near,
        _ => Tone::Plain,
    }
}
