//! Whose an event is (R29, R34).

use std::sync::Arc;

use mete_control::{Control, NewKeyInput, NewOrganizationInput, NewProjectInput};
use mete_core::ManualClock;
use mete_core::actor::{Actor, Origin};
use mete_ingest::attribution::{Attributor, Directory, Home, Unattributed};
use mete_ingest::formats::{Format, Line};
use mete_store::Store;
use mete_tests::{TestStore, each_engine};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// The only thing that a line says.
fn read<'a>(line: &'a [u8], format: Option<Format>, last: &mut Option<Format>) -> Line<'a> {
    let mut lines = Vec::new();
    mete_ingest::formats::read(line, format, last, &mut |line| lines.push(line));
    assert_eq!(lines.len(), 1);
    lines.remove(0)
}

struct Place {
    directory: Arc<Directory>,
    acme: String,
    acme_default: String,
    support: String,
    key: String,
    secret_hash: String,
    owner: String,
}

async fn place(store: &TestStore) -> anyhow::Result<Place> {
    let mut random = StdRng::seed_from_u64(1);
    let store = Store::create(&store.url().parse()?, &mut random).await?;
    let clock = ManualClock::new("2026-11-23T10:15:00Z".parse()?);
    let control = Control::new(&store, &clock, &mut random);
    let organization =
        |name: &str| NewOrganizationInput { name: name.into(), owner: "dana@acme.test".into(), parent: None };
    let operator = Actor::operator(Origin { os_user: "tester".into(), host: "testbed".into() });
    let acme = control.init(&operator, &organization("Acme")).await?;
    let globex = control.create_organization(&operator, &organization("Globex")).await?;
    let project = |organization: &str, name: &str| NewProjectInput::named(organization, name);
    let support = control.create_project(&operator, &project(&acme.organization.id, "Support bot")).await?.id;
    control.create_project(&operator, &project(&acme.organization.id, "Search")).await?;
    control.create_project(&operator, &project(&globex.organization.id, "Search")).await?;
    let key = control.create_key(&operator, &NewKeyInput::for_person(&support, "eve@acme.test")).await?;
    Ok(Place {
        directory: Arc::new(Directory::load(&store).await?),
        acme: acme.organization.id,
        acme_default: acme.default_project.id,
        support,
        owner: key.key.owner_id,
        key: key.key.id,
        secret_hash: key.secret.hash().to_hex(),
    })
}

#[cfg(test)]
impl Place {
    /// Project, key and member that a record with `says` counts to, for a source with `home`.
    fn ask(&self, says: &str, home: (&str, &str)) -> Result<(String, Option<String>, Option<String>), Unattributed> {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let home = Home { organization: given(home.0), project: given(home.1) };
        let mut attributor = Attributor::new(Arc::clone(&self.directory), home);
        let says = if says.is_empty() { String::new() } else { format!(",{says}") };
        let line =
            format!(r#"{{"id":"e","time":"2026-11-23T10:00:00Z","input_tokens":1,"model":"gpt-4o-mini"{says}}}"#);
        let Line::Record(record) = read(line.as_bytes(), None, &mut None) else { panic!("no record: {line}") };
        let series = attributor.attribute(&record)?;
        assert_eq!(attributor.attribute(&record).as_ref(), Ok(&series), "remembered");
        let text = |part: &Option<Arc<str>>| part.as_deref().map(str::to_owned);
        Ok((series.project.to_string(), text(&series.key), text(&series.member)))
    }
}

each_engine! {
    async fn r29_the_key_gives_project_and_owner(store: &TestStore) -> anyhow::Result<()> {
        let p = place(store).await?;
        let expected = (p.support.clone(), Some(p.key.clone()), Some(p.owner.clone()));
        for says in [
            format!(r#""api_key":"{}""#, p.key),
            format!(r#""api_key_sha256":"{}""#, p.secret_hash),
            format!(r#""api_key":"{}","project":"support BOT""#, p.key),
            format!(r#""api_key":"{}","project":"unknown to Mete""#, p.key),
        ] {
            assert_eq!(p.ask(&says, ("", "")), Ok(expected.clone()), "{says}");
            assert_eq!(p.ask(&says, ("Globex", "")), Ok(expected.clone()), "{says}: the source does not overrule the key");
        }
        let contradiction = p.ask(&format!(r#""api_key":"{}","project":"Search""#, p.key), ("", "")).unwrap_err();
        assert_eq!(contradiction.reason(), "contradiction");
        Ok(())
    }

    async fn r2_usage_that_names_an_organization_only_counts_to_its_default_project(store: &TestStore) -> anyhow::Result<()> {
        let p = place(store).await?;
        for (says, home) in [
            (r#""organization":"Acme""#.to_owned(), ("", "")),
            (format!(r#""organization":"{}""#, p.acme), ("Globex", "Search")),
            (String::new(), ("acme", "")),
        ] {
            assert_eq!(p.ask(&says, home).map(|found| found.0), Ok(p.acme_default.clone()), "{says} {home:?}");
        }
        Ok(())
    }

    async fn projects_are_found_by_id_and_by_name_within_their_organization(store: &TestStore) -> anyhow::Result<()> {
        let p = place(store).await?;
        for (says, home) in [
            (format!(r#""project":"{}""#, p.support), ("", "")),
            (r#""project":"Support bot""#.to_owned(), ("", "")),
            (String::new(), ("", "Support bot")),
            (String::new(), ("Acme", "support bot")),
        ] {
            assert_eq!(p.ask(&says, home).map(|found| found.0), Ok(p.support.clone()), "{says} {home:?}");
        }
        let search = |home| p.ask(r#""project":"Search""#, home);
        assert!(matches!(search(("", "")), Err(Unattributed::AmbiguousProject(_))));
        assert_ne!(search(("Acme", "")).unwrap().0, search(("Globex", "")).unwrap().0);
        let member = p.ask(r#""project":"Support bot","member":"user-x""#, ("", "")).unwrap();
        assert_eq!(member.2.as_deref(), Some("user-x"));
        Ok(())
    }

    async fn r34_what_is_not_known_is_said(store: &TestStore) -> anyhow::Result<()> {
        let p = place(store).await?;
        let long = "m".repeat(300);
        for (says, home, reason) in [
            (r#""api_key":"key_gone""#, ("Acme", ""), "unknown_key"),
            (r#""project":"Gone""#, ("Acme", ""), "unknown_project"),
            (r#""project":"Support bot""#, ("Globex", ""), "unknown_project"),
            (r#""organization":"Gone""#, ("Acme", ""), "unknown_organization"),
            ("", ("", ""), "unattributed"),
        ] {
            assert_eq!(p.ask(says, home).unwrap_err().reason(), reason, "{says} {home:?}");
        }
        let mut attributor = Attributor::new(Arc::clone(&p.directory), Home { organization: Some("Acme".into()), project: None });
        let line = format!(r#"{{"id":"e","time":"2026-11-23T10:00:00Z","input_tokens":1,"model":"{long}"}}"#);
        let Line::Record(record) = read(line.as_bytes(), None, &mut None) else { panic!("no record") };
        assert_eq!(attributor.attribute(&record).unwrap_err().reason(), "bad_field");
        Ok(())
    }
}
