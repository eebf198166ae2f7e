//! The audit log.

use mete_core::audit::AuditEntry;
use mete_core::directory::{Organization, Project};
use mete_core::rights::Action;
use mete_store::{AuditFilter, ChainReport};

use super::View;
use crate::ControlError;
use crate::boxed;

impl View<'_> {
    /// Entries of the audit log, newest first: owners of an organization see all of its, owners of a project those of the
    /// project (R6). `wanted` restricts further; its organization and project are replaced by those given here.
    ///
    /// # Errors
    /// When the actor may read none of it, or the store cannot be read.
    #[boxed]
    pub async fn audit(
        &self,
        (organization, project): (Option<&Organization>, Option<&Project>),
        wanted: &AuditFilter,
    ) -> Result<Vec<AuditEntry>, ControlError> {
        let of = |organization_id: Option<&str>, project_id: Option<&str>| AuditFilter {
            organization_id: organization_id.map(str::to_owned),
            project_id: project_id.map(str::to_owned),
            ..wanted.clone()
        };
        let organization_id = organization.map(|organization| organization.id.as_str());
        if let Some(project) = project {
            if !self.sight.may(Action::ReadAudit, project) {
                return Err(self.denied(Action::ReadAudit));
            }
            return Ok(self.store.audit(&of(organization_id, Some(&project.id))).await?);
        }
        if self.sight.is_everything() {
            return Ok(self.store.audit(&of(organization_id, None)).await?);
        }
        let mut filters: Vec<AuditFilter> = Vec::new();
        let within = self.sight.organization_ids().unwrap_or_default();
        for id in within.into_iter().filter(|id| organization_id.is_none_or(|wanted| wanted == *id)) {
            if self.owns(id) {
                filters.push(of(Some(id), None));
            } else {
                let owned = self.projects_for(Action::ReadAudit, Some(id)).await?;
                filters.extend(owned.iter().map(|project| of(Some(id), Some(&project.id))));
            }
        }
        if filters.is_empty() {
            return Err(self.denied(Action::ReadAudit));
        }
        let mut entries = Vec::new();
        for filter in filters {
            entries.extend(self.store.audit(&filter).await?);
        }
        entries.sort_by_key(|entry| std::cmp::Reverse((entry.record.at, entry.seq)));
        if let Some(limit) = wanted.limit {
            entries.truncate(usize::try_from(limit).unwrap_or_default());
        }
        Ok(entries)
    }

    /// Verifies the chain of one organization, or all chains that the actor may read wholly (R42).
    ///
    /// # Errors
    /// When the actor may read none of them wholly, or the store cannot be read.
    #[boxed]
    pub async fn verify_audit(&self, organization: Option<&Organization>) -> Result<Vec<ChainReport>, ControlError> {
        let mut reports = self.store.verify_audit(organization.map(|organization| organization.id.as_str())).await?;
        let found = !reports.is_empty();
        reports.retain(|report| self.owns(&report.organization_id));
        if reports.is_empty() && found { Err(self.denied(Action::ReadAudit)) } else { Ok(reports) }
    }
}
