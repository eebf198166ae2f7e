//! Many requests at once against one budget: what is spent and held never passes it (R40).

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mete_core::limits::Limits;
use mete_core::{Nanos, Timestamp};
use mete_gate::{Booked, Gate, Terms, Wanted};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::{at, budget, ids, organization, project, snapshot, spend, take};

const THREADS: u64 = 64;
const ASKED: usize = 200;
const MOST: i64 = 1_000_000_000;

/// The organization's budget is what binds; each project has half of the threads.
const BUDGET: i64 = 2_000;

fn directory(change_seq: i64) -> mete_store::GateSnapshot {
    let projects = vec![project("A", "Acme", Limits::default()), project("B", "Acme", budget(BUDGET))];
    snapshot(change_seq, vec![organization("Acme", None, budget(BUDGET))], projects)
}

/// What a committer does: totals in the order of their commits, and only then the holds.
fn book(gate: &Gate, totals: &Mutex<[i64; 2]>, at: usize, hold: &str, cost: i64) {
    let name = ["A", "B"][at];
    {
        let mut totals = totals.lock().unwrap();
        totals[at] += cost;
        spend(gate, name, "2026-11", Nanos(totals[at]));
        let sum = totals.iter().sum::<i64>();
        assert!(sum <= BUDGET * MOST, "{sum} nano-dollars are spent");
    }
    let event = ids().event("org-Acme", hold);
    let booked = Booked { event, project: &format!("proj_{name}"), key: None, hold: Some(hold), cost: Nanos(cost) };
    assert_eq!(gate.settle([booked].into_iter()).events, 1);
}

#[test]
fn r40_sixty_four_threads_never_pass_a_budget_by_a_nano_dollar() {
    let gate = Gate::new(directory(0)).with_terms(Terms::new(ids()));
    let now: Timestamp = at("2026-11-23T12:00:00Z");
    let (totals, refused, done) = (Mutex::new([0_i64; 2]), AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|threads| {
        let reloads = threads.spawn(|| {
            let mut change_seq = 0;
            while !done.load(Ordering::Relaxed) {
                change_seq += 1;
                gate.replace_directory(directory(change_seq));
                std::thread::yield_now();
            }
        });
        let clients: Vec<_> = (0..THREADS)
            .map(|number| {
                let (gate, totals, refused) = (&gate, &totals, &refused);
                threads.spawn(move || {
                    let mut random = StdRng::seed_from_u64(number);
                    let place = (number % 2) as usize;
                    for _ in 0..ASKED {
                        let most = random.random_range(1..MOST);
                        let wanted = Wanted { price: Some(Nanos(most)), request_id: None, ..Wanted::default() };
                        match take(gate, ["A", "B"][place], now, &wanted, &mut random) {
                            Err(_) => _ = refused.fetch_add(1, Ordering::Relaxed),
                            Ok(hold) => {
                                let id = hold.unwrap().id;
                                // Some end early, most cost all that was held.
                                match random.random_range(0..10) {
                                    0 => assert!(gate.release(now, &id)),
                                    1 => book(gate, totals, place, &id, random.random_range(0..=most)),
                                    _ => book(gate, totals, place, &id, most),
                                }
                            }
                        }
                    }
                })
            })
            .collect();
        for client in clients {
            client.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        reloads.join().unwrap();
    });
    let spent = totals.lock().unwrap().iter().sum::<i64>();
    assert_eq!(gate.held(), (0, Nanos::ZERO));
    // The budget did bind, and was used up but for less than what one request may cost.
    assert!(refused.load(Ordering::Relaxed) > 100, "nothing was refused");
    assert!(spent > (BUDGET - 2) * MOST, "only {spent} nano-dollars of {BUDGET} dollars were let through");
}
