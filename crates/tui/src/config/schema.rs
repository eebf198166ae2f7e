//! The JSON Schema of the configuration, from the types and the registries.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::Config;
use super::check::WIDEST;
use crate::actions::REGISTRY;
use crate::config::Chord;
use crate::screens;
use crate::table::NARROWEST;
use crate::theme::Slot;

pub fn text() -> String {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<Config>().to_value();
    // nothing is set without it, which starts with the first
    schema["properties"]["start"]["default"] = Value::from(screens::KINDS[0].name);
    let text = serde_json::to_string_pretty(&schema);
    text.map_or_else(|error| error.to_string(), |text| text + "\n")
}

/// A table with these settings and no others.
fn table(settings: impl Iterator<Item = (String, Value)>) -> Schema {
    let settings: Map<String, Value> = settings.collect();
    json_schema!({"type": "object", "properties": settings, "additionalProperties": false})
}

pub fn start(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": screens::firsts(), "default": screens::KINDS[0].name})
}

pub fn colors(_: &mut SchemaGenerator) -> Schema {
    table(Slot::ALL.into_iter().map(|slot| {
        let (name, what) = slot.words();
        (name.to_owned(), json!({"description": what, "type": ["string", "integer"], "minimum": 0, "maximum": 255}))
    }))
}

pub fn keys(_: &mut SchemaGenerator) -> Schema {
    let key = json!({"type": "string", "minLength": 1});
    table(REGISTRY.iter().map(|entry| {
        let default: Vec<String> = entry.keys.iter().map(|key| Chord(vec![*key]).to_string()).collect();
        let either = json!([key, {"type": "array", "items": key}]);
        (entry.action.name(), json!({"description": entry.help, "default": default, "anyOf": either}))
    }))
}

pub fn keys_on(generator: &mut SchemaGenerator) -> Schema {
    let mut keys = keys(generator).to_value();
    // what holds without them is what holds everywhere
    for action in keys["properties"].as_object_mut().into_iter().flat_map(|actions| actions.values_mut()) {
        action.as_object_mut().map(|action| action.remove("default"));
    }
    table(screens::names().into_iter().map(|screen| (screen.to_owned(), keys.clone())))
}

pub fn lists(_: &mut SchemaGenerator) -> Schema {
    table(screens::lists().into_iter().map(|(list, columns)| {
        let widths: Map<String, Value> = columns
            .iter()
            .map(|column| (column.clone(), json!({"type": "integer", "minimum": NARROWEST, "maximum": WIDEST})))
            .collect();
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
