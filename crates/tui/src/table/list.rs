//! What can be done with any table, whatever its rows are.

use ratatui::layout::Position;

use super::{Row, Table};
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
        let named = |name: &String| self.columns.iter().position(|column| column.name() == *name);
        let widths = config.widths.iter().filter_map(|(name, width)| Some((named(name)?, *width))).collect();
        if let Some(columns) = &config.columns {
            self.chosen = columns.iter().filter_map(named).collect();
        }
        self.widths = widths;
    }

    fn filter(&self) -> &str {
        &self.filter
    }

    fn set_filter(&mut self, typed: &str) {
        typed.clone_into(&mut self.filter);
        self.rearrange();
    }
}
