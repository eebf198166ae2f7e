//! What happens in the demo, as lines: printed, or shown above the key bar of the terminal interface.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

/// Lines that the interface shows.
const SHOWN: usize = 5;

/// Where lines go.
enum Way {
    Print,
    Show { lines: Mutex<VecDeque<String>>, banner: watch::Sender<Vec<String>> },
}

/// Tells what happens, with the seconds since the beginning.
pub(super) struct Story {
    start: Instant,
    way: Way,
}

impl Story {
    /// Prints every line.
    pub(super) fn printing() -> Self {
        Self { start: Instant::now(), way: Way::Print }
    }

    /// Keeps the last lines for the terminal interface.
    pub(super) fn shown() -> (Self, watch::Receiver<Vec<String>>) {
        let (banner, receiver) = watch::channel(Vec::new());
        (Self { start: Instant::now(), way: Way::Show { lines: Mutex::default(), banner } }, receiver)
    }

    /// Tells a line.
    pub(super) fn tell(&self, line: impl AsRef<str>) {
        let line = format!("{:5.1}s  {}", self.start.elapsed().as_secs_f64(), line.as_ref());
        match &self.way {
            Way::Print => print(&line),
            Way::Show { lines, banner } => {
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                lines.push_back(line);
                if lines.len() > SHOWN {
                    lines.pop_front();
                }
                banner.send_replace(lines.iter().cloned().collect());
            }
        }
    }
}

#[expect(clippy::print_stdout, reason = "the headless demo's output")]
fn print(line: &str) {
    println!("{line}");
}
