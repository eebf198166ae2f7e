//! What is held must be leased first, and what others leased counts as held (R40).

use mete_core::limits::Limits;
use mete_core::{Nanos, Timestamp};
use mete_gate::{Denied, Gate, Hold, Lease, Terms, Wanted};
use mete_store::HoldLease;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::support::{at, budget, code, ids, organization, project, snapshot, take};

const MINUTE: i64 = 60_000_000;

fn now() -> Timestamp {
    at("2026-11-23T12:00:00Z")
}

/// One project, A, with $10.
fn gate() -> Gate {
    let directory =
        snapshot(1, vec![organization("Acme", None, Limits::default())], vec![project("A", "Acme", budget(10))]);
    Gate::new(directory).with_terms(Terms::new(ids())).with_leases()
}

fn hold(gate: &Gate, dollars: i64, now: Timestamp) -> Result<Hold, Denied> {
    let wanted = Wanted { price: Some(Nanos::from_dollars(dollars)), request_id: None, ..Wanted::default() };
    take(gate, "A", now, &wanted, &mut StdRng::seed_from_u64(now.0.cast_unsigned() + dollars.cast_unsigned()))
        .map(Option::unwrap)
}

/// What must be leased first.
fn unleased(gate: &Gate, dollars: i64, now: Timestamp) -> Lease {
    match hold(gate, dollars, now) {
        Err(Denied::Unleased(lease)) => lease,
        other => panic!("{other:?}"),
    }
}

#[test]
fn r40_no_more_is_held_than_is_leased_and_for_no_longer() {
    let gate = gate();
    let lease = unleased(&gate, 2, now());
    // What is asked for, and a quarter of the $8 that are left then; for twice the life of a hold.
    let expected =
        Lease { project_id: "proj_A".into(), amount: Nanos::from_dollars(4), ends_at: now().plus(20 * MINUTE) };
    assert_eq!((&lease, gate.held()), (&expected, (0, Nanos::ZERO)));
    gate.grant(&gate.merged_lease(lease, now()));
    let first = hold(&gate, 2, now()).unwrap();
    hold(&gate, 1, now()).unwrap();
    assert_eq!(unleased(&gate, 3, now()).amount, Nanos::from_dollars(6) + Nanos::from_dollars(1));
    // A hold that would outlive the lease needs another one, and so does one that is extended; neither gives up what
    // is leased already.
    let later = now().plus(MINUTE);
    hold(&gate, 1, later).unwrap();
    assert!(gate.release(later, &first.id));
    let late = now().plus(9 * MINUTE);
    assert!(gate.extend(late, &first.id).unwrap().is_none());
    let last = hold(&gate, 2, late).unwrap();
    let beyond = now().plus(11 * MINUTE);
    let wanted = gate.extend(beyond, &last.id).unwrap_err();
    let merged = gate.merged_lease(wanted, beyond);
    assert_eq!((merged.amount, merged.ends_at), (Nanos::from_dollars(4), beyond.plus(20 * MINUTE)));
    gate.grant(&merged);
    assert_eq!(gate.extend(beyond, &last.id), Ok(Some((beyond.plus(10 * MINUTE), Nanos::from_dollars(2)))));
    // In the end only what is held still is leased, and nothing can be held.
    let left = gate.end_leases();
    assert_eq!((left.len(), left[0].amount, left[0].ends_at), (1, Nanos::from_dollars(2), beyond.plus(10 * MINUTE)));
    unleased(&gate, 1, beyond);
}

#[test]
fn r40_what_another_life_leased_counts_as_held_until_it_is_over() {
    let gate = gate();
    let lease = |project: &str, amount| HoldLease {
        daemon: "earlier".into(),
        project_id: project.into(),
        amount: Nanos::from_dollars(amount),
        ends_at: now().plus(5 * MINUTE),
    };
    gate.assume(&[lease("proj_A", 3), lease("proj_nobody", 9)]);
    gate.assume(&[lease("proj_A", 10)]);
    assert_eq!((gate.held(), code(&gate, "A", now())), ((1, Nanos::from_dollars(10)), "project_spend_limit_exceeded"));
    assert!(gate.end_leases().is_empty(), "another's is not this one's to give up");
    assert_eq!(code(&gate, "A", now().plus(5 * MINUTE)), "ok");
}
