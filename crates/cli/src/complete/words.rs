//! The line that is being typed, as words.

use std::ffi::{OsStr, OsString};

use super::AskingShell;

/// The words of a command up to the cursor, the last one being typed still.
#[derive(Debug)]
pub struct Typed {
    words: Vec<OsString>,
    /// The quote that is open at the cursor.
    pub quote: Option<char>,
    /// What of the last word stays as it is, where the shell replaces only the end of it.
    pub kept: String,
}

impl Typed {
    /// What a shell sent; `None` if that is nothing that it sends.
    pub fn read(shell: AskingShell, sent: Vec<OsString>) -> Option<Self> {
        match shell {
            AskingShell::Bash => {
                let [line, replaced] = sent.as_slice() else { return None };
                Self::from_bash(line.to_str()?, replaced.to_str()?)
            }
            AskingShell::Fish | AskingShell::Zsh if sent.len() < 2 => None,
            AskingShell::Fish | AskingShell::Zsh => Some(Self { words: sent, quote: None, kept: String::new() }),
        }
    }

    /// Bash sends the line as typed. It replaces only what follows the last of its word breaks, among which are
    /// `=`, `:` and `@`, and not the quote that it found open.
    fn from_bash(line: &str, replaced: &str) -> Option<Self> {
        let (words, quote) = split(line);
        let (mut before, _) = split(line.strip_suffix(replaced)?);
        if words.len() < 2 {
            return None;
        }
        let words = words.into_iter().map(OsString::from).collect();
        Some(Self { words, quote, kept: before.pop().unwrap_or_default() })
    }

    /// All words: the program's name first, the one being typed last.
    pub fn words(&self) -> &[OsString] {
        &self.words
    }

    /// The word being typed; empty after a space.
    pub fn word(&self) -> &OsStr {
        self.words.last().map_or(OsStr::new(""), OsString::as_os_str)
    }

    /// What an option was given, the last time: `--org Acme` or `--org=Acme`.
    pub fn option(&self, name: &str) -> Option<String> {
        let done = &self.words[..self.words.len().saturating_sub(1)];
        let given = |(place, word): (usize, &OsString)| {
            let rest = word.to_str()?.strip_prefix(name)?;
            match rest.strip_prefix('=') {
                Some(value) => Some(value.to_owned()),
                None if rest.is_empty() => Some(done.get(place + 1)?.to_str()?.to_owned()),
                None => None,
            }
        };
        done.iter().enumerate().filter_map(given).next_back()
    }
}

/// Splits a line into words as a shell does, without expanding anything; the last word may be empty. Also the quote that
/// is open at the end.
fn split(line: &str) -> (Vec<String>, Option<char>) {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut begun = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, ' ' | '\t' | '\n') => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
                continue;
            }
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if c == open => quote = None,
            (None, '\\') => word.extend(chars.next()),
            (Some('"'), '\\') => match chars.next() {
                Some(escaped @ ('"' | '\\' | '$' | '`')) => word.push(escaped),
                other => word.extend(std::iter::once('\\').chain(other)),
            },
            _ => word.push(c),
        }
        begun = true;
    }
    words.push(word);
    (words, quote)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        split(line).0
    }

    #[test]
    fn a_line_is_split_as_a_shell_does() {
        assert_eq!(words("mete key "), ["mete", "key", ""]);
        let quoted = words(r#" mete  'Acme Labs' Acme\ Labs "a \"b\" \c"'d'"#);
        assert_eq!(quoted, ["mete", "Acme Labs", "Acme Labs", r#"a "b" \cd"#]);
        assert_eq!(words("mete '' x"), ["mete", "", "x"]);
        assert_eq!(split("mete 'Acme L"), (vec!["mete".to_owned(), "Acme L".to_owned()], Some('\'')));
        assert_eq!(words("mete $(reboot) `x`"), ["mete", "$(reboot)", "`x`"]);
    }

    #[test]
    fn bash_keeps_what_stands_before_its_word_break() {
        let kept = |line, replaced| Typed::from_bash(line, replaced).map(|typed| (typed.kept, typed.quote));
        assert_eq!(kept("mete project show Sup", "Sup"), Some((String::new(), None)));
        assert_eq!(kept("mete key list --org=Ac", "Ac"), Some(("--org=".to_owned(), None)));
        assert_eq!(kept("mete key list --org='Ac", "Ac"), Some(("--org=".to_owned(), Some('\''))));
        assert_eq!(kept("mete x kim@ac", "@ac"), Some(("kim".to_owned(), None)));
        assert_eq!(kept("mete x 'a b'c", "'a b'c"), Some((String::new(), None)));
        assert_eq!(kept("mete x ", ""), Some((String::new(), None)));
        assert_eq!(kept("mete x y", "z"), None);
        assert_eq!(kept("met", "met"), None);
    }

    #[test]
    fn options_are_those_before_the_cursor() {
        let option = |line, name| Typed::from_bash(line, "").unwrap().option(name);
        assert_eq!(option("mete key list --org Acme ", "--org").as_deref(), Some("Acme"));
        assert_eq!(option("mete --org=A --org='B C' key ", "--org").as_deref(), Some("B C"));
        assert_eq!(option("mete --org ", "--org"), None);
        assert_eq!(option("mete --organ x ", "--org"), None);
    }
}
