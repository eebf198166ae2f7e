//! `mete man`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use serde::Serialize;

use crate::args::Cli;
use crate::error::CliError;
use crate::output::{Output, safe, several};

/// Where to.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete man ~/.local/share/man/man1 && man mete-key-create")]
pub struct ManArgs {
    /// A folder for all pages, made if it is missing; without it, the main page goes to standard output
    directory: Option<PathBuf>,
}

/// The pages that were written.
#[derive(Serialize)]
struct Written {
    pages: Vec<PathBuf>,
}

/// Writes the main page, or into a folder one page for each command.
pub fn run(args: &ManArgs, output: Output) -> Result<(), CliError> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let Some(directory) = &args.directory else {
        return output.write(&page(&command).map_err(CliError::Write)?.1);
    };
    fs::create_dir_all(directory).map_err(|source| unwritable(directory, source))?;
    let written = Written { pages: write_all(&command, directory)? };
    output.show(&written, || {
        let pages = several(written.pages.len() as u64, "page");
        format!("{pages} written to {}\n", safe(&directory.display().to_string()))
    })
}

/// The page of a command and those of its subcommands.
fn write_all(command: &clap::Command, directory: &Path) -> Result<Vec<PathBuf>, CliError> {
    let (name, text) = page(command).map_err(CliError::Write)?;
    let path = directory.join(name);
    fs::write(&path, text).map_err(|source| unwritable(&path, source))?;
    let mut written = vec![path];
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        written.extend(write_all(sub, directory)?);
    }
    Ok(written)
}

fn unwritable(path: &Path, source: io::Error) -> CliError {
    CliError::WriteFile { path: path.to_owned(), source }
}

/// A page: the name of its file, and its text in roff.
fn page(command: &clap::Command) -> io::Result<(String, Vec<u8>)> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let version = command.get_version().unwrap_or_default();
    let man = Man::new(command.clone());
    // An own title: a page without a date gets the version in its place from clap_mangen.
    let mut text = format!(".TH {} 1 \"\" \"Mete {version}\" \"Mete\"\n", name.to_uppercase()).into_bytes();
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    render_examples(&examples).to_writer(&mut text)?;
    Ok((format!("{name}.1"), text))
}

/// What follows the help: indented lines are examples, to be shown as they are; the others are text.
fn render_examples(after_help: &str) -> Roff {
    let mut roff = Roff::new();
    let mut verbatim = false;
    for line in after_help.lines() {
        let example = line.starts_with("  ");
        if example != verbatim {
            roff.control(if example { "nf" } else { "fi" }, []);
            verbatim = example;
        }
        match line {
            "Example:" => roff.control("SH", ["EXAMPLES"]),
            "" => roff.control("PP", []),
            line => roff.text([roman(line.trim_start())]),
        };
    }
    roff
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What the pages use of roff. Anything else that begins a line is text that was not escaped.
    const REQUESTS: [&str; 12] = ["TH", "SH", "TP", "PP", "IP", "RS", "RE", "nf", "fi", "br", "ie", "el"];

    fn commands(command: &clap::Command, path: &str, found: &mut BTreeSet<String>) {
        found.insert(format!("{path}.1"));
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
            commands(sub, &format!("{path}-{}", sub.get_name()), found);
        }
    }

    #[test]
    fn every_command_has_a_page_that_is_sound() {
        let folder = tempfile::tempdir().unwrap();
        let mut built = Cli::command().disable_help_subcommand(true);
        built.build();
        let pages = write_all(&built, folder.path()).unwrap();
        let mut wanted = BTreeSet::new();
        commands(&Cli::command(), "mete", &mut wanted);
        let names = pages.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned());
        assert_eq!(names.collect::<BTreeSet<_>>(), wanted);
        for page in pages {
            let text = fs::read_to_string(&page).unwrap();
            for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS"] {
                assert!(text.contains(&format!("\n.SH {section}\n")), "{page:?} has no {section}");
            }
            for line in text.lines().filter(|line| line.starts_with(['.', '\''])) {
                let request = line[1..].split(' ').next().unwrap_or_default();
                assert!(request.is_empty() || REQUESTS.contains(&request), "{page:?}: {line}");
            }
            assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{page:?}");
        }
    }

    #[test]
    fn examples_are_shown_as_they_are() {
        let text = render_examples("Example:\n  mete a 'b'\n  mete c\n\n.More of it\nand more.").render();
        let wanted = ".SH EXAMPLES\n.nf\nmete a \\*(Aqb\\*(Aq\nmete c\n.fi\n.PP\n\\&.More of it\nand more.\n";
        assert!(text.ends_with(wanted), "{text}");
    }
}
