//! Programs in Python: the real SDKs that send usage to Mete, and what it is compared with, from their package index.
//!
//! An environment of such packages is made under the target folder, once, and again when its list of requirements or the
//! interpreter changes. pip gets the packages as it is configured on this machine.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::process::workspace;

/// What an interpreter has to bring along: the packages want this version, and an environment these modules. It says
/// which one it is.
const PROBE: &str = "
import ensurepip, sys, venv
assert sys.version_info >= (3, 11)
print(sys.executable, sys.version.replace('\\n', ' '))
";
/// Written last: what an environment was made of.
const MARK: &str = "made-of.txt";

/// A Python that can make environments.
#[derive(Clone, Debug)]
pub struct Interpreter {
    program: PathBuf,
    /// Path and version, in one line.
    identity: String,
}

/// Packages, and an interpreter that has them.
#[derive(Clone, Debug)]
pub struct Environment {
    folder: PathBuf,
}

impl Environment {
    /// The environment of what `tests/python/NAME.txt` lists: made now, which takes a minute, unless an earlier run did.
    ///
    /// # Errors
    /// When there is no Python, or pip cannot get the packages; the error has pip's own words.
    pub fn named(name: &str) -> Result<Self> {
        let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        let folder = workspace().join(target).join(format!("python-{name}"));
        prepare(&interpreter()?, &folder, &workspace().join(format!("tests/python/{name}.txt")))
    }

    /// The path of its interpreter.
    #[must_use]
    pub fn interpreter(&self) -> PathBuf {
        self.folder.join("bin/python")
    }

    /// A command that runs `script` of `tests/python`, with nothing of the tester's own settings but the path.
    #[must_use]
    pub fn program(&self, script: &str) -> Command {
        let mut command = Command::new(self.interpreter());
        command.arg(workspace().join("tests/python").join(script)).env_clear().stdin(Stdio::null());
        command.env("PATH", env::var_os("PATH").unwrap_or_default()).env("LANG", "C.UTF-8");
        // What is asked is on this machine, and nothing is to lie about in the source tree.
        command.env("NO_PROXY", "*").env("PYTHONDONTWRITEBYTECODE", "1");
        // In seconds: an exporter that is refused goes on trying for as long, also on a busy machine.
        command.env("OTEL_EXPORTER_OTLP_TIMEOUT", "120");
        command
    }
}

/// The first Python that will do: on the path, or the distribution's.
///
/// # Errors
/// When there is none; the error says how to get it.
pub fn interpreter() -> Result<Interpreter> {
    let found = ["python3", "/usr/bin/python3"].iter().find_map(|program| probe(Path::new(program)));
    found.context("no Python of at least 3.11 that can make environments (`python3 -m venv`); run `cargo xtask test`, which installs it, or install your distribution's package `python3-venv`")
}

fn probe(program: &Path) -> Option<Interpreter> {
    let output = Command::new(program).args(["-c", PROBE]).stdin(Stdio::null()).output().ok()?;
    let identity = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    output.status.success().then(|| Interpreter { program: program.to_owned(), identity })
}

/// Makes `folder` an environment with `requirements`, unless it is one; others wait meanwhile.
fn prepare(interpreter: &Interpreter, folder: &Path, requirements: &Path) -> Result<Environment> {
    let list = fs::read_to_string(requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    let made_of = format!("{}\n{list}", interpreter.identity);
    let environment = Environment { folder: folder.to_owned() };
    // Unlocked when it is closed.
    let lock = File::create(folder.with_extension("lock")).with_context(|| format!("beside {}", folder.display()))?;
    lock.lock().context("cannot lock the environment")?;
    if fs::read_to_string(folder.join(MARK)).is_ok_and(|text| text == made_of) {
        return Ok(environment);
    }
    let make = run(Command::new(&interpreter.program).args(["-m", "venv", "--clear"]).arg(folder));
    make.with_context(|| format!("cannot make a Python environment in {}", folder.display()))?;
    // Wheels only: nothing of a package runs before a test wants it, and nothing is compiled.
    let mut pip = Command::new(environment.interpreter());
    pip.args(["-m", "pip", "install", "--no-input", "--quiet", "--only-binary=:all:", "--requirement"]);
    run(pip.arg(requirements)).with_context(|| {
        let file = requirements.display();
        format!("pip cannot install what {file} lists; it needs a package index, or a configuration that names one")
    })?;
    fs::write(folder.join(MARK), made_of).context("cannot mark the environment as made")?;
    Ok(environment)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {command:?}"))?;
    let Output { status, stdout, stderr } = &output;
    if !status.success() {
        bail!("{status}: {} {}", String::from_utf8_lossy(stdout).trim(), String::from_utf8_lossy(stderr).trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    /// Which file the environment's interpreter is: another one after it was made anew.
    fn inode(environment: &Environment) -> u64 {
        fs::symlink_metadata(environment.interpreter()).unwrap().ino()
    }

    #[test]
    fn an_environment_is_made_once_until_the_requirements_change() {
        let folder = tempfile::tempdir().unwrap();
        let (requirements, place) = (folder.path().join("requirements.txt"), folder.path().join("python"));
        let interpreter = interpreter().unwrap();
        let make = || prepare(&interpreter, &place, &requirements);
        fs::write(&requirements, "# nothing\n").unwrap();
        let made = make().unwrap();
        let first = inode(&made);
        assert!(Command::new(made.interpreter()).args(["-c", "import pip"]).status().unwrap().success());
        assert_eq!(inode(&make().unwrap()), first);

        fs::write(&requirements, "mete-no-such-package @ file:///no/such/wheel-1-py3-none-any.whl\n").unwrap();
        let error = format!("{:#}", make().unwrap_err());
        assert!(error.contains("pip cannot install") && error.contains("no/such/wheel"), "{error}");
        // What failed is not taken for made.
        assert!(make().is_err());
        fs::write(&requirements, "# nothing\n").unwrap();
        make().unwrap();
    }

    #[test]
    fn what_is_no_such_python_is_not_taken() {
        assert!(probe(Path::new("/no/such/python3")).is_none());
        assert!(probe(Path::new("/bin/false")).is_none());
    }
}
