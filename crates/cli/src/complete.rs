//! What a shell asks when a person presses TAB: the words typed so far go in, what may come next goes out.
//!
//! The way of a question: the script that `mete completions` wrote calls the hidden `mete complete`, [`words`] reads the
//! line, clap's engine finds the option or argument that is being typed, [`question`] has the store asked for what there
//! is in the [`directory`], [`offers`] chooses what the word can become, [`reply`] writes it as the shell wants it. The
//! names are other people's: what is offered is quoted where the shell does not do it itself, or left out. Nothing is ever
//! said about errors.

mod directory;
mod offers;
mod question;
mod reply;
mod scripts;
mod words;

use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::engine::{self, ArgValueCompleter, CompletionCandidate};

use crate::args::{Cli, Global};
use crate::output::Output;

pub use scripts::script;

use question::{Kind, Question};
use words::Typed;

/// A shell that asks while a person types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AskingShell {
    /// Sends the line up to the cursor, and the part of it that the answer replaces, both as typed.
    Bash,
    /// Sends the words up to the cursor without their quotes.
    Fish,
    /// As fish does.
    Zsh,
}

/// A shell's question.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete complete fish -- mete project show Sup")]
pub struct CompleteArgs {
    /// Which shell asks
    shell: AskingShell,
    /// How many milliseconds the store may take: with the rest, a person waits half a second at most
    #[arg(long, value_name = "MS", default_value_t = 400)]
    patience: u64,
    /// What was typed up to the cursor
    #[arg(last = true)]
    typed: Vec<OsString>,
}

/// Answers a shell. What goes wrong is not said: the person is in the middle of a line.
pub fn answer(args: CompleteArgs, global: Global, output: Output) {
    let Some(typed) = Typed::read(args.shell, args.typed) else { return };
    let question = Question::new(global, &typed, Duration::from_millis(args.patience));
    // A reader that has gone away, or a full disk, is nothing to tell either.
    let _ = output.write(reply::write(args.shell, &candidates(&typed, question), &typed).as_bytes());
}

/// What may stand in the place of the last word.
fn candidates(typed: &Typed, question: Question) -> Vec<CompletionCandidate> {
    let question = Arc::new(question);
    let mut command = attach(Cli::command(), &question);
    let words = typed.words().to_vec();
    let place = words.len() - 1;
    let here = std::env::current_dir().ok();
    let mut found = engine::complete(&mut command, words, place, here.as_deref()).unwrap_or_default();
    found.retain(|candidate| !candidate.is_hide_set());
    let is_option = |candidate: &CompletionCandidate| candidate.get_value().as_encoded_bytes().starts_with(b"-");
    // Options are many: they are there for whoever types a hyphen, or where nothing else can stand.
    if typed.word().is_empty() && (question.was_asked() || !found.iter().all(is_option)) {
        found.retain(|candidate| !is_option(candidate));
    }
    found
}

/// Has every argument whose value the store knows completed from there; its value's name tells what it is.
fn attach(command: clap::Command, question: &Arc<Question>) -> clap::Command {
    let completed = |arg: clap::Arg| match Kind::of(&arg) {
        Some(kind) => {
            let question = Arc::clone(question);
            arg.add(ArgValueCompleter::new(move |word: &OsStr| question.answer(kind, word)))
        }
        None => arg,
    };
    command.mut_args(completed).mut_subcommands(|command| attach(command, question))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of values that nothing is offered for.
    const FREE: [&str; 27] = [
        "ACTION",
        "ACTOR",
        "ADDRESS",
        "BYTES",
        "ENTRY",
        "FILE",
        "GROUP=none|read|write",
        "METHOD",
        "MODEL",
        "MODEL,…|all",
        "MODEL:RATE=NUMBER|none",
        "N",
        "NAME",
        "PATH",
        "PATTERN",
        "PROVIDER",
        "ROLE",
        "RUN",
        "SPAN",
        "SPAN|never",
        "TEXT",
        "TIER",
        "TIME",
        "URL",
        "USD|none",
        "VALUE",
        "YYYY-MM",
    ];

    fn unknown(command: &clap::Command, found: &mut Vec<String>) {
        for arg in command.get_arguments().filter(|arg| arg.get_action().takes_values() && Kind::of(arg).is_none()) {
            let listed = !arg.get_possible_values().is_empty() || arg.get_value_hint() != clap::ValueHint::Unknown;
            let name = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
            if !listed && !name.as_deref().is_some_and(|name| FREE.contains(&name)) {
                found.push(format!("{} {}: {name:?}", command.get_name(), arg.get_id()));
            }
        }
        command.get_subcommands().filter(|sub| !sub.is_hide_set()).for_each(|sub| unknown(sub, found));
    }

    /// A new argument is completed by its value's name, or is one that nothing can be offered for.
    #[test]
    fn every_argument_is_completed_or_free() {
        let (mut command, mut found) = (Cli::command(), Vec::new());
        command.build();
        unknown(&command, &mut found);
        assert_eq!(found, [""; 0]);
    }
}
