//! Pieces of text, each of one look, and how they get onto the screen.

use ratatui::buffer::Buffer;
use ratatui::style::{Modifier, Style};

use crate::text::{fit, width};
use crate::theme::{Theme, Tone};

/// What a piece is, where that changes how it is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Words and numbers.
    #[default]
    Text,
    /// Part of a bar: never drawn reversed, for then full would look empty.
    Bar,
    /// A mark inside the filled part of a bar: always drawn reversed.
    Mark,
}

/// Text of one look. It is made inert when it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What is written.
    pub text: String,
    /// How it looks.
    pub tone: Tone,
    /// What it is.
    pub kind: Kind,
}

/// A piece of words.
#[must_use]
pub fn piece(text: impl Into<String>, tone: Tone) -> Piece {
    Piece { text: text.into(), tone, kind: Kind::Text }
}

/// Columns that the pieces take.
#[must_use]
pub fn columns(pieces: &[Piece]) -> usize {
    pieces.iter().map(|piece| width(&piece.text)).sum()
}

/// A place on one line of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The first column.
    pub x: u16,
    /// The line.
    pub y: u16,
    /// How many columns there are.
    pub width: u16,
}

/// Writes the pieces one after another into the place; what does not fit is cut with `…`. Returns the columns used.
pub fn write(buffer: &mut Buffer, place: Place, pieces: &[Piece], theme: &Theme) -> u16 {
    let mut used = 0;
    for piece in pieces {
        let left = place.width.saturating_sub(used);
        if left == 0 {
            break;
        }
        let text = fit(&piece.text, usize::from(left));
        let (end, _) = buffer.set_stringn(place.x + used, place.y, &text, usize::from(left), style(piece, theme));
        used = end - place.x;
    }
    used
}

/// [`write`], ending at the last column of the place.
pub fn write_right(buffer: &mut Buffer, place: Place, pieces: &[Piece], theme: &Theme) {
    let indent = usize::from(place.width).saturating_sub(columns(pieces)) as u16;
    write(buffer, Place { x: place.x + indent, width: place.width - indent, ..place }, pieces, theme);
}

fn style(piece: &Piece, theme: &Theme) -> Style {
    let mut style = theme.style(piece.tone);
    if piece.tone != Tone::Dim {
        // a title does not step back with the border that it stands in
        style = style.remove_modifier(Modifier::DIM);
    }
    match piece.kind {
        Kind::Text => style,
        Kind::Bar => style.remove_modifier(Modifier::REVERSED),
        Kind::Mark => style.add_modifier(Modifier::REVERSED),
    }
}
