//! Panels: a border with a title in it. Never one inside another.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, BorderType, Widget};

use crate::piece::{Piece, Place, columns, piece, write};
use crate::text::fit;
use crate::theme::{Theme, Tone};

/// What is written in the border of a panel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Title {
    /// Top left.
    pub name: Vec<Piece>,
    /// Top right; left away where it does not fit beside the name.
    pub note: Option<String>,
    /// Whether the keys act on this panel.
    pub focused: bool,
}

impl Title {
    /// A title of nothing but a name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: vec![piece(name, Tone::Strong)], note: None, focused: false }
    }
}

/// Draws the border of a panel and returns what is inside.
pub fn panel(buffer: &mut Buffer, area: Rect, title: &Title, theme: &Theme) -> Rect {
    let tone = if title.focused { Tone::Accent } else { Tone::Dim };
    let block = Block::bordered().border_type(BorderType::Rounded).border_style(theme.style(tone));
    let inner = block.inner(area);
    block.render(area, buffer);
    let room = area.width.saturating_sub(4);
    if area.height == 0 || room == 0 {
        return inner;
    }
    let mut name = vec![piece(" ", Tone::Plain)];
    name.extend(title.name.iter().cloned());
    name.push(piece(" ", Tone::Plain));
    let used = write(buffer, Place { x: area.x + 2, y: area.y, width: room }, &name, theme);
    if let Some(note) = &title.note {
        let note = [piece(format!(" {} ", fit(note, usize::from(room))), Tone::Dim)];
        let width = columns(&note) as u16;
        if used + width < room {
            write(buffer, Place { x: area.x + 2 + room - width, y: area.y, width }, &note, theme);
        }
    }
    inner
}

/// Writes lines of pieces from the top of an area; lines that do not fit are left away.
pub fn lines(buffer: &mut Buffer, area: Rect, lines: &[Vec<Piece>], theme: &Theme) {
    for (y, line) in (area.y..area.bottom()).zip(lines) {
        write(buffer, Place { x: area.x, y, width: area.width }, line, theme);
    }
}

/// Words broken into lines of at most `columns` columns.
#[must_use]
pub fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if crate::text::width(line) + 1 + crate::text::width(word) <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_broken_between_them_and_never_lost() {
        assert_eq!(wrapped("No organization yet. Make one.", 12), ["No", "organization", "yet. Make", "one."]);
        assert_eq!(wrapped("", 10), Vec::<String>::new());
    }

    #[test]
    fn a_note_that_does_not_fit_beside_the_name_is_left_away() {
        let theme = Theme::new(true, None);
        let title = Title { note: Some("6 of 143".to_owned()), ..Title::new("Projects") };
        for (width, shown) in [(40, true), (18, false)] {
            let area = Rect::new(0, 0, width, 2);
            let mut buffer = Buffer::empty(area);
            panel(&mut buffer, area, &title, &theme);
            let top: String = (0..width).map(|x| buffer[(x, 0)].symbol()).collect();
            assert_eq!(top.contains("6 of 143"), shown, "{top}");
            assert!(top.contains(" Projects "), "{top}");
        }
    }
}
