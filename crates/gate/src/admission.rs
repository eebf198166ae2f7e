//! Decisions that set money aside, and what becomes of it (R40).

use mete_core::decision::Refusal;
use mete_core::event::EventId;
use mete_core::ids::IdKind;
use mete_core::time::DAY;
use mete_core::{Nanos, Timestamp};
use rand::Rng;
use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::case::{Case, Ceiling};
use crate::directory::{Directory, Key, text};
use crate::gate::{Caller, Credential, Gate};
use crate::holds::{Deposit, HoldId, Holds};
use crate::leases::{Lease, Leases};
use crate::rates::{Amounts, Link};
use crate::recent::Recent;
use crate::request::Request;
use crate::terms::{Basis, Terms};

/// What is known of the money that a request needs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// The most that it can cost, where prices and sizes tell.
    pub price: Option<Nanos>,
    /// The id that its usage event will have, where the gateway knows it.
    pub request_id: Option<&'a str>,
    /// What counts for rate limits (R23).
    pub amounts: Amounts,
}

/// A hold that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hold {
    /// `hold_…`: whoever knows it may release and extend it.
    pub id: String,
    /// What is set aside.
    pub amount: Nanos,
    /// What that was taken from.
    pub basis: Basis,
    /// When it is freed by itself.
    pub expires_at: Timestamp,
}

/// The answer to a request for which money was to be set aside.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Whose key it is, if the key is known.
    pub caller: Option<Caller>,
    /// The hold, or `None` where no budget applies or none was wanted; or why the request does not go on.
    pub outcome: Result<Option<Hold>, Denied>,
    /// What the budgets leave beside all holds, if the key is known.
    pub remaining: Remaining,
}

/// Why a request does not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The first reason of R37.
    #[error("{}", .0.message())]
    Refused(Refusal),
    /// So much must be leased first; then ask again. Only a gate [with leases](Gate::with_leases) says so.
    #[error("what is held must be written down first, and the store does not take it; ask again")]
    Unleased(Lease),
    /// There are more holds at once than can be kept.
    #[error("more requests are under way than money can be held for; ask again when some have ended")]
    Full,
}

/// What each budget leaves; `None` where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Remaining {
    /// Of the project's.
    pub project: Option<Nanos>,
    /// Of its organization's.
    pub organization: Option<Nanos>,
    /// Of that of the organization above it (R3).
    pub parent: Option<Nanos>,
    /// Of that of the request's model in the project.
    pub model: Option<Nanos>,
    /// Of that of the key's owner in the project.
    pub member: Option<Nanos>,
    /// Of the key's own.
    pub key: Option<Nanos>,
}

/// A usage event whose cost is in the totals.
#[derive(Clone, Copy, Debug)]
pub struct Booked<'a> {
    /// Its id.
    pub event: EventId,
    /// The project that it counts for.
    pub project: &'a str,
    /// Its key, if it names one.
    pub key: Option<&'a str>,
    /// The hold that it names.
    pub hold: Option<&'a str>,
    /// What it cost.
    pub cost: Nanos,
}

/// What became of holds when events were booked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Events that ended a hold.
    pub events: u64,
    /// Those of them that cost more than was held. They count as they are: the ledger is the truth.
    pub exceeded: u64,
}

/// For so many requests more than the one that asks money is leased, or for as much again as is held.
const AHEAD: i64 = 31;

/// Charges a request on its rate limits, with the hold that is taken for it, if one is.
type Meter<'m> = dyn Fn(&mut Case<'_>, Option<&str>) -> Result<(), Refusal> + 'm;

/// What is under one lock: all that takes and ends holds.
#[derive(Debug, Default)]
pub struct Vault {
    pub holds: Holds,
    recent: Recent,
    /// What is leased, where nothing may be held beyond it.
    pub leases: Option<Leases>,
}

impl Gate {
    /// Decides as [`Gate::admit`] does, and tells what the budgets leave. Nothing is held.
    #[must_use]
    pub fn look(&self, now: Timestamp, key: Credential<'_>, request: &Request<'_>, wanted: &Wanted<'_>) -> Admission {
        let hash = match key.hash() {
            Ok(hash) => hash,
            Err(refusal) => return Admission::of_nobody(refusal),
        };
        let directory = self.directory();
        let Some(known) = directory.key(&hash) else { return Admission::of_nobody(key.unknown()) };
        let under_way = &directory.project_of(known).totals.under_way;
        under_way.begin();
        let link = self.link_of(&directory, known, wanted);
        let mut case = Case::new(&directory, known, request, now);
        let refusal = self.decide_and_meter(&directory, &mut case, (&wanted.amounts, link));
        if refusal.is_some() {
            under_way.take_back();
        }
        Admission::of(&case, refusal.map_or(Ok(None), |refusal| Err(Denied::Refused(refusal))))
    }

    /// Decides as [`Gate::admit`] does; where a budget applies, the most that the request can cost is set aside on its
    /// project, its organization and the one above, and on its model, its member and the key where these have budgets; or
    /// the request is refused with the first budget that does not leave as much (R40). What concurrent requests hold can never pass a budget together.
    #[must_use]
    pub fn authorize(
        &self,
        now: Timestamp,
        key: Credential<'_>,
        request: &Request<'_>,
        wanted: &Wanted<'_>,
        random: &mut dyn Rng,
    ) -> Admission {
        let hash = match key.hash() {
            Ok(hash) => hash,
            Err(refusal) => return Admission::of_nobody(refusal),
        };
        let id = IdKind::Hold.generate(random);
        // The lock goes before the directory: of whatever was settled by then, the event is in the totals read here.
        let mut vault = self.vault();
        vault.holds.expire(now);
        let directory = self.directory();
        let Some(known) = directory.key(&hash) else { return Admission::of_nobody(key.unknown()) };
        let link = self.link_of(&directory, known, wanted);
        let meter = |case: &mut Case<'_>, hold: Option<&str>| {
            let link = link.clone().or_else(|| hold.map(|id| Link::Hold(id.into())));
            self.meter(&directory, case, (&wanted.amounts, link))
        };
        vault.take(&mut Case::new(&directory, known, request, now), wanted, (id, &meter), self.terms())
    }

    /// What tells the usage of a request, where its gateway knows the event's id.
    fn link_of(&self, directory: &Directory, key: &Key, wanted: &Wanted<'_>) -> Option<Link> {
        let organization = directory.organization_of(directory.project_of(key));
        wanted.request_id.map(|id| Link::Event(self.terms().ids.event(&text(&organization.id), id)))
    }

    /// Gives back what a hold sets aside, and what was told for the rate limits of its request. Whether there was one.
    pub fn release(&self, now: Timestamp, hold_id: &str) -> bool {
        let mut vault = self.vault();
        vault.holds.expire(now);
        let Some(Deposit { project, event, .. }) = vault.holds.end(hold_id.as_bytes()) else { return false };
        // Whoever asked twice about one request and releases one hold goes on with the other.
        if event.is_none_or(|event| !vault.holds.has(&project, event)) {
            let link = Link::of_hold(hold_id, event);
            self.meters().give_back(&self.directory(), (&project, &link), now);
        }
        true
    }

    /// Has a hold begin its time anew, for a stream that takes long: until when it lives then, and what it sets aside;
    /// `None` if there is none. The usage of its request is waited for as long (R23).
    ///
    /// # Errors
    /// What must be leased first, in a gate with leases.
    pub fn extend(&self, now: Timestamp, hold_id: &str) -> Result<Option<(Timestamp, Nanos)>, Lease> {
        let mut vault = self.vault();
        vault.holds.expire(now);
        let until = now.plus(self.terms().time);
        let Some(deposit) = vault.holds.get(hold_id) else { return Ok(None) };
        vault.covered(&deposit.project, Nanos::ZERO, Nanos::ZERO, until, self.terms())?;
        let Some(deposit) = vault.holds.extend(hold_id, until) else { return Ok(None) };
        let (link, until) = (Link::of_hold(hold_id, deposit.event), deposit.expires_at);
        self.meters().extend(&self.directory(), (&deposit.project, &link), (now, until));
        Ok(Some((until, deposit.cost)))
    }

    /// Ends the holds that events name, and those that were taken for their ids. The totals must have the events by now,
    /// so that what is spent and held together never dips in between.
    pub fn settle<'a>(&self, events: impl Iterator<Item = Booked<'a>>) -> Settled {
        let mut settled = Settled::default();
        let mut vault = self.vault();
        if vault.holds.is_empty() {
            return settled;
        }
        for Booked { event, project, hold, cost, .. } in events {
            if let Some(held) = vault.holds.settle(project, hold, event) {
                settled.events += 1;
                settled.exceeded += u64::from(cost > held);
            }
        }
        settled
    }

    /// Events that are new and whose cost is in the totals: the requests that they are of are not under way any more. Ask
    /// before [`Gate::settle`]: those for which money is held are told by their holds.
    pub fn arrived<'a>(&self, now: Timestamp, events: impl Iterator<Item = Booked<'a>>) {
        let mut ended: FxHashMap<&str, (u64, Nanos)> = FxHashMap::default();
        {
            let vault = self.vault();
            for Booked { event, project, hold, cost, .. } in events {
                let is_held = hold.is_some() || vault.holds.has(project.as_bytes(), event);
                let (requests, highest) = ended.entry(project).or_default();
                *requests += u64::from(!is_held);
                *highest = cost.max(*highest);
            }
        }
        let directory = self.directory();
        for (project, (requests, highest)) in ended {
            if let Some(project) = directory.project(project) {
                project.totals.under_way.end(requests, highest, (now, self.terms().time));
            }
        }
    }

    /// Remembers what events cost, for holds of requests that cannot be priced.
    pub fn note_costs<'a>(&self, events: impl Iterator<Item = Booked<'a>>) {
        let recent = &mut self.vault().recent;
        for Booked { project, key, cost, .. } in events {
            recent.note(project, cost);
            if let Some(key) = key {
                recent.note(key, cost);
            }
        }
    }

    /// Frees the holds whose time is over. Takes and refusals do so by themselves; this is for a gate that nobody asks.
    pub fn expire_holds(&self, now: Timestamp) -> u64 {
        self.vault().holds.expire(now)
    }

    /// How many holds there are, and what they set aside.
    #[must_use]
    pub fn held(&self) -> (usize, Nanos) {
        self.vault().holds.sum()
    }
}

impl Vault {
    fn take(
        &mut self,
        case: &mut Case<'_>,
        wanted: &Wanted<'_>,
        (id, meter): (String, &Meter<'_>),
        terms: &Terms,
    ) -> Admission {
        if !case.has_budget() {
            let refusal = case.first_refusal();
            let refusal = refusal.or_else(|| meter(case, None).err());
            if refusal.is_none() {
                case.project.totals.under_way.begin();
            }
            return Admission::of(case, refusal.map_or(Ok(None), |refusal| Err(Denied::Refused(refusal))));
        }
        let (amount, basis) = self.amount(case, wanted, terms);
        let expires_at = case.now.plus(terms.time);
        // A day, so that a month's end is seen in time for holds that are extended, and for events ahead of the clock.
        case.ceiling = Some(Ceiling { cost: amount, until: expires_at.plus(DAY).month() });
        if let Some(refusal) = case.first_refusal() {
            return Admission::of(case, Err(Denied::Refused(refusal)));
        }
        let sums = case.budgets.sums();
        if !self.holds.has_room(amount, &sums) {
            return Admission::of(case, Err(Denied::Full));
        }
        let left = case.remaining().least() - amount;
        if let Err(lease) = self.covered(&case.project.id, amount, left, expires_at, terms) {
            return Admission::of(case, Err(Denied::Unleased(lease)));
        }
        // Last, since it charges: of what is refused nothing is to be given back.
        if let Err(refusal) = meter(case, Some(&id)) {
            return Admission::of(case, Err(Denied::Refused(refusal)));
        }
        let event = wanted.request_id.map(|id| terms.ids.event(&text(&case.organization.id), id));
        let deposit = Deposit {
            project: case.project.id.clone(),
            cost: amount,
            taken_at: case.now,
            expires_at,
            event,
            sums,
            is_own: true,
        };
        self.holds.add(HoldId::from_slice(id.as_bytes()), deposit);
        let mut admission = Admission::of(case, Ok(Some(Hold { id, amount, basis, expires_at })));
        admission.remaining = admission.remaining.less(amount);
        admission
    }

    /// Whether a project may hold `more` until then.
    ///
    /// # Errors
    /// What must be leased first: more than that, so that the next requests need not wait, but no more than a part of
    /// what is `left` of the budgets, since a restart takes all of it as held.
    fn covered(&self, project: &[u8], more: Nanos, left: Nanos, until: Timestamp, terms: &Terms) -> Result<(), Lease> {
        let amount = self.holds.own(project) + more;
        if self.leases.as_ref().is_none_or(|leases| leases.cover(project, amount, until)) {
            return Ok(());
        }
        let ahead = more.0.saturating_mul(AHEAD).max(amount.0);
        let spare = Nanos(ahead.min(left.0 / 4).max(0));
        let project_id = String::from_utf8_lossy(project).into_owned();
        Err(Lease { project_id, amount: amount + spare, ends_at: until.plus(terms.time) })
    }

    /// What the request costs at most, as far as that can be told.
    fn amount(&self, case: &Case<'_>, wanted: &Wanted<'_>, terms: &Terms) -> (Nanos, Basis) {
        if let Some(price) = wanted.price {
            return (price, Basis::Price);
        }
        let highest = |id: &[u8]| std::str::from_utf8(id).ok().and_then(|id| self.recent.highest(id));
        match highest(&case.key.id).or_else(|| highest(&case.project.id)) {
            Some(recent) => (terms.of_recent(recent), Basis::Recent),
            None => (terms.default_cost, Basis::Default),
        }
    }
}

impl Admission {
    fn of(case: &Case<'_>, outcome: Result<Option<Hold>, Denied>) -> Self {
        Self { caller: Some(Caller::of(case)), outcome, remaining: case.remaining() }
    }

    fn of_nobody(refusal: Refusal) -> Self {
        Self { caller: None, outcome: Err(Denied::Refused(refusal)), remaining: Remaining::default() }
    }
}

impl Remaining {
    fn less(self, amount: Nanos) -> Self {
        let less = |left: Option<Nanos>| left.map(|left| (left - amount).max(Nanos::ZERO));
        Self {
            project: less(self.project),
            organization: less(self.organization),
            parent: less(self.parent),
            model: less(self.model),
            member: less(self.member),
            key: less(self.key),
        }
    }

    /// What the budget leaves that leaves least.
    fn least(&self) -> Nanos {
        let Self { project, organization, parent, model, member, key } = *self;
        [project, organization, parent, model, member, key].into_iter().flatten().min().unwrap_or_default()
    }
}
