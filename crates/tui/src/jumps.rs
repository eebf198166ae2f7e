//! What may be typed after `:`, and what becomes of it. Where it leads is the kinds of screens' to say.

use mete_core::directory::{OrganizationView, ProjectView};

use crate::screens::{Kind, Screen, jumps};

/// What a jump may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// `org=`: an organization's name or id.
    Organization,
    /// `project=`: a project's name or id.
    Project,
    /// `owner=`: part of the name of who has keys.
    Owner,
    /// `status=`: what has become of keys.
    Status,
    /// `actor=`: part of the name of who did something.
    Actor,
    /// `target=`: part of the name of what it was done to.
    Target,
    /// `kind=`: what was done, or to what kind of thing.
    Kind,
}

impl Parameter {
    const ALL: [Self; 7] =
        [Self::Organization, Self::Project, Self::Owner, Self::Status, Self::Actor, Self::Target, Self::Kind];

    /// Its name before the `=`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Organization => "org",
            Self::Project => "project",
            Self::Owner => "owner",
            Self::Status => "status",
            Self::Actor => "actor",
            Self::Target => "target",
            Self::Kind => "kind",
        }
    }
}

/// A screen, or why there is none.
pub type Opened = Result<Box<dyn Screen>, String>;

/// What [`Parameter::Status`] may be.
const STATUSES: [&str; 5] = ["active", "disabled", "expired", "revoked", "refused"];
/// What [`Parameter::Kind`] may be: families of actions in the audit log (R44).
const CHANGES: [&str; 13] = [
    "admin_api_key",
    "api_key",
    "block",
    "invite",
    "limits",
    "organization",
    "project",
    "project_user",
    "release",
    "service_account",
    "setting",
    "usage_grant",
    "user",
];

/// What there is to name.
#[derive(Clone, Debug, Default)]
pub struct Atlas {
    /// The organizations that the person may see.
    pub organizations: Vec<OrganizationView>,
    /// The projects of all of them.
    pub projects: Vec<ProjectView>,
}

impl Atlas {
    /// The names that a parameter may have.
    #[must_use]
    pub fn names(&self, parameter: Parameter) -> Vec<&str> {
        match parameter {
            Parameter::Organization => self.organizations.iter().map(|view| view.organization.name.as_str()).collect(),
            Parameter::Project => self.projects.iter().map(|view| view.project.name.as_str()).collect(),
            Parameter::Status => STATUSES.to_vec(),
            Parameter::Kind => CHANGES.to_vec(),
            Parameter::Owner | Parameter::Actor | Parameter::Target => Vec::new(),
        }
    }
}

/// What a jump was told.
pub struct Told<'a> {
    given: Vec<(Parameter, String)>,
    atlas: &'a Atlas,
}

impl<'a> Told<'a> {
    /// Nothing at all.
    #[must_use]
    pub const fn nothing(atlas: &'a Atlas) -> Self {
        Self { given: Vec::new(), atlas }
    }

    fn given(&self, parameter: Parameter) -> Option<&str> {
        self.given.iter().find(|(named, _)| *named == parameter).map(|(_, value)| value.as_str())
    }

    /// What was told of columns, as a filter.
    #[must_use]
    pub fn terms(&self, columns: &[(Parameter, &str)]) -> String {
        let given = columns.iter().filter_map(|(parameter, column)| Some((self.given(*parameter)?, column)));
        let terms =
            given.flat_map(|(value, column)| value.split_whitespace().map(move |word| format!("{column}:{word}")));
        terms.collect::<Vec<_>>().join(" ")
    }

    /// The organization that was named, if one was.
    ///
    /// # Errors
    /// When there is none of that name, or several.
    pub fn organization(&self) -> Result<Option<&OrganizationView>, String> {
        let Some(asked) = self.given(Parameter::Organization) else { return Ok(None) };
        let named = self.atlas.organizations.iter().map(|view| {
            let organization = &view.organization;
            (organization.name.as_str(), organization.id.as_str(), view)
        });
        the_one("organization", asked, named).map(Some)
    }

    /// The project that was named, if one was; within the organization, if that was named too.
    ///
    /// # Errors
    /// When there is none of that name, or several.
    pub fn project(&self) -> Result<Option<&ProjectView>, String> {
        let Some(asked) = self.given(Parameter::Project) else { return Ok(None) };
        let within = self.organization()?.map(|view| view.organization.id.as_str());
        let projects = self.atlas.projects.iter().map(|view| (view, &view.project));
        let named = projects
            .filter(|(_, project)| within.is_none_or(|id| project.organization_id == id))
            .map(|(view, project)| (project.name.as_str(), project.id.as_str(), view));
        the_one("project", asked, named).map(Some)
    }

    /// The organization that was named, or the only one.
    ///
    /// # Errors
    /// When it has to be named.
    pub fn the_organization(&self) -> Result<&OrganizationView, String> {
        match (self.organization()?, self.atlas.organizations.as_slice()) {
            (Some(view), _) | (None, [view]) => Ok(view),
            (None, _) => Err("which organization? Its name comes next".to_owned()),
        }
    }

    /// The project that was named.
    ///
    /// # Errors
    /// When none was.
    pub fn the_project(&self) -> Result<&ProjectView, String> {
        self.project()?.ok_or_else(|| "which project? Its name comes next".to_owned())
    }
}

/// What has this name or id exactly; else what alone begins so.
fn the_one<'a, T>(kind: &str, asked: &str, named: impl Iterator<Item = (&'a str, &'a str, T)>) -> Result<T, String> {
    let asked_low = asked.to_lowercase();
    let (mut exact, mut begun) = (Vec::new(), Vec::new());
    for (name, id, item) in named {
        let name = name.to_lowercase();
        if name == asked_low || id == asked {
            exact.push(item);
        } else if name.starts_with(&asked_low) {
            begun.push(item);
        }
    }
    let mut found = if exact.is_empty() { begun } else { exact };
    match (found.len(), found.pop()) {
        (1, Some(item)) => Ok(item),
        (0, _) => Err(format!("no {kind} {asked:?}")),
        (several, _) => Err(format!("{several} times {kind} {asked:?}: name its organization (org=) or type its id")),
    }
}

/// A line typed after `:`, taken apart.
pub struct Line<'a> {
    /// The first word.
    pub name: &'a str,
    /// Whether the first word is over.
    pub named: bool,
    /// What stands after it.
    pub rest: &'a str,
}

impl<'a> Line<'a> {
    /// Takes a line apart.
    #[must_use]
    pub fn new(typed: &'a str) -> Self {
        let typed = typed.trim_start();
        let (name, rest) = typed.split_once(' ').unwrap_or((typed, ""));
        Self { name, named: name.len() < typed.len(), rest }
    }

    /// Where the first word leads.
    #[must_use]
    pub fn jump(&self) -> Option<&'static Kind> {
        jumps().find(|kind| kind.name == self.name || kind.aliases.contains(&self.name))
    }

    /// Opens what the line names.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub fn open(&self, atlas: &Atlas) -> Opened {
        let nothing = || format!("nothing is called {:?}", self.name);
        let kind = self.jump().ok_or_else(nothing)?;
        let mut told = Told::nothing(atlas);
        for (parameter, value) in self.arguments(kind) {
            let Some(parameter) = parameter else {
                return Err(format!("{} takes nothing more", kind.name));
            };
            told.given.push((parameter, value));
        }
        kind.open.ok_or_else(nothing)?(&told)
    }

    /// The arguments in their order. A value goes on to the next name; what stands before any name is the first
    /// parameter's, which is missing where none is taken.
    #[must_use]
    pub fn arguments(&self, kind: &Kind) -> Vec<(Option<Parameter>, String)> {
        let mut arguments: Vec<(Option<Parameter>, String)> = Vec::new();
        for word in self.rest.split_whitespace() {
            let named = word.split_once('=').and_then(|(name, value)| {
                let parameter = Parameter::ALL.into_iter().find(|parameter| parameter.name() == name)?;
                Some((parameter, value))
            });
            match (named, arguments.last_mut()) {
                (Some((parameter, value)), _) if kind.takes.contains(&parameter) => {
                    arguments.push((Some(parameter), value.to_owned()));
                }
                (_, Some((_, value))) => {
                    value.push(' ');
                    value.push_str(word);
                }
                (_, None) => arguments.push((kind.takes.first().copied(), word.to_owned())),
            }
        }
        arguments
    }
}
