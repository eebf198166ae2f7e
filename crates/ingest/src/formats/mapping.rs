//! Formats of one's own: a mapping in a file says where in a line each field stands (docs/formats.md, `custom`).

mod config;
mod logfmt;
mod rule;
mod tree;
mod units;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

pub use config::MappingError;
use config::{Cached, Field, Framing};
use mete_core::event::Resource;
use mete_core::secret::KeyHash;
use mete_core::{EndpointGroup, Nanos, Timestamp, Usage};
use rule::Rule;
use serde_json::value::RawValue;
use tree::Tree;
use units::Units;

use super::bad::{Bad, Reason};
use super::fields::{scalar, shown};
use super::numbers::{cost_of, count_of, milliseconds_of};
use super::{Format, Line, Out, Read};
use crate::record::{KeyRef, Origin, Record};

/// How the lines of a source are written, where that is not found out line by line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// In a format that Mete knows.
    BuiltIn(Format),
    /// In a format of one's own.
    Custom(Arc<Mapping>),
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn(format) => format.fmt(f),
            Self::Custom(mapping) => write!(f, "custom {}", mapping.name),
        }
    }
}

impl From<Format> for Layout {
    fn from(format: Format) -> Self {
        Self::BuiltIn(format)
    }
}

/// Where in a line each field stands.
#[derive(Debug, PartialEq, Eq)]
pub struct Mapping {
    name: String,
    framing: Framing,
    cached: Cached,
    units: Units,
    /// What is looked for in a line, each with a number of its own.
    tree: Tree,
    /// Where each field may stand, by [`Field`]; the first that is there counts.
    sources: Vec<Vec<Place>>,
    skip: Vec<Rule>,
    failed: Vec<Rule>,
}

/// Where a field's value comes from.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// From the line: a number of the tree's.
    Slot(usize),
    /// It is always this.
    Constant(String),
}

/// What stands in a line.
#[derive(Clone, Debug)]
enum Value<'a> {
    Json(&'a RawValue),
    Text(Cow<'a, str>),
}

/// What a line says, by the tree's numbers.
type Values<'a> = [Option<Value<'a>>];

impl<'a> Value<'a> {
    /// Its text; `Ok(None)` if it is nothing, an error if it is an object or an array.
    fn text(&self) -> Result<Option<Cow<'a, str>>, &'a RawValue> {
        let text = match self {
            Self::Text(text) => text.clone(),
            Self::Json(raw) => match raw.get() {
                "null" => return Ok(None),
                literal @ ("true" | "false") => Cow::Borrowed(literal),
                _ => scalar(raw).ok_or(*raw)?,
            },
        };
        // Servers write a dash for what they do not have.
        Ok(Some(text).filter(|text| !matches!(&**text, "" | "-")))
    }
}

impl Mapping {
    /// Reads a mapping file's text.
    ///
    /// # Errors
    /// Says what is wrong, in which line, and what would be right.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        config::parse(text)
    }

    /// Its name, as records of it tell it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads one line, as [`super::read`] does.
    pub fn read<'a>(&'a self, line: &'a [u8], each: &mut impl FnMut(Line<'a>)) {
        match self.framing {
            Framing::Json => super::read_objects(line, each, |text, out| {
                out.read(self.tree.find_in_json(text).and_then(|values| self.record(&values)));
            }),
            Framing::Logfmt => {
                let mut out = Out::new(line, each);
                let read = super::utf8(line).and_then(|text| match text {
                    "" => Ok(None),
                    text => logfmt::find(&self.tree, text).and_then(|values| self.record(&values)),
                });
                out.read(read);
            }
        }
    }

    fn record<'a>(&'a self, values: &Values<'a>) -> Read<'a> {
        if self.skip.iter().any(|rule| rule.holds(values)) {
            return Ok(None);
        }
        let failed = self.failed.iter().any(|rule| rule.holds(values));
        let text = |field: Field| self.text(field, values);
        let id = text(Field::Id)?.ok_or_else(|| self.missing(Field::Id))?;
        let endpoint = text(Field::Endpoint)?.map_or(EndpointGroup::Other, |endpoint| {
            EndpointGroup::from_name(&endpoint).unwrap_or_else(|| EndpointGroup::of_path(&endpoint))
        });
        let mut record = Record::new(Origin::Mapping(Cow::Borrowed(&self.name)), id, endpoint);
        record.time = Some(self.time(values)?);
        record.organization = text(Field::Organization)?;
        record.project = text(Field::Project)?;
        record.key = self.key(values)?;
        record.member = text(Field::Member)?;
        record.model = text(Field::Model)?;
        record.provider = text(Field::Provider)?;
        record.tier = text(Field::ServiceTier)?;
        record.batch = text(Field::Batch)?.is_some_and(|batch| matches!(&*batch, "true" | "1" | "yes"));
        record.hold = text(Field::Hold)?;
        if failed {
            return Ok(Some(record.failed()));
        }
        record.resource = self.resource(values)?;
        record.cost = self.cost(values)?;
        record.usage = self.usage(values)?;
        Ok(Some(record))
    }

    /// The text of a field; `None` if it stands at none of its places.
    fn text<'a>(&'a self, field: Field, values: &Values<'a>) -> Result<Option<Cow<'a, str>>, Bad> {
        for place in &self.sources[field as usize] {
            let found = match place {
                Place::Constant(text) => return Ok(Some(Cow::Borrowed(text))),
                Place::Slot(slot) => values[*slot].as_ref(),
            };
            let text = found.map_or(Ok(None), Value::text).map_err(|raw| {
                let what = format!("{} is {}: a text or a number was expected", field.name(), shown(raw.get()));
                Bad::new(Reason::BadField, what).at(raw.get())
            })?;
            if text.is_some() {
                return Ok(text);
            }
        }
        Ok(None)
    }

    fn missing(&self, field: Field) -> Bad {
        let places = self.sources[field as usize].iter().filter_map(|place| match place {
            Place::Slot(slot) => Some(self.tree.pointer(*slot)),
            Place::Constant(_) => None,
        });
        let places: Vec<&str> = places.collect();
        Bad::missing(&format!("{} ({})", field.name(), places.join(", ")))
    }

    fn time(&self, values: &Values<'_>) -> Result<Timestamp, Bad> {
        let text = self.text(Field::Time, values)?.ok_or_else(|| self.missing(Field::Time))?;
        let refuse = || {
            let what = format!("time is {}: the mapping says that it is {}", shown(&text), self.units.time);
            Bad::new(Reason::BadTime, what).at(&text)
        };
        self.units.time.read(&text).ok_or_else(refuse)
    }

    fn key<'a>(&'a self, values: &Values<'a>) -> Result<Option<KeyRef<'a>>, Bad> {
        let Some(sha256) = self.text(Field::ApiKeySha256, values)? else {
            return Ok(self.text(Field::ApiKey, values)?.and_then(KeyRef::of));
        };
        let refuse = || Bad::new(Reason::BadField, "api_key_sha256 is no SHA-256: that is 64 hexadecimal digits");
        KeyHash::from_hex(&sha256).map(|hash| Some(KeyRef::Hash(hash))).ok_or_else(|| refuse().at(&sha256))
    }

    fn resource(&self, values: &Values<'_>) -> Result<Option<Resource>, Bad> {
        let (kind, id) = (self.text(Field::ResourceType, values)?, self.text(Field::ResourceId, values)?);
        let whole = kind.zip(id);
        Ok(whole.map(|(kind, id)| Resource { kind: kind.into_owned(), id: id.into_owned() }))
    }

    fn cost(&self, values: &Values<'_>) -> Result<Option<Nanos>, Bad> {
        let unit = self.units.cost;
        self.number(Field::Cost, values, |text| cost_of(text, unit.places()).ok_or("an amount is a number from 0 on"))
    }

    /// A field's number; what is wrong with it names the field and the spot.
    fn number<N>(
        &self,
        field: Field,
        values: &Values<'_>,
        read: impl FnOnce(&str) -> Result<N, &'static str>,
    ) -> Result<Option<N>, Bad> {
        let Some(text) = self.text(field, values)? else { return Ok(None) };
        read(&text).map(Some).map_err(|what| {
            Bad::new(Reason::BadNumber, format!("{} is {}: {what}", field.name(), shown(&text))).at(&text)
        })
    }

    /// The counts. A line that has none of those that are mapped has not said what was used.
    fn usage(&self, values: &Values<'_>) -> Result<Usage, Bad> {
        let mut any = self.sources[Field::Cost as usize].iter().any(|place| is_there(place, values));
        let mut noted = |count: Option<u64>| {
            any |= count.is_some();
            count.unwrap_or(0)
        };
        let mut count = |field: Field, times: u32| -> Result<u64, Bad> {
            Ok(noted(self.number(field, values, |text| count_of(text, times))?))
        };
        let tokens = self.units.tokens.into();
        let mut usage = Usage {
            input: count(Field::InputTokens, tokens)?,
            cached_input: count(Field::CachedInputTokens, tokens)?,
            cache_write: count(Field::CacheWriteTokens, tokens)?,
            cache_write_1h: count(Field::CacheWrite1hTokens, tokens)?,
            output: count(Field::OutputTokens, tokens)?,
            reasoning: count(Field::ReasoningTokens, tokens)?,
            audio_input: count(Field::AudioInputTokens, tokens)?,
            audio_output: count(Field::AudioOutputTokens, tokens)?,
            images: count(Field::Images, 1)?,
            searches: count(Field::Searches, 1)?,
            ..Usage::default()
        };
        let places = self.units.seconds.places();
        usage.milliseconds = noted(self.number(Field::Seconds, values, |text| {
            milliseconds_of(text, places).ok_or("a time span is a number from 0 on")
        })?);
        let bytes =
            self.number(Field::Bytes, values, |text| text.parse().map_err(|_| "it is a whole number of bytes"))?;
        usage.bytes = bytes.unwrap_or(0);
        if !any && bytes.is_none() {
            return Err(Bad::new(Reason::MissingField, "none of the counts that are mapped is there, and no cost"));
        }
        if self.cached == Cached::Outside {
            usage.input += usage.cached_input + usage.cache_write;
        }
        Ok(usage)
    }
}

fn is_there(place: &Place, values: &Values<'_>) -> bool {
    match place {
        Place::Constant(_) => true,
        Place::Slot(slot) => values[*slot].as_ref().is_some_and(|value| matches!(value.text(), Ok(Some(_)))),
    }
}
