//! The panel that says what all of it comes to: spent of the budgets, forecast, burn, and every day.

use mete_control::{Outlook, Pulse};
use mete_core::directory::OrganizationView;
use mete_core::limits::Limits;
use mete_core::time::day_of_month;
use mete_core::{Nanos, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::budget::bar_tone;
use crate::chart::Bars;
use crate::format::{day_and_month, factor, money, percent, span};
use crate::gauge::bar;
use crate::look::Look;
use crate::panel::{Title, lines, panel, wrapped};
use crate::piece::{Piece, columns, piece};
use crate::theme::Tone;

/// What somebody sees who may see no spend at all.
const UNSEEN: &str = "Spend is for owners to see, and for those whom they grant it.";
/// From this factor on, in per mille, a burn is far from its habit.
const UNUSUAL: u32 = 1_500;

/// The figures of the panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spend {
    title: String,
    /// Nothing for somebody who may not see it (R6).
    outlook: Option<Outlook>,
    /// The thresholds of the organizations, where each has one.
    threshold: Option<Nanos>,
    /// How many of the organizations that pay have a budget, and how many there are.
    budgets: (usize, usize),
    today: Option<Nanos>,
    week_ago: Option<Nanos>,
    days: Bars,
}

impl Spend {
    /// From a pulse.
    #[must_use]
    pub fn of(pulse: &Pulse) -> Self {
        let payers = || pulse.organizations.iter().filter(|view| !is_counted_above(view, pulse));
        let title = match (pulse.organizations.as_slice(), pulse.sources.is_some()) {
            ([only], _) => format!("Spend, {}", only.organization.name),
            (_, true) => "Spend, all organizations".to_owned(),
            (_, false) => "Spend that you may see".to_owned(),
        };
        let (first, last) = pulse.month.days();
        let mut spend = vec![Nanos::ZERO; usize::try_from(last - first + 1).unwrap_or_default()];
        for day in &pulse.days {
            if let Some(sum) = usize::try_from(day.at - first).ok().and_then(|place| spend.get_mut(place)) {
                *sum = day.spend;
            }
        }
        let present = pulse.month == pulse.at.month();
        Self {
            title,
            outlook: pulse.outlook,
            threshold: payers()
                .map(|view| view.limits.threshold)
                .try_fold(Nanos::ZERO, |sum, it| it.map(|it| sum + it)),
            budgets: (payers().filter(|view| view.limits.budget.is_some()).count(), payers().count()),
            today: pulse.today.filter(|_| present),
            week_ago: pulse.week_ago,
            days: Bars::days(spend, present.then(|| day_of_month(pulse.at.day()) as usize)),
        }
    }

    /// Lines that the figures need in a panel of `width` columns, its border not among them.
    #[must_use]
    pub fn height(&self, width: u16, look: &Look<'_>) -> u16 {
        self.lines(usize::from(width.saturating_sub(4)), look).len() as u16
    }

    fn lines(&self, width: usize, look: &Look<'_>) -> Vec<Vec<Piece>> {
        let Some(outlook) = &self.outlook else {
            return wrapped(UNSEEN, width).into_iter().map(|line| vec![piece(line, Tone::Dim)]).collect();
        };
        let mut lines = vec![self.total(outlook, width)];
        if !look.is_present() {
            lines.push(vec![piece("That month is over. 0 shows the present one.", Tone::Dim)]);
            return lines;
        }
        lines.extend(flow(self.future(outlook, look.now), width));
        lines.extend(flow(self.rates(outlook), width));
        lines
    }

    /// `$18,204 of $25,000  ██████▋░│░  73%`
    fn total(&self, outlook: &Outlook, width: usize) -> Vec<Piece> {
        let spent = outlook.forecast.spent;
        let mut line = vec![piece(money(spent), Tone::Strong)];
        let Some(budget) = outlook.budget else {
            line.push(piece(
                match self.budgets {
                    (0, _) => " spent this month, no budget".to_owned(),
                    (some, all) => format!(" spent; {some} of {all} organizations have a budget"),
                },
                Tone::Plain,
            ));
            return line;
        };
        let share = spent.per_mille_of(budget);
        line.push(piece(format!(" of {}  ", money(budget)), Tone::Plain));
        let after = piece(format!("  {}", percent(share)), Tone::Strong);
        let room = width.saturating_sub(columns(&line) + crate::text::width(&after.text)).min(60);
        let limits = Limits { budget: Some(budget), threshold: self.threshold };
        let threshold = self.threshold.map(|threshold| threshold.per_mille_of(budget));
        line.extend(bar(share, threshold, room, bar_tone(spent, &limits)));
        line.push(after);
        line
    }

    fn future(&self, outlook: &Outlook, now: Timestamp) -> Vec<Piece> {
        let forecast = &outlook.forecast;
        let range = match forecast.low == forecast.high {
            true => format!("forecast {}", money(forecast.high)),
            false => format!("forecast {} to {}", money(forecast.low), money(forecast.high)),
        };
        let mut facts = vec![piece(range, Tone::Plain)];
        if let Some(budget) = outlook.budget {
            facts.push(match outlook.runs_out.and_then(|runs_out| runs_out.earliest()) {
                Some(at) if at <= now => piece("▲ used up", Tone::Bad),
                Some(at) => piece(format!("● may run out {}", when(at, now)), Tone::Near),
                None if forecast.high > budget => piece("● may pass the budget", Tone::Near),
                None => piece("stays within the budget", Tone::Dim),
            });
        }
        facts
    }

    fn rates(&self, outlook: &Outlook) -> Vec<Piece> {
        let mut facts = Vec::with_capacity(4);
        facts.extend(self.today.map(|today| piece(format!("today {}", money(today)), Tone::Plain)));
        facts.push(piece(format!("now {}/h", money(outlook.burn.now)), Tone::Strong));
        facts.push(match self.week_ago {
            Some(week_ago) => piece(format!("a week ago {}/h", money(week_ago)), Tone::Plain),
            None => piece("no week before yet", Tone::Dim),
        });
        let unusual = outlook.factor_per_mille.filter(|factor| *factor >= UNUSUAL);
        facts.extend(unusual.map(|it| piece(format!("● {} its habit", factor(it)), Tone::Near)));
        facts
    }
}

/// Whether what an organization spends is among what its parent does (R3), which is seen as well.
fn is_counted_above(view: &OrganizationView, pulse: &Pulse) -> bool {
    let parent = view.organization.parent_id.as_deref();
    parent.is_some_and(|parent| pulse.organizations.iter().any(|it| it.organization.id == parent && it.spend.is_some()))
}

/// Draws the panel; without figures it says why.
pub fn draw(spend: Option<&Spend>, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
    let mut title = Title::new(spend.map_or("Spend", |spend| spend.title.as_str()));
    let seen = spend.filter(|spend| spend.outlook.is_some());
    let text_height = spend.map_or(1, |spend| spend.height(area.width, look));
    let chart_height = area.height.saturating_sub(2 + text_height);
    let charted = seen.filter(|_| chart_height >= 3);
    title.note = charted.map(|_| "chart: US$ per day".to_owned());
    let inner = panel(buffer, area, &title, look.theme);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let Some(spend) = spend else {
        let text = wrapped(look.arrival.reason(""), usize::from(inner.width)).into_iter();
        lines(buffer, inner, &text.map(|line| vec![piece(line, Tone::Dim)]).collect::<Vec<_>>(), look.theme);
        return;
    };
    lines(buffer, inner, &spend.lines(usize::from(inner.width), look), look.theme);
    if let Some(spend) = charted {
        let area = Rect { y: inner.y + text_height, height: chart_height, ..inner };
        if spend.days.spend.iter().all(|day| *day <= Nanos::ZERO) {
            let words =
                format!("No spend in {}. Usage arrives through: mete ingest FILE, or meted.", look.month.name());
            let text = wrapped(&words, usize::from(area.width)).into_iter().map(|line| vec![piece(line, Tone::Dim)]);
            lines(buffer, area, &text.collect::<Vec<_>>(), look.theme);
        } else {
            spend.days.draw(buffer, area, look.theme);
        }
    }
}

/// `in 2h 10m`, or on which day where that is further away than a day.
fn when(at: Timestamp, now: Timestamp) -> String {
    match at.since(now) {
        soon if soon < mete_core::time::DAY => format!("in {}", span(soon)),
        _ => format!("on {}", day_and_month(at)),
    }
}

/// Facts in lines of at most `width` columns, as many on each as fit.
fn flow(facts: Vec<Piece>, width: usize) -> Vec<Vec<Piece>> {
    const GAP: &str = " · ";
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    for fact in facts {
        let more = GAP.chars().count() + crate::text::width(&fact.text);
        match lines.last_mut() {
            Some(line) if columns(line) + more <= width => line.extend([piece(GAP, Tone::Dim), fact]),
            _ => lines.push(vec![fact]),
        }
    }
    lines
}
