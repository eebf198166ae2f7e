//! Mete's terminal interface, for whoever is on call: what is wrong, where, and since when.
//!
//! The way of a key: `sources` → message → `update::update` changes the `model::Model` and returns effects →
//! `runtime` runs them and draws `view::view`. Nothing ticks: what does not happen is not drawn. A screen is a file
//! or folder in `screens`, what lies on top of one a file in `overlays`.

mod acting;
mod actions;
pub mod advice;
mod asking;
mod background;
mod budget;
mod chart;
mod config;
mod copy;
mod data;
mod deeds;
mod doing;
mod error;
pub mod excerpt;
mod explaining;
mod export;
mod facts;
mod fence;
mod form;
mod format;
mod freshness;
mod fuzzy;
mod gauge;
mod header;
mod jumps;
mod keybar;
mod keymap;
mod look;
mod model;
mod mouse;
mod msg;
mod opening;
mod outcome;
mod overlays;
mod paged;
mod panel;
mod piece;
mod recovery;
mod retrying;
mod runtime;
#[cfg(test)]
mod samples;
mod screens;
mod sources;
mod state;
mod surroundings;
mod symbols;
mod table;
mod terminal;
#[cfg(test)]
mod tests;
mod text;
mod theme;
mod trail;
mod update;
mod view;

use std::sync::Arc;
use std::time::Duration;

pub use config::{Config, ConfigError, Problem};
pub use error::TuiError;
pub use explaining::{About, Asked, Explained, Explaining, Figures, Refused, Rule, SpentBy, Told, Verdict};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mete_core::Clock;
pub use opening::{Opening, Session};
use rand::Rng;
pub use retrying::{Retried, Retrying};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::acting::READ_ONLY;
use crate::data::{DataSource, Seen};
use crate::doing::Doer;
use crate::keymap::Keymap;
use crate::model::Setting;
use crate::msg::Msg;
use crate::opening::{Awaited, Soon};
use crate::runtime::{Runtime, WAITING};
use crate::sources::{Outlet, Signals};
use crate::surroundings::Surroundings;
use crate::terminal::{Job, Wanted};
use crate::theme::Depth;

/// How the interface is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What the person set.
    pub config: Config,
    /// A few live lines for a panel above the keys, where there are any; the newest is the last.
    pub banner: Option<watch::Receiver<Vec<String>>>,
}

/// So long a store takes to open that nobody holds. One that takes longer is waited for on the screen.
const AT_ONCE: Duration = Duration::from_millis(250);

/// What there is once the store is open.
struct Opened {
    source: Arc<dyn DataSource>,
    doer: Doer,
    read_only: bool,
}

/// Shows the store, as far as its actor may see it (R6), on the terminal until the person leaves, a signal comes or the
/// terminal goes. The frame is there at once, also where the store is held by another program and has to be waited for.
/// The terminal is given back as it was in each case, and after a panic.
///
/// # Errors
/// When there is no store, or standard output is no terminal that can be drawn on, or it fails later.
pub async fn run(
    opening: Opening,
    clock: Arc<dyn Clock>,
    random: Box<dyn Rng + Send>,
    options: Options,
) -> Result<(), TuiError> {
    let (store, actor) = (opening.store, opening.actor);
    let opened = open(opening.session, Arc::clone(&clock), random).boxed().shared();
    if let Ok(None) = timeout(AT_ONCE, opened.clone()).await {
        return Err(TuiError::NotOpened);
    }
    let outcome = show(opened.clone(), (store, actor), clock, options).await;
    match opened.peek() {
        Some(None) => Err(TuiError::NotOpened),
        _ => outcome,
    }
}

async fn open(
    session: BoxFuture<'static, Option<Session>>,
    clock: Arc<dyn Clock>,
    random: Box<dyn Rng + Send>,
) -> Option<Arc<Opened>> {
    let Session { store, actor, retrying, explaining } = session.await?;
    let read_only = store.is_read_only().await;
    let seen = Seen { store: store.clone(), actor: actor.clone(), clock: Arc::clone(&clock), explaining };
    let doer = Doer { store, actor, clock, random: Arc::new(Mutex::new(random)), retrying };
    Some(Arc::new(Opened { source: Arc::new(seen), doer, read_only }))
}

/// Waits until the store is open, and tells if it cannot be changed; where it cannot be opened, the interface ends.
async fn opened_or_end(opened: Soon<Option<Arc<Opened>>>, outlet: Outlet) {
    // nobody is left to be told where it cannot be sent
    let _ = match outlet.wait(opened).await {
        Some(None) => outlet.send(Msg::Stop).await,
        Some(Some(opened)) if opened.read_only => outlet.send(Msg::ReadOnly).await,
        _ => true,
    };
}

/// A part of what there is once the store is open.
fn part<T: Clone + 'static>(opened: &Soon<Option<Arc<Opened>>>, part: fn(&Opened) -> T) -> Soon<T> {
    let opened = opened.clone();
    let part = async move {
        match opened.await {
            Some(opened) => part(&opened),
            None => std::future::pending().await,
        }
    };
    part.boxed().shared()
}

/// Shows what comes of the opening.
async fn show(
    opened: Soon<Option<Arc<Opened>>>,
    (store, actor): (String, String),
    clock: Arc<dyn Clock>,
    options: Options,
) -> Result<(), TuiError> {
    let look = options.config.look;
    let surroundings = Surroundings::of(&look, |name| std::env::var(name).ok());
    let wanted = Wanted {
        mouse: options.config.mouse,
        background: surroundings.asks,
        sixteen: surroundings.depth == Depth::Sixteen,
    };
    let (signals, job) = (Signals::listen()?, Job::new(wanted)?);
    let (sender, messages) = mpsc::channel(WAITING);
    let outlet = Outlet { messages: sender, stop: CancellationToken::new() };
    let (session, mut terminal) = terminal::enter(std::env::var_os("TERM"), wanted, outlet.stop.clone())?;
    let source: Arc<dyn DataSource> = Arc::new(Awaited {
        source: part(&opened, |opened| Arc::clone(&opened.source)),
        stop: outlet.stop.clone(),
        store,
        actor,
    });
    let mut tasks = JoinSet::new();
    tasks.spawn(opened_or_end(opened.clone(), outlet.clone()));
    tasks.spawn(sources::terminal(outlet.clone()));
    tasks.spawn(signals.forward(outlet.clone()));
    tasks.spawn(sources::seconds(outlet.clone()));
    tasks.spawn(sources::versions(Arc::clone(&source), outlet.clone()));
    if let Some(banner) = options.banner {
        tasks.spawn(sources::banner(banner, outlet.clone()));
    }
    #[cfg(debug_assertions)]
    tasks.spawn(sources::panic_if_asked());
    let acts = !options.config.read_only;
    let setting = Setting {
        theme: surroundings.theme(&look, options.config.colors),
        charset: surroundings.charset,
        keys: Keymap::new(&options.config).named_in_ascii(surroundings.charset.is_ascii()),
        config: options.config,
        store: source.describe(),
        actor: if acts { source.actor() } else { source.actor() + READ_ONLY },
        acts,
    };
    let runtime = Runtime {
        terminal: &mut terminal,
        source,
        clock,
        messages,
        outlet,
        tasks,
        job: Some(job),
        doer: acts.then(|| part(&opened, |opened| opened.doer.clone())),
        deeds: JoinSet::new(),
        copy: copy::to_terminal,
    };
    let outcome = runtime.run(setting).await;
    drop(session);
    outcome
}
