//! Tables: typed columns, sorted by any of them, filtered, with a selection that stays on its row. Only the rows in
//! sight are ever built, and a filter that grows looks only at what fitted before.

mod column;
mod draw;
mod filter;
mod layout;
mod list;
mod sheet;

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

pub use column::{Align, Column, Figure, Slot, Sort, Value};
use filter::Filter;
use layout::Layout;
pub use layout::{ColumnChange, ColumnState, NARROWEST};
pub use list::{List, Move};
use ratatui::layout::Rect;
pub use sheet::Sheet;

/// Something that a table has one line for.
pub trait Row {
    /// What it is known by; the selection follows it.
    fn id(&self) -> &str;

    /// The text that a filter is matched with.
    fn searched(&self) -> String;

    /// Whether somebody may have to do something about it: what is left when only faults are shown.
    fn is_fault(&self) -> bool {
        false
    }

    /// The id of the row that this one is shown under, if any.
    fn under(&self) -> Option<&str> {
        None
    }
}

/// Rows with the order, filter and selection in which they are shown.
pub struct Table<R: 'static> {
    columns: &'static [Column<R>],
    layout: Layout,
    /// As it was at first: all columns, or those that are configured.
    configured: Layout,
    rows: Vec<R>,
    /// Which part of all that there is the rows are, in words before and after their number, where they are a part only:
    /// then they stay in the order that they came in.
    part: Option<(&'static str, &'static str)>,
    /// The rows' texts in small letters, as far as a filter has needed them.
    texts: Vec<String>,
    /// Indices of all rows, sorted.
    sorted: Vec<usize>,
    /// Those that the filter lets through.
    matching: Vec<usize>,
    /// Those in the order shown.
    shown: Vec<usize>,
    sort: Sort,
    /// As typed.
    typed: String,
    filter: Filter<R>,
    /// What is wrong with what was typed.
    wrong: Option<String>,
    /// Whether only rows in trouble are shown.
    faults: bool,
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
            layout: Layout::of(columns.len()),
            configured: Layout::of(columns.len()),
            rows: Vec::new(),
            part: None,
            texts: Vec::new(),
            sorted: Vec::new(),
            matching: Vec::new(),
            shown: Vec::new(),
            sort: Sort { column: sorted_by, largest_first },
            typed: String::new(),
            filter: Filter::none(),
            wrong: None,
            faults: false,
            selected: None,
            position: 0,
            top: 0,
            page: 1,
            width: 80,
            area: Rect::ZERO,
        }
    }

    /// Replaces the rows by all that there are, or by a part, as these words before and after their number tell; a part
    /// stays in its order, of which `column` is told to be the reason.
    pub fn set_part(&mut self, rows: Vec<R>, part: Option<(&'static str, &'static str)>, column: usize) {
        self.part = part;
        if part.is_some() {
            let largest_first = self.columns.get(column).is_some_and(|column| column.largest_first);
            self.sort = Sort { column, largest_first };
        }
        self.set_rows(rows);
    }

    /// The column that the rows are sorted by.
    #[must_use]
    pub const fn sorted_by(&self) -> usize {
        self.sort.column
    }

    /// Where the selection stands among the rows as they came, how many these are, and whether it is on the first or the
    /// last of those shown.
    #[must_use]
    pub fn standing(&self) -> (usize, usize, bool, bool) {
        let index = self.shown.get(self.position).copied().unwrap_or_default();
        (index, self.rows.len(), self.position == 0, self.position + 1 >= self.shown.len())
    }

    /// Replaces the rows. Filter and sort stay; the selection stays on its row, or takes the place of a row that is gone.
    pub fn set_rows(&mut self, rows: Vec<R>) {
        self.rows = rows;
        self.texts.clear();
        self.rearrange();
    }

    /// Selects the row with this id, if it is shown.
    pub fn point_at(&mut self, id: &str) {
        let found = self.shown().position(|row| row.id() == id);
        if let Some(position) = found {
            self.select(position);
        }
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

    /// Sorts and filters anew, then finds the selection again.
    fn rearrange(&mut self) {
        let (columns, rows, sort) = (self.columns, &self.rows, self.sort);
        let by_column = |a: &usize, b: &usize| {
            let (a, b) = (&rows[*a], &rows[*b]);
            let order = columns.get(sort.column).map_or(Ordering::Equal, |column| column.compare(a, b));
            let order = if sort.largest_first { order.reverse() } else { order };
            let by_first = || columns.first().map_or(Ordering::Equal, |column| column.compare(a, b));
            order.then_with(by_first).then_with(|| a.id().cmp(b.id()))
        };
        // what was sorted before is nearly sorted now, and that is quick
        if self.sorted.len() != rows.len() {
            self.sorted = (0..rows.len()).collect();
        }
        match self.part {
            Some(_) => self.sorted.sort_unstable(),
            None => self.sorted.sort_by(by_column),
        }
        self.matching.clone_from(&self.sorted);
        self.sift();
    }

    /// Keeps of what matches what the filter lets through, then finds the selection again.
    fn sift(&mut self) {
        let needs_text = !self.filter.is_empty();
        if needs_text && self.texts.len() != self.rows.len() {
            self.texts = self.rows.iter().map(|row| row.searched().to_lowercase()).collect();
        }
        let (rows, texts, filter, faults) = (&self.rows, &self.texts, &self.filter, self.faults);
        self.matching.retain(|index| {
            let row = &rows[*index];
            (!faults || row.is_fault()) && (!needs_text || filter.admits(row, &texts[*index]))
        });
        self.shown.clone_from(&self.matching);
        self.group();
        self.find_selection();
    }

    /// Moves rows that belong under another one behind it, their order kept. One level: a row under a row that is
    /// itself under another stays where it is.
    fn group(&mut self) {
        let rows = &self.rows;
        if !self.shown.iter().any(|index| rows[*index].under().is_some()) {
            return;
        }
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

#[cfg(test)]
mod tests;
