//! The terminal interface as its user has it: the real program on a real terminal, on both engines.

mod holding;
mod incident;
mod onboarding;
mod operators;
mod outages;
mod stage;
mod terminals;

use std::process::Command;
use std::sync::Arc;

use anyhow::ensure;
use mete_control::host::{SystemClock, origin, system_random};
use mete_control::{Control, LimitChange, LimitsOf, NewKeyInput, NewOrganizationInput, NewProjectInput};
use mete_core::actor::Actor;
use mete_core::{Clock, EndpointGroup, LedgerEvent, Nanos, Rating, Series, Usage};
use mete_store::{Arrival, Ledger, Parcel, Store};
use mete_tests::terminal::Terminal;
use mete_tests::{TestStore, each_engine, process};
use rustix::process::Signal;

use crate::holding::Holding;

/// An organization with a project that has a budget and a key.
struct Place {
    store: Store,
    organization: String,
    project: String,
}

impl Place {
    async fn new(store: &TestStore) -> anyhow::Result<Self> {
        Self::at(store.url()).await
    }

    async fn at(url: &str) -> anyhow::Result<Self> {
        let store = Store::create(&url.parse()?, &mut system_random()).await?;
        let mut random = system_random();
        let control = Control::new(&store, &SystemClock, &mut random);
        let input = NewOrganizationInput { name: "Acme".into(), owner: "dana@acme.test".into(), parent: None };
        let operator = Actor::operator(origin());
        let organization = control.init(&operator, &input).await?.organization.id;
        let project =
            control.create_project(&operator, &NewProjectInput::named(&organization, "Support bot")).await?.id;
        control.create_project(&operator, &NewProjectInput::named(&organization, "Search")).await?;
        let key = NewKeyInput { name: "ci-runner".into(), ..NewKeyInput::for_person(&project, "eve@acme.test") };
        control.create_key(&operator, &key).await?;
        let place = Self { store, organization, project };
        place.budget(100).await?;
        Ok(place)
    }

    async fn budget(&self, dollars: i64) -> anyhow::Result<()> {
        let mut random = system_random();
        let control = Control::new(&self.store, &SystemClock, &mut random);
        let change = LimitChange { budget: Some(Some(Nanos::from_dollars(dollars))), ..LimitChange::default() };
        let of = LimitsOf::Project(self.project.clone());
        control.set_limits(&Actor::operator(origin()), &of, &change).await?;
        Ok(())
    }

    async fn spend(&self, id: &str, dollars: i64) -> anyhow::Result<()> {
        let now = SystemClock.now();
        let series = Series::new(
            self.organization.as_str().into(),
            self.project.as_str().into(),
            None,
            None,
            "gpt-4o-mini".into(),
            EndpointGroup::Responses,
        );
        let event = LedgerEvent {
            id: self.store.id_hasher().event(&self.organization, id),
            time: now,
            series: series.into(),
            usage: Usage::default(),
            cost: Nanos::from_dollars(dollars),
            rating: Arc::new(Rating::plain(Rating::OWN)),
            resource: None,
        };
        let events = vec![Arrival { event, position: 0, raw: bytes::Bytes::new() }];
        let parcel = Parcel { source: "test".into(), events, ..Parcel::default() };
        Ledger::open(self.store.clone()).await?.commit(&[parcel], now).await?;
        Ok(())
    }
}

fn interface(store: &TestStore) -> anyhow::Result<Command> {
    let mut command = process::mete()?;
    command.args(["--store", store.url(), "tui"]);
    Ok(command)
}

each_engine! {
    async fn someone_on_call_finds_the_project_and_sees_it_change_by_itself(store: &TestStore) -> anyhow::Result<()> {
        let place = Place::new(store).await?;
        place.spend("1", 42).await?;
        let mut terminal = Terminal::start(&interface(store)?, (120, 40))?;
        terminal.wait_for("Spend, Acme")?;
        terminal.wait_for("Support bot")?;
        terminal.keys("/supp\r\r")?;
        terminal.wait_for("$42.00 of $100.00")?;
        terminal.wait_for("ci-runner")?;
        // other processes spend, exhaust, raise; the screen follows
        place.spend("2", 60).await?;
        terminal.wait_for("$102.00 of $100.00")?;
        terminal.wait_for("▲ refused")?;
        terminal.keys("7")?;
        terminal.wait_for("exhausted $100.00")?;
        terminal.keys("1")?;
        place.budget(500).await?;
        terminal.wait_for("$102.00 of $500.00")?;
        terminal.keys("?")?;
        terminal.wait_for("Keys on this screen")?;
        terminal.keys("\x1b")?;
        // escape and a letter in one go would be a letter with alt
        terminal.wait_until_gone("Keys on this screen")?;
        terminal.keys("q")?;
        ensure!(terminal.wait()?.success());
        Ok(())
    }

    async fn the_terminal_is_as_before_however_it_ends(store: &TestStore) -> anyhow::Result<()> {
        Place::new(store).await?;
        let endings: [(&str, Option<Signal>); 5] = [
            ("q", None),
            ("\x03", None),
            ("", Some(Signal::TERM)),
            ("", Some(Signal::HUP)),
            ("", Some(Signal::INT)),
        ];
        for (keys, signal) in endings {
            let mut terminal = Terminal::start(&interface(store)?, (80, 24))?;
            terminal.wait_for("Acme")?;
            ensure!(terminal.modes() == (true, true), "its own screen, without a cursor");
            ensure!(!terminal.echoes()?, "raw while it runs");
            terminal.keys(keys)?;
            if let Some(signal) = signal {
                terminal.signal(signal)?;
            }
            let status = terminal.wait()?;
            let ending = format!("{keys:?} {signal:?}: {status:?}");
            ensure!(status.success(), "{ending}");
            let disorder = terminal.disorder()?;
            ensure!(disorder.is_empty(), "{ending}: the shell has {disorder:?}");
        }
        Ok(())
    }

    /// It used to say nothing until the store was let go of, or half a minute was over.
    async fn a_store_that_another_program_holds_is_waited_for_on_the_screen(store: &TestStore) -> anyhow::Result<()> {
        Place::new(store).await?.store.close().await;
        let holding = Holding::of(store).await?;
        let mut terminal = Terminal::start(&interface(store)?, (100, 30))?;
        terminal.wait_for("mete › pulse")?;
        terminal.wait_for("store busy for")?;
        terminal.wait_for("The store gives no answer since")?;
        holding.end().await?;
        terminal.wait_for("Support bot")?;
        terminal.wait_until_gone("The store gives no answer since")?;
        terminal.keys("q")?;
        ensure!(terminal.wait()?.success());
        Ok(())
    }

    async fn one_may_leave_while_another_program_holds_the_store(store: &TestStore) -> anyhow::Result<()> {
        Place::new(store).await?.store.close().await;
        let holding = Holding::of(store).await?;
        let mut terminal = Terminal::start(&interface(store)?, (100, 30))?;
        terminal.wait_for("store busy for")?;
        terminal.keys("q")?;
        ensure!(terminal.wait()?.success());
        ensure!(terminal.disorder()?.is_empty());
        holding.end().await
    }

    async fn without_colour_nothing_is_coloured_and_the_selection_is_marked(store: &TestStore) -> anyhow::Result<()> {
        Place::new(store).await?;
        let mut command = interface(store)?;
        command.env("NO_COLOR", "1");
        let mut terminal = Terminal::start(&command, (80, 24))?;
        terminal.wait_for("▸ Search")?;
        terminal.keys("q")?;
        terminal.wait()?;
        let text = String::from_utf8_lossy(&terminal.bytes()).into_owned();
        for sequence in text.split("\x1b[").skip(1) {
            let (parameters, end) = sequence.split_at(sequence.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(0));
            let coloured = |code: &str| matches!(code.parse(), Ok(30..=38 | 40..=48 | 90..=107_u16));
            ensure!(!end.starts_with('m') || !parameters.split(';').any(coloured), "a colour: {parameters}");
        }
        Ok(())
    }

    async fn without_a_terminal_it_says_so(store: &TestStore) -> anyhow::Result<()> {
        Place::new(store).await?;
        let run = mete_tests::Run::of(&mut interface(store)?)?;
        ensure!(run.status.code() == Some(1) && run.stderr.contains("terminal"), "{}", run.stderr);
        Ok(())
    }
}
