//! What models, members and keys with budgets of their own spent, as commits tell it (R25).

use std::collections::BTreeMap;
use std::sync::Arc;

use mete_control::PartNamed;
use mete_core::parts::PartKind;
use mete_core::time::SECOND;
use mete_core::{EndpointGroup, Nanos, Rating, Series, Usage};
use mete_store::{Alert, AlertFilter, AlertKind, Arrival, Ledger, NewCost, PartSpend};
use mete_tests::{TestStore, each_engine};

use crate::fixture::{Fixture, NOW, at, operator};

const DOLLAR: Nanos = Nanos::from_dollars(1);

/// Dollars by kind and month.
fn told(spends: &[PartSpend]) -> BTreeMap<(&'static str, String), i64> {
    let total = |it: &PartSpend| ((it.part.kind.as_str(), it.month.to_string()), it.spend.0 / DOLLAR.0);
    spends.iter().map(total).collect()
}

/// The present month's totals.
fn november(totals: &[(&'static str, i64)]) -> BTreeMap<(&'static str, String), i64> {
    totals.iter().map(|(kind, dollars)| ((*kind, "2026-11".to_owned()), *dollars)).collect()
}

/// What alerts are about, with their limit in dollars and their month.
fn raised(alerts: &[Alert]) -> Vec<(&'static str, i64, String)> {
    let raised = |alert: &Alert| {
        assert_eq!(alert.kind, AlertKind::Exhausted);
        let kind = alert.part.as_ref().map_or("project", |of| of.part.kind.as_str());
        (kind, alert.amount.0 / DOLLAR.0, alert.month.to_string())
    };
    let mut raised: Vec<_> = alerts.iter().map(raised).collect();
    raised.sort_unstable();
    raised
}

/// Sets a budget in dollars, and tells the alerts that this raised.
async fn lower(
    f: &mut Fixture,
    project: &str,
    named: PartNamed,
    dollars: i64,
) -> anyhow::Result<Vec<(&'static str, i64, String)>> {
    let budget = Some(Nanos::from_dollars(dollars));
    let after = f.control().set_part_budget(&operator(), (project, &named), budget).await?;
    Ok(raised(&after.alerts))
}

async fn set(f: &mut Fixture, project: &str, named: PartNamed) -> anyhow::Result<String> {
    let after = f.control().set_part_budget(&operator(), (project, &named), Some(Nanos::from_dollars(100))).await?;
    Ok(after.part.id)
}

/// An event of a key, its owner and a model.
fn event(f: &Fixture, id: &str, (project, key, member): (&str, &str, &str), model: &str) -> Arrival {
    let mut arrival = f.event(id, NOW, project, Some(key), DOLLAR);
    let series = Series::new(
        Arc::clone(&arrival.event.series.organization),
        project.into(),
        Some(key.into()),
        Some(member.into()),
        model.into(),
        EndpointGroup::ChatCompletions,
    );
    arrival.event.series = Arc::new(series);
    arrival
}

each_engine! {
    async fn r25_each_commit_tells_the_totals_of_what_has_a_budget(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("Support bot").await?;
        let key = f.key(&project).await?;
        let (mut ledger, mut other) = (Ledger::open(f.store.clone()).await?, Ledger::open(f.store.clone()).await?);
        let eve = f.store.find_key(&key).await?.owner_id;
        let whose = (project.as_str(), key.as_str(), eve.as_str());
        let outcome = f.book(&mut ledger, vec![event(&f, "a", whose, "gpt-4o")]).await?;
        assert_eq!(outcome.parts, [], "nothing has a budget");
        for named in [PartNamed::Key(key.clone()), PartNamed::Member("eve@acme.test".into())] {
            set(&mut f, &project, named).await?;
        }
        set(&mut f, &project, PartNamed::Model("gpt-4o".into())).await?;
        let outcome = f.book(&mut ledger, vec![]).await?;
        assert_eq!(told(&outcome.parts), november(&[("key", 1), ("member", 1), ("model", 1)]), "of before as well");
        let outcome = f.book(&mut ledger, vec![event(&f, "b", whose, "gpt-4o-2024-08-06")]).await?;
        assert_eq!(told(&outcome.parts), november(&[("key", 2), ("member", 2)]), "another model");
        let nobody = (project.as_str(), "key_other", "user-other");
        let outcome = f.book(&mut other, vec![event(&f, "c", nobody, "gpt-4o"), event(&f, "d", whose, "gpt-4o")]).await?;
        assert_eq!(told(&outcome.parts), november(&[("key", 3), ("member", 3), ("model", 3)]));
        // What another writer booked is in it, folded or not.
        let version = outcome.parts[0].version;
        let outcome = f.book(&mut ledger, vec![event(&f, "e", whose, "gpt-4o")]).await?;
        assert_eq!(told(&outcome.parts), november(&[("key", 4), ("member", 4), ("model", 4)]));
        assert!(outcome.parts.iter().all(|part| part.version == version + 1));
        ledger.fold().await?;
        let read = f.store.part_spends("2026-11".parse()?).await?;
        assert_eq!(told(&read), told(&outcome.parts));
        assert!(read.iter().all(|part| part.version == ledger.version()), "{read:?}");
        // Only of the project that has the budget; all are told again since the directory has changed.
        let elsewhere = f.project("Elsewhere").await?;
        let outcome = f.book(&mut ledger, vec![event(&f, "f", (&elsewhere, "key_x", &eve), "gpt-4o")]).await?;
        assert_eq!(told(&outcome.parts), told(&read));
        let outcome = f.book(&mut ledger, vec![event(&f, "g", (&elsewhere, "key_x", &eve), "gpt-4o")]).await?;
        assert_eq!(outcome.parts, []);
        f.assert_exact(7, Nanos::from_dollars(7)).await
    }

    async fn r31_r35_corrections_change_them_and_other_months_are_told_apart(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("Support bot").await?;
        let key = f.key(&project).await?;
        set(&mut f, &project, PartNamed::Key(key.clone())).await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        let copy = |f: &Fixture, seconds: i64, output: u64| {
            let usage = Usage { input: 10, output, ..Usage::default() };
            let cost = Nanos::from_dollars(output.cast_signed());
            f.event_with("msg_1", at(NOW).plus(seconds * SECOND), &project, Some(&key), cost, usage)
        };
        let late = f.event("late", "2026-10-31T23:59:59Z", &project, Some(&key), DOLLAR);
        let outcome = f.book(&mut ledger, vec![copy(&f, 0, 2), late]).await?;
        let both = |present: i64| {
            BTreeMap::from([(("key", "2026-10".to_owned()), 1), (("key", "2026-11".to_owned()), present)])
        };
        assert_eq!(told(&outcome.parts), both(2));
        let outcome = f.book(&mut ledger, vec![copy(&f, 5, 7)]).await?;
        assert_eq!((outcome.tallies[0].amended, told(&outcome.parts)), (1, november(&[("key", 7)])));
        let outcome = f.book(&mut ledger, vec![copy(&f, 5, 7)]).await?;
        assert_eq!((outcome.tallies[0].duplicates, outcome.parts), (1, vec![]));
        let kept = f.store.kept_events("2026-11".parse()?, None, 10).await?.events.remove(0);
        let change = NewCost {
            time: kept.time,
            id: kept.id,
            was: kept.cost,
            usage: kept.usage,
            cost: DOLLAR,
            rating: Arc::new(Rating::plain(Rating::OWN)),
        };
        let rerated = ledger.rerate("run", &[change], at(NOW)).await?;
        assert_eq!(told(&rerated.outcome.parts), november(&[("key", 1)]));
        assert_eq!(told(&f.store.part_spends("2026-10".parse()?).await?), BTreeMap::from([(("key", "2026-10".to_owned()), 1)]));
        Ok(())
    }

    async fn r27_an_exhausted_budget_within_a_project_raises_one_alert_a_value_and_month(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("Support bot").await?;
        let key = f.key(&project).await?;
        let (mut ledger, mut other) = (Ledger::open(f.store.clone()).await?, Ledger::open(f.store.clone()).await?);
        let eve = f.store.find_key(&key).await?.owner_id;
        let whose = (project.as_str(), key.as_str(), eve.as_str());
        let (of_key, of_eve) = (PartNamed::Key(key.clone()), PartNamed::Member("eve@acme.test".into()));
        assert_eq!(lower(&mut f, &project, of_key.clone(), 3).await?, []);
        assert_eq!(lower(&mut f, &project, of_eve, 4).await?, []);
        let november = |kind, dollars| (kind, dollars, "2026-11".to_owned());
        let outcome = f.book(&mut ledger, vec![event(&f, "a", whose, "m"), event(&f, "b", whose, "m")]).await?;
        assert_eq!(raised(&outcome.alerts), []);
        // Whoever books what exhausts it raises the alert, and nobody does again.
        let outcome = f.book(&mut other, vec![event(&f, "c", whose, "m")]).await?;
        assert_eq!(raised(&outcome.alerts), [november("key", 3)]);
        let outcome = f.book(&mut ledger, vec![event(&f, "c", whose, "m"), event(&f, "d", whose, "m")]).await?;
        assert_eq!(raised(&outcome.alerts), [november("member", 4)]);
        assert_eq!(f.book(&mut ledger, vec![event(&f, "e", whose, "m")]).await?.alerts, []);
        assert_eq!(f.book(&mut Ledger::open(f.store.clone()).await?, vec![]).await?.alerts, [], "whoever starts");
        // Another value is another alert, the same one is not.
        assert_eq!(lower(&mut f, &project, of_key.clone(), 50).await?, []);
        assert_eq!(lower(&mut f, &project, of_key.clone(), 3).await?, []);
        assert_eq!(lower(&mut f, &project, of_key, 2).await?, [november("key", 2)]);
        // A model of the same name in another project has its own; late events are of their own month.
        let elsewhere = f.project("Elsewhere").await?;
        for project in [&project, &elsewhere] {
            assert_eq!(lower(&mut f, project, PartNamed::Model("gpt-4o-mini".into()), 1).await?, []);
        }
        let late = "2026-10-31T23:00:00Z";
        let events = [&project, &elsewhere].map(|id| f.event(&format!("late {id}"), late, id, None, DOLLAR));
        let outcome = f.book(&mut other, events.to_vec()).await?;
        let of_october = ("model", 1, "2026-10".to_owned());
        assert_eq!(raised(&outcome.alerts), [of_october.clone(), of_october]);

        let listed = async |f: &Fixture, id: &str| {
            f.store.alerts(&AlertFilter { project_id: Some(id.to_owned()), ..AlertFilter::default() }).await
        };
        let all = listed(&f, &project).await?;
        assert_eq!(all.len(), 4, "{all:?}");
        let names: std::collections::BTreeSet<String> = all.iter().map(Alert::whose).collect();
        let key_name = f.store.part_budgets(&project).await?.pop().unwrap().name;
        let expected = [&key_name[..], "eve@acme.test", "gpt-4o-mini"].map(|name| format!("{name} in Support bot"));
        assert_eq!(names, expected.into_iter().collect());
        assert_eq!(listed(&f, &elsewhere).await?.len(), 1);
        f.assert_exact(7, Nanos::from_dollars(7)).await
    }

    async fn r27_a_budget_that_was_set_past_a_spend_nobody_saw_is_looked_at_again(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("Support bot").await?;
        let key = f.key(&project).await?;
        let mut ledger = Ledger::open(f.store.clone()).await?;
        f.book(&mut ledger, vec![f.event("a", NOW, &project, Some(&key), DOLLAR)]).await?;
        // As if the event had been booked while the budget was being set.
        let mut tx = f.store.begin().await?;
        let part = mete_core::parts::Part { kind: PartKind::Key, id: key };
        tx.set_part_budget(&project, &part, Some(DOLLAR)).await?;
        tx.commit().await?;
        f.project("Elsewhere").await?;
        let outcome = f.book(&mut ledger, vec![]).await?;
        assert_eq!(raised(&outcome.alerts), [("key", 1, "2026-11".to_owned())]);
        Ok(())
    }

    async fn the_gate_is_given_each_budget_with_its_keys(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let project = f.project("Support bot").await?;
        let elsewhere = f.project("Elsewhere").await?;
        let (key, second, foreign) = (f.key(&project).await?, f.key(&project).await?, f.key(&elsewhere).await?);
        set(&mut f, &project, PartNamed::Key(key.clone())).await?;
        set(&mut f, &project, PartNamed::Member("eve@acme.test".into())).await?;
        set(&mut f, &project, PartNamed::Model("gpt-4o".into())).await?;
        let mut parts = f.store.gate_snapshot().await?.parts;
        parts.sort_by_key(|part| part.part.kind);
        let [model, member, of_key] = &mut parts[..] else { panic!("{parts:?}") };
        assert_eq!((model.part.kind, model.name.as_str(), model.keys.len()), (PartKind::Model, "gpt-4o", 0));
        member.keys.sort();
        let mut owned = vec![key.clone(), second];
        owned.sort();
        assert_eq!((&member.name[..], &member.keys), ("eve@acme.test", &owned), "not {foreign}, of another project");
        assert_eq!((of_key.part.id.as_str(), &of_key.keys), (key.as_str(), &vec![key.clone()]));
        let none = f.control().set_part_budget(&operator(), (&project, &PartNamed::Key(key.clone())), None).await?;
        assert_eq!(none.budget, None);
        let kinds: Vec<_> = f.store.part_budgets(&project).await?.iter().map(|budget| budget.part.kind).collect();
        assert_eq!(kinds, [PartKind::Model, PartKind::Member]);
        Ok(())
    }
}
