//! What is set aside, and what becomes of it (R26, R40).

use mete_core::decision::Refusal;
use mete_core::limits::Limits;
use mete_core::{Nanos, Timestamp};
use mete_gate::{Basis, Booked, Credential, Denied, Gate, Hold, Remaining, Settled, Terms, Wanted};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::support::{
    CHAT, at, budget, code, code_of, ids, organization, project, refusal, release, snapshot, spend, take,
};

const NOW: &str = "2026-11-23T12:00:00Z";

/// A gate with A and B at $10 each and U without a budget in Acme at $15, and L without one in Lab, under Acme.
struct Stage {
    gate: Gate,
    random: StdRng,
    now: Timestamp,
}

impl Stage {
    fn new() -> Self {
        Self {
            gate: Gate::new(directory(1)).with_terms(Terms::new(ids())),
            random: StdRng::seed_from_u64(1),
            now: at(NOW),
        }
    }

    fn ask(&mut self, name: &str, wanted: &Wanted<'_>) -> Result<Option<Hold>, Denied> {
        take(&self.gate, name, self.now, wanted, &mut self.random)
    }

    /// Takes a hold of so many dollars.
    fn hold(&mut self, name: &str, dollars: i64) -> Hold {
        self.ask(name, &price(dollars)).unwrap().unwrap()
    }

    /// The code of the refusal to hold so many dollars.
    fn refused(&mut self, name: &str, dollars: i64) -> &'static str {
        match self.ask(name, &price(dollars)) {
            Err(Denied::Refused(refusal)) => code_of(Some(&refusal)),
            other => panic!("{other:?}"),
        }
    }

    fn codes(&self) -> [&'static str; 4] {
        ["A", "B", "U", "L"].map(|name| code(&self.gate, name, self.now))
    }

    fn wait(&mut self, minutes: i64) {
        self.now = self.now.plus(minutes * 60_000_000);
    }

    fn settle(&self, project: &str, named: Option<&str>, id: &str, cost: Nanos) -> Settled {
        let event = ids().event("org-Acme", id);
        self.gate.settle([Booked { event, project, key: None, hold: named, cost }].into_iter())
    }
}

fn directory(change_seq: i64) -> mete_store::GateSnapshot {
    let organizations =
        vec![organization("Acme", None, budget(15)), organization("Lab", Some("Acme"), Limits::default())];
    let projects = vec![
        project("A", "Acme", budget(10)),
        project("B", "Acme", budget(10)),
        project("U", "Acme", Limits::default()),
        project("L", "Lab", Limits::default()),
    ];
    snapshot(change_seq, organizations, projects)
}

fn price(dollars: i64) -> Wanted<'static> {
    Wanted { price: Some(Nanos::from_dollars(dollars)), request_id: None, ..Wanted::default() }
}

const OK: &str = "ok";
const ORGANIZATION: &str = "organization_spend_limit_exceeded";
const PROJECT: &str = "project_spend_limit_exceeded";

#[test]
fn r40_what_is_held_counts_for_project_organization_and_parent_until_it_is_released() {
    let mut stage = Stage::new();
    let first = stage.hold("A", 6);
    assert_eq!(
        (first.amount, first.basis, first.expires_at),
        (Nanos::from_dollars(6), Basis::Price, stage.now.plus(600_000_000))
    );
    assert!(first.id.starts_with("hold_") && first.id.len() == 29, "{}", first.id);
    assert_eq!(stage.refused("A", 5), PROJECT);
    let last = stage.hold("A", 4);
    // Held to the last nano-dollar: the project is exhausted, also for those who hold nothing (R26).
    assert_eq!(stage.codes(), [PROJECT, OK, OK, OK]);
    assert_eq!(stage.refused("L", 6), ORGANIZATION);
    let lab = stage.hold("L", 5);
    assert_eq!(stage.codes(), [ORGANIZATION; 4]);
    assert!(stage.gate.release(stage.now, &lab.id) && !stage.gate.release(stage.now, &lab.id));
    assert_eq!(stage.codes(), [PROJECT, OK, OK, OK]);
    for hold in [first, last] {
        assert!(stage.gate.release(stage.now, &hold.id));
    }
    assert_eq!((stage.codes(), stage.gate.held()), ([OK; 4], (0, Nanos::ZERO)));
}

#[test]
fn r40_the_refusal_and_the_answer_tell_the_figures() {
    let mut stage = Stage::new();
    spend(&stage.gate, "A", "2026-11", Nanos::from_dollars(3));
    stage.hold("A", 4);
    let key = Credential::Secret(Some("sk-A"));
    let refused = stage.gate.authorize(stage.now, key, &CHAT, &price(4), &mut stage.random);
    let Err(Denied::Refused(Refusal::ProjectBudget(figures))) = &refused.outcome else { panic!("{refused:?}") };
    assert_eq!((figures.spend, figures.held), (Nanos::from_dollars(3), Nanos::from_dollars(4)));
    let message = Refusal::ProjectBudget(figures.clone()).message();
    assert!(message.contains("may cost $4: $3 of $10 are spent, and $4 are held"), "{message}");
    let left = |project: i64, organization: i64| Remaining {
        project: Some(Nanos::from_dollars(project)),
        organization: Some(Nanos::from_dollars(organization)),
        ..Remaining::default()
    };
    assert_eq!(refused.remaining, left(3, 8));
    let allowed = stage.gate.authorize(stage.now, key, &CHAT, &price(2), &mut stage.random);
    assert_eq!((allowed.remaining, &*allowed.caller.unwrap().key_id), (left(1, 6), &b"key_A"[..]));
    let looked = stage.gate.look(stage.now, key, &CHAT, &Wanted::default());
    assert_eq!((looked.outcome, looked.remaining), (Ok(None), left(1, 6)));
}

#[test]
fn r40_only_what_a_budget_limits_is_held() {
    let limitless =
        snapshot(1, vec![organization("Acme", None, Limits::default())], vec![project("A", "Acme", Limits::default())]);
    let (gate, mut random) = (Gate::new(limitless), StdRng::seed_from_u64(1));
    assert_eq!(take(&gate, "A", at(NOW), &price(1_000), &mut random), Ok(None));
    assert_eq!(take(&gate, "nobody", at(NOW), &price(1), &mut random), Err(Denied::Refused(Refusal::UnknownKey)));
    assert_eq!(gate.held(), (0, Nanos::ZERO));
}

#[test]
fn r40_a_hold_is_freed_by_itself_unless_it_is_extended() {
    let mut stage = Stage::new();
    let (one, other) = (stage.hold("A", 10), stage.hold("B", 5));
    stage.wait(9);
    let extended = stage.gate.extend(stage.now, &other.id).unwrap();
    assert_eq!(extended, Some((stage.now.plus(600_000_000), Nanos::from_dollars(5))));
    assert_eq!(stage.codes(), [ORGANIZATION; 4]);
    stage.wait(1);
    assert_eq!(stage.codes(), [OK; 4]);
    assert_eq!(stage.gate.held(), (1, Nanos::from_dollars(5)));
    assert_eq!((stage.gate.extend(stage.now, &one.id), stage.gate.release(stage.now, &one.id)), (Ok(None), false));
    stage.wait(9);
    assert_eq!((stage.gate.expire_holds(stage.now), stage.gate.held()), (1, (0, Nanos::ZERO)));
}

#[test]
fn r40_an_event_that_names_the_hold_or_is_its_request_settles_it() {
    let mut stage = Stage::new();
    let named = stage.hold("A", 4);
    let wanted = Wanted { request_id: Some("chatcmpl-1"), ..price(4) };
    let by_request = stage.ask("A", &wanted).unwrap().unwrap();
    // Another project's event frees nothing, nor does one that is nobody's.
    let none = Settled::default();
    assert_eq!(stage.settle("proj_B", Some(&named.id), "chatcmpl-1", Nanos(1)), none);
    assert_eq!(stage.settle("proj_A", Some("hold_x"), "chatcmpl-2", Nanos(1)), none);
    spend(&stage.gate, "A", "2026-11", Nanos::from_dollars(4));
    assert_eq!(
        stage.settle("proj_A", Some(&named.id), "any", Nanos::from_dollars(4)),
        Settled { events: 1, exceeded: 0 }
    );
    // It cost more than was held: it counts as it is, and is told.
    spend(&stage.gate, "A", "2026-11", Nanos::from_dollars(9));
    let settled = stage.settle("proj_A", None, "chatcmpl-1", Nanos::from_dollars(5));
    assert_eq!(settled, Settled { events: 1, exceeded: 1 });
    assert!(!stage.gate.release(stage.now, &by_request.id));
    assert_eq!(stage.settle("proj_A", Some(&named.id), "chatcmpl-1", Nanos(1)), none, "a duplicate");
    stage.hold("A", 1);
    assert_eq!(stage.codes(), [PROJECT, OK, OK, OK]);
}

#[test]
fn r40_holds_outlive_a_reload_and_see_a_budget_that_changed() {
    let mut stage = Stage::new();
    let hold = stage.hold("A", 10);
    stage.gate.replace_directory(directory(2));
    assert_eq!(stage.codes(), [PROJECT, OK, OK, OK]);
    let mut raised = directory(3);
    raised.projects[0].limits = budget(12);
    stage.gate.replace_directory(raised);
    stage.hold("A", 2);
    assert_eq!(stage.codes(), [PROJECT, OK, OK, OK]);
    assert!(stage.gate.release(stage.now, &hold.id));
    assert_eq!((stage.codes(), stage.gate.held()), ([OK; 4], (1, Nanos::from_dollars(2))));
}

#[test]
fn r40_at_the_months_end_both_months_must_have_room() {
    let mut stage = Stage::new();
    stage.now = at("2026-11-29T23:30:00Z");
    spend(&stage.gate, "A", "2026-12", Nanos::from_dollars(8));
    let early = stage.hold("A", 4);
    assert!(stage.gate.release(stage.now, &early.id));
    // A day ahead, and the ten minutes of the hold.
    stage.now = at("2026-11-30T23:45:00Z");
    let Err(Denied::Refused(refusal)) = stage.ask("A", &price(4)) else { panic!() };
    assert!(
        refusal.message().contains("$8 of $10") && refusal.message().contains("2027-01-01"),
        "{}",
        refusal.message()
    );
    let late = stage.hold("A", 2);
    assert_eq!(code(&stage.gate, "A", stage.now), OK);
    // What was taken in November still counts in December, as its event may.
    stage.now = at("2026-12-01T00:00:00Z").plus(-360_000_000);
    assert!(stage.gate.extend(stage.now, &late.id).unwrap().is_some());
    stage.now = at("2026-12-01T00:00:00Z");
    assert_eq!(refusal_held(&stage), Nanos::from_dollars(2));
}

fn refusal_held(stage: &Stage) -> Nanos {
    refusal(&stage.gate, "A", stage.now).map_or(Nanos::ZERO, |refusal| refusal.held())
}

#[test]
fn r40_without_a_price_the_recent_costs_of_key_or_project_are_held_and_else_what_is_configured() {
    let mut stage = Stage::new();
    let ask = |stage: &mut Stage, name| {
        let hold = stage.ask(name, &Wanted::default()).unwrap().unwrap();
        (hold.amount, hold.basis)
    };
    assert_eq!(ask(&mut stage, "A"), (Nanos(50_000_000), Basis::Default));
    let event = ids().event("org-Acme", "x");
    let cost = |project, key, nanos| Booked { event, project, key, hold: None, cost: Nanos(nanos) };
    stage.gate.note_costs(
        [cost("proj_A", None, 301), cost("proj_A", None, 7), cost("proj_B", Some("key_B"), 10)].into_iter(),
    );
    assert_eq!(ask(&mut stage, "A"), (Nanos(452), Basis::Recent));
    stage.gate.note_costs([cost("proj_A", Some("key_A"), 4)].into_iter());
    assert_eq!(ask(&mut stage, "A"), (Nanos(6), Basis::Recent));
    assert_eq!(ask(&mut stage, "B"), (Nanos(15), Basis::Recent));
}

#[test]
fn r41_a_release_holds_past_the_budget_and_counts() {
    let mut stage = Stage::new();
    let mut released = directory(2);
    released.overrides = vec![release("proj_A", None)];
    stage.gate.replace_directory(released);
    stage.hold("A", 20);
    assert_eq!(stage.codes(), [OK, ORGANIZATION, ORGANIZATION, ORGANIZATION]);
}
