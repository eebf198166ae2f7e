//! The mouse, where it is asked for: the wheel scrolls, a click selects, a click on a heading sorts.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use crate::actions::Action;
use crate::model::Model;
use crate::outcome::Outcome;
use crate::table::Move;

/// Rows that one notch of the wheel goes.
const NOTCH: usize = 3;
/// A click goes through the lists of a screen to find its own; no screen has more.
const MOST_LISTS: usize = 8;

/// Does what the mouse asks for. What lies on top of the screen hides it from the mouse.
pub(crate) fn take(model: &mut Model, mouse: &MouseEvent) {
    model.typed.clear();
    if model.overlay.is_some() {
        return;
    }
    let wheel = |model: &mut Model, movement| {
        for _ in 0..NOTCH {
            model.trail.top_mut().screen.list().step(movement);
        }
    };
    match mouse.kind {
        MouseEventKind::ScrollUp => wheel(model, Move::Up),
        MouseEventKind::ScrollDown => wheel(model, Move::Down),
        MouseEventKind::Down(MouseButton::Left) => click(model, Position { x: mouse.column, y: mouse.row }),
        _ => {}
    }
}

/// Tells the list that has the keys, and gives them to the list that was clicked on.
fn click(model: &mut Model, place: Position) {
    let screen = &mut model.trail.top_mut().screen;
    let others = screen.actions().contains(&Action::NextPanel);
    for _ in 0..screen.all_lists().len().min(MOST_LISTS) {
        if screen.list().click(place) {
            return;
        }
        if others {
            // it opens nothing
            let Outcome::Done = screen.act(Action::NextPanel) else { return };
        }
    }
}
