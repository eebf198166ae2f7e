//! A side panel of labelled facts about the selected row, on screens wide enough for it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::look::Look;
use crate::panel::{Title, lines, panel};
use crate::piece::{Piece, piece};
use crate::theme::Tone;

/// From this width on there is room for the panel.
pub const WIDE: u16 = 140;
/// The panel's columns.
pub const COLUMNS: u16 = 50;

/// A label and what is to be said under it.
pub type Fact = (&'static str, String, Tone);

/// Splits an area into what stays for a list and the side panel, if there is room for one.
#[must_use]
pub fn beside(area: Rect) -> (Rect, Option<Rect>) {
    if area.width < WIDE {
        return (area, None);
    }
    let list = Rect { width: area.width - COLUMNS, ..area };
    (list, Some(Rect { x: list.right(), width: COLUMNS, ..area }))
}

/// Draws a list and beside it, where there is room, the panel of its selected row.
pub fn draw_beside<'r>(
    buffer: &mut Buffer,
    area: Rect,
    look: &Look<'_>,
    list: impl FnOnce(&mut Buffer, Rect),
    selected: impl FnOnce() -> Option<(&'r str, Vec<Fact>)>,
) {
    let (place, side) = beside(area);
    list(buffer, place);
    if let Some((side, (name, facts))) = side.and_then(|side| Some((side, selected()?))) {
        draw(buffer, side, name, &facts, look);
    }
}

/// Draws the panel.
pub fn draw(buffer: &mut Buffer, area: Rect, name: &str, facts: &[Fact], look: &Look<'_>) {
    let inner = panel(buffer, area, &Title::new(name), look.theme);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let text: Vec<Vec<Piece>> = facts
        .iter()
        .map(|(label, value, tone)| vec![piece(format!("{label:<12}"), Tone::Dim), piece(value.as_str(), *tone)])
        .collect();
    lines(buffer, inner, &text, look.theme);
}
