//! What a line says, field by field, and what would become of it: for whoever tries out a log.
//!
//! Nothing in an [`Explanation`] has a secret in it.

use mete_core::secret::without_secrets;
use mete_core::{EndpointGroup, Month, Nanos, Timestamp, Usage};
use mete_prices::{Part, Query, Quote, Unit};
use mete_store::{Parcel, ReadCounts};
use serde::Serialize;

use super::{Problem, Reader, rater};
use crate::attribution::{Attribution, Attributor, Ground};
use crate::formats::{self, Layout, Line};
use crate::framing::Frame;
use crate::record::Record;

/// What would become of one thing that a line says.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// Where its line starts: a byte offset.
    pub position: u64,
    /// What would become of it.
    pub outcome: Outcome,
    /// The format, as far as it is known.
    pub format: Option<String>,
    /// Why it cannot be counted.
    pub problem: Option<Trouble>,
    /// What was understood of an event, also of one that cannot be counted.
    pub event: Option<Box<Understood>>,
}

/// What becomes of something that a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is an event, and would be counted unless it was before.
    Counted,
    /// It is no usage event.
    Ignored,
    /// It would go into the quarantine.
    Quarantined,
}

/// Why something cannot be counted.
#[derive(Debug, Serialize)]
pub struct Trouble {
    /// A stable word.
    pub reason: &'static str,
    /// In words.
    pub detail: String,
    /// Which byte of the line is the first that is wrong, where that is known.
    pub spot: Option<u32>,
}

/// What was understood of an event.
#[derive(Debug, Serialize)]
pub struct Understood {
    /// Its id within its organization.
    pub id: String,
    /// When it happened.
    pub time: Option<Timestamp>,
    /// The month that it counts to.
    pub month: Option<Month>,
    /// What it says of whose it is.
    pub said: Vec<Said>,
    /// Whose it is.
    pub whose: Option<Whose>,
    /// The model.
    pub model: Option<String>,
    /// Who served it.
    pub provider: Option<String>,
    /// The service tier.
    pub tier: Option<String>,
    /// Whether it was part of a batch.
    pub batch: bool,
    /// The endpoint's group.
    pub endpoint: EndpointGroup,
    /// What it used.
    pub usage: Usage,
    /// What the prices make of that, where they know it.
    pub price: Option<PriceShown>,
    /// The cost that it brings along.
    pub own_cost: Option<Nanos>,
    /// What it would be counted with.
    pub cost: Option<Nanos>,
}

/// One thing that an event says of whose it is.
#[derive(Debug, Serialize)]
pub struct Said {
    /// What it is, as in `team`.
    pub what: &'static str,
    /// What it says.
    pub text: String,
}

/// Whose an event is.
#[derive(Debug, Serialize)]
pub struct Whose {
    /// The organization.
    pub organization: Named,
    /// The project.
    pub project: Named,
    /// The key's id.
    pub key: Option<String>,
    /// The id of the person or service account.
    pub member: Option<String>,
    /// What decided it, in words.
    pub because: String,
}

/// Something with an id and a name.
#[derive(Debug, Serialize)]
pub struct Named {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// How a price comes about. Amounts are dollars in text, exact.
#[derive(Debug, Serialize)]
pub struct PriceShown {
    /// The version of the price.
    pub version: String,
    /// Counts times rates.
    pub parts: Vec<PartShown>,
    /// For the request itself.
    pub request: Option<String>,
    /// Per cent of the sum that are charged.
    pub percent: u8,
    /// Whether the catalogue calculated it as a whole, so that the parts do not add up to it.
    pub as_a_whole: bool,
    /// The price, rounded once; `None` where something that was used has none.
    pub cost: Option<Nanos>,
}

/// So many of one unit at one rate.
#[derive(Debug, Serialize)]
pub struct PartShown {
    /// Of what, as in `cached input tokens`.
    pub unit: String,
    /// How many; seconds are milliseconds here.
    pub count: u64,
    /// For how many the rate is: a million tokens, a second in milliseconds, one of anything else.
    pub per: u64,
    /// What so many cost; `None` where the unit has no price.
    pub rate: Option<String>,
    /// What all of them cost.
    pub cost: Option<String>,
}

impl Reader {
    /// Explains one frame: once for each thing that it says. Counts nothing. Must be called where blocking is allowed, as
    /// [`Reader::read`].
    pub fn explain(&mut self, frame: &Frame, each: &mut impl FnMut(Explanation)) {
        let Frame::Line { position, bytes } = frame else { return self.explain_too_long(frame, each) };
        let mut last_format = self.last_format;
        let mut explained = Vec::new();
        let layout = self.settings.format.clone();
        formats::read_laid_out(bytes, layout.as_ref(), &mut last_format, &mut |line| {
            let (outcome, problem, event) = match line {
                Line::Ignored => (Outcome::Ignored, None, None),
                Line::Bad(bad) => {
                    let problem = Problem { reason: bad.reason.name(), detail: bad.detail, spot: bad.spot };
                    (Outcome::Quarantined, Some(problem), None)
                }
                Line::Record(record) => {
                    let (cost, problem) = match self.event(&record, &mut ReadCounts::default()) {
                        Ok(event) => (Some(event.cost), None),
                        Err(problem) => (None, Some(problem)),
                    };
                    let outcome = if cost.is_some() { Outcome::Counted } else { Outcome::Quarantined };
                    (outcome, problem, Some((record.format.to_string(), self.understood(&record, cost))))
                }
            };
            explained.push((outcome, problem, event));
        });
        self.last_format = last_format;
        for (outcome, problem, event) in explained {
            // Of a bad line, its format is known where that was given, or where the line was taken for one.
            let known =
                problem.as_ref().is_none_or(|problem| !["not_json", "unknown_format"].contains(&problem.reason));
            let taken_for = layout.clone().or_else(|| last_format.filter(|_| known).map(Layout::from));
            let (format, event) = event.map_or_else(
                || (taken_for.map(|layout| layout.to_string()), None),
                |(format, event)| (Some(format), Some(Box::new(event))),
            );
            let problem = problem.map(Trouble::from);
            each(Explanation { position: *position, outcome, format, problem, event });
        }
    }

    fn explain_too_long(&mut self, frame: &Frame, each: &mut impl FnMut(Explanation)) {
        let mut parcel = Parcel::default();
        self.read(frame.clone(), &mut parcel);
        for entry in parcel.quarantine {
            let problem = Trouble { reason: entry.reason, detail: clean(&entry.detail), spot: entry.spot };
            each(Explanation {
                position: entry.position,
                outcome: Outcome::Quarantined,
                format: None,
                problem: Some(problem),
                event: None,
            });
        }
    }

    fn understood(&mut self, record: &Record<'_>, cost: Option<Nanos>) -> Understood {
        let (rater, text) = (&mut self.rater, |text: &Option<_>| text.as_deref().map(clean));
        let whose = rater.attributor.attribute(record).ok();
        Understood {
            id: clean(&record.id),
            time: record.time,
            month: record.time.map(Timestamp::month),
            said: said(record),
            whose: whose.map(|whose| Whose::of(&whose, &rater.attributor)),
            model: text(&record.model),
            provider: text(&record.provider),
            tier: text(&record.tier),
            batch: record.batch,
            endpoint: record.endpoint,
            usage: record.usage,
            price: record.time.and_then(|time| {
                let query = rater::query(record, time);
                let quote = rater.pricer.quote(&query).ok().filter(|_| record.usage.is_billable())?;
                Some(PriceShown::of(&quote, &query))
            }),
            own_cost: record.cost,
            cost,
        }
    }
}

/// What a record says of whose it is.
fn said(record: &Record<'_>) -> Vec<Said> {
    let key = record.key.as_ref().map(|key| clean(&key.to_string()));
    let texts = [
        ("organization", &record.organization),
        ("project", &record.project),
        ("team", &record.team),
        ("key alias", &record.key_alias),
        ("member", &record.member),
        ("user", &record.user),
        ("service", &record.service),
        ("directory", &record.directory),
    ];
    let texts = texts.into_iter().filter_map(|(what, text)| Some(Said { what, text: clean(text.as_deref()?) }));
    key.map(|text| Said { what: "key", text }).into_iter().chain(texts).collect()
}

fn clean(text: &str) -> String {
    without_secrets(text).into_owned()
}

impl From<Problem> for Trouble {
    fn from(Problem { reason, detail, spot }: Problem) -> Self {
        Self { reason, detail: clean(&detail), spot }
    }
}

impl Whose {
    fn of(Attribution { series, ground }: &Attribution, attributor: &Attributor) -> Self {
        let directory = attributor.directory();
        let rule = match ground {
            Ground::Rule(number) => attributor.rules().get(number - 1),
            _ => None,
        };
        let named = |id: &str, name: Option<&str>| Named { id: id.to_owned(), name: clean(name.unwrap_or(id)) };
        Self {
            organization: named(&series.organization, directory.organization_name(&series.organization)),
            project: named(&series.project, directory.project_name(&series.project)),
            key: series.key.as_deref().map(clean),
            member: series.member.as_deref().map(clean),
            because: rule.map_or_else(|| ground.to_string(), |rule| format!("{ground}: {}", rule.when)),
        }
    }
}

impl PriceShown {
    fn of(quote: &Quote, query: &Query<'_>) -> Self {
        let breakdown = quote.breakdown(query);
        Self {
            version: quote.version().to_string(),
            parts: breakdown.parts.iter().map(PartShown::from).collect(),
            request: breakdown.request.map(|request| request.to_string()),
            percent: breakdown.percent,
            as_a_whole: breakdown.as_a_whole,
            cost: quote.cost(query).ok(),
        }
    }
}

impl From<&Part> for PartShown {
    fn from(Part { unit, count, rate }: &Part) -> Self {
        let per = match unit {
            Unit::Images | Unit::Searches => 1,
            Unit::Milliseconds => 1_000,
            _ => 1_000_000,
        };
        Self {
            unit: unit.to_string(),
            count: *count,
            per,
            rate: rate.map(|rate| rate.times(per).to_string()),
            cost: rate.map(|rate| rate.times(*count).to_string()),
        }
    }
}
