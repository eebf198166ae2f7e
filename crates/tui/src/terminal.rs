//! Taking the terminal and giving it back as it was, whichever way the interface ends.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Stdout, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::style::{Attribute, SetAttribute, force_color_output};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use tokio_util::sync::CancellationToken;

use crate::error::TuiError;
use crate::fence::{END, Fenced};

/// The terminal that the interface draws on.
pub type Screen = Terminal<CrosstermBackend<Fenced<Stdout>>>;

/// Whether the terminal is ours. A process has one terminal, and a panic hook has no other way to know.
static TAKEN: AtomicBool = AtomicBool::new(false);

type Hook = Arc<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

/// The terminal is ours as long as this lives.
pub struct Session {
    hook: Hook,
}

/// Takes the terminal: raw mode, alternate screen, bracketed paste, no cursor. A panic anywhere in the process gives it
/// back and cancels `stop`, so that nobody draws on it any more.
///
/// # Errors
/// When standard output is no terminal, or one that cannot move its cursor (`term` is the value of `TERM`).
pub fn enter(term: Option<OsString>, stop: CancellationToken) -> Result<(Session, Screen), TuiError> {
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
    enable_raw_mode().map_err(TuiError::while_doing("put the terminal into raw mode"))?;
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)
        .map_err(TuiError::while_doing("take the screen of the terminal"))?;
    let terminal = Terminal::new(CrosstermBackend::new(Fenced::new(io::stdout())))
        .map_err(TuiError::while_doing("learn the size of the terminal"))?;
    Ok((session, terminal))
}

impl Session {
    /// From here on a panic gives the terminal back before it is reported.
    fn begin(stop: CancellationToken) -> Self {
        TAKEN.store(true, Ordering::SeqCst);
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

/// Gives the terminal back, once. Errors are of no use here: there may be no terminal left to tell.
fn leave() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut bytes = END.to_vec();
    let restored = queue!(bytes, SetAttribute(Attribute::Reset), DisableBracketedPaste, LeaveAlternateScreen, Show);
    let mut stdout = io::stdout();
    if restored.and_then(|()| stdout.write_all(&bytes)).and_then(|()| stdout.flush()).is_err() {
        tracing::debug!("the terminal is gone");
    }
    if let Err(error) = disable_raw_mode() {
        tracing::debug!(%error, "the terminal's mode cannot be restored");
    }
}
