//! What the keys do, from the registry of actions; typing finds in it.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::picker::{Frame, Picked, Picker};
use super::{Overlay, Reply};
use crate::actions::{Action, Group, offered};
use crate::model::Model;
use crate::piece::{Piece, piece};
use crate::text::fit;
use crate::theme::Tone;

/// Screen columns of the keys.
const KEYS: usize = 17;

/// The help, with what was typed to find in it.
#[derive(Default)]
pub struct Help {
    picker: Picker,
}

impl Overlay for Help {
    fn key(&mut self, key: &KeyEvent, model: &mut Model) -> Reply {
        if model.is_key_of(Action::Help, key) && self.picker.typed().is_empty() {
            return Reply::Close;
        }
        match self.picker.key(key, rows(model, self.picker.typed()).len()) {
            Picked::Left | Picked::Chosen => Reply::Close,
            _ => Reply::Stay,
        }
    }

    fn paste(&mut self, text: &str, _: &mut Model) {
        self.picker.paste(text);
    }

    fn draw(&self, model: &Model, buffer: &mut Buffer, body: Rect) {
        let (all, found) = (rows(model, "").len(), rows(model, self.picker.typed()));
        let note = if found.len() == all { String::new() } else { format!("{} of {all}", found.len()) };
        let frame = Frame {
            title: "Keys on this screen",
            prompt: Some("find: "),
            note: piece(note, Tone::Dim),
            most: all,
            marks: false,
        };
        self.picker.draw(buffer, body, &frame, &found, &model.setting.theme);
    }

    fn hints(&self) -> Vec<(&'static str, &'static str)> {
        vec![("esc", "close"), ("↑ ↓ pgup pgdn", "scroll"), ("a-z", "find")]
    }
}

/// What stands for all tabs: one line each would say the same.
const TABS: &str = "the tab of that place";

/// One line for each action that is offered, under the heading of its group; of those with the words typed.
fn rows(model: &Model, typed: &str) -> Vec<Vec<Piece>> {
    let actions = model.offered();
    let words: Vec<String> = typed.split_whitespace().map(str::to_lowercase).collect();
    let mut rows = Vec::new();
    for group in Group::ALL {
        let mut heading = group.title();
        let is_later_tab = |action| matches!(action, Action::Tab(number) if number > 1);
        for entry in offered(&actions).filter(|entry| entry.group == group && !is_later_tab(entry.action)) {
            let is_tab = entry.action == Action::Tab(1);
            let keys = if is_tab { tab_keys(model, &actions) } else { model.labels(entry.action).join(" ") };
            let help = if is_tab { TABS } else { entry.help };
            let text = format!("{keys} {help} {}", group.title()).to_lowercase();
            if !words.iter().all(|word| text.contains(word)) {
                continue;
            }
            let keys = fit(&keys, KEYS);
            rows.push(vec![
                piece(format!("{heading:<8}"), Tone::Strong),
                piece(format!("{keys:<0$}", KEYS + 1), Tone::Accent),
                piece(help, Tone::Plain),
            ]);
            heading = "";
        }
    }
    rows
}

/// The first key of each tab.
fn tab_keys(model: &Model, actions: &[Action]) -> String {
    let tabs = actions.iter().filter(|action| matches!(action, Action::Tab(_)));
    tabs.filter_map(|tab| model.labels(*tab).into_iter().next()).collect::<Vec<_>>().join(" ")
}
