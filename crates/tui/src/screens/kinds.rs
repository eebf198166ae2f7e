//! The one table of the kinds of screens: what each is called and does, how it is jumped to, and what of it can be
//! configured.

use super::{
    Alerts, Audit, Blocks, Events, Explain, Invites, Keys, Members, Organizations, ProjectScreen, Projects, Pulse,
    Quarantine, Screen, Settings, Sources, alerts, audit, blocks, entry, events, explain, fact_rows, invites, keys,
    members, organizations, project, projects, pulse, quarantine, settings, sources,
};
use crate::actions::{ACTING, Action, EVERYWHERE, ON_LISTS, ON_TARGETS};
use crate::deeds::Target;
use crate::jumps::{Atlas, Opened, Parameter, Told};

/// A kind of screens.
pub struct Kind {
    /// Its name: in the configuration, in file names, and typed after `:`.
    pub name: &'static str,
    /// What may be typed in its place.
    pub aliases: &'static [&'static str],
    /// What it shows.
    pub title: &'static str,
    /// What it may be told; what is typed without a name is the first one.
    pub takes: &'static [Parameter],
    /// Opens it from what it is told, where it can be jumped to.
    pub open: Option<fn(&Told<'_>) -> Opened>,
    /// What it offers besides what works everywhere and on every list.
    pub actions: &'static [Action],
    /// Its lists by their names, with the names of their columns.
    pub lists: fn() -> Vec<(&'static str, Vec<String>)>,
}

/// Every kind of screens, in the order in which jumps are offered; the interface starts with the first one.
pub static KINDS: [Kind; 19] = [
    Kind {
        name: "pulse",
        aliases: &["home"],
        title: "what is spent now, and what needs you",
        takes: &[],
        open: Some(|_| Ok(Box::new(Pulse::new()))),
        actions: pulse::ACTIONS,
        lists: pulse::lists,
    },
    Kind {
        name: "organizations",
        aliases: &["orgs"],
        title: "all organizations",
        takes: &[],
        open: Some(|_| Ok(Box::new(Organizations::new()))),
        actions: organizations::ACTIONS,
        lists: || vec![("organizations", organizations::columns())],
    },
    Kind {
        name: "projects",
        aliases: &["org"],
        title: "the projects of an organization",
        takes: &[Parameter::Organization],
        open: Some(|told| Ok(Box::new(Projects::of(&told.the_organization()?.organization)))),
        actions: projects::ACTIONS,
        lists: || vec![("projects", projects::columns())],
    },
    Kind {
        name: "project",
        aliases: &[],
        title: "one project",
        takes: &[Parameter::Project, Parameter::Organization],
        open: Some(|told| Ok(Box::new(ProjectScreen::of(&told.the_project()?.project)))),
        actions: project::ACTIONS,
        lists: project::lists,
    },
    Kind {
        name: "explain",
        aliases: &["why"],
        title: "why a project's keys are refused or not",
        takes: &[Parameter::Project, Parameter::Organization],
        open: Some(|told| {
            let explain = Explain::of(&[Target::Project(told.the_project()?.project.clone())]);
            explain.map(|screen| Box::new(screen) as Box<dyn Screen>).ok_or_else(|| "nothing decides on it".to_owned())
        }),
        actions: explain::ACTIONS,
        lists: explain::lists,
    },
    Kind {
        name: "keys",
        aliases: &["key"],
        title: "keys of all, an organization or a project",
        takes: &[Parameter::Organization, Parameter::Project, Parameter::Owner, Parameter::Status],
        open: Some(|told| {
            let filter = told.terms(&[(Parameter::Owner, "owner"), (Parameter::Status, "state")]);
            Ok(Box::new(Keys::of(told.organization()?, told.project()?).filtered(&filter)))
        }),
        actions: keys::ACTIONS,
        lists: || vec![("keys", keys::columns())],
    },
    Kind {
        name: "members",
        aliases: &["people"],
        title: "people and accounts of an organization",
        takes: &[Parameter::Organization],
        open: Some(|told| Ok(Box::new(Members::of(&told.the_organization()?.organization)))),
        actions: members::ACTIONS,
        lists: || vec![("members", members::columns())],
    },
    Kind {
        name: "invites",
        aliases: &[],
        title: "invites to all organizations, or to one",
        takes: &[Parameter::Organization],
        open: Some(|told| Ok(Box::new(Invites::of(told.organization()?.map(|view| &view.organization))))),
        actions: invites::ACTIONS,
        lists: || vec![("invites", invites::columns())],
    },
    Kind {
        name: "alerts",
        aliases: &[],
        title: "budgets and thresholds that were crossed",
        takes: &[Parameter::Organization, Parameter::Project],
        open: Some(|told| Ok(Box::new(Alerts::of(told.organization()?, told.project()?)))),
        actions: alerts::ACTIONS,
        lists: || vec![("alerts", alerts::columns())],
    },
    Kind {
        name: "blocks",
        aliases: &["refused"],
        title: "who is refused now, and why",
        takes: &[Parameter::Organization],
        open: Some(|told| Ok(Box::new(Blocks::of(told.organization()?)))),
        actions: blocks::ACTIONS,
        lists: || vec![("blocks", blocks::columns())],
    },
    Kind {
        name: "audit",
        aliases: &["log"],
        title: "who changed what, newest first",
        takes: &[Parameter::Organization, Parameter::Project, Parameter::Actor, Parameter::Target, Parameter::Kind],
        open: Some(|told| {
            let terms = [(Parameter::Actor, "who"), (Parameter::Target, "target"), (Parameter::Kind, "what")];
            Ok(Box::new(Audit::of(told.organization()?, told.project()?).filtered(&told.terms(&terms))))
        }),
        actions: audit::ACTIONS,
        lists: || vec![("audit", audit::columns())],
    },
    Kind {
        name: "audit_entry",
        aliases: &[],
        title: "one entry of the audit log",
        takes: &[],
        open: None,
        actions: entry::ACTIONS,
        lists: || vec![("audit_entry", entry::columns())],
    },
    Kind {
        name: "events",
        aliases: &["tail"],
        title: "what is counted, as it comes",
        takes: &[Parameter::Project, Parameter::Organization],
        open: Some(|told| Ok(Box::new(Events::of(told.organization()?, told.project()?)))),
        actions: events::ACTIONS,
        lists: || vec![("events", events::columns())],
    },
    Kind {
        name: "event",
        aliases: &[],
        title: "one event",
        takes: &[],
        open: None,
        actions: &[],
        lists: || vec![("event", fact_rows::columns())],
    },
    Kind {
        name: "sources",
        aliases: &[],
        title: "where usage comes from, and what is late",
        takes: &[],
        open: Some(|_| Ok(Box::new(Sources::new()))),
        actions: sources::ACTIONS,
        lists: || vec![("sources", sources::columns())],
    },
    Kind {
        name: "source",
        aliases: &[],
        title: "one source",
        takes: &[],
        open: None,
        actions: sources::SOURCE_ACTIONS,
        lists: sources::source_lists,
    },
    Kind {
        name: "quarantine",
        aliases: &[],
        title: "what could not be counted, and why",
        takes: &[],
        open: Some(|_| Ok(Box::new(Quarantine::new()))),
        actions: quarantine::ACTIONS,
        lists: quarantine::lists,
    },
    Kind {
        name: "quarantine_entry",
        aliases: &[],
        title: "one entry of the quarantine",
        takes: &[],
        open: None,
        actions: &[],
        lists: || vec![("quarantine_entry", fact_rows::columns())],
    },
    Kind {
        name: "settings",
        aliases: &[],
        title: "the settings of the deployment",
        takes: &[],
        open: Some(|_| Ok(Box::new(Settings::new()))),
        actions: &[],
        lists: || vec![("settings", settings::columns())],
    },
];

impl Kind {
    /// Whether two actions can be done on it, so that they must not have the same keys.
    #[must_use]
    pub fn offers(&self, one: &str, other: &str) -> bool {
        let offered = |name: &str| {
            let mut all = [self.actions, ON_LISTS, ON_TARGETS, EVERYWHERE, ACTING].into_iter().flatten();
            all.any(|action| action.name() == name)
        };
        offered(one) && offered(other)
    }

    /// Opens it as the first screen, where nothing has to be named for it.
    fn first(&self) -> Option<Box<dyn Screen>> {
        self.open.and_then(|open| open(&Told::nothing(&Atlas::default())).ok())
    }
}

/// The kinds that can be jumped to.
pub fn jumps() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().filter(|kind| kind.open.is_some())
}

/// The names of all kinds.
#[must_use]
pub fn names() -> Vec<&'static str> {
    KINDS.iter().map(|kind| kind.name).collect()
}

/// Those of them that can be shown first.
#[must_use]
pub fn firsts() -> Vec<&'static str> {
    KINDS.iter().filter(|kind| kind.first().is_some()).map(|kind| kind.name).collect()
}

/// The screen of a name to start with; without one, the first that there is.
#[must_use]
pub fn first(name: Option<&str>) -> Box<dyn Screen> {
    let mut named = KINDS.iter().filter(|kind| name.is_none_or(|name| name == kind.name));
    named.find_map(Kind::first).unwrap_or_else(|| Box::new(Pulse::new()))
}

/// The lists of all kinds by their names in the configuration, with the names of their columns.
#[must_use]
pub fn lists() -> Vec<(&'static str, Vec<String>)> {
    KINDS.iter().flat_map(|kind| (kind.lists)()).collect()
}
