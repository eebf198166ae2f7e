//! Why the interface cannot start or go on.

use std::io;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// Standard output goes somewhere else than to a terminal.
    #[error(
        "the terminal interface needs a terminal, and standard output is none: run it without | or >, or use 'mete spend' and 'mete alerts list' in scripts"
    )]
    NoTerminal,
    /// The terminal cannot move its cursor.
    #[error(
        "the terminal interface cannot draw on a terminal of the type {0:?}: set TERM to what the terminal is, like TERM=xterm-256color, or use 'mete spend' and 'mete alerts list'"
    )]
    DumbTerminal(String),
    /// The terminal or a signal could not be set up.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// The terminal could not be drawn on.
    #[error("cannot draw on the terminal: {0}")]
    Draw(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no store to be shown. Whoever opens it knows why.
    #[error("the store could not be opened")]
    NotOpened,
    /// A part of the program panicked; its message is above.
    #[error("a part of the program stopped working; please report it, with the message that stands above")]
    Panicked,
}

impl TuiError {
    /// Says what was tried when the operating system refused.
    pub(crate) fn while_doing(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }
}
