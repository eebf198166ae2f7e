//! Mete's own programs, started as a user would.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::wait::{self, Deadline};

/// The path of `mete`, handed down by `cargo xtask test`.
pub const METE_VARIABLE: &str = "METE_BIN";
/// The path of `meted`.
pub const METED_VARIABLE: &str = "METED_BIN";

/// A command that starts `mete`.
///
/// # Errors
/// When the program has to be built first and that fails.
pub fn mete() -> Result<Command> {
    command("mete", METE_VARIABLE)
}

/// A command that starts `meted`.
///
/// # Errors
/// When the program has to be built first and that fails.
pub fn meted() -> Result<Command> {
    command("meted", METED_VARIABLE)
}

fn command(name: &str, variable: &str) -> Result<Command> {
    let path = match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => built()?.get(name).cloned().with_context(|| format!("cargo built no `{name}`"))?,
    };
    let mut command = Command::new(path);
    // The tester's own settings are not part of the test.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("METE")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    Ok(command)
}

/// Builds the programs, once per process; by name.
fn built() -> Result<&'static HashMap<String, PathBuf>> {
    static BUILT: OnceLock<Result<HashMap<String, PathBuf>, String>> = OnceLock::new();
    BUILT
        .get_or_init(|| build().map_err(|error| format!("{error:#}")))
        .as_ref()
        .map_err(|error| anyhow::anyhow!("{error}"))
}

/// Builds Mete's programs in the profile of the tests and returns their paths by name.
///
/// The tests are built along: cargo then resolves the same features as for `cargo test --workspace` and compiles
/// nothing twice.
///
/// # Errors
/// When the build fails; the compiler's words are on standard error.
pub fn build() -> Result<HashMap<String, PathBuf>> {
    let mut command = cargo();
    command.args(["build", "--workspace", "--lib", "--bins", "--tests", "--message-format=json-render-diagnostics"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!("the workspace does not build ({})", output.status);
    }
    let messages = String::from_utf8(output.stdout).context("cargo's messages are not UTF-8")?;
    Ok(messages.lines().filter_map(program).collect())
}

/// A command that starts cargo in the workspace as a shell would.
///
/// What an outer cargo tells the program that it runs (`CARGO_MANIFEST_DIR`, `CARGO_PKG_NAME` …) is taken away: build
/// scripts such as ring's watch these variables, and half the tree would be compiled again and again.
#[must_use]
pub fn cargo() -> Command {
    let told = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_", "CARGO_TARGET_TMPDIR"];
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace()).env_remove("CARGO").env_remove("OUT_DIR");
    for (name, _) in std::env::vars_os() {
        if told.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command
}

/// Name and path of the program that a message of cargo is about, if it is about one that is no test.
fn program(message: &str) -> Option<(String, PathBuf)> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    if message["profile"]["test"] != false {
        return None;
    }
    Some((message["target"]["name"].as_str()?.to_owned(), message["executable"].as_str()?.into()))
}

/// The root of Mete's source tree.
#[must_use]
pub fn workspace() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}

/// What a program that has ended left.
#[derive(Debug)]
pub struct Run {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Run {
    /// Runs `command` to its end.
    ///
    /// # Errors
    /// When it cannot be started or does not speak UTF-8; a bad exit status is no error.
    pub fn of(command: &mut Command) -> Result<Self> {
        let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
        Ok(Self {
            status: output.status,
            stdout: String::from_utf8(output.stdout).context("standard output is not UTF-8")?,
            stderr: String::from_utf8(output.stderr).context("standard error is not UTF-8")?,
        })
    }

    /// Its standard output as JSON.
    ///
    /// # Errors
    /// When it failed or what it wrote is no JSON; the error shows all of it.
    pub fn json(&self) -> Result<serde_json::Value> {
        if !self.status.success() {
            bail!("{self:?}");
        }
        serde_json::from_str(&self.stdout).with_context(|| format!("no JSON: {self:?}"))
    }
}

/// A program that is running. Its output is collected; a drop kills it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    output: Arc<Collected>,
}

/// What a program writes, while it does.
#[derive(Debug, Default)]
struct Collected {
    written: Mutex<Written>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Written {
    /// The lines of both outputs, in the order in which they came.
    lines: Vec<String>,
    /// How many of the outputs may still bring some.
    open: usize,
}

impl Collected {
    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    /// Starts `command`, with its standard input as the command says.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Result<Self> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let output = Arc::new(Collected::default());
        if let Some(stdout) = child.stdout.take() {
            collect(stdout, Arc::clone(&output));
        }
        if let Some(stderr) = child.stderr.take() {
            collect(stderr, Arc::clone(&output));
        }
        Ok(Self { child, output })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard input, once, if the command gave it a pipe.
    pub fn stdin(&mut self) -> Option<std::process::ChildStdin> {
        self.child.stdin.take()
    }

    /// All that it has written until now, both outputs, line by line.
    #[must_use]
    pub fn output(&self) -> String {
        self.output.written().lines.join("\n")
    }

    /// The first line of output, old or new, that `wanted` holds of.
    ///
    /// # Errors
    /// When the program ends without one, or `limit` passes; the error shows the whole output.
    pub fn wait_for_line(&self, limit: Duration, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let deadline = Deadline::after(limit);
        let mut seen = 0;
        let mut written = self.output.written();
        loop {
            if let Some(line) = written.lines[seen..].iter().find(|line| wanted(line)) {
                return Ok(line.clone());
            }
            seen = written.lines.len();
            if written.open == 0 {
                bail!("the program ended without the line; the output was:\n{}", written.lines.join("\n"));
            }
            let left = deadline.left();
            if left.is_zero() {
                bail!("the line did not come within {limit:?}; the output was:\n{}", written.lines.join("\n"));
            }
            written = self.output.more.wait_timeout(written, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Sends it `signal`, such as `Signal::TERM` or `Signal::HUP`.
    ///
    /// # Errors
    /// When it has ended and been waited for.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("no process id")?;
        kill_process(id, signal).context("cannot signal")
    }

    /// Kills it with SIGKILL and waits until it is gone.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.child.kill()?;
        Ok(self.child.wait()?)
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When it still runs after `limit`; the error shows its output.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let child = &mut self.child;
        let ended = wait::until("the end of the program", limit, || child.try_wait().transpose());
        ended.with_context(|| format!("the output was:\n{}", self.output()))?.context("cannot wait")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.kill();
    }
}

/// Reads `stream` line by line until it ends, in a thread: it must never fill up.
fn collect(stream: impl Read + Send + 'static, into: Arc<Collected>) {
    into.written().open += 1;
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            into.written().lines.push(String::from_utf8_lossy(&line).into_owned());
            into.more.notify_all();
        }
        into.written().open -= 1;
        into.more.notify_all();
    });
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    #[test]
    fn programs_are_told_from_tests_and_libraries() {
        let message = |test: bool, executable: &str| {
            format!(r#"{{"target":{{"name":"mete"}},"profile":{{"test":{test}}},"executable":{executable}}}"#)
        };
        assert_eq!(program(&message(false, r#""/t/mete""#)), Some(("mete".to_owned(), PathBuf::from("/t/mete"))));
        assert_eq!(program(&message(true, r#""/t/deps/mete-1""#)), None);
        assert_eq!(program(&message(false, "null")), None);
        assert_eq!(program(r#"{"reason":"build-finished","success":true}"#), None);
    }

    #[test]
    fn lines_are_waited_for_on_both_outputs() {
        let mut process = Process::start(
            Command::new("sh").args(["-c", "read x; echo out $x; echo err >&2; exec sleep 60"]).stdin(Stdio::piped()),
        )
        .unwrap();
        process.stdin().unwrap().write_all(b"put\n").unwrap();
        assert_eq!(process.wait_for_line(LIMIT, |line| line.starts_with("out")).unwrap(), "out put");
        process.wait_for_line(LIMIT, |line| line == "err").unwrap();
        let error = process.wait_for_line(Duration::from_millis(20), |line| line == "never").unwrap_err();
        assert!(error.to_string().contains("out put"), "{error}");
        assert!(!process.kill().unwrap().success());
    }

    #[test]
    fn a_line_is_not_waited_for_once_the_program_has_ended() {
        let process = Process::start(Command::new("sh").args(["-c", "echo up; echo why >&2; exit 1"])).unwrap();
        let error = process.wait_for_line(Duration::from_secs(86_400), |line| line == "never").unwrap_err().to_string();
        assert!(error.contains("ended without") && error.contains("why") && error.contains("up"), "{error}");
    }

    #[test]
    fn an_end_is_waited_for() {
        let mut process = Process::start(
            Command::new("sh").args(["-c", "trap 'exit 3' TERM; echo up; while :; do sleep 0.05; done"]),
        )
        .unwrap();
        process.wait_for_line(LIMIT, |line| line == "up").unwrap();
        assert!(process.wait(Duration::from_millis(20)).is_err());
        process.signal(Signal::TERM).unwrap();
        assert_eq!(process.wait(LIMIT).unwrap().code(), Some(3));
    }
}
