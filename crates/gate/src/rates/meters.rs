//! What is used of every limit, and what was charged for requests whose usage has not come.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use mete_core::Timestamp;
use mete_core::decision::{Limited, Standing, Standings, period};
use mete_core::event::EventId;
use mete_core::rates::{Rate, Rates};
use mete_core::time::DAY;
use mete_store::HourUsage;
use rustc_hash::FxHashMap;

use super::bucket::{Bucket, Quota};
use super::{Amounts, Used};
use crate::directory::{Directory, Organization, Project, text};

/// Requests for which it is remembered what was charged, at most; for further ones the usage counts when it comes.
const MOST_CHARGES: usize = 1_000_000;

/// How much of the past is looked at to rebuild what is used of limits by the day, in microseconds. Two days drain what was
/// used before them, of whoever used less than half of the limit in each; for all others it is taken for used up then.
pub const KNOWN: i64 = 2 * DAY;

/// What tells the usage of a request when it comes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// It names this hold.
    Hold(Arc<str>),
    /// It has this id.
    Event(EventId),
}

impl Link {
    /// What tells the usage of a request for which money is held: the id of its event, where that was told.
    pub fn of_hold(id: &str, event: Option<EventId>) -> Self {
        event.map_or_else(|| Self::Hold(id.into()), Self::Event)
    }
}

/// The limits of one model in one scope.
#[derive(Clone, Copy, Debug)]
struct Scope<'a> {
    kind: &'static str,
    id: &'a Bytes,
    name: &'a str,
    rates: &'a Rates,
}

/// What is used of every limit. Only limits that were met are here.
#[derive(Debug, Default)]
pub struct Meters {
    used: FxHashMap<Bytes, FxHashMap<Box<str>, [Bucket; Rate::ALL.len()]>>,
    charges: FxHashMap<Link, Charge>,
    /// When it is forgotten what was charged, in the order of time.
    ends: BTreeSet<(Timestamp, Link)>,
    /// When it was rebuilt what is used of limits by the day: requests of before, whose usage comes later, were not
    /// counted then.
    begun: Option<Timestamp>,
}

/// What was charged for a request.
#[derive(Clone, Debug)]
struct Charge {
    project: Bytes,
    model: Box<str>,
    tokens: u64,
    images: u64,
    /// From when on its usage is not waited for any more.
    until: Timestamp,
}

/// A limit that a request meets, with what is used of it.
#[derive(Clone, Copy, Debug)]
pub struct Met<'a> {
    /// `project` or `organization`.
    pub kind: &'static str,
    pub id: &'a Bytes,
    pub name: &'a str,
    pub rate: Rate,
    pub standing: Standing,
    /// What of it is used, which may be more than it.
    pub used: u64,
    /// What the request asks for of it.
    pub requested: u64,
    /// Whether that has room; else in how many microseconds it has, if ever.
    pub room: Result<(), Option<i64>>,
}

/// The limits that hold for a model in a project: its own, its organization's, and those of the one above.
fn scopes<'a>(directory: &'a Directory, project: &'a Project, model: &str) -> impl Iterator<Item = Scope<'a>> {
    let organization = directory.organization_of(project);
    let of = |organization: &'a Organization, rates| Scope {
        kind: "organization",
        id: &organization.id,
        name: &organization.name,
        rates,
    };
    let own = directory.rates_of(&project.id, model);
    let own = own.map(|rates| Scope { kind: "project", id: &project.id, name: &project.name, rates });
    let above = directory.rates_of(&organization.id, model).map(|rates| of(organization, rates));
    let top = directory.parent_of(organization);
    let top = top.and_then(|top| Some(of(top, directory.rates_of(&top.id, model)?)));
    [own, above, top].into_iter().flatten()
}

/// Whether any limit holds for a model in a project. Takes no lock.
pub fn are_there(directory: &Directory, project: &Project, model: &str) -> bool {
    scopes(directory, project, model).next().is_some()
}

impl Meters {
    /// Every limit that a request meets.
    pub fn look<'a>(
        &self,
        (directory, project): (&'a Directory, &'a Project),
        (model, amounts): (&str, &Amounts),
        now: Timestamp,
    ) -> Vec<Met<'a>> {
        let mut met = Vec::new();
        for Scope { kind, id, name, rates } in scopes(directory, project, model) {
            let used = self.used.get(id).and_then(|models| models.get(model)).copied().unwrap_or_default();
            for (rate, bucket) in Rate::ALL.into_iter().zip(used) {
                let Some(limit) = rates.get(rate) else { continue };
                let (quota, requested) = (Quota { limit, period: period(rate) }, amounts.of(rate));
                // Tokens that are not told will come: one of them must have room.
                let is_of_tokens = matches!(rate, Rate::TokensPerMinute | Rate::TokensPerDay);
                let least = if is_of_tokens { requested.max(1) } else { requested };
                let room = if least == 0 { Ok(()) } else { bucket.fits(quota, least, now) };
                let (standing, used) = (bucket.standing(quota, now), bucket.used(quota, now));
                met.push(Met { kind, id, name, rate, standing, used, requested, room });
            }
        }
        met
    }

    /// Charges a request on all limits of its model, or on none where one of them has no room for it. With a `link` tokens
    /// and images are charged as they are told, and corrected when the usage comes; without one they are only looked at
    /// here, and charged when it comes.
    ///
    /// # Errors
    /// The limit that takes longest to have room.
    pub fn take(
        &mut self,
        (directory, project): (&Directory, &Project),
        (model, amounts): (&str, &Amounts),
        (now, until): (Timestamp, Timestamp),
        link: Option<Link>,
    ) -> Result<Standings, Box<Limited>> {
        self.forget(directory, now);
        let met = self.look((directory, project), (model, amounts), now);
        // One that never has room counts for longer than all others.
        let wait = |met: &&Met<'_>| met.room.err().map(|wait| wait.unwrap_or(i64::MAX));
        if let Some(refusing) = met.iter().filter(|met| met.room.is_err()).max_by_key(wait) {
            return Err(Box::new(refusing.limited(model, standings(&met))));
        }
        let is_new = |link: &Link| self.charges.len() < MOST_CHARGES && !self.charges.contains_key(link);
        let link = link.filter(is_new);
        let charged = match &link {
            Some(_) => *amounts,
            None => Amounts { tokens: None, images: 0, ..*amounts },
        };
        self.add((directory, project), model, now, |rate| i64::try_from(charged.of(rate)).unwrap_or(i64::MAX));
        if let Some(link) = link
            && let Some(tokens) = charged.tokens
        {
            let (project, images) = (project.id.clone(), charged.images);
            let charge = Charge { project, model: model.into(), tokens, images, until };
            self.charges.insert(link.clone(), charge);
            self.ends.insert((until, link));
        }
        Ok(standings(&self.look((directory, project), (model, amounts), now)))
    }

    /// Charges what an event used: what was told of its request is given back. What happened longer ago than a limit's
    /// period is not charged on it: a log that is taken in late stops nobody.
    pub fn count(&mut self, directory: &Directory, used: &Used<'_>, now: Timestamp) {
        self.forget(directory, now);
        let links = [used.hold.map(|hold| Link::Hold(hold.into())), Some(Link::Event(used.event))];
        let told = links.into_iter().flatten().find_map(|link| self.recall(used.project.as_bytes(), &link));
        let model = told.as_ref().map_or(used.model, |told| &told.model);
        let Some(project) = directory.project(used.project) else { return };
        let (tokens, images) = told.as_ref().map_or((0, 0), |told| (told.tokens, told.images));
        let difference =
            |actual: u64, told: u64| i64::try_from(i128::from(actual) - i128::from(told)).unwrap_or(i64::MAX);
        let age = now.since(used.time);
        let is_of_before = told.is_none() && self.begun.is_some_and(|begun| used.time < begun);
        self.add((directory, project), model, now, |rate| match rate {
            _ if age >= period(rate) => 0,
            Rate::TokensPerMinute | Rate::TokensPerDay => difference(used.tokens, tokens),
            Rate::ImagesPerMinute => difference(used.images, images),
            Rate::RequestsPerDay => i64::from(is_of_before),
            _ => 0,
        });
    }

    /// Takes what the ledger has of the last two days as used of the limits of requests and tokens by the day: no less than
    /// they had used when it was counted, and an hour's worth more at most. Hours are in their order.
    pub fn rebuild(&mut self, directory: &Directory, hours: &[HourUsage], now: Timestamp) {
        self.begun = Some(now);
        let mut sums: FxHashMap<(&Bytes, &str, Rate), BTreeMap<Timestamp, u64>> = FxHashMap::default();
        for HourUsage { project_id, model, end, requests, tokens } in hours {
            let Some(project) = directory.project(project_id) else { continue };
            for Scope { id, .. } in scopes(directory, project, model) {
                for (rate, units) in [(Rate::RequestsPerDay, requests), (Rate::TokensPerDay, tokens)] {
                    // What happened within an hour is taken for its end.
                    let sum = sums.entry((id, model, rate)).or_default().entry(*end.min(&now)).or_default();
                    *sum = sum.saturating_add(*units);
                }
            }
        }
        for ((id, model, rate), hours) in sums {
            let limit = directory.rates_of(id, model).and_then(|rates| rates.get(rate));
            if let Some(limit) = limit
                && let Some(place) = Rate::ALL.iter().position(|other| *other == rate)
            {
                let (quota, begin) = (Quota { limit, period: period(rate) }, now.plus(-KNOWN));
                let models = self.used.entry(id.clone()).or_default();
                models.entry(model.into()).or_default()[place] =
                    Bucket::of_history(quota, (begin, now), hours.into_iter());
            }
        }
    }

    /// Gives back what was told of a project's request that never went on.
    pub fn give_back(&mut self, directory: &Directory, (project, link): (&[u8], &Link), now: Timestamp) {
        self.forget(directory, now);
        if let Some(charge) = self.recall(project, link) {
            self.take_back(directory, &charge, now, |_| true);
        }
    }

    /// Waits longer for the usage of a project's request.
    pub fn extend(
        &mut self,
        directory: &Directory,
        (project, link): (&[u8], &Link),
        (now, until): (Timestamp, Timestamp),
    ) {
        self.forget(directory, now);
        if self.charges.get(link).is_some_and(|charge| charge.until < until)
            && let Some(charge) = self.recall(project, link)
        {
            self.charges.insert(link.clone(), Charge { until, ..charge });
            self.ends.insert((until, link.clone()));
        }
    }

    /// What was charged for a project's request. It is not known any more then.
    fn recall(&mut self, project: &[u8], link: &Link) -> Option<Charge> {
        self.charges.get(link).filter(|charge| charge.project == project)?;
        let (link, charge) = self.charges.remove_entry(link)?;
        self.ends.remove(&(charge.until, link));
        Some(charge)
    }

    /// Takes tokens and images of a charge back from the limits that are meant.
    fn take_back(&mut self, directory: &Directory, charge: &Charge, now: Timestamp, is_meant: impl Fn(Rate) -> bool) {
        let Some(project) = directory.project(&text(&charge.project)) else { return };
        let negative = |units: u64| i64::try_from(units).map_or(i64::MIN, |units| -units);
        self.add((directory, project), &charge.model, now, |rate| match rate {
            _ if !is_meant(rate) => 0,
            Rate::TokensPerMinute | Rate::TokensPerDay => negative(charge.tokens),
            Rate::ImagesPerMinute => negative(charge.images),
            _ => 0,
        });
    }

    fn add(
        &mut self,
        (directory, project): (&Directory, &Project),
        model: &str,
        now: Timestamp,
        units: impl Fn(Rate) -> i64,
    ) {
        for Scope { id, rates, .. } in scopes(directory, project, model) {
            let models = self.used.entry(id.clone()).or_default();
            if !models.contains_key(model) {
                models.insert(model.into(), Default::default());
            }
            let Some(buckets) = models.get_mut(model) else { continue };
            for (rate, bucket) in Rate::ALL.into_iter().zip(buckets) {
                if let (Some(limit), units) = (rates.get(rate), units(rate))
                    && units != 0
                {
                    bucket.add(Quota { limit, period: period(rate) }, units, now);
                }
            }
        }
    }

    /// Waits no longer for the usage of requests whose time is over, and counts it whole if it comes all the same. What was
    /// told of them has drained from the limits by the minute; from that by the day it is taken back.
    pub fn forget(&mut self, directory: &Directory, now: Timestamp) {
        while self.ends.first().is_some_and(|(end, _)| *end <= now) {
            let over = self.ends.pop_first();
            if let Some(charge) = over.and_then(|(_, link)| self.charges.remove(&link)) {
                self.take_back(directory, &charge, now, |rate| rate == Rate::TokensPerDay);
            }
        }
    }
}

impl Met<'_> {
    /// The refusal, where there is no room.
    pub fn limited(&self, model: &str, standings: Standings) -> Limited {
        Limited {
            kind: self.kind,
            scope: self.name.to_owned(),
            model: model.to_owned(),
            rate: self.rate,
            limit: self.standing.limit,
            used: self.used,
            requested: self.requested,
            retry_after: self.room.err().flatten(),
            standings,
        }
    }
}

/// Of the limits of requests and of tokens, those that leave least.
pub fn standings(met: &[Met<'_>]) -> Standings {
    let least = |rates: &[Rate]| {
        let met = met.iter().filter(|met| rates.contains(&met.rate)).map(|met| met.standing);
        met.min_by_key(|standing| (standing.remaining, std::cmp::Reverse(standing.reset)))
    };
    Standings {
        requests: least(&[Rate::RequestsPerMinute, Rate::RequestsPerDay]),
        tokens: least(&[Rate::TokensPerMinute, Rate::TokensPerDay]),
    }
}
