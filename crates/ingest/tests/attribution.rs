//! Whose an event is (R29, R34).

use std::sync::Arc;

use mete_control::{Control, NewKeyInput, NewOrganizationInput, NewProjectInput};
use mete_core::ManualClock;
use mete_core::actor::{Actor, Origin};
use mete_ingest::attribution::{Attributor, Directories, Ground, Home, Rule, Unattributed};
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

/// Project, key and member.
type Found = (String, Option<String>, Option<String>);

/// The tables of a configuration.
#[derive(serde::Deserialize)]
struct Tables {
    attribute: Vec<Rule>,
}

struct Place {
    directories: Arc<Directories>,
    acme: String,
    acme_default: String,
    support: String,
    key: String,
    secret_hash: String,
    redacted: String,
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
    let directories = Directories::new(store);
    directories.read_once().await?;
    Ok(Place {
        directories,
        acme: acme.organization.id,
        acme_default: acme.default_project.id,
        support,
        owner: key.key.owner_id,
        key: key.key.id,
        secret_hash: key.secret.hash().to_hex(),
        redacted: key.key.redacted_value,
    })
}

#[cfg(test)]
impl Place {
    /// Project, key and member that a record with `says` counts to, for a source with `home`.
    fn ask(&self, says: &str, home: (&str, &str)) -> Result<Found, Unattributed> {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let home = Home { organization: given(home.0), project: given(home.1), rules: Vec::new() };
        let mut attributor = Attributor::new(Arc::clone(&self.directories), home);
        let says = if says.is_empty() { String::new() } else { format!(",{says}") };
        let line =
            format!(r#"{{"id":"e","time":"2026-11-23T10:00:00Z","input_tokens":1,"model":"gpt-4o-mini"{says}}}"#);
        let Line::Record(record) = read(line.as_bytes(), None, &mut None) else { panic!("no record: {line}") };
        let series = attributor.attribute(&record)?.series;
        let text = |part: &Option<Arc<str>>| part.as_deref().map(str::to_owned);
        Ok((series.project.to_string(), text(&series.key), text(&series.member)))
    }

    /// The same for what LiteLLM says, under `rules`, with the reason.
    fn ask_rules(&self, rules: &str, says: &str, home: &str) -> Result<(Found, Ground), Unattributed> {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let tables: Tables = toml::from_str(rules).unwrap();
        let home = Home { organization: given(home), project: None, rules: tables.attribute };
        let line = format!(
            r#"{{"id":"e","call_type":"acompletion","endTime":1795433946,"model":"gpt-4o-mini","metadata":{{{says}}}}}"#
        );
        let Line::Record(record) = read(line.as_bytes(), None, &mut None) else { panic!("no record: {line}") };
        let found = Attributor::new(Arc::clone(&self.directories), home).attribute(&record)?;
        let text = |part: &Option<Arc<str>>| part.as_deref().map(str::to_owned);
        let series = &found.series;
        Ok(((series.project.to_string(), text(&series.key), text(&series.member)), found.ground))
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
        let mut attributor = Attributor::new(Arc::clone(&p.directories), Home { organization: Some("Acme".into()), ..Home::default() });
        let line = format!(r#"{{"id":"e","time":"2026-11-23T10:00:00Z","input_tokens":1,"model":"{long}"}}"#);
        let Line::Record(record) = read(line.as_bytes(), None, &mut None) else { panic!("no record") };
        assert_eq!(attributor.attribute(&record).unwrap_err().reason(), "bad_field");
        Ok(())
    }

    async fn a_redacted_key_is_found_where_it_is_the_only_one(store: &TestStore) -> anyhow::Result<()> {
        let p = place(store).await?;
        let expected = (p.support.clone(), Some(p.key.clone()), Some(p.owner.clone()));
        let end = &p.redacted[p.redacted.len() - 4..];
        for form in [p.redacted.clone(), format!("sk-...{end}"), format!("sk-proj-********{end}"), format!("sk-proj-ab...{end}")] {
            let says = format!(r#""api_key":"{form}""#);
            assert_eq!(p.ask(&says, ("", "")), Ok(expected.clone()), "{form}");
            assert_eq!(p.ask(&says, ("Acme", "")), Ok(expected.clone()), "{form}");
            assert_eq!(p.ask(&says, ("Globex", "")).unwrap_err().reason(), "unknown_key", "{form}: of another organization");
        }
        for form in [format!("sk-svcacct-…{end}"), "sk-proj-…....".to_owned()] {
            assert!(p.ask(&format!(r#""api_key":"{form}""#), ("", "")).is_err(), "{form}");
        }
        Ok(())
    }

    async fn tables_say_what_mete_does_not_know(store: &TestStore) -> anyhow::Result<()> {
        let p = place(store).await?;
        let team = r#""user_api_key_team_id":"team_1""#;
        let strange = r#""user_api_key_hash":"88dc28","user_api_key_alias":"ci-bot","user_api_key_team_id":"team_1","user_api_key_org_id":"org_1","user_api_key_project_id":"proj_1""#;
        let project = |ground| Ok(((p.support.clone(), None, None), ground));
        let key = format!("[[attribute]]\nwhen = {{ key = 'ci-*' }}\nkey = '{}'", p.key);
        let of_key = Ok(((p.support.clone(), Some(p.key.clone()), Some(p.owner.clone())), Ground::Rule(1)));
        for (rules, says, home, expected) in [
            ("[[attribute]]\nwhen = { team = 'team_1' }\nproject = 'Support bot'", team, "", project(Ground::Rule(1))),
            ("[[attribute]]\nwhen = { team = 'team_1' }\nproject = 'Support bot'", strange, "", project(Ground::Rule(1))),
            ("[[attribute]]\nwhen = { team = 'x' }\nproject = 'Search'\n[[attribute]]\nwhen = { team = 'team_*' }\nproject = 'Support bot'\n\
              [[attribute]]\nwhen = { team = 'team_1' }\nproject = 'Search'", team, "Acme", project(Ground::Rule(2))),
            (&key, strange, "", of_key.clone()),
            (&key.replace("ci-*", "88dc28"), strange, "", of_key),
            ("[[attribute]]\nwhen = { organization = 'org_1' }\norg = 'Acme'", strange, "Globex",
             Ok(((p.acme_default.clone(), None, None), Ground::Rule(1)))),
            ("[[attribute]]\nwhen = { team = 'team_1' }\nmember = 'user-7'\n[[attribute]]\nwhen = { team = '*' }\nproject = 'Support bot'", team, "",
             Ok(((p.support.clone(), None, Some("user-7".to_owned())), Ground::Rule(2)))),
        ] {
            assert_eq!(p.ask_rules(rules, says, home), expected, "{rules} {says} {home}");
        }
        Ok(())
    }

    async fn what_a_record_says_and_mete_knows_comes_before_tables(store: &TestStore) -> anyhow::Result<()> {
        let p = place(store).await?;
        let rules = "[[attribute]]\nwhen = { team = '*' }\nproject = 'Search'\nmember = 'user-7'";
        let known_key = format!(r#""user_api_key_hash":"{}","user_api_key_team_id":"team_1""#, p.secret_hash);
        let found = p.ask_rules(rules, &known_key, "Acme")?;
        assert_eq!(found, ((p.support.clone(), Some(p.key.clone()), Some(p.owner.clone())), Ground::KeyHash));
        let known_project = r#""user_api_key_project_id":"Support bot","user_api_key_team_id":"team_1""#;
        let found = p.ask_rules(rules, known_project, "Acme")?;
        assert_eq!(found, ((p.support.clone(), None, Some("user-7".into())), Ground::Project));

        // A team that is a project's name is one, but a table may say otherwise.
        let team = r#""user_api_key_team_id":"Support bot""#;
        assert_eq!(p.ask_rules("attribute = []", team, "Acme")?, ((p.support.clone(), None, None), Ground::Team));
        assert_eq!(p.ask_rules(rules, team, "Acme")?.1, Ground::Rule(1));
        Ok(())
    }

    async fn r34_without_a_table_that_fits_nothing_is_guessed(store: &TestStore) -> anyhow::Result<()> {
        let p = place(store).await?;
        let rules = "[[attribute]]\nwhen = { team = 'other' }\nproject = 'Support bot'";
        for (says, reason, part) in [
            (r#""user_api_key_team_id":"team_1""#, "unknown_project", "team_1"),
            (r#""user_api_key_hash":"88dc28""#, "unknown_key", "88dc28"),
            (r#""user_api_key_org_id":"org_1""#, "unknown_organization", "org_1"),
        ] {
            let refused = p.ask_rules(rules, says, "Acme").unwrap_err();
            assert_eq!(refused.reason(), reason, "{says}");
            assert!(refused.to_string().contains(part) && refused.to_string().contains("[[attribute]]"), "{refused}");
        }
        let nowhere = "[[attribute]]\nwhen = { team = 'team_1' }\nproject = 'Nowhere'";
        let refused = p.ask_rules(nowhere, r#""user_api_key_team_id":"team_1""#, "Acme").unwrap_err();
        assert_eq!(refused, Unattributed::UnknownProject("Nowhere".into()));
        Ok(())
    }

    async fn what_tables_name_and_is_not_there_is_known_beforehand(store: &TestStore) -> anyhow::Result<()> {
        let p = place(store).await?;
        let missing = |rules: &str, organization: &str, project: &str| {
            let rules = toml::from_str::<Tables>(rules).unwrap().attribute;
            let home = Home { organization: Some(organization.into()), project: Some(project.into()), rules };
            Attributor::new(Arc::clone(&p.directories), home).missing()
        };
        let rules = "[[attribute]]\nwhen = { team = 'a' }\nproject = 'Nowhere'\n\
                     [[attribute]]\nwhen = { team = 'b' }\nkey = 'key_gone'\n\
                     [[attribute]]\nwhen = { team = 'c' }\norg = 'Globex'\nproject = 'Search'";
        assert_eq!(missing("attribute = []", "Acme", "Support bot"), []);
        let found = missing(rules, "Acme", "Gone");
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found[..2], [Unattributed::UnknownProject("Gone".into()), Unattributed::UnknownProject("Nowhere".into())]);
        assert_eq!(found[2].reason(), "unknown_key");
        Ok(())
    }
}
