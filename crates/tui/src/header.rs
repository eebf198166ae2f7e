//! The first line: where am I, which month, how long it lasts, how fresh the figures are, which store, who.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::format::{short_month, span};
use crate::model::Model;
use crate::piece::{Piece, Place, columns, piece, write, write_right};
use crate::text::fit;
use crate::theme::Tone;

/// Columns between two parts.
const GAP: &str = "   ";
/// Columns that the name of a store may take.
const MOST_STORE: usize = 36;

/// Draws it.
pub(crate) fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    let theme = &model.setting.theme;
    let path = path(model);
    let room = usize::from(area.width).saturating_sub(1);
    let fits = |right: &Vec<Piece>| columns(&path) + GAP.len() + columns(right) <= room;
    let mut right: Vec<Vec<Piece>> = (0..=4).map(|brevity| facts(model, brevity)).collect();
    let shortest = right.pop().unwrap_or_default();
    let right = right.into_iter().find(fits).unwrap_or(shortest);
    let left = room.saturating_sub(columns(&right) + GAP.len());
    write(buffer, Place { x: area.x, y: area.y, width: left as u16 }, &path, theme);
    write_right(buffer, Place { x: area.x, y: area.y, width: room as u16 }, &right, theme);
}

/// ` mete › Acme › Support bot`: from the first screen to the one on top.
fn path(model: &Model) -> Vec<Piece> {
    let mut path = vec![piece(" mete", Tone::Accent)];
    let mut names: Vec<String> = model.trail.path().map(|view| view.screen.crumb()).collect();
    if names.len() > 1 && model.trail.path().next().is_some_and(|view| view.screen.is_home()) {
        names.remove(0);
    }
    for name in names {
        path.extend([piece(" › ", Tone::Dim), piece(name, Tone::Strong)]);
    }
    path
}

/// Month, freshness, store and actor; the greater `brevity`, the less of them. Freshness never goes.
fn facts(model: &Model, brevity: u8) -> Vec<Piece> {
    let (month, tone) = month(model, brevity);
    let mut parts = Vec::with_capacity(7);
    if brevity < 4 {
        parts.push(piece(month, tone));
        parts.push(piece(GAP, Tone::Plain));
    }
    parts.push(model.freshness().label());
    if brevity < 2 {
        parts.push(piece(GAP, Tone::Plain));
        parts.push(piece(fit(&model.setting.store, MOST_STORE), Tone::Dim));
    }
    if brevity < 1 {
        parts.push(piece("  ", Tone::Plain));
        parts.push(piece(fit(&model.setting.actor, MOST_STORE), Tone::Dim));
    }
    parts
}

/// `November 2026 UTC · 7d 11h left`, shorter where brevity is asked for.
fn month(model: &Model, brevity: u8) -> (String, Tone) {
    let month = model.month();
    let name = if brevity < 3 { format!("{} UTC", month.name()) } else { short_month(month) };
    if month == model.now.month() {
        (format!("{name} · {} left", span(month.end().since(model.now))), Tone::Plain)
    } else {
        (format!("{name} · past month"), Tone::Near)
    }
}
