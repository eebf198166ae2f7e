//! What the keys do, from the registry of actions.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget};

use crate::actions::{Group, offered};
use crate::model::Model;
use crate::panel::{Title, lines, panel};
use crate::piece::{Piece, piece};
use crate::text::fit;
use crate::theme::Tone;
use crate::view::areas;

/// Columns of the panel, where there are so many.
const WIDTH: u16 = 84;

/// Draws the help over the content.
pub(crate) fn draw(model: &Model, buffer: &mut Buffer, body: Rect, scrolled: usize) {
    let text = text(model);
    let width = WIDTH.min(body.width);
    // a line of what is under it above or below would only be in the way
    let height = match text.len() as u16 + 2 {
        wanted if wanted + 2 < body.height => wanted,
        _ => body.height,
    };
    let area = Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 2, width, height };
    Clear.render(area, buffer);
    let title = Title { focused: true, ..Title::new("Keys on this screen") };
    let inner = panel(buffer, area, &title, &model.setting.theme);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    lines(buffer, inner, text.get(scrolled..).unwrap_or_default(), &model.setting.theme);
}

/// One line further down, unless the last one is in sight.
pub(crate) fn scroll_down(model: &Model, scrolled: usize) -> usize {
    let page = usize::from(areas(model).body.height.saturating_sub(2));
    (scrolled + 1).min(text(model).len().saturating_sub(page))
}

/// One line for each action that is offered, under the heading of its group.
fn text(model: &Model) -> Vec<Vec<Piece>> {
    let actions = model.offered();
    let mut text = Vec::new();
    for group in Group::ALL {
        for (place, entry) in offered(&actions).filter(|entry| entry.group == group).enumerate() {
            let heading = if place == 0 { group.title() } else { "" };
            let keys = model.labels(entry.action);
            text.push(vec![
                piece(format!("{heading:<8}"), Tone::Strong),
                piece(format!("{:<19} ", fit(&keys.join(" "), 19)), Tone::Accent),
                piece(entry.help, Tone::Plain),
            ]);
        }
    }
    text
}
