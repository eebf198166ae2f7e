//! Budgets and thresholds (R24 to R27), sub-organizations (R3).

use mete_control::{ControlError, LimitChange, LimitsOf, NewOrganizationInput, NewProjectInput};
use mete_core::{Month, Nanos};
use mete_store::{AlertFilter, AlertKind, Extent, KeySet, Ledger, ProjectFilter};
use mete_tests::{TestStore, each_engine};

use crate::fixture::{Fixture, NOW, at, operator};

const fn dollars(n: i64) -> Nanos {
    Nanos::from_dollars(n)
}

fn november() -> Month {
    "2026-11".parse().unwrap()
}

async fn blocked(f: &Fixture) -> anyhow::Result<Vec<String>> {
    let blocks = f.store.blocks(november()).await?;
    let mut names: Vec<String> = blocks
        .iter()
        .map(|block| {
            let project = f.projects.iter().find(|(_, id)| **id == block.scope_id);
            project.map_or_else(|| "organization".to_owned(), |(name, _)| name.clone())
        })
        .collect();
    names.sort();
    Ok(names)
}

each_engine! {
    async fn r25_both_limits_are_enforced_each_on_its_own(place: &TestStore) -> anyhow::Result<()> {
        // A, B, C at $100 each against an organization's limit; what is blocked after each spend
        let steps: [(&str, i64); 4] = [("A", 100), ("B", 99), ("C", 100), ("B", 1)];
        let expected: [(i64, [&[&str]; 4]); 3] = [
            (400, [&["A"], &["A"], &["A", "C"], &["A", "B", "C"]]),
            (300, [&["A"], &["A"], &["A", "C"], &["A", "B", "C", "organization"]]),
            (200, [&["A"], &["A"], &["A", "C", "organization"], &["A", "B", "C", "organization"]]),
        ];
        for (limit, blocks) in expected {
            let place = TestStore::new(place.engine())?;
            let mut f = Fixture::new(&place).await?;
            f.limit(None, Some(limit), None).await?;
            for name in ["A", "B", "C"] {
                f.project(name).await?;
                f.limit(Some(name), Some(100), None).await?;
            }
            let mut ledger = Ledger::open(f.store.clone()).await?;
            for ((name, spend), expected) in steps.iter().zip(blocks) {
                let event = f.event(&format!("{name}{spend}"), NOW, &f.projects[*name], None, dollars(*spend));
                f.book(&mut ledger, vec![event]).await?;
                assert_eq!(blocked(&f).await?, expected, "limit {limit}, after {name} spent {spend}");
            }
        }
        Ok(())
    }

    async fn r26_a_raised_budget_unblocks_and_a_lowered_one_blocks_at_once(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        f.project("A").await?;
        f.limit(Some("A"), Some(10), None).await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        f.book(&mut ledger, vec![f.event("1", NOW, &f.projects["A"], None, dollars(10))]).await?;
        assert_eq!(blocked(&f).await?, ["A"]);
        f.limit(Some("A"), Some(11), None).await?;
        assert!(blocked(&f).await?.is_empty());
        let alerts = f.limit(Some("A"), Some(5), None).await?;
        assert_eq!(alerts.len(), 1);
        assert_eq!(blocked(&f).await?, ["A"]);
        f.limit(Some("A"), None, None).await?;
        assert!(blocked(&f).await?.is_empty());
        // the other writer's memory of the limits follows the change feed
        f.limit(Some("A"), Some(12), None).await?;
        f.book(&mut ledger, vec![f.event("2", NOW, &f.projects["A"], None, dollars(2))]).await?;
        assert_eq!(blocked(&f).await?, ["A"]);
        Ok(())
    }

    async fn r27_one_alert_a_threshold_value_and_month(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        f.project("A").await?;
        f.limit(Some("A"), Some(100), Some(50)).await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        let mut raised = Vec::new();
        for n in 0..5 {
            let event = f.event(&n.to_string(), NOW, &f.projects["A"], None, dollars(25));
            raised.push(f.book(&mut ledger, vec![event]).await?.alerts.len());
        }
        assert_eq!(raised, [0, 1, 0, 1, 0]);
        // raising it above the spend arms it again, the same value does not fire twice
        assert_eq!(f.limit(Some("A"), None, Some(150)).await?.len(), 0);
        let outcome = f.book(&mut ledger, vec![f.event("x", NOW, &f.projects["A"], None, dollars(25))]).await?;
        assert_eq!(outcome.alerts.len(), 1);
        assert_eq!(f.limit(Some("A"), None, Some(50)).await?.len(), 0);
        // late events that cross last month's threshold alert for last month, and block nobody now
        let late = f.event("late", "2026-10-31T12:00:00Z", &f.projects["A"], None, dollars(60));
        let outcome = f.book(&mut ledger, vec![late]).await?;
        assert_eq!(outcome.alerts.iter().map(|alert| alert.month.to_string()).collect::<Vec<_>>(), ["2026-10"]);
        let all = f.store.alerts(&AlertFilter::default()).await?;
        let kinds: Vec<_> = all.iter().map(|alert| (alert.kind, alert.amount)).collect();
        for expected in [(AlertKind::Threshold, dollars(50)), (AlertKind::Exhausted, dollars(100)), (AlertKind::Threshold, dollars(150))] {
            assert!(kinds.contains(&expected), "{kinds:?}");
        }
        assert_eq!(all.len(), 4);
        assert!(all.iter().all(|alert| alert.scope_name == "A"));
        Ok(())
    }

    async fn r24_project_limits_stay_within_the_organizations(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        f.project("A").await?;
        f.limit(None, Some(100), Some(80)).await?;
        let refused = f.limit(Some("A"), Some(101), None).await.unwrap_err();
        assert!(refused.to_string().contains("above its organization's"), "{refused}");
        f.limit(Some("A"), Some(90), Some(70)).await?;
        let refused = f.limit(None, Some(89), None).await.unwrap_err();
        assert!(refused.to_string().contains("\"A\""), "{refused}");
        f.limit(None, Some(90), Some(70)).await?;
        let default = f.default_project.clone();
        let refused = f.control().set_limits(&operator(), &LimitsOf::Project(default), &LimitChange::default()).await.unwrap_err();
        assert!(matches!(refused, ControlError::Invalid(_)));
        Ok(())
    }

    async fn r3_a_sub_organizations_spend_counts_to_its_parent_too(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let acme = f.organization.clone();
        let input = NewOrganizationInput { name: "Acme Labs".into(), owner: "lee@acme.test".into(), parent: Some(acme.clone()) };
        let labs = f.control().create_organization(&operator(), &input).await?;
        assert!(f.control().create_project(&operator(), &NewProjectInput::named(&labs.organization.id, "Nope")).await.is_err());
        let below = NewOrganizationInput { name: "Deeper".into(), owner: "lee@acme.test".into(), parent: Some(labs.organization.id.clone()) };
        assert!(f.control().create_organization(&operator(), &below).await.is_err());
        f.limit(None, Some(10), None).await?;
        let of = LimitsOf::Organization(labs.organization.id.clone());
        let change = LimitChange { budget: Some(Some(dollars(8))), ..LimitChange::default() };
        f.control().set_limits(&operator(), &of, &change).await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        f.book(&mut ledger, vec![f.event("1", NOW, &labs.default_project.id, None, dollars(7))]).await?;
        assert!(f.store.blocks(november()).await?.is_empty());
        f.book(&mut ledger, vec![f.event("2", NOW, &f.default_project, None, dollars(3))]).await?;
        let blocks = f.store.blocks(november()).await?;
        assert_eq!(blocks.iter().map(|block| block.scope_id.as_str()).collect::<Vec<_>>(), [acme.as_str()]);
        let spends: Vec<_> = f.store.organizations(None, november()).await?.into_iter().map(|o| (o.organization.name, o.spend)).collect();
        assert_eq!(spends, [("Acme".to_owned(), Some(dollars(10))), ("Acme Labs".to_owned(), Some(dollars(7)))]);
        Ok(())
    }

    async fn the_change_feed_tells_every_change_in_its_order(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("A").await?;
        let key = f.key("A").await?;
        f.limit(Some("A"), Some(10), None).await?;
        f.control().disable_key(&operator(), &key).await?;
        assert!(f.project("a").await.is_err(), "what is refused is not told");
        let eve = f.store.find_key(&key).await?.owner_id;
        let feed = f.store.changes_since(0, 100).await?;
        let told: Vec<_> = feed.iter().map(|change| (change.seq, change.kind.as_str(), change.target_id.as_str())).collect();
        let expected = [
            (1, "organization.created", f.organization.as_str()),
            (2, "project.created", &project),
            (3, "user.added", &eve),
            (4, "project_user.added", &eve),
            (5, "api_key.created", &key),
            (6, "limits.updated", &project),
            (7, "api_key.disabled", &key),
        ];
        assert_eq!(told, expected);
        assert_eq!(f.store.changes_since(4, 100).await?, feed[4..]);
        assert_eq!(f.store.versions().await?.change_seq, 7);
        Ok(())
    }

    async fn of_many_changes_all_that_they_can_have_changed_is_read_again(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        f.project("A").await?;
        f.key("A").await?;
        let before = f.store.versions().await?.change_seq;
        f.limit(Some("A"), Some(10), None).await?;
        assert_eq!(f.store.extent_since(before).await?, (Extent::Rules, before + 1));
        let project = f.project("B").await?;
        assert_eq!(f.store.extent_since(before).await?, (Extent::Projects, before + 2));
        let (one, other) = (f.key("B").await?, f.key("B").await?);
        f.limit(Some("B"), Some(10), None).await?;
        let now = f.store.versions().await?.change_seq;
        let keys = KeySet::of_key(one).and(KeySet::of_key(other));
        assert_eq!(f.store.extent_since(before).await?, (Extent::Keys(keys.clone()), now));
        assert_eq!(f.store.extent_since(now - 1).await?, (Extent::Rules, now));
        f.control().archive_project(&operator(), "B", "B").await?;
        assert_eq!(f.store.extent_since(before).await?, (Extent::Keys(keys.and(KeySet::of_project(project))), now + 1));
        // A feed that does not reach back tells nothing of what it lacks.
        assert_eq!(f.store.extent_since(-1).await?, (Extent::All, now + 1));
        Ok(())
    }

    async fn of_more_than_a_thousand_changes_none_is_looked_at(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let before = f.store.versions().await?.change_seq;
        let mut tx = f.store.begin().await?;
        for _ in 0..1000 {
            tx.tell(at(NOW), &f.organization, "limits.updated", &f.organization).await?;
        }
        tx.commit().await?;
        assert_eq!(f.store.extent_since(before).await?, (Extent::Rules, before + 1000));
        f.limit(None, Some(10), None).await?;
        assert_eq!(f.store.extent_since(before).await?.0, Extent::All);
        // Of what is not known, anything may have changed.
        let mut tx = f.store.begin().await?;
        tx.tell(at(NOW), &f.organization, "comet.seen", "comet_1").await?;
        tx.commit().await?;
        assert_eq!(f.store.extent_since(before + 1001).await?, (Extent::All, before + 1002));
        Ok(())
    }

    async fn r4_the_thousand_and_first_project_is_refused(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let acme = f.organization.clone();
        for n in 0..1000 {
            f.control().create_project(&operator(), &NewProjectInput::named(&acme, &format!("Project {n}"))).await?;
        }
        let error = f.control().create_project(&operator(), &NewProjectInput::named(&acme, "One more")).await.unwrap_err();
        assert_eq!(error.code(), "limit_reached");
        assert!(error.to_string().contains("1000"), "{error}");
        assert_eq!(f.store.projects(&ProjectFilter::of_organization(&acme), november()).await?.len(), 1001, "the default project does not count");
        Ok(())
    }

    async fn r19_names_are_unique_among_active_projects_without_regard_to_case(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        f.project("Support bot").await?;
        let error = f.project("support BOT").await.unwrap_err();
        assert!(error.to_string().contains("already"), "{error}");
        let key = f.key("SUPPORT bot").await?;
        assert_eq!(f.control().disable_key(&operator(), &key).await?.status.as_str(), "disabled");
        let error = f.control().init(&operator(), &NewOrganizationInput { name: "Second".into(), owner: "x@y.z".into(), parent: None }).await.unwrap_err();
        assert_eq!(error.code(), "conflict");
        assert_eq!(f.store.organizations(None, at(NOW).month()).await?.len(), 1);
        Ok(())
    }
}
