//! What a screen may know while it is drawn, besides its own data.

use mete_core::{Month, Timestamp};

use crate::theme::Theme;

/// Whether a screen knows what it is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Not yet.
    Awaited,
    /// Not yet, and the last try failed.
    Failed,
    /// It does.
    Here,
}

impl Arrival {
    /// What an empty part of a screen says: why it is empty; `empty` is the reason if there is nothing to know.
    #[must_use]
    pub const fn reason(self, empty: &str) -> &str {
        match self {
            Self::Awaited => "Loading …",
            Self::Failed => "Nothing is known yet: the store does not answer.",
            Self::Here => empty,
        }
    }
}

/// The circumstances of one drawing.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// Colours and emphasis.
    pub theme: &'a Theme,
    /// The present.
    pub now: Timestamp,
    /// The month shown.
    pub month: Month,
    /// Whether the screen's data has arrived.
    pub arrival: Arrival,
    /// Whether the keys act on what is drawn.
    pub focused: bool,
}

impl Look<'_> {
    /// The same for a part that has the keys only if `focused`.
    #[must_use]
    pub const fn focus(self, focused: bool) -> Self {
        Self { focused: self.focused && focused, ..self }
    }

    /// Whether the month shown is the present one.
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.month == self.now.month()
    }
}
