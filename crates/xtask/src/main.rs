//! The project's own chores, as `cargo xtask CHORE`.

mod bench;
mod ci;
mod fuzz;
mod install;
mod shell;
mod test;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

/// The project's own chores.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Chore {
    /// Installs what the tests need, if it is missing, and runs them all on SQLite and Postgres
    Test {
        /// Arguments for the test runner, such as a part of a test's name; the documentation's tests are then left out
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Checks format, lints, documentation and dependencies, then runs the tests
    Ci,
    /// Throws random bytes at what reads what others wrote, for a while
    Fuzz {
        /// What to fuzz; all of it without one
        target: Option<fuzz::Target>,
        /// Seconds for each target
        #[arg(default_value_t = 60)]
        seconds: u64,
    },
    /// Runs the benchmarks, or one of them
    Bench {
        /// The benchmark's name
        name: Option<String>,
    },
}

fn main() -> ExitCode {
    let done = match Chore::parse() {
        Chore::Test { arguments } => test::run(&arguments),
        Chore::Ci => ci::run(),
        Chore::Fuzz { target, seconds } => fuzz::run(target, Duration::from_secs(seconds)),
        Chore::Bench { name } => bench::run(name.as_deref()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            shell::say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
