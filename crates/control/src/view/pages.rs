//! Long lists, a page at a time, of what the actor sees.

use std::collections::HashMap;

use mete_core::audit::AuditEntry;
use mete_core::directory::{Organization, Project};
use mete_core::manual_block::ManualBlock;
use mete_core::people::Invite;
use mete_core::rights::Action;
use mete_core::{Month, Timestamp};
use mete_store::{
    Alert, AlertFilter, AuditFilter, EventFilter, EventPage, EventPlace, EventTail, KeyLine, KeyQuery, KeyReach,
    ManualBlockFilter, MemberLine, MemberOrder, Page, Paging, QuarantineFilter, QuarantineRow, Refusal, RefusalCause,
    SeenBlocks,
};

use super::View;
use crate::ControlError;
use crate::boxed;
use crate::error::Denial;

impl View<'_> {
    /// Some of the keys that the actor sees, everywhere: all of projects whose keys they manage, their own of others. The
    /// query's reaches are replaced by that.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn key_page(&self, wanted: &KeyQuery, paging: &Paging) -> Result<Page<KeyLine>, ControlError> {
        let reaches = self.key_reaches(wanted.organization_id.as_deref()).await?;
        Ok(self.store.key_page(&KeyQuery { reaches, ..wanted.clone() }, paging).await?)
    }

    async fn key_reaches(&self, organization_id: Option<&str>) -> Result<Vec<(KeyReach, bool)>, ControlError> {
        let Some(within) = self.sight.organization_ids() else {
            let all = organization_id.map_or(KeyReach::All, |id| KeyReach::Organization(id.to_owned()));
            return Ok(vec![(all, true)]);
        };
        let owner_id = self.sight.user_id().unwrap_or_default().to_owned();
        let mut reaches = Vec::new();
        for id in within.into_iter().filter(|id| organization_id.is_none_or(|only| only == *id)) {
            if self.owns(id) {
                reaches.push((KeyReach::Organization(id.to_owned()), true));
                continue;
            }
            // Managed or not, with spend or without.
            let mut projects: HashMap<(bool, bool), Vec<String>> = HashMap::new();
            for project in self.projects_for(Action::SeeProject, Some(id)).await? {
                let may = |action| self.sight.may(action, &project);
                projects.entry((may(Action::ManageOthersKeys), may(Action::SeeSpend))).or_default().push(project.id);
            }
            reaches.extend(projects.into_iter().map(|((manages, sees_spend), project_ids)| {
                let owned = || KeyReach::Owned { owner_id: owner_id.clone(), project_ids: project_ids.clone() };
                (if manages { KeyReach::Projects(project_ids.clone()) } else { owned() }, sees_spend)
            }));
        }
        Ok(reaches)
    }

    /// The newest events that the filter lets through, of those before a place, whose spend the actor may see (R6, R8). The
    /// filter's organization and projects are replaced by those given here.
    ///
    /// # Errors
    /// When the actor may see none of it, or the store cannot be read.
    #[boxed]
    pub async fn event_page(
        &self,
        within: (Option<&Organization>, Option<&Project>),
        (wanted, before): (&EventFilter, Option<EventPlace>),
        limit: usize,
    ) -> Result<EventPage, ControlError> {
        Ok(self.store.event_page(&self.seen_events(within, wanted).await?, before, limit).await?)
    }

    /// What came after a place, and after the ledger was of a version, as [`View::event_page`] shows it.
    ///
    /// # Errors
    /// When the actor may see none of it, or the store cannot be read.
    #[boxed]
    pub async fn event_tail(
        &self,
        within: (Option<&Organization>, Option<&Project>),
        (wanted, after): (&EventFilter, (EventPlace, i64)),
        limit: usize,
    ) -> Result<EventTail, ControlError> {
        Ok(self.store.event_tail(&self.seen_events(within, wanted).await?, after, limit).await?)
    }

    async fn seen_events(
        &self,
        (organization, project): (Option<&Organization>, Option<&Project>),
        wanted: &EventFilter,
    ) -> Result<EventFilter, ControlError> {
        let project_ids = match project {
            Some(project) if self.sight.may(Action::SeeSpend, project) => Some(vec![project.id.clone()]),
            Some(_) => return Err(self.denied(Action::SeeSpend)),
            None if self.sight.is_everything() => None,
            None => Some(self.projects_with_spend(organization).await?),
        };
        if project_ids.as_ref().is_some_and(Vec::is_empty) {
            return Err(self.denied(Action::SeeSpend));
        }
        let organization_id = organization.map(|organization| organization.id.clone());
        Ok(EventFilter { organization_id, project_ids, ..wanted.clone() })
    }

    /// Some entries of the audit log, newest first, as [`View::audit`] shows them.
    ///
    /// # Errors
    /// When the actor may read none of it, or the store cannot be read.
    #[boxed]
    pub async fn audit_page(
        &self,
        (organization, project): (Option<&Organization>, Option<&Project>),
        wanted: &AuditFilter,
        paging: &Paging,
    ) -> Result<Page<AuditEntry>, ControlError> {
        let organization_id = organization.map(|organization| organization.id.clone());
        let project_id = project.map(|project| project.id.clone());
        let mut filter = AuditFilter { organization_id, project_id, seen: None, ..wanted.clone() };
        match project {
            Some(project) if self.sight.may(Action::ReadAudit, project) => {}
            Some(_) => return Err(self.denied(Action::ReadAudit)),
            None if self.sight.is_everything() => {}
            None => filter.seen = Some(self.audited(filter.organization_id.as_deref()).await?),
        }
        Ok(self.store.audit_page(&filter, paging).await?)
    }

    /// The organizations whose audit logs a person may read, and the projects of others.
    async fn audited(&self, organization_id: Option<&str>) -> Result<(Vec<String>, Vec<String>), ControlError> {
        let (mut organizations, mut projects) = (Vec::new(), Vec::new());
        let within = self.sight.organization_ids().unwrap_or_default();
        for id in within.into_iter().filter(|id| organization_id.is_none_or(|wanted| wanted == *id)) {
            if self.owns(id) {
                organizations.push(id.to_owned());
            } else {
                let owned = self.projects_for(Action::ReadAudit, Some(id)).await?;
                projects.extend(owned.into_iter().map(|project| project.id));
            }
        }
        let nothing = organizations.is_empty() && projects.is_empty();
        if nothing { Err(self.denied(Action::ReadAudit)) } else { Ok((organizations, projects)) }
    }

    /// Some of the alerts of scopes whose spend the actor may see, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn alert_page(&self, wanted: &AlertFilter, paging: &Paging) -> Result<Page<Alert>, ControlError> {
        let scope_ids = self.alerted(wanted.organization_id.as_deref()).await?;
        Ok(self.store.alert_page(&AlertFilter { scope_ids, ..wanted.clone() }, paging).await?)
    }

    /// The organizations and projects whose alerts the actor sees; `None` for all.
    pub(super) async fn alerted(&self, organization_id: Option<&str>) -> Result<Option<Vec<String>>, ControlError> {
        let Some(within) = self.sight.organization_ids() else { return Ok(None) };
        let asked = within.into_iter().filter(|id| organization_id.is_none_or(|wanted| wanted == *id));
        let mut ids: Vec<String> =
            asked.filter(|id| self.sight.may_in_organization(Action::SeeSpend, id)).map(str::to_owned).collect();
        let projects = self.projects_for(Action::SeeSpend, organization_id).await?;
        ids.extend(projects.into_iter().map(|project| project.id));
        Ok(Some(ids))
    }

    /// Some entries of the quarantine, newest first: the operator's, since nobody knows whose they are (R34).
    ///
    /// # Errors
    /// When the actor is not the operator, or the store cannot be read.
    #[boxed]
    pub async fn quarantine_page(
        &self,
        wanted: &QuarantineFilter,
        paging: &Paging,
    ) -> Result<Page<QuarantineRow>, ControlError> {
        self.require_operator("see what is in the quarantine")?;
        Ok(self.store.quarantine_page(wanted, paging).await?)
    }

    pub(super) fn require_operator(&self, what: &str) -> Result<(), ControlError> {
        if self.sight.is_everything() {
            return Ok(());
        }
        let message = format!("{} may not {what}: that is the operator's", self.actor.name());
        Err(Denial { message, hidden: false, deed: None }.into())
    }

    /// Some of everybody in an organization, with their spend there in a month: its owners' to see.
    ///
    /// # Errors
    /// When the actor may not see them, or the store cannot be read.
    #[boxed]
    pub async fn member_page(
        &self,
        organization: &Organization,
        ordered: (MemberOrder, Month),
        paging: &Paging,
    ) -> Result<Page<MemberLine>, ControlError> {
        self.require_in_organization(Action::ListEverything, organization)?;
        Ok(self.store.member_page(&organization.id, ordered, paging).await?)
    }

    /// Some invites, newest first, of an organization or of all: its owners' to see.
    ///
    /// # Errors
    /// When the actor may not see them, or the store cannot be read.
    #[boxed]
    pub async fn invite_page(
        &self,
        organization: Option<&Organization>,
        paging: &Paging,
        now: Timestamp,
    ) -> Result<Page<Invite>, ControlError> {
        let ids = match organization {
            Some(organization) => {
                self.require_in_organization(Action::ManageMembers, organization)?;
                Some(vec![organization.id.clone()])
            }
            None => self.sight.organization_ids().map(|ids| {
                ids.into_iter()
                    .filter(|id| self.sight.may_in_organization(Action::ManageMembers, id))
                    .map(str::to_owned)
                    .collect()
            }),
        };
        if ids.as_ref().is_some_and(Vec::is_empty) {
            return Err(self.denied(Action::ManageMembers));
        }
        Ok(self.store.invite_page(ids.as_deref(), paging, now).await?)
    }

    /// Some of the blocks and releases placed by hand, newest first, as [`View::manual_blocks`] shows them.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn manual_block_page(
        &self,
        wanted: &ManualBlockFilter,
        paging: &Paging,
    ) -> Result<Page<ManualBlock>, ControlError> {
        let seen = match self.sight.user_id() {
            None => None,
            Some(user_id) => {
                let projects = self.projects_for(Action::SeeProject, wanted.organization_id.as_deref()).await?;
                let (managed, others): (Vec<_>, Vec<_>) =
                    projects.into_iter().partition(|project| self.sight.may(Action::ManageOthersKeys, project));
                let ids = |projects: Vec<Project>| projects.into_iter().map(|project| project.id).collect();
                Some(SeenBlocks { managed: ids(managed), others: ids(others), user_id: user_id.to_owned() })
            }
        };
        Ok(self.store.manual_block_page(&ManualBlockFilter { seen, ..wanted.clone() }, paging).await?)
    }

    /// Who is refused now, whoever was refused last first: exhausted budgets and blocks by hand, as far as the actor sees
    /// what they are on. Amounts are for those who may see the spend; who does not see all keys of a project is told how
    /// many of their own are stopped.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn refusals(
        &self,
        organization: Option<&Organization>,
        now: Timestamp,
    ) -> Result<Vec<Refusal>, ControlError> {
        let asked = organization.map(|organization| organization.id.as_str());
        let Some(within) = self.sight.organization_ids() else { return Ok(self.store.refusals(asked, now).await?) };
        let own_keys = self.own_active_keys().await?;
        let mut seen = Vec::new();
        for id in within.into_iter().filter(|id| asked.is_none_or(|wanted| wanted == *id)) {
            let found = self.store.refusals(Some(id), now).await?;
            if self.owns(id) {
                seen.extend(found);
                continue;
            }
            let projects = self.projects_for(Action::SeeProject, Some(id)).await?;
            for mut refusal in found {
                let project = refusal.project_id.as_ref();
                let project = project.map(|id| projects.iter().find(|project| project.id == *id));
                let (sees_spend, own) = match project {
                    Some(None) => continue,
                    Some(Some(project)) => {
                        if !self.sees_refusal(project, &refusal).await? {
                            continue;
                        }
                        let own = own_keys.get(&project.id).copied().unwrap_or_default();
                        let manages = self.sight.may(Action::ManageOthersKeys, project);
                        (self.sight.may(Action::SeeSpend, project), if manages { refusal.keys } else { own })
                    }
                    None => {
                        let own = projects.iter().filter_map(|project| own_keys.get(&project.id)).sum();
                        (self.sight.may_in_organization(Action::SeeSpend, id), own)
                    }
                };
                refusal.keys = refusal.keys.min(own);
                refusal.released = refusal.released.min(refusal.keys);
                if let (RefusalCause::Budget { spend, .. }, false) = (&mut refusal.cause, sees_spend) {
                    *spend = None;
                }
                seen.push(refusal);
            }
        }
        seen.sort_by(|a, b| b.since.cmp(&a.since).then_with(|| a.scope_id.cmp(&b.scope_id)));
        Ok(seen)
    }

    /// Whether the actor sees what is refused within a project that they see.
    async fn sees_refusal(&self, project: &Project, refusal: &Refusal) -> Result<bool, ControlError> {
        match refusal.scope {
            "key" => self.sees_key_of(project, &refusal.scope_id).await,
            "member" => {
                let own = self.sight.user_id() == Some(refusal.scope_id.as_str());
                Ok(own || self.sight.may(Action::SeeSpend, project))
            }
            _ => Ok(true),
        }
    }
}
