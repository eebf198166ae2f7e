//! Explanations of projects, and of what is not known in full.

use mete_core::Timestamp;

use crate::case::{Case, Question};
use crate::directory::{Directory, Key};
use crate::explain::{About, Explanation};
use crate::gate::Gate;
use crate::request::Request;

impl Gate {
    /// The decision on whatever key of a project could be used for the request, with its grounds; `None` if the project is
    /// not known.
    #[must_use]
    pub fn explain_project(&self, now: Timestamp, project_id: &str, request: &Request<'_>) -> Option<Explanation> {
        self.explain_project_as_far(now, project_id, request, &|_| true)
    }

    /// The same, as far as it is known.
    pub(crate) fn explain_project_as_far(
        &self,
        now: Timestamp,
        project_id: &str,
        request: &Request<'_>,
        is_known: &dyn Fn(Question) -> bool,
    ) -> Option<Explanation> {
        let directory = self.directory();
        let key = directory.key_of_nobody(project_id)?;
        let mut case = Case::new(&directory, &key, request, now);
        self.look_at_rates(&directory, &mut case);
        Some(Explanation::of_case(&case, About::Project, is_known))
    }

    /// The decision on a key by its id, as far as it is known.
    pub(crate) fn explain_as_far(
        &self,
        now: Timestamp,
        key_id: &str,
        request: &Request<'_>,
        is_known: &dyn Fn(Question) -> bool,
    ) -> Explanation {
        let directory = self.directory();
        match directory.key_by_id(key_id) {
            None => Explanation::of_unknown_key(now),
            Some(key) => self.explain_key(&directory, (key, request), now, is_known),
        }
    }

    /// The decision on a key of the directory, as far as it is known.
    pub(crate) fn explain_key(
        &self,
        directory: &Directory,
        (key, request): (&Key, &Request<'_>),
        now: Timestamp,
        is_known: &dyn Fn(Question) -> bool,
    ) -> Explanation {
        let mut case = Case::new(directory, key, request, now);
        self.look_at_rates(directory, &mut case);
        Explanation::of_case(&case, About::Key, is_known)
    }

    /// The id of the project with this id, or of the only active one with this name.
    #[must_use]
    pub fn project_named(&self, asked: &str) -> Option<String> {
        let directory = self.directory();
        if directory.project(asked).is_some() {
            return Some(asked.to_owned());
        }
        let mut named = directory.projects().iter().filter(|project| !project.archived && project.name == asked);
        match (named.next(), named.next()) {
            (Some(project), None) => Some(crate::directory::text(&project.id)),
            _ => None,
        }
    }

    /// The ids of a key and its project, by the key's id or the hash of one of its secrets.
    #[must_use]
    pub fn key_and_project(&self, key: KeyNamed<'_>) -> Option<(String, String)> {
        let directory = self.directory();
        let key = match key {
            KeyNamed::Id(id) => directory.key_by_id(id),
            KeyNamed::Hash(hash) => directory.key(&hash),
        }?;
        let text = crate::directory::text;
        Some((text(&key.id), text(&directory.project_of(key).id)))
    }
}

/// A way to name a key.
#[derive(Clone, Copy, Debug)]
pub enum KeyNamed<'a> {
    /// By its id.
    Id(&'a str),
    /// By the SHA-256 of one of its secrets.
    Hash(mete_core::secret::KeyHash),
}
