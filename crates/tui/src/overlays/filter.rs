//! A filter being typed, in the last line; the list follows every letter.

use crossterm::event::{Event, KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler;

use super::picker::{draw_input, insert};
use super::{Overlay, Reply};
use crate::format::count;
use crate::keybar::place;
use crate::model::Model;
use crate::piece::{Piece, Place, columns, piece, write_right};
use crate::text::fit;
use crate::theme::Tone;

/// Columns that the line keeps for what is typed, however much there is to say about it.
const LEAST: usize = 30;
/// Columns around what is typed: the sign before it, the cursor, a gap.
const AROUND: usize = 5;

/// The line, and the filter before it.
pub struct FilterLine {
    input: Input,
    before: String,
    /// What is wrong with it.
    wrong: Option<String>,
    /// Rows shown, and all of them.
    counts: (usize, usize),
    /// What Tab would make of it.
    completed: Option<String>,
}

impl FilterLine {
    /// Begins with the filter that there is.
    #[must_use]
    pub fn new(filter: &str, counts: (usize, usize)) -> Self {
        Self { input: Input::new(filter.to_owned()), before: filter.to_owned(), wrong: None, counts, completed: None }
    }

    fn apply(&mut self, model: &mut Model) {
        let list = model.trail.top_mut().screen.list();
        list.set_filter(self.input.value());
        self.wrong = list.wrong().map(str::to_owned);
        self.counts = list.counts();
        self.completed = list.completed(self.input.value());
    }

    /// What is to be said about what is typed.
    fn remarks(&self, room: usize) -> Vec<Piece> {
        if let Some(wrong) = &self.wrong {
            let all = format!("▲ {wrong} · all rows shown ");
            return vec![piece(fit(&all, room), Tone::Bad)];
        }
        let found = format!("{} of {}", count(self.counts.0 as u64), count(self.counts.1 as u64));
        let mut pieces = vec![piece(found, Tone::Strong)];
        if let Some(completed) = &self.completed {
            let word = completed.rsplit([' ', '!']).next().unwrap_or_default().to_owned();
            pieces.extend([piece("   tab", Tone::Accent), piece(format!(" {word}"), Tone::Dim)]);
        }
        pieces.extend([
            piece("   ⏎", Tone::Accent),
            piece(" keep   ", Tone::Dim),
            piece("esc", Tone::Accent),
            piece(" as before ", Tone::Dim),
        ]);
        pieces
    }
}

impl Overlay for FilterLine {
    fn key(&mut self, key: &KeyEvent, model: &mut Model) -> Reply {
        match key.code {
            KeyCode::Enter => return Reply::Close,
            KeyCode::Esc => {
                model.trail.top_mut().screen.list().set_filter(&self.before);
                return Reply::Close;
            }
            KeyCode::Tab => {
                if let Some(completed) = self.completed.take() {
                    self.input = Input::new(completed);
                }
            }
            _ => {
                self.input.handle_event(&Event::Key(*key));
            }
        }
        self.apply(model);
        Reply::Stay
    }

    fn paste(&mut self, text: &str, model: &mut Model) {
        insert(&mut self.input, text);
        self.apply(model);
    }

    fn draw(&self, _: &Model, _: &mut Buffer, _: Rect) {}

    /// ` /text▏`, how many rows fit or what is wrong, and what the keys do.
    fn draw_bar(&self, model: &Model, buffer: &mut Buffer, line: Rect) {
        let theme = &model.setting.theme;
        let width = usize::from(line.width);
        let typed = (crate::text::width(self.input.value()) + AROUND).min(LEAST);
        let remarks = self.remarks(width.saturating_sub(typed));
        write_right(buffer, place(line), &remarks, theme);
        let room = width.saturating_sub(columns(&remarks) + 2);
        draw_input(buffer, Place { width: room as u16, ..place(line) }, " /", &self.input, theme);
    }

    fn hints(&self) -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }

    fn is_of_the_list(&self) -> bool {
        true
    }
}
