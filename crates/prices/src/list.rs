//! Every model that has a price, and what it costs at an instant.

use std::collections::BTreeSet;
use std::sync::Arc;

use mete_core::Timestamp;
use serde::Serialize;

use crate::catalogue::Catalogue;
use crate::error::NoPrice;
use crate::probe::Source;
use crate::tariff::Tariff;

/// Where a price comes from (R35).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The operator's own prices.
    Override,
    /// The bundled catalogue.
    Catalogue,
}

/// Which models are meant.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// As it was typed and as the catalogue calls it, in lower case.
    provider: Option<(String, String)>,
    /// In lower case.
    model: Option<String>,
}

impl Filter {
    /// Those of one provider, under any name that the catalogue knows it by, or of all; those with `model` in their
    /// name in any case or, if there is a `*` in it, those that are as it says, each `*` being any text.
    #[must_use]
    pub fn new(provider: Option<&str>, model: Option<&str>) -> Self {
        let both = |typed: &str| {
            let known = Source::provider_id(typed).unwrap_or(typed);
            (typed.to_lowercase(), known.to_lowercase())
        };
        Self { provider: provider.map(both), model: model.map(str::to_lowercase) }
    }

    /// What holds for any provider is meant with each of them.
    fn takes(&self, model: &str, provider: Option<&str>) -> bool {
        let of_provider = match (&self.provider, provider.map(str::to_lowercase)) {
            (Some((typed, known)), Some(provider)) => provider == *typed || provider == *known,
            _ => true,
        };
        let model = model.to_lowercase();
        of_provider
            && self.model.as_deref().is_none_or(|wanted| {
                if wanted.contains('*') { is_like(&model, wanted) } else { model.contains(wanted) }
            })
    }
}

/// Whether `text` is as `pattern` says, in which each `*` is any text.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(found) = rest.find(part) else { return false };
        rest = &rest[found + part.len()..];
    }
    rest.ends_with(last)
}

/// A model as prices name it: in the catalogue one of a provider, in an override what it matches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub model: String,
    pub provider: Option<String>,
    /// Whether it is what an override matches.
    pub own: bool,
}

/// A model and what it costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its name; of an override what it matches, in lower case.
    pub model: String,
    /// Its provider; `None` if an override holds for any.
    pub provider: Option<String>,
    /// Where the price comes from.
    pub source: Origin,
    /// The version of the price.
    pub version: Arc<str>,
    /// What it costs.
    #[serde(flatten)]
    pub tariff: Tariff,
}

impl Catalogue {
    /// The models that `filter` takes and what they cost at `time`, by name and provider: each entry of the overrides
    /// that holds then, and each model of the catalogue at the price that holds for it, be that an override's.
    ///
    /// # Errors
    ///
    /// If the catalogue cannot calculate.
    pub fn list(&self, filter: &Filter, time: Timestamp) -> Result<Vec<Listed>, NoPrice> {
        let names = self.names(filter, time);
        names.iter().filter_map(|name| self.listed(name, time).transpose()).collect()
    }

    /// What has a price at `time`.
    pub(crate) fn names(&self, filter: &Filter, time: Timestamp) -> BTreeSet<Name> {
        let name = |model: &str, provider: Option<&str>, own| Name {
            model: model.to_owned(),
            provider: provider.map(str::to_owned),
            own,
        };
        let bundled = Source::names().filter(|(provider, model)| filter.takes(model, Some(provider)));
        let mut names: BTreeSet<Name> = bundled.map(|(provider, model)| name(model, Some(provider), false)).collect();
        for entry in self.overrides.in_force(time) {
            let (model, provider) = (entry.pattern(), entry.provider());
            // An entry for a very model of the catalogue is that model's row already.
            if filter.takes(&model, provider) && !names.contains(&name(&model, provider, false)) {
                names.insert(name(&model, provider, true));
            }
        }
        names
    }

    /// What `name` costs at `time`, if it has a price then.
    pub(crate) fn listed(&self, name: &Name, time: Timestamp) -> Result<Option<Listed>, NoPrice> {
        let (model, provider) = (name.model.as_str(), name.provider.as_deref());
        let of = |source, version: &Arc<str>, tariff| Listed {
            model: name.model.clone(),
            provider: name.provider.clone(),
            source,
            version: Arc::clone(version),
            tariff,
        };
        let is_pattern = name.own && model.ends_with('*');
        let exactly = if name.own { self.overrides.exactly(model, provider, time) } else { None };
        let entry = exactly.or_else(|| if is_pattern { None } else { self.overrides.find(model, provider, time) });
        if let Some(entry) = entry {
            return Ok(Some(of(Origin::Override, &entry.version, entry.tariff(false))));
        }
        if is_pattern {
            return Ok(None);
        }
        // What an override is about may be a model of the catalogue all the same, where that override does not hold.
        let refused = |error: genai_prices::Error| NoPrice::refused(model, &error);
        let source = match provider {
            Some(provider) if !name.own => Some(Source::named(provider, model)),
            _ => Source::find(model, provider, None, false).map_err(refused)?,
        };
        let Some(source) = source else { return Ok(None) };
        let tariff = source.outline(time).map_err(refused)?;
        Ok(tariff.map(|tariff| of(Origin::Catalogue, self.version(), tariff)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text() {
        for (pattern, like, unlike) in [
            ("gpt-*", &["gpt-", "gpt-4o"][..], &["o1", "my-gpt-4o", "gpt"][..]),
            ("*-mini", &["gpt-4o-mini", "-mini"], &["gpt-4o-mini-2024"]),
            ("*sonnet*4*", &["claude-sonnet-4", "sonnet4"], &["claude-4-sonnet"]),
            ("a*a", &["aa", "aba"], &["a", "ab"]),
            ("*", &["", "x"], &[]),
            ("gpt", &["gpt"], &["gpt-4"]),
        ] {
            assert!(like.iter().all(|text| is_like(text, pattern)), "{pattern}");
            assert!(!unlike.iter().any(|text| is_like(text, pattern)), "{pattern}");
        }
    }

    #[test]
    fn a_filter_knows_providers_by_all_their_names() {
        let takes = |provider, model| Filter::new(provider, model).takes("gpt-4o-mini", Some("azure"));
        assert!(takes(None, None) && takes(Some("Azure"), Some("4O")) && takes(None, Some("gpt*mini")));
        assert!(!takes(Some("openai"), None) && !takes(None, Some("mini*")) && !takes(None, Some("sonnet")));
        assert!(Filter::new(Some("bedrock"), None).takes("x", Some("aws")));
        // An entry for any provider holds for this one too; a name that nobody knows is one of the operator's.
        assert!(Filter::new(Some("azure"), None).takes("x", None));
        assert!(Filter::new(Some("house"), None).takes("x", Some("house")));
    }
}
