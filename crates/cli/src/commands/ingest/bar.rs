//! The progress bar of a long run over files.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use mete_ingest::sources::Progress;
use tokio::time::interval;

use super::booked::Booked;

/// How often it is drawn.
const REDRAW: Duration = Duration::from_millis(100);

const SHAPE: &str = "{bar:30} {bytes}/{total_bytes} · {msg} · {eta} left";

/// Draws until it is dropped; never returns. Nothing is drawn where standard error is no terminal, or where the length
/// of the inputs is not known.
pub async fn draw(length: Option<u64>, progress: Arc<Progress>, booked: Booked) {
    let Some(length) = length.filter(|_| std::io::stderr().is_terminal()) else {
        return std::future::pending().await;
    };
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template(SHAPE) {
        bar.set_style(style);
    }
    let cleared = ClearOnDrop(bar);
    let bar = &cleared.0;
    let mut ticks = interval(REDRAW);
    loop {
        ticks.tick().await;
        let tally = booked.tally();
        let events = tally.accepted + tally.duplicates + tally.amended;
        let millis = u64::try_from(bar.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        bar.set_position(progress.bytes.load(Ordering::Relaxed));
        bar.set_message(format!("{events} events, {}/s", events.saturating_mul(1000) / millis));
    }
}

/// The bar leaves the screen when the run is over: the figures follow.
struct ClearOnDrop(ProgressBar);

impl Drop for ClearOnDrop {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
