//! Resources that usage named (R36).

use mete_core::directory::Project;
use mete_core::rights::Action;
use mete_core::{Nanos, Timestamp};
use mete_store::{ResourceFilter, ResourceKind, ResourceRow};
use serde::Serialize;

use super::View;
use crate::ControlError;
use crate::boxed;

/// A resource of a project, as an actor sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeenResource {
    /// The project's id.
    pub project_id: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ResourceKind,
    /// The provider's id of it, as its writer wrote it: make it safe before it is shown.
    pub id: String,
    /// The time of the earliest event that named it.
    pub first_seen_at: Timestamp,
    /// The time of the latest.
    pub last_seen_at: Timestamp,
    /// Bytes stored less bytes freed, never below 0.
    pub bytes: u64,
    /// Requests that named it; `None` for somebody who may not see usage and spend (R6).
    pub requests: Option<u64>,
    /// What they cost; `None` as with the requests.
    pub spend: Option<Nanos>,
}

impl View<'_> {
    /// The resources of a project that usage named, those seen last first: all of a kind, or of every kind, or the first
    /// so many of them.
    ///
    /// # Errors
    /// When the project does not exist for the actor, or the store cannot be read.
    #[boxed]
    pub async fn resources(
        &self,
        project: &Project,
        (kind, limit): (Option<ResourceKind>, Option<i64>),
    ) -> Result<Vec<SeenResource>, ControlError> {
        self.require_project(project)?;
        let found = self.store.resources(&ResourceFilter { project_id: project.id.clone(), kind, limit }).await?;
        let sees_spend = self.sight.may(Action::SeeSpend, project);
        Ok(found.into_iter().map(|row| seen(row, sees_spend)).collect())
    }
}

fn seen(row: ResourceRow, sees_spend: bool) -> SeenResource {
    let ResourceRow { project_id, kind, id, first_seen_at, last_seen_at, requests, bytes, spend } = row;
    let (requests, spend) = (sees_spend.then_some(requests), sees_spend.then_some(spend));
    SeenResource { project_id, kind, id, first_seen_at, last_seen_at, bytes, requests, spend }
}
