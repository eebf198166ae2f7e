//! How a form looks: what will be hit, the fields with what is wrong beside them, how to send it.

use mete_core::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;
use ratatui::widgets::{Clear, Widget};

use super::{Answer, Care, Field, Form, Phase};
use crate::panel::{Title, lines, panel, wrapped};
use crate::piece::{Piece, piece};
use crate::text::{inert, width};
use crate::theme::{Theme, Tone};

/// Columns of the panel, where there are so many.
const WIDTH: u16 = 76;
/// Columns of the labels.
const LABELS: usize = 16;
/// Rows of a list of levels that are in sight at once.
const LEVELS: usize = 6;

/// One line of a form.
struct Line {
    pieces: Vec<Piece>,
    /// Whether it must be in sight: it belongs to what has the keys.
    focused: bool,
    /// The column that the next letter goes to.
    cursor: Option<u16>,
}

impl Line {
    fn plain(pieces: Vec<Piece>) -> Self {
        Self { pieces, focused: false, cursor: None }
    }
}

impl Form {
    /// Draws no more than what it tells, in place of a form that is not there.
    pub fn draw_words(&self, buffer: &mut Buffer, body: Rect, (theme, _): (&Theme, Timestamp)) {
        let width = WIDTH.min(body.width);
        let columns = usize::from(width.saturating_sub(4));
        let text: Vec<_> = self.notice.iter().flat_map(|sentence| paragraph(sentence, columns, Tone::Plain)).collect();
        let inner = frame(buffer, body, (&self.title, width, text.len()), theme);
        lines(buffer, inner, &text, theme);
    }

    /// Draws it in the middle of an area, as high as it has to be; scrolled to what has the keys where it is higher.
    pub fn draw(&self, buffer: &mut Buffer, body: Rect, (theme, now): (&Theme, Timestamp)) {
        let width = WIDTH.min(body.width);
        let text = self.lines(usize::from(width.saturating_sub(4)), now);
        let inner = frame(buffer, body, (&self.title, width, text.len()), theme);
        let page = usize::from(inner.height);
        let top = top(&text, page);
        let shown: Vec<Vec<Piece>> = text.iter().skip(top).take(page).map(|line| line.pieces.clone()).collect();
        lines(buffer, inner, &shown, theme);
        for (y, line) in (inner.y..inner.bottom()).zip(text.iter().skip(top)) {
            if let Some(cell) =
                line.cursor.and_then(|x| buffer.cell_mut((inner.x + x.min(inner.width.saturating_sub(1)), y)))
            {
                cell.set_style(theme.cursor());
            }
        }
        draw_more(buffer, inner, (top, page, text.len()), theme);
    }

    fn lines(&self, columns: usize, now: Timestamp) -> Vec<Line> {
        let mut text = Vec::new();
        let sign = if self.care == Care::Plain { "" } else { "▲ " };
        let tone = if self.care == Care::Plain { Tone::Plain } else { Tone::Bad };
        for (place, sentence) in self.notice.iter().enumerate() {
            // the first sentence says what is hit; it is never overlooked
            let (sign, tone) = if place == 0 { (sign, tone) } else { ("", Tone::Plain) };
            text.extend(paragraph(&format!("{sign}{sentence}"), columns, tone).map(Line::plain));
        }
        if !self.notice.is_empty() {
            text.push(Line::plain(Vec::new()));
        }
        for (place, field) in self.fields.iter().enumerate() {
            field.lines(&mut text, columns, (place == self.focus && self.phase == Phase::Open, now));
        }
        if !self.fields.is_empty() {
            text.push(Line::plain(Vec::new()));
        }
        if let Some(refusal) = &self.refusal {
            text.extend(paragraph(&format!("▲ {refusal}"), columns, Tone::Bad).map(Line::plain));
        }
        text.push(Line { pieces: self.last_line(), focused: self.is_at_the_end(), cursor: None });
        text
    }

    /// How to send it, and how to leave it.
    fn last_line(&self) -> Vec<Piece> {
        if self.phase == Phase::UnderWay {
            return vec![piece("… it is being done", Tone::Near)];
        }
        let at_the_end = self.is_at_the_end();
        let mark = if at_the_end { piece("▸ ", Tone::Accent) } else { piece("  ", Tone::Plain) };
        let key = match self.care {
            Care::Plain => "⏎",
            Care::Deliberate if at_the_end => "y",
            Care::Typed if at_the_end => "⏎",
            Care::Deliberate | Care::Typed => "tab",
        };
        let leave = if self.care == Care::Plain { " leave it" } else { " keep it" };
        let word = match (self.care, at_the_end) {
            (Care::Plain, _) | (_, true) => format!(" {}", self.verb),
            (_, false) => format!(" on to {}", self.verb),
        };
        let tone = if self.care == Care::Plain { Tone::Strong } else { Tone::Bad };
        vec![mark, piece(key, Tone::Accent), piece(word, tone), piece("   esc", Tone::Accent), piece(leave, Tone::Dim)]
    }
}

impl Field {
    fn lines(&self, text: &mut Vec<Line>, columns: usize, (focused, now): (bool, Timestamp)) {
        let room = columns.saturating_sub(LABELS + 2);
        let label = format!("{:<LABELS$}", self.label);
        let head = |focused: bool| {
            let mark = if focused { piece("▸ ", Tone::Accent) } else { piece("  ", Tone::Plain) };
            vec![mark, piece(label.clone(), if focused { Tone::Strong } else { Tone::Dim })]
        };
        match &self.answer {
            Answer::Text { input, .. } => {
                let (shown, cursor) = window(input.value(), input.cursor(), room.saturating_sub(1));
                let mut pieces = head(focused);
                let blank = shown.is_empty() && !focused;
                pieces.push(if blank { piece("–", Tone::Dim) } else { piece(shown, Tone::Plain) });
                let cursor = focused.then_some((LABELS + 2 + cursor) as u16);
                text.push(Line { pieces, focused, cursor });
            }
            Answer::Choice { items, chosen, sought } => {
                let mut pieces = head(focused);
                let chosen_label = items.get(*chosen).map_or("–", |item| item.label.as_str());
                let (before, after) = if focused { ("‹ ", " ›") } else { ("", "") };
                let of = if items.len() > 2 { format!("  {} of {}", chosen + 1, items.len()) } else { String::new() };
                let of = if sought.is_empty() { of } else { format!("  /{sought}") };
                let kept = room.saturating_sub(width(before) + width(after) + width(&of));
                pieces.extend([
                    piece(before, Tone::Accent),
                    piece(crate::text::fit(chosen_label, kept), Tone::Plain),
                    piece(after, Tone::Accent),
                    piece(if focused { of } else { String::new() }, Tone::Dim),
                ]);
                text.push(Line { pieces, focused, cursor: None });
            }
            Answer::Levels { items, words, at, cursor } => {
                let page = if focused { LEVELS } else { 0 };
                let mut pieces = head(focused);
                let raised = self.answer.levels().len();
                pieces.push(piece(format!("{raised} of {}", items.len()), Tone::Plain));
                text.push(Line { pieces, focused: false, cursor: None });
                let top = cursor.saturating_sub(page / 2).min(items.len().saturating_sub(page));
                for (place, (item, level)) in items.iter().zip(at).enumerate().skip(top).take(page) {
                    let here = place == *cursor;
                    let mark = if here { piece("  ▸ ", Tone::Accent) } else { piece("    ", Tone::Plain) };
                    let word = words.get(*level).copied().unwrap_or_default();
                    let word_tone = if *level == 0 { Tone::Dim } else { Tone::Strong };
                    let name = crate::text::fit(&item.label, 40).into_owned();
                    let gap = " ".repeat(42_usize.saturating_sub(width(&name)));
                    text.push(Line {
                        pieces: vec![mark, piece(name + &gap, Tone::Plain), piece(word, word_tone)],
                        focused: here,
                        cursor: None,
                    });
                }
            }
        }
        self.words_below(text, columns, (focused, now));
    }

    /// What is wrong with it, else, while it has the keys, what it is for.
    fn words_below(&self, text: &mut Vec<Line>, columns: usize, (focused, now): (bool, Timestamp)) {
        let indent = " ".repeat(LABELS + 2);
        let room = columns.saturating_sub(LABELS + 2);
        let (words, tone) = match self.problem(now).filter(|_| self.touched) {
            Some(problem) => (format!("▲ {problem}"), Tone::Bad),
            None if focused => (self.note().to_owned(), Tone::Dim),
            None => return,
        };
        for line in paragraph(&words, room, tone) {
            let mut pieces = vec![piece(indent.clone(), Tone::Plain)];
            pieces.extend(line);
            text.push(Line { pieces, focused, cursor: None });
        }
    }
}

/// Words in lines of at most so many columns. A word that is longer than a line is broken.
fn paragraph(text: &str, columns: usize, tone: Tone) -> impl Iterator<Item = Vec<Piece>> + use<> {
    let text = inert(text).into_owned();
    let mut broken = Vec::new();
    for line in wrapped(&text, columns) {
        let mut rest = line.as_str();
        while width(rest) > columns && columns > 0 {
            let cut = end_within(rest, columns);
            let (head, tail) = rest.split_at(cut);
            broken.push(head.to_owned());
            rest = tail;
        }
        broken.push(rest.to_owned());
    }
    broken.into_iter().map(move |line| vec![piece(line, tone)])
}

/// The byte at which the last whole character that fits ends; at least one character.
fn end_within(text: &str, columns: usize) -> usize {
    let (mut end, mut used) = (0, 0);
    for grapheme in Span::raw(text).styled_graphemes(Style::default()) {
        used += width(grapheme.symbol);
        if used > columns && end > 0 {
            break;
        }
        end += grapheme.symbol.len();
    }
    end.clamp(text.chars().next().map_or(1, char::len_utf8), text.len())
}

/// As much of a line around its cursor as fits, and the column of the cursor in that. `cursor` counts characters.
fn window(line: &str, cursor: usize, columns: usize) -> (String, usize) {
    let at = line.char_indices().nth(cursor).map_or(line.len(), |(at, _)| at);
    let (before, after) = (inert(&line[..at]).into_owned(), inert(&line[at..]).into_owned());
    let mut shown: Vec<String> = Vec::new();
    let (mut used, mut cut) = (0, false);
    let graphemes: Vec<String> =
        Span::raw(before).styled_graphemes(Style::default()).map(|grapheme| grapheme.symbol.to_owned()).collect();
    for grapheme in graphemes.into_iter().rev() {
        if used + width(&grapheme) > columns.saturating_sub(1) {
            cut = true;
            break;
        }
        used += width(&grapheme);
        shown.push(grapheme);
    }
    if cut {
        // the first one in sight gives way to the sign that there are more
        used -= shown.pop().map_or(0, |grapheme| width(&grapheme));
        used += 1;
        shown.push("…".to_owned());
    }
    shown.reverse();
    let mut text = shown.concat();
    text.push_str(&crate::text::fit(&after, (columns + 1).saturating_sub(used)));
    (text, used)
}

/// The first line in sight: the one that shows what has the keys, its words included.
fn top(text: &[Line], page: usize) -> usize {
    let last = text.iter().rposition(|line| line.focused).unwrap_or(0);
    let first = text.iter().position(|line| line.focused).unwrap_or(0);
    (last + 1).saturating_sub(page).min(first)
}

/// Says at the border around it that there is more above or below.
fn draw_more(buffer: &mut Buffer, inner: Rect, (top, page, all): (usize, usize, usize), theme: &Theme) {
    let signs = [(top > 0, inner.y.saturating_sub(1), "↑"), (top + page < all, inner.bottom(), "↓")];
    for (_, y, sign) in signs.into_iter().filter(|(more, ..)| *more) {
        if let Some(cell) = buffer.cell_mut((inner.right().saturating_sub(2), y)) {
            cell.set_symbol(sign).set_style(theme.style(Tone::Accent));
        }
    }
}

/// A panel in the middle of an area, for so many lines; gives what is inside.
fn frame(buffer: &mut Buffer, body: Rect, (title, width, lines): (&str, u16, usize), theme: &Theme) -> Rect {
    let height = (lines as u16 + 2).min(body.height);
    let area = Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 2, width, height };
    Clear.render(area, buffer);
    let inner = panel(buffer, area, &Title { focused: true, ..Title::new(title) }, theme);
    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
}
