//! The edges of months, with a clock of the test's own (R32, R34): the whole daemon, in this process.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use mete_core::decision::Decision;
use mete_core::{Clock as _, ManualClock, Month, Nanos, Timestamp};
use mete_gate::{Gate, Request};
use mete_store::{SpendBy, SpendQuery};
use mete_tests::{TestStore, each_engine, wait};
use meted::Daemon;
use meted::config::Config;

use crate::support::{Key, LIMIT, Line, Stage, append, stage};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A daemon in this process, whose clock stands still.
struct Scene<'a> {
    stage: Stage<'a>,
    clock: Arc<ManualClock>,
    daemon: Daemon,
    key: Key,
    path: PathBuf,
    next: u32,
}

impl<'a> Scene<'a> {
    async fn new(store: &'a TestStore, now: &str, budget: Option<i64>) -> Result<Self> {
        let mut stage = Stage::new(store).await?;
        let key = stage.key("Bot").await?;
        if let Some(budget) = budget {
            stage.budget(Some("Bot"), budget).await?;
        }
        let clock = Arc::new(ManualClock::new(at(now)));
        let config = Config::read(&stage.configure(&stage::source("usage.jsonl")))?;
        let daemon = Daemon::start(config, Arc::clone(&clock) as Arc<dyn mete_core::Clock>).await?;
        let path = stage.path("usage.jsonl");
        Ok(Self { stage, clock, daemon, key, path, next: 0 })
    }

    fn gate(&self) -> &Gate {
        self.daemon.gate()
    }

    /// Spends dollars at a time.
    fn spend(&mut self, time: &str, dollars: i64) {
        self.next += 1;
        let line =
            Line::own(&format!("n{}", self.next), at(time), Nanos::from_dollars(dollars)).with(&self.key.field());
        append(&self.path, std::slice::from_ref(&line));
        self.stage.expect(&[line]);
    }

    fn is_let_in(&self) -> bool {
        self.gate().decide(self.clock.now(), Some(&self.key.secret), &Request::default()) == Decision::Allow
    }

    /// Waits until the ledger has everything, and the gate was told.
    async fn counted(&self) -> Result<()> {
        self.stage.counted().await
    }

    fn becomes_refused(&self) -> Result<()> {
        wait::until("a refusal", LIMIT, || (!self.is_let_in()).then_some(()))
    }

    /// Spend in dollars of a month, by something.
    async fn shown(&self, month: &str, by: SpendBy) -> Result<Vec<(String, i64)>> {
        let month: Month = month.parse()?;
        let query = SpendQuery { organization_id: None, project_ids: None, month, by };
        let rows = self.stage.store.spend(&query).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.spend.0 / Nanos::from_dollars(1).0)).collect())
    }

    async fn stop(self) -> Result<()> {
        self.daemon.stop().await;
        self.stage.check().await
    }
}

/// `("2026-11-30", 1)` for comparison.
fn row((bucket, dollars): (&str, i64)) -> (String, i64) {
    (bucket.to_owned(), dollars)
}

each_engine! {
    async fn r26_a_budget_is_free_again_when_the_month_ends_though_nothing_runs(store: &TestStore) -> Result<()> {
        let mut scene = Scene::new(store, "2026-11-30T23:59:00Z", Some(10)).await?;
        ensure!(scene.is_let_in());
        scene.spend("2026-11-30T23:58:59Z", 10);
        scene.becomes_refused()?;
        scene.clock.set(at("2026-11-30T23:59:59.999999Z"));
        ensure!(!scene.is_let_in());
        scene.clock.set(at("2026-12-01T00:00:00Z"));
        ensure!(scene.is_let_in(), "a new month");

        // What comes late is November's, and exhausts nothing of December.
        scene.spend("2026-11-30T23:59:59.999999Z", 50);
        scene.counted().await?;
        ensure!(scene.is_let_in());
        scene.spend("2026-12-01T00:00:00Z", 10);
        scene.becomes_refused()?;
        ensure!(scene.shown("2026-11", SpendBy::Day).await? == [row(("2026-11-30", 60))]);
        ensure!(scene.shown("2026-12", SpendBy::Hour).await? == [row(("2026-12-01T00", 10))]);
        scene.stop().await
    }

    async fn r32_an_event_counts_to_the_month_day_and_hour_of_its_own_time(store: &TestStore) -> Result<()> {
        let mut scene = Scene::new(store, "2028-03-05T12:00:00Z", None).await?;
        for (time, dollars) in [
            ("2026-12-31T23:59:59.999999Z", 1),
            ("2027-01-01T00:00:00Z", 2),
            ("2027-02-28T23:59:59.999999Z", 3),
            ("2027-03-01T00:00:00Z", 4),
            ("2028-02-28T23:59:59.999999Z", 5),
            ("2028-02-29T00:00:00Z", 6),
            ("2028-02-29T23:59:59.999999Z", 7),
            ("2028-03-01T00:00:00Z", 8),
            // The same instants in another country's time.
            ("2028-03-01T08:59:59.999999+09:00", 16),
            ("2028-02-29T16:00:00-08:00", 32),
        ] {
            scene.spend(time, dollars);
        }
        scene.counted().await?;
        for (month, days, last_hour) in [
            ("2026-12", vec![("2026-12-31", 1)], ("2026-12-31T23", 1)),
            ("2027-01", vec![("2027-01-01", 2)], ("2027-01-01T00", 2)),
            ("2027-02", vec![("2027-02-28", 3)], ("2027-02-28T23", 3)),
            ("2027-03", vec![("2027-03-01", 4)], ("2027-03-01T00", 4)),
            ("2028-02", vec![("2028-02-28", 5), ("2028-02-29", 29)], ("2028-02-29T23", 23)),
            ("2028-03", vec![("2028-03-01", 40)], ("2028-03-01T00", 40)),
        ] {
            let shown = scene.shown(month, SpendBy::Day).await?;
            ensure!(shown == days.iter().copied().map(row).collect::<Vec<_>>(), "{month}: {shown:?}");
            let hours = scene.shown(month, SpendBy::Hour).await?;
            ensure!(hours.last() == Some(&row(last_hour)), "{month}: {hours:?}");
            let total: i64 = days.iter().map(|(_, dollars)| dollars).sum();
            let projects = scene.shown(month, SpendBy::Project).await?;
            ensure!(projects.iter().map(|(_, dollars)| dollars).sum::<i64>() == total, "{month}: {projects:?}");
        }
        scene.stop().await
    }

    async fn r34_events_ahead_of_the_clock_count_to_their_month_up_to_five_minutes(store: &TestStore) -> Result<()> {
        let mut scene = Scene::new(store, "2026-11-30T23:57:00Z", Some(10)).await?;
        // To the microsecond.
        scene.spend("2026-12-01T00:02:00Z", 10);
        let late = Line::own("ahead", at("2026-12-01T00:02:00.000001Z"), Nanos(1));
        append(&scene.path, &[late]);
        scene.counted().await?;
        let rows = scene.stage.quarantined(1).await?;
        ensure!(rows[0].reason == "bad_time", "{rows:?}");
        ensure!(scene.is_let_in(), "November has spent nothing");
        scene.clock.set(at("2026-12-01T00:00:00Z"));
        scene.becomes_refused()?;
        scene.stop().await
    }

    async fn a_daemon_that_starts_at_a_months_end_knows_what_was_booked_ahead(store: &TestStore) -> Result<()> {
        let mut scene = Scene::new(store, "2026-11-30T23:57:00Z", Some(10)).await?;
        scene.spend("2026-12-01T00:01:00Z", 10);
        scene.counted().await?;
        let Scene { stage, clock, daemon, key, .. } = scene;
        daemon.stop().await;
        let config = Config::read(&stage.path("meted.toml"))?;
        let daemon = Daemon::start(config, Arc::clone(&clock) as Arc<dyn mete_core::Clock>).await?;
        let decide = || daemon.gate().decide(clock.now(), Some(&key.secret), &Request::default());
        ensure!(decide() == Decision::Allow);
        clock.set(at("2026-12-01T00:00:00Z"));
        ensure!(decide() != Decision::Allow);
        daemon.stop().await;
        stage.check().await
    }

    /// A file that was moved away is closed when it has been silent for long enough; its last line may have no end.
    async fn a_line_without_an_end_counts_when_its_file_is_over(store: &TestStore) -> Result<()> {
        let mut scene = Scene::new(store, "2026-11-23T10:00:00Z", None).await?;
        scene.spend("2026-11-23T09:00:00Z", 1);
        scene.counted().await?;
        let line = Line::own("endless", at("2026-11-23T09:00:00Z"), Nanos::from_dollars(2));
        crate::support::lines::append_text(&scene.path, &line.text);
        std::fs::rename(&scene.path, scene.stage.path("usage.jsonl.1"))?;
        scene.spend("2026-11-23T09:00:00Z", 4);
        scene.counted().await.context("before the pause")?;
        scene.stage.expect(&[line]);
        // The daemon's clock stands still: as long as it does, nothing is silent for long.
        let moved = wait::eventually("the end of the file", LIMIT, async || {
            scene.clock.advance(mete_core::time::MINUTE);
            (scene.stage.store.verify().await.ok()?.events == 3).then_some(())
        });
        moved.await?;
        ensure!(scene.stage.store.count_quarantine().await? == 0);
        scene.stop().await
    }
}
