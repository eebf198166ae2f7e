//! The main loop with real keys, tasks and time, on a backend that shows every frame to the test.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use mete_core::ManualClock;
use mete_tests::{TestStore, each_engine};
use ratatui::Terminal;
use ratatui::backend::{Backend, ClearType, TestBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::driver::{parse, text};
use crate::data::DataSource;
use crate::deeds::tests::Bench;
use crate::doing::Doer;
use crate::error::TuiError;
use crate::model::Setting;
use crate::msg::Msg;
use crate::opening::Awaited;
use crate::runtime::{Runtime, WAITING};
use crate::samples::{World, now, organization};
use crate::sources::{self, Outlet};
use crate::theme::Theme;

/// So long a test waits for what must come.
const DEADLINE: Duration = Duration::from_secs(20);

/// A [`TestBackend`] that publishes the screen whenever it is flushed.
struct Shown {
    inner: TestBackend,
    frames: watch::Sender<String>,
    flushes: Arc<AtomicUsize>,
}

impl Backend for Shown {
    type Error = Infallible;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), Infallible>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        self.inner.draw(content)
    }

    fn hide_cursor(&mut self) -> Result<(), Infallible> {
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> Result<(), Infallible> {
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> Result<Position, Infallible> {
        self.inner.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Infallible> {
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> Result<(), Infallible> {
        self.inner.clear()
    }

    fn clear_region(&mut self, region: ClearType) -> Result<(), Infallible> {
        self.inner.clear_region(region)
    }

    fn size(&self) -> Result<Size, Infallible> {
        self.inner.size()
    }

    fn window_size(&mut self) -> Result<WindowSize, Infallible> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        self.flushes.fetch_add(1, Ordering::SeqCst);
        self.frames.send_replace(text(self.inner.buffer()));
        self.inner.flush()
    }
}

/// A running interface.
struct Running {
    world: Arc<World>,
    clock: Arc<ManualClock>,
    outlet: Outlet,
    frames: watch::Receiver<String>,
    flushes: Arc<AtomicUsize>,
    ended: JoinSet<Result<(), TuiError>>,
}

impl Running {
    fn start(tasks: impl FnOnce(&mut JoinSet<()>, &Outlet)) -> Self {
        Self::start_with(None, tasks)
    }

    /// The same with somebody who changes a store.
    fn start_with(doer: Option<Doer>, tasks: impl FnOnce(&mut JoinSet<()>, &Outlet)) -> Self {
        Self::start_on(doer, |world, _| world, tasks)
    }

    /// The same with another source over the world.
    fn start_on(
        doer: Option<Doer>,
        source: impl FnOnce(Arc<dyn DataSource>, &Outlet) -> Arc<dyn DataSource>,
        tasks: impl FnOnce(&mut JoinSet<()>, &Outlet),
    ) -> Self {
        let world = Arc::new(World::default());
        let clock = Arc::new(ManualClock::new(now()));
        let (sender, messages) = mpsc::channel(WAITING);
        let outlet = Outlet { messages: sender, stop: CancellationToken::new() };
        let (frames_sent, frames) = watch::channel(String::new());
        let flushes = Arc::new(AtomicUsize::new(0));
        let backend = Shown { inner: TestBackend::new(100, 30), frames: frames_sent, flushes: Arc::clone(&flushes) };
        let source = source(Arc::clone(&world) as Arc<dyn DataSource>, &outlet);
        let doer = doer.map(|doer| std::future::ready(doer).boxed().shared());
        let mut set = JoinSet::new();
        set.spawn(sources::versions(Arc::clone(&source), outlet.clone()));
        tasks(&mut set, &outlet);
        let mut ended = JoinSet::new();
        ended.spawn({
            let (clock, outlet) = (Arc::clone(&clock), outlet.clone());
            async move {
                let mut terminal = Terminal::new(backend).unwrap();
                let (store, actor) = (source.describe(), source.actor());
                let acts = doer.is_some();
                let setting = Setting { theme: Theme::new(true, None), store, actor, acts, ..Setting::default() };
                Runtime {
                    terminal: &mut terminal,
                    source,
                    clock,
                    messages,
                    outlet,
                    tasks: set,
                    job: None,
                    doer,
                    deeds: JoinSet::new(),
                    copy: |_| Ok(()),
                }
                .run(setting)
                .await
            }
        });
        Self { world, clock, outlet, frames, flushes, ended }
    }

    async fn press(&self, keys: &str) {
        for key in parse(keys) {
            self.outlet.messages.send(Msg::Key(key)).await.unwrap();
        }
    }

    /// Waits for a frame with `text` in it.
    async fn see(&mut self, text: &str) -> String {
        let seen = timeout(DEADLINE, self.frames.wait_for(|frame| frame.contains(text))).await;
        let seen = seen.ok().map(|frame| frame.unwrap().clone());
        seen.unwrap_or_else(|| panic!("{text:?} is not to be seen in\n{}", *self.frames.borrow()))
    }

    async fn end(mut self) -> Result<(), TuiError> {
        timeout(DEADLINE, self.ended.join_next()).await.unwrap().unwrap().unwrap()
    }
}

#[tokio::test]
async fn keys_lead_through_the_screens_and_out() {
    let mut running = Running::start(|_, _| {});
    running.see("Needs you").await;
    running.press(":organizations<enter>").await;
    running.see("▲ 1 project").await;
    running.press("<enter>").await;
    running.see("▸ Support bot").await;
    running.press("<enter>").await;
    running.see("▸ nightly-eval").await;
    running.press("<esc>").await;
    running.see("▸ Support bot").await;
    running.press("q").await;
    running.end().await.unwrap();
}

#[tokio::test]
async fn what_changes_in_the_store_is_seen_without_a_key() {
    let mut running = Running::start(|_, _| {});
    running.see("Globex").await;
    running.press(":organizations<enter>").await;
    running.see("PROJECTS").await;
    running.world.set_organizations(vec![organization("Umbrella", "7", Some("7"))]);
    running.see("▲ refused").await;
    running.world.set_organizations(vec![organization("Umbrella", "7", Some("70"))]);
    running.see("✓ recovered").await;
}

#[tokio::test]
async fn a_store_that_is_away_is_said_with_its_age_and_comes_back_by_itself() {
    let mut running = Running::start(|_, _| {});
    running.see("● live").await;
    running.world.set_down(Some("the store failed: connection refused"));
    let frame = running.see("▲ no store, data").await;
    assert!(frame.contains("connection refused") && frame.contains("Globex"), "{frame}");
    running.clock.advance(90_000_000);
    running.outlet.messages.send(Msg::Second).await.unwrap();
    running.see("data 1m old").await;
    running.world.set_down(None);
    running.see("✓ live again").await;
}

#[tokio::test]
async fn a_store_that_is_not_open_yet_is_waited_for_on_the_screen() {
    for is_left in [false, true] {
        let (open, opened) = oneshot::channel::<()>();
        let awaited = |world: Arc<dyn DataSource>, outlet: &Outlet| {
            let source = async move { opened.await.map(|()| world).unwrap_or_else(|_| panic!("it is never opened")) };
            let (store, actor) = ("sqlite mete.db".to_owned(), "operator".to_owned());
            Arc::new(Awaited { source: source.boxed().shared(), stop: outlet.stop.clone(), store, actor })
                as Arc<dyn DataSource>
        };
        let mut running = Running::start_on(None, awaited, |_, _| {});
        let frame = running.see("Needs you").await;
        assert!(frame.contains("sqlite mete.db"), "{frame}");
        let busy = async {
            while !running.frames.borrow().contains("store busy for") {
                running.clock.advance(1_000_000);
                running.outlet.messages.send(Msg::Second).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        timeout(DEADLINE, busy).await.unwrap();
        let frame = running.frames.borrow().clone();
        assert!(frame.contains("nothing shown") && frame.contains("The store gives no answer since 12:3"), "{frame}");
        if is_left {
            running.press("q").await;
            running.end().await.unwrap();
            continue;
        }
        open.send(()).unwrap();
        let frame = running.see("● live").await;
        assert!(!frame.contains("no answer"), "{frame}");
    }
}

#[tokio::test]
async fn nothing_is_drawn_while_nothing_changes() {
    let mut running = Running::start(|_, _| {});
    running.see("● live").await;
    running.press("?").await;
    running.see("Keys on this screen").await;
    let drawn = running.flushes.load(Ordering::SeqCst);
    for _ in 0..100 {
        running.outlet.messages.send(Msg::Second).await.unwrap();
    }
    // a key that is seen comes after the hundred seconds
    running.press("<esc>").await;
    timeout(DEADLINE, running.frames.wait_for(|frame| !frame.contains("Keys on this screen"))).await.unwrap().unwrap();
    assert_eq!(running.flushes.load(Ordering::SeqCst), drawn + 1);
}

#[tokio::test]
async fn a_thousand_keys_at_once_take_few_frames() {
    let mut running = Running::start(|_, _| {});
    running.see("Globex").await;
    let drawn = running.flushes.load(Ordering::SeqCst);
    running.press(&"jk".repeat(500)).await;
    running.press("?").await;
    running.see("Keys on this screen").await;
    let frames = running.flushes.load(Ordering::SeqCst) - drawn;
    assert!(frames <= 200, "{frames} frames");
}

#[tokio::test]
async fn the_banner_shows_its_lines_as_they_come() {
    let (lines, banner) = watch::channel(vec!["the gate answers: 204".to_owned()]);
    let mut running = Running::start(|tasks, outlet| {
        tasks.spawn(sources::banner(banner, outlet.clone()));
    });
    running.see("the gate answers: 204").await;
    lines.send_replace(vec!["the gate answers: 204, 429 project_spend_limit_exceeded".to_owned()]);
    running.see("204, 429 project_spend_limit_exceeded").await;
}

#[tokio::test]
async fn a_stop_ends_it_and_a_panic_ends_it_with_an_error() {
    let running = Running::start(|_, _| {});
    running.outlet.messages.send(Msg::Stop).await.unwrap();
    running.end().await.unwrap();
    let running = Running::start(|tasks, _| {
        tasks.spawn(async { panic!("a task of the test") });
    });
    assert!(matches!(running.end().await, Err(TuiError::Panicked)));
    let running = Running::start(|_, _| {});
    running.outlet.stop.cancel();
    assert!(matches!(running.end().await, Err(TuiError::Panicked)));
}

each_engine! {
    /// Neither the end of the interface nor anything else drops a change half-way.
    async fn what_is_being_done_is_done_to_its_end_when_the_interface_ends(place: &TestStore) -> anyhow::Result<()> {
        let bench = Bench::open(place).await?;
        let mut running = Running::start_with(Some(bench.doer.clone()), |_, _| {});
        running.see("▸").await;
        running.press("n").await;
        running.see("First owner").await;
        running.press("Umbrella<tab>otto@umbrella.test<enter>").await;
        running.outlet.messages.send(Msg::Stop).await.unwrap();
        running.end().await?;
        assert!(bench.doer.store.organizations_named("Umbrella").await?.len() == 1, "the organization is made");
        Ok(())
    }
}
