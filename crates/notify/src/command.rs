//! Commands: a program of the operator's own, which gets the event on its standard input.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command as Program;
use tokio::time::timeout;

use crate::channels::Outgoing;
use crate::failure::{Failure, words};
use crate::settings::Command as Settings;

/// Bytes of what a program says that are kept.
const SAID: u64 = 4096;

/// A program that is run once a message.
pub(crate) struct Command {
    name: String,
    words: Vec<String>,
    limit: Duration,
}

impl Command {
    pub(crate) fn open(settings: &Settings) -> Self {
        Self { name: settings.name.clone(), words: settings.command.clone(), limit: settings.limit() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How long one message may take.
    pub(crate) const fn limit(&self) -> Duration {
        self.limit
    }

    /// Runs the program without a shell, with the event as JSON on its standard input. What it says is the answer.
    ///
    /// # Errors
    /// When it cannot be run, fails, or takes too long and is killed.
    pub(crate) async fn send(&self, outgoing: &Outgoing<'_>) -> Result<String, Failure> {
        let [program, arguments @ ..] = self.words.as_slice() else {
            return Err(Failure::Channel("there is no program to run".to_owned()));
        };
        let mut command = Program::new(program);
        command.args(arguments).env("METE_MESSAGE_ID", outgoing.id).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().map_err(|error| Failure::Channel(format!("{program} cannot be run: {error}")))?;
        let input = outgoing.told.event.to_string();
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let write = async {
            if let Some(mut stdin) = stdin {
                // A program that does not read what it is told is free not to.
                let _ = stdin.write_all(input.as_bytes()).await;
            }
        };
        let running = async { tokio::join!(write, said(stdout), said(stderr), child.wait()) };
        let Ok(((), stdout, stderr, status)) = timeout(self.limit, running).await else {
            // Waits until it is gone: never do two run at once.
            let _ = child.kill().await;
            return Err(Failure::Later(format!("it did not end within {:?} and was killed", self.limit)));
        };
        match status {
            Ok(status) if status.success() => Ok(words(&format!("{status} {stdout}"))),
            Ok(status) => Err(Failure::Later(words(&format!("{status} {stderr}")))),
            Err(error) => Err(Failure::Channel(error.to_string())),
        }
    }
}

/// The beginning of what a program writes; the rest is read as well, so that it can go on.
async fn said(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else { return String::new() };
    let mut text = Vec::new();
    let mut beginning = (&mut stream).take(SAID);
    // What cannot be read is as if it had not been said.
    let _ = beginning.read_to_end(&mut text).await;
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&text).into_owned()
}
