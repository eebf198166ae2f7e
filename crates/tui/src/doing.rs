//! Who makes the forms and carries out the deeds: the store with the actor of the session. What only looks has nobody.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use mete_control::{Control, ControlError, Sight, View};
use mete_core::Clock;
use mete_core::actor::Actor;
use mete_store::Store;
use rand::Rng;
use tokio::sync::Mutex;

use crate::deeds::{Ask, Deed, Done, Means, Sheet, Wish};
use crate::retrying::Retrying;

/// Carries out what the person at the screen decides. Cheap to clone.
#[derive(Clone)]
pub struct Doer {
    /// What is changed.
    pub store: Store,
    /// Who changes it.
    pub actor: Actor,
    /// What the time is.
    pub clock: Arc<dyn Clock>,
    /// Where ids and secrets come from. It is one deed's at a time: they are carried out one after the other.
    pub random: Arc<Mutex<Box<dyn Rng + Send>>>,
    /// How the quarantine is read again, where that is known.
    pub retrying: Option<Retrying>,
}

impl Doer {
    /// What the actor may do as of now.
    pub fn sight(&self) -> BoxFuture<'static, Result<Sight, String>> {
        let Self { store, actor, .. } = self.clone();
        Box::pin(async move { Sight::of(&store, &actor).await.map_err(|error| error.to_string()) })
    }

    /// The form of a wish, with what it will hit as of now.
    pub fn sheet(&self, wish: Wish) -> BoxFuture<'static, Result<Box<Sheet>, String>> {
        let doer = self.clone();
        Box::pin(async move {
            let made: Result<Sheet, ControlError> = async {
                let view = View::new(&doer.store, &doer.actor).await?;
                let ask = Ask { view, store: &doer.store, actor: &doer.actor, now: doer.clock.now() };
                wish.sheet(&ask).await
            }
            .await;
            made.map(Box::new).map_err(|error| error.to_string())
        })
    }

    /// Does it, to its end: the future owns all that it needs and must not be dropped half-way.
    pub fn carry_out(&self, deed: Deed) -> BoxFuture<'static, Result<Done, String>> {
        let doer = self.clone();
        Box::pin(async move {
            let mut random = doer.random.lock().await;
            let control = Control::new(&doer.store, &*doer.clock, &mut **random);
            let means =
                Means { control: &control, actor: &doer.actor, store: &doer.store, retrying: doer.retrying.as_ref() };
            deed.carry_out(&means).await.map_err(|error| error.to_string())
        })
    }
}
