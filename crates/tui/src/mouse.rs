//! The mouse, where it is asked for: the wheel scrolls, a click selects, a click on a heading sorts.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use crate::model::Model;
use crate::msg::Effect;
use crate::table::Move;
use crate::update::follow;

/// Rows that one notch of the wheel goes.
const NOTCH: usize = 3;

/// Does what the mouse asks for. What lies on top of the screen hides it from the mouse.
pub(crate) fn take(model: &mut Model, mouse: &MouseEvent, effects: &mut Vec<Effect>) {
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
        MouseEventKind::Down(MouseButton::Left) => {
            let outcome = model.trail.top_mut().screen.click(Position { x: mouse.column, y: mouse.row });
            follow(model, outcome, effects);
        }
        _ => {}
    }
}
