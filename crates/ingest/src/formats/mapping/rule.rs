//! Conditions on a line: which to pass over, which tell of a failure.

use serde::Deserialize;
use serde::de::{self, Deserializer};

use super::tree::{Pointer, Tree};
use super::{Value, Values};

/// A condition as it is written: a field, and what holds for it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    field: Pointer,
    equals: Option<Text>,
    #[serde(default)]
    missing: bool,
    at_least: Option<i64>,
    starts_with: Option<String>,
}

/// What a field is compared with: a text, or a number or truth value as its text.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a text, a whole number, true or false")]
        enum Any {
            Text(String),
            Number(i64),
            Truth(bool),
        }
        Ok(Self(match Any::deserialize(deserializer)? {
            Any::Text(text) => text,
            Any::Number(number) => number.to_string(),
            Any::Truth(truth) => truth.to_string(),
        }))
    }
}

/// A condition with one thing that holds.
pub(super) struct RuleConfig {
    field: Pointer,
    test: Test,
}

/// What holds for a field.
#[derive(Debug, PartialEq, Eq)]
enum Test {
    Equals(String),
    StartsWith(String),
    AtLeast(i64),
    Missing,
}

/// A condition on what stands in a slot.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rule {
    slot: usize,
    test: Test,
}

impl<'de> Deserialize<'de> for RuleConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { field, equals, missing, at_least, starts_with } = Written::deserialize(deserializer)?;
        let tests = [
            equals.map(|text| Test::Equals(text.0)),
            starts_with.map(Test::StartsWith),
            at_least.map(Test::AtLeast),
            missing.then_some(Test::Missing),
        ];
        let mut tests = tests.into_iter().flatten();
        match (tests.next(), tests.next()) {
            (Some(test), None) => Ok(Self { field, test }),
            _ => Err(de::Error::custom(
                "a condition has a field and one of equals = \"…\", starts_with = \"…\", at_least = 400, missing = true",
            )),
        }
    }
}

impl RuleConfig {
    /// With the slot of its field.
    pub fn compile(self, tree: &mut Tree) -> Rule {
        Rule { slot: tree.slot(self.field), test: self.test }
    }
}

impl Rule {
    /// Whether it holds for a line. A field that is nothing is missing.
    pub fn holds(&self, values: &Values<'_>) -> bool {
        let value = values[self.slot].as_ref();
        let text = value.map(Value::text);
        match (&self.test, text) {
            (Test::Missing, text) => matches!(text, None | Some(Ok(None))),
            (test, Some(Ok(Some(text)))) => match test {
                Test::Equals(other) => text == other.as_str(),
                Test::StartsWith(start) => text.starts_with(start),
                Test::AtLeast(least) => text.parse::<i64>().is_ok_and(|number| number >= *least),
                Test::Missing => false,
            },
            _ => false,
        }
    }
}
