//! The columns of the list: which are shown, in which order, how wide, and which the rows are sorted by.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::picker::{Frame, Picked, Picker};
use super::{Overlay, Reply};
use crate::actions::Action;
use crate::model::Model;
use crate::piece::{Piece, piece};
use crate::table::{ColumnChange, ColumnState};
use crate::theme::Tone;

/// The chooser.
#[derive(Default)]
pub struct Columns {
    picker: Picker,
    /// As they are now.
    states: Vec<ColumnState>,
}

impl Columns {
    /// Over the columns of a list.
    #[must_use]
    pub fn of(states: Vec<ColumnState>) -> Self {
        Self { picker: Picker::default(), states }
    }
}

impl Overlay for Columns {
    fn key(&mut self, key: &KeyEvent, model: &mut Model) -> Reply {
        let change = match key.code {
            KeyCode::Char(' ') => ColumnChange::Toggle,
            KeyCode::Char('K') => ColumnChange::Earlier,
            KeyCode::Char('J') => ColumnChange::Later,
            KeyCode::Char('+') | KeyCode::Right => ColumnChange::Wider,
            KeyCode::Char('-') | KeyCode::Left => ColumnChange::Narrower,
            KeyCode::Char('s') => ColumnChange::Sort,
            KeyCode::Char('r') => ColumnChange::Reset,
            _ if model.is_key_of(Action::Columns, key) => return Reply::Close,
            code => {
                let code = match code {
                    KeyCode::Char('j') => KeyCode::Down,
                    KeyCode::Char('k') => KeyCode::Up,
                    code => code,
                };
                let picked = self.picker.key(&KeyEvent::new(code, key.modifiers), self.states.len());
                return if matches!(picked, Picked::Left | Picked::Chosen) { Reply::Close } else { Reply::Stay };
            }
        };
        let list = model.trail.top_mut().screen.list();
        let place = list.change(self.picker.selected(), change);
        self.states = list.columns();
        self.picker.select(place);
        Reply::Stay
    }

    fn draw(&self, model: &Model, buffer: &mut Buffer, body: Rect) {
        let rows: Vec<Vec<Piece>> = self
            .states
            .iter()
            .map(|state| {
                let (sign, tone) = if state.hidden { ("[ ] ", Tone::Dim) } else { ("[x] ", Tone::Strong) };
                let sight = if state.hidden || state.in_sight { "" } else { "  no room now" };
                let sorted = match state.sorted {
                    Some(true) => "  sorted ↓",
                    Some(false) => "  sorted ↑",
                    None => "",
                };
                vec![
                    piece(format!("{sign}{:<16}", state.title), tone),
                    piece(format!("{:>3} wide", state.width), Tone::Dim),
                    piece(sorted, Tone::Accent),
                    piece(sight, Tone::Dim),
                ]
            })
            .collect();
        let frame =
            Frame { title: "Columns", prompt: None, note: piece("", Tone::Dim), most: self.states.len(), marks: true };
        self.picker.draw(buffer, body, &frame, &rows, &model.setting.theme);
    }

    fn hints(&self) -> Vec<(&'static str, &'static str)> {
        vec![
            ("space", "show or hide"),
            ("J K", "move"),
            ("+ -", "width"),
            ("s", "sort"),
            ("r", "as at first"),
            ("esc", "done"),
        ]
    }
}
