//! The last line: the keys that work here, or those of what lies on top.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::actions::{Action, Entry, offered};
use crate::config::Chord;
use crate::model::Model;
use crate::piece::{Piece, Place, columns, piece, write};
use crate::theme::{Theme, Tone};

/// Draws it.
pub(crate) fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    match &model.overlay {
        Some(lying) => lying.overlay.draw_bar(model, buffer, area),
        None if model.said.is_some() => {
            write(buffer, place(area), model.said.as_slice(), &model.setting.theme);
        }
        None if !model.typed.is_empty() => {
            let typed = model.setting.keys.label(&Chord(model.typed.clone()));
            let keys = [
                piece(format!(" {typed} …"), Tone::Accent),
                piece("   esc", Tone::Accent),
                piece(" nothing ", Tone::Dim),
            ];
            write(buffer, place(area), &keys, &model.setting.theme);
        }
        None => {
            write(buffer, place(area), &keys(model, usize::from(area.width)), &model.setting.theme);
        }
    }
}

/// Keys and what they do.
pub(crate) fn draw_hints(hints: &[(&str, &str)], buffer: &mut Buffer, area: Rect, theme: &Theme) {
    let pieces: Vec<Piece> = hints
        .iter()
        .flat_map(|(key, word)| [piece(format!(" {key}"), Tone::Accent), piece(format!(" {word}  "), Tone::Dim)])
        .collect();
    write(buffer, place(area), &pieces, theme);
}

/// The first line of an area.
pub(crate) const fn place(area: Rect) -> Place {
    Place { x: area.x, y: area.y, width: area.width }
}

/// The keys in the order of the registry; those before help and quit go first where there is no room.
fn keys(model: &Model, width: usize) -> Vec<Piece> {
    let leads_back = model.trail.leads_back();
    let actions = model.offered();
    let reached = |entry: &&Entry| !entry.word.is_empty() && !model.labels(entry.action).is_empty();
    let worded = offered(&actions).filter(reached);
    let mut entries: Vec<&Entry> = worded.filter(|entry| entry.action != Action::Back || leads_back).collect();
    loop {
        let pieces: Vec<Piece> = entries.iter().flat_map(|entry| words(model, entry)).collect();
        if columns(&pieces) <= width || entries.len() <= 2 {
            return pieces;
        }
        entries.remove(entries.len() - 3);
    }
}

fn words(model: &Model, entry: &Entry) -> [Piece; 2] {
    let key = model.labels(entry.action).into_iter().next().unwrap_or_default();
    [piece(format!(" {key}"), Tone::Accent), piece(format!(" {}  ", entry.word), Tone::Dim)]
}
