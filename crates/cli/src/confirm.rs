//! Asking before something is destroyed.

use std::io::{self, BufRead, IsTerminal as _, Write};

use crate::error::CliError;
use crate::output::safe;

/// Goes on if `yes` was given, or if whoever sits at the terminal says so. `what` says what will happen, as a sentence.
///
/// # Errors
/// When the answer is anything but yes, or there is nobody to ask (`not_confirmed`); nothing must be changed then.
pub fn confirm(what: &str, yes: bool) -> Result<(), CliError> {
    if yes {
        Ok(())
    } else if is_attended() {
        ask(what, &mut io::stdin().lock(), &mut io::stderr().lock())
    } else {
        Err(CliError::Unconfirmed(what.to_owned()))
    }
}

/// Has whoever sits at the terminal type the name of what is destroyed. `what` says what will happen, as a sentence.
///
/// # Errors
/// When nothing was typed, or there is nobody to ask (`not_confirmed`); nothing must be changed then.
pub fn typed_name(what: &str) -> Result<String, CliError> {
    if !is_attended() {
        return Err(CliError::Unnamed(what.to_owned()));
    }
    let question = "Type its name to go on:";
    let typed = answer((what, question), &mut io::stdin().lock(), &mut io::stderr().lock());
    typed.filter(|name| !name.is_empty()).ok_or(CliError::Declined)
}

/// Whether somebody sits at a terminal.
fn is_attended() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks on `screen` and reads a line from `keyboard`, its end left out; nothing at the end or an error.
fn answer((what, question): (&str, &str), keyboard: &mut impl BufRead, screen: &mut impl Write) -> Option<String> {
    let mut answer = String::new();
    write!(screen, "{} {question} ", safe(what)).and_then(|()| screen.flush()).ok()?;
    keyboard.read_line(&mut answer).ok()?;
    Some(answer.trim_end_matches(['\r', '\n']).to_owned())
}

/// Asks on `screen` and reads the answer from `keyboard`; no is what an empty line, the end or an error means.
fn ask(what: &str, keyboard: &mut impl BufRead, screen: &mut impl Write) -> Result<(), CliError> {
    let answer = answer((what, "Go on? [y/N]"), keyboard, screen).unwrap_or_default();
    let agreed = ["y", "yes"].iter().any(|word| answer.trim().eq_ignore_ascii_case(word));
    if agreed { Ok(()) } else { Err(CliError::Declined) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(answer: &str) -> (bool, String) {
        let mut screen = Vec::new();
        let agreed = ask("This archives \"a\u{1b}[2J\".", &mut answer.as_bytes(), &mut screen).is_ok();
        (agreed, String::from_utf8(screen).unwrap())
    }

    #[test]
    fn only_yes_is_yes() {
        for yes in ["y\n", "Y\n", "yes\n", " YES \r\n", "y"] {
            assert!(answered(yes).0, "{yes:?}");
        }
        for no in ["", "\n", "n\n", "no\n", "yess\n", "yy\n", "\u{1b}y\n"] {
            assert!(!answered(no).0, "{no:?}");
        }
        assert_eq!(answered("").1, "This archives \"a\\u{1b}[2J\". Go on? [y/N] ");
    }

    #[test]
    fn a_typed_name_keeps_all_but_the_line_end() {
        let typed = |line: &str| {
            answer(("This archives it.", "Type its name to go on:"), &mut line.as_bytes(), &mut Vec::new())
        };
        assert_eq!(typed(" Support bot \r\n").as_deref(), Some(" Support bot "));
        assert_eq!(typed("").as_deref(), Some(""));
    }

    #[test]
    fn who_cannot_be_asked_is_told_of_the_option() {
        assert!(confirm("This archives it.", true).is_ok());
        let refused = CliError::Unconfirmed("This archives it.".to_owned());
        assert_eq!(refused.code(), "not_confirmed");
        assert!(
            refused.to_string().starts_with("This archives it. Nothing was changed")
                && refused.to_string().contains("--yes")
        );
    }
}
