//! The form of something that is to be done to the store.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Overlay, Reply};
use crate::deeds::{Sheet, Wish};
use crate::form::{Form, Outcome};
use crate::model::Model;

/// A form that is being made, filled in, or carried out.
pub struct SheetLayer {
    wish: Wish,
    state: State,
}

enum State {
    /// What it will hit is not known yet.
    Awaited,
    /// It cannot be done, in the words of whoever says so.
    Refused(String),
    Here(Box<Sheet>),
}

impl SheetLayer {
    /// The form of a wish, not known yet.
    #[must_use]
    pub fn of(wish: Wish) -> Self {
        Self { wish, state: State::Awaited }
    }

    /// What stands in the place of a form.
    fn instead(&self, words: &str) -> Form {
        Form::new(format!("{}: {}", self.wish.target.name(), self.wish.act.words()), "").telling(words)
    }
}

impl Overlay for SheetLayer {
    fn key(&mut self, key: &KeyEvent, model: &mut Model) -> Reply {
        let State::Here(sheet) = &mut self.state else {
            return if matches!(key.code, KeyCode::Esc | KeyCode::Enter) { Reply::Close } else { Reply::Stay };
        };
        match sheet.form.key(key, model.now) {
            Outcome::Stay => Reply::Stay,
            Outcome::Close => Reply::Close,
            Outcome::Send => match sheet.deed(model.now) {
                Ok(deed) => {
                    sheet.form.begin();
                    Reply::Carry(deed)
                }
                Err(words) => {
                    sheet.form.refuse(words);
                    Reply::Stay
                }
            },
        }
    }

    fn paste(&mut self, text: &str, _: &mut Model) {
        if let State::Here(sheet) = &mut self.state {
            sheet.form.paste(text);
        }
    }

    fn prepared(&mut self, result: Result<Box<Sheet>, String>) {
        self.state = match result {
            Ok(sheet) => State::Here(sheet),
            Err(words) => State::Refused(words),
        };
    }

    fn refused(&mut self, words: String) {
        match &mut self.state {
            State::Here(sheet) => sheet.form.refuse(words),
            State::Awaited | State::Refused(_) => self.state = State::Refused(words),
        }
    }

    fn draw(&self, model: &Model, buffer: &mut Buffer, body: Rect) {
        let circumstances = (&model.setting.theme, model.now);
        match &self.state {
            State::Here(sheet) => sheet.form.draw(buffer, body, circumstances),
            State::Awaited => self.instead("Loading …").draw_words(buffer, body, circumstances),
            State::Refused(words) => self.instead(&format!("▲ {words}")).draw_words(buffer, body, circumstances),
        }
    }

    fn hints(&self) -> Vec<(&'static str, &'static str)> {
        match &self.state {
            State::Here(_) => {
                vec![("tab", "next"), ("shift-tab", "before"), ("← → space", "choose"), ("esc", "leave it as it is")]
            }
            State::Awaited | State::Refused(_) => vec![("esc", "close")],
        }
    }
}
