//! Programs on a terminal of their own, as a person sees them.

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::termios::LocalModes;

use crate::bench::Stopwatch;
use crate::wait;

/// How long a screen may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Around what is drawn as a whole.
const SYNCHRONIZED: (&[u8], &[u8]) = (b"\x1b[?2026h", b"\x1b[?2026l");

struct Seen {
    screen: vt100::Parser,
    bytes: Vec<u8>,
    /// When how many bytes had been written, since the start.
    arrivals: Vec<(Duration, usize)>,
    /// How many of the bytes stand on the screen.
    shown: usize,
}

impl Seen {
    fn new(rows: NonZero<u16>, columns: NonZero<u16>) -> Self {
        let screen = vt100::Parser::new(rows, columns, 0);
        Self { screen, bytes: Vec::new(), arrivals: Vec::new(), shown: 0 }
    }

    /// Takes what was written. It is looked at when somebody wants to see it: a program's time is not the screen's.
    fn take(&mut self, written: &[u8], at: Duration) {
        self.bytes.extend_from_slice(written);
        self.arrivals.push((at, self.bytes.len()));
    }

    /// The screen now. Like a terminal, it shows an update that is synchronized when it is whole.
    fn screen(&mut self) -> &mut vt100::Screen {
        let waiting = &self.bytes[self.shown..];
        let last = |mark: &[u8]| waiting.windows(mark.len()).rposition(|window| window == mark);
        let whole = match (last(SYNCHRONIZED.0), last(SYNCHRONIZED.1)) {
            (Some(begun), ended) if ended.is_none_or(|ended| ended < begun) => begun,
            // what may be the beginning of the mark waits as well
            _ => {
                let torn = |length: &usize| waiting.ends_with(&SYNCHRONIZED.0[..*length]);
                waiting.len() - (1..SYNCHRONIZED.0.len()).rev().find(torn).unwrap_or(0)
            }
        };
        self.screen.process(&waiting[..whole]);
        self.shown += whole;
        self.screen.screen_mut()
    }
}

/// A program on a pseudo-terminal. Killed when dropped.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    seen: Arc<Mutex<Seen>>,
    started: Stopwatch,
    reading: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Starts `command` on a terminal of `columns` by `rows` cells, of 256 colours and UTF-8, whatever the tester's is. Its
    /// environment is taken over: what it sets or removes goes before that.
    ///
    /// # Errors
    /// When there is no pseudo-terminal, or the program does not start.
    pub fn start(command: &Command, (columns, rows): (u16, u16)) -> Result<Self> {
        let (columns, rows) = NonZero::new(columns).zip(NonZero::new(rows)).context("a terminal without cells")?;
        let size = PtySize { rows: rows.get(), cols: columns.get(), pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size)?;
        let mut builder = CommandBuilder::new(command.get_program());
        builder.args(command.get_args());
        for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("METE_TUI_CONFIG", "/dev/null")] {
            builder.env(name, value);
        }
        for name in ["LC_ALL", "LC_CTYPE", "NO_COLOR", "COLORTERM", "COLORFGBG", "TMUX"] {
            builder.env_remove(name);
        }
        builder.cwd(command.get_current_dir().unwrap_or(Path::new("/")));
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => builder.env(name, value),
                None => builder.env_remove(name),
            }
        }
        let started = Stopwatch::start();
        let child = pair.slave.spawn_command(builder)?;
        drop(pair.slave);
        let seen = Arc::new(Mutex::new(Seen::new(rows, columns)));
        let (mut output, shared) = (pair.master.try_clone_reader()?, Arc::clone(&seen));
        let reading = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                let at = started.elapsed();
                shared.lock().unwrap_or_else(PoisonError::into_inner).take(&bytes[..read], at);
            }
        });
        let writer = pair.master.take_writer()?;
        Ok(Self { child, master: pair.master, writer, seen, started, reading: Some(reading) })
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The program's process.
    ///
    /// # Errors
    /// When it is gone.
    pub fn id(&self) -> Result<u32> {
        self.child.process_id().context("no process")
    }

    /// How long ago it was started.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// How long after its start it wrote something last.
    #[must_use]
    pub fn last_written(&self) -> Option<Duration> {
        self.seen().arrivals.last().map(|arrival| arrival.0)
    }

    /// What stands on the screen, line by line.
    #[must_use]
    pub fn screen(&self) -> String {
        self.seen().screen().contents()
    }

    /// How long after its start `text` stood on the screen for the first time; nothing if it never did. The screen has to
    /// have the size that it began with.
    #[must_use]
    pub fn shown_first(&self, text: &str) -> Option<Duration> {
        let seen = self.seen();
        let (rows, columns) = seen.screen.screen().size();
        let (mut again, mut from) = (Seen::new(rows, columns), 0);
        seen.arrivals.iter().find_map(|(at, until)| {
            again.take(&seen.bytes[from..*until], *at);
            from = *until;
            again.screen().contents().contains(text).then_some(*at)
        })
    }

    /// Whether the program shows its own screen in place of the shell's, and whether the cursor is hidden.
    #[must_use]
    pub fn modes(&self) -> (bool, bool) {
        let mut seen = self.seen();
        let screen = seen.screen();
        (screen.alternate_screen(), screen.hide_cursor())
    }

    /// What is not as the shell left it and will want it back: screen, cursor, pasting, mouse, echo, line by line.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn disorder(&self) -> Result<Vec<&'static str>> {
        let local = self.local_modes()?;
        let mut seen = self.seen();
        let screen = seen.screen();
        let found = [
            (screen.alternate_screen(), "another screen"),
            (screen.hide_cursor(), "no cursor"),
            (screen.bracketed_paste(), "pasted text in brackets"),
            (screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None, "a mouse that is reported"),
            (!local.contains(LocalModes::ECHO), "no echo"),
            (!local.contains(LocalModes::ICANON), "no lines"),
            (!local.contains(LocalModes::ISIG), "no signals from keys"),
        ];
        Ok(found.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect())
    }

    /// Makes the terminal larger or smaller, which the program is told.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn resize(&self, (columns, rows): (u16, u16)) -> Result<()> {
        let (columns, rows) = NonZero::new(columns).zip(NonZero::new(rows)).context("a terminal without cells")?;
        self.seen().screen().set_size(rows, columns);
        self.master.resize(PtySize { rows: rows.get(), cols: columns.get(), pixel_width: 0, pixel_height: 0 })
    }

    /// All bytes that the program wrote.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.seen().bytes.clone()
    }

    /// Whether the terminal echoes what is typed, as a shell's does and a full-screen program's does not.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn echoes(&self) -> Result<bool> {
        Ok(self.local_modes()?.contains(LocalModes::ECHO))
    }

    fn local_modes(&self) -> Result<LocalModes> {
        let name = self.master.tty_name().context("a terminal without a name")?;
        let terminal = std::fs::File::open(&name).with_context(|| name.display().to_string())?;
        Ok(rustix::termios::tcgetattr(&terminal)?.local_modes)
    }

    /// Types keys.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn keys(&mut self, keys: &str) -> Result<()> {
        self.writer.write_all(keys.as_bytes())?;
        Ok(self.writer.flush()?)
    }

    /// Waits until `text` stands on the screen.
    ///
    /// # Errors
    /// When it does not come; shows the screen.
    pub fn wait_for(&self, text: &str) -> Result<()> {
        wait::until(text, PATIENCE, || self.screen().contains(text).then_some(())).with_context(|| self.screen())
    }

    /// Waits until `text` is gone from the screen.
    ///
    /// # Errors
    /// When it stays; shows the screen.
    pub fn wait_until_gone(&self, text: &str) -> Result<()> {
        let gone = || (!self.screen().contains(text)).then_some(());
        wait::until(&format!("{text:?} to go"), PATIENCE, gone).with_context(|| self.screen())
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When the program is gone.
    pub fn signal(&self, signal: rustix::process::Signal) -> Result<()> {
        let id = rustix::process::Pid::from_raw(i32::try_from(self.id()?)?).context("no process")?;
        Ok(rustix::process::kill_process(id, signal)?)
    }

    /// Waits until the program has ended.
    ///
    /// # Errors
    /// When it does not end.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        let child = &mut self.child;
        let status = wait::until("the program to end", PATIENCE, || child.try_wait().ok().flatten())?;
        // The reader ends with the last byte.
        if let Some(reading) = self.reading.take() {
            reading.join().map_err(|_| anyhow!("the terminal's reader failed"))?;
        }
        Ok(status)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_frame_is_never_seen() -> Result<()> {
        let (rows, columns) = NonZero::new(2).zip(NonZero::new(20)).context("cells")?;
        let mut seen = Seen::new(rows, columns);
        let written = b"a\x1b[?2026hbc\x1b[?2026ld\x1b[?2026he";
        let mut screens = Vec::new();
        for byte in written {
            seen.take(&[*byte], Duration::ZERO);
            screens.push(seen.screen().contents());
        }
        screens.dedup();
        assert_eq!(screens, ["a", "abc", "abcd"]);
        assert_eq!(seen.bytes, written);
        Ok(())
    }
}
