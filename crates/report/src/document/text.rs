//! For a terminal or a plain mail.

use std::fmt::Write;

use mete_store::SpendRow;

use super::{chart, words};
use crate::{Chapter, Statement};

pub fn write(statement: &Statement) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = text_of(statement, &mut text);
    text
}

fn text_of(statement: &Statement, text: &mut String) -> std::fmt::Result {
    writeln!(text, "{}, {}", safe(&statement.whose), statement.month.name())?;
    writeln!(text, "{}", statement.standing.words())?;
    writeln!(text, "made {}\n", words::time(statement.made_at))?;
    for (name, value) in words::figures(statement) {
        writeln!(text, "{name:<16}{value}")?;
    }
    writeln!(text, "\nDays")?;
    let days = words::days(statement);
    let largest = statement.days.iter().copied().max().unwrap_or_default();
    let amounts: Vec<String> = days.iter().map(|(_, amount)| words::money(*amount)).collect();
    let width = amounts.iter().map(String::len).max().unwrap_or_default();
    for ((day, amount), shown) in days.iter().zip(&amounts) {
        writeln!(text, "{}", format!("{day}  {shown:>width$}  {}", chart::blocks(*amount, largest)).trim_end())?;
    }
    for chapter in &statement.chapters {
        writeln!(text, "\n{}", chapter.title)?;
        rows(chapter, text)?;
    }
    if !statement.alerts.is_empty() {
        writeln!(text, "\nAlerts")?;
        for alert in &statement.alerts {
            writeln!(text, "{}", safe(&words::alert(alert)))?;
        }
    }
    Ok(())
}

fn rows(chapter: &Chapter, text: &mut String) -> std::fmt::Result {
    if chapter.rows.is_empty() {
        return writeln!(text, "nothing was spent");
    }
    let figures = |row: &SpendRow| (words::money(row.spend), words::count(row.requests));
    let mut lines: Vec<(String, String, String)> = Vec::new();
    for row in &chapter.rows {
        let (spend, requests) = figures(row);
        lines.push((spend, requests, safe(words::name(row))));
    }
    if chapter.others > 0 {
        lines.push((words::money(chapter.others_spend), String::new(), words::others(chapter.others)));
    }
    let width = |of: fn(&(String, String, String)) -> usize| lines.iter().map(of).max().unwrap_or_default();
    let (spend, requests) = (width(|line| line.0.len()), width(|line| line.1.len()));
    for (amount, number, name) in &lines {
        writeln!(text, "{amount:>spend$}  {number:>requests$}  {name}")?;
    }
    Ok(())
}

/// Without what a terminal would obey.
fn safe(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_bidi(c) { '\u{fffd}' } else { c }).collect()
}

/// Characters that change the order of what stands beside them, or begin a line.
const fn is_bidi(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
