//! Control against a small model of the rules: random sequences of everything that can be asked, by random actors, on
//! both engines. After each try the store must be what the model says, and the log must say what was done.
//!
//! `PROPTEST_CASES=1000 cargo test -p mete-control --test model --release` tries more of them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests may fail a test")]

mod case;
mod directory;
mod followers;
mod invariants;
mod journal;
mod keys;
mod limits;
mod lists;
mod model;
mod op;
mod opening;
mod people;
mod perform;
mod state;
mod strategy;

use std::cell::RefCell;

use mete_core::ManualClock;
use mete_store::Store;
use mete_tests::{Engine, TestStore};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::case::{Case, Ground};
use crate::op::Step;

/// The operating-system user of every actor.
const OPERATOR: &str = "tester";

/// Tries `cases` sequences, or as many as PROPTEST_CASES says.
fn check(engine: Engine, cases: u32) {
    let place = TestStore::new(engine).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut random = StdRng::seed_from_u64(7);
    let store = runtime.block_on(Store::create(&place.url().parse().unwrap(), &mut random)).unwrap();
    let clock = ManualClock::new("2026-11-23T10:15:00Z".parse().unwrap());
    let ground = RefCell::new(Ground { store, clock, random, cases: 0 });
    let cases = std::env::var_os("PROPTEST_CASES").map_or(cases, |_| Config::default().cases);
    let config = Config { cases, max_shrink_iters: 2000, failure_persistence: None, ..Config::default() };
    let opening = opening::opening();
    let outcome = TestRunner::new(config).run(&strategy::steps(), |steps| {
        let tried = runtime.block_on(run(&mut ground.borrow_mut(), &opening, &steps));
        tried.map_err(|error| TestCaseError::fail(format!("{error:#}")))
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    runtime.block_on(ground.borrow().store.close());
    secrets_are_not_in(&place);
}

async fn run(ground: &mut Ground, opening: &[Step], steps: &[Step]) -> anyhow::Result<()> {
    Case::new(ground).await?.run(opening, steps).await
}

/// No file of the store holds a secret (R15).
fn secrets_are_not_in(place: &TestStore) {
    for file in std::fs::read_dir(place.dir()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!journal::shows_a_secret(&String::from_utf8_lossy(&bytes)), "a file of the store holds a secret");
    }
}

mod control_does_what_the_rules_say {
    use super::{Engine, check};

    #[test]
    fn sqlite() {
        check(Engine::Sqlite, 80);
    }

    #[test]
    fn postgres() {
        check(Engine::Postgres, 20);
    }
}
