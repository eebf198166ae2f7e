//! Columns that lists of projects have in common.

use mete_core::directory::ProjectView;

use super::cells;
use crate::table::{Column, Figure};
use crate::theme::Tone;

/// A row about a project.
pub trait OfProject {
    /// The project with its figures.
    fn view(&self) -> &ProjectView;
}

/// Its name, in so many columns at least and at most.
pub const fn name<R: OfProject>(width: u16, most: u16) -> Column<R> {
    Column::words(
        "PROJECT",
        width,
        |row: &R, _| cells::words(&row.view().project.name, Tone::Strong),
        |a: &R, b: &R| cells::by_letters(&a.view().project.name, &b.view().project.name),
    )
    .growing(most)
    .kept()
}

/// What it spent.
pub const fn spent<R: OfProject>(width: u16) -> Column<R> {
    Column::numbers(
        "SPENT",
        width,
        |row: &R, slot| cells::seen(row.view().spend, |spend| cells::amount(spend, slot)),
        Figure::Money(|row: &R| row.view().spend),
    )
    .also("spend")
}

/// Its budget.
pub const fn budget<R: OfProject>(width: u16) -> Column<R> {
    Column::numbers(
        "BUDGET",
        width,
        |row: &R, slot| cells::limit(row.view().limits.budget, slot),
        Figure::Money(|row: &R| row.view().limits.budget),
    )
}

/// How much of its budget is spent.
pub const fn used<R: OfProject>(width: u16) -> Column<R> {
    Column::words(
        "USED",
        width,
        |row: &R, slot| cells::seen(row.view().spend, |spend| cells::used(spend, &row.view().limits, slot)),
        |a: &R, b: &R| share(a).cmp(&share(b)),
    )
    .growing(26)
    .amounting(Figure::Share(share))
    .largest_first()
}

/// Its active keys.
pub const fn keys<R: OfProject>(width: u16) -> Column<R> {
    Column::numbers(
        "KEYS",
        width,
        |row: &R, slot| cells::number(row.view().active_keys, slot),
        Figure::Count(|row: &R| Some(row.view().active_keys)),
    )
}

fn share<R: OfProject>(row: &R) -> Option<u32> {
    cells::used_share(row.view().spend, &row.view().limits)
}
