//! The list of refused keys as a file, for gateways that cannot ask, and the command that tells them of a change.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mete_api::RefusedList;
use tokio::process::Command;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::config::Refused;

/// How often it is looked whether the list changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The file tells no secrets, and gateways run as other users: who may read it is up to its folder.
const MODE: u32 = 0o644;

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
enum HookError {
    #[error("it cannot be run: {0}")]
    Run(#[from] io::Error),
    #[error("it failed: {0}")]
    Failed(ExitStatus),
    #[error("it did not end within {0:?} and was killed")]
    TooLong(Duration),
}

/// Keeps the file as the list is, and runs the command after each change and once at the start, until `stop`. A command
/// under way is waited for: never do two run at once.
pub(crate) async fn keep_file(list: Arc<RefusedList>, settings: Refused, stop: CancellationToken) {
    let Some(file) = settings.file.clone() else { return };
    let mut keeper = Keeper { file, written: None, trouble: None };
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = looks.tick() => {}
        }
        if keeper.look(&list).await
            && let [program, arguments @ ..] = settings.command.as_slice()
            && let Err(error) = run(program, arguments, settings.limit()).await
        {
            tracing::error!(program, %error, "the command of [refused] failed; it is run again at the next change");
        }
    }
}

struct Keeper {
    file: PathBuf,
    /// The entity tag of what is in the file.
    written: Option<Vec<u8>>,
    /// What was wrong at the last look: told once.
    trouble: Option<String>,
}

impl Keeper {
    /// Writes the file if the list is another one; tells whether it did.
    async fn look(&mut self, list: &Arc<RefusedList>) -> bool {
        let (list, file, written) = (Arc::clone(list), self.file.clone(), self.written.clone());
        let outcome = spawn_blocking(move || {
            let listing = list.text();
            if written.as_deref() == Some(listing.etag.as_bytes()) {
                return Ok(None);
            }
            replace(&file, &listing.body).map(|()| Some(listing.etag.as_bytes().to_vec()))
        });
        match outcome.await.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(None) => false,
            Ok(etag) => {
                tracing::debug!(file = %self.file.display(), "the list of refused keys was written");
                (self.written, self.trouble) = (etag, None);
                true
            }
            Err(error) => {
                let trouble = error.to_string();
                if self.trouble.as_ref() != Some(&trouble) {
                    let file = self.file.display();
                    tracing::error!(%file, error = trouble, "cannot write the list of refused keys; trying again");
                    self.trouble = Some(trouble);
                }
                false
            }
        }
    }
}

/// Puts `body` in place of the file at once: whoever reads it has the old list or the new one, also after a power
/// failure.
fn replace(file: &Path, body: &Bytes) -> io::Result<()> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = file.with_file_name(name);
    // What an earlier try left behind; and never what somebody else put there.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut written = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&new)?;
    written.write_all(body)?;
    written.sync_all()?;
    fs::rename(&new, file)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Runs a program without a shell. What it says on standard error goes where the daemon's goes.
async fn run(program: &str, arguments: &[String], limit: Duration) -> Result<(), HookError> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let Ok(status) = timeout(limit, child.wait()).await else {
        child.kill().await?;
        return Err(HookError::TooLong(limit));
    };
    match status? {
        status if status.success() => Ok(()),
        status => Err(HookError::Failed(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_whatever_was_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("refused.txt");
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "mine").unwrap();
        std::os::unix::fs::symlink(&elsewhere, folder.path().join("refused.txt.new")).unwrap();
        for body in ["one\ntwo\n", "three\n", ""] {
            replace(&file, &Bytes::from_static(body.as_bytes())).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), body);
        }
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "mine");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left behind");
        assert!(replace(&folder.path().join("no/where.txt"), &Bytes::new()).is_err());
    }

    #[tokio::test]
    async fn a_command_is_run_without_a_shell_and_killed_if_it_takes_too_long() {
        let long = Duration::from_secs(60);
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("a $(b) ; c");
        run("touch", &[odd.to_string_lossy().into_owned()], long).await.unwrap();
        assert!(odd.exists());
        assert!(matches!(run("false", &[], long).await, Err(HookError::Failed(_))));
        assert!(matches!(run("/no/such/program", &[], long).await, Err(HookError::Run(_))));
        let endless = run("sleep", &["600".to_owned()], Duration::from_millis(50)).await;
        assert!(matches!(endless, Err(HookError::TooLong(_))));
    }
}
