//! What is on the screen, into a file: the rows of the list, or a picture of it all.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::picker::{Frame, Picked, Picker};
use super::{Overlay, Reply};
use crate::export::{Format, contents, file_name};
use crate::model::Model;
use crate::msg::Effect;
use crate::outcome::Outcome;
use crate::piece::{Piece, piece};
use crate::theme::Tone;

/// The formats to choose from.
#[derive(Default)]
pub struct Export {
    picker: Picker,
}

impl Overlay for Export {
    fn key(&mut self, key: &KeyEvent, model: &mut Model) -> Reply {
        let by_letter = Format::ALL.into_iter().find(|format| key.code == KeyCode::Char(format.letter()));
        let chosen = match by_letter {
            Some(format) => Some(format),
            None => match self.picker.key(key, Format::ALL.len()) {
                Picked::Left => return Reply::Close,
                Picked::Chosen => Format::ALL.get(self.picker.selected()).copied(),
                _ => None,
            },
        };
        let Some(format) = chosen else { return Reply::Stay };
        let effect = Effect::Write { name: file_name(model, format), contents: contents(model, format) };
        Reply::Then(Outcome::Effects(vec![effect]))
    }

    fn draw(&self, model: &Model, buffer: &mut Buffer, body: Rect) {
        let rows: Vec<Vec<Piece>> = Format::ALL
            .iter()
            .map(|format| {
                vec![
                    piece(format!("{}  ", format.letter()), Tone::Accent),
                    piece(format!("{:<6}", format.name()), Tone::Strong),
                    piece(format.help(), Tone::Dim),
                ]
            })
            .collect();
        let frame = Frame {
            title: "Write to a file in this directory",
            prompt: None,
            note: piece("", Tone::Dim),
            most: Format::ALL.len(),
            marks: true,
        };
        self.picker.draw(buffer, body, &frame, &rows, &model.setting.theme);
    }

    fn hints(&self) -> Vec<(&'static str, &'static str)> {
        vec![("⏎", "write"), ("↑ ↓", "choose"), ("esc", "close")]
    }
}
