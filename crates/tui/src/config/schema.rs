//! The JSON Schema of the configuration, from the types and the registries. What many settings share is defined once.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::Config;
use super::check::WIDEST;
use crate::actions::REGISTRY;
use crate::config::Chord;
use crate::screens;
use crate::table::NARROWEST;
use crate::theme::Slot;

/// Columns of a line of the text.
const COLUMNS: usize = 120;

pub fn text() -> String {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<Config>().to_value();
    // nothing is set without it, which starts with the first
    schema["properties"]["start"]["default"] = Value::from(screens::KINDS[0].name);
    let mut text = String::new();
    write(&mut text, &schema, 0, 0);
    text + "\n"
}

/// Writes a value on the line that has `used` columns already, over several lines where it is too long for one.
fn write(text: &mut String, value: &Value, indent: usize, used: usize) {
    let line = value.to_string();
    let (brackets, parts): (_, Vec<(String, &Value)>) = match value {
        Value::Object(fields) if used + line.len() > COLUMNS => {
            ("{}", fields.iter().map(|(name, value)| (format!("{}: ", Value::from(name.as_str())), value)).collect())
        }
        Value::Array(values) if used + line.len() > COLUMNS => {
            ("[]", values.iter().map(|value| (String::new(), value)).collect())
        }
        _ => return text.push_str(&line),
    };
    let within = indent + 2;
    text.push_str(&brackets[..1]);
    for (place, (name, value)) in parts.iter().enumerate() {
        text.push_str(if place == 0 { "\n" } else { ",\n" });
        text.push_str(&" ".repeat(within));
        text.push_str(name);
        // a comma follows
        write(text, value, within, within + name.len() + 1);
    }
    text.push('\n');
    text.push_str(&" ".repeat(indent));
    text.push_str(&brackets[1..]);
}

/// A table with these settings and no others.
fn table(settings: impl Iterator<Item = (String, Value)>) -> Schema {
    let settings: Map<String, Value> = settings.collect();
    json_schema!({"type": "object", "properties": settings, "additionalProperties": false})
}

/// What is said of the same thing in one place more. References take nothing beside them.
fn also(shared: &Schema, more: Value) -> Value {
    let Value::Object(mut more) = more else { return Value::Null };
    more.insert("allOf".to_owned(), json!([shared]));
    Value::Object(more)
}

/// Defines what several settings share.
macro_rules! shared {
    ($(#[$what:meta] $name:ident: $schema:expr;)+) => {$(
        #[$what]
        enum $name {}

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let schema: fn(&mut SchemaGenerator) -> Schema = $schema;
                schema(generator)
            }
        }
    )+};
}

shared! {
    /// The keys of an action.
    Keys: |_| {
        let key = json!({"type": "string", "minLength": 1});
        json_schema!({"anyOf": [key, {"type": "array", "items": key}]})
    };
    /// The keys of every action on one screen. What holds without them is what holds everywhere.
    Actions: |generator| {
        let keys = generator.subschema_for::<Keys>();
        table(REGISTRY.iter().map(|entry| (entry.action.name(), also(&keys, json!({"description": entry.help})))))
    };
    /// The width of a column.
    Width: |_| json_schema!({"type": "integer", "minimum": NARROWEST, "maximum": WIDEST});
    /// A colour.
    Color: |_| json_schema!({"type": ["string", "integer"], "minimum": 0, "maximum": 255});
}

pub fn start(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": screens::firsts(), "default": screens::KINDS[0].name})
}

pub fn colors(generator: &mut SchemaGenerator) -> Schema {
    let color = generator.subschema_for::<Color>();
    table(Slot::ALL.into_iter().map(|slot| {
        let (name, what) = slot.words();
        (name.to_owned(), also(&color, json!({"description": what})))
    }))
}

pub fn keys(generator: &mut SchemaGenerator) -> Schema {
    let keys = generator.subschema_for::<Keys>();
    table(REGISTRY.iter().map(|entry| {
        let default: Vec<String> = entry.keys.iter().map(|key| Chord(vec![*key]).to_string()).collect();
        (entry.action.name(), also(&keys, json!({"description": entry.help, "default": default})))
    }))
}

pub fn keys_on(generator: &mut SchemaGenerator) -> Schema {
    let actions = generator.subschema_for::<Actions>().to_value();
    table(screens::names().into_iter().map(|screen| (screen.to_owned(), actions.clone())))
}

pub fn lists(generator: &mut SchemaGenerator) -> Schema {
    let width = generator.subschema_for::<Width>().to_value();
    table(screens::lists().into_iter().map(|(list, columns)| {
        let widths: Map<String, Value> = columns.iter().map(|column| (column.clone(), width.clone())).collect();
        let settings = json!({
            "columns": {
                "description": "Which ones, in which order, as far as there is room.",
                "type": "array", "items": {"enum": columns}, "uniqueItems": true, "minItems": 1,
            },
            "widths": {
                "description": "The width of some of them, in characters.",
                "type": "object", "properties": widths, "additionalProperties": false,
            },
        });
        (list.to_owned(), json!({"type": "object", "properties": settings, "additionalProperties": false}))
    }))
}
