//! Programs on a terminal of their own, as a person sees them.

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

use crate::wait;

/// How long a screen may take.
const PATIENCE: Duration = Duration::from_secs(20);

struct Seen {
    screen: vt100::Parser,
    bytes: Vec<u8>,
}

/// A program on a pseudo-terminal. Killed when dropped.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    seen: Arc<Mutex<Seen>>,
    reading: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Starts `command` on a terminal of `columns` by `rows` cells. Its environment is taken over, `TERM` is set.
    ///
    /// # Errors
    /// When there is no pseudo-terminal, or the program does not start.
    pub fn start(command: &Command, (columns, rows): (u16, u16)) -> Result<Self> {
        let (columns, rows) = NonZero::new(columns).zip(NonZero::new(rows)).context("a terminal without cells")?;
        let size = PtySize { rows: rows.get(), cols: columns.get(), pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size)?;
        let mut builder = CommandBuilder::new(command.get_program());
        builder.args(command.get_args());
        builder.cwd(command.get_current_dir().unwrap_or(Path::new("/")));
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => builder.env(name, value),
                None => builder.env_remove(name),
            }
        }
        builder.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(builder)?;
        drop(pair.slave);
        let seen = Arc::new(Mutex::new(Seen { screen: vt100::Parser::new(rows, columns, 0), bytes: Vec::new() }));
        let (mut output, shared) = (pair.master.try_clone_reader()?, Arc::clone(&seen));
        let reading = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                let mut seen = shared.lock().unwrap_or_else(PoisonError::into_inner);
                seen.screen.process(&bytes[..read]);
                seen.bytes.extend_from_slice(&bytes[..read]);
            }
        });
        let writer = pair.master.take_writer()?;
        Ok(Self { child, master: pair.master, writer, seen, reading: Some(reading) })
    }

    /// What stands on the screen, line by line.
    #[must_use]
    pub fn screen(&self) -> String {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).screen.screen().contents()
    }

    /// Whether the program shows its own screen in place of the shell's, and whether the cursor is hidden.
    #[must_use]
    pub fn modes(&self) -> (bool, bool) {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        (seen.screen.screen().alternate_screen(), seen.screen.screen().hide_cursor())
    }

    /// All bytes that the program wrote.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).bytes.clone()
    }

    /// Whether the terminal echoes what is typed, as a shell's does and a full-screen program's does not.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn echoes(&self) -> Result<bool> {
        let name = self.master.tty_name().context("a terminal without a name")?;
        let terminal = std::fs::File::open(&name).with_context(|| name.display().to_string())?;
        Ok(rustix::termios::tcgetattr(&terminal)?.local_modes.contains(rustix::termios::LocalModes::ECHO))
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
        let id = self.child.process_id().and_then(|id| i32::try_from(id).ok()).context("no process")?;
        let id = rustix::process::Pid::from_raw(id).context("no process")?;
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
