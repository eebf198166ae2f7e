//! What leaves Mete as a document: the statement of a month as text, Markdown and HTML, and usage row by row as CSV, JSON
//! Lines, Parquet and FOCUS.
//!
//! [`Statement::gather`] reads what an actor may see (R6); [`document`] writes it down. [`export::Export`] takes rows of
//! usage one hour, day or month after the other, so that a year of usage needs no more memory than its fullest day.

pub mod document;
pub mod export;
mod statement;

pub use statement::{Chapter, Standing, Statement};
