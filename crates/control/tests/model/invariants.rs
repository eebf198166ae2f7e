//! What always holds, said of the store alone: a fault that control and model share would still show.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use mete_core::directory::{KeyStatus, OrganizationRole, Project, ProjectStatus};
use mete_core::people::MemberKind;

use crate::limits::fits;
use crate::state::State;

/// What holds of a directory at any time.
pub fn check(state: &State) -> Result<()> {
    for id in state.organizations.keys() {
        let owner = |((of, _), (role, _)): (&(String, String), &(OrganizationRole, bool))| {
            of == id && *role == OrganizationRole::Owner
        };
        ensure!(state.members.iter().any(owner), "R7: {id} has no owner");
    }
    for key in state.keys.values().filter(|key| key.status == KeyStatus::Active) {
        let project = &state.projects[&key.project_id];
        let inside = match key.owner_kind {
            MemberKind::User => state.is_in_project(project, &key.owner_id),
            MemberKind::ServiceAccount => {
                state.accounts.get(&key.owner_id).is_some_and(|account| account.project_id == project.id)
            }
        };
        ensure!(inside, "R11, R14: {key:?} is active, and its owner is not in {project:?}");
        ensure!(project.status == ProjectStatus::Active, "R21: {key:?} is active in the archived {project:?}");
    }
    for (project, user) in state.project_members.keys() {
        let by_hand = state.projects.get(project).is_some_and(|project| project.is_default);
        ensure!(!by_hand, "R2: {user} was put into the default project {project}");
    }
    let mut names = BTreeSet::new();
    for project in state.projects.values().filter(|project| project.status == ProjectStatus::Active) {
        let org = &project.organization_id;
        ensure!(names.insert((org, project.name.to_lowercase())), "R19: two active projects are named {project:?}");
        let (own, above) = (state.limits_of(&project.id), state.limits_of(org));
        ensure!(fits(&own, &above), "R24: {own:?} of {project:?} is not within {above:?}");
        let sub = state.organizations[org].parent_id.is_some();
        ensure!(project.is_default || !sub, "R3: {project:?} is in a sub-organization");
        ensure!(!project.is_default || !state.limits.contains_key(&project.id), "R2: {project:?} has limits");
    }
    Ok(())
}

/// What an archived project is: nothing of it may change (R21), but that people leave the organization.
fn all_of(state: &State, project: &Project, now: &State) -> impl PartialEq + std::fmt::Debug {
    let id = &project.id;
    let stayed = |user: &String| now.members.contains_key(&(project.organization_id.clone(), user.clone()));
    let members = state.project_members.iter().filter(|((of, user), _)| of == id && stayed(user));
    (
        state.projects.get(id).cloned(),
        state.limits_of(id),
        members.map(|((_, user), role)| (user.clone(), *role)).collect::<Vec<_>>(),
        state.keys.values().filter(|key| key.project_id == *id).cloned().collect::<Vec<_>>(),
        state.accounts.values().filter(|account| account.project_id == *id).cloned().collect::<Vec<_>>(),
        state.blocks.values().filter(|block| block.project_id == *id).cloned().collect::<Vec<_>>(),
    )
}

/// What holds between two directories, one after the other.
pub fn check_step(before: &State, after: &State) -> Result<()> {
    for project in before.projects.values() {
        ensure!(after.projects.contains_key(&project.id), "R20: {project:?} is gone");
        if project.status == ProjectStatus::Archived {
            let (was, is) = (all_of(before, project, after), all_of(after, project, after));
            ensure!(was == is, "R21: an archived project changed from {was:?}\nto {is:?}");
        }
    }
    for key in before.keys.values() {
        let is = after.keys.get(&key.id);
        ensure!(is.is_some_and(|is| is.project_id == key.project_id), "R20: {key:?} became {is:?}");
        let revived = key.status == KeyStatus::Revoked && is.is_some_and(|is| is.status != KeyStatus::Revoked);
        ensure!(!revived, "R18: {key:?} was revoked and is back");
    }
    Ok(())
}
