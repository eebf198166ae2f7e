//! Tables: typed columns, sorted by any of them, filtered, with a selection that stays on its row. Only the rows in
//! sight are ever built.

mod draw;
mod list;

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

pub use list::{List, Move};
use mete_core::Timestamp;
use ratatui::layout::Rect;

use crate::piece::Piece;

/// Something that a table has one line for.
pub trait Row {
    /// What it is known by; the selection follows it.
    fn id(&self) -> &str;

    /// The text that a filter is matched with.
    fn searched(&self) -> String;

    /// The id of the row that this one is shown under, if any.
    fn under(&self) -> Option<&str> {
        None
    }
}

/// On which side the cells of a column stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// What a cell may know besides its row.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    /// Columns that the cell has.
    pub width: usize,
    /// The present.
    pub now: Timestamp,
}

/// A column of rows of type `R`.
pub struct Column<R> {
    /// Its header.
    pub title: &'static str,
    /// Screen columns it needs.
    pub width: u16,
    /// Screen columns it takes where there is room left.
    pub most: u16,
    /// The side its cells stand on.
    pub align: Align,
    /// Whether it is shown however narrow the table is.
    pub keep: bool,
    /// Whether sorting by it starts with the largest.
    pub largest_first: bool,
    /// Builds a cell.
    pub cell: fn(&R, Slot) -> Vec<Piece>,
    /// Orders two rows, smallest first.
    pub order: fn(&R, &R) -> Ordering,
}

impl<R> Column<R> {
    /// A column of words, sorted from A to Z at first.
    #[must_use]
    pub const fn words(
        title: &'static str,
        width: u16,
        cell: fn(&R, Slot) -> Vec<Piece>,
        order: fn(&R, &R) -> Ordering,
    ) -> Self {
        Self { title, width, most: width, align: Align::Left, keep: false, largest_first: false, cell, order }
    }

    /// A column of numbers, sorted from the largest at first.
    #[must_use]
    pub const fn numbers(
        title: &'static str,
        width: u16,
        cell: fn(&R, Slot) -> Vec<Piece>,
        order: fn(&R, &R) -> Ordering,
    ) -> Self {
        Self { title, width, most: width, align: Align::Right, keep: false, largest_first: true, cell, order }
    }

    /// Its name in the configuration: its header in small letters.
    #[must_use]
    pub fn name(&self) -> String {
        self.title.to_lowercase().replace(' ', "_")
    }

    /// The same, growing to `most` screen columns where there is room.
    #[must_use]
    pub const fn growing(mut self, most: u16) -> Self {
        self.most = most;
        self
    }

    /// The same, shown however narrow the table is.
    #[must_use]
    pub const fn kept(mut self) -> Self {
        self.keep = true;
        self
    }

    /// The same, sorted from the largest at first.
    #[must_use]
    pub const fn largest_first(mut self) -> Self {
        self.largest_first = true;
        self
    }
}

/// By which column the rows are sorted, and which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// Index of the column.
    pub column: usize,
    /// Whether the largest comes first.
    pub largest_first: bool,
}

/// Rows with the order, filter and selection in which they are shown.
pub struct Table<R: 'static> {
    columns: &'static [Column<R>],
    /// Which of them are shown, in this order, as far as there is room.
    chosen: Vec<usize>,
    /// The width that somebody gave some of them.
    widths: HashMap<usize, u16>,
    rows: Vec<R>,
    /// Indices of the rows that the filter lets through, in the order shown.
    shown: Vec<usize>,
    sort: Sort,
    filter: String,
    selected: Option<String>,
    /// Where in `shown` the selected row stands.
    position: usize,
    /// The first of `shown` in sight, as far as the last known size goes.
    top: usize,
    /// Rows and screen columns in sight, borders left out.
    page: usize,
    width: u16,
    /// Its panel, as last known.
    area: Rect,
}

impl<R: Row> Table<R> {
    /// An empty table, sorted by one of its columns.
    #[must_use]
    pub fn new(columns: &'static [Column<R>], sorted_by: usize) -> Self {
        let largest_first = columns.get(sorted_by).is_some_and(|column| column.largest_first);
        Self {
            columns,
            chosen: (0..columns.len()).collect(),
            widths: HashMap::new(),
            rows: Vec::new(),
            shown: Vec::new(),
            sort: Sort { column: sorted_by, largest_first },
            filter: String::new(),
            selected: None,
            position: 0,
            top: 0,
            page: 1,
            width: 80,
            area: Rect::ZERO,
        }
    }

    /// Replaces the rows. Filter and sort stay; the selection stays on its row, or takes the place of a row that is gone.
    pub fn set_rows(&mut self, rows: Vec<R>) {
        self.rows = rows;
        self.rearrange();
    }

    /// All rows, in no order.
    #[must_use]
    pub fn rows(&self) -> &[R] {
        &self.rows
    }

    /// The rows that the filter lets through, in the order shown.
    pub fn shown(&self) -> impl Iterator<Item = &R> {
        self.shown.iter().map(|index| &self.rows[*index])
    }

    /// The selected row, if there is any.
    #[must_use]
    pub fn selected(&self) -> Option<&R> {
        self.shown.get(self.position).map(|index| &self.rows[*index])
    }

    /// Tells the table the size of its panel, borders included, so that a page is a page.
    pub fn arrange(&mut self, area: Rect) {
        self.area = area;
        self.page = usize::from(area.height.saturating_sub(3)).max(1);
        self.width = area.width.saturating_sub(2);
        self.top = self.top_for(self.page);
    }

    /// The first row in sight when `page` rows fit: the last one known, moved just far enough to show the selection.
    fn top_for(&self, page: usize) -> usize {
        let page = page.max(1);
        let last_top = self.shown.len().saturating_sub(page);
        self.top.clamp((self.position + 1).saturating_sub(page), self.position).min(last_top)
    }

    /// Sorts by a column, its usual way round.
    fn sort_by(&mut self, column: usize) {
        self.sort = Sort { column, largest_first: self.columns[column].largest_first };
        self.rearrange();
    }

    /// Filters and sorts anew, then finds the selection again.
    fn rearrange(&mut self) {
        let filter = Filter::new(&self.filter);
        self.shown = (0..self.rows.len()).filter(|index| filter.admits(&self.rows[*index])).collect();
        let (columns, rows, sort) = (self.columns, &self.rows, self.sort);
        let by_column = |a: &usize, b: &usize| {
            let (a, b) = (&rows[*a], &rows[*b]);
            let order = columns.get(sort.column).map_or(Ordering::Equal, |column| (column.order)(a, b));
            let order = if sort.largest_first { order.reverse() } else { order };
            let by_first = || columns.first().map_or(Ordering::Equal, |column| (column.order)(a, b));
            order.then_with(by_first).then_with(|| a.id().cmp(b.id()))
        };
        self.shown.sort_unstable_by(by_column);
        self.group();
        self.find_selection();
    }

    /// Moves rows that belong under another one behind it, their order kept. One level: a row under a row that is
    /// itself under another stays where it is.
    fn group(&mut self) {
        let rows = &self.rows;
        let tops: HashSet<&str> =
            self.shown.iter().map(|index| &rows[*index]).filter(|row| row.under().is_none()).map(Row::id).collect();
        let mut under: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut grouped = Vec::with_capacity(self.shown.len());
        for index in &self.shown {
            match rows[*index].under().filter(|id| tops.contains(id)) {
                Some(id) => under.entry(id).or_default().push(*index),
                None => grouped.push(*index),
            }
        }
        if under.is_empty() {
            return;
        }
        let mut followed = |top: usize| std::iter::once(top).chain(under.remove(rows[top].id()).unwrap_or_default());
        self.shown = grouped.into_iter().flat_map(&mut followed).collect();
    }

    fn find_selection(&mut self) {
        let found = self.selected.as_deref().and_then(|id| self.shown().position(|row| row.id() == id));
        self.select(found.unwrap_or(self.position));
    }

    /// Selects the row at a position, or the last one before it.
    fn select(&mut self, position: usize) {
        self.position = position.min(self.shown.len().saturating_sub(1));
        if let Some(row) = self.selected() {
            self.selected = Some(row.id().to_owned());
        }
        self.top = self.top_for(self.page);
    }
}

/// A filter as typed: part of the text regardless of case; with a leading `!`, what does not have it.
struct Filter {
    part: String,
    inverse: bool,
}

impl Filter {
    fn new(typed: &str) -> Self {
        let (inverse, part) = typed.strip_prefix('!').map_or((false, typed), |rest| (true, rest));
        Self { part: part.trim().to_lowercase(), inverse }
    }

    fn admits(&self, row: &impl Row) -> bool {
        self.part.is_empty() || row.searched().to_lowercase().contains(&self.part) != self.inverse
    }
}

#[cfg(test)]
mod tests;
