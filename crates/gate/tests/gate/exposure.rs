//! What is under way: requests that hold nothing, and holds (R38, R40).

use mete_core::limits::Limits;
use mete_core::time::MINUTE;
use mete_core::{EventId, Nanos, Timestamp};
use mete_gate::{Booked, Exposure, Gate, Terms, Wanted};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::support::{CHAT, at, budget, ids, organization, project, snapshot, spend, take};

fn now() -> Timestamp {
    at("2026-11-23T12:00:00Z")
}

/// Acme with Bot (a budget of $10) and Lab (none).
fn gate() -> Gate {
    let projects = vec![project("Bot", "Acme", budget(10)), project("Lab", "Acme", Limits::default())];
    Gate::new(snapshot(1, vec![organization("Acme", None, Limits::default())], projects)).with_terms(Terms::new(ids()))
}

fn event(number: i64, project: &'static str, cents: i64) -> Booked<'static> {
    Booked { event: EventId(number), project, key: None, hold: None, cost: Nanos(cents * 10_000_000) }
}

fn ask(gate: &Gate, secret: &str) -> bool {
    gate.admit(now(), Some(secret), &CHAT).is_ok()
}

fn of(gate: &Gate, scope: &str, now: Timestamp) -> Exposure {
    let exposures = gate.exposures(now, "proj_Bot");
    exposures.into_iter().find(|exposure| exposure.scope_id == scope).unwrap()
}

fn cents(cents: i64) -> Nanos {
    Nanos(cents * 10_000_000)
}

#[test]
fn requests_without_a_hold_are_under_way_until_their_usage_is_booked() {
    let gate = gate();
    assert!((0..5).all(|_| ask(&gate, "sk-Bot")) && ask(&gate, "sk-Lab"));
    let unpriced = of(&gate, "proj_Bot", now());
    assert_eq!((unpriced.unheld, unpriced.highest_cost, unpriced.unheld_cost), (5, None, None));
    gate.arrived(now(), [event(1, "proj_Bot", 3), event(2, "proj_Bot", 2)].into_iter());
    gate.arrived(now(), [event(3, "proj_nobody", 900)].into_iter());
    let bot = of(&gate, "proj_Bot", now());
    assert_eq!((bot.unheld, bot.highest_cost, bot.unheld_cost), (3, Some(cents(3)), Some(cents(9))));
    assert_eq!((bot.most_unheld_cost, bot.unasked_at), (cents(15), None));
    // Nobody knows what Lab's request costs.
    let acme = of(&gate, "org-Acme", now());
    assert_eq!((acme.unheld, acme.unheld_cost), (4, None));
    gate.arrived(now(), [event(4, "proj_Lab", 1), event(5, "proj_Lab", 1)].into_iter());
    let acme = of(&gate, "org-Acme", now());
    assert_eq!((acme.unheld, acme.unheld_cost, acme.unasked_at), (3, Some(cents(9)), Some(now())));
}

#[test]
fn who_is_refused_or_holds_money_is_not_under_way_without_a_hold() {
    let gate = gate();
    let mut random = StdRng::seed_from_u64(1);
    let wanted = Wanted { price: Some(cents(50)), request_id: Some("r1"), ..Wanted::default() };
    assert!(take(&gate, "Bot", now(), &wanted, &mut random).unwrap().is_some());
    let later = now().plus(MINUTE);
    assert!(take(&gate, "Bot", later, &Wanted { request_id: None, ..wanted }, &mut random).unwrap().is_some());
    // Without a budget nothing is held.
    assert!(take(&gate, "Lab", now(), &wanted, &mut random).unwrap().is_none());
    let bot = of(&gate, "proj_Bot", later);
    assert_eq!((bot.holds, bot.held, bot.oldest_hold, bot.unheld), (2, cents(100), Some(now()), 0));
    let acme = of(&gate, "org-Acme", later);
    assert_eq!((acme.holds, acme.held, acme.unheld), (2, cents(100), 1));

    // The event of a hold ends no other request.
    assert!(ask(&gate, "sk-Bot"));
    let held = Booked { event: ids().event("org-Acme", "r1"), ..event(1, "proj_Bot", 50) };
    gate.arrived(later, [held].into_iter());
    gate.settle([held].into_iter());
    let bot = of(&gate, "proj_Bot", later);
    assert_eq!((bot.holds, bot.unheld, bot.unasked_at), (1, 1, None));

    spend(&gate, "Bot", "2026-11", Nanos::from_dollars(10));
    assert!(!ask(&gate, "sk-Bot"));
    assert_eq!(of(&gate, "proj_Bot", later).unheld, 1);
}

#[test]
fn one_whose_usage_never_comes_is_not_waited_for_longer_than_a_hold_lives() {
    let gate = gate();
    assert!(ask(&gate, "sk-Bot"));
    gate.mark_under_way(now());
    let time = gate.terms().time;
    assert_eq!(of(&gate, "proj_Bot", now().plus(time - 1)).unheld, 1);
    assert_eq!(of(&gate, "proj_Bot", now().plus(time)).unheld, 0);
}

/// However late usage comes, a budget is passed by no more than what was told when the gate began to refuse.
#[test]
fn what_is_told_bounds_the_overshoot() {
    let mut random = StdRng::seed_from_u64(11);
    for _ in 0..200 {
        let gate = gate();
        let (mut spent, mut waiting, mut number, mut bound) = (0_i64, Vec::new(), 0, None);
        // The first cost is the highest: what is recent is known.
        spent += 9;
        gate.set_spend(&[total(spent)]);
        gate.arrived(now(), [event(0, "proj_Bot", 9)].into_iter());
        loop {
            if ask(&gate, "sk-Bot") {
                number += 1;
                waiting.push(1 + rand::RngExt::random_range(&mut random, 0..9_i64));
            } else if bound.is_none() {
                let bot = of(&gate, "proj_Bot", now());
                bound = Some(bot.unheld_cost.unwrap().0 + cents(spent).0 - Nanos::from_dollars(10).0);
            }
            if waiting.is_empty() {
                break;
            }
            let is_due = bound.is_some() || rand::RngExt::random_bool(&mut random, 0.8);
            if is_due {
                let at = rand::RngExt::random_range(&mut random, 0..waiting.len());
                spent += waiting.swap_remove(at);
                gate.set_spend(&[total(spent)]);
                gate.arrived(now(), [event(number, "proj_Bot", 9)].into_iter());
            }
        }
        let overshoot = cents(spent).0 - Nanos::from_dollars(10).0;
        let bound = bound.expect("the budget binds");
        assert!(overshoot <= bound, "{overshoot} of {bound}");
        assert!(overshoot <= of(&gate, "proj_Bot", now()).most_unheld_cost.0);
    }
}

fn total(of: i64) -> mete_store::ProjectSpend {
    mete_store::ProjectSpend { project_id: "proj_Bot".into(), month: "2026-11".parse().unwrap(), spend: cents(of) }
}
