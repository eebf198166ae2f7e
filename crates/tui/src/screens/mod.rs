//! The screens. Each is one file or folder; a new one needs nothing but its module here and somebody who opens it.

mod cells;
mod organizations;
mod project;
mod projects;
mod trouble;

use std::collections::BTreeMap;

use mete_core::{Month, Timestamp};
pub use organizations::Organizations;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::actions::Action;
use crate::config::ListConfig;
use crate::data::{Answer, Query};
use crate::look::Look;
use crate::table::List;

/// The screens by their names in the configuration.
pub const NAMES: [&str; 3] = ["organizations", "projects", "project"];
/// Those of them that can be shown first.
pub const FIRST: [&str; 1] = ["organizations"];

/// The lists by their names in the configuration, with the names of their columns.
pub fn lists() -> Vec<(&'static str, Vec<String>)> {
    let [keys, models, alerts] = project::lists();
    vec![("organizations", organizations::columns()), ("projects", projects::columns()), keys, models, alerts]
}

/// One screen with its data and its state. It keeps both while another screen is on top of it.
pub trait Screen: Send {
    /// Its name in the configuration, one of [`NAMES`].
    fn name(&self) -> &'static str;

    /// Its name in the path of the header.
    fn crumb(&self) -> String;

    /// What it has to know to show a month.
    fn queries(&self, month: Month) -> Vec<Query>;

    /// Takes the answers to [`Screen::queries`] for the same month, in their order.
    fn receive(&mut self, answers: Vec<Answer>, month: Month, now: Timestamp);

    /// Forgets what it knows of the month shown so far: another one was chosen.
    fn forget(&mut self);

    /// What it offers besides what works everywhere and on every list.
    fn actions(&self) -> &'static [Action];

    /// Does one of [`Screen::actions`]; returns the screen to open, if it opens one.
    fn act(&mut self, action: Action) -> Option<Box<dyn Screen>>;

    /// All its lists by their names in the configuration.
    fn all_lists(&mut self) -> Vec<(&'static str, &mut dyn List)>;

    /// Shows the columns that are configured.
    fn set_columns(&mut self, configured: &BTreeMap<String, ListConfig>) {
        for (name, list) in self.all_lists() {
            if let Some(config) = configured.get(name) {
                list.set_columns(config);
            }
        }
    }

    /// The list that the keys act on.
    fn list(&mut self) -> &mut dyn List;

    /// How many things it shows that are refused: the bell rings when they become more.
    fn refused(&self) -> usize {
        0
    }

    /// Tells it the area that it will be drawn in, so that a page is a page.
    fn arrange(&mut self, area: Rect, look: &Look<'_>);

    /// Draws it.
    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>);
}
