//! What a command works with: the store, the clock, the output.

use std::sync::Arc;

use mete_control::Control;
use mete_control::host::{SystemClock, system_random};
use mete_core::{Clock, Month, Timestamp};
use mete_store::{Store, StoreUrl};
use tokio::sync::OnceCell;

use crate::args::Global;
use crate::error::CliError;
use crate::output::Output;
use crate::places;

/// What a command works with.
pub struct Context {
    /// Where its results go.
    pub output: Output,
    global: Global,
    clock: Arc<SystemClock>,
    store: OnceCell<Store>,
}

impl Context {
    /// For one command.
    pub fn new(global: Global, output: Output) -> Self {
        Self { output, global, clock: Arc::new(SystemClock), store: OnceCell::new() }
    }

    /// The machine's clock.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock) as Arc<dyn Clock>
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The month asked for, else the present one.
    pub fn month(&self, asked: Option<Month>) -> Month {
        asked.unwrap_or_else(|| self.now().month())
    }

    /// Refuses to act as a person (R45): their rights are not there yet, and the operator's must not stand in for them.
    pub fn refuse_persons(&self) -> Result<(), CliError> {
        match self.global.actor.as_deref() {
            None | Some("") => Ok(()),
            Some(person) => Err(CliError::ActingAs(person.to_owned())),
        }
    }

    /// The store, opened once; one that exists.
    pub async fn store(&self) -> Result<&Store, CliError> {
        self.store.get_or_try_init(async || Ok(Store::open(&self.url()?).await?)).await
    }

    /// The store, made where there is none.
    pub async fn create_store(&self) -> Result<&Store, CliError> {
        self.store.get_or_try_init(async || Ok(Store::create(&self.url()?, &mut system_random()).await?)).await
    }

    /// Lets `work` change the store as the operator.
    pub async fn change<T, E>(&self, work: impl AsyncFnOnce(&Control<'_>) -> Result<T, E>) -> Result<T, CliError>
    where
        CliError: From<E>,
    {
        let mut random = system_random();
        let control = Control::new(self.store().await?, &*self.clock, &mut random);
        Ok(work(&control).await?)
    }

    /// Closes the store, so that a SQLite file is whole by itself.
    pub async fn close(&self) {
        if let Some(store) = self.store.get() {
            store.close().await;
        }
    }

    fn url(&self) -> Result<StoreUrl, CliError> {
        match self.global.store.as_deref() {
            None | Some("") => places::default_store(),
            // What was given may hold a password: it is not repeated.
            Some(text) => text.parse().map_err(|_| CliError::StoreUrl),
        }
    }
}
