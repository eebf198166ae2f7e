//! The last line: the keys that work here, or the filter being typed.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tui_input::Input;

use crate::actions::{Action, Entry, offered};
use crate::config::Chord;
use crate::model::{Model, Overlay};
use crate::piece::{Piece, Place, columns, piece, write, write_right};
use crate::text::fit;
use crate::theme::Tone;

/// Columns that the filter keeps for itself besides what stands around it.
const AROUND_FILTER: usize = 40;

/// Draws it.
pub(crate) fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    match &model.overlay {
        Some(Overlay::Filter { input, .. }) => draw_filter(model, input, buffer, area),
        Some(Overlay::Help { .. }) => {
            let keys = [
                piece(" esc", Tone::Accent),
                piece(" close   ", Tone::Dim),
                piece("↑ ↓", Tone::Accent),
                piece(" scroll", Tone::Dim),
            ];
            write(buffer, place(area), &keys, &model.setting.theme);
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

const fn place(area: Rect) -> Place {
    Place { x: area.x, y: area.y, width: area.width }
}

/// The keys in the order of the registry; those before help and quit go first where there is no room.
fn keys(model: &Model, width: usize) -> Vec<Piece> {
    let leads_back = !model.opened.is_empty();
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

/// ` /text▏`, and what Enter and Esc do.
fn draw_filter(model: &Model, input: &Input, buffer: &mut Buffer, area: Rect) {
    let theme = &model.setting.theme;
    let room = usize::from(area.width).saturating_sub(AROUND_FILTER);
    let scrolled = input.visual_scroll(room);
    let shown: String = input.value().chars().skip(scrolled).collect();
    let line = [piece(" /", Tone::Accent), piece(fit(&shown, room), Tone::Strong)];
    write(buffer, place(area), &line, theme);
    let cursor = area.x + 2 + input.visual_cursor().saturating_sub(scrolled) as u16;
    if let Some(cell) = buffer.cell_mut((cursor, area.y)) {
        cell.set_style(theme.cursor());
    }
    let keys = [
        piece("⏎", Tone::Accent),
        piece(" keep   ", Tone::Dim),
        piece("esc", Tone::Accent),
        piece(" as before ", Tone::Dim),
    ];
    write_right(buffer, place(area), &keys, theme);
}
