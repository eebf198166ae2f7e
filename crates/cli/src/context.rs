//! What a command works with: the store, the actor, the clock, the output.

use std::sync::Arc;
use std::time::Duration;

use mete_control::host::{SystemClock, origin, system_random};
use mete_control::{Control, View};
use mete_core::actor::Actor;
use mete_core::{Clock, Month, Timestamp};
use mete_store::{Store, StoreUrl};
use rand::Rng;
use tokio::sync::OnceCell;

use crate::args::Global;
use crate::confirm::confirm;
use crate::error::CliError;
use crate::output::Output;
use crate::places;

/// So long the store may take to close, which is more than it needs where nobody holds it: a file is whole by itself then,
/// and all that it takes where it is not is left to whoever opens it next.
const CLOSING: Duration = Duration::from_secs(5);

/// What a command works with. Cheap to clone; all clones share the store and the actor.
#[derive(Clone)]
pub struct Context {
    /// Where its results go.
    pub output: Output,
    global: Global,
    clock: Arc<SystemClock>,
    store: Arc<OnceCell<Store>>,
    actor: Arc<OnceCell<Actor>>,
}

impl Context {
    /// For one command.
    pub fn new(global: Global, output: Output) -> Self {
        Self { output, global, clock: Arc::new(SystemClock), store: Arc::default(), actor: Arc::default() }
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

    /// The store, opened once; one that exists.
    pub async fn store(&self) -> Result<&Store, CliError> {
        self.store.get_or_try_init(async || Ok(Store::open(&self.url()?).await?)).await
    }

    /// The store as it is, for a look at it that changes nothing, not even an outdated schema.
    pub async fn store_as_it_is(&self) -> Result<&Store, CliError> {
        self.store.get_or_try_init(async || Ok(Store::open_as_it_is(&self.url()?).await?)).await
    }

    /// The store, made where there is none.
    pub async fn create_store(&self) -> Result<&Store, CliError> {
        self.store.get_or_try_init(async || Ok(Store::create(&self.url()?, &mut system_random()).await?)).await
    }

    /// Where the store is, for people.
    pub fn describe_store(&self) -> Result<String, CliError> {
        Ok(self.url()?.describe())
    }

    /// Who is to act, for people.
    pub fn describe_actor(&self) -> String {
        self.acting_as().unwrap_or("operator").to_owned()
    }

    /// Who acts (R45): the person of `--as` or METE_ACTOR, else the operator; looked up once.
    pub async fn actor(&self) -> Result<&Actor, CliError> {
        self.actor
            .get_or_try_init(async || {
                let Some(email) = self.acting_as() else { return Ok(Actor::operator(origin())) };
                Ok(self.control(&mut system_random()).await?.person(email, origin()).await?)
            })
            .await
    }

    /// Refuses to act as a person where only the operator may act: `what` follows "may", as in `count logs`.
    pub fn operator_only(&self, what: &'static str) -> Result<(), CliError> {
        match self.acting_as() {
            None => Ok(()),
            Some(person) => Err(CliError::OperatorOnly { what, person: person.to_owned() }),
        }
    }

    /// Lets `work` change the store as the actor.
    pub async fn change<T, E>(
        &self,
        work: impl AsyncFnOnce(&Control<'_>, &Actor) -> Result<T, E>,
    ) -> Result<T, CliError>
    where
        CliError: From<E>,
    {
        let actor = self.actor().await?;
        Ok(work(&self.control(&mut system_random()).await?, actor).await?)
    }

    /// What the actor may see of the store.
    pub async fn view(&self) -> Result<View<'_>, CliError> {
        Ok(View::new(self.store().await?, self.actor().await?).await?)
    }

    /// Goes on if `yes` was given or whoever sits at the terminal agrees. `what` says what will happen, in a sentence.
    ///
    /// # Errors
    /// `not_confirmed` otherwise; nothing must be changed then.
    pub fn confirm(&self, what: &str, yes: bool) -> Result<(), CliError> {
        confirm(what, yes)
    }

    async fn control<'a>(&'a self, random: &'a mut (dyn Rng + Send)) -> Result<Control<'a>, CliError> {
        Ok(Control::new(self.store().await?, &*self.clock, random))
    }

    /// An empty METE_ACTOR is one that is not set.
    fn acting_as(&self) -> Option<&str> {
        self.global.actor.as_deref().filter(|email| !email.is_empty())
    }

    /// Closes the store, so that a SQLite file is whole by itself.
    pub async fn close(&self) {
        if let Some(store) = self.store.get() {
            // what another program holds now need not be waited for
            let _ = tokio::time::timeout(CLOSING, store.close()).await;
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
