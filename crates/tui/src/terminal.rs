//! Taking the terminal and giving it back as it was, whichever way the interface ends or pauses.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Stdout, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::queue;
use crossterm::style::{Attribute, SetAttribute, force_color_output};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use rustix::process::{Signal, kill_current_process_group};
use tokio::signal::unix::{self, SignalKind};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::background::QUESTION;
use crate::error::TuiError;
use crate::fence::{END, Fenced};

/// The terminal that the interface draws on.
pub type Screen = Terminal<CrosstermBackend<Fenced<Stdout>>>;

/// Presses and the wheel, reported with places beyond column 223. Movements are not: each would wake the program.
const MOUSE: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const NO_MOUSE: &[u8] = b"\x1b[?1006l\x1b[?1000l";

/// A process that was not stopped by so long after it asked for it has nobody who would let it go on.
const STOPPED_BY: Duration = Duration::from_millis(300);

/// Whether the terminal is ours. A process has one terminal, and a panic hook has no other way to know.
static TAKEN: AtomicBool = AtomicBool::new(false);

type Hook = Arc<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

/// What is wanted of the terminal besides a screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// That it reports the mouse.
    pub mouse: bool,
    /// That it tells its background.
    pub background: bool,
    /// That colours are asked for as the oldest terminals understand it: it has sixteen.
    pub sixteen: bool,
}

/// The terminal is ours as long as this lives.
pub struct Session {
    hook: Hook,
}

/// Takes the terminal: raw mode, alternate screen, bracketed paste, no cursor. A panic anywhere in the process gives it
/// back and cancels `stop`, so that nobody draws on it any more.
///
/// # Errors
/// When standard output is no terminal, or one that cannot move its cursor (`term` is the value of `TERM`).
pub fn enter(term: Option<OsString>, wanted: Wanted, stop: CancellationToken) -> Result<(Session, Screen), TuiError> {
    if !io::stdout().is_terminal() {
        return Err(TuiError::NoTerminal);
    }
    if let Some(term) = term.filter(|term| term.is_empty() || term == "dumb") {
        return Err(TuiError::DumbTerminal(term.to_string_lossy().into_owned()));
    }
    // colours are resolved by the theme: under NO_COLOR crossterm would turn colour changes into resets, and so hide
    // the selection
    force_color_output(true);
    let session = Session::begin(stop);
    take(wanted)?;
    let terminal = Terminal::new(CrosstermBackend::new(Fenced::new(io::stdout(), wanted.sixteen)))
        .map_err(TuiError::while_doing("learn the size of the terminal"))?;
    Ok((session, terminal))
}

impl Session {
    /// From here on a panic gives the terminal back before it is reported.
    fn begin(stop: CancellationToken) -> Self {
        let hook: Hook = Arc::from(panic::take_hook());
        let reported = Arc::clone(&hook);
        panic::set_hook(Box::new(move |info| {
            stop.cancel();
            leave();
            reported(info);
        }));
        Self { hook }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        leave();
        // the hook cannot be changed while a panic is under way
        if !std::thread::panicking() {
            let hook = Arc::clone(&self.hook);
            panic::set_hook(Box::new(move |info| hook(info)));
        }
    }
}

fn take(wanted: Wanted) -> Result<(), TuiError> {
    TAKEN.store(true, Ordering::SeqCst);
    enable_raw_mode().map_err(TuiError::while_doing("put the terminal into raw mode"))?;
    let mut bytes = Vec::new();
    let taken = queue!(bytes, EnterAlternateScreen, EnableBracketedPaste, Hide);
    if wanted.mouse {
        bytes.extend_from_slice(MOUSE);
    }
    if wanted.background {
        bytes.extend_from_slice(QUESTION);
    }
    taken.and_then(|()| write(&bytes)).map_err(TuiError::while_doing("take the screen of the terminal"))
}

/// Gives the terminal back, once. Errors are of no use here: there may be no terminal left to tell.
fn leave() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut bytes = [END, NO_MOUSE].concat();
    let restored = queue!(bytes, SetAttribute(Attribute::Reset), DisableBracketedPaste, LeaveAlternateScreen, Show);
    if restored.and_then(|()| write(&bytes)).is_err() {
        tracing::debug!("the terminal is gone");
    }
    if let Err(error) = disable_raw_mode() {
        tracing::debug!(%error, "the terminal's mode cannot be restored");
    }
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// The interface as a job of the shell, which stops it and lets it go on.
pub struct Job {
    continued: unix::Signal,
    wanted: Wanted,
}

impl Job {
    /// From now on it is noticed when the shell lets the process go on.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn new(wanted: Wanted) -> Result<Self, TuiError> {
        let signal = SignalKind::from_raw(Signal::CONT.as_raw());
        let continued = unix::signal(signal).map_err(TuiError::while_doing("listen to signals"))?;
        // what the terminal said of its background once holds
        Ok(Self { continued, wanted: Wanted { background: false, ..wanted } })
    }

    /// Waits until the process goes on that somebody else had stopped; [`Job::take_again`] is due then.
    pub async fn continued(&mut self) {
        self.continued.recv().await;
    }

    /// Takes the terminal once more, for it may be in any state.
    ///
    /// # Errors
    /// When it cannot be taken.
    pub fn take_again(&self) -> Result<(), TuiError> {
        leave();
        take(self.wanted)
    }

    /// Gives the terminal back, stops with all processes of the job as if control-z had reached them, and takes it again
    /// when the shell lets them go on. Where there is no shell that could, the system does not stop them.
    ///
    /// # Errors
    /// When the signal cannot be sent, or the terminal cannot be taken again.
    pub async fn suspend(&mut self) -> Result<(), TuiError> {
        leave();
        kill_current_process_group(Signal::TSTP)
            .map_err(|error| TuiError::while_doing("stop for a while")(error.into()))?;
        tokio::select! {
            biased;
            () = self.continued() => {},
            () = sleep(STOPPED_BY) => {},
        }
        take(self.wanted)
    }

    /// Rings the terminal's bell.
    pub fn ring(&self) {
        if write(b"\x07").is_err() {
            tracing::debug!("the terminal is gone");
        }
    }
}
