//! A list that may be longer than anybody reads: the rows around the selection are known, in the order that the store
//! gives them, and others are asked for when the selection comes near their end. A list that is known wholly is like any
//! other: sorted by any column, filtered at once.

use mete_core::Timestamp;
use mete_store::{Cursor, Page, Paging, Seek};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::config::ListConfig;
use crate::look::Look;
use crate::piece::Piece;
use crate::table::{Column, ColumnChange, ColumnState, List, Move, Row, Sheet, Table};

/// Rows that are known at a time: some screens full, and little to read.
pub const WINDOW: u32 = 400;
/// Rows before the end of what is known at which more is asked for.
const NEAR: usize = 60;

/// The rows around the selection, and what is asked to know others.
pub struct Paged<R: 'static> {
    table: Table<R>,
    /// The columns that the store can order by; the first one at first.
    orders: &'static [usize],
    order: usize,
    seek: Seek,
    /// Rows before those known, in their middle, and behind them.
    previous: Option<Cursor>,
    middle: Option<Cursor>,
    next: Option<Cursor>,
    /// The filter that the store applies: empty as long as all that there is is known.
    narrowed: String,
    /// Whether all that there is without a filter is known.
    all: bool,
    /// Whether other rows are awaited, and where among them the selection goes.
    awaited: Option<Option<Move>>,
    turned: bool,
}

impl<R: Row> Paged<R> {
    /// An empty list that the store can order by some of its columns.
    #[must_use]
    pub fn new(columns: &'static [Column<R>], orders: &'static [usize]) -> Self {
        let order = orders.first().copied().unwrap_or_default();
        Self {
            table: Table::new(columns, order),
            orders,
            order,
            seek: Seek::First,
            previous: None,
            middle: None,
            next: None,
            narrowed: String::new(),
            all: false,
            awaited: None,
            turned: false,
        }
    }

    /// Which rows are to be asked for.
    #[must_use]
    pub fn paging(&self) -> Paging {
        Paging { seek: self.seek.clone(), limit: WINDOW }
    }

    /// The column by which the store is to order.
    #[must_use]
    pub const fn order(&self) -> usize {
        self.order
    }

    /// The longest word of the filter that a row's text must have, if there is one, where the store has to apply what it
    /// can of the filter.
    #[must_use]
    pub fn word(&self) -> Option<String> {
        let plain = |word: &&str| !word.starts_with(['!', '~']) && !word.contains([':', '<', '>', '=']);
        self.narrowed.split_whitespace().filter(plain).max_by_key(|word| word.len()).map(str::to_owned)
    }

    /// What the filter that the store has to apply says of a column, if it says something: of `state:revoked` it is `revoked`.
    #[must_use]
    pub fn said_of(&self, column: &str) -> Option<&str> {
        let said = |word: &'_ str| word.strip_prefix(column).is_some_and(|rest| rest.starts_with(':'));
        self.narrowed.split_whitespace().find(|word| said(word)).map(|word| &word[column.len() + 1..])
    }

    /// Takes rows as they were asked for.
    pub fn take(&mut self, page: Page<R>) {
        let Page { rows, previous, next, middle, .. } = page;
        let is_whole = previous.is_none() && next.is_none();
        let part = match (previous.is_none(), next.is_none()) {
            (true, true) => None,
            (true, false) => Some(("the first ", "")),
            (false, true) => Some(("the last ", "")),
            (false, false) => Some(("", " in the middle")),
        };
        let at_top = previous.is_none() && self.seek != Seek::First;
        (self.previous, self.next, self.middle) = (previous, next, middle);
        self.all = is_whole && self.narrowed.is_empty();
        let sorted_by = self.table.sorted_by();
        let is_other = sorted_by != self.order && self.orders.contains(&sorted_by);
        // what was known wholly and sorted so has grown too long for that
        if part.is_some() && self.awaited.is_none() && is_other {
            self.turn(sorted_by, Seek::First, Some(Move::First));
            return;
        }
        self.table.set_part(rows, part, self.order);
        if let Some(Some(movement)) = self.awaited.take() {
            self.table.step(movement);
        }
        if at_top {
            // what comes before these rows later is to be seen, and there may be room behind them
            self.seek = Seek::First;
            self.turned = !is_whole;
        }
        if !is_whole && self.narrowed.is_empty() && !self.table.filter().is_empty() {
            self.narrow();
        }
    }

    /// Forgets the rows: others of another month come.
    pub fn forget(&mut self) {
        self.table.set_rows(Vec::new());
    }

    /// Whether something else is to be asked than was asked last.
    pub const fn turned(&mut self) -> bool {
        std::mem::replace(&mut self.turned, false)
    }

    /// The selected row, if there is any.
    #[must_use]
    pub fn selected(&self) -> Option<&R> {
        self.table.selected()
    }

    /// The rows that are known.
    #[must_use]
    pub fn rows(&self) -> &[R] {
        self.table.rows()
    }

    /// Filters before anything is known.
    #[must_use]
    pub fn filtered(mut self, filter: &str) -> Self {
        self.table.set_filter(filter);
        filter.clone_into(&mut self.narrowed);
        self
    }

    /// Tells it the size of its panel.
    pub fn arrange(&mut self, area: Rect) {
        self.table.arrange(area);
    }

    /// Draws it, as [`Table::draw`].
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, name: Vec<Piece>, empty: &str, look: &Look<'_>) {
        let typed = self.table.filter();
        if self.narrowed.is_empty() || typed.is_empty() {
            self.table.draw(buffer, area, name, empty, look);
            return;
        }
        let nothing = format!("Nothing matches {typed:?}. Esc shows all again, / changes the filter.");
        self.table.draw(buffer, area, name, &nothing, look);
    }

    const fn is_whole(&self) -> bool {
        self.previous.is_none() && self.next.is_none()
    }

    fn turn(&mut self, order: usize, seek: Seek, movement: Option<Move>) {
        (self.order, self.seek) = (order, seek);
        self.awaited = Some(movement);
        self.turned = true;
    }

    /// Lets the store apply what it can of the filter.
    fn narrow(&mut self) {
        self.table.filter().clone_into(&mut self.narrowed);
        self.turn(self.order, Seek::First, Some(Move::First));
    }

    /// Lets the store order a part of a list by the column that the table was told to sort by, where it can.
    fn sort_anew(&mut self) {
        let column = self.table.sorted_by();
        if !self.is_whole() && column != self.order {
            let order = if self.orders.contains(&column) { column } else { self.order };
            self.turn(order, Seek::First, Some(Move::First));
        }
    }

    /// Asks for half as many rows more where the selection comes near the end of those known.
    fn slide(&mut self, movement: Move) {
        let Some(middle) = self.middle.clone().filter(|_| self.awaited.is_none()) else { return };
        let (index, rows, is_first, is_last) = self.table.standing();
        let down = matches!(movement, Move::Down | Move::PageDown);
        if down && (index + NEAR >= rows || is_last) && self.next.is_some() {
            self.turn(self.order, Seek::After(middle), None);
        } else if !down && (index < NEAR || is_first) && self.previous.is_some() {
            self.turn(self.order, Seek::Before(middle), None);
        }
    }
}

impl<R: Row> List for Paged<R> {
    fn step(&mut self, movement: Move) {
        match movement {
            Move::First if self.previous.is_some() => self.turn(self.order, Seek::First, Some(Move::First)),
            Move::Last if self.next.is_some() => self.turn(self.order, Seek::Last, Some(Move::Last)),
            Move::First | Move::Last => self.table.step(movement),
            _ => {
                self.table.step(movement);
                self.slide(movement);
            }
        }
    }

    fn sort_next(&mut self) {
        if self.is_whole() {
            self.table.sort_next();
            return;
        }
        let at = self.orders.iter().position(|order| *order == self.order).map_or(0, |at| at + 1);
        if let Some(order) = self.orders.get(at % self.orders.len().max(1)).filter(|order| **order != self.order) {
            self.turn(*order, Seek::First, Some(Move::First));
        }
    }

    /// A part of a list has one way only.
    fn sort_reverse(&mut self) {
        if self.is_whole() {
            self.table.sort_reverse();
        }
    }

    fn click(&mut self, place: Position) -> bool {
        let is_here = self.table.click(place);
        self.sort_anew();
        is_here
    }

    fn set_columns(&mut self, config: &ListConfig) {
        self.table.set_columns(config);
    }

    fn filter(&self) -> &str {
        self.table.filter()
    }

    fn set_filter(&mut self, typed: &str) {
        self.table.set_filter(typed);
        if !self.all && self.narrowed != typed {
            self.narrow();
        }
    }

    fn wrong(&self) -> Option<&str> {
        self.table.wrong()
    }

    fn completed(&self, typed: &str) -> Option<String> {
        self.table.completed(typed)
    }

    fn counts(&self) -> (usize, usize) {
        self.table.counts()
    }

    fn toggle_faults(&mut self) {
        self.table.toggle_faults();
    }

    fn columns(&self) -> Vec<ColumnState> {
        self.table.columns()
    }

    fn change(&mut self, place: usize, change: ColumnChange) -> usize {
        let place = self.table.change(place, change);
        self.sort_anew();
        place
    }

    fn sheet(&self, now: Timestamp) -> Sheet {
        self.table.sheet(now)
    }
}
