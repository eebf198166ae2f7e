//! Where messages come from besides the answers to queries: keys, signals, the clock, the store's versions, the banner.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{Event, EventStream};
use futures_util::StreamExt;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::background::Answers;
use crate::data::DataSource;
use crate::error::TuiError;
use crate::msg::Msg;

/// How often the store is asked whether anything has changed.
const POLL: Duration = Duration::from_millis(500);

/// Where messages go, and until when.
#[derive(Clone)]
pub struct Outlet {
    /// To the main loop.
    pub messages: mpsc::Sender<Msg>,
    /// Cancelled when the interface ends.
    pub stop: CancellationToken,
}

impl Outlet {
    /// Sends a message; `false` once nobody takes it any more.
    pub async fn send(&self, msg: Msg) -> bool {
        tokio::select! {
            sent = self.messages.send(msg) => sent.is_ok(),
            () = self.stop.cancelled() => false,
        }
    }

    /// Waits for something; `None` once the interface ends.
    pub async fn wait<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        self.stop.run_until_cancelled(future).await
    }
}

/// Keys, the mouse, pasted text and sizes of the terminal. When it is gone, the interface stops.
pub async fn terminal(outlet: Outlet) {
    let mut events = EventStream::new();
    let mut answers = Answers::default();
    loop {
        let Some(event) = outlet.wait(events.next()).await else { return };
        let messages = match event {
            Some(Ok(Event::Key(key))) => answers.take(key, Instant::now()),
            Some(Ok(Event::Mouse(mouse))) => vec![Msg::Mouse(mouse)],
            Some(Ok(Event::Paste(text))) => vec![Msg::Paste(text)],
            Some(Ok(Event::Resize(width, height))) => vec![Msg::Resize(width, height)],
            Some(Ok(_)) => continue,
            Some(Err(_)) | None => vec![Msg::Stop],
        };
        for msg in messages {
            let last = matches!(msg, Msg::Stop);
            if !outlet.send(msg).await || last {
                return;
            }
        }
    }
}

/// The signals that end the process, listened to from now on.
pub struct Signals([Signal; 3]);

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn listen() -> Result<Self, TuiError> {
        let listen = |kind| signal(kind).map_err(TuiError::while_doing("listen to signals"));
        Ok(Self([listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?, listen(SignalKind::hangup())?]))
    }

    /// Stops the interface at the first one.
    pub async fn forward(self, outlet: Outlet) {
        let Self([mut terminate, mut interrupt, mut hangup]) = self;
        let any = async {
            tokio::select! {
                _ = terminate.recv() => {},
                _ = interrupt.recv() => {},
                _ = hangup.recv() => {},
            }
        };
        if outlet.wait(any).await.is_some() {
            outlet.send(Msg::Stop).await;
        }
    }
}

/// One message a second, for the ages on the screen.
pub async fn seconds(outlet: Outlet) {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while outlet.wait(seconds.tick()).await.is_some() && outlet.send(Msg::Second).await {}
}

/// Asks the store again and again whether anything has changed. A question under way is never dropped.
pub async fn versions(source: Arc<dyn DataSource>, outlet: Outlet) {
    let mut polls = interval(POLL);
    polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while outlet.wait(polls.tick()).await.is_some() {
        // an answer that is long in coming is told of
        if !outlet.send(Msg::Polling).await || !outlet.send(Msg::Versions(source.versions().await)).await {
            return;
        }
    }
}

/// The lines of the banner whenever they change.
pub async fn banner(mut banner: watch::Receiver<Vec<String>>, outlet: Outlet) {
    banner.mark_changed();
    while let Some(Ok(())) = outlet.wait(banner.changed()).await {
        let lines = banner.borrow_and_update().clone();
        if !outlet.send(Msg::Banner(lines)).await {
            return;
        }
    }
}

/// Panics if METE_TUI_PANIC asks for it: the tests see that the terminal is given back. No release has it.
#[cfg(debug_assertions)]
#[expect(clippy::panic, reason = "it is what is asked for")]
pub async fn panic_if_asked() {
    if std::env::var_os("METE_TUI_PANIC").is_some() {
        // after the first frame
        tokio::time::sleep(POLL).await;
        panic!("METE_TUI_PANIC asked for it");
    }
}
