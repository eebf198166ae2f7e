//! What can be done with any table, whatever its rows are.

use mete_core::Timestamp;

use super::filter::{Filter, completed};
use super::{ColumnChange, ColumnState, Row, Sheet, Sort, Table};

/// A movement of the selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// One page up.
    PageUp,
    /// One page down.
    PageDown,
    /// To the first row.
    First,
    /// To the last row.
    Last,
}

/// The list that the keys act on.
pub trait List {
    /// Moves the selection; it stops at either end.
    fn step(&mut self, movement: Move);

    /// Sorts by the next column in sight.
    fn sort_next(&mut self);

    /// Sorts the other way round.
    fn sort_reverse(&mut self);

    /// The filter as typed; empty if there is none.
    fn filter(&self) -> &str;

    /// Shows only what fits the filter; empty shows all, and so does one that is wrong.
    fn set_filter(&mut self, typed: &str);

    /// What is wrong with the filter, if anything is.
    fn wrong(&self) -> Option<&str>;

    /// A filter with its last word completed to a column's name; nothing if no name begins so.
    fn completed(&self, typed: &str) -> Option<String>;

    /// How many rows are shown, and how many there are.
    fn counts(&self) -> (usize, usize);

    /// Shows only rows in trouble, or all again.
    fn toggle_faults(&mut self);

    /// The columns in their order.
    fn columns(&self) -> Vec<ColumnState>;

    /// Changes the column at a place; returns where it stands then.
    fn change(&mut self, place: usize, change: ColumnChange) -> usize;

    /// The rows as they are filtered and sorted, with exact figures.
    fn sheet(&self, now: Timestamp) -> Sheet;
}

impl<R: Row> List for Table<R> {
    fn step(&mut self, movement: Move) {
        let page = self.page.max(1);
        self.select(match movement {
            Move::Up => self.position.saturating_sub(1),
            Move::Down => self.position + 1,
            Move::PageUp => self.position.saturating_sub(page),
            Move::PageDown => self.position + page,
            Move::First => 0,
            Move::Last => usize::MAX,
        });
    }

    fn sort_next(&mut self) {
        let places: Vec<usize> = self.places(self.width).iter().map(|place| place.column).collect();
        let next = places.iter().position(|column| *column == self.sort.column).map_or(0, |at| (at + 1) % places.len());
        let Some(column) = places.get(next).copied() else { return };
        self.sort = Sort { column, largest_first: self.columns[column].largest_first };
        self.rearrange();
    }

    fn sort_reverse(&mut self) {
        self.sort.largest_first = !self.sort.largest_first;
        self.rearrange();
    }

    fn filter(&self) -> &str {
        &self.typed
    }

    fn set_filter(&mut self, typed: &str) {
        typed.clone_into(&mut self.typed);
        let (filter, wrong) = match Filter::parse(typed, self.columns) {
            Ok(filter) => (filter, None),
            Err(wrong) => (Filter::none(), Some(wrong)),
        };
        let narrows = self.wrong.is_none() && wrong.is_none() && filter.narrows(&self.filter);
        (self.filter, self.wrong) = (filter, wrong);
        if !narrows {
            self.matching.clone_from(&self.sorted);
        }
        self.sift();
    }

    fn wrong(&self) -> Option<&str> {
        self.wrong.as_deref()
    }

    fn completed(&self, typed: &str) -> Option<String> {
        completed(typed, self.columns)
    }

    fn counts(&self) -> (usize, usize) {
        (self.shown.len(), self.rows.len())
    }

    fn toggle_faults(&mut self) {
        self.faults = !self.faults;
        self.matching.clone_from(&self.sorted);
        self.sift();
    }

    fn columns(&self) -> Vec<ColumnState> {
        self.column_states()
    }

    fn change(&mut self, place: usize, change: ColumnChange) -> usize {
        self.change_column(place, change)
    }

    fn sheet(&self, now: Timestamp) -> Sheet {
        self.to_sheet(now)
    }
}
