//! A file that sets nothing and says what could be set: from the descriptions of the settings and from the registries,
//! so that it is always true.

use std::fmt::Write as _;

use schemars::schema_for;
use serde_json::Value;

use super::{Config, Look, keys};
use crate::actions::REGISTRY;
use crate::panel::wrapped;
use crate::screens;
use crate::theme::{Named, Slot};

/// Columns of a comment.
const COLUMNS: usize = 98;

const HEAD: &str = "\
# The configuration of Mete's terminal interface: mete/tui.toml in the XDG configuration directory (~/.config),
# or where METE_TUI_CONFIG or `mete tui --config FILE` says. `mete tui --check-config` says what is wrong in it.
# Everything here is as it is without a file: take the # away from what is to be different.
";

pub fn defaults() -> String {
    let config = schema_for!(Config).to_value();
    let look = schema_for!(Look).to_value();
    let mut text = HEAD.to_owned();
    let described =
        |of: &Value, name: &str| of["properties"][name]["description"].as_str().unwrap_or_default().to_owned();
    settings(&mut text, &config, &["start", "read_only", "bell", "mouse"]);
    section(&mut text, "look", &described(&config, "look"));
    settings(&mut text, &look, &["theme", "background", "colors", "symbols"]);
    section(&mut text, "colors", &described(&config, "colors"));
    let theme = Named::default();
    for slot in Slot::ALL {
        let (name, what) = slot.words();
        let paint = theme.paint(slot, Some(false)).map_or_else(|| "\"default\"".to_owned(), |paint| paint.to_string());
        setting(&mut text, name, &paint, what);
    }
    section(&mut text, "keys", &described(&config, "keys"));
    for entry in REGISTRY {
        let keys: Vec<String> = entry.keys.iter().map(|key| quoted(&keys::Chord(vec![*key]).to_string())).collect();
        setting(&mut text, &entry.action.name(), &format!("[{}]", keys.join(", ")), entry.help);
    }
    let on = format!("{} The screens are {}.", described(&config, "keys_on"), screens::names().join(", "));
    section(&mut text, &format!("keys_on.{}", screens::KINDS[0].name), &on);
    comment(&mut text, &described(&config, "lists"));
    for (list, columns) in screens::lists() {
        let columns: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
        section(&mut text, &format!("lists.{list}"), "");
        setting(&mut text, "columns", &format!("[{}]", columns.join(", ")), "");
        setting(&mut text, "widths", "{}", "");
    }
    text
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn section(text: &mut String, name: &str, description: &str) {
    comment(text, description);
    // writing to a string cannot fail
    let _ = writeln!(text, "{}[{name}]", if description.is_empty() { "\n" } else { "" });
}

fn comment(text: &mut String, description: &str) {
    if !description.is_empty() {
        let lines = wrapped(description, COLUMNS).into_iter().map(|line| format!("# {line}\n"));
        *text += &format!("\n{}", lines.collect::<String>());
    }
}

/// `#name = value   # what`
fn setting(text: &mut String, name: &str, value: &str, what: &str) {
    let line = format!("#{name} = {value}");
    let _ = match what {
        "" => writeln!(text, "{line}"),
        what => writeln!(text, "{line:<44}  # {what}"),
    };
}

/// Settings of a type, with what its schema says of them.
fn settings(text: &mut String, schema: &Value, names: &[&str]) {
    for name in names {
        let of = &schema["properties"][name];
        let of = of["$ref"].as_str().map_or(of, |reference| resolved(schema, reference));
        let own = schema["properties"][name]["description"].as_str();
        comment(text, own.unwrap_or_default());
        let choices = choices(of);
        if choices.len() > 1 {
            let _ = writeln!(text, "# One of {}.", choices.join(", "));
        }
        let default = &schema["properties"][name]["default"];
        let default = if default.is_null() {
            Value::from(choices.first().map(|name| name.trim_matches('"')))
        } else {
            default.clone()
        };
        setting(text, name, &default.to_string(), "");
    }
}

fn resolved<'s>(schema: &'s Value, reference: &str) -> &'s Value {
    reference.strip_prefix('#').and_then(|pointer| schema.pointer(pointer)).unwrap_or(&Value::Null)
}

/// The values that a setting can have, quoted.
fn choices(of: &Value) -> Vec<String> {
    let plain = of["enum"].as_array().into_iter().flatten();
    let described = of["oneOf"].as_array().into_iter().flatten().filter_map(Value::as_object);
    let described = described.filter_map(|one| one.get("const"));
    plain.chain(described).map(Value::to_string).collect()
}
