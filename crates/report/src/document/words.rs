//! What all three ways of writing say in the same words.

use mete_core::time::day_label;
use mete_core::{Nanos, Timestamp};
use mete_store::{Alert, AlertKind, SpendRow};

use crate::Statement;

/// An amount in full, with two places at least: a statement's rows add up to its total.
pub fn money(amount: Nanos) -> String {
    let text = amount.to_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    format!("{sign}${}.{fraction:0<2}", thousands(whole))
}

/// A number with its thousands apart.
pub fn count(number: u64) -> String {
    thousands(&number.to_string())
}

fn thousands(digits: &str) -> String {
    let first = digits.len() % 3;
    let (head, tail) = digits.split_at(first);
    let groups = tail.as_bytes().chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    (!head.is_empty()).then(|| head.to_owned()).into_iter().chain(groups).collect::<Vec<_>>().join(",")
}

/// Per mille as per cent: `12.5%`.
pub fn percent(per_mille: u32) -> String {
    format!("{}.{}%", per_mille / 10, per_mille % 10)
}

/// An instant to the second.
pub fn time(instant: Timestamp) -> String {
    instant.to_the_second().to_string().replace('T', " ")
}

/// The figures at the head, as names and values.
pub fn figures(statement: &Statement) -> Vec<(&'static str, String)> {
    let Statement { total, before, requests, .. } = statement;
    let mut figures = vec![("Spent", money(*total)), ("Requests", count(*requests))];
    if let (Some(budget), Some(used)) = (statement.budget, statement.used_per_mille()) {
        figures.push(("Budget", format!("{}, {} used", money(budget), percent(used))));
    }
    figures.push(("Month before", compared(*total, *before)));
    if let Some(outlook) = &statement.outlook {
        let forecast = outlook.forecast;
        let range = format!("{} to {}", money(cents(forecast.low)), money(cents(forecast.high)));
        figures.push(("At month's end", format!("{} by habit, {range}", money(cents(forecast.point)))));
        if let Some(at) = outlook.runs_out.and_then(|out| out.earliest()) {
            figures.push(("Budget runs out", time(at)));
        }
    }
    figures
}

/// A forecast to the cent: more digits would promise what nobody knows.
const fn cents(amount: Nanos) -> Nanos {
    Nanos(amount.0 - amount.0 % 10_000_000)
}

fn compared(total: Nanos, before: Nanos) -> String {
    if before <= Nanos::ZERO {
        return money(before);
    }
    let more = total - before;
    let (word, by) = if more < Nanos::ZERO { ("less", -more) } else { ("more", more) };
    format!("{}; this month {} {word}", money(before), percent(by.per_mille_of(before)))
}

/// A row's name; usage that names none is a row as well.
pub fn name(row: &SpendRow) -> &str {
    if row.name.is_empty() { "(not said)" } else { &row.name }
}

/// How the rest of a chapter is called.
pub fn others(count: u64) -> String {
    format!("({count} more)")
}

/// An alert in a sentence.
pub fn alert(alert: &Alert) -> String {
    let (what, limit) = match alert.kind {
        AlertKind::Threshold => ("passed its threshold of", alert.amount),
        AlertKind::Exhausted => ("exhausted its budget of", alert.amount),
    };
    format!("{}: {} {what} {}", time(alert.at), alert.whose(), money(limit))
}

/// The days of the month with what was spent on each.
pub fn days(statement: &Statement) -> Vec<(String, Nanos)> {
    let (first, _) = statement.month.days();
    (first..).map(day_label).zip(statement.days.iter().copied()).collect()
}
