//! The lists that people look at, against the model (R7, R10, R14).

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use mete_core::directory::{OrganizationRole, Project};
use mete_core::people::{ListedRole, Member};
use mete_store::Store;

use crate::state::State;

/// Who, in which role, and whether by being an owner of the organization.
type Row = (String, ListedRole, bool);

fn rows(members: Vec<Member>) -> BTreeSet<(String, String, bool)> {
    let row = |member: Member| (member.id, member.role.to_string(), member.through_organization);
    members.into_iter().map(row).collect()
}

fn expected(rows: Vec<Row>) -> BTreeSet<(String, String, bool)> {
    rows.into_iter().map(|(id, role, through)| (id, role.to_string(), through)).collect()
}

/// The lists of every organization and project of `state`.
pub async fn check(store: &Store, state: &State) -> Result<()> {
    for org in state.organizations.keys() {
        let people = of_org(state, org).map(|(user, role)| (user.clone(), ListedRole::from(role), false));
        let accounts = state.accounts.values().filter(|account| account.organization_id == *org);
        let accounts = accounts.map(|account| (account.id.clone(), ListedRole::from(account.role), false));
        let (listed, expected) =
            (rows(store.organization_members(org).await?), expected(people.chain(accounts).collect()));
        ensure!(listed == expected, "members of {org}: {listed:?} in place of {expected:?}");
    }
    for project in state.projects.values() {
        let (listed, expected) =
            (rows(store.project_members(&project.id).await?), expected(in_project(state, project)));
        ensure!(listed == expected, "members of {project:?}: {listed:?} in place of {expected:?}");
        let listed: BTreeSet<String> =
            store.candidates(&project.id).await?.into_iter().map(|member| member.id).collect();
        let readers = of_org(state, &project.organization_id)
            .filter(|(user, role)| *role == OrganizationRole::Reader && !state.is_in_project(project, user));
        let expected: BTreeSet<String> = readers.map(|(user, _)| user.clone()).collect();
        ensure!(listed == expected, "R10: candidates for {project:?}: {listed:?} in place of {expected:?}");
    }
    Ok(())
}

fn of_org<'a>(state: &'a State, org: &'a str) -> impl Iterator<Item = (&'a String, OrganizationRole)> {
    let members = state.members.iter().filter(move |((of, _), _)| of == org);
    members.map(|((_, user), (role, _))| (user, *role))
}

fn in_project(state: &State, project: &Project) -> Vec<Row> {
    let people = of_org(state, &project.organization_id).filter_map(|(user, role)| {
        let added = state.project_members.get(&(project.id.clone(), user.clone())).copied();
        match role {
            OrganizationRole::Owner => Some((user.clone(), ListedRole::Owner, true)),
            OrganizationRole::Reader if project.is_default => Some((user.clone(), ListedRole::Member, false)),
            OrganizationRole::Reader => added.map(|role| (user.clone(), ListedRole::from(role), false)),
        }
    });
    let accounts = state.accounts.values().filter(|account| account.project_id == project.id);
    people.chain(accounts.map(|account| (account.id.clone(), ListedRole::from(account.role), false))).collect()
}
