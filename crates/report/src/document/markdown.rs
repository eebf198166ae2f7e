//! GitHub's Markdown.

use std::fmt::Write;

use super::{chart, words};
use crate::{Chapter, Statement};

pub fn write(statement: &Statement) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = text_of(statement, &mut text);
    text
}

fn text_of(statement: &Statement, text: &mut String) -> std::fmt::Result {
    writeln!(text, "# {}, {}\n", escaped(&statement.whose), statement.month.name())?;
    writeln!(text, "{}. Made {}.\n", capital(statement.standing.words()), words::time(statement.made_at))?;
    writeln!(text, "| | |\n|---|---|")?;
    for (name, value) in words::figures(statement) {
        writeln!(text, "| {name} | {value} |")?;
    }
    writeln!(text, "\n## Days\n\n```text")?;
    let largest = statement.days.iter().copied().max().unwrap_or_default();
    for (day, amount) in words::days(statement) {
        let bar = chart::blocks(amount, largest);
        writeln!(text, "{}", format!("{day}  {bar:<40}  {}", words::money(amount)).trim_end())?;
    }
    writeln!(text, "```")?;
    for chapter in &statement.chapters {
        table(chapter, text)?;
    }
    if !statement.alerts.is_empty() {
        writeln!(text, "\n## Alerts\n")?;
        for alert in &statement.alerts {
            writeln!(text, "- {}", escaped(&words::alert(alert)))?;
        }
    }
    Ok(())
}

fn table(chapter: &Chapter, text: &mut String) -> std::fmt::Result {
    writeln!(text, "\n## {}\n", chapter.title)?;
    if chapter.rows.is_empty() {
        return writeln!(text, "Nothing was spent.");
    }
    writeln!(text, "| | spend | requests |\n|---|---:|---:|")?;
    for row in &chapter.rows {
        let name = escaped(words::name(row));
        writeln!(text, "| {name} | {} | {} |", words::money(row.spend), words::count(row.requests))?;
    }
    if chapter.others > 0 {
        writeln!(text, "| {} | {} | |", words::others(chapter.others), words::money(chapter.others_spend))?;
    }
    Ok(())
}

/// Text that Markdown takes as it stands: no markup, no line ends, no HTML.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        if c.is_control() {
            shown.push('\u{fffd}');
            return shown;
        }
        if "\\`*_{}[]<>|#&~!".contains(c) {
            shown.push('\\');
        }
        shown.push(c);
        shown
    })
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
