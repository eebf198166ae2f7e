//! Everything that can be done here and every place to go to, found by a few letters.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::picker::{Frame, Picked, Picker};
use super::{JumpLine, Overlay, Reply};
use crate::actions::{Action, offered};
use crate::fuzzy::ranked;
use crate::model::Model;
use crate::outcome::Outcome;
use crate::piece::{Piece, piece};
use crate::screens::{Kind, jumps};
use crate::text::fit;
use crate::theme::Tone;

/// Screen columns of the keys.
const KEYS: usize = 15;

/// The palette.
pub struct Palette {
    picker: Picker,
    entries: Vec<Entry>,
}

struct Entry {
    does: Does,
    keys: String,
    text: String,
}

#[derive(Clone, Copy)]
enum Does {
    Action(Action),
    Jump(&'static Kind),
}

impl Palette {
    /// Over what is offered now.
    #[must_use]
    pub fn over(model: &Model) -> Self {
        let actions = model.offered();
        let actions = offered(&actions).filter(|entry| entry.action != Action::Palette).map(|entry| Entry {
            does: Does::Action(entry.action),
            keys: fit(&model.labels(entry.action).into_iter().take(2).collect::<Vec<_>>().join(" "), KEYS).into_owned(),
            text: format!("{}: {}", entry.group.title(), entry.help),
        });
        let jumps = jumps().map(|kind| Entry {
            does: Does::Jump(kind),
            keys: format!(":{}", kind.name),
            text: format!("Jump: {}", kind.title),
        });
        Self { picker: Picker::default(), entries: actions.chain(jumps).collect() }
    }

    fn found(&self) -> Vec<&Entry> {
        let texts: Vec<String> = self.entries.iter().map(|entry| format!("{} {}", entry.text, entry.keys)).collect();
        ranked(self.picker.typed(), &texts).into_iter().filter_map(|index| self.entries.get(index)).collect()
    }
}

impl Overlay for Palette {
    fn key(&mut self, key: &KeyEvent, _: &mut Model) -> Reply {
        let found = self.found();
        let chosen = found.get(self.picker.selected()).map(|entry| entry.does);
        let rows = found.len();
        match (self.picker.key(key, rows), chosen) {
            (Picked::Left, _) => Reply::Close,
            (Picked::Chosen, Some(Does::Action(action))) => Reply::Then(Outcome::Act(action)),
            (Picked::Chosen, Some(Does::Jump(kind))) => Reply::Then(Outcome::Show(Box::new(JumpLine::to(kind)))),
            _ => Reply::Stay,
        }
    }

    fn paste(&mut self, text: &str, _: &mut Model) {
        self.picker.paste(text);
    }

    fn draw(&self, model: &Model, buffer: &mut Buffer, body: Rect) {
        let found = self.found();
        let rows: Vec<Vec<Piece>> = found
            .iter()
            .map(|entry| {
                vec![piece(format!("{:<1$}", entry.keys, KEYS + 1), Tone::Accent), piece(&*entry.text, Tone::Plain)]
            })
            .collect();
        let frame = Frame {
            title: "What to do",
            prompt: Some("> "),
            note: piece(format!("{} of {}", found.len(), self.entries.len()), Tone::Dim),
            most: self.entries.len(),
            marks: true,
        };
        self.picker.draw(buffer, body, &frame, &rows, &model.setting.theme);
    }

    fn hints(&self) -> Vec<(&'static str, &'static str)> {
        vec![("⏎", "do it"), ("↑ ↓", "choose"), ("esc", "close")]
    }
}
