//! Being told of changes.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};

use notify::Watcher;

use super::LOOK;

/// Tells when something happens in folders, where the file system can tell.
pub(super) struct Watch {
    watcher: Option<notify::RecommendedWatcher>,
    folders: Vec<PathBuf>,
}

impl Watch {
    pub(super) fn new(wake: SyncSender<()>) -> Self {
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Our own looking into the folder is told as well; answering that would never end.
            if event.is_ok_and(|event| event.kind.is_access()) {
                return;
            }
            // Full means that a wake-up is under way.
            let _ = wake.try_send(());
        });
        let watcher = watcher
            .inspect_err(|error| tracing::warn!(%error, "no change notification; files are looked at every {LOOK:?}"))
            .ok();
        Self { watcher, folders: Vec::new() }
    }

    pub(super) fn on(&mut self, folders: Vec<PathBuf>) {
        let Some(watcher) = &mut self.watcher else { return };
        for folder in folders {
            if self.folders.contains(&folder) || !folder.is_dir() {
                continue;
            }
            match watcher.watch(&folder, notify::RecursiveMode::NonRecursive) {
                Ok(()) => self.folders.push(folder),
                Err(error) => {
                    tracing::debug!(folder = %folder.display(), %error, "no change notification for the folder");
                }
            }
        }
    }
}

/// The folders in which changes matter: those of the files, and the one in which the pattern begins.
pub(super) fn folders(pattern: &str, paths: &[PathBuf]) -> Vec<PathBuf> {
    let folder = |path: &Path| match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => PathBuf::from("/"),
    };
    let plain: PathBuf = Path::new(pattern)
        .components()
        .take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']))
        .collect();
    let base = if plain == Path::new(pattern) { folder(&plain) } else { plain };
    let mut folders: Vec<PathBuf> = paths.iter().map(|path| folder(path)).chain([base]).collect();
    folders.sort();
    folders.dedup();
    folders
}

/// Waits for a change, or a while.
pub(super) fn wait(woken: &Receiver<()>) {
    match woken.recv_timeout(LOOK) {
        Ok(()) | Err(RecvTimeoutError::Timeout) => {}
        // Without a watcher there is no sender: the pause alone paces the looks.
        Err(RecvTimeoutError::Disconnected) => std::thread::sleep(LOOK),
    }
}
