//! What can be done with any table, whatever its rows are.

use mete_core::Timestamp;
use ratatui::layout::Position;

use super::filter::{Filter, completed};
use super::layout::Layout;
use super::{Column, ColumnChange, ColumnState, Row, Sheet, Table};
use crate::config::ListConfig;

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

    /// Selects the row at a place of the screen, or sorts by the heading there. Returns whether the place is the list's.
    fn click(&mut self, place: Position) -> bool;

    /// Shows the columns that somebody chose; unknown ones are left away.
    fn set_columns(&mut self, config: &ListConfig);

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
        let places = self.places(self.width);
        let present = places.iter().position(|place| place.column == self.sort.column);
        let next = present.map_or(0, |present| present + 1);
        let Some(place) = places.get(next).or(places.first()) else { return };
        self.sort_by(place.column);
    }

    fn sort_reverse(&mut self) {
        self.sort.largest_first = !self.sort.largest_first;
        self.rearrange();
    }

    fn click(&mut self, place: Position) -> bool {
        if !self.area.contains(place) {
            return false;
        }
        match place.y - self.area.y {
            1 => match self.heading_at(place.x.saturating_sub(self.area.x + 1)) {
                Some(column) if column == self.sort.column => self.sort_reverse(),
                Some(column) => self.sort_by(column),
                None => {}
            },
            line @ 2.. if usize::from(line) < self.page + 2 => {
                let row = self.top + usize::from(line) - 2;
                if row < self.shown.len() {
                    self.select(row);
                }
            }
            _ => {}
        }
        true
    }

    fn set_columns(&mut self, config: &ListConfig) {
        let names: Vec<String> = self.columns.iter().map(Column::name).collect();
        self.configured = Layout::configured(&names, config);
        self.layout = self.configured.clone();
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
