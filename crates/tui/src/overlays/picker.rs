//! A list to pick from, under a line that finds in it: what jump, palette, help and choosers have in common.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget};
use tui_input::backend::crossterm::EventHandler;
use tui_input::{Input, InputRequest};

use crate::panel::{Title, panel};
use crate::piece::{Piece, Place, piece, write, write_right};
use crate::theme::{Theme, Tone};

/// Columns of the panel, where there are so many.
const WIDTH: u16 = 84;
/// Rows that a page key goes on by.
const PAGE: usize = 10;

/// What a key came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picked {
    /// Something was typed.
    Typed,
    /// Nothing but the selection has changed.
    Moved,
    /// Enter.
    Chosen,
    /// Tab.
    Completed,
    /// Esc.
    Left,
}

/// What was typed, and which row is selected.
#[derive(Clone, Debug, Default)]
pub struct Picker {
    input: Input,
    selected: usize,
}

/// How it looks besides its rows.
pub struct Frame<'a> {
    /// The name in the border.
    pub title: &'a str,
    /// What stands before the text; a list that cannot be typed into has none.
    pub prompt: Option<&'a str>,
    /// At the end of the line: how many rows, or what is wrong.
    pub note: Piece,
    /// Rows that there are when nothing is typed.
    pub most: usize,
    /// Whether a row is marked as the one that Enter takes.
    pub marks: bool,
}

impl Picker {
    /// With a text in the line.
    #[must_use]
    pub fn with(text: &str) -> Self {
        Self { input: Input::new(text.to_owned()), selected: 0 }
    }

    /// What was typed.
    #[must_use]
    pub fn typed(&self) -> &str {
        self.input.value()
    }

    /// The selected row.
    #[must_use]
    pub const fn selected(&self) -> usize {
        self.selected
    }

    /// Puts a text into the line.
    pub fn set(&mut self, text: &str) {
        *self = Self::with(text);
    }

    /// Selects a row.
    pub const fn select(&mut self, row: usize) {
        self.selected = row;
    }

    /// Takes a key while there are so many rows.
    pub fn key(&mut self, key: &KeyEvent, rows: usize) -> Picked {
        let last = rows.saturating_sub(1);
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let selected = self.selected.min(last);
        self.selected = match key.code {
            KeyCode::Enter => return Picked::Chosen,
            KeyCode::Tab => return Picked::Completed,
            KeyCode::Esc => return Picked::Left,
            KeyCode::Up => selected.saturating_sub(1),
            KeyCode::Char('p') if control => selected.saturating_sub(1),
            KeyCode::Down => (selected + 1).min(last),
            KeyCode::Char('n') if control => (selected + 1).min(last),
            KeyCode::PageUp => selected.saturating_sub(PAGE),
            KeyCode::PageDown => (selected + PAGE).min(last),
            _ => {
                let before = self.input.value().to_owned();
                self.input.handle_event(&Event::Key(*key));
                if self.input.value() == before {
                    return Picked::Moved;
                }
                self.selected = 0;
                return Picked::Typed;
            }
        };
        Picked::Moved
    }

    /// Takes pasted text, without what a terminal would obey.
    pub fn paste(&mut self, text: &str) {
        insert(&mut self.input, text);
        self.selected = 0;
    }

    /// Draws it in the middle of the content.
    pub fn draw(&self, buffer: &mut Buffer, body: Rect, frame: &Frame<'_>, rows: &[Vec<Piece>], theme: &Theme) {
        let area = middle(body, frame.most + usize::from(frame.prompt.is_some()));
        Clear.render(area, buffer);
        let title = Title { focused: true, ..Title::new(frame.title) };
        let inner = panel(buffer, area, &title, theme);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let mut list = inner;
        if let Some(prompt) = frame.prompt.filter(|_| inner.height > 0) {
            let line = Place { x: inner.x, y: inner.y, width: inner.width };
            write_right(buffer, line, std::slice::from_ref(&frame.note), theme);
            let room = usize::from(inner.width).saturating_sub(crate::text::width(&frame.note.text) + 2);
            draw_input(buffer, Place { width: room as u16, ..line }, prompt, &self.input, theme);
            list = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
        }
        let page = usize::from(list.height);
        let selected = self.selected.min(rows.len().saturating_sub(1));
        let top = (selected + 1).saturating_sub(page);
        for ((y, row), index) in (list.y..list.bottom()).zip(rows.iter().skip(top)).zip(top..) {
            let sign = if index == selected && frame.marks { "▸ " } else { "  " };
            let mut line = vec![piece(sign, Tone::Accent)];
            line.extend(row.iter().cloned());
            write(buffer, Place { x: list.x, y, width: list.width }, &line, theme);
            if index == selected && frame.marks {
                buffer.set_style(Rect { y, height: 1, ..list }, theme.selected_row());
            }
        }
    }
}

/// The place of a panel for so many lines in the middle of the content.
#[must_use]
pub fn middle(body: Rect, lines: usize) -> Rect {
    let width = WIDTH.min(body.width);
    // a line of what is under it above or below would only be in the way
    let height = match u16::try_from(lines + 2).unwrap_or(u16::MAX) {
        wanted if wanted.saturating_add(2) < body.height => wanted,
        _ => body.height,
    };
    Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 2, width, height }
}

/// Text into an input line, without what a terminal would obey.
pub fn insert(input: &mut Input, text: &str) {
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        input.handle(InputRequest::InsertChar(letter));
    }
}

/// A line being typed, after a prompt, with its cursor.
pub fn draw_input(buffer: &mut Buffer, place: Place, prompt: &str, input: &Input, theme: &Theme) {
    let before = crate::text::width(prompt);
    let room = usize::from(place.width).saturating_sub(before);
    // the cursor has a cell of its own after the last letter
    let scrolled = input.visual_scroll(room.saturating_sub(1));
    let mut skipped = 0;
    let shown: String = input
        .value()
        .chars()
        .skip_while(|letter| {
            let skip = skipped < scrolled;
            skipped += crate::text::width(letter.encode_utf8(&mut [0; 4]));
            skip
        })
        .collect();
    write(buffer, place, &[piece(prompt, Tone::Accent), piece(shown, Tone::Strong)], theme);
    let cursor = place.x + (before + input.visual_cursor().saturating_sub(scrolled)) as u16;
    if let Some(cell) = buffer.cell_mut((cursor, place.y)).filter(|_| cursor < place.x + place.width) {
        cell.set_style(theme.cursor());
    }
}
