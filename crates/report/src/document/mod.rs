//! Statements written down: as text for a terminal or a plain mail, as Markdown, as one HTML page that needs nothing else.

mod chart;
mod html;
mod markdown;
mod text;
mod words;

use crate::Statement;

/// How a statement is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For a terminal or a plain mail.
    Text,
    /// GitHub's Markdown, with tables.
    Markdown,
    /// One page with its style and charts within.
    Html,
}

/// The statement, written down. It ends in a line end. What names and models say is escaped as the format needs it.
#[must_use]
pub fn write(statement: &Statement, format: Format) -> String {
    match format {
        Format::Text => text::write(statement),
        Format::Markdown => markdown::write(statement),
        Format::Html => html::write(statement),
    }
}
