//! What can lie on top of a screen. Each is one file that handles its keys and draws itself; whoever opens it returns it
//! as an [`Outcome`].

mod acts;
mod columns;
mod export;
mod filter;
mod help;
mod jump;
mod months;
mod palette;
pub mod picker;
mod secret;
mod sheet;

pub use acts::Acts;
pub use columns::Columns;
use crossterm::event::KeyEvent;
pub use export::Export;
pub use filter::FilterLine;
pub use help::Help;
pub use jump::JumpLine;
use mete_core::Month;
pub use months::Months;
pub use palette::Palette;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
pub use secret::SecretLayer;
pub use sheet::SheetLayer;

use crate::data::{Answer, Query, QueryFailed};
use crate::deeds::{Deed, Sheet};
use crate::model::Model;
use crate::msg::Effect;
use crate::outcome::Outcome;

/// Something that lies on top of a screen and has the keys. While it handles one, the model does not have it.
pub trait Overlay: Send {
    /// Takes a key; control-c is not among them.
    fn key(&mut self, key: &KeyEvent, model: &mut Model) -> Reply;

    /// Takes pasted text. It must never act as keys.
    fn paste(&mut self, _text: &str, _model: &mut Model) {}

    /// What it has to ask when it is opened; the answers come to [`Overlay::receive`].
    fn queries(&self, _month: Month) -> Vec<Query> {
        Vec::new()
    }

    /// Takes the answers to [`Overlay::queries`], in their order.
    fn receive(&mut self, _result: Result<Vec<Answer>, QueryFailed>) -> Reply {
        Reply::Stay
    }

    /// Takes the form that it was opened for, or why there is none.
    fn prepared(&mut self, _result: Result<Box<Sheet>, String>) {}

    /// Takes why what it sent was not done.
    fn refused(&mut self, _words: String) {}

    /// Whether nothing but itself puts it away, not even control-c.
    fn is_held(&self) -> bool {
        false
    }

    /// Draws it over the content.
    fn draw(&self, model: &Model, buffer: &mut Buffer, body: Rect);

    /// The last line of the screen, where it says more than [`Overlay::hints`].
    fn draw_bar(&self, model: &Model, buffer: &mut Buffer, line: Rect) {
        crate::keybar::draw_hints(&self.hints(), buffer, line, &model.setting.theme);
    }

    /// Its keys and what they do, for the last line.
    fn hints(&self) -> Vec<(&'static str, &'static str)>;

    /// Whether the list under it goes on looking as if it had the keys.
    fn is_of_the_list(&self) -> bool {
        false
    }
}

/// What becomes of an overlay after a key or an answer.
pub enum Reply {
    /// It stays.
    Stay,
    /// It stays, and these are done outside.
    With(Vec<Effect>),
    /// It stays until this is done.
    Carry(Deed),
    /// It goes.
    Close,
    /// It goes, and this comes.
    Then(Outcome),
}
