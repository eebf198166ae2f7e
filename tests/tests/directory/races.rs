//! Two operators who change the same thing at the same time.

use anyhow::{Result, ensure};
use mete_core::Nanos;
use mete_core::directory::KeyStatus;
use mete_store::{KeyFilter, Scope};
use mete_tests::{TestStore, each_engine};

use crate::desk::{Answer, Desk, id, rounds};

fn codes(answers: &[Answer]) -> Vec<&str> {
    answers.iter().map(|answer| answer.as_ref().map_or_else(String::as_str, |_| "done")).collect()
}

each_engine! {
    async fn two_names_for_a_project_are_given_one_after_the_other(place: &TestStore) -> Result<()> {
        let mut desk = Desk::new(place).await?;
        let made = desk.alone(&["project", "create", "Bot", "--org", "Acme"])?;
        for round in 0..rounds() {
            let names = [format!("One {round}"), format!("Two {round}")];
            let renames = names.each_ref().map(|name| ["project", "rename", id(&made).unwrap(), name]);
            let answers = desk.at_once(&[&renames[0], &renames[1]])?;
            ensure!(codes(&answers) == ["done", "done"], "{answers:?}");
            let name = desk.store.find_project(id(&made)?).await?.name;
            ensure!(names.contains(&name), "{name} is neither of {names:?}");
        }
        desk.agrees().await
    }

    async fn a_name_for_two_projects_is_given_once(place: &TestStore) -> Result<()> {
        let mut desk = Desk::new(place).await?;
        let made = [
            desk.alone(&["project", "create", "One", "--org", "Acme"])?,
            desk.alone(&["project", "create", "Two", "--org", "Acme"])?,
        ];
        for round in 0..rounds() {
            let name = format!("Bot {round}");
            let renames = made.each_ref().map(|made| ["project", "rename", id(made).unwrap(), &name]);
            let mut answers = desk.at_once(&[&renames[0], &renames[1]])?;
            answers.sort_by_key(Result::is_err);
            ensure!(codes(&answers) == ["done", "conflict"], "R19: {answers:?}");
        }
        desk.agrees().await
    }

    async fn an_owner_stays_when_two_demote_each_other(place: &TestStore) -> Result<()> {
        let mut desk = Desk::new(place).await?;
        let (dana, kim) = ("dana@acme.test", "kim@acme.test");
        for round in 0..rounds() {
            let demote = |who| ["member", "role", who, "reader", "--org", "Acme"];
            let (mut by_dana, mut by_kim) = (demote(kim).to_vec(), demote(dana).to_vec());
            if round % 2 == 0 {
                by_dana.extend(["--as", dana]);
                by_kim.extend(["--as", kim]);
            }
            let mut answers = desk.at_once(&[&by_dana, &by_kim])?;
            answers.sort_by_key(Result::is_err);
            let second = if round % 2 == 0 { "not_permitted" } else { "conflict" };
            ensure!(codes(&answers) == ["done", second], "R7: {answers:?}");
            let owners = desk.store.organization_owners(&desk.organization).await?;
            ensure!(owners.len() == 1, "R7: {owners:?}");
            let other = if owners[0].email == dana { kim } else { dana };
            desk.alone(&["member", "role", other, "owner", "--org", "Acme"])?;
        }
        desk.agrees().await
    }

    async fn a_project_stays_within_its_organization(place: &TestStore) -> Result<()> {
        let mut desk = Desk::new(place).await?;
        let made = desk.alone(&["project", "create", "Bot", "--org", "Acme"])?;
        let project = id(&made)?;
        for round in 0..rounds() {
            desk.alone(&["limits", "set", "--project", project, "--budget", "10"])?;
            desk.alone(&["limits", "set", "--org", "Acme", "--budget", "100"])?;
            let lower: &[&str] = &["limits", "set", "--org", "Acme", "--budget", "50"];
            let along: &[&str] = &["limits", "set", "--org", "Acme", "--budget", "5", "--threshold", "4"];
            let raise: &[&str] = &["limits", "set", "--project", project, "--budget", "90", "--threshold", "70"];
            let answers = desk.at_once(&[if round % 2 == 0 { lower } else { along }, raise])?;
            ensure!(answers.iter().any(Result::is_ok), "both lost: {answers:?}");
            let above = desk.store.limits(&Scope::organization(&desk.organization)).await?;
            let own = desk.store.limits(&Scope::project(project, &desk.organization)).await?;
            ensure!(own.budget <= above.budget && own.threshold <= above.budget, "R24: {own:?} under {above:?}");
            ensure!(own.budget != Some(Nanos::from_dollars(90)) || own.threshold.is_some(), "half of a change: {own:?}");
        }
        desk.agrees().await
    }

    async fn a_member_is_in_or_out(place: &TestStore) -> Result<()> {
        let mut desk = Desk::new(place).await?;
        let made = desk.alone(&["project", "create", "Bot", "--org", "Acme"])?;
        let (lee, project) = ("lee@acme.test", id(&made)?);
        for round in 0..rounds() {
            let add: &[&str] = &["member", "add", lee, "--project", project];
            let remove: &[&str] = &["member", "remove", lee, "--project", project, "--yes"];
            let answers = desk.at_once(&[add, if round % 2 == 0 { add } else { remove }])?;
            let known = [["done", "done"], ["done", "conflict"], ["conflict", "done"], ["done", "not_found"]];
            ensure!(known.iter().any(|known| codes(&answers) == *known), "{answers:?}");
            ensure!(round % 2 == 1 || codes(&answers) != known[0], "R10: added twice: {answers:?}");
            let out = desk.store.project_members(project).await?.iter().all(|member| member.email.as_deref() != Some(lee));
            if !out {
                desk.alone(remove)?;
            }
        }
        desk.agrees().await
    }

    async fn no_key_is_left_in_an_archived_project(place: &TestStore) -> Result<()> {
        let mut desk = Desk::new(place).await?;
        for round in 0..rounds() {
            let name = format!("Bot {round}");
            let made = desk.alone(&["project", "create", &name, "--org", "Acme"])?;
            let project = id(&made)?;
            let create: &[&str] = &["key", "create", "--project", project, "--member", "dana@acme.test"];
            let answers = desk.at_once(&[create, &["project", "archive", project, "--confirm", &name]])?;
            ensure!(answers[1].is_ok() && ["done", "conflict"].contains(&codes(&answers)[0]), "R21: {answers:?}");
            let filter = KeyFilter { project_id: Some(project.to_owned()), ..KeyFilter::default() };
            let keys = desk.store.keys(&filter).await?;
            ensure!(keys.iter().all(|key| key.status == KeyStatus::Disabled), "R21: {keys:?}");
            ensure!(keys.len() == usize::from(answers[0].is_ok()), "{answers:?} made {keys:?}");
        }
        desk.agrees().await
    }

    async fn a_person_who_leaves_has_no_key(place: &TestStore) -> Result<()> {
        let mut desk = Desk::new(place).await?;
        let made = desk.alone(&["project", "create", "Bot", "--org", "Acme"])?;
        let (lee, project) = ("lee@acme.test", id(&made)?);
        for _ in 0..rounds() {
            desk.alone(&["member", "add", lee, "--project", project])?;
            let create: &[&str] = &["key", "create", "--project", project, "--member", lee, "--as", lee];
            let answers = desk.at_once(&[create, &["member", "remove", lee, "--project", project, "--yes"]])?;
            ensure!(answers[1].is_ok(), "{answers:?}");
            let filter = KeyFilter { project_id: Some(project.to_owned()), ..KeyFilter::default() };
            let keys = desk.store.keys(&filter).await?;
            ensure!(keys.iter().all(|key| key.status == KeyStatus::Disabled), "R11: {answers:?} left {keys:?}");
        }
        desk.agrees().await
    }
}
