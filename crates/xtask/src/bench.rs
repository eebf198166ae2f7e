//! `cargo xtask bench`: the benchmarks, which print their measurements and ratios themselves.

use anyhow::{Context as _, Result, bail};
use cargo_metadata::{Metadata, MetadataCommand, TargetKind};
use mete_tests::process::{METE_VARIABLE, METED_VARIABLE, cargo, workspace};

use crate::install;
use crate::shell::run as run_command;

/// Runs the benchmark called `name`, or all one after the other.
///
/// # Errors
/// When there is none (of that name), or one fails.
pub fn run(name: Option<&str>) -> Result<()> {
    let known = benchmarks()?;
    let chosen: Vec<&String> = known.iter().filter(|known| name.is_none_or(|name| name == *known)).collect();
    if chosen.is_empty() {
        bail!("nothing to run; the workspace's benchmarks are: [{}]", known.join(", "));
    }
    install::postgres()?;
    install::gateways()?;
    // A benchmark that starts `mete` is not to build it in its turn, together with everybody's tests.
    run_command(cargo().args(["build", "--release", "--workspace", "--bins"]))?;
    let target = metadata()?.target_directory;
    let python = install::python("bench")?;
    let bench = |name| {
        let mut command = cargo();
        command.args(["bench", "--workspace", "--bench", name]).env("METE_BENCH_PYTHON", python.interpreter());
        command.env(METE_VARIABLE, target.join("release/mete")).env(METED_VARIABLE, target.join("release/meted"));
        run_command(&mut command)
    };
    chosen.into_iter().try_for_each(|name| bench(name))
}

/// The names of the workspace's benchmarks.
fn benchmarks() -> Result<Vec<String>> {
    let targets = metadata()?.packages.into_iter().flat_map(|package| package.targets);
    Ok(targets.filter(|target| target.kind.contains(&TargetKind::Bench)).map(|target| target.name).collect())
}

fn metadata() -> Result<Metadata> {
    MetadataCommand::new().current_dir(workspace()).no_deps().exec().context("cargo metadata failed")
}
