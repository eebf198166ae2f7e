//! The screens. Each is one file or folder; a new one needs its module and its kind here, and a line in `jumps` or
//! somebody who opens it.

mod cells;
mod keys;
mod organizations;
mod project;
mod projects;
mod trouble;

use std::collections::BTreeMap;

pub use keys::Keys;
use mete_core::{Month, Timestamp};
pub use organizations::Organizations;
pub use project::ProjectScreen;
pub use projects::Projects;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::actions::{ACTING, Action, EVERYWHERE, ON_LISTS};
use crate::config::ListConfig;
use crate::data::{Answer, Query};
use crate::deeds::Target;
use crate::look::Look;
use crate::outcome::Outcome;
use crate::table::List;

/// A kind of screens, as the configuration knows it.
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// What it offers besides what works everywhere and on every list.
    pub actions: &'static [Action],
    /// Its lists by their names, with the names of their columns.
    pub lists: fn() -> Vec<(&'static str, Vec<String>)>,
    /// Opens it as the first screen, where nothing has to be named for it.
    pub first: Option<fn() -> Box<dyn Screen>>,
}

/// Every kind of screens; the interface starts with the first one.
pub static KINDS: [Kind; 4] = [
    Kind {
        name: "organizations",
        actions: organizations::ACTIONS,
        lists: || vec![("organizations", organizations::columns())],
        first: Some(|| Box::new(Organizations::new())),
    },
    Kind {
        name: "projects",
        actions: projects::ACTIONS,
        lists: || vec![("projects", projects::columns())],
        first: None,
    },
    Kind { name: "project", actions: project::ACTIONS, lists: project::lists, first: None },
    Kind {
        name: "keys",
        actions: keys::ACTIONS,
        lists: || vec![("keys", keys::columns())],
        first: Some(|| Box::new(Keys::of(None, None))),
    },
];

impl Kind {
    /// Whether two actions can be done on it, so that they must not have the same keys.
    #[must_use]
    pub fn offers(&self, one: &str, other: &str) -> bool {
        let offered = |name: &str| {
            let mut all = self.actions.iter().chain(ON_LISTS).chain(EVERYWHERE).chain(ACTING);
            all.any(|action| action.name() == name)
        };
        offered(one) && offered(other)
    }
}

/// The names of all screens in the configuration.
#[must_use]
pub fn names() -> Vec<&'static str> {
    KINDS.iter().map(|kind| kind.name).collect()
}

/// Those of them that can be shown first.
#[must_use]
pub fn firsts() -> Vec<&'static str> {
    KINDS.iter().filter(|kind| kind.first.is_some()).map(|kind| kind.name).collect()
}

/// The screen of a name to start with; without one, the first that there is.
#[must_use]
pub fn first(name: Option<&str>) -> Box<dyn Screen> {
    let open = |kind: &Kind| kind.first.filter(|_| name.is_none_or(|name| name == kind.name));
    KINDS.iter().find_map(open).map_or_else(|| Box::new(Organizations::new()) as Box<dyn Screen>, |open| open())
}

/// The lists of all screens by their names in the configuration, with the names of their columns.
#[must_use]
pub fn lists() -> Vec<(&'static str, Vec<String>)> {
    KINDS.iter().flat_map(|kind| (kind.lists)()).collect()
}

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
