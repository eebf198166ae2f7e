//! From text to configuration. A wrong setting is noted and taken out, and the rest is read again, so that everything
//! that is wrong is said at once.

use serde_path_to_error::{Path, Segment};
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::problem::Problem;
use super::{Config, check, nearest};

/// So many wrong settings are noted; a file with more of them is something else.
const MOST: usize = 50;

pub fn read(text: &str) -> Result<Config, Vec<Problem>> {
    let (spanned, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(errors.iter().map(|error| syntax(text, error)).collect());
    }
    let places = Places { text, table: &spanned };
    let mut table: Table = toml::from_str(text).map_err(|error| vec![syntax(text, &error)])?;
    let mut problems = Vec::new();
    let config = loop {
        match serde_path_to_error::deserialize::<_, Config>(Value::Table(table.clone())) {
            Ok(config) => break config,
            Err(error) => {
                let path = names(error.path());
                let message = plainer(error.inner().message());
                problems.push(places.problem(&path, &message));
                if problems.len() >= MOST || !take_out(&mut table, &path) {
                    break Config::default();
                }
            }
        }
    };
    problems.extend(check::check(&config).into_iter().map(|(path, message)| places.problem(&path, &message)));
    problems.sort();
    problems.dedup();
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

fn syntax(text: &str, error: &toml::de::Error) -> Problem {
    let line = error.span().map_or(1, |span| line(text, span.start));
    Problem { line, setting: String::new(), message: error.message().trim().replace('\n', ", ") }
}

fn line(text: &str, at: usize) -> usize {
    1 + text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count()
}

/// The names on the way to a setting. What is wrong in an array is the array's.
fn names(path: &Path) -> Vec<String> {
    path.iter()
        .map_while(|segment| match segment {
            Segment::Map { key } => Some(key.clone()),
            _ => None,
        })
        .collect()
}

/// Takes a setting out; `false` if it is not there.
fn take_out(table: &mut Table, path: &[String]) -> bool {
    let Some((last, way)) = path.split_last() else { return false };
    let mut table = table;
    for name in way {
        match table.get_mut(name) {
            Some(Value::Table(inner)) => table = inner,
            _ => return false,
        }
    }
    table.remove(last).is_some()
}

/// serde's words with the nearest of the names that they list.
fn plainer(message: &str) -> String {
    let message = message.trim();
    let quoted = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let unknown = message.strip_prefix("unknown field ").map(|rest| ("there is no such setting", rest));
    let unknown = unknown.or_else(|| message.strip_prefix("unknown variant ").map(|rest| ("cannot be", rest)));
    let Some((said, rest)) = unknown else { return message.to_owned() };
    let names = quoted(rest);
    let Some((written, known)) = names.split_first() else { return message.to_owned() };
    let near = nearest(written, known.iter().map(String::as_str));
    let near = near.map_or_else(String::new, |near| format!("did you mean {near:?}? "));
    let written = if said == "cannot be" { format!(" {written:?}") } else { String::new() };
    format!("{said}{written}: {near}There is: {}", known.join(", "))
}

/// Where settings stand in the text.
struct Places<'t> {
    text: &'t str,
    table: &'t Spanned<DeTable<'t>>,
}

impl Places<'_> {
    fn problem(&self, path: &[String], message: &str) -> Problem {
        Problem { line: line(self.text, self.place(path)), setting: path.join("."), message: message.to_owned() }
    }

    /// The deepest name on the way to a setting that is there.
    fn place(&self, path: &[String]) -> usize {
        let mut place = self.table.span().start;
        let mut table = self.table.get_ref();
        for name in path {
            let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == name) else { break };
            place = key.span().start;
            let DeValue::Table(inner) = value.get_ref() else { break };
            table = inner;
        }
        place
    }
}
