//! The main loop: messages in, model changed, effects started, screen drawn. Whatever the backend, so that tests run it
//! with real keys and look at real screens.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use mete_core::Clock;
use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::buffer::Buffer;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use crate::copy::Clip;
use crate::data::{DataSource, Query, QueryFailed};
use crate::doing::Doer;
use crate::error::TuiError;
use crate::export::write_new;
use crate::model::{Model, Setting};
use crate::msg::{Effect, Msg, ViewId};
use crate::opening::Soon;
use crate::sources::Outlet;
use crate::terminal::Job;
use crate::update::update;
use crate::view::view;

/// Messages that may wait for the main loop.
pub const WAITING: usize = 256;
/// At least so long from one drawing to the next.
const FRAME: Duration = Duration::from_millis(8);
/// So long questions under way may take to end once the interface has ended.
const LINGER: Duration = Duration::from_secs(2);

/// The main loop with all that it needs.
pub struct Runtime<'t, B: Backend> {
    /// What is drawn on.
    pub terminal: &'t mut Terminal<B>,
    /// Where the figures come from.
    pub source: Arc<dyn DataSource>,
    /// What the time is.
    pub clock: Arc<dyn Clock>,
    /// Messages to it.
    pub messages: mpsc::Receiver<Msg>,
    /// Where its own tasks send messages to, and what tells them and it that it has ended.
    pub outlet: Outlet,
    /// Its tasks: one that panics ends it.
    pub tasks: JoinSet<()>,
    /// It as a job of a shell, if it is one.
    pub job: Option<Job>,
    /// Who changes the store, as soon as it is open; nobody where it is only looked at.
    pub doer: Option<Soon<Doer>>,
    /// What is being done to the store. It is waited for to its end, however the interface ends.
    pub deeds: JoinSet<()>,
    /// Puts something on the clipboard.
    pub copy: fn(&Clip) -> std::io::Result<()>,
}

impl<B> Runtime<'_, B>
where
    B: Backend,
    B::Error: Send + Sync + 'static,
{
    /// Runs until it is told to quit, then ends its tasks.
    ///
    /// # Errors
    /// When the terminal cannot be drawn on, or a part of the program panicked.
    pub async fn run(mut self, setting: Setting) -> Result<(), TuiError> {
        let outcome = self.turn(setting).await;
        self.outlet.stop.cancel();
        // what the loop no longer takes must not hold up those that send it
        self.messages.close();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(LINGER, ended).await.is_err() {
            tracing::debug!("a question to the store is still under way");
        }
        while self.deeds.join_next().await.is_some() {}
        outcome
    }

    async fn turn(&mut self, setting: Setting) -> Result<(), TuiError> {
        let size = self.terminal.size().map_err(draw_error)?;
        let (mut model, effects) = Model::start(setting, size, self.clock.now());
        self.start(effects);
        let mut shown: Option<Buffer> = None;
        let mut due = Instant::now();
        let mut batch = Vec::with_capacity(WAITING);
        loop {
            tokio::select! {
                biased;
                Some(ended) = self.tasks.join_next() => check(ended)?,
                Some(ended) = self.deeds.join_next() => check(ended)?,
                // only a panic anywhere in the process stops it from outside; the terminal is no longer ours
                () = self.outlet.stop.cancelled() => return Err(TuiError::Panicked),
                // draining comes before drawing, but a storm of messages does not keep the screen from being drawn
                () = sleep_until(due), if model.dirty && (self.messages.is_empty() || Instant::now() >= due + FRAME) => {
                    self.draw(&mut model, &mut shown)?;
                    due = Instant::now() + FRAME;
                }
                () = continued(&mut self.job) => {
                    if let Some(job) = &self.job {
                        job.take_again()?;
                    }
                    self.draw_anew(&mut model, &mut shown)?;
                }
                taken = self.messages.recv_many(&mut batch, WAITING) => {
                    if taken == 0 || self.take(&mut model, &mut shown, &mut batch).await?.is_break() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Gives messages to the model one by one and starts what it wants done.
    async fn take(
        &mut self,
        model: &mut Model,
        shown: &mut Option<Buffer>,
        messages: &mut Vec<Msg>,
    ) -> Result<ControlFlow<()>, TuiError> {
        for msg in messages.drain(..) {
            let effects = update(model, msg, self.clock.now());
            for effect in &effects {
                match effect {
                    Effect::Quit => return Ok(ControlFlow::Break(())),
                    Effect::Redraw => self.draw_anew(model, shown)?,
                    Effect::Suspend => {
                        if let Some(job) = &mut self.job {
                            job.suspend().await?;
                        }
                        self.draw_anew(model, shown)?;
                    }
                    Effect::Ring => {
                        if let Some(job) = &self.job {
                            job.ring();
                        }
                    }
                    _ => {}
                }
            }
            self.start(effects);
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Forgets what is on the terminal, so that the next drawing draws all of it.
    fn draw_anew(&mut self, model: &mut Model, shown: &mut Option<Buffer>) -> Result<(), TuiError> {
        // Terminal::clear would ask the terminal for its cursor, and some never answer
        self.terminal.backend_mut().clear().map_err(draw_error)?;
        self.terminal.current_buffer_mut().reset();
        self.terminal.swap_buffers();
        *shown = None;
        model.dirty = true;
        Ok(())
    }

    /// Draws, unless it would look as it does already: even an unchanged frame would cost bytes.
    fn draw(&mut self, model: &mut Model, shown: &mut Option<Buffer>) -> Result<(), TuiError> {
        model.dirty = false;
        self.terminal.autoresize().map_err(draw_error)?;
        let area = self.terminal.get_frame().area();
        if area != model.area() {
            // the terminal has changed since its last message
            let effects = update(model, Msg::Resize(area.width, area.height), self.clock.now());
            self.start(effects);
            model.dirty = false;
        }
        view(model, &mut self.terminal.get_frame());
        let buffer = self.terminal.current_buffer_mut();
        if shown.as_ref() == Some(buffer) {
            buffer.reset();
            return Ok(());
        }
        *shown = Some(buffer.clone());
        self.terminal.flush().map_err(draw_error)?;
        self.terminal.swap_buffers();
        self.terminal.backend_mut().flush().map_err(draw_error)
    }

    /// Starts what is to be done outside the model.
    fn start(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let outlet = self.outlet.clone();
            match effect {
                Effect::Ask { view, generation, queries } => {
                    self.tasks.spawn(ask(Arc::clone(&self.source), outlet, view, generation, queries));
                }
                Effect::Write { name, contents } => {
                    self.tasks.spawn(write(outlet, name, contents));
                }
                Effect::Look | Effect::Prepare { .. } | Effect::Do { .. } => self.serve(effect, outlet),
                Effect::Copy(clip) => {
                    if let Err(error) = (self.copy)(&clip) {
                        tracing::debug!(%error, "nothing was copied");
                    }
                }
                Effect::Redraw | Effect::Suspend | Effect::Ring | Effect::Quit => {}
            }
        }
    }

    /// Starts what only somebody does who may change the store.
    fn serve(&mut self, effect: Effect, outlet: Outlet) {
        let Some(doer) = self.doer.clone() else { return };
        match effect {
            Effect::Look => {
                self.tasks.spawn(async move {
                    let Some(doer) = outlet.wait(doer).await else { return };
                    outlet.send(Msg::Sight(doer.sight().await)).await;
                });
            }
            Effect::Prepare { layer, wish } => {
                self.tasks.spawn(async move {
                    let Some(doer) = outlet.wait(doer).await else { return };
                    outlet.send(Msg::Prepared { layer, result: doer.sheet(*wish).await }).await;
                });
            }
            Effect::Do { layer, deed } => {
                self.deeds.spawn(async move {
                    let result = doer.await.carry_out(deed).await;
                    outlet.send(Msg::Done { layer, result }).await;
                });
            }
            _ => {}
        }
    }
}

/// Writes a file into the current directory.
async fn write(outlet: Outlet, name: String, contents: String) {
    let written = match std::env::current_dir() {
        Ok(folder) => write_new(&folder, &name, &contents).await,
        Err(error) => Err(error),
    };
    let result = match written {
        Ok(path) => Ok(path.display().to_string()),
        Err(error) => Err(format!("cannot write {name}: {error}")),
    };
    outlet.send(Msg::Written(result)).await;
}

/// Asks one question after the other; the first that fails ends it.
async fn ask(source: Arc<dyn DataSource>, outlet: Outlet, view: ViewId, generation: u64, queries: Vec<Query>) {
    let mut answers = Vec::with_capacity(queries.len());
    let mut failure: Option<QueryFailed> = None;
    for query in queries {
        match source.ask(query).await {
            Ok(answer) => answers.push(answer),
            Err(failed) => {
                failure = Some(failed);
                break;
            }
        }
    }
    let result = failure.map_or(Ok(answers), Err);
    outlet.send(Msg::Answers { view, generation, result }).await;
}

/// Waits until the shell lets the process go on, if there is one.
async fn continued(job: &mut Option<Job>) {
    match job {
        Some(job) => job.continued().await,
        None => std::future::pending().await,
    }
}

fn check(ended: Result<(), JoinError>) -> Result<(), TuiError> {
    match ended {
        Err(error) if error.is_panic() => Err(TuiError::Panicked),
        _ => Ok(()),
    }
}

fn draw_error(error: impl std::error::Error + Send + Sync + 'static) -> TuiError {
    TuiError::Draw(Box::new(error))
}
