//! What is offered, as each shell wants to read it: one a line.

use std::fmt::Write as _;

use clap_complete::engine::CompletionCandidate;

use super::AskingShell;
use super::words::Typed;
use crate::output::{is_unsafe, safe};

/// The candidates as text. Those that cannot be on a command line safely are left out.
pub fn write(shell: AskingShell, candidates: &[CompletionCandidate], typed: &Typed) -> String {
    let mut text = String::new();
    for candidate in candidates {
        let Some(value) = candidate.get_value().to_str() else { continue };
        if value.chars().any(is_unsafe) {
            continue;
        }
        let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
        let help = safe(help.lines().next().unwrap_or_default());
        // Writing to a string cannot fail.
        let _ = match shell {
            AskingShell::Bash => match for_bash(value, typed) {
                Some(value) => writeln!(text, "{value}"),
                None => continue,
            },
            AskingShell::Fish => writeln!(text, "{value}\t{help}"),
            AskingShell::Zsh => writeln!(text, "{}", for_zsh(value, &help)),
        };
    }
    text
}

/// Bash puts into the line what it is given, as it is: a name with a `;` or a `$(…)` would be run. So each character
/// with a meaning is quoted, by the quote that is open or else by a backslash; `None` where the open quote cannot hold it.
fn for_bash(value: &str, typed: &Typed) -> Option<String> {
    let value = value.strip_prefix(&typed.kept)?;
    match typed.quote {
        Some('\'') => (!value.contains('\'')).then(|| value.to_owned()),
        // A `!` calls up the history in double quotes, with and without a backslash.
        Some(_) if value.contains('!') => None,
        Some(_) => Some(escaped(value, |c| matches!(c, '"' | '\\' | '$' | '`'))),
        None => Some(escaped(value, |c| {
            c.is_whitespace() || (c.is_ascii() && !c.is_ascii_alphanumeric() && !"-_./:=@%+,".contains(c))
        })),
    }
}

/// Zsh quotes by itself. In what its `_describe` reads, the first colon begins the description.
fn for_zsh(value: &str, help: &str) -> String {
    let value = escaped(value, |c| matches!(c, '\\' | ':'));
    if help.is_empty() { value } else { format!("{value}:{}", escaped(help, |c| c == '\\')) }
}

fn escaped(value: &str, has_meaning: impl Fn(char) -> bool) -> String {
    value.chars().fold(String::with_capacity(value.len()), |mut text, c| {
        if has_meaning(c) {
            text.push('\\');
        }
        text.push(c);
        text
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn bash(line: &str, replaced: &str, values: &[&str]) -> String {
        let sent = [line, replaced].map(OsString::from).to_vec();
        let candidates: Vec<_> = values.iter().copied().map(CompletionCandidate::new).collect();
        write(AskingShell::Bash, &candidates, &Typed::read(AskingShell::Bash, sent).unwrap())
    }

    #[test]
    fn bash_runs_no_name() {
        for (name, typed) in [
            ("Acme Labs", r"Acme\ Labs"),
            ("$(reboot)", r"\$\(reboot\)"),
            ("a;b|c&d>e<f", r"a\;b\|c\&d\>e\<f"),
            ("it's \"x\" `y`", r#"it\'s\ \"x\"\ \`y\`"#),
            ("!1 ~ # ^a^b", r"\!1\ \~\ \#\ \^a\^b"),
            ("*?[a]{b,c}\\", r"\*\?\[a\]\{b,c\}\\"),
            ("Öl 翻訳🦀", r"Öl\ 翻訳🦀"),
        ] {
            assert_eq!(bash("mete x ", "", &[name]), format!("{typed}\n"));
        }
        assert_eq!(bash("mete x '", "", &["$(x) y", "it's"]), "$(x) y\n");
        assert_eq!(bash("mete x \"", "", &["$(x) `y` \"z\"", "!1"]), "\\$(x) \\`y\\` \\\"z\\\"\n");
    }

    #[test]
    fn bash_gets_the_part_that_it_replaces() {
        assert_eq!(bash("mete x --org=Ac", "Ac", &["--org=Acme", "--other"]), "Acme\n");
        assert_eq!(bash("mete x kim@", "@", &["kim@acme.test"]), "@acme.test\n");
    }

    #[test]
    fn what_a_terminal_obeys_is_not_offered() {
        assert_eq!(bash("mete x ", "", &["a\nb", "a\u{1b}[2J", "a\u{202e}b", "ab"]), "ab\n");
        let words = Typed::read(AskingShell::Zsh, ["mete", ""].map(OsString::from).to_vec()).unwrap();
        let candidate = [CompletionCandidate::new("a:b\\c").help(Some("red\u{202e}: x".into()))];
        assert_eq!(write(AskingShell::Zsh, &candidate, &words), "a\\:b\\\\c:red\\\\u{202e}: x\n");
        assert_eq!(write(AskingShell::Fish, &candidate, &words), "a:b\\c\tred\\u{202e}: x\n");
    }
}
