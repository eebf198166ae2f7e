//! Filters as they are typed: `bot spent>100 !owner:dana ~spbt`. Every term has to fit.

use std::fmt::Write as _;

use mete_core::{Nanos, Timestamp};

use super::{Column, Figure, Row};
use crate::fuzzy::has_letters;

/// A filter; without terms it lets everything through.
pub(super) struct Filter<R: 'static> {
    terms: Vec<Term<R>>,
}

struct Term<R: 'static> {
    /// As typed, to tell whether it has changed.
    typed: String,
    inverse: bool,
    test: Test<R>,
}

enum Test<R: 'static> {
    /// The row's text has this part, whatever its case.
    Part(String),
    /// The row's text has these letters in their order.
    Letters(String),
    /// The cell's text has this part.
    Cell(&'static Column<R>, String),
    /// The cell's number stands in this relation to another.
    Number(&'static Column<R>, Relation, i128),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    AtLeast,
    AtMost,
    Differs,
    More,
    Less,
    Equals,
}

/// Longer ones first: `>=` is not `>` and `=`.
const RELATIONS: [(&str, Relation); 6] = [
    (">=", Relation::AtLeast),
    ("<=", Relation::AtMost),
    ("!=", Relation::Differs),
    (">", Relation::More),
    ("<", Relation::Less),
    ("=", Relation::Equals),
];

impl Relation {
    const fn holds(self, left: i128, right: i128) -> bool {
        match self {
            Self::AtLeast => left >= right,
            Self::AtMost => left <= right,
            Self::Differs => left != right,
            Self::More => left > right,
            Self::Less => left < right,
            Self::Equals => left == right,
        }
    }
}

impl<R: Row> Filter<R> {
    /// Everything goes through.
    pub(super) const fn none() -> Self {
        Self { terms: Vec::new() }
    }

    /// What was typed, over the columns of a table.
    ///
    /// # Errors
    /// What is wrong with it, for the person who types.
    pub(super) fn parse(typed: &str, columns: &'static [Column<R>]) -> Result<Self, String> {
        let mut terms = Vec::new();
        for word in words(typed) {
            let (inverse, rest) = word.strip_prefix('!').map_or((false, word.as_str()), |rest| (true, rest));
            if let Some(test) = test(rest, columns)? {
                terms.push(Term { typed: word, inverse, test });
            }
        }
        Ok(Self { terms })
    }

    /// Whether everything goes through.
    pub(super) const fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether a row fits; `text` gives the row's own, in small letters.
    pub(super) fn admits(&self, row: &R, text: &str) -> bool {
        self.terms.iter().all(|term| {
            let fits = match &term.test {
                Test::Part(part) => text.contains(part.as_str()),
                Test::Letters(letters) => has_letters(text, letters),
                Test::Cell(column, part) => column.text(row, Timestamp::default()).to_lowercase().contains(part),
                Test::Number(column, relation, other) => {
                    column.figure.number(row).is_some_and(|number| relation.holds(number, *other))
                }
            };
            fits != term.inverse
        })
    }

    /// Whether nothing fits this that does not fit `before`: then only what fitted has to be looked at again.
    pub(super) fn narrows(&self, before: &Self) -> bool {
        before.terms.len() <= self.terms.len()
            && self.terms.iter().zip(&before.terms).all(|(term, old)| term.narrows(old))
    }
}

impl<R> Term<R> {
    fn narrows(&self, old: &Self) -> bool {
        if self.typed == old.typed {
            return true;
        }
        !self.inverse
            && !old.inverse
            && match (&self.test, &old.test) {
                (Test::Part(part), Test::Part(old)) => part.contains(old.as_str()),
                (Test::Letters(letters), Test::Letters(old)) => letters.starts_with(old.as_str()),
                (Test::Cell(column, part), Test::Cell(old_column, old)) => {
                    std::ptr::eq(*column, *old_column) && part.contains(old.as_str())
                }
                _ => false,
            }
    }
}

/// The words of a filter; what stands in quotation marks is one word, and keeps them at its start if it begins with one.
fn words(typed: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in typed.chars() {
        match (letter, words.last_mut()) {
            ('"', Some(word)) => {
                quoted = !quoted;
                if quoted && word.trim_start_matches('!').is_empty() {
                    word.push('"');
                }
            }
            (letter, _) if letter.is_whitespace() && !quoted => words.push(String::new()),
            (letter, Some(word)) => word.push(letter),
            (_, None) => {}
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What one word asks; nothing if it has only begun.
fn test<R: Row>(word: &str, columns: &'static [Column<R>]) -> Result<Option<Test<R>>, String> {
    if let Some(literal) = word.strip_prefix('"') {
        return Ok((!literal.is_empty()).then(|| Test::Part(literal.to_lowercase())));
    }
    if let Some(letters) = word.strip_prefix('~') {
        let letters = letters.to_lowercase();
        return Ok((!letters.is_empty()).then_some(Test::Letters(letters)));
    }
    let ends = word.find([':', '<', '>', '=', '!']).unwrap_or(word.len());
    let (name, rest) = word.split_at(ends);
    if rest.is_empty() || name.is_empty() {
        return Ok((!word.is_empty()).then(|| Test::Part(word.to_lowercase())));
    }
    let column = column(name, columns)?;
    if let Some(part) = rest.strip_prefix(':') {
        return match part {
            "" => Err(format!("{name}: what? As in {name}:text")),
            part => Ok(Some(Test::Cell(column, part.to_lowercase()))),
        };
    }
    let relation = RELATIONS.iter().find_map(|(sign, relation)| Some((*sign, *relation, rest.strip_prefix(sign)?)));
    let Some((sign, relation, number)) = relation else {
        return Err(format!("after {name} comes : or one of > >= < <= = !="));
    };
    if !column.figure.is_number() {
        return Err(format!("{} has no numbers: {}:text", column.name(), column.name()));
    }
    match number {
        "" => Err(format!("{name}{sign} what? As in {name}{sign}{}", example(&column.figure))),
        number => {
            let parsed = number_of(&column.figure, number);
            let wrong = || format!("{number} is no {}", kind(&column.figure));
            parsed.map(|number| Some(Test::Number(column, relation, number))).ok_or_else(wrong)
        }
    }
}

/// The column of a name, of its other name, or the only one that begins so.
fn column<R>(name: &str, columns: &'static [Column<R>]) -> Result<&'static Column<R>, String> {
    let name = name.to_lowercase();
    if let Some(column) = columns.iter().find(|column| column.name() == name || column.also == name) {
        return Ok(column);
    }
    let begins = |column: &&Column<R>| column.name().starts_with(&name) || column.also.starts_with(&name);
    let mut found = columns.iter().filter(begins);
    match (found.next(), found.next()) {
        (Some(column), None) => Ok(column),
        (first, _) => {
            let mut text = match first {
                Some(_) => format!("{name:?} may be several columns:"),
                None => format!("no column {name:?}:"),
            };
            let among = columns.iter().filter(|column| first.is_none() || begins(column));
            for column in among {
                let _infallible = write!(text, " {}", column.name());
            }
            Err(text)
        }
    }
}

fn number_of<R>(figure: &Figure<R>, typed: &str) -> Option<i128> {
    match figure {
        Figure::Cell | Figure::Text(_) => None,
        Figure::Money(_) => {
            let (plain, times) = scaled(typed.trim_start_matches('$'));
            let amount: Nanos = plain.parse().ok()?;
            i128::from(amount.0).checked_mul(times)
        }
        Figure::Count(_) => {
            let (plain, times) = scaled(typed);
            i128::from(plain.parse::<u64>().ok()?).checked_mul(times)
        }
        Figure::Share(_) => {
            // a per cent with up to one place is a whole number of per mille
            let (whole, tenths) =
                typed.trim_end_matches('%').split_once('.').unwrap_or((typed.trim_end_matches('%'), "0"));
            let tenths: i128 = if tenths.len() == 1 { tenths.parse().ok()? } else { return None };
            Some(i128::from(whole.parse::<u32>().ok()?) * 10 + tenths)
        }
        Figure::Time(_) => {
            let at: Timestamp = typed.parse().or_else(|_| format!("{typed}T00:00:00Z").parse()).ok()?;
            Some(at.0.into())
        }
    }
}

/// A number without commas and without its `k` or `m`, and what that stands for.
fn scaled(typed: &str) -> (String, i128) {
    let typed = typed.replace(',', "").to_lowercase();
    match typed.strip_suffix('k') {
        Some(plain) => (plain.to_owned(), 1_000),
        None => match typed.strip_suffix('m') {
            Some(plain) => (plain.to_owned(), 1_000_000),
            None => (typed, 1),
        },
    }
}

const fn kind<R>(figure: &Figure<R>) -> &'static str {
    match figure {
        Figure::Cell | Figure::Text(_) => "text",
        Figure::Money(_) => "amount in dollars, like 12.50 or 3k",
        Figure::Count(_) => "whole number",
        Figure::Share(_) => "per cent, like 80 or 99.5",
        Figure::Time(_) => "date, like 2026-11-30",
    }
}

const fn example<R>(figure: &Figure<R>) -> &'static str {
    match figure {
        Figure::Cell | Figure::Text(_) => "text",
        Figure::Money(_) => "12.50",
        Figure::Count(_) => "3",
        Figure::Share(_) => "80",
        Figure::Time(_) => "2026-11-30",
    }
}

/// The filter with its last word completed to a column's name; nothing if no name begins so.
pub(super) fn completed<R>(typed: &str, columns: &[Column<R>]) -> Option<String> {
    let start = typed.rfind(|letter: char| letter.is_whitespace() || letter == '!').map_or(0, |at| at + 1);
    let (before, begun) = typed.split_at(start);
    if begun.is_empty() {
        return None;
    }
    let begun = begun.to_lowercase();
    let names = columns.iter().map(|column| (column.name(), column.figure.is_number()));
    let (name, is_number) = names.into_iter().find(|(name, _)| name.starts_with(&begun) && *name != begun)?;
    Some(format!("{before}{name}{}", if is_number { "" } else { ":" }))
}
