//! The kinds of fields that formats have: objects, texts, and values that are taken as their text.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_path_to_error::Segment;

use super::bad::{Bad, Reason};

/// The longest id or name, in bytes.
const MAX_TEXT: usize = 512;

/// A number, or whatever else stands there, as its text.
pub(super) type Raw<'a> = Option<&'a RawValue>;

/// A text that borrows from the line unless it has escapes.
#[derive(serde::Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The text, if there is one that is not empty.
pub(super) fn text(text: Option<Text<'_>>) -> Option<Cow<'_, str>> {
    text.map(|text| text.0).filter(|text| !text.is_empty())
}

impl<'a> Text<'a> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn into_inner(self) -> Cow<'a, str> {
        self.0
    }
}

/// A JSON object. The readers of structs that serde derives would take an array for one, by position.
pub(super) struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(Fields(PhantomData)).map(Object)
    }
}

/// The fields of an object. What is wrong with it is found out only when something is.
pub(super) fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Bad> {
    serde_json::from_str::<Object<T>>(text).map(|object| object.0).map_err(|error| explain::<T>(text, &error))
}

/// What serde_json has against `text`, in words that name the field.
#[cold]
fn explain<'a, T: Deserialize<'a>>(text: &'a str, error: &serde_json::Error) -> Bad {
    let column = column(text, error);
    if !error.is_data() {
        return Bad::new(Reason::NotJson, error.to_string()).at_byte(text, column);
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize::<_, Object<T>>(&mut deserializer) {
        Err(error) => {
            let bad = Bad::new(Reason::BadField, format!("{}: {}", error.path(), error.inner()));
            match value_at(text, error.path()) {
                Some(value) => bad.at(value),
                None => bad.at_byte(text, column),
            }
        }
        Ok(_) => Bad::new(Reason::BadField, error.to_string()).at_byte(text, column),
    }
}

/// The byte that an error names by line and column.
pub(super) fn column(text: &str, error: &serde_json::Error) -> usize {
    let start = match error.line().checked_sub(2) {
        Some(before) => memchr::memchr_iter(b'\n', text.as_bytes()).nth(before).map_or(0, |end| end + 1),
        None => 0,
    };
    (start + error.column().saturating_sub(1)).min(text.len().saturating_sub(1))
}

/// The value that a path leads to, if it leads through objects only.
fn value_at<'a>(text: &'a str, path: &serde_path_to_error::Path) -> Option<&'a str> {
    let mut keys = path.iter().peekable();
    keys.peek()?;
    keys.try_fold(text, |text, segment| {
        let Segment::Map { key } = segment else { return None };
        let Object(Entries(mut found)) = serde_json::from_str::<Object<Entries<'a>>>(text).ok()?;
        found.remove(key.as_str()).map(RawValue::get)
    })
}

/// An object's values by their keys.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Entries<'a>(#[serde(borrow)] HashMap<Cow<'a, str>, &'a RawValue>);

/// The inside of a JSON string, or the text of a number.
pub(super) fn scalar(raw: &RawValue) -> Option<Cow<'_, str>> {
    let text = raw.get();
    match text.as_bytes() {
        [b'"', ..] if text.contains('\\') => serde_json::from_str(text).ok().map(Cow::Owned),
        [b'"', .., b'"'] => Some(Cow::Borrowed(&text[1..text.len() - 1])),
        [b'-' | b'0'..=b'9', ..] => Some(Cow::Borrowed(text)),
        _ => None,
    }
}

/// Refuses a text that no store takes or no one names anything.
pub(super) fn check_text(field: &str, text: &str) -> Result<(), Bad> {
    if text.len() > MAX_TEXT {
        return Err(Bad::new(
            Reason::BadField,
            format!("{field} is {} bytes long: at most {MAX_TEXT} are taken", text.len()),
        )
        .at(text));
    }
    if let Some(nul) = memchr::memchr(0, text.as_bytes()) {
        return Err(Bad::new(Reason::BadField, format!("{field} has a NUL character in it")).at_byte(text, nul));
    }
    Ok(())
}

/// The beginning of a value, for a message.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
