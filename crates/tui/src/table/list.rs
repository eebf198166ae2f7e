//! What can be done with any table, whatever its rows are.

use super::{Row, Sort, Table};

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

    /// Shows only what fits the filter; empty shows all.
    fn set_filter(&mut self, typed: &str);
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
        let places = self.places(self.width);
        let next = places.iter().map(|place| place.column).find(|column| *column > self.sort.column);
        let Some(column) = next.or_else(|| places.first().map(|place| place.column)) else { return };
        self.sort = Sort { column, largest_first: self.columns[column].largest_first };
        self.rearrange();
    }

    fn sort_reverse(&mut self) {
        self.sort.largest_first = !self.sort.largest_first;
        self.rearrange();
    }

    fn filter(&self) -> &str {
        &self.filter
    }

    fn set_filter(&mut self, typed: &str) {
        typed.clone_into(&mut self.filter);
        self.rearrange();
    }
}
