//! All that can be done to what is selected and to what it is in, also what takes a role that one has not.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use mete_control::Sight;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget};

use super::{Overlay, Reply};
use crate::deeds::{Target, Wish};
use crate::model::Model;
use crate::outcome::Outcome;
use crate::panel::{Title, lines, panel};
use crate::piece::{Piece, piece};
use crate::theme::Tone;

/// Columns of the panel, where there are so many.
const WIDTH: u16 = 76;
/// Columns of the words of an act.
const WORDS: usize = 50;

/// The list of acts.
pub struct Acts {
    entries: Vec<Entry>,
    typed: String,
    /// The place of the selected one among those that are shown.
    at: usize,
}

struct Entry {
    wish: Wish,
    /// The role that it takes, where one has it not.
    lacking: Option<&'static str>,
}

impl Acts {
    /// What can be done to these, as far as somebody with such sight may.
    #[must_use]
    pub fn on(targets: &[Target], sight: Option<&Sight>) -> Self {
        let entry = |wish: Wish| Entry { lacking: sight.and_then(|sight| wish.permit(sight).err()), wish };
        let entries = targets.iter().flat_map(Wish::all).map(entry).collect();
        Self { entries, typed: String::new(), at: 0 }
    }

    fn shown(&self) -> impl Iterator<Item = &Entry> {
        let typed = self.typed.to_lowercase();
        self.entries.iter().filter(move |entry| entry.wish.act.words().contains(&typed))
    }

    fn step(&mut self, by: isize) {
        let last = self.shown().count().saturating_sub(1);
        self.at = self.at.saturating_add_signed(by).min(last);
    }

    /// One line for each, after the name of what it is done to; with the line that has the keys.
    fn text(&self) -> (Vec<Vec<Piece>>, usize) {
        let (mut text, mut selected, mut named) = (Vec::new(), 0, "");
        for (place, entry) in self.shown().enumerate() {
            let name = entry.wish.target.name();
            if name != named {
                text.push(vec![piece(name, Tone::Strong)]);
                named = name;
            }
            let here = place == self.at;
            if here {
                selected = text.len();
            }
            let tone = if entry.lacking.is_some() { Tone::Dim } else { Tone::Plain };
            let mut line = vec![
                piece(if here { "▸ " } else { "  " }, Tone::Accent),
                piece(format!("{:<WORDS$}", entry.wish.act.words()), tone),
            ];
            line.extend(entry.lacking.filter(|_| !here).map(|_| piece("not yours", Tone::Dim)));
            text.push(line);
            if let Some(role) = entry.lacking.filter(|_| here) {
                text.push(vec![piece(format!("    that takes {role}"), Tone::Near)]);
            }
        }
        if text.is_empty() {
            text.push(vec![piece("There is nothing like that to be done here.", Tone::Dim)]);
        }
        (text, selected)
    }
}

impl Overlay for Acts {
    fn key(&mut self, key: &KeyEvent, _: &mut Model) -> Reply {
        match key.code {
            KeyCode::Esc => return Reply::Close,
            KeyCode::Up => self.step(-1),
            KeyCode::Down => self.step(1),
            KeyCode::Enter => {
                let chosen = self.shown().nth(self.at).filter(|entry| entry.lacking.is_none());
                if let Some(entry) = chosen {
                    return Reply::Then(Outcome::Wish(Box::new(entry.wish.clone())));
                }
            }
            KeyCode::Backspace => {
                self.typed.pop();
                self.at = 0;
            }
            KeyCode::Char(letter) if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
                self.typed.push(letter);
                self.at = 0;
            }
            _ => {}
        }
        Reply::Stay
    }

    fn draw(&self, model: &Model, buffer: &mut Buffer, body: Rect) {
        let theme = &model.setting.theme;
        let (text, selected) = self.text();
        let width = WIDTH.min(body.width);
        let height = (text.len() as u16 + 2).min(body.height);
        let area = Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 2, width, height };
        Clear.render(area, buffer);
        let note = (!self.typed.is_empty()).then(|| format!("/{}", self.typed));
        let title = Title { focused: true, note, ..Title::new("What can be done") };
        let inner = panel(buffer, area, &title, theme);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        // the role that is lacking stands on the line below
        let top = (selected + 2).saturating_sub(usize::from(inner.height)).min(selected);
        lines(buffer, inner, text.get(top..).unwrap_or_default(), theme);
    }

    fn hints(&self) -> Vec<(&'static str, &'static str)> {
        vec![("⏎", "choose"), ("letters", "find"), ("esc", "close")]
    }
}
