//! Eight operators at once.

use anyhow::{Context as _, Result, ensure};
use mete_control::host::{SystemClock, origin};
use mete_control::{Control, ProjectChange};
use mete_core::actor::Actor;
use mete_store::{Store, Versions};
use mete_tests::{TestStore, each_engine};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::task::JoinSet;

use crate::desk::{Desk, id, rounds};

const CROWD: usize = 8;
/// How many changes each of them makes without a pause.
const CHANGES: usize = 25;

each_engine! {
    async fn everybodys_change_is_made(place: &TestStore) -> Result<()> {
        let mut desk = Desk::new(place).await?;
        let made = desk.alone(&["project", "create", "Bot", "--org", "Acme"])?;
        for round in 0..rounds() {
            let names: Vec<String> = (0..CROWD).map(|number| format!("Bot {round} {number}")).collect();
            let renames: Vec<[&str; 4]> = names.iter().map(|name| ["project", "rename", id(&made).unwrap(), name]).collect();
            let commands: Vec<&[&str]> = renames.iter().map(|args| &args[..]).collect();
            let answers = desk.at_once(&commands)?;
            ensure!(answers.iter().all(Result::is_ok), "somebody lost: {answers:?}");
        }
        desk.agrees().await
    }

    /// Programs take longer to start than a change takes; these are on their way already.
    async fn nobody_loses_who_never_pauses(place: &TestStore) -> Result<()> {
        let mut desk = Desk::new(place).await?;
        let made = desk.alone(&["project", "create", "Bot", "--org", "Acme"])?;
        let mut crowd = JoinSet::new();
        for number in 0..CROWD {
            crowd.spawn(renames(place.url().to_owned(), id(&made)?.to_owned(), number));
        }
        while let Some(renamed) = crowd.join_next().await {
            renamed??;
        }
        desk.count(CROWD * CHANGES);
        desk.agrees().await
    }

    async fn as_many_projects_are_made_as_there_may_be(place: &TestStore) -> Result<()> {
        let mut desk = Desk::new(place).await?;
        for round in 1..=rounds() {
            desk.alone(&["settings", "set", "max_projects", &(round * 5).to_string()])?;
            let names: Vec<String> = (0..CROWD).map(|number| format!("Bot {round} {number}")).collect();
            let creates: Vec<[&str; 5]> = names.iter().map(|name| ["project", "create", name, "--org", "Acme"]).collect();
            let commands: Vec<&[&str]> = creates.iter().map(|args| &args[..]).collect();
            let answers = desk.at_once(&commands)?;
            let made = answers.iter().filter(|answer| answer.is_ok()).count();
            let refused = answers.iter().filter_map(|answer| answer.as_ref().err());
            ensure!(made == 5 && refused.clone().all(|code| code == "limit_reached"), "R4: {answers:?}");
        }
        desk.agrees().await
    }

    async fn every_refusal_is_written_down(place: &TestStore) -> Result<()> {
        let mut desk = Desk::new(place).await?;
        let Versions { change_seq, .. } = desk.store.versions().await?;
        for _ in 0..rounds() {
            let create: &[&str] = &["project", "create", "Bot", "--org", "Acme", "--as", "lee@acme.test"];
            let answers = desk.at_once(&[create; CROWD])?;
            ensure!(answers.iter().all(|answer| answer.as_ref().is_err_and(|code| code == "not_permitted")), "{answers:?}");
        }
        ensure!(desk.store.versions().await?.change_seq == change_seq, "the feed tells of what was refused");
        desk.agrees().await.context("after refusals")
    }
}

/// Gives a project one name after the other, from a store of its own.
async fn renames(url: String, project: String, number: usize) -> Result<()> {
    let store = Store::open(&url.parse()?).await?;
    let mut random = StdRng::seed_from_u64(number as u64);
    let control = Control::new(&store, &SystemClock, &mut random);
    for round in 0..CHANGES {
        let change = ProjectChange { name: Some(format!("Bot {number} {round}")), ..ProjectChange::default() };
        control.edit_project(&Actor::operator(origin()), &project, &change).await?;
    }
    store.close().await;
    Ok(())
}
