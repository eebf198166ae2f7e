//! `cargo xtask fuzz`: random bytes against everything that reads what others wrote.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use mete_tests::process::cargo;

use crate::install;
use crate::shell::{run as run_command, say};

/// What is fuzzed: a program of `fuzz/` each.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Target {
    /// Cutting bytes into lines
    Framing,
    /// Reading a line in every format, and finding out which it is
    Formats,
    /// The text of a mapping, and lines that are read by it
    Mapping,
}

impl Target {
    const ALL: [Self; 3] = [Self::Framing, Self::Formats, Self::Mapping];

    const fn name(self) -> &'static str {
        match self {
            Self::Framing => "framing",
            Self::Formats => "formats",
            Self::Mapping => "mapping",
        }
    }

    /// The longest input that is tried, in bytes: for framing few bytes stand for many.
    const fn longest(self) -> usize {
        match self {
            Self::Framing => 256,
            Self::Formats | Self::Mapping => 8192,
        }
    }
}

/// The most memory that a target may take, in megabytes. Lines are short here: most of it is the program's own.
const MEMORY: u32 = 512;
/// The most seconds that one input may take.
const SLOW: u32 = 10;

/// Runs a target, or all of them, each for `time`. What is found stays in `fuzz/artifacts`, what reached new code in
/// `fuzz/target/corpus`.
///
/// # Errors
/// When a target fails, or cargo-fuzz cannot be had.
pub fn run(target: Option<Target>, time: Duration) -> Result<()> {
    install::cargo_fuzz()?;
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").canonicalize().context("there is no fuzz/")?;
    for target in target.map_or(Target::ALL.to_vec(), |one| vec![one]) {
        run_one(target, time, &folder)?;
    }
    say("the targets that were fuzzed hold");
    Ok(())
}

fn run_one(target: Target, time: Duration, folder: &Path) -> Result<()> {
    let found: PathBuf = folder.join("target/corpus").join(target.name());
    std::fs::create_dir_all(&found).with_context(|| format!("cannot create {}", found.display()))?;
    let dictionary = folder.join(target.name()).with_extension("dict");
    let mut command = cargo();
    // Without a sanitizer the stable compiler does: there is no unsafe code to watch.
    command.args(["fuzz", "run", "--sanitizer", "none", "--fuzz-dir"]).arg(folder).arg(target.name());
    command.arg(found).arg(folder.join("corpus").join(target.name())).arg("--");
    command.arg(format!("-max_total_time={}", time.as_secs()));
    command.arg(format!("-max_len={}", target.longest()));
    command.arg(format!("-rss_limit_mb={MEMORY}")).arg(format!("-timeout={SLOW}")).arg("-print_final_stats=1");
    if dictionary.exists() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    run_command(&mut command)
}
