//! Names with quotes, SQL, line ends, escape sequences, far letters and ten thousand characters: kept and shown safely, or
//! refused with a clear error; nothing reaches a terminal raw.

use anyhow::{Context as _, Result, ensure};
use mete_tests::process::Run;
use mete_tests::{TestStore, each_engine};
use serde_json::Value;

use crate::stage::{PLACES, Stage};

/// Letters that are no harm: they must be kept as they are.
const KEPT: [&str; 6] = [
    "O'Brien \"the\" bot; DROP TABLE project;--",
    "$1 %s {} \\n `id` $(id) <b>&amp;",
    "🦀 𝄞 👩‍👩‍👧",
    "עברית العربية",
    "Ünïcödé ſ İ ẞ 漢字",
    "--as=dana@acme.test",
];

/// Letters that a terminal would obey, or too many of them: they must be refused.
const REFUSED: [(&str, &str); 6] = [
    ("two\nlines", "control character"),
    ("\u{1b}[2J\u{1b}]0;owned\u{7}", "control character"),
    ("\u{9b}31mred", "control character"),
    ("abc\u{202e}cba", "control character"),
    ("\u{2066}isolate", "control character"),
    ("   ", "needed"),
];

/// Where a name is given to something: the command, and where the answer has it.
const NAMED: [(&str, &str); 9] = [
    ("org rename Acme {}", "/name"),
    ("org rename {} Acme", ""),
    ("org create {} --owner new@acme.test", "/name"),
    ("project create {} --org Acme", "/name"),
    ("project edit Other --description {}", "/description"),
    ("service-account create {} --project Support", "/name"),
    ("key create --project Support --member eve@acme.test --name {}", "/name"),
    ("key edit KEY --name {}", "/name"),
    ("block add --key KEY --reason {}", "/reason"),
];

/// What of `text` a terminal would obey, or what would change the order of the text beside it.
fn raw(text: &str) -> Option<char> {
    let marks =
        |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().find(|&c| c != '\n' && (c.is_control() || marks(c)))
}

fn is_safe(run: &Run, what: &str) -> Result<()> {
    for text in [&run.stdout, &run.stderr] {
        ensure!(raw(text).is_none(), "{what} shows {:?}: {text:?}", raw(text));
    }
    let panicked = run.stderr.contains("panicked") || run.status.code().is_none();
    ensure!(!panicked && matches!(run.status.code(), Some(0..=2)), "{what}: {run:?}");
    Ok(())
}

/// An option's value that begins with a hyphen is joined to it, as a person would have to.
fn joined(place: &str, name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for part in place.split(' ') {
        match words.last_mut() {
            Some(option) if part == "{}" && option.starts_with("--") => option.push_str(&format!("={name}")),
            _ if part == "{}" && name.starts_with('-') => words.extend(["--".to_owned(), name.to_owned()]),
            _ => words.push(part.replace("{}", name)),
        }
    }
    // What comes after -- is no option: options go before it.
    if let Some(dashes) = words.iter().position(|word| word == "--") {
        let rest = words.split_off(dashes + 2);
        words.splice(dashes..dashes, rest);
    }
    words
}

fn ask(stage: &Stage<'_>, place: &str, name: &str, json: bool) -> Result<Run> {
    let words = joined(place, name).into_iter().map(|word| if word == "KEY" { stage.key.clone() } else { word });
    let place_of_json = if json { vec!["--json".to_owned()] } else { Vec::new() };
    Run::of(&mut stage.command(place_of_json.into_iter().chain(words))?)
}

fn lift_all(stage: &Stage<'_>) -> Result<()> {
    let blocks = stage.done("block list")?;
    for block in blocks["rows"].as_array().context("no rows")? {
        stage.done(&format!("block lift {}", block["id"].as_str().context("no id")?))?;
    }
    Ok(())
}

each_engine! {
    async fn harmless_letters_are_kept_and_shown(place: &TestStore) -> Result<()> {
        let stage = Stage::new(place)?;
        stage.done("project create Other --org Acme")?;
        for name in KEPT {
            for (command, kept) in NAMED {
                // What looks like an option goes last, after --; another word cannot follow it.
                if name.starts_with('-') && command.starts_with("org rename") {
                    continue;
                }
                let run = ask(&stage, command, name, true)?;
                is_safe(&run, command)?;
                ensure!(run.status.success(), "{command} {name:?}: {run:?}");
                let value: Value = run.json()?;
                let told = value.pointer(kept).and_then(Value::as_str);
                ensure!(kept.is_empty() || told == Some(name), "{command} {name:?}: {value}");
                lift_all(&stage)?;
            }
        }
        Ok(())
    }

    async fn what_a_terminal_would_obey_is_refused_and_never_shown(place: &TestStore) -> Result<()> {
        let stage = Stage::new(place)?;
        stage.done("project create Other --org Acme")?;
        let long = "x".repeat(10_000);
        for (name, why) in REFUSED.into_iter().chain([(long.as_str(), "the most is")]) {
            for (command, kept) in NAMED.into_iter().filter(|(_, kept)| !kept.is_empty()) {
                // Nothing but white space is no description, and no name of a key.
                if name.trim().is_empty() && kept != "/name" {
                    continue;
                }
                let run = ask(&stage, command, name, false)?;
                is_safe(&run, command)?;
                ensure!(run.status.code() == Some(1) && run.stderr.contains(why), "{command} {name:.20?}: {run:?}");
            }
        }
        let hostile = "'\"; DROP TABLE project;--\n\u{1b}[2J\u{9b}\u{202e}🦀\u{7f}";
        for (number, command) in PLACES.iter().enumerate() {
            let run = stage.quietly(command, hostile, number % 2 == 0)?;
            is_safe(&run, command)?;
        }
        for list in ["org list", "project list", "key list", "member list --org Acme", "audit list", "spend", "block list"] {
            let run = stage.quietly(list, "", false)?;
            is_safe(&run, list)?;
            ensure!(run.status.success(), "{list}: {run:?}");
        }
        ensure!(stage.done("audit verify")?["ok"] == true, "the audit log is broken");
        Ok(())
    }
}
