//! What a project may do: budget and threshold, models, rate limits, budgets of models, members and keys (R23, R24).

use mete_core::directory::ProjectView;
use mete_core::limits::Limits;
use mete_core::parts::PartKind;
use mete_core::rates::{Models, Rate, RateLimit};
use mete_core::{Month, Nanos};

use crate::data::ProjectLimits;
use crate::deeds::Within;
use crate::format::{count, money, short_month};
use crate::screens::cells;
use crate::table::{Column, Figure, Row, Table};
use crate::theme::Tone;

/// What an empty list says.
pub const EMPTY: &str = "No limit at all.";

/// One limit.
pub struct LimitRow {
    id: String,
    place: usize,
    what: &'static str,
    of: String,
    value: String,
    /// For budgets: spent and allowed.
    budget: Option<(Option<Nanos>, Nanos)>,
    within: Within,
}

impl LimitRow {
    /// What its keys mean.
    pub(crate) const fn within(&self) -> Within {
        self.within
    }

    fn spend(&self) -> Option<Nanos> {
        self.budget.and_then(|(spend, _)| spend)
    }

    /// As limits that a bar can be drawn for.
    fn limits(&self) -> Option<(Nanos, Limits)> {
        let (spend, budget) = self.budget?;
        Some((spend?, Limits { budget: Some(budget), threshold: None }))
    }

    fn share(&self) -> Option<u32> {
        self.budget.and_then(|(spend, budget)| spend.map(|spend| spend.per_mille_of(budget)))
    }
}

impl Row for LimitRow {
    fn id(&self) -> &str {
        &self.id
    }

    fn searched(&self) -> String {
        format!("{} {} {}", self.what, self.of, self.value)
    }

    fn is_fault(&self) -> bool {
        self.share().is_some_and(|share| share >= 1000)
    }
}

type Col = Column<LimitRow>;

static COLUMNS: [Col; 5] = [
    Col::words("LIMIT", 18, |row, _| cells::words(row.what, Tone::Strong), |a, b| a.place.cmp(&b.place))
        .growing(28)
        .kept(),
    Col::words("OF", 12, |row, _| cells::words(&row.of, Tone::Plain), |a, b| cells::by_letters(&a.of, &b.of))
        .growing(34)
        .kept(),
    Col::words("AT MOST", 13, |row, _| cells::words(&row.value, Tone::Plain), |a, b| a.value.cmp(&b.value))
        .growing(44)
        .kept(),
    Col::numbers(
        "SPENT",
        9,
        |row, slot| match row.budget {
            Some((spend, _)) => cells::seen(spend, |spend| cells::amount(spend, slot)),
            None => Vec::new(),
        },
        Figure::Money(LimitRow::spend),
    )
    .also("spend"),
    Col::words(
        "USED",
        16,
        |row, slot| row.limits().map(|(spend, limits)| cells::used(spend, &limits, slot)).unwrap_or_default(),
        |a, b| a.share().cmp(&b.share()),
    )
    .growing(26)
    .amounting(Figure::Share(LimitRow::share))
    .largest_first(),
];

/// The names of its columns.
pub fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

/// The list, still empty.
pub fn table() -> Table<LimitRow> {
    Table::new(&COLUMNS, 0)
}

/// The rows: of a project with its figures of a month.
pub fn rows(view: &ProjectView, limits: &ProjectLimits, month: Month) -> Vec<LimitRow> {
    let mut rows = Vec::new();
    let mut push = |what, of: String, value: String, budget, within| {
        let place = rows.len();
        rows.push(LimitRow { id: format!("{what} {of}"), place, what, of, value, budget, within });
    };
    let none = || "none".to_owned();
    let amount = |amount: Option<Nanos>| amount.map_or_else(none, money);
    let Limits { budget, threshold } = view.limits;
    push("budget", short_month(month), amount(budget), budget.map(|budget| (view.spend, budget)), Within::Budget);
    push("threshold", short_month(month), amount(threshold), None, Within::Budget);
    push("models", "project".to_owned(), listed(&limits.models), None, Within::Models);
    push("models", "organization".to_owned(), listed(&limits.organization_models), None, Within::Models);
    for part in &limits.parts {
        let (what, within) = match part.part.kind {
            PartKind::Model => ("budget of a model", Within::ModelBudget),
            PartKind::Member => ("budget of a member", Within::MemberBudget),
            PartKind::Key => ("budget of a key", Within::Budget),
        };
        push(what, part.name.clone(), money(part.budget), Some((part.spend, part.budget)), within);
    }
    let own = limits.rates.iter().map(|rate| (rate, false));
    for (RateLimit { model, rates }, above) in own.chain(limits.organization_rates.iter().map(|rate| (rate, true))) {
        for rate in Rate::ALL {
            if let Some(value) = rates.get(rate) {
                let of = if above { format!("{model}, organization") } else { model.clone() };
                push(words(rate), of, count(value), None, Within::Rate);
            }
        }
    }
    rows
}

fn listed(models: &Models) -> String {
    models.as_ref().map_or_else(|| "all".to_owned(), |models| models.join(", "))
}

/// A figure of a rate limit as people say it.
const fn words(rate: Rate) -> &'static str {
    match rate {
        Rate::RequestsPerMinute => "requests a minute",
        Rate::TokensPerMinute => "tokens a minute",
        Rate::TokensPerDay => "tokens a day",
        Rate::RequestsPerDay => "requests a day",
        Rate::ImagesPerMinute => "images a minute",
        Rate::AudioMegabytesPerMinute => "audio MB a minute",
        Rate::BatchInputTokensPerDay => "batch tokens a day",
    }
}
