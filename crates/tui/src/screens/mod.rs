//! The screens. Each is one file or folder; a new one needs its module here and its kind in `kinds`, and a jump there or
//! somebody who opens it.

mod alerts;
mod audit;
mod blocks;
mod cells;
mod entry;
mod events;
mod explain;
mod fact_rows;
mod invites;
mod keys;
mod kinds;
mod members;
mod of_projects;
mod organizations;
mod pages;
mod project;
mod projects;
mod pulse;
mod quarantine;
mod settings;
mod sources;
mod trouble;

use std::collections::BTreeMap;

pub use alerts::Alerts;
pub use audit::Audit;
pub use blocks::Blocks;
pub use events::Events;
pub use explain::Explain;
pub use invites::Invites;
pub use keys::Keys;
pub use kinds::{KINDS, Kind, first, firsts, jumps, lists, names};
pub use members::Members;
use mete_core::{Month, Timestamp};
pub use organizations::Organizations;
pub use project::ProjectScreen;
pub use projects::Projects;
pub use pulse::Pulse;
pub use quarantine::Quarantine;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
pub use settings::Settings;
pub use sources::Sources;

use crate::actions::Action;
use crate::config::ListConfig;
use crate::data::{Answer, Query};
use crate::deeds::{Target, Wish, meant};
use crate::look::Look;
use crate::outcome::Outcome;
use crate::table::List;

/// One screen with its data and its state. It keeps both while another screen is on top of it.
pub trait Screen: Send {
    /// The name of its kind, one of [`KINDS`]: in file names and the configuration.
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

    /// Whether what it has to know has become something else since it was asked last: another page, another order.
    fn turned(&mut self) -> bool {
        false
    }

    /// Takes the answers to [`Screen::queries`] for the same month, in their order.
    fn receive(&mut self, answers: Vec<Answer>, month: Month, now: Timestamp);

    /// Forgets what it knows of the month shown so far: another one was chosen.
    fn forget(&mut self);

    /// What it offers besides what works everywhere and on every list.
    fn actions(&self) -> &'static [Action];

    /// Does one of [`Screen::actions`].
    fn act(&mut self, action: Action) -> Outcome;

    /// All its lists by their names in the configuration: where there is one, it has the screen's.
    fn all_lists(&mut self) -> Vec<(&'static str, &mut dyn List)> {
        vec![(self.name(), self.list())]
    }

    /// Shows the columns that are configured.
    fn set_columns(&mut self, configured: &BTreeMap<String, ListConfig>) {
        for (name, list) in self.all_lists() {
            if let Some(config) = configured.get(name) {
                list.set_columns(config);
            }
        }
    }

    /// What can be acted on: what is selected first, then what it is in. Empty where nothing is known yet.
    fn targets(&self) -> Vec<Target> {
        Vec::new()
    }

    /// What an acting key means here; by default what it means for [`Screen::targets`].
    fn meant(&self, action: Action) -> Option<Wish> {
        meant(action, &self.targets())
    }

    /// The list that the keys act on.
    fn list(&mut self) -> &mut dyn List;

    /// Takes a click: it selects a row, sorts by a heading, shows a tab.
    fn click(&mut self, place: Position) -> Outcome {
        self.list().click(place);
        Outcome::Done
    }

    /// How many things it shows that are refused: the bell rings when they become more.
    fn refused(&self) -> usize {
        0
    }

    /// Tells it the area that it will be drawn in, so that a page is a page.
    fn arrange(&mut self, area: Rect, look: &Look<'_>);

    /// Draws it.
    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>);
}
