//! `mete completions`.

use clap::{Args, CommandFactory, ValueEnum};

use crate::args::Cli;
use crate::complete::{AskingShell, script};
use crate::error::CliError;
use crate::output::Output;

/// Which shell's.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

const AFTER_HELP: &str = "\
Example:
  mete completions bash > ~/.local/share/bash-completion/completions/mete

For zsh, into a folder of $fpath (before compinit) as _mete; for fish, as ~/.config/fish/completions/mete.fish. These
three ask mete for the names in the store of METE_STORE or --store; elvish and powershell know the commands only.";

/// A shell that there is a script for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Elvish,
    Powershell,
}

/// Writes the completion script of a shell.
pub fn run(args: &CompletionsArgs, output: Output) -> Result<(), CliError> {
    let shell = match args.shell {
        Shell::Bash => return output.write(script(AskingShell::Bash).as_bytes()),
        Shell::Zsh => return output.write(script(AskingShell::Zsh).as_bytes()),
        Shell::Fish => return output.write(script(AskingShell::Fish).as_bytes()),
        Shell::Elvish => clap_complete::Shell::Elvish,
        Shell::Powershell => clap_complete::Shell::PowerShell,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mete", &mut script);
    output.write(&script)
}
