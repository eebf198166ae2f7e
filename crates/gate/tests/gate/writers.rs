//! The gate while others write to it.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{CHAT, at, month, organization, project, refusal, snapshot};
use mete_core::limits::Limits;
use mete_core::secret::KeyHash;
use mete_core::{Month, Nanos};
use mete_gate::{BudgetFigures, Explanation, Gate, Rule};
use mete_store::ProjectSpend;

/// One step of spend: the same pattern in both halves of the word, so that a torn total would show.
const UNIT: i64 = 0x0000_0001_0000_0001;
const ROUNDS: i64 = 20_000;

/// One writer raises A and B in turn while the directory is swapped and others ask: each total that is seen was there,
/// none ever falls, and once a key is refused it stays refused.
#[test]
fn totals_are_never_torn_under_a_writer() {
    let directory = |change_seq| {
        let limits = Limits { budget: Some(Nanos(UNIT * ROUNDS)), threshold: None };
        let projects = vec![project("A", "Acme", Limits::default()), project("B", "Acme", Limits::default())];
        snapshot(change_seq, vec![organization("Acme", None, limits)], projects)
    };
    let gate = Gate::new(directory(0));
    let now = at("2026-11-23T12:00:00Z");
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        for name in ["A", "B"] {
            let (gate, done) = (&gate, &done);
            threads.spawn(move || {
                let hash = KeyHash::of(&format!("sk-{name}"));
                let (mut organization, mut project, mut refused) = (Nanos::ZERO, Nanos::ZERO, false);
                while !done.load(Ordering::Relaxed) {
                    let explanation = gate.explain(now, hash, &CHAT);
                    let (seen_organization, seen_project) = spends(&explanation);
                    for seen in [seen_organization, seen_project] {
                        assert_eq!(seen.0 % UNIT, 0, "torn: {seen:?}");
                    }
                    assert!(seen_organization >= organization && seen_project >= project, "a total fell");
                    (organization, project) = (seen_organization, seen_project);
                    assert_eq!(explanation.refusal().is_some(), organization >= Nanos(UNIT * ROUNDS));
                    let refused_now = refusal(gate, name, now).is_some();
                    assert!(refused_now || !refused, "let through again");
                    refused = refused_now;
                }
            });
        }
        threads.spawn(|| {
            for change_seq in 1..300 {
                gate.replace_directory(directory(change_seq));
                std::thread::yield_now();
            }
        });
        let november: Month = month("2026-11");
        for round in 1..=ROUNDS {
            let total = |name: &str| ProjectSpend {
                project_id: format!("proj_{name}").into(),
                month: november,
                spend: Nanos(UNIT * round),
            };
            gate.set_spend(&[total("A"), total("B")]);
        }
        done.store(true, Ordering::Relaxed);
    });
    let last = gate.explain(now, KeyHash::of("sk-A"), &CHAT);
    assert_eq!(spends(&last), (Nanos(UNIT * ROUNDS * 2), Nanos(UNIT * ROUNDS)));
}

/// What the organization and the project have spent.
fn spends(explanation: &Explanation) -> (Nanos, Nanos) {
    let find = |pick: fn(&Rule) -> Option<&BudgetFigures>| {
        explanation.rules.iter().find_map(|report| pick(&report.rule)).unwrap().spend.unwrap()
    };
    (
        find(|rule| if let Rule::OrganizationBudget(figures) = rule { Some(figures) } else { None }),
        find(|rule| if let Rule::ProjectBudget(figures) = rule { Some(figures) } else { None }),
    )
}
