//! Looking at organizations, projects, people and keys.

use mete_control::{ListedProjects, View};
use mete_core::actor::Actor;
use mete_core::directory::ProjectStatus;
use mete_core::people::ListedRole;
use mete_store::{KeyFilter, ProjectFilter};

use crate::rights::attempts::Outcome;
use crate::rights::scene::Scene;
use crate::world::{DANA, MIA, NOW, OLGA, REY, at, november};

type S<'a, 'b> = Scene<'a, 'b>;

pub async fn organization_by_id(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let found = View::new(s.world.store, who).await?.organization(&s.organization).await?;
    Ok(found.name == "Acme")
}

pub async fn organization_figures(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let view = View::new(s.world.store, who).await?;
    let found = view.organization(&s.organization).await?;
    Ok(view.organization_view(&found, november()).await?.organization == found)
}

pub async fn organization_in_list(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let listed = View::new(s.world.store, who).await?.organizations(november()).await?;
    Ok(listed.iter().any(|view| view.organization.id == s.organization))
}

pub async fn project_by_id(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let found = View::new(s.world.store, who).await?.project(None, &s.project).await?;
    Ok(found.id == s.project)
}

pub async fn project_figures(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let view = View::new(s.world.store, who).await?;
    let found = view.project(None, &s.project).await?;
    Ok(view.project_view(&found, november()).await?.project == found)
}

pub async fn project_members(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let view = View::new(s.world.store, who).await?;
    let members = view.project_members(&view.project(None, &s.project).await?).await?;
    let role_of = |email: &str| members.iter().find(|member| member.email.as_deref() == Some(email)).map(|m| m.role);
    let roles = [DANA, OLGA, MIA, REY].map(role_of);
    let account = members.iter().any(|member| member.id == s.account);
    Ok(account && roles == [Some(ListedRole::Owner), Some(ListedRole::Owner), Some(ListedRole::Member), None])
}

pub async fn project_in_list(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let listed = View::new(s.world.store, who).await?.projects(ListedProjects::default(), november()).await?;
    Ok(listed.iter().any(|view| view.project.id == s.project))
}

pub async fn accounts_in_list(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let listed = View::new(s.world.store, who).await?.service_accounts(None, None).await?;
    Ok(listed.iter().any(|account| account.id == s.account))
}

pub async fn all_projects(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let view = View::new(s.world.store, who).await?;
    let mut all = true;
    for status in [None, Some(ProjectStatus::Active), Some(ProjectStatus::Archived)] {
        let wanted = ListedProjects { organization_id: Some(&s.organization), status };
        let filter = ProjectFilter { organization_id: Some(s.world.org().into()), project_id: None, status };
        let there = s.world.store.projects(&filter, november()).await?;
        all &= view.projects(wanted, november()).await?.len() == there.len();
    }
    Ok(all)
}

pub async fn all_users(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let view = View::new(s.world.store, who).await?;
    let listed = view.organization_members(&view.organization(&s.organization).await?).await?;
    Ok(listed == s.world.store.organization_members(&s.organization).await?)
}

pub async fn all_keys(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let of_organization = |id: &str| KeyFilter { organization_id: Some(id.to_owned()), ..KeyFilter::default() };
    let listed = View::new(s.world.store, who).await?.keys(&of_organization(&s.organization)).await?;
    Ok(listed == s.world.store.keys(&of_organization(s.world.org())).await?)
}

pub async fn candidates(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let view = View::new(s.world.store, who).await?;
    let listed = view.candidates(&view.project(None, &s.project).await?).await?;
    Ok(listed.iter().any(|member| member.email.as_deref() == Some(REY)))
}

pub async fn others_key_in_list(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let wanted = KeyFilter { project_id: Some(s.project.clone()), ..KeyFilter::default() };
    let listed = View::new(s.world.store, who).await?.keys(&wanted).await?;
    Ok(listed.iter().any(|key| key.id == s.others_key))
}

pub async fn invites(s: &S<'_, '_>, who: &Actor) -> Outcome {
    let view = View::new(s.world.store, who).await?;
    let organization = view.organization(&s.organization).await?;
    let listed = view.invites(&organization, at(NOW)).await?;
    Ok(!listed.is_empty())
}
