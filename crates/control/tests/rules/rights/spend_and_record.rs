//! Looking at spend and at the audit log.

use mete_control::{ListedProjects, View};
use mete_core::Nanos;
use mete_core::actor::Actor;
use mete_store::{AlertFilter, AuditFilter, SpendBy, SpendQuery, SpendRow};

use crate::rights::attempts::Outcome;
use crate::rights::scene::Scene;
use crate::world::november;

type S<'a, 'b> = Scene<'a, 'b>;

fn total(rows: &[SpendRow]) -> Nanos {
    rows.iter().fold(Nanos::ZERO, |sum, row| sum + row.spend)
}

pub async fn project_spend(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let view = View::new(s.world.store, who).await?;
    let project = view.project(None, &s.project).await?;
    let rows = view.spend((None, Some(&project)), (november(), SpendBy::Model)).await?;
    Ok(total(&rows) == Nanos::from_dollars(5))
}

pub async fn project_spend_in_list(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let listed = View::new(s.world.store, who).await?.projects(ListedProjects::default(), november()).await?;
    let spend = listed.iter().find(|view| view.project.id == s.project).and_then(|view| view.spend);
    Ok(spend == Some(Nanos::from_dollars(5)))
}

pub async fn project_alerts(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let listed = View::new(s.world.store, who).await?.alerts(&AlertFilter::default()).await?;
    Ok(listed.iter().any(|alert| alert.scope_id == s.project))
}

pub async fn organization_spend(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let view = View::new(s.world.store, who).await?;
    let organization = view.organization(&s.organization).await?;
    let shown = view.spend((Some(&organization), None), (november(), SpendBy::Project)).await?;
    let all = SpendQuery {
        organization_id: Some(s.organization.clone()),
        project_ids: None,
        month: november(),
        by: SpendBy::Project,
    };
    Ok(shown == s.world.store.spend(&all).await?)
}

pub async fn organization_spend_in_list(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let listed = View::new(s.world.store, who).await?.organizations(november()).await?;
    let found = listed.iter().find(|view| view.organization.id == s.organization);
    Ok(found.is_some_and(|view| view.spend.is_some() && view.requests.is_some()))
}

pub async fn project_audit(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let view = View::new(s.world.store, who).await?;
    let project = view.project(None, &s.project).await?;
    let entries = view.audit((None, Some(&project)), &AuditFilter::default()).await?;
    let all = AuditFilter { project_id: Some(s.project.clone()), ..AuditFilter::default() };
    Ok(entries == s.world.store.audit(&all).await? && !entries.is_empty())
}

pub async fn organization_audit(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let view = View::new(s.world.store, who).await?;
    let organization = view.organization(&s.organization).await?;
    let shown = view.audit((Some(&organization), None), &AuditFilter::default()).await?;
    let all = AuditFilter { organization_id: Some(s.organization.clone()), ..AuditFilter::default() };
    Ok(shown.len() == s.world.store.audit(&all).await?.len())
}

pub async fn verify_organization(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let view = View::new(s.world.store, who).await?;
    let organization = view.organization(&s.organization).await?;
    let reports = view.verify_audit(Some(&organization)).await?;
    Ok(reports.iter().any(|report| report.organization_id == s.organization && report.breaks.is_empty()))
}
