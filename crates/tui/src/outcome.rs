//! What becomes of an action: nothing more, another screen, something on top of it, or something to do outside.

use mete_core::Month;

use crate::actions::Action;
use crate::deeds::Wish;
use crate::msg::Effect;
use crate::overlays::Overlay;
use crate::screens::Screen;

/// What a screen or an overlay wants after a key.
pub enum Outcome {
    /// Nothing more.
    Done,
    /// What the screen wants to know now asked for, whatever it knew before.
    Ask,
    /// This screen on top of the present one.
    Open(Box<dyn Screen>),
    /// This screen, which does not belong to the present one.
    Jump(Box<dyn Screen>),
    /// This month.
    Month(Month),
    /// This on top of the screen.
    Show(Box<dyn Overlay>),
    /// This to be done to the store, once its form is filled in.
    Wish(Box<Wish>),
    /// These done outside.
    Effects(Vec<Effect>),
    /// This action, as if its key had been pressed.
    Act(Action),
}

impl Outcome {
    /// A screen on top of the present one, if there is one.
    #[must_use]
    pub fn open<S: Screen + 'static>(screen: Option<S>) -> Self {
        screen.map_or(Self::Done, |screen| Self::Open(Box::new(screen)))
    }
}
