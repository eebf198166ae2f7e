//! The rules of a decision as rows.

use mete_core::{Nanos, Timestamp};

use crate::explaining::{About, Explained, Figures, Rule, Verdict};
use crate::format::{money, money_exact, span};
use crate::screens::cells;
use crate::table::{Column, Figure, Row, Slot, Table};
use crate::theme::Tone;

/// A rule with its place.
pub struct RuleRow {
    place: usize,
    rule: Rule,
    /// When the ledger that its figures are from was written to last.
    as_of: Option<Timestamp>,
}

impl Row for RuleRow {
    fn id(&self) -> &str {
        self.rule.name
    }

    fn searched(&self) -> String {
        format!("{} {} {}", self.rule.name, self.verdict().0, self.figures())
    }

    fn is_fault(&self) -> bool {
        self.rule.verdict == Verdict::Refused
    }
}

type Col = Column<RuleRow>;

static COLUMNS: [Col; 4] = [
    Col::words("RULE", 19, |row, _| cells::words(row.rule.name, row.tone()), |a, b| a.place.cmp(&b.place)).kept(),
    Col::words(
        "VERDICT",
        9,
        |row, _| {
            let (word, tone) = row.verdict();
            cells::words(word, tone)
        },
        |a, b| a.rule.verdict.cmp(&b.rule.verdict),
    )
    .largest_first()
    .kept(),
    Col::words(
        "FIGURES",
        34,
        |row, _| {
            let tone = if row.rule.verdict == Verdict::Refused { Tone::Strong } else { Tone::Plain };
            cells::words(&row.figures(), tone)
        },
        |a, b| a.figures().cmp(&b.figures()),
    )
    .growing(150)
    .kept(),
    Col::numbers("AGE", 4, |row, slot| row.age(slot), Figure::Time(|row| row.as_of)),
];

/// The names of its columns.
pub fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

impl RuleRow {
    /// What the rule looks at.
    pub const fn about(&self) -> About {
        self.rule.about
    }

    const fn tone(&self) -> Tone {
        match self.rule.verdict {
            Verdict::Refused => Tone::Strong,
            Verdict::NotAsked => Tone::Dim,
            Verdict::Ok | Verdict::NotKnown => Tone::Plain,
        }
    }

    const fn verdict(&self) -> (&'static str, Tone) {
        match self.rule.verdict {
            Verdict::Ok => ("ok", Tone::Dim),
            Verdict::Refused => ("▲ REFUSED", Tone::Bad),
            Verdict::NotAsked => ("not asked", Tone::Dim),
            Verdict::NotKnown => ("? unknown", Tone::Near),
        }
    }

    fn figures(&self) -> String {
        match &self.rule.figures {
            Figures::Words(words) => words.clone(),
            Figures::Budget { spend, budget, held, overshoot, .. } => spent((*spend, *budget), *held, *overshoot),
        }
    }

    /// In its largest unit alone: the figures have the room.
    fn age(&self, slot: Slot) -> Vec<crate::piece::Piece> {
        let Some(at) = self.as_of else { return Vec::new() };
        let age = span(slot.now.since(at));
        cells::words(age.split(' ').next().unwrap_or_default(), Tone::Dim)
    }
}

/// `$500.00 of $500.00, held $0, at worst $0.0002 over`, to the nano-dollar where that makes a difference.
fn spent((spend, budget): (Option<Nanos>, Option<Nanos>), held: Option<Nanos>, overshoot: Option<Nanos>) -> String {
    let over = spend.zip(budget).map(|(spend, budget)| spend - budget).filter(|over| *over > Nanos::ZERO);
    let written = if over.is_some() { exactly } else { money };
    let spend = spend.map_or_else(|| "—".to_owned(), written);
    let mut text =
        budget.map_or_else(|| format!("{spend}, no budget"), |budget| format!("{spend} of {}", money(budget)));
    if let Some(held) = held {
        text.push_str(&format!(", held {}", money(held)));
    }
    match (overshoot, over) {
        (Some(worst), _) if worst > Nanos::ZERO => text.push_str(&format!(", at worst {} over", money(worst))),
        (_, Some(over)) => text.push_str(&format!(", {} over", money(over))),
        _ => {}
    }
    text
}

/// To the nano-dollar, without zeros at the end.
fn exactly(amount: Nanos) -> String {
    let text = money_exact(amount);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The list, still empty.
pub fn table() -> Table<RuleRow> {
    Table::new(&COLUMNS, 0)
}

/// Its rows.
pub fn rows(told: &Explained) -> Vec<RuleRow> {
    let row = |(place, rule): (usize, &Rule)| {
        let is_spend = matches!(rule.figures, Figures::Budget { .. });
        RuleRow { place, rule: rule.clone(), as_of: told.last_commit_at.filter(|_| is_spend) }
    };
    told.rules.iter().enumerate().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::nanos;

    #[test]
    fn what_is_over_is_told_to_the_nano_dollar() {
        let told = |spend: &str, held: Option<&str>, worst: Option<&str>| {
            spent((Some(nanos(spend)), Some(nanos("500"))), held.map(nanos), worst.map(nanos))
        };
        assert_eq!(told("499.5", None, None), "$499.50 of $500.00");
        assert_eq!(told("499.5", Some("2.1"), Some("0")), "$499.50 of $500.00, held $2.10");
        assert_eq!(told("499.5", Some("2.1"), Some("1.6")), "$499.50 of $500.00, held $2.10, at worst $1.60 over");
        assert_eq!(told("500.000214", None, None), "$500.000214 of $500.00, $0.000214 over");
        assert_eq!(told("500", Some("0"), None), "$500.00 of $500.00, held $0");
        assert_eq!(spent((None, Some(nanos("500"))), None, None), "— of $500.00");
        assert_eq!(spent((Some(nanos("2")), None), None, None), "$2.00, no budget");
    }
}
