//! The screens. Each is one file or folder; a new one needs its module here, and a line in `jumps` or somebody who opens
//! it.

mod cells;
mod keys;
mod organizations;
mod project;
mod projects;
mod pulse;
mod trouble;

pub use keys::Keys;
use mete_core::{Month, Timestamp};
pub use organizations::Organizations;
pub use project::ProjectScreen;
pub use projects::Projects;
pub use pulse::Pulse;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::actions::Action;
use crate::data::{Answer, Query};
use crate::deeds::Target;
use crate::look::Look;
use crate::outcome::Outcome;
use crate::table::List;

/// One screen with its data and its state. It keeps both while another screen is on top of it.
pub trait Screen: Send {
    /// The name of its kind, in file names and the configuration.
    fn name(&self) -> &'static str;

    /// Its name in the path of the header.
    fn crumb(&self) -> String;

    /// Whether every way begins with it, so that a path need not say so.
    fn is_home(&self) -> bool {
        false
    }

    /// So old, in microseconds, what it knows is asked again, though the store says that nothing has changed.
    fn renewed_after(&self) -> Option<i64> {
        None
    }

    /// What it has to know to show a month.
    fn queries(&self, month: Month) -> Vec<Query>;

    /// Takes the answers to [`Screen::queries`] for the same month, in their order.
    fn receive(&mut self, answers: Vec<Answer>, month: Month, now: Timestamp);

    /// Forgets what it knows of the month shown so far: another one was chosen.
    fn forget(&mut self);

    /// What it offers besides what works everywhere and on every list.
    fn actions(&self) -> &'static [Action];

    /// Does one of [`Screen::actions`].
    fn act(&mut self, action: Action) -> Outcome;

    /// What can be acted on: what is selected first, then what it is in. Empty where nothing is known yet.
    fn targets(&self) -> Vec<Target> {
        Vec::new()
    }

    /// The list that the keys act on.
    fn list(&mut self) -> &mut dyn List;

    /// Tells it the area that it will be drawn in, so that a page is a page.
    fn arrange(&mut self, area: Rect, look: &Look<'_>);

    /// Draws it.
    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>);
}
