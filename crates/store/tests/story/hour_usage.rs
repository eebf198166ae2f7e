//! What was used of models with rate limits by the day, by the hour (R23).

use std::sync::Arc;

use mete_control::{LimitChange, LimitsOf};
use mete_core::{Nanos, Series, Usage};
use mete_store::{Arrival, HourUsage, Ledger};
use mete_tests::{TestStore, each_engine};

use crate::fixture::{Fixture, NOW, at, operator};

/// An event of a model.
fn event(f: &Fixture, id: &str, time: &str, project: &str, model: &str) -> Arrival {
    let mut arrival = f.event(id, time, project, None, Nanos(1));
    let Series { organization, project, endpoint, .. } = (*arrival.event.series).clone();
    arrival.event.series = Arc::new(Series::new(organization, project, None, None, model.into(), endpoint));
    arrival
}

async fn limit(f: &mut Fixture, of: LimitsOf, typed: &str) -> anyhow::Result<()> {
    let change = LimitChange { rates: vec![typed.parse()?], ..LimitChange::default() };
    f.control().set_limits(&operator(), &of, &change).await?;
    Ok(())
}

each_engine! {
    async fn r23_what_was_used_is_told_of_models_that_are_limited_by_the_day(place: &TestStore) -> anyhow::Result<()> {
        let mut f = Fixture::new(place).await?;
        let (a, b) = (f.project("A").await?, f.project("B").await?);
        let mut ledger = Ledger::open(f.store.clone()).await?;
        let events = [
            event(&f, "1", "2026-11-22T08:59:59Z", &a, "m"),
            event(&f, "2", "2026-11-22T09:00:00Z", &a, "m"),
            event(&f, "3", "2026-11-22T09:59:59Z", &a, "m"),
            event(&f, "4", NOW, &b, "m"),
            event(&f, "5", NOW, &a, "n"),
            event(&f, "6", NOW, &b, "n"),
        ];
        f.book(&mut ledger, events.to_vec()).await?;
        ledger.fold().await?;
        let told = async |f: &Fixture| f.store.hour_usage(at("2026-11-22T09:30:00Z")).await;
        limit(&mut f, LimitsOf::Project(a.clone()), "m:tokens_per_minute=9").await?;
        assert_eq!(told(&f).await?, [], "of limits by the minute nothing");
        limit(&mut f, LimitsOf::Project(a.clone()), "m:requests_per_day=9").await?;
        let hour = |project: &str, model: &str, end: &str, requests| HourUsage {
            project_id: project.into(),
            model: model.into(),
            end: at(end),
            requests,
            tokens: requests * 110,
        };
        assert_eq!(told(&f).await?, [hour(&a, "m", "2026-11-22T10:00:00Z", 2)]);
        // The organization's are of all its projects. What is not folded yet, and what was amended, counts.
        let organization = f.organization.clone();
        limit(&mut f, LimitsOf::Organization(organization), "n:tokens_per_day=9").await?;
        let usage = Usage { input: 100, output: 20, ..Usage::default() };
        let mut more = event(&f, "5", "2026-11-23T10:15:01Z", &a, "n");
        more.event.usage = usage;
        let outcome = f.book(&mut ledger, vec![more, event(&f, "7", NOW, &a, "n")]).await?;
        assert_eq!(outcome.tallies[0].amended, 1);
        let end = "2026-11-23T11:00:00Z";
        let of_a = HourUsage { tokens: 120 + 110, ..hour(&a, "n", end, 2) };
        let expected = [hour(&a, "m", "2026-11-22T10:00:00Z", 2), of_a, hour(&b, "n", end, 1)];
        for _ in 0..2 {
            let mut told = told(&f).await?;
            told.sort_by_key(|hour| (hour.end, hour.project_id != a));
            assert_eq!(told, expected);
            ledger.fold().await?;
        }
        Ok(())
    }
}
