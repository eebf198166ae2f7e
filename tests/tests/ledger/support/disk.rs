//! A small disk of its own, which nobody else sees.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use mete_tests::Process;
use mete_tests::meted::LIMIT;

/// Mounts a tmpfs on a folder, says so, and holds it until its input ends.
const HOLD: &str = r#"mount -t tmpfs -o "size=$1,mode=0700" mete "$2" && echo mounted && exec cat"#;

/// A tmpfs in a mount namespace, which is gone with the process that holds it. Whoever is not root gets a user namespace
/// around it.
pub struct Disk {
    holder: Process,
    path: PathBuf,
    enter: &'static [&'static str],
}

impl Disk {
    /// Mounts one of `megabytes` on the folder `path`, which is made.
    ///
    /// # Errors
    /// When this machine allows neither way; the error has its words.
    pub fn mount(path: &Path, megabytes: u32) -> Result<Self> {
        fs::create_dir(path)?;
        let ways: [(&[&str], &'static [&'static str]); 2] = [
            (&["--mount"], &["--mount"]),
            (&["--mount", "--map-root-user"], &["--mount", "--user", "--preserve-credentials"]),
        ];
        let mut refusals = Vec::new();
        for (unshare, enter) in ways {
            let mut command = Command::new("unshare");
            command.args(unshare).args(["sh", "-c", HOLD, "sh", &format!("{megabytes}m")]).arg(path);
            let mut holder = Process::start(command.stdin(Stdio::piped()))?;
            let over = |line: &str| line == "mounted" || line.contains("failed") || line.contains("mount:");
            match holder.wait_for_line(LIMIT, over) {
                Ok(line) if line == "mounted" => return Ok(Self { holder, path: path.to_owned(), enter }),
                Ok(line) => refusals.push(line),
                Err(error) => refusals.push(error.to_string()),
            }
            holder.kill()?;
        }
        bail!("this test needs a tmpfs: root's right to mount, or user namespaces. This machine says: {refusals:?}")
    }

    /// The same program, where the disk is seen.
    pub fn beside(&self, command: &Command) -> Command {
        let mut entering = Command::new("nsenter");
        entering.args(self.enter).args(["--target", &self.holder.id().to_string(), "--"]);
        entering.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => entering.env(name, value),
                None => entering.env_remove(name),
            };
        }
        entering
    }

    /// Fills it to the last byte.
    ///
    /// # Errors
    /// When anything but the end of the space stops it.
    pub fn fill(&self) -> Result<()> {
        let mut ballast = File::options().append(true).create(true).open(self.ballast())?;
        let block = [0; 4096];
        loop {
            match ballast.write_all(&block) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error).context("cannot fill the disk"),
            }
        }
    }

    /// Makes room again.
    ///
    /// # Errors
    /// When it was not filled.
    pub fn make_room(&self) -> Result<()> {
        Ok(fs::remove_file(self.ballast())?)
    }

    /// As it is seen from here.
    fn ballast(&self) -> PathBuf {
        let path = self.path.strip_prefix("/").unwrap_or(&self.path);
        Path::new("/proc").join(self.holder.id().to_string()).join("root").join(path).join("ballast")
    }
}
