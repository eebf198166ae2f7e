//! `mete completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::args::Cli;
use crate::error::CliError;
use crate::output::Output;

/// Which shell's.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete completions bash > ~/.local/share/bash-completion/completions/mete")]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Writes the completion script of a shell.
pub fn run(args: &CompletionsArgs, output: Output) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "mete", &mut script);
    output.write(&script)
}
