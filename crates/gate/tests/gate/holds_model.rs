//! Holds and rate limits together against a slow, obvious model: every decision and every sum is the model's (R23, R26, R40).

use mete_core::decision::{Limited, Refusal};
use mete_core::limits::Limits;
use mete_core::parts::PartKind;
use mete_core::rates::RateLimit;
use mete_core::time::{MINUTE, SECOND};
use mete_core::{Month, Nanos, Timestamp};
use mete_gate::{Amounts, Booked, Credential, Denied, Gate, Remaining, Terms, Used, Wanted};
use mete_store::{GateSnapshot, PartSpend};
use proptest::collection::vec;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::rates_model::{Link, RateLimits, Rates};
use crate::support::{CHAT, at, code, code_of, ids, organization, part, part_spend, project, snapshot, spend};

/// Projects, and the scopes that each spends from, in the order of R37: its organization, the one above, itself.
/// Scopes: 0 Acme, 1 Lab (under Acme), 2 A, 3 B, 4 L, and of A the model 5, the member 6 and the key 7.
const PROJECTS: [(&str, &[usize]); 3] = [("A", &[0, 2, 5, 6, 7]), ("B", &[0, 3]), ("L", &[1, 0, 4])];

/// The first scope that is a part of a project.
const PARTS: usize = 5;
const SCOPES: usize = 8;

const PARTS_OF_A: [(PartKind, &str); 3] =
    [(PartKind::Model, "gpt-4o"), (PartKind::Member, "user-1"), (PartKind::Key, "key_A")];

/// Scopes' budgets.
type Budgets = [Option<i64>; SCOPES];

const LIFE: i64 = 10 * MINUTE;
/// How far ahead a hold looks for the month that its event may fall into.
const AHEAD: i64 = 24 * 60 * MINUTE;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A project has so much held, for a request with this id and of so many tokens.
    Take(usize, i64, Option<u8>, Option<u64>),
    /// A project's event, so many minutes from now: the hold that it names, the request that it is, what it cost and used.
    Event {
        project: usize,
        names: Option<usize>,
        is: Option<u8>,
        cost: i64,
        tokens: u64,
        minutes: i64,
    },
    Release(usize),
    Extend(usize),
    /// So many seconds go by.
    Wait(i64),
    Budgets(Budgets),
}

struct Taken {
    id: String,
    project: usize,
    amount: i64,
    expires_at: Timestamp,
    request: Option<u8>,
    /// The budgets there were when it was taken: a part is paid from only where it had one.
    budgets: Budgets,
    ended: bool,
}

/// Everything that was said, and every sum taken anew.
struct Model {
    now: Timestamp,
    budgets: Budgets,
    booked: Vec<(usize, Month, i64)>,
    taken: Vec<Taken>,
    rates: Rates,
}

impl Model {
    fn lives(&self, hold: &Taken) -> bool {
        !hold.ended && hold.expires_at > self.now
    }

    fn pays(project: usize, scope: usize) -> bool {
        PROJECTS[project].1.contains(&scope)
    }

    fn spent(&self, scope: usize, month: Month) -> i64 {
        let counts = |(project, of, cost): &&(usize, Month, i64)| {
            Self::pays(*project, scope) && *of == month && (scope < PARTS || is_of_parts(*cost))
        };
        self.booked.iter().filter(counts).map(|(_, _, cost)| cost).sum()
    }

    fn held(&self, scope: usize) -> i64 {
        let counts = |hold: &&Taken| {
            self.lives(hold) && Self::pays(hold.project, scope) && (scope < PARTS || hold.budgets[scope].is_some())
        };
        self.taken.iter().filter(counts).map(|hold| hold.amount).sum()
    }

    /// What a scope's budget leaves in the months, in that which leaves least.
    fn left(&self, scope: usize, months: &[Month]) -> Option<i64> {
        let spent = months.iter().map(|month| self.spent(scope, *month)).max().unwrap();
        Some(self.budgets[scope]? - spent - self.held(scope))
    }

    fn code(&self, project: usize, months: &[Month], amount: i64) -> &'static str {
        let refuses = |scope: &&usize| self.left(**scope, months).is_some_and(|left| left <= 0 || left < amount);
        match PROJECTS[project].1.iter().find(refuses) {
            None => "ok",
            Some(0 | 1) => "organization_spend_limit_exceeded",
            Some(2..=4) => "project_spend_limit_exceeded",
            Some(5) => "model_spend_limit_exceeded",
            Some(6) => "member_spend_limit_exceeded",
            Some(_) => "key_spend_limit_exceeded",
        }
    }

    fn has_budget(&self, project: usize) -> bool {
        PROJECTS[project].1.iter().any(|scope| self.budgets[*scope].is_some())
    }

    /// Ends what a project's event names or is, and tells how many events settled something.
    fn settle(&mut self, project: usize, names: Option<usize>, is: Option<u8>) -> u64 {
        let mut ended = 0;
        for place in 0..self.taken.len() {
            let hold = &self.taken[place];
            let meant = names == Some(place) || (is.is_some() && hold.request == is);
            if meant && hold.project == project && !hold.ended {
                self.taken[place].ended = true;
                ended = 1;
            }
        }
        ended
    }

    /// What tells the usage of the request that a hold was taken for, and its project.
    fn link_of(&self, place: usize) -> (usize, Link) {
        let Taken { project, request, .. } = self.taken[place];
        (project, request.map_or(Link::Hold(place), |request| Link::Event(organization_of(project), request)))
    }

    /// Whether another hold was taken for the request of one, so that it goes on when that one is released.
    fn goes_on(&self, place: usize) -> bool {
        let link = self.link_of(place);
        let mut others = (0..self.taken.len()).filter(|other| *other != place);
        others.any(|other| self.link_of(other) == link && self.lives(&self.taken[other]))
    }

    fn remaining(&self, project: usize, months: &[Month]) -> Remaining {
        let left = |scope: usize| self.left(scope, months).map(|left| Nanos(left.max(0)));
        match project {
            0 => Remaining {
                project: left(2),
                organization: left(0),
                parent: None,
                model: left(5),
                member: left(6),
                key: left(7),
            },
            1 => Remaining { project: left(3), organization: left(0), ..Remaining::default() },
            _ => Remaining { project: left(4), organization: left(1), parent: left(0), ..Remaining::default() },
        }
    }
}

/// Whether an event is of the model, member and key that have budgets, or of others of the project.
const fn is_of_parts(cost: i64) -> bool {
    cost % 2 == 0
}

/// The limits of gpt-4o.
fn rate_limits(limits: &RateLimits) -> Vec<(String, RateLimit)> {
    let of = |(scope, [requests, tokens, daily]): (&str, [Option<u64>; 3])| {
        let mut limit = RateLimit { model: "gpt-4o".into(), ..RateLimit::default() };
        limit.rates.max_requests_per_1_minute = requests;
        limit.rates.max_tokens_per_1_minute = tokens;
        limit.rates.max_tokens_per_1_day = daily;
        (!limit.rates.is_empty()).then(|| (scope.to_owned(), limit))
    };
    ["org-Acme", "org-Lab", "proj_A", "proj_B", "proj_L"].into_iter().zip(*limits).filter_map(of).collect()
}

fn directory(budgets: &Budgets, rates: &RateLimits, change_seq: i64) -> GateSnapshot {
    let limits = |scope: usize| Limits { budget: budgets[scope].map(Nanos), threshold: None };
    let organizations = vec![organization("Acme", None, limits(0)), organization("Lab", Some("Acme"), limits(1))];
    let projects =
        vec![project("A", "Acme", limits(2)), project("B", "Acme", limits(3)), project("L", "Lab", limits(4))];
    let budget_of = |(place, what)| Some(part("A", what, Nanos(budgets[PARTS + place]?), &["key_A"]));
    let parts = PARTS_OF_A.into_iter().enumerate().filter_map(budget_of).collect();
    GateSnapshot { parts, rate_limits: rate_limits(rates), ..snapshot(change_seq, organizations, projects) }
}

const fn organization_of(project: usize) -> &'static str {
    if project == 2 { "org-Lab" } else { "org-Acme" }
}

fn event_id(request: Option<u8>, project: usize) -> mete_core::event::EventId {
    ids().event(organization_of(project), &request.map_or_else(|| "none".to_owned(), |request| request.to_string()))
}

/// Both sides of one story.
struct Story {
    gate: Gate,
    model: Model,
    random: StdRng,
    limits: RateLimits,
    change_seq: i64,
}

impl Story {
    fn new(budgets: Budgets, limits: RateLimits) -> Self {
        let gate = Gate::new(directory(&budgets, &limits, 0)).with_terms(Terms::new(ids()));
        let (booked, taken, rates) = (Vec::new(), Vec::new(), Rates::new(limits));
        let model = Model { now: at("2026-11-29T23:20:00Z"), budgets, booked, taken, rates };
        Self { gate, model, random: StdRng::seed_from_u64(7), limits, change_seq: 0 }
    }

    fn follow(&mut self, step: Step) -> Result<(), TestCaseError> {
        let now = self.model.now;
        self.model.rates.forget(now);
        match step {
            Step::Take(project, amount, request, tokens) => self.take(project, amount, request, tokens)?,
            Step::Event { project, names, is, cost, tokens, minutes } => {
                let (names, time) =
                    (names.and_then(|at| at.checked_rem(self.model.taken.len())), now.plus(minutes * MINUTE));
                self.event(project, names, is, cost, time.month())?;
                self.usage((project, tokens, cost), (names, is), time);
            }
            Step::Release(at) => {
                let Some(place) = at.checked_rem(self.model.taken.len()) else { return Ok(()) };
                let lived = self.model.lives(&self.model.taken[place]);
                self.model.taken[place].ended = true;
                if lived && !self.model.goes_on(place) {
                    let (project, link) = self.model.link_of(place);
                    self.model.rates.release(project, link, now);
                }
                prop_assert_eq!(self.gate.release(now, &self.model.taken[place].id), lived);
            }
            Step::Extend(at) => {
                let Some(place) = at.checked_rem(self.model.taken.len()) else { return Ok(()) };
                let lived = self.model.lives(&self.model.taken[place]);
                let extended = self.gate.extend(now, &self.model.taken[place].id).unwrap();
                prop_assert_eq!(extended.map(|(until, _)| until), lived.then(|| now.plus(LIFE)));
                if lived {
                    self.model.taken[place].expires_at = now.plus(LIFE);
                    let (project, link) = self.model.link_of(place);
                    self.model.rates.extend(project, link, now.plus(LIFE));
                }
            }
            Step::Wait(seconds) => self.model.now = now.plus(seconds * SECOND),
            Step::Budgets(budgets) => {
                self.change_seq += 1;
                self.model.budgets = budgets;
                self.gate.replace_directory(directory(&budgets, &self.limits, self.change_seq));
            }
        }
        self.compare()
    }

    fn event(
        &mut self,
        project: usize,
        names: Option<usize>,
        is: Option<u8>,
        cost: i64,
        month: Month,
    ) -> Result<(), TestCaseError> {
        let (now, model) = (self.model.now, &mut self.model);
        model.booked.push((project, month, cost));
        let booked = model.booked.iter().filter(|(of, at, _)| (*of, *at) == (project, month)).map(|(.., cost)| *cost);
        let name = PROJECTS[project].0;
        spend(&self.gate, name, &month.to_string(), Nanos(booked.clone().sum()));
        if project == 0 {
            let version = i64::try_from(model.booked.len()).unwrap();
            let total = Nanos(booked.filter(|cost| is_of_parts(*cost)).sum());
            let totals = PARTS_OF_A.map(|what| PartSpend { month, ..part_spend(name, what, total, version) });
            self.gate.set_part_spend(&totals);
        }
        let hold = names.map(|at| &*model.taken[at].id);
        let (event, project_id) = (event_id(is, project), format!("proj_{name}"));
        let booked = Booked { event, project: &project_id, key: None, hold, cost: Nanos(cost) };
        self.gate.expire_holds(now);
        let settled = self.gate.settle([booked].into_iter());
        model.taken.iter_mut().for_each(|hold| hold.ended |= hold.expires_at <= now);
        prop_assert_eq!(settled.events, model.settle(project, names, is));
        Ok(())
    }

    /// What an event used, on the rate limits.
    fn usage(
        &mut self,
        (project, tokens, cost): (usize, u64, i64),
        (names, is): (Option<usize>, Option<u8>),
        time: Timestamp,
    ) {
        let (now, model) = (self.model.now, &mut self.model);
        let (name, scopes) = PROJECTS[project];
        let links = [names.map(Link::Hold), is.map(|is| Link::Event(organization_of(project), is))];
        model.rates.count((project, scopes), (links, tokens, is_of_parts(cost)), (time, now));
        let used = Used {
            event: event_id(is, project),
            time,
            project: &format!("proj_{name}"),
            model: if is_of_parts(cost) { "gpt-4o" } else { "o3" },
            hold: names.map(|place| &*model.taken[place].id),
            tokens,
            images: 0,
        };
        self.gate.count_usage(now, [used].into_iter());
    }

    /// What a rate limit refuses has room after just as long as it says.
    fn check_wait(&self, limited: &Limited, project: usize, tokens: Option<u64>) -> Result<(), TestCaseError> {
        let (rates, now, scopes) = (&self.model.rates, self.model.now, PROJECTS[project].1);
        match limited.retry_after {
            None => prop_assert!(rates.never_fit(scopes, tokens)),
            Some(wait) => {
                prop_assert!(!rates.never_fit(scopes, tokens) && wait > 0);
                prop_assert!(rates.fit(scopes, tokens, now.plus(wait)));
                prop_assert!(!rates.fit(scopes, tokens, now.plus(wait - 1)));
            }
        }
        Ok(())
    }

    fn take(
        &mut self,
        project: usize,
        amount: i64,
        request: Option<u8>,
        tokens: Option<u64>,
    ) -> Result<(), TestCaseError> {
        let (now, model) = (self.model.now, &mut self.model);
        let scopes = PROJECTS[project].1;
        let months = [now.month(), now.plus(LIFE + AHEAD).month()];
        let expected = match model.has_budget(project) {
            true if model.code(project, &months, amount) != "ok" => model.code(project, &months, amount),
            _ if !model.rates.fit(scopes, tokens, now) => "rate_limit_exceeded",
            _ => "ok",
        };
        let id = request.map(|request| request.to_string());
        let amounts = Amounts { tokens, ..Amounts::default() };
        let wanted = Wanted { price: Some(Nanos(amount)), request_id: id.as_deref(), amounts };
        let secret = format!("sk-{}", PROJECTS[project].0);
        let key = Credential::Secret(Some(&secret));
        let admission = self.gate.authorize(now, key, &CHAT, &wanted, &mut self.random);
        match admission.outcome {
            Err(Denied::Refused(refusal)) => {
                prop_assert_eq!(code_of(Some(&refusal)), expected);
                if let Refusal::RateLimit(limited) = refusal {
                    self.check_wait(&limited, project, tokens)?;
                }
            }
            Err(denied) => prop_assert!(false, "{denied}"),
            Ok(hold) => {
                prop_assert_eq!(expected, "ok");
                prop_assert_eq!(hold.is_some(), model.has_budget(project));
                let expires_at = now.plus(LIFE);
                let by_id = request.map(|request| Link::Event(organization_of(project), request));
                let link = by_id.or_else(|| hold.as_ref().map(|_| Link::Hold(model.taken.len())));
                model.rates.take((project, scopes), (tokens, link), (now, expires_at));
                if let Some(hold) = hold {
                    prop_assert_eq!((hold.amount, hold.expires_at), (Nanos(amount), expires_at));
                    let budgets = model.budgets;
                    model.taken.push(Taken {
                        id: hold.id,
                        project,
                        amount,
                        expires_at,
                        request,
                        budgets,
                        ended: false,
                    });
                }
            }
        }
        prop_assert_eq!(admission.remaining, self.model.remaining(project, &months));
        Ok(())
    }

    /// Whether plain decisions, which are charged too, and the sum of all holds are those of the model.
    fn compare(&mut self) -> Result<(), TestCaseError> {
        let (now, model) = (self.model.now, &mut self.model);
        model.rates.forget(now);
        for (place, (name, scopes)) in PROJECTS.into_iter().enumerate() {
            let expected = match model.code(place, &[now.month()], 0) {
                "ok" if !model.rates.fit(scopes, None, now) => "rate_limit_exceeded",
                code => code,
            };
            prop_assert_eq!(code(&self.gate, name, now), expected, "{} at {}", name, now);
            if expected == "ok" {
                model.rates.take((place, scopes), (None, None), (now, now));
            }
        }
        self.gate.expire_holds(now);
        let living: Vec<_> = model.taken.iter().filter(|hold| model.lives(hold)).map(|hold| hold.amount).collect();
        prop_assert_eq!(self.gate.held(), (living.len(), Nanos(living.iter().sum())));
        Ok(())
    }
}

fn budgets() -> impl Strategy<Value = Budgets> {
    prop::array::uniform8(prop::option::weighted(0.6, 0..100_i64))
}

fn limits() -> impl Strategy<Value = RateLimits> {
    let limit = |most: u64| prop::option::weighted(0.4, 0..most);
    let of_one = (limit(60), limit(300), limit(1_000));
    prop::array::uniform5(of_one.prop_map(|(requests, tokens, daily)| [requests, tokens, daily]))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let request = || prop::option::weighted(0.3, 0..4_u8);
    let event = (0..3_usize, prop::option::weighted(0.7, any::<usize>()), request(), 0..30_i64, 0..120_u64, -5..5_i64);
    let tokens = prop::option::weighted(0.7, 0..120_u64);
    let step = prop_oneof![
        8 => (0..3_usize, 0..40_i64, request(), tokens).prop_map(|(project, amount, id, tokens)| Step::Take(project, amount, id, tokens)),
        5 => event.prop_map(|(project, names, is, cost, tokens, minutes)| Step::Event { project, names, is, cost, tokens, minutes }),
        1 => any::<usize>().prop_map(Step::Release),
        1 => any::<usize>().prop_map(Step::Extend),
        3 => prop_oneof![5 => 0..40_i64, 4 => 0..360_i64, 1 => 36_000..90_000_i64].prop_map(Step::Wait),
        1 => budgets().prop_map(Step::Budgets),
    ];
    vec(step, 1..60)
}

proptest! {
    #[test]
    fn r40_holds_and_rate_limits_are_those_of_the_model(budgets in budgets(), limits in limits(), steps in steps()) {
        let mut story = Story::new(budgets, limits);
        for step in steps {
            story.follow(step)?;
        }
    }
}
