//! A secret, shown once (R15). No key that somebody presses in passing puts it away.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use mete_core::secret::Secret;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget};

use super::{Overlay, Reply};
use crate::copy::Clip;
use crate::model::Model;
use crate::msg::Effect;
use crate::panel::{Title, lines, panel, wrapped};
use crate::piece::{Piece, piece};
use crate::theme::Tone;

/// Columns of the panel, where there are so many: the longest secret fits on one line.
const WIDTH: u16 = 80;

/// The secret.
pub struct SecretLayer {
    /// Whose it is, in a sentence.
    words: String,
    secret: Secret,
    copied: bool,
    /// Whether it was asked to go.
    leaving: bool,
}

impl SecretLayer {
    /// The secret of what was done.
    #[must_use]
    pub fn new(words: String, secret: Secret) -> Self {
        Self { words, secret, copied: false, leaving: false }
    }

    fn text(&self, columns: usize) -> Vec<Vec<Piece>> {
        let mut text: Vec<Vec<Piece>> = Vec::new();
        text.extend(
            wrapped(&format!("✓ {}.", self.words), columns).into_iter().map(|line| vec![piece(line, Tone::Good)]),
        );
        text.push(Vec::new());
        let letters: Vec<char> = self.secret.reveal().chars().collect();
        text.extend(
            letters.chunks(columns.max(1)).map(|part| vec![piece(part.iter().collect::<String>(), Tone::Strong)]),
        );
        text.push(Vec::new());
        let keep = "▲ It will not be shown again: it is not stored. Keep it now.";
        text.extend(wrapped(keep, columns).into_iter().map(|line| vec![piece(line, Tone::Near)]));
        text.push(if self.leaving {
            vec![
                piece("Gone for good then. ", Tone::Bad),
                piece("y", Tone::Accent),
                piece(" I have kept it   ", Tone::Strong),
                piece("any other key", Tone::Accent),
                piece(" shows it still", Tone::Dim),
            ]
        } else {
            let copied = if self.copied { " sent to the clipboard; see that it is there" } else { " copy it" };
            vec![
                piece("c", Tone::Accent),
                piece(copied, Tone::Dim),
                piece("   esc", Tone::Accent),
                piece(" put it away", Tone::Dim),
            ]
        });
        text
    }
}

impl Overlay for SecretLayer {
    fn key(&mut self, key: &KeyEvent, _: &mut Model) -> Reply {
        let control_c = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('y') if self.leaving => return Reply::Close,
            _ if self.leaving => self.leaving = false,
            KeyCode::Char('c') if !control_c => {
                self.copied = true;
                return Reply::With(vec![Effect::Copy(Clip::new(self.secret.reveal()))]);
            }
            KeyCode::Esc => self.leaving = true,
            _ if control_c => self.leaving = true,
            _ => {}
        }
        Reply::Stay
    }

    fn is_held(&self) -> bool {
        true
    }

    fn draw(&self, model: &Model, buffer: &mut Buffer, body: Rect) {
        let theme = &model.setting.theme;
        let width = WIDTH.min(body.width);
        let text = self.text(usize::from(width.saturating_sub(4)));
        let height = (text.len() as u16 + 2).min(body.height);
        let area = Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 2, width, height };
        Clear.render(area, buffer);
        let title = Title { focused: true, ..Title::new("The secret, shown once") };
        let inner = panel(buffer, area, &title, theme);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        lines(buffer, inner, &text, theme);
    }

    fn hints(&self) -> Vec<(&'static str, &'static str)> {
        vec![("c", "copy"), ("esc", "put it away")]
    }
}
