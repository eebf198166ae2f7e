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

pub use config::{Config, ConfigError, Problem};
pub use error::TuiError;
pub use explaining::{About, Asked, Explained, Explaining, Figures, Refused, Rule, SpentBy, Told, Verdict};
use mete_core::Clock;
use mete_core::actor::Actor;
use mete_store::Store;
use rand::Rng;
pub use retrying::{Retried, Retrying};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::data::{DataSource, Seen};
use crate::doing::Doer;
use crate::keymap::Keymap;
use crate::model::Setting;
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
    /// How the quarantine is read again, where that is known.
    pub retrying: Option<Retrying>,
    /// How decisions are explained, where that is known.
    pub explaining: Option<Explaining>,
}

/// Shows the store, as far as `actor` may see it (R6), on the terminal until the person leaves, a signal comes or the terminal goes. The terminal is given
/// back as it was in each case, and after a panic.
///
/// # Errors
/// When standard output is no terminal that can be drawn on, or it fails later.
pub async fn run(
    (store, actor): (Store, Actor),
    clock: Arc<dyn Clock>,
    random: Box<dyn Rng + Send>,
    options: Options,
) -> Result<(), TuiError> {
    let read_only = options.config.read_only || store.is_read_only().await;
    let doer = (!read_only).then(|| Doer {
        store: store.clone(),
        actor: actor.clone(),
        clock: Arc::clone(&clock),
        random: Arc::new(Mutex::new(random)),
        retrying: options.retrying.clone(),
    });
    let seen = Seen { store, actor, clock: Arc::clone(&clock), explaining: options.explaining.clone() };
    show(Arc::new(seen), doer, clock, options).await
}

/// [`run`] with the figures from anywhere.
async fn show(
    source: Arc<dyn DataSource>,
    doer: Option<Doer>,
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
    let mut tasks = JoinSet::new();
    tasks.spawn(sources::terminal(outlet.clone()));
    tasks.spawn(signals.forward(outlet.clone()));
    tasks.spawn(sources::seconds(outlet.clone()));
    tasks.spawn(sources::versions(Arc::clone(&source), outlet.clone()));
    if let Some(banner) = options.banner {
        tasks.spawn(sources::banner(banner, outlet.clone()));
    }
    #[cfg(debug_assertions)]
    tasks.spawn(sources::panic_if_asked());
    let acts = doer.is_some();
    let setting = Setting {
        theme: surroundings.theme(&look, options.config.colors),
        charset: surroundings.charset,
        keys: Keymap::new(&options.config).named_in_ascii(surroundings.charset.is_ascii()),
        config: options.config,
        store: source.describe(),
        actor: if acts { source.actor() } else { format!("{}, read-only", source.actor()) },
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
        doer,
        deeds: JoinSet::new(),
        copy: copy::to_terminal,
    };
    let outcome = runtime.run(setting).await;
    drop(session);
    outcome
}
