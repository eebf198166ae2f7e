//! In earnest or just to see that it works: how much a benchmark does.

use std::env;

use anyhow::{Context as _, Result};

/// How large a benchmark is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// By `cargo bench`: the figures mean something.
    Full,
    /// By `cargo test`: the smallest that goes through all of it.
    Small,
}

impl Size {
    /// A number that the environment variable `variable` may set; else `full` or `small`.
    ///
    /// # Errors
    /// When the variable is no whole number.
    pub fn number(self, variable: &str, full: u64, small: u64) -> Result<u64> {
        match (env::var(variable), self) {
            (Ok(text), Self::Full) => text.parse().with_context(|| format!("{variable}={text} is no whole number")),
            (_, Self::Full) => Ok(full),
            (_, Self::Small) => Ok(small),
        }
    }
}

/// Runs the benchmark `name` as the program's arguments ask for.
///
/// `cargo bench` says `--bench`. Test runners say what tests do: `--list`, or parts of the names of those to run.
///
/// # Errors
/// Those of `run`.
pub fn main(name: &str, run: impl FnOnce(Size) -> Result<()>) -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match asked(name, &arguments) {
        Asked::Run(size) => run(size),
        Asked::Nothing => Ok(()),
        Asked::List => {
            use std::io::Write as _;
            Ok(writeln!(std::io::stdout(), "{name}: test")?)
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Run(Size),
    List,
    Nothing,
}

fn asked(name: &str, arguments: &[String]) -> Asked {
    let says = |word: &str| arguments.iter().any(|argument| argument == word);
    if says("--bench") {
        return Asked::Run(Size::Full);
    }
    let filters: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let chosen = filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()));
    match says("--list") {
        _ if says("--ignored") => Asked::Nothing,
        true => Asked::List,
        false if chosen => Asked::Run(Size::Small),
        false => Asked::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runners_get_what_they_ask_for() {
        let cases: [(&[&str], Asked); 7] = [
            (&["--bench"], Asked::Run(Size::Full)),
            (&[], Asked::Run(Size::Small)),
            (&["--list", "--format", "terse"], Asked::List),
            (&["--list", "--format=terse"], Asked::List),
            (&["--list", "--ignored"], Asked::Nothing),
            (&["ingest_sqlite", "--exact", "--nocapture"], Asked::Run(Size::Small)),
            (&["another"], Asked::Nothing),
        ];
        for (arguments, expected) in cases {
            let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
            assert_eq!(asked("ingest_sqlite", &arguments), expected, "{arguments:?}");
        }
    }
}
