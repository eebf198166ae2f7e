//! What reaches the main loop, and what it sets going.

use crossterm::event::{KeyEvent, MouseEvent};
use mete_control::Sight;
use mete_store::Versions;

use crate::copy::Clip;
use crate::data::{Answer, Query, QueryFailed};
use crate::deeds::{Deed, Done, Sheet, Wish};

/// Names one opened screen; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewId(pub u64);

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The mouse was used.
    Mouse(MouseEvent),
    /// The terminal has told its background.
    Background {
        /// Whether it is a light one.
        light: bool,
    },
    /// The terminal has another size: columns, rows.
    Resize(u16, u16),
    /// A second has gone by: ages have changed.
    Second,
    /// The store is being asked whether anything has changed.
    Polling,
    /// The store was asked whether anything has changed.
    Versions(Result<Versions, QueryFailed>),
    /// A view's queries were answered, all or none.
    Answers {
        /// Which view asked.
        view: ViewId,
        /// At which of its askings.
        generation: u64,
        /// The answers in the order of the queries.
        result: Result<Vec<Answer>, QueryFailed>,
    },
    /// A file was written: its path, or why there is none.
    Written(Result<String, String>),
    /// Nothing can be changed in the store, whatever the rights.
    ReadOnly,
    /// What the actor may do, as of now.
    Sight(Result<Sight, String>),
    /// The form of something that is to be done, or why it cannot be done.
    Prepared {
        /// On which layer it is awaited.
        layer: ViewId,
        /// The form.
        result: Result<Box<Sheet>, String>,
    },
    /// Something was done, or refused, in words.
    Done {
        /// The layer that it was sent from; it may be gone.
        layer: ViewId,
        /// What came of it.
        result: Result<Done, String>,
    },
    /// The lines of the banner are others now.
    Banner(Vec<String>),
    /// The process is to end: a signal, or the terminal is gone.
    Stop,
}

/// Something to do outside the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask the store; the answer comes back as [`Msg::Answers`].
    Ask {
        /// Which view asks.
        view: ViewId,
        /// At which of its askings.
        generation: u64,
        /// What it asks.
        queries: Vec<Query>,
    },
    /// Write a file into the current directory, under a name that is not taken; the outcome comes back as
    /// [`Msg::Written`].
    Write {
        /// The name wanted.
        name: String,
        /// What is in it.
        contents: String,
    },
    /// Ask what the actor may do; the answer comes back as [`Msg::Sight`].
    Look,
    /// Make the form of a wish; it comes back as [`Msg::Prepared`].
    Prepare {
        /// Where it is awaited.
        layer: ViewId,
        /// What is wished for.
        wish: Box<Wish>,
    },
    /// Do something to the store, to its end; what came of it comes back as [`Msg::Done`].
    Do {
        /// From where it was sent.
        layer: ViewId,
        /// What is done.
        deed: Deed,
    },
    /// Put something on the clipboard.
    Copy(Clip),
    /// Draw every cell anew.
    Redraw,
    /// Give the terminal back, and stop until the shell lets the program go on.
    Suspend,
    /// Ring the terminal's bell.
    Ring,
    /// Leave.
    Quit,
}
