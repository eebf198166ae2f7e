//! A store that is still being opened: the interface is there before it, for it may be held by another program.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use mete_core::actor::Actor;
use mete_store::{Store, Versions};
use tokio_util::sync::CancellationToken;

use crate::data::{Answer, DataSource, Query, QueryFailed};
use crate::explaining::Explaining;
use crate::retrying::Retrying;

/// Something that is awaited by several, each of whom gets it.
pub type Soon<T> = Shared<BoxFuture<'static, T>>;

/// A store with somebody who looks at it, and what the interface itself does not know of it.
pub struct Session {
    /// The store.
    pub store: Store,
    /// Who looks, and acts.
    pub actor: Actor,
    /// How the quarantine is read again, where that is known.
    pub retrying: Option<Retrying>,
    /// How decisions are explained, where that is known.
    pub explaining: Option<Explaining>,
}

/// A session to come.
pub struct Opening {
    /// The store's kind and name, as [`mete_store::StoreUrl::describe`] gives them.
    pub store: String,
    /// Who will look: `operator`, or a person's address.
    pub actor: String,
    /// The session, however long that takes; none where it cannot be had, and whoever opens it knows why.
    pub session: BoxFuture<'static, Option<Session>>,
}

impl Opening {
    /// One that is there.
    #[must_use]
    pub fn of(session: Session, actor: &str) -> Self {
        let (store, actor) = (session.store.url().describe(), actor.to_owned());
        Self { store, actor, session: Box::pin(std::future::ready(Some(session))) }
    }
}

/// Answers from what is not there yet: what is asked meanwhile waits for it, until the interface ends.
pub struct Awaited {
    /// What answers.
    pub source: Soon<Arc<dyn DataSource>>,
    /// Cancelled when the interface ends.
    pub stop: CancellationToken,
    /// The store's kind and name.
    pub store: String,
    /// Who is at the screen.
    pub actor: String,
}

impl Awaited {
    async fn source(&self) -> Result<Arc<dyn DataSource>, QueryFailed> {
        let source = self.stop.run_until_cancelled(self.source.clone()).await;
        source.ok_or_else(|| QueryFailed("the interface ended before the store was open".to_owned()))
    }
}

impl DataSource for Awaited {
    fn ask(&self, query: Query) -> BoxFuture<'_, Result<Answer, QueryFailed>> {
        async move { self.source().await?.ask(query).await }.boxed()
    }

    fn versions(&self) -> BoxFuture<'_, Result<Versions, QueryFailed>> {
        async move { self.source().await?.versions().await }.boxed()
    }

    fn describe(&self) -> String {
        self.store.clone()
    }

    fn actor(&self) -> String {
        self.actor.clone()
    }
}
