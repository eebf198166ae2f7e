//! Rate limits per model and lists of models (R23), and how a project's relate to its organization's (R24).

use std::str::FromStr;

use serde::Serialize;

use crate::secret::without_secrets;

/// The rate limits of one model; `None` is no limit. Names are those of the administration API (R44), which has no tokens per
/// day: those are named in its manner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RateLimit {
    /// The model.
    pub model: String,
    /// The figures.
    #[serde(flatten)]
    pub rates: Rates,
}

/// The figures of a rate limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rates {
    /// Requests per minute.
    pub max_requests_per_1_minute: Option<u64>,
    /// Tokens per minute.
    pub max_tokens_per_1_minute: Option<u64>,
    /// Requests per day.
    pub max_requests_per_1_day: Option<u64>,
    /// Tokens per day.
    pub max_tokens_per_1_day: Option<u64>,
    /// Images per minute.
    pub max_images_per_1_minute: Option<u64>,
    /// Megabytes of audio per minute.
    pub max_audio_megabytes_per_1_minute: Option<u64>,
    /// Input tokens of batches per day.
    pub batch_1_day_max_input_tokens: Option<u64>,
}

/// Which figure of a rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is named like its figure")]
pub enum Rate {
    RequestsPerMinute,
    TokensPerMinute,
    RequestsPerDay,
    TokensPerDay,
    ImagesPerMinute,
    AudioMegabytesPerMinute,
    BatchInputTokensPerDay,
}

impl Rate {
    /// Every figure.
    pub const ALL: [Self; 7] = [
        Self::RequestsPerMinute,
        Self::TokensPerMinute,
        Self::RequestsPerDay,
        Self::TokensPerDay,
        Self::ImagesPerMinute,
        Self::AudioMegabytesPerMinute,
        Self::BatchInputTokensPerDay,
    ];

    /// Its name as it is typed, as in `requests_per_minute`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RequestsPerMinute => "requests_per_minute",
            Self::TokensPerMinute => "tokens_per_minute",
            Self::RequestsPerDay => "requests_per_day",
            Self::TokensPerDay => "tokens_per_day",
            Self::ImagesPerMinute => "images_per_minute",
            Self::AudioMegabytesPerMinute => "audio_megabytes_per_minute",
            Self::BatchInputTokensPerDay => "batch_input_tokens_per_day",
        }
    }
}

impl Rates {
    /// One figure.
    #[must_use]
    pub const fn get(&self, rate: Rate) -> Option<u64> {
        match rate {
            Rate::RequestsPerMinute => self.max_requests_per_1_minute,
            Rate::TokensPerMinute => self.max_tokens_per_1_minute,
            Rate::RequestsPerDay => self.max_requests_per_1_day,
            Rate::TokensPerDay => self.max_tokens_per_1_day,
            Rate::ImagesPerMinute => self.max_images_per_1_minute,
            Rate::AudioMegabytesPerMinute => self.max_audio_megabytes_per_1_minute,
            Rate::BatchInputTokensPerDay => self.batch_1_day_max_input_tokens,
        }
    }

    /// Sets one figure.
    pub const fn set(&mut self, rate: Rate, value: Option<u64>) {
        let slot = match rate {
            Rate::RequestsPerMinute => &mut self.max_requests_per_1_minute,
            Rate::TokensPerMinute => &mut self.max_tokens_per_1_minute,
            Rate::RequestsPerDay => &mut self.max_requests_per_1_day,
            Rate::TokensPerDay => &mut self.max_tokens_per_1_day,
            Rate::ImagesPerMinute => &mut self.max_images_per_1_minute,
            Rate::AudioMegabytesPerMinute => &mut self.max_audio_megabytes_per_1_minute,
            Rate::BatchInputTokensPerDay => &mut self.batch_1_day_max_input_tokens,
        };
        *slot = value;
    }

    /// Whether no figure is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The figures that are above those of the organization for the same model (R24), with both values.
    pub fn above(&self, organization: &Self) -> impl Iterator<Item = (Rate, u64, u64)> {
        Rate::ALL.into_iter().filter_map(|rate| match (self.get(rate), organization.get(rate)) {
            (Some(own), Some(limit)) if own > limit => Some((rate, own, limit)),
            _ => None,
        })
    }

    /// These, with every figure that is above the organization's lowered to it (R24).
    #[must_use]
    pub fn lowered_to(&self, organization: &Self) -> Self {
        let mut lowered = *self;
        for (rate, _, limit) in self.above(organization) {
            lowered.set(rate, Some(limit));
        }
        lowered
    }
}

/// A change of one figure as it is typed: `gpt-4o:requests_per_minute=500`, or `=none` to take it away. A model's name may
/// have colons of its own (`ft:gpt-4o:acme`): the last one counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateChange {
    /// Of which model.
    pub model: String,
    /// Which figure.
    pub rate: Rate,
    /// To what.
    pub value: Option<u64>,
}

/// A rate limit that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateProblem {
    /// Not of the form `MODEL:RATE=NUMBER`.
    #[error("{0:?} is no rate limit: write MODEL:RATE=NUMBER or MODEL:RATE=none, as in gpt-4o:requests_per_minute=500")]
    Form(String),
    /// No such figure.
    #[error("{0:?} is no rate: it is one of {list}", list = Rate::ALL.map(Rate::name).join(", "))]
    Rate(String),
    /// Not a whole number that the store can hold.
    #[error("{0:?} is no whole number from 0 to {max}", max = i64::MAX)]
    Number(String),
}

impl FromStr for RateChange {
    type Err = RateProblem;

    fn from_str(text: &str) -> Result<Self, RateProblem> {
        let form = || RateProblem::Form(without_secrets(text).into_owned());
        let (left, value) = text.rsplit_once('=').ok_or_else(form)?;
        let (model, name) = left.rsplit_once(':').filter(|(model, _)| !model.is_empty()).ok_or_else(form)?;
        let rate = Rate::ALL.into_iter().find(|rate| rate.name() == name);
        let rate = rate.ok_or_else(|| RateProblem::Rate(without_secrets(name).into_owned()))?;
        let value = match value {
            "none" => None,
            number => {
                let parsed = number.parse().ok().filter(|number| i64::try_from(*number).is_ok());
                Some(parsed.ok_or_else(|| RateProblem::Number(without_secrets(number).into_owned()))?)
            }
        };
        Ok(Self { model: model.to_owned(), rate, value })
    }
}

/// The models that may be used; `None` is all of them (R23). Sorted, each once.
pub type Models = Option<Vec<String>>;

/// Those of a project's models that its organization's list does not have (R24). A project without a list uses the
/// organization's.
#[must_use]
pub fn models_outside<'a>(project: &'a Models, organization: &Models) -> Vec<&'a str> {
    let (Some(project), Some(organization)) = (project, organization) else { return Vec::new() };
    project.iter().filter(|model| !organization.contains(model)).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r23_rates_are_typed_by_name() {
        for rate in Rate::ALL {
            let typed = format!("ft:gpt-4o:acme:{}=7", rate.name());
            let change: RateChange = typed.parse().unwrap();
            assert_eq!(change, RateChange { model: "ft:gpt-4o:acme".into(), rate, value: Some(7) });
            let mut rates = Rates::default();
            rates.set(rate, change.value);
            assert_eq!(rates.get(rate), Some(7));
            assert_eq!(Rate::ALL.into_iter().filter(|other| rates.get(*other).is_some()).count(), 1);
        }
        assert_eq!("m:requests_per_day=none".parse::<RateChange>().unwrap().value, None);
        for bad in ["m", "m=3", ":requests_per_day=3", "m:requests=3", "m:requests_per_day=-3", "m:requests_per_day="] {
            assert!(bad.parse::<RateChange>().is_err(), "{bad}");
        }
        assert!(format!("m:requests_per_day={}", u64::MAX).parse::<RateChange>().is_err());
    }

    #[test]
    fn r24_what_is_above_the_organization_is_found_and_lowered() {
        let organization = Rates { max_requests_per_1_minute: Some(100), ..Rates::default() };
        let project =
            Rates { max_requests_per_1_minute: Some(101), max_tokens_per_1_minute: Some(5), ..Rates::default() };
        assert_eq!(project.above(&organization).collect::<Vec<_>>(), [(Rate::RequestsPerMinute, 101, 100)]);
        let lowered = project.lowered_to(&organization);
        assert_eq!(lowered.above(&organization).count(), 0);
        assert_eq!(lowered.max_tokens_per_1_minute, Some(5));
    }

    #[test]
    fn r24_a_projects_models_are_a_subset() {
        let list = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(models_outside(&list(&["a", "b"]), &list(&["a"])), ["b"]);
        assert!(models_outside(&None, &list(&["a"])).is_empty());
        assert!(models_outside(&list(&["a"]), &None).is_empty());
    }
}
