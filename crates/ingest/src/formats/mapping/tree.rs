//! JSON pointers, and one walk through a line that finds all of them.

use std::fmt;
use std::str::FromStr;

use rustc_hash::FxHashMap;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;

use super::Value;
use crate::formats::bad::{Bad, Reason};
use crate::formats::fields::{Text, column};

/// How deep a pointer may lead: deeper than any log.
const MAX_DEPTH: usize = 32;

/// A JSON pointer (RFC 6901) to something in a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    text: String,
    keys: Vec<String>,
}

/// Why a text is no pointer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no JSON pointer: begin with a slash, as in \"/usage/input_tokens\"")]
pub(super) struct NoPointer(String);

impl FromStr for Pointer {
    type Err = NoPointer;

    fn from_str(text: &str) -> Result<Self, NoPointer> {
        let refuse = || NoPointer(text.chars().take(64).collect());
        let keys = text.strip_prefix('/').filter(|keys| !keys.is_empty()).ok_or_else(refuse)?.split('/');
        let keys: Vec<String> = keys.map(|key| key.replace("~1", "/").replace("~0", "~")).collect();
        if keys.len() > MAX_DEPTH {
            return Err(refuse());
        }
        Ok(Self { text: text.to_owned(), keys })
    }
}

impl<'de> Deserialize<'de> for Pointer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// All pointers of a mapping as one tree of keys; each has a slot for what stands there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// The pointers, by slot.
    pointers: Vec<Pointer>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Node {
    children: FxHashMap<String, usize>,
    slot: Option<usize>,
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], pointers: Vec::new() }
    }
}

impl Tree {
    /// The slot of a pointer; equal ones share it.
    pub fn slot(&mut self, pointer: Pointer) -> usize {
        let mut at = 0;
        for key in &pointer.keys {
            at = match self.nodes[at].children.get(key) {
                Some(child) => *child,
                None => {
                    self.nodes.push(Node::default());
                    let child = self.nodes.len() - 1;
                    self.nodes[at].children.insert(key.clone(), child);
                    child
                }
            };
        }
        *self.nodes[at].slot.get_or_insert_with(|| {
            self.pointers.push(pointer);
            self.pointers.len() - 1
        })
    }

    /// The pointer of a slot, as it was written.
    pub fn pointer(&self, slot: usize) -> &str {
        &self.pointers[slot].text
    }

    /// A pointer that leads into something, if there is one.
    pub fn nested(&self) -> Option<&str> {
        self.pointers.iter().find(|pointer| pointer.keys.len() > 1).map(|pointer| pointer.text.as_str())
    }

    /// The slot of a key at the top.
    pub fn slot_of_key(&self, key: &str) -> Option<usize> {
        self.nodes[0].children.get(key).and_then(|child| self.nodes[*child].slot)
    }

    /// A place for each slot's value.
    pub fn empty<'a>(&self) -> Vec<Option<Value<'a>>> {
        vec![None; self.pointers.len()]
    }

    /// What stands in a JSON object, by slot.
    pub fn find_in_json<'a>(&self, text: &'a str) -> Result<Vec<Option<Value<'a>>>, Bad> {
        let mut values = self.empty();
        self.walk(0, text, &mut values)?;
        Ok(values)
    }

    /// Fills the slots below a node with what stands in `text`; each level is read once for itself.
    fn walk<'a>(&self, node: usize, text: &'a str, values: &mut [Option<Value<'a>>]) -> Result<(), Bad> {
        if !text.starts_with(['{', '[']) {
            return Ok(());
        }
        let mut found = Vec::new();
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let seed = Children { of: &self.nodes[node], found: &mut found };
        seed.deserialize(&mut deserializer).and_then(|()| deserializer.end()).map_err(|error| {
            let reason = if error.is_data() { Reason::BadField } else { Reason::NotJson };
            Bad::new(reason, error.to_string()).at_byte(text, column(text, &error))
        })?;
        for (child, raw) in found {
            if let Some(slot) = self.nodes[child].slot {
                values[slot] = Some(Value::Json(raw));
            }
            if !self.nodes[child].children.is_empty() {
                self.walk(child, raw.get(), values)?;
            }
        }
        Ok(())
    }
}

/// Picks a node's children out of an object or array, each once.
struct Children<'n, 'f, 'a> {
    of: &'n Node,
    found: &'f mut Vec<(usize, &'a RawValue)>,
}

impl<'de> DeserializeSeed<'de> for Children<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Children<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Text<'de>>()? {
            match self.of.children.get(key.as_str()) {
                None => drop(map.next_value::<IgnoredAny>()?),
                Some(child) if self.found.iter().any(|(other, _)| other == child) => {
                    return Err(de::Error::custom(format_args!("duplicate field `{}`", key.as_str())));
                }
                Some(child) => self.found.push((*child, map.next_value()?)),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut place = 0_usize;
        while let Some(element) = seq.next_element::<&'de RawValue>()? {
            if let Some(child) = self.of.children.get(&place.to_string()) {
                self.found.push((*child, element));
            }
            place += 1;
        }
        Ok(())
    }
}
