//! Typed columns: how a cell looks, what it amounts to, how rows are ordered by it.

use std::cmp::Ordering;

use mete_core::{Nanos, Timestamp};

use crate::piece::Piece;

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

/// What the cells of a column amount to, exactly: what filters compare, and what is exported.
pub enum Figure<R> {
    /// The text of the cell.
    Cell,
    /// A text that the cell shows with something added.
    Text(fn(&R) -> &str),
    /// An amount, if there is one to be seen.
    Money(fn(&R) -> Option<Nanos>),
    /// A count, if there is one to be seen.
    Count(fn(&R) -> Option<u64>),
    /// A share in per mille, if there is a whole.
    Share(fn(&R) -> Option<u32>),
    /// An instant, if there was one.
    Time(fn(&R) -> Option<Timestamp>),
}

// derived, these would ask the same of the rows
impl<R> Clone for Figure<R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R> Copy for Figure<R> {}

/// What one cell amounts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing, or nothing that may be seen.
    Nothing,
    /// Words.
    Text(String),
    /// An amount.
    Money(Nanos),
    /// A count.
    Count(u64),
    /// A share in per mille.
    Share(u32),
    /// An instant.
    Time(Timestamp),
}

impl<R> Figure<R> {
    /// As one whole number, for comparisons: nano-dollars, per mille, microseconds. Nothing for words.
    pub(super) fn number(&self, row: &R) -> Option<i128> {
        match self {
            Self::Cell | Self::Text(_) => None,
            Self::Money(of) => of(row).map(|amount| amount.0.into()),
            Self::Count(of) => of(row).map(Into::into),
            Self::Share(of) => of(row).map(Into::into),
            Self::Time(of) => of(row).map(|at| at.0.into()),
        }
    }

    /// Whether rows can be compared with a number.
    pub(super) const fn is_number(&self) -> bool {
        !matches!(self, Self::Cell | Self::Text(_))
    }
}

/// A column of rows of type `R`.
pub struct Column<R> {
    /// Its header.
    pub title: &'static str,
    /// Another name for it in filters; empty if there is none.
    pub also: &'static str,
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
    /// What a cell amounts to.
    pub figure: Figure<R>,
    /// Orders two rows, smallest first; without it they are ordered by their figures.
    order: Option<fn(&R, &R) -> Ordering>,
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
        Self {
            title,
            also: "",
            width,
            most: width,
            align: Align::Left,
            keep: false,
            largest_first: false,
            cell,
            figure: Figure::Cell,
            order: Some(order),
        }
    }

    /// A column of numbers, sorted by them from the largest at first.
    #[must_use]
    pub const fn numbers(title: &'static str, width: u16, cell: fn(&R, Slot) -> Vec<Piece>, figure: Figure<R>) -> Self {
        Self {
            title,
            also: "",
            width,
            most: width,
            align: Align::Right,
            keep: false,
            largest_first: true,
            cell,
            figure,
            order: None,
        }
    }

    /// Its name in filters, files and the configuration: its header in small letters.
    #[must_use]
    pub fn name(&self) -> String {
        self.title.to_lowercase().replace(' ', "_")
    }

    /// The same, known in filters by another name too.
    #[must_use]
    pub const fn also(mut self, name: &'static str) -> Self {
        self.also = name;
        self
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

    /// The same, amounting to something else than its cells say.
    #[must_use]
    pub const fn amounting(mut self, figure: Figure<R>) -> Self {
        self.figure = figure;
        self
    }

    /// The same, ordered by something else than its figures.
    #[must_use]
    pub const fn ordered(mut self, order: fn(&R, &R) -> Ordering) -> Self {
        self.order = Some(order);
        self
    }

    /// Orders two rows, smallest first.
    pub(super) fn compare(&self, a: &R, b: &R) -> Ordering {
        match (self.order, &self.figure) {
            (Some(order), _) => order(a, b),
            (None, Figure::Text(of)) => of(a).cmp(of(b)),
            (None, figure) => figure.number(a).cmp(&figure.number(b)),
        }
    }

    /// What a cell says, without what only fills it.
    pub(super) fn text(&self, row: &R, now: Timestamp) -> String {
        if let Figure::Text(of) = self.figure {
            return of(row).to_owned();
        }
        let pieces = (self.cell)(row, Slot { width: usize::from(self.most), now });
        let text: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
        text.trim().to_owned()
    }

    /// What a cell amounts to.
    pub(super) fn value(&self, row: &R, now: Timestamp) -> Value {
        match self.figure {
            Figure::Cell | Figure::Text(_) => Some(Value::Text(self.text(row, now))),
            Figure::Money(of) => of(row).map(Value::Money),
            Figure::Count(of) => of(row).map(Value::Count),
            Figure::Share(of) => of(row).map(Value::Share),
            Figure::Time(of) => of(row).map(Value::Time),
        }
        .unwrap_or(Value::Nothing)
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
