//! With a real mail server: encrypted, logged in, refused, left in the middle.

use anyhow::{Result, ensure};
use mete_store::DeliveryState;
use mete_tests::meted::LIMIT;
use mete_tests::{Meted, Process, TestStore, each_engine, wait};
use serde_json::json;

use crate::server::{PASSWORD, Server, Taken};
use crate::stage::{ACME, BOT, OWNERS, Stage};

each_engine! {
    async fn r27_owners_get_mail_that_says_it_over_starttls_and_with_a_login(place: &TestStore) -> Result<()> {
        let mut stage = Stage::new(place).await?;
        let options = json!({"tls": "starttls", "login": ["mete", PASSWORD], "refuse": [OWNERS[1]], "die": 1});
        let server = Server::start(place.dir(), &options)?;
        std::fs::write(stage.path("password"), format!("{PASSWORD}\n"))?;
        let settings = server.settings("ca_file = 'ca.pem'\nusername = 'mete'\npassword_file = 'password'\nhello = 'mete.acme.test'");
        let config = stage.configure(&settings)?;
        let mut command = Meted::command(&config)?;
        command.env("METE_LOG", "trace,sqlx=info");
        let meted = Meted(Process::start(&mut command)?);
        meted.is_ready()?;
        stage.budget(2).await?;
        for _ in 0..2 {
            stage.spend()?;
        }
        // The first message is left in the middle, and tried again like what follows it.
        let taken = wait::eventually("mail for two", LIMIT, async || Some(server.taken()).filter(|taken| taken.len() == 2)).await?;
        for taken in &taken {
            reads_well(taken, &stage)?;
        }
        let mut to: Vec<_> = taken.iter().map(Taken::to).collect();
        to.sort_unstable();
        assert_eq!(to, [OWNERS[0], OWNERS[2]]);
        wait::eventually("all marked", LIMIT, async || {
            let deliveries = stage.deliveries().await.ok()?;
            (deliveries.iter().filter(|it| it.state == DeliveryState::Sent).count() == 2).then_some(())
        })
        .await?;

        let refused = stage.mete(&["notify", "list", "--state", "waiting", "--json"])?.json()?;
        let rows = refused["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
        ensure!(rows.len() == 1 && rows[0]["address"] == OWNERS[1], "{refused}");
        let error = rows[0]["error"].as_str().unwrap_or_default();
        ensure!(error.contains("550") && error.contains("nobody of that name lives here"), "{refused}");
        let list = stage.mete(&["notify", "list"])?.stdout;
        ensure!(list.contains("taken as") && list.contains(OWNERS[0]) && list.contains("waiting"), "{list}");

        // Whoever died over it was told by name, and the password nowhere.
        meted.said("an alert could not be told")?;
        let log = meted.stop()?;
        ensure!(!log.contains(PASSWORD) && !format!("{list}{refused}").contains(PASSWORD), "{log}");
        Ok(())
    }
}

/// The mail as Python reads it.
fn reads_well(taken: &Taken, stage: &Stage<'_>) -> Result<()> {
    let month = mete_core::Clock::now(&mete_control::host::SystemClock).month();
    assert_eq!(taken.0["defects"], json!([]), "{taken:?}");
    assert_eq!((&taken.0["tls"], &taken.0["authenticated"]), (&json!(true), &json!(true)));
    assert_eq!((&taken.0["from"], &taken.0["type"]), (&json!("mete@acme.test"), &json!("multipart/alternative")));
    assert_eq!(taken.header("From"), "Mété <mete@acme.test>");
    assert_eq!(taken.header("To"), taken.to());
    assert_eq!(taken.header("Subject"), format!("Budget exhausted: {BOT} ({ACME}), {}", month.name()));
    assert_eq!(taken.header("Auto-Submitted"), "auto-generated");
    ensure!(taken.id().ends_with("@acme.test") && taken.id().starts_with("delivery_"), "{taken:?}");
    ensure!(!taken.header("Date").is_empty(), "{taken:?}");
    let escaped = (BOT.replace('<', "&lt;").replace('>', "&gt;"), ACME.replace('&', "&amp;"));
    for (kind, project, organization) in
        [("text/plain", BOT, ACME), ("text/html", escaped.0.as_str(), escaped.1.as_str())]
    {
        let part = taken.part(kind);
        let until = format!("until 00:00 UTC on 1 {}", month.next().name());
        let raise = format!("mete limits set --project {} --budget USD", stage.bot);
        for words in [project, organization, "$2 on ", &until, "m-1", &raise, "cannot be switched off"] {
            ensure!(part.contains(words), "{kind} does not say {words:?}: {part}");
        }
    }
    Ok(())
}

each_engine! {
    async fn the_way_to_the_mail_server_can_be_tried(place: &TestStore) -> Result<()> {
        let stage = Stage::new(place).await?;
        let options = json!({"tls": "implicit", "login": ["mete", PASSWORD], "refuse": ["gone@acme.test"]});
        let server = Server::start(place.dir(), &options)?;
        let config = |rest: &str| stage.configure(&server.settings(&format!("tls = 'implicit'\n{rest}"))).map(drop);
        let path = stage.path("meted.toml").display().to_string();
        let test = |to: &str| stage.mete(&["notify", "test", "--to", to, "--config", &path, "--json"]);
        std::fs::write(stage.path("right"), PASSWORD)?;
        std::fs::write(stage.path("wrong"), "another")?;

        config("ca_file = 'ca.pem'\nusername = 'mete'\npassword_file = 'right'")?;
        let run = test("dana@acme.test")?.json()?;
        assert_eq!((&run["rows"][0]["channel"], &run["rows"][0]["sent"]), (&json!("email"), &json!(true)));
        ensure!(run["rows"][0]["answer"] == "250 2.0.0 taken as 1", "{run}");
        ensure!(server.taken()[0].part("text/plain").contains("This is a test"), "{:?}", server.taken());
        for (settings, to, words) in [
            ("ca_file = 'ca.pem'\nusername = 'mete'\npassword_file = 'right'", "gone@acme.test", "nobody of that name"),
            ("ca_file = 'ca.pem'\nusername = 'mete'\npassword_file = 'right'", "nobody", "no valid address"),
            ("ca_file = 'ca.pem'\nusername = 'mete'\npassword_file = 'wrong'", "dana@acme.test", "535"),
            ("ca_file = 'ca.pem'", "dana@acme.test", "530"),
            // Nobody vouches for the server.
            ("username = 'mete'\npassword_file = 'right'", "dana@acme.test", "certificate"),
        ] {
            config(settings)?;
            let run = test(to)?;
            ensure!(run.status.code() == Some(1) && run.stdout.contains(words), "{settings}: {run:?}");
            ensure!(!run.stdout.contains(PASSWORD), "{run:?}");
        }
        assert_eq!(server.taken().len(), 1);
        stage.configure("")?;
        let run = test("dana@acme.test")?;
        ensure!(run.status.code() == Some(1) && run.stderr.contains("\"invalid\""), "{run:?}");
        Ok(())
    }
}
