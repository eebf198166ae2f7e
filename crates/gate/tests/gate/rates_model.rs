//! A slow, obvious model of rate limits (R23): every charge is kept, and what is in use is taken from all of them anew.

use mete_core::Timestamp;
use mete_core::time::{DAY, MINUTE};

/// What a scope may use of the model at most: requests and tokens in a minute, and tokens in a day.
pub type RateLimits = [[Option<u64>; 3]; 5];

/// What tells the usage of a request: the hold that it names, by its place, or its organization and its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Hold(usize),
    Event(&'static str, u8),
}

/// Requests or tokens that a scope used of one of its limits at an instant; below zero, that it got back.
struct Charge {
    scope: usize,
    rate: usize,
    at: Timestamp,
    units: i64,
}

/// Tokens that were told of a request whose usage has not come.
struct Told {
    link: Link,
    project: usize,
    scopes: Vec<usize>,
    tokens: i64,
    until: Timestamp,
}

pub struct Rates {
    limits: RateLimits,
    charges: Vec<Charge>,
    told: Vec<Told>,
}

/// The periods of the limits.
const PERIODS: [i64; 3] = [MINUTE, MINUTE, DAY];
const REQUESTS: usize = 0;
const TOKENS: [usize; 2] = [1, 2];

/// What a request asks for of each limit: one token at least.
fn asked(tokens: Option<u64>) -> [u64; 3] {
    let tokens = tokens.unwrap_or(0).max(1);
    [1, tokens, tokens]
}

impl Rates {
    pub const fn new(limits: RateLimits) -> Self {
        Self { limits, charges: Vec::new(), told: Vec::new() }
    }

    fn limit(&self, scope: usize, rate: usize) -> Option<i128> {
        self.limits.get(scope)?[rate].map(i128::from)
    }

    /// What is in use, each unit times the microseconds of the period: in each of these the limit drains.
    fn used(&self, (scope, rate): (usize, usize), limit: i128, now: Timestamp) -> i128 {
        let (mut used, mut at) = (0_i128, Timestamp(0));
        let none = Charge { scope, rate, at: now, units: 0 };
        let its_own = |charge: &&Charge| (charge.scope, charge.rate) == (scope, rate);
        for charge in self.charges.iter().chain([&none]).filter(its_own) {
            used = (used - i128::from(charge.at.since(at)) * limit).max(0);
            used = (used + i128::from(charge.units) * i128::from(PERIODS[rate])).max(0);
            at = charge.at;
        }
        used
    }

    /// Whether all scopes have room for a request of so many tokens: of one at least.
    pub fn fit(&self, scopes: &[usize], tokens: Option<u64>, now: Timestamp) -> bool {
        let fits = |scope: usize, rate: usize| {
            let Some(limit) = self.limit(scope, rate) else { return true };
            let period = i128::from(PERIODS[rate]);
            self.used((scope, rate), limit, now) + i128::from(asked(tokens)[rate]) * period <= limit * period
        };
        scopes.iter().all(|scope| (0..PERIODS.len()).all(|rate| fits(*scope, rate)))
    }

    /// Whether they never have.
    pub fn never_fit(&self, scopes: &[usize], tokens: Option<u64>) -> bool {
        let too_small =
            |scope: usize, rate: usize| self.limit(scope, rate).is_some_and(|it| it < i128::from(asked(tokens)[rate]));
        scopes.iter().any(|scope| (0..PERIODS.len()).any(|rate| too_small(*scope, rate)))
    }

    fn charge(&mut self, scopes: &[usize], rates: &[usize], units: i64, at: Timestamp) {
        let of = |scope: usize| rates.iter().map(move |rate| Charge { scope, rate: *rate, at, units });
        self.charges.extend(scopes.iter().flat_map(|scope| of(*scope)));
    }

    /// What was told for a link of a project, if it is still known; it is not afterwards.
    fn recall(&mut self, project: usize, link: Link) -> Option<Told> {
        let place = self.told.iter().position(|told| told.link == link && told.project == project)?;
        Some(self.told.remove(place))
    }

    /// What was told of requests whose usage has not come in time does not count in a day's tokens.
    pub fn forget(&mut self, now: Timestamp) {
        let (over, told) = std::mem::take(&mut self.told).into_iter().partition::<Vec<_>, _>(|told| told.until <= now);
        self.told = told;
        for told in over {
            self.charge(&told.scopes, &TOKENS[1..], -told.tokens, now);
        }
    }

    /// A request that is let through. Tokens that are told count at once where their usage can be told later, once for each
    /// link. Where no limit holds nothing is kept.
    pub fn take(
        &mut self,
        (project, scopes): (usize, &[usize]),
        (tokens, link): (Option<u64>, Option<Link>),
        (now, until): (Timestamp, Timestamp),
    ) {
        let is_limited = |scope: &usize| (0..PERIODS.len()).any(|rate| self.limit(*scope, rate).is_some());
        if !scopes.iter().any(is_limited) {
            return;
        }
        let is_known = |link: &Link| self.told.iter().any(|told| told.link == *link);
        let link = link.filter(|link| !is_known(link));
        self.charge(scopes, &[REQUESTS], 1, now);
        if let (Some(link), Some(tokens)) = (link, tokens.map(u64::cast_signed)) {
            self.charge(scopes, &TOKENS, tokens, now);
            self.told.push(Told { link, project, scopes: scopes.to_vec(), tokens, until });
        }
    }

    /// An event of a project: it counts, in place of what was told, on the limits whose period it is not older than. Without
    /// anything told, it counts only if it is of the model.
    pub fn count(
        &mut self,
        (project, scopes): (usize, &[usize]),
        (links, tokens, is_of_model): ([Option<Link>; 2], u64, bool),
        (time, now): (Timestamp, Timestamp),
    ) {
        let told = links.into_iter().flatten().find_map(|link| self.recall(project, link));
        if told.is_some() || is_of_model {
            let told = told.map_or(0, |told| told.tokens);
            let counts: Vec<_> = TOKENS.into_iter().filter(|rate| now.since(time) < PERIODS[*rate]).collect();
            self.charge(scopes, &counts, tokens.cast_signed() - told, now);
        }
    }

    /// A hold is released: its request never went on.
    pub fn release(&mut self, project: usize, link: Link, now: Timestamp) {
        if let Some(told) = self.recall(project, link) {
            self.charge(&told.scopes, &TOKENS, -told.tokens, now);
        }
    }

    /// A hold is extended: the usage of its request is waited for as long.
    pub fn extend(&mut self, project: usize, link: Link, until: Timestamp) {
        for told in self.told.iter_mut().filter(|told| told.link == link && told.project == project) {
            told.until = told.until.max(until);
        }
    }
}
