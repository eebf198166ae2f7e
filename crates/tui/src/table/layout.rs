//! Which columns a person wants to see, in which order, and how wide.

use super::{Row, Sort, Table};
use crate::config::ListConfig;

/// A column is never made narrower than this, in screen columns.
pub const NARROWEST: u16 = 4;
/// Nor wider by more than this.
const MOST_EXTRA: i16 = 60;
/// One press of a key makes a column so much wider.
const STEP: i16 = 2;

/// The columns in their order.
#[derive(Clone)]
pub(super) struct Layout(pub(super) Vec<Placed>);

/// A column in a layout.
#[derive(Clone, Copy)]
pub(super) struct Placed {
    /// Its index.
    pub(super) column: usize,
    pub(super) hidden: bool,
    /// The width that is configured for it; then it does not grow.
    pub(super) width: Option<u16>,
    /// By how much it was made wider.
    pub(super) extra: i16,
}

impl Layout {
    /// All columns as they come.
    pub(super) fn of(columns: usize) -> Self {
        Self((0..columns).map(|column| Placed { column, hidden: false, width: None, extra: 0 }).collect())
    }

    /// Those that are configured, of the columns of these names; the others are hidden behind them.
    pub(super) fn configured(names: &[String], config: &ListConfig) -> Self {
        let place = |name: &String| names.iter().position(|known| known == name);
        let mut layout = Self::of(names.len());
        for placed in &mut layout.0 {
            placed.width = config.widths.get(&names[placed.column]).copied();
        }
        if let Some(columns) = &config.columns {
            let chosen: Vec<usize> = columns.iter().filter_map(place).collect();
            for placed in &mut layout.0 {
                placed.hidden = !chosen.contains(&placed.column);
            }
            let order = |placed: &Placed| chosen.iter().position(|column| *column == placed.column);
            layout.0.sort_by_key(|placed| order(placed).unwrap_or(usize::MAX));
        }
        layout
    }
}

/// A column as a person chose it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnState {
    /// Its header.
    pub title: &'static str,
    /// Whether it was hidden.
    pub hidden: bool,
    /// Whether there is room for it now.
    pub in_sight: bool,
    /// Screen columns it needs.
    pub width: u16,
    /// Whether the rows are sorted by it, and whether the largest comes first then.
    pub sorted: Option<bool>,
}

/// What can be done with a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnChange {
    /// Hidden if it is shown, shown if it is hidden.
    Toggle,
    /// One place to the left.
    Earlier,
    /// One place to the right.
    Later,
    /// Wider.
    Wider,
    /// Narrower.
    Narrower,
    /// The rows sorted by it; the other way round if they are already.
    Sort,
    /// The columns as they were at first, or as they are configured.
    Reset,
}

impl<R: Row> Table<R> {
    /// Screen columns that a column needs, as a person chose them.
    pub(super) fn width_of(&self, placed: &Placed) -> u16 {
        let width = placed.width.unwrap_or(self.columns[placed.column].width);
        width.saturating_add_signed(placed.extra).max(NARROWEST)
    }

    /// Screen columns that it takes more where there is room.
    pub(super) fn growth_of(&self, placed: &Placed) -> u16 {
        let column = &self.columns[placed.column];
        if placed.width.is_some() { 0 } else { column.most - column.width }
    }

    pub(super) fn column_states(&self) -> Vec<ColumnState> {
        let places = self.places(self.width);
        let state = |placed: &Placed| ColumnState {
            title: self.columns[placed.column].title,
            hidden: placed.hidden,
            in_sight: places.iter().any(|place| place.column == placed.column),
            width: self.width_of(placed),
            sorted: (self.sort.column == placed.column).then_some(self.sort.largest_first),
        };
        self.layout.0.iter().map(state).collect()
    }

    pub(super) fn change_column(&mut self, place: usize, change: ColumnChange) -> usize {
        let shown = self.layout.0.iter().filter(|placed| !placed.hidden).count();
        let last = self.layout.0.len().saturating_sub(1);
        let Some(placed) = self.layout.0.get_mut(place) else { return place };
        match change {
            // the last one in sight stays: a table without columns says nothing
            ColumnChange::Toggle => placed.hidden = !placed.hidden && shown > 1,
            ColumnChange::Wider => placed.extra = (placed.extra + STEP).min(MOST_EXTRA),
            ColumnChange::Narrower => {
                let width = placed.width.unwrap_or(self.columns[placed.column].width);
                if width.saturating_add_signed(placed.extra) > NARROWEST {
                    placed.extra -= STEP;
                }
            }
            ColumnChange::Earlier | ColumnChange::Later => {
                let other =
                    if change == ColumnChange::Earlier { place.saturating_sub(1) } else { (place + 1).min(last) };
                self.layout.0.swap(place, other);
                return other;
            }
            ColumnChange::Sort => {
                let column = placed.column;
                let largest_first = match column == self.sort.column {
                    true => !self.sort.largest_first,
                    false => self.columns[column].largest_first,
                };
                self.sort = Sort { column, largest_first };
                self.rearrange();
            }
            ColumnChange::Reset => self.layout = self.configured.clone(),
        }
        place
    }
}
