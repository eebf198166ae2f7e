//! How a table looks: header, rows in sight, selection.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::layout::Placed;
use super::{Align, Row, Slot, Table};
use crate::format::count;
use crate::look::Look;
use crate::panel::{Title, lines, panel, wrapped};
use crate::piece::{Piece, Place, piece, write, write_right};
use crate::theme::Tone;

/// Columns for the sign of the selection, before the first column.
const MARGIN: u16 = 2;
/// Empty columns between two columns.
const GAP: u16 = 2;

/// Where a column stands.
pub(super) struct ColumnPlace {
    /// Index of the column.
    pub(super) column: usize,
    /// Its first screen column, from the table's left.
    x: u16,
    /// Its screen columns.
    width: u16,
}

impl<R: Row> Table<R> {
    /// The columns shown in `width` screen columns: those to keep, then from the left what fits, then room for those
    /// that grow. Where a person chose so many to keep that they do not fit, the last ones are cut.
    pub(super) fn places(&self, width: u16) -> Vec<ColumnPlace> {
        let room = width.saturating_sub(MARGIN);
        let wanted: Vec<&Placed> = self.layout.0.iter().filter(|placed| !placed.hidden).collect();
        let keeps = |placed: &Placed| self.columns[placed.column].keep;
        let needed = |placed: &Placed| self.width_of(placed).saturating_add(GAP);
        let kept = wanted.iter().filter(|placed| keeps(placed)).map(|placed| needed(placed));
        let mut left = (room + GAP).saturating_sub(kept.fold(0, u16::saturating_add));
        let mut full = false;
        let mut chosen = Vec::with_capacity(wanted.len());
        for placed in wanted {
            if keeps(placed) {
                chosen.push(placed);
            } else if !full && needed(placed) <= left {
                left -= needed(placed);
                chosen.push(placed);
            } else {
                full = true;
            }
        }
        let mut places = Vec::with_capacity(chosen.len());
        let mut x = MARGIN;
        for placed in chosen {
            let extra = left.min(self.growth_of(placed));
            left -= extra;
            let width = self.width_of(placed) + extra;
            places.push(ColumnPlace { column: placed.column, x, width });
            x = x.saturating_add(width + GAP);
        }
        places
    }

    /// The column whose heading stands at a column of the screen, from the table's left.
    pub(super) fn heading_at(&self, x: u16) -> Option<usize> {
        let places = self.places(self.width);
        places
            .iter()
            .find(|place| (place.x..place.x.saturating_add(place.width)).contains(&x))
            .map(|place| place.column)
    }

    /// Draws the table in a panel named `name`, or nothing in an empty area; `empty` is what an empty table says: why it
    /// is empty, and what fills it.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, name: Vec<Piece>, empty: &str, look: &Look<'_>) {
        if area.is_empty() {
            return;
        }
        let title = Title { name, note: Some(self.note()), focused: look.focused };
        let inner = panel(buffer, area, &title, look.theme);
        if inner.height == 0 || inner.width <= MARGIN {
            return;
        }
        let places = self.places(inner.width);
        self.draw_header(buffer, inner, &places, look);
        let body = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
        if self.shown.is_empty() {
            self.draw_empty(buffer, body, empty, look);
            return;
        }
        let page = usize::from(body.height);
        let top = self.top_for(page);
        for ((y, index), position) in (body.y..).zip(self.shown.iter().skip(top).take(page)).zip(top..) {
            let line = Rect { y, height: 1, ..body };
            self.draw_row(buffer, line, &places, &self.rows[*index], position == self.position, look);
        }
    }

    /// How many rows, how they are sorted, what filters them.
    fn note(&self) -> String {
        let (shown, all) = (count(self.shown.len() as u64), count(self.rows.len() as u64));
        let rows = match (self.faults, self.shown.len() == self.rows.len()) {
            (true, _) => format!("{shown} of {all} in trouble"),
            (false, true) => match self.part {
                Some((before, after)) => format!("{before}{all}{after}"),
                None => all,
            },
            (false, false) => match self.part {
                Some((before, after)) => format!("{shown} of {before}{all}{after} shown"),
                None => format!("{shown} of {all} shown"),
            },
        };
        let by = self.columns.get(self.sort.column).map_or("", |column| column.title).to_lowercase();
        let way = if self.sort.largest_first { '↓' } else { '↑' };
        let filter = if self.typed.is_empty() { String::new() } else { format!(" · /{}", self.typed) };
        format!("{rows} · by {by} {way}{filter}")
    }

    fn draw_header(&self, buffer: &mut Buffer, inner: Rect, places: &[ColumnPlace], look: &Look<'_>) {
        for place in places {
            let column = &self.columns[place.column];
            let (sorted, tone) = match place.column == self.sort.column {
                true if self.sort.largest_first => ("↓", Tone::Strong),
                true => ("↑", Tone::Strong),
                false => ("", Tone::Dim),
            };
            let at = Place { x: inner.x + place.x, y: inner.y, width: clipped(place, inner) };
            put(buffer, at, column.align, &[piece(format!("{}{sorted}", column.title), tone)], look);
        }
    }

    fn draw_row(
        &self,
        buffer: &mut Buffer,
        line: Rect,
        places: &[ColumnPlace],
        row: &R,
        selected: bool,
        look: &Look<'_>,
    ) {
        if selected {
            if look.focused {
                let first = places.first().map_or(0, |place| place.x + clipped(place, line));
                buffer.set_style(line, look.theme.selected_row());
                buffer.set_style(Rect { width: first, ..line }, look.theme.selected_cell());
            }
            let tone = if look.focused { Tone::Accent } else { Tone::Dim };
            write(buffer, Place { x: line.x, y: line.y, width: 1 }, &[piece("▸", tone)], look.theme);
        }
        for place in places {
            let column = &self.columns[place.column];
            let at = Place { x: line.x + place.x, y: line.y, width: clipped(place, line) };
            let slot = Slot { width: usize::from(at.width), now: look.now };
            put(buffer, at, column.align, &(column.cell)(row, slot), look);
        }
    }

    fn draw_empty(&self, buffer: &mut Buffer, body: Rect, empty: &str, look: &Look<'_>) {
        let filtered = match (self.typed.is_empty(), self.faults) {
            (true, _) => "Nothing here is in trouble. ! shows all again.".to_owned(),
            (false, faults) => {
                let among = if faults { " among what is in trouble (! shows all)" } else { "" };
                format!("Nothing matches {:?}{among}. Esc shows all again, / changes the filter.", self.typed)
            }
        };
        let text = look.arrival.reason(if self.rows.is_empty() { empty } else { &filtered });
        let place = Rect { x: body.x + MARGIN, width: body.width.saturating_sub(MARGIN + 1), ..body };
        let text = wrapped(text, usize::from(place.width)).into_iter().map(|line| vec![piece(line, Tone::Dim)]);
        lines(buffer, place, &text.collect::<Vec<_>>(), look.theme);
    }
}

/// The screen columns of a column that are inside the table.
fn clipped(place: &ColumnPlace, area: Rect) -> u16 {
    place.width.min(area.width.saturating_sub(place.x))
}

fn put(buffer: &mut Buffer, place: Place, align: Align, pieces: &[Piece], look: &Look<'_>) {
    match align {
        Align::Left => {
            write(buffer, place, pieces, look.theme);
        }
        Align::Right => write_right(buffer, place, pieces, look.theme),
    }
}
