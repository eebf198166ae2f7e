//! Pieces of text, each of one look, and how they get onto the screen.

use ratatui::buffer::Buffer;
use ratatui::style::{Modifier, Style};

use crate::text::{fit, width};
use crate::theme::{Theme, Tone};

/// Text of one look. It is made inert when it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What is written.
    pub text: String,
    /// How it looks.
    pub tone: Tone,
    /// Whether foreground and background change places: a mark inside the filled part of a bar.
    pub reversed: bool,
}

/// A piece of words.
#[must_use]
pub fn piece(text: impl Into<String>, tone: Tone) -> Piece {
    Piece { text: text.into(), tone, reversed: false }
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
    if piece.reversed { style.add_modifier(Modifier::REVERSED) } else { style }
}
