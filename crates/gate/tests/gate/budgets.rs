//! Who is blocked when (R3, R25, R26).

use crate::support::{at, budget, code, organization, project, refusal, snapshot, spend};
use mete_core::decision::{Exhausted, Refusal};
use mete_core::limits::Limits;
use mete_core::{Nanos, Timestamp};
use mete_gate::Gate;

const NOW: &str = "2026-11-23T12:00:00Z";
const ORGANIZATION: &str = "organization_spend_limit_exceeded";
const PROJECT: &str = "project_spend_limit_exceeded";
const OK: &str = "ok";

/// A, B and C at $100 each in an organization with the given budget.
fn three_projects(organization_budget: Limits, change_seq: i64) -> mete_store::GateSnapshot {
    snapshot(
        change_seq,
        vec![organization("Acme", None, organization_budget)],
        ["A", "B", "C"].map(|name| project(name, "Acme", budget(100))).into(),
    )
}

/// Follows steps "one project's spend is now so many dollars" and compares each project's state after it.
fn follow(organization_budget: i64, steps: &[(&str, i64, [&str; 3])]) {
    let gate = Gate::new(three_projects(budget(organization_budget), 1));
    for (name, dollars, expected) in steps {
        spend(&gate, name, "2026-11", Nanos::from_dollars(*dollars));
        let states = ["A", "B", "C"].map(|name| code(&gate, name, at(NOW)));
        assert_eq!(states, *expected, "organization at ${organization_budget}, {name} at ${dollars}");
    }
}

#[test]
fn r25_organization_above_the_sum_projects_never_affect_one_another() {
    follow(
        400,
        &[
            ("A", 99, [OK, OK, OK]),
            ("A", 100, [PROJECT, OK, OK]),
            ("A", 150, [PROJECT, OK, OK]),
            ("B", 99, [PROJECT, OK, OK]),
            ("B", 100, [PROJECT, PROJECT, OK]),
            ("C", 99, [PROJECT, PROJECT, OK]),
            ("C", 100, [PROJECT, PROJECT, PROJECT]),
        ],
    );
}

#[test]
fn r25_organization_equal_to_the_sum_is_reached_exactly_when_all_projects_are() {
    follow(
        300,
        &[
            ("A", 100, [PROJECT, OK, OK]),
            ("B", 100, [PROJECT, PROJECT, OK]),
            ("C", 99, [PROJECT, PROJECT, OK]),
            ("C", 100, [ORGANIZATION, ORGANIZATION, ORGANIZATION]),
        ],
    );
}

#[test]
fn r25_organization_below_the_sum_a_heavy_project_blocks_the_others() {
    follow(
        200,
        &[
            ("A", 90, [OK, OK, OK]),
            ("B", 90, [OK, OK, OK]),
            ("C", 19, [OK, OK, OK]),
            ("C", 20, [ORGANIZATION, ORGANIZATION, ORGANIZATION]),
            // A correction gives money back, and everybody goes on.
            ("C", 19, [OK, OK, OK]),
            // Overshoot of one project: its own budget and then the organization's.
            ("A", 101, [ORGANIZATION, ORGANIZATION, ORGANIZATION]),
            ("B", 10, [PROJECT, OK, OK]),
        ],
    );
}

#[test]
fn r26_the_last_nano_dollar_decides() {
    let gate = Gate::new(three_projects(Limits::default(), 1));
    let almost = Nanos::from_dollars(100) - Nanos(1);
    spend(&gate, "A", "2026-11", almost);
    assert_eq!(code(&gate, "A", at(NOW)), OK);
    spend(&gate, "A", "2026-11", almost + Nanos(1));
    assert_eq!(code(&gate, "A", at(NOW)), PROJECT);
}

#[test]
fn r26_budgets_start_anew_when_the_utc_month_does() {
    for (last, first) in [
        ("2026-11-30T23:59:59.999999Z", "2026-12-01T00:00:00Z"),
        ("2026-12-31T23:59:59.999999Z", "2027-01-01T00:00:00Z"),
        ("2028-02-29T23:59:59.999999Z", "2028-03-01T00:00:00Z"),
    ] {
        let gate = Gate::new(three_projects(budget(100), 1));
        spend(&gate, "A", &last[..7], Nanos::from_dollars(100));
        assert_eq!(code(&gate, "A", at(last)), ORGANIZATION, "{last}");
        assert_eq!(code(&gate, "B", at(last)), ORGANIZATION, "{last}");
        assert_eq!(code(&gate, "A", at(first)), OK, "{first}");
        // Spend of the new month blocks from its first instant, and leaves the old month as it was.
        spend(&gate, "B", &first[..7], Nanos::from_dollars(100));
        assert_eq!(code(&gate, "A", at(first)), ORGANIZATION, "{first}");
        assert_eq!(code(&gate, "A", at(last)), ORGANIZATION, "{last}");
        // Late spend of the old month does not touch the new one (R32).
        spend(&gate, "B", &first[..7], Nanos::ZERO);
        spend(&gate, "C", &last[..7], Nanos::from_dollars(500));
        assert_eq!(code(&gate, "C", at(first)), OK, "{first}");
    }
}

#[test]
fn r26_raising_the_budget_unblocks_at_once_and_keeps_the_totals() {
    let gate = Gate::new(three_projects(budget(150), 1));
    spend(&gate, "A", "2026-11", Nanos::from_dollars(90));
    spend(&gate, "B", "2026-11", Nanos::from_dollars(60));
    assert_eq!(code(&gate, "C", at(NOW)), ORGANIZATION);
    gate.replace_directory(three_projects(budget(151), 2));
    assert_eq!(code(&gate, "C", at(NOW)), OK);
    spend(&gate, "C", "2026-11", Nanos::from_dollars(1));
    assert_eq!(code(&gate, "C", at(NOW)), ORGANIZATION);
    gate.replace_directory(three_projects(Limits::default(), 3));
    assert_eq!(code(&gate, "C", at(NOW)), OK);
}

#[test]
fn a_reload_that_was_overtaken_changes_nothing() {
    let gate = Gate::new(three_projects(budget(0), 7));
    gate.replace_directory(three_projects(budget(1000), 6));
    assert_eq!((code(&gate, "A", at(NOW)), gate.change_seq()), (ORGANIZATION, 7));
    gate.replace_directory(three_projects(budget(1000), 7));
    assert_eq!(code(&gate, "A", at(NOW)), OK);
}

#[test]
fn r3_a_sub_organization_spends_from_its_own_budget_and_from_its_parents() {
    let directory = |parent_budget, sub_budget| {
        vec![
            // The parent is read after its sub-organization: order must not matter.
            organization("Lab", Some("Acme"), sub_budget),
            organization("Acme", None, parent_budget),
        ]
    };
    let projects = || vec![project("own", "Acme", Limits::default()), project("lab", "Lab", Limits::default())];
    let gate = Gate::new(snapshot(1, directory(budget(100), budget(50)), projects()));

    spend(&gate, "own", "2026-11", Nanos::from_dollars(60));
    spend(&gate, "lab", "2026-11", Nanos::from_dollars(39));
    assert_eq!([code(&gate, "own", at(NOW)), code(&gate, "lab", at(NOW))], [OK, OK]);

    // The parent's 100 are gone: both are refused, and both are told of the parent.
    spend(&gate, "lab", "2026-11", Nanos::from_dollars(40));
    for name in ["own", "lab"] {
        let figures = organization_refusal(&gate, name, at(NOW));
        assert_eq!(
            (figures.scope.as_str(), figures.spend, figures.budget),
            ("Acme", Nanos::from_dollars(100), Nanos::from_dollars(100))
        );
        assert_eq!(figures.until, at("2026-12-01T00:00:00Z"));
    }

    // The sub-organization's own 50 are gone too: that comes first for its keys.
    spend(&gate, "lab", "2026-11", Nanos::from_dollars(50));
    assert_eq!(organization_refusal(&gate, "lab", at(NOW)).scope, "Lab");
    assert_eq!(organization_refusal(&gate, "own", at(NOW)).scope, "Acme");

    // Its budget does not bind its parent.
    gate.replace_directory(snapshot(2, directory(Limits::default(), budget(50)), projects()));
    assert_eq!([code(&gate, "own", at(NOW)), code(&gate, "lab", at(NOW))], [OK, ORGANIZATION]);
}

fn organization_refusal(gate: &Gate, name: &str, now: Timestamp) -> Exhausted {
    match refusal(gate, name, now) {
        Some(Refusal::OrganizationBudget(figures)) => figures,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn spend_that_is_ahead_of_the_directory_is_kept_for_it() {
    let gate = Gate::new(snapshot(1, vec![organization("Acme", None, budget(100))], vec![]));
    spend(&gate, "new", "2026-11", Nanos::from_dollars(100));
    assert_eq!(refusal(&gate, "new", at(NOW)), Some(Refusal::UnknownKey));
    let projects = vec![project("new", "Acme", Limits::default()), project("old", "Acme", Limits::default())];
    gate.replace_directory(snapshot(2, vec![organization("Acme", None, budget(100))], projects));
    assert_eq!([code(&gate, "new", at(NOW)), code(&gate, "old", at(NOW))], [ORGANIZATION, ORGANIZATION]);
}
