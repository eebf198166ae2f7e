//! Pictures, sounds and files in a body, whose tokens its bytes do not tell.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// What stands in the type of a part that is no text.
const KINDS: [&str; 7] = ["image", "file", "audio", "video", "document", "reference", "screenshot"];

/// Whether some object in a JSON text has a `type` of this kind. What cannot be read has.
pub fn is_in(text: &str) -> bool {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Search { in_type: false }.deserialize(&mut deserializer).unwrap_or(true)
}

/// Looks through a value.
#[derive(Clone, Copy)]
struct Search {
    /// Whether it is that of a field `type`.
    in_type: bool,
}

/// Whether a field's name is `type`.
struct IsType(bool);

impl<'de> DeserializeSeed<'de> for Search {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Search {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        let is_media = |text: String| KINDS.iter().any(|kind| text.contains(kind));
        Ok(self.in_type && is_media(text.to_ascii_lowercase()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(IsType(in_type)) = map.next_key()? {
            found |= map.next_value_seed(Self { in_type })?;
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(more) = seq.next_element_seed(Self { in_type: self.in_type })? {
            found |= more;
        }
        Ok(found)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }
}

impl<'de> Deserialize<'de> for IsType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl Visitor<'_> for Name {
            type Value = IsType;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<IsType, E> {
                Ok(IsType(name == "type"))
            }
        }

        deserializer.deserialize_identifier(Name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_are_no_text_are_found_wherever_they_stand() {
        for text in [
            r#"{"type":"image_url"}"#,
            r#"{"messages":[{"content":[{"type":"text"},{"text":"x","type":"input_audio"}]}]}"#,
            r#"{"a":[[{"b":{"type":"Document"}}]]}"#,
            r#"{"type":["image"]}"#,
            r#"{"input":[{"type":"item_reference","id":"x"}]}"#,
            r#"{"a":1e999}"#,
        ] {
            assert!(is_in(text), "{text}");
        }
        for text in [
            r#"{"type":"text","text":"\"type\":\"image\""}"#,
            r#"{"kind":"image","n":[1,-1,0.5,true,null,{}]}"#,
            r#"{"type":{"kind":"image"}}"#,
        ] {
            assert!(!is_in(text), "{text}");
        }
    }
}
