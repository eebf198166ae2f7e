//! Holds against a slow, obvious model: every decision and every sum is the model's (R26, R40).

use mete_core::limits::Limits;
use mete_core::parts::PartKind;
use mete_core::{Month, Nanos, Timestamp};
use mete_gate::{Booked, Credential, Denied, Gate, Remaining, Terms, Wanted};
use mete_store::{GateSnapshot, PartSpend};
use proptest::collection::vec;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

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

const MINUTE: i64 = 60_000_000;
const LIFE: i64 = 10 * MINUTE;
/// How far ahead a hold looks for the month that its event may fall into.
const AHEAD: i64 = 24 * 60 * MINUTE;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A project has so much held, for a request with this id.
    Take(usize, i64, Option<u8>),
    /// A project's event, so many minutes from now: the hold that it names, the request that it is, what it cost.
    Event {
        project: usize,
        names: Option<usize>,
        is: Option<u8>,
        cost: i64,
        minutes: i64,
    },
    Release(usize),
    Extend(usize),
    /// So many minutes go by.
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

fn directory(budgets: &Budgets, change_seq: i64) -> GateSnapshot {
    let limits = |scope: usize| Limits { budget: budgets[scope].map(Nanos), threshold: None };
    let organizations = vec![organization("Acme", None, limits(0)), organization("Lab", Some("Acme"), limits(1))];
    let projects =
        vec![project("A", "Acme", limits(2)), project("B", "Acme", limits(3)), project("L", "Lab", limits(4))];
    let budget_of = |(place, what)| Some(part("A", what, Nanos(budgets[PARTS + place]?), &["key_A"]));
    let parts = PARTS_OF_A.into_iter().enumerate().filter_map(budget_of).collect();
    GateSnapshot { parts, ..snapshot(change_seq, organizations, projects) }
}

fn event_id(request: Option<u8>, project: usize) -> mete_core::event::EventId {
    let organization = if project == 2 { "org-Lab" } else { "org-Acme" };
    ids().event(organization, &request.map_or_else(|| "none".to_owned(), |request| request.to_string()))
}

/// Both sides of one story.
struct Story {
    gate: Gate,
    model: Model,
    random: StdRng,
    change_seq: i64,
}

impl Story {
    fn new(budgets: Budgets) -> Self {
        let gate = Gate::new(directory(&budgets, 0)).with_terms(Terms::new(ids()));
        let model = Model { now: at("2026-11-29T23:20:00Z"), budgets, booked: Vec::new(), taken: Vec::new() };
        Self { gate, model, random: StdRng::seed_from_u64(7), change_seq: 0 }
    }

    fn follow(&mut self, step: Step) -> Result<(), TestCaseError> {
        let now = self.model.now;
        match step {
            Step::Take(project, amount, request) => self.take(project, amount, request)?,
            Step::Event { project, names, is, cost, minutes } => {
                self.event(project, names, is, cost, now.plus(minutes * MINUTE).month())?;
            }
            Step::Release(at) => {
                let Some(place) = at.checked_rem(self.model.taken.len()) else { return Ok(()) };
                let lived = self.model.lives(&self.model.taken[place]);
                self.model.taken[place].ended = true;
                prop_assert_eq!(self.gate.release(now, &self.model.taken[place].id), lived);
            }
            Step::Extend(at) => {
                let Some(place) = at.checked_rem(self.model.taken.len()) else { return Ok(()) };
                let lived = self.model.lives(&self.model.taken[place]);
                let extended = self.gate.extend(now, &self.model.taken[place].id).unwrap();
                prop_assert_eq!(extended.map(|(until, _)| until), lived.then(|| now.plus(LIFE)));
                if lived {
                    self.model.taken[place].expires_at = now.plus(LIFE);
                }
            }
            Step::Wait(minutes) => self.model.now = now.plus(minutes * MINUTE),
            Step::Budgets(budgets) => {
                self.change_seq += 1;
                self.model.budgets = budgets;
                self.gate.replace_directory(directory(&budgets, self.change_seq));
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
        let names = names.and_then(|at| at.checked_rem(model.taken.len()));
        let hold = names.map(|at| &*model.taken[at].id);
        let (event, project_id) = (event_id(is, project), format!("proj_{name}"));
        let booked = Booked { event, project: &project_id, key: None, hold, cost: Nanos(cost) };
        self.gate.expire_holds(now);
        let settled = self.gate.settle([booked].into_iter());
        model.taken.iter_mut().for_each(|hold| hold.ended |= hold.expires_at <= now);
        prop_assert_eq!(settled.events, model.settle(project, names, is));
        Ok(())
    }

    fn take(&mut self, project: usize, amount: i64, request: Option<u8>) -> Result<(), TestCaseError> {
        let (now, model) = (self.model.now, &mut self.model);
        let months = [now.month(), now.plus(LIFE + AHEAD).month()];
        let expected = if model.has_budget(project) { model.code(project, &months, amount) } else { "ok" };
        let id = request.map(|request| request.to_string());
        let wanted = Wanted { price: Some(Nanos(amount)), request_id: id.as_deref(), ..Wanted::default() };
        let secret = format!("sk-{}", PROJECTS[project].0);
        let key = Credential::Secret(Some(&secret));
        let admission = self.gate.authorize(now, key, &CHAT, &wanted, &mut self.random);
        match admission.outcome {
            Err(Denied::Refused(refusal)) => prop_assert_eq!(code_of(Some(&refusal)), expected),
            Err(denied) => prop_assert!(false, "{denied}"),
            Ok(hold) => {
                prop_assert_eq!(expected, "ok");
                prop_assert_eq!(hold.is_some(), model.has_budget(project));
                if let Some(hold) = hold {
                    let expires_at = now.plus(LIFE);
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
        prop_assert_eq!(admission.remaining, model.remaining(project, &months));
        Ok(())
    }

    /// Whether plain decisions and the sum of all holds are those of the model.
    fn compare(&self) -> Result<(), TestCaseError> {
        let (model, now) = (&self.model, self.model.now);
        for (place, (name, _)) in PROJECTS.into_iter().enumerate() {
            prop_assert_eq!(code(&self.gate, name, now), model.code(place, &[now.month()], 0), "{} at {}", name, now);
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

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let request = || prop::option::weighted(0.3, 0..4_u8);
    let event = (0..3_usize, prop::option::weighted(0.7, any::<usize>()), request(), 0..30_i64, -5..5_i64);
    let step = prop_oneof![
        8 => (0..3_usize, 0..40_i64, request()).prop_map(|(project, amount, id)| Step::Take(project, amount, id)),
        5 => event.prop_map(|(project, names, is, cost, minutes)| Step::Event { project, names, is, cost, minutes }),
        1 => any::<usize>().prop_map(Step::Release),
        1 => any::<usize>().prop_map(Step::Extend),
        3 => prop_oneof![9 => 0..6_i64, 1 => 600..1_500_i64].prop_map(Step::Wait),
        1 => budgets().prop_map(Step::Budgets),
    ];
    vec(step, 1..60)
}

proptest! {
    #[test]
    fn r40_holds_are_those_of_the_model(budgets in budgets(), steps in steps()) {
        let mut story = Story::new(budgets);
        for step in steps {
            story.follow(step)?;
        }
    }
}
