//! Projects: R4, R19, R22.

use mete_control::{ListedProjects, NewProjectInput, ProjectChange};
use mete_core::directory::ProjectStatus;
use mete_store::Setting;
use mete_tests::{TestStore, each_engine};

use crate::traces::Traces;
use crate::world::{DANA, Ground, OLGA, World, november, operator, refused};

async fn rename(w: &World<'_>, project: &str, name: &str) -> Result<String, mete_control::ControlError> {
    let change = ProjectChange { name: Some(name.into()), ..ProjectChange::default() };
    Ok(w.control.edit_project(&operator(), project, &change).await?.name)
}

each_engine! {
    async fn r4_an_organization_has_so_many_projects_and_no_more(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        assert_eq!(w.store.setting(Setting::MaxProjects).await?, 1000);
        let dana = &w.person(DANA).await?;
        refused(w.control.set_setting(dana, Setting::MaxProjects, 3).await, "not_permitted", "the operator");
        refused(w.control.set_setting(&operator(), Setting::MaxProjects, -1).await, "invalid", "negative");
        w.control.set_setting(&operator(), Setting::MaxProjects, 3).await?;
        // Bot and Side are there; the default project does not count.
        let third = w.project("Third").await?;
        let fourth = async || w.control.create_project(dana, &NewProjectInput::named(w.org(), "Fourth")).await;
        let before = Traces::of(&w).await?;
        refused(fourth().await, "limit_reached", "3 projects");
        before.assert_same_but(&Traces::of(&w).await?, 0);
        // Archived ones do.
        w.control.archive_project(dana, &third, "Third").await?;
        refused(fourth().await, "limit_reached", "3 projects");
        // Each organization has its own.
        w.control.create_project(&operator(), &NewProjectInput::named("Umbrella", "Fourth")).await?;
        w.control.set_setting(&operator(), Setting::MaxProjects, 1).await?;
        refused(fourth().await, "limit_reached", "1 project");
        w.control.set_setting(&operator(), Setting::MaxProjects, 4).await?;
        fourth().await?;
        refused(fourth().await, "limit_reached", "4 projects");
        w.assert_chained().await
    }

    async fn r19_a_name_is_unique_among_active_projects_whatever_its_case(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let before = Traces::of(&w).await?;
        let make = async |organization: &str, name: &str| {
            w.control.create_project(&operator(), &NewProjectInput::named(organization, name)).await
        };
        for taken in ["Bot", "bOT", " bot ", "default PROJECT"] {
            refused(make(w.org(), taken).await, "conflict", "active project named");
            refused(rename(&w, &w.side, taken).await, "conflict", "active project named");
        }
        before.assert_same_but(&Traces::of(&w).await?, 0);
        // Names beyond ASCII have a case as well.
        make(w.org(), "Überblick Ж").await?;
        refused(make(w.org(), "üBERBLICK ж").await, "conflict", "active project named");
        // Another organization has names of its own, and one can change the case of its own name.
        make("Umbrella", "Bot").await?;
        assert_eq!(rename(&w, &w.bot, "BOT").await?, "BOT");
        // Archiving frees the name, also that of one that was renamed.
        w.control.archive_project(&operator(), &w.bot, "BOT").await?;
        let second = make(w.org(), "bot").await?.id;
        w.control.archive_project(&operator(), &second, "bot").await?;
        assert_eq!(rename(&w, &w.side, "Bot").await?, "Bot");
        assert_eq!(make(w.org(), "Side").await?.name, "Side");
        Ok(())
    }

    async fn r19_a_project_has_a_description_and_a_website(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let input = NewProjectInput {
            description: " Answers 'customers'; -- \"🦀\" ".into(),
            website: "https://acme.test/bot".into(),
            ..NewProjectInput::named(w.org(), "Robert'); DROP TABLE project;--")
        };
        let made = w.control.create_project(&operator(), &input).await?;
        assert_eq!(made, w.store.find_project(&made.id).await?);
        assert_eq!(made, w.store.find_project("robert'); drop table PROJECT;--").await?);
        assert_eq!(
            (made.description.as_str(), made.website.as_str()),
            ("Answers 'customers'; -- \"🦀\"", "https://acme.test/bot")
        );
        assert_eq!(
            (made.status, made.created_at.to_string().as_str(), made.archived_at),
            (ProjectStatus::Active, crate::world::NOW, None)
        );
        let before = Traces::of(&w).await?;
        let edit =
            async |change: ProjectChange| w.control.edit_project(&w.person(OLGA).await.unwrap(), &w.bot, &change).await;
        for website in ["acme.test", "ftp://acme.test", "javascript:alert(1)", "https://"] {
            let change = ProjectChange { website: Some(website.into()), ..ProjectChange::default() };
            refused(edit(change).await, "invalid", "http or https");
        }
        for (text, words) in [("a\u{1b}]0;x\u{7}", "control character"), (&*"x".repeat(10_000), "2000")] {
            let change = ProjectChange { description: Some(text.into()), ..ProjectChange::default() };
            refused(edit(change).await, "invalid", words);
        }
        for (name, words) in
            [("", "a name is needed"), ("a\u{202e}b", "control character"), (&*"x".repeat(10_000), "200")]
        {
            let change = ProjectChange { name: Some(name.into()), ..ProjectChange::default() };
            refused(edit(change).await, "invalid", words);
        }
        before.assert_same_but(&Traces::of(&w).await?, 0);
        // What is not named stays; what is empty is taken away.
        let described = edit(ProjectChange { description: Some("d".into()), ..ProjectChange::default() }).await?;
        assert_eq!((described.name.as_str(), described.description.as_str()), ("Bot", "d"));
        let bare = edit(ProjectChange { description: Some(String::new()), ..ProjectChange::default() }).await?;
        assert_eq!((bare.name.as_str(), bare.description.as_str()), ("Bot", ""));
        Ok(())
    }

    async fn r22_active_and_archived_projects_are_listed_apart(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        w.control.archive_project(&operator(), &w.side, "Side").await?;
        for (email, archived) in [(DANA, &["Side"] as &[&str]), (OLGA, &[])] {
            let actor = &w.person(email).await?;
            let names = async |status| {
                let wanted = ListedProjects { organization_id: None, status };
                let listed = w.view(actor).await?.projects(wanted, november()).await?;
                anyhow::Ok(listed.into_iter().map(|view| view.project.name).collect::<Vec<_>>())
            };
            assert_eq!(names(Some(ProjectStatus::Active)).await?, ["Default project", "Bot"], "{email}");
            assert_eq!(names(Some(ProjectStatus::Archived)).await?, archived, "{email}");
            assert_eq!(names(None).await?.len(), 2 + archived.len());
        }
        Ok(())
    }
}
