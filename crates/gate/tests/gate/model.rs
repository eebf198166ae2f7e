//! The gate against a slow, obvious model, and under writers (R3, R25, R26).

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{at, budget, month, organization, project, snapshot};
use mete_core::limits::Limits;
use mete_core::secret::KeyHash;
use mete_core::{Month, Nanos};
use mete_gate::{BudgetFigures, Explanation, Gate, Rule};
use mete_store::{GateSnapshot, ProjectSpend};
use proptest::collection::vec;
use proptest::prelude::*;

/// Projects and the organization of each; Lab is Acme's sub-organization.
const PROJECTS: [(&str, &str); 4] = [("A", "Acme"), ("B", "Acme"), ("L", "Lab"), ("X", "Other")];
const MONTHS: [&str; 4] = ["2026-11", "2026-12", "2027-01", "2027-02"];

#[derive(Clone, Debug)]
enum Step {
    /// Totals of projects in months, by position.
    Spend(Vec<(usize, usize, i64)>),
    /// Budgets in dollars of Acme, Lab, Other, A, B, L, X, and which of the projects are in the directory at all.
    Directory([Option<i64>; 7], [bool; 4]),
}

/// Everything that was said, and every sum taken anew.
struct Model {
    totals: HashMap<(usize, usize), i64>,
    budgets: [Option<i64>; 7],
    present: [bool; 4],
}

impl Model {
    /// The projects whose spend counts to an organization, as long as the directory has them.
    fn payers(&self, organization: &str) -> Vec<usize> {
        let counts = |of: &str| of == organization || (of == "Lab" && organization == "Acme");
        (0..4).filter(|p| self.present[*p] && counts(PROJECTS[*p].1)).collect()
    }

    fn spend(&self, projects: &[usize], month: usize) -> i64 {
        projects.iter().map(|project| self.totals.get(&(*project, month)).copied().unwrap_or(0)).sum()
    }

    /// The code that a project's key is answered with; `None` is to allow.
    fn code(&self, project: usize, month: usize) -> Option<&'static str> {
        if !self.present[project] {
            return Some("invalid_api_key");
        }
        let organizations: &[(&str, usize)] = match PROJECTS[project].1 {
            "Lab" => &[("Lab", 1), ("Acme", 0)],
            "Acme" => &[("Acme", 0)],
            _ => &[("Other", 2)],
        };
        let exhausted = |projects: &[usize], at: usize| {
            self.budgets[at].is_some_and(|dollars| self.spend(projects, month) >= dollars * 1_000_000_000)
        };
        if organizations.iter().any(|(name, at)| exhausted(&self.payers(name), *at)) {
            return Some("organization_spend_limit_exceeded");
        }
        exhausted(&[project], project + 3).then_some("project_spend_limit_exceeded")
    }

    fn snapshot(&self, change_seq: i64) -> GateSnapshot {
        let limits = |at: usize| self.budgets[at].map_or_else(Limits::default, budget);
        snapshot(
            change_seq,
            vec![
                organization("Lab", Some("Acme"), limits(1)),
                organization("Acme", None, limits(0)),
                organization("Other", None, limits(2)),
            ],
            (0..4).filter(|p| self.present[*p]).map(|p| project(PROJECTS[p].0, PROJECTS[p].1, limits(p + 3))).collect(),
        )
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let total = (0..4_usize, 0..4_usize, 0..30_000_000_000_i64);
    let budget = prop::option::weighted(0.7, 0..40_i64);
    let step = prop_oneof![
        4 => vec(total, 1..5).prop_map(Step::Spend),
        1 => (prop::array::uniform7(budget), prop::array::uniform4(prop::bool::weighted(0.9)))
            .prop_map(|(budgets, present)| Step::Directory(budgets, present)),
    ];
    vec(step, 1..40)
}

proptest! {
    #[test]
    fn decisions_are_those_of_the_model(steps in steps()) {
        let mut model = Model { totals: HashMap::new(), budgets: [Some(20); 7], present: [true; 4] };
        let gate = Gate::new(model.snapshot(0));
        for (step, change_seq) in steps.into_iter().zip(1..) {
            match step {
                Step::Spend(totals) => {
                    let spends: Vec<ProjectSpend> =
                        totals.iter().map(|(project, month, nanos)| project_spend(*project, *month, *nanos)).collect();
                    gate.set_spend(&spends);
                    model.totals.extend(totals.into_iter().map(|(project, month, nanos)| ((project, month), nanos)));
                }
                Step::Directory(budgets, present) => {
                    (model.budgets, model.present) = (budgets, present);
                    gate.replace_directory(model.snapshot(change_seq));
                }
            }
            for (position, (name, _)) in PROJECTS.iter().enumerate() {
                for (at, text) in MONTHS.iter().enumerate() {
                    let now = month(text).start();
                    let expected = model.code(position, at);
                    let explanation = gate.explain(now, KeyHash::of(&format!("sk-{name}")));
                    prop_assert_eq!(explanation.refusal().map(|refusal| refusal.code()), expected, "{} {}", name, text);
                    let allowed_or_code = crate::support::code(&gate, name, now);
                    prop_assert_eq!(allowed_or_code, expected.unwrap_or("ok"), "{} {}", name, text);
                }
            }
        }
    }
}

fn project_spend(project: usize, at: usize, nanos: i64) -> ProjectSpend {
    ProjectSpend {
        project_id: format!("proj_{}", PROJECTS[project].0).into(),
        month: month(MONTHS[at]),
        spend: Nanos(nanos),
    }
}

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
                    let explanation = gate.explain(now, hash);
                    let (seen_organization, seen_project) = figures(&explanation);
                    for seen in [seen_organization.spend, seen_project.spend] {
                        assert_eq!(seen.0 % UNIT, 0, "torn: {seen:?}");
                    }
                    assert!(seen_organization.spend >= organization && seen_project.spend >= project, "a total fell");
                    (organization, project) = (seen_organization.spend, seen_project.spend);
                    assert_eq!(explanation.refusal().is_some(), organization >= Nanos(UNIT * ROUNDS));
                    let refused_now = gate.decide_hash(now, hash) != mete_core::decision::Decision::Allow;
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
    let last = gate.explain(now, KeyHash::of("sk-A"));
    assert_eq!(figures(&last).0.spend, Nanos(UNIT * ROUNDS * 2));
    assert_eq!(figures(&last).1.spend, Nanos(UNIT * ROUNDS));
}

/// The organization's and the project's figures.
fn figures(explanation: &Explanation) -> (&BudgetFigures, &BudgetFigures) {
    let find = |pick: fn(&Rule) -> Option<&BudgetFigures>| {
        explanation.rules.iter().find_map(|report| pick(&report.rule)).unwrap()
    };
    (
        find(|rule| if let Rule::OrganizationBudget(figures) = rule { Some(figures) } else { None }),
        find(|rule| if let Rule::ProjectBudget(figures) = rule { Some(figures) } else { None }),
    )
}
