//! What is on the screen as files: the list's rows with exact figures, or a picture of the whole.

mod svg;

use std::io;
use std::path::{Path, PathBuf};

use ratatui::buffer::Buffer;
use serde_json::{Map, Value as Json, json};
use tokio::fs::OpenOptions;
use tokio::io::AsyncWriteExt;

use crate::model::Model;
use crate::table::{Sheet, Value};
use crate::text::width;
use crate::view::paint;

/// Names that are tried before giving up: a file that is there is never written over.
const MOST_NAMES: usize = 100;

/// What a file can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Rows, comma-separated (RFC 4180).
    Csv,
    /// Rows, with what they are of.
    Json,
    /// The screen as text.
    Text,
    /// The screen as a picture, with its colours.
    Svg,
}

impl Format {
    /// All of them, in the order offered.
    pub const ALL: [Self; 4] = [Self::Csv, Self::Json, Self::Text, Self::Svg];

    /// The key that chooses it.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Csv => 'c',
            Self::Json => 'j',
            Self::Text => 't',
            Self::Svg => 's',
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Json => "JSON",
            Self::Text => "text",
            Self::Svg => "SVG",
        }
    }

    /// What is in it.
    #[must_use]
    pub const fn help(self) -> &'static str {
        match self {
            Self::Csv | Self::Json => "all rows of the list as filtered and sorted, with exact figures",
            Self::Text => "the screen as it is",
            Self::Svg => "the screen as it is, with colours",
        }
    }

    const fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Text => "txt",
            Self::Svg => "svg",
        }
    }
}

/// `mete-projects-2026-11-20261123T123100Z.csv`: screen, month shown, present.
#[must_use]
pub fn file_name(model: &Model, format: Format) -> String {
    let now: String = model.now.to_string().chars().take(19).filter(|letter| !"-:".contains(*letter)).collect();
    format!("mete-{}-{}-{now}Z.{}", model.trail.top().screen.name(), model.month(), format.ending())
}

/// What the file has in it.
pub fn contents(model: &mut Model, format: Format) -> String {
    let now = model.now;
    match format {
        Format::Csv => csv(&model.trail.top_mut().screen.list().sheet(now)),
        Format::Json => {
            let list = model.trail.top_mut().screen.list();
            let (sheet, filter) = (list.sheet(now), list.filter().to_owned());
            let whole = json!({
                "screen": model.trail.top().screen.name(),
                "month": model.month().to_string(),
                "at": now.to_string(),
                "filter": filter,
                "rows": objects(&sheet),
            });
            format!("{whole:#}\n")
        }
        Format::Text => text(&screen(model)),
        Format::Svg => svg::picture(&screen(model), model.setting.theme.light() == Some(true)),
    }
}

fn screen(model: &Model) -> Buffer {
    let mut buffer = Buffer::empty(model.area());
    paint(model, &mut buffer);
    buffer
}

/// Writes a file under a name that is not taken: the one wanted, or that with a number after it. Returns its path.
///
/// # Errors
/// When it cannot be made or written.
pub async fn write_new(folder: &Path, name: &str, contents: &str) -> io::Result<PathBuf> {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    for number in 1..=MOST_NAMES {
        let name = if number == 1 { name.to_owned() } else { format!("{stem}-{number}.{ending}") };
        let path = folder.join(name);
        let mut file = match OpenOptions::new().write(true).create_new(true).open(&path).await {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            opened => opened?,
        };
        file.write_all(contents.as_bytes()).await?;
        file.flush().await?;
        return Ok(path);
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{MOST_NAMES} files of that name are there already")))
}

/// A value as plain text: amounts in dollars to the nano-dollar, shares as parts of one, times in UTC.
fn plain(value: &Value) -> String {
    match value {
        Value::Nothing => String::new(),
        Value::Text(text) => text.clone(),
        Value::Money(amount) => amount.to_string(),
        Value::Count(count) => count.to_string(),
        Value::Share(share) => format!("{}.{:03}", share / 1000, share % 1000),
        Value::Time(at) => at.to_string(),
    }
}

fn csv(sheet: &Sheet) -> String {
    let mut text = String::new();
    let names = sheet.columns.iter().map(|name| quoted(name));
    line(&mut text, names);
    for row in &sheet.rows {
        line(&mut text, row.iter().map(|value| quoted(&plain(value))));
    }
    text
}

fn line(text: &mut String, cells: impl Iterator<Item = String>) {
    text.push_str(&cells.collect::<Vec<_>>().join(","));
    text.push_str("\r\n");
}

fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

/// One object a row. Amounts and shares are text, as everywhere in Mete: a reader that makes floats of numbers does not
/// change them.
fn objects(sheet: &Sheet) -> Json {
    let object = |row: &Vec<Value>| {
        let values = row.iter().map(|value| match value {
            Value::Nothing => Json::Null,
            Value::Count(count) => Json::from(*count),
            value => Json::from(plain(value)),
        });
        Json::Object(sheet.columns.iter().cloned().zip(values).collect::<Map<_, _>>())
    };
    sheet.rows.iter().map(object).collect()
}

/// Cells as text, trailing spaces kept away.
#[must_use]
pub fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let mut line = String::new();
        let mut covered = 0;
        for x in buffer.area.left()..buffer.area.right() {
            let symbol = buffer[(x, y)].symbol();
            if covered == 0 {
                line.push_str(symbol);
                covered = width(symbol).max(1);
            }
            covered -= 1;
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use mete_core::Nanos;

    fn sheet() -> Sheet {
        Sheet {
            columns: vec!["id".to_owned(), "project".to_owned(), "spent".to_owned(), "keys".to_owned()],
            rows: vec![
                vec![
                    Value::Text("proj_1".to_owned()),
                    Value::Text("a, \"b\"".to_owned()),
                    Value::Money(Nanos(500_000_214_000)),
                    Value::Count(3),
                ],
                vec![Value::Text("proj_2".to_owned()), Value::Text("c".to_owned()), Value::Nothing, Value::Share(719)],
            ],
        }
    }

    #[test]
    fn r30_amounts_are_exact_and_never_numbers() {
        assert_eq!(
            csv(&sheet()),
            "id,project,spent,keys\r\nproj_1,\"a, \"\"b\"\"\",500.000214,3\r\nproj_2,c,,0.719\r\n"
        );
        let objects = objects(&sheet());
        assert_eq!(objects[0]["spent"], "500.000214");
        assert_eq!(objects[0]["keys"], 3);
        assert!(objects[1]["spent"].is_null());
    }

    #[tokio::test]
    async fn a_file_that_is_there_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let first = write_new(folder.path(), "a.csv", "one").await.unwrap();
        let second = write_new(folder.path(), "a.csv", "two").await.unwrap();
        assert_eq!((first.file_name().unwrap(), second.file_name().unwrap()), ("a.csv".as_ref(), "a-2.csv".as_ref()));
        assert_eq!(std::fs::read_to_string(first).unwrap(), "one");
        assert_eq!(std::fs::read_to_string(second).unwrap(), "two");
        assert!(write_new(&folder.path().join("gone"), "a.csv", "").await.is_err());
    }
}
