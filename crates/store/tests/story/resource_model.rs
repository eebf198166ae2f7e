//! Resources and stored bytes against a small model, whatever arrives in whatever order through whichever writer (R31).

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use anyhow::ensure;
use mete_core::event::Resource;
use mete_core::time::HOUR;
use mete_core::{Nanos, Timestamp, Usage};
use mete_store::{Arrival, Ledger, ProjectBytes, ResourceFilter, ResourceRow};
use mete_tests::{Engine, TestStore};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::fixture::{Fixture, NOW, at};

/// Kind and id of a resource.
type Name = (&'static str, &'static str);

/// What a copy may name, and as what it is listed.
const NAMES: [(Option<Name>, Option<Name>); 6] = [
    (None, None),
    (Some(("file", "file-1")), Some(("file", "file-1"))),
    (Some(("file", "file-2")), Some(("file", "file-2"))),
    (Some(("vector_store", "file-1")), Some(("vector_store", "file-1"))),
    (Some(("batch", "file-1")), None),
    (Some(("thread", "t\0'")), Some(("thread", "t\u{fffd}'"))),
];

/// One copy of one of a few events.
#[derive(Clone, Debug)]
struct Copy {
    id: u8,
    hours: i64,
    project: usize,
    keyed: bool,
    name: usize,
    input: u64,
    bytes: i64,
    cost: i64,
}

impl Copy {
    fn arrival(&self, f: &Fixture, projects: &[String; 2]) -> Arrival {
        let usage = Usage { input: self.input, bytes: self.bytes, ..Usage::default() };
        let key = self.keyed.then_some("key_a");
        // ids are one event within the organization, so each case has its own
        let id = format!("{}/{}", projects[0], self.id);
        let mut arrival = f.event_with(&id, self.time(), &projects[self.project], key, Nanos(self.cost), usage);
        arrival.event.resource =
            NAMES[self.name].0.map(|(kind, id)| Box::new(Resource { kind: kind.into(), id: id.into() }));
        arrival
    }

    fn time(&self) -> Timestamp {
        at(NOW).plus(self.hours * HOUR)
    }

    /// What two states are told apart by.
    fn state(&self) -> (u64, i64, i64) {
        (self.input, self.bytes, self.cost)
    }
}

/// Batches of copies, each with its writer: one of two, or a new one.
fn batches() -> impl Strategy<Value = Vec<(usize, Vec<Copy>)>> {
    let place = (0..5_u8, 0..6_i64, prop::bool::weighted(0.1), any::<bool>(), 0..NAMES.len());
    let copy =
        (place, 0..3_u64, -3..5_i64, 0..3_i64).prop_map(|((id, hours, stray, keyed, name), input, bytes, cost)| {
            let project = usize::from(stray) ^ usize::from(id % 2);
            Copy { id, hours, project, keyed, name, input, bytes, cost }
        });
    vec((0..3_usize, vec(copy, 1..8)), 1..8)
}

/// What should be there.
#[derive(Default)]
struct Model {
    /// The state that counts of each event, and when it is booked.
    kept: HashMap<u8, (Copy, Timestamp)>,
    /// The first and last booking of each resource of a project.
    seen: BTreeMap<(usize, Name), (Timestamp, Timestamp)>,
}

impl Model {
    fn take(&mut self, copy: &Copy) {
        let booked = match self.kept.get(&copy.id) {
            None => copy.time(),
            Some((kept, _)) if kept.project != copy.project || kept.state() == copy.state() => return,
            Some((kept, _)) if (copy.time(), copy.state()) < (kept.time(), kept.state()) => return,
            Some((_, booked)) => *booked,
        };
        self.kept.insert(copy.id, (copy.clone(), booked));
        if let Some(name) = NAMES[copy.name].1 {
            let seen = self.seen.entry((copy.project, name)).or_insert((booked, booked));
            *seen = (seen.0.min(booked), seen.1.max(booked));
        }
    }

    /// Stored less freed, which may be less than nothing.
    fn bytes(&self, project: usize) -> i64 {
        self.kept.values().filter(|(kept, _)| kept.project == project).map(|(kept, _)| kept.bytes).sum()
    }

    fn resource(&self, project: usize, name: Name) -> Option<ResourceRow> {
        let naming = |(kept, _): &&(Copy, Timestamp)| kept.project == project && NAMES[kept.name].1 == Some(name);
        let events: Vec<_> = self.kept.values().filter(naming).map(|(kept, _)| kept).collect();
        let (first_seen_at, last_seen_at) = *self.seen.get(&(project, name)).filter(|_| !events.is_empty())?;
        Some(ResourceRow {
            project_id: String::new(),
            kind: name.0.parse().unwrap(),
            id: name.1.to_owned(),
            first_seen_at,
            last_seen_at,
            requests: events.len() as u64,
            bytes: u64::try_from(events.iter().map(|kept| kept.bytes).sum::<i64>()).unwrap_or(0),
            spend: events.iter().map(|kept| Nanos(kept.cost)).sum(),
        })
    }

    fn resources(&self, project: usize, id: &str) -> Vec<ResourceRow> {
        let rows = NAMES.iter().filter_map(|name| self.resource(project, name.1?));
        rows.map(|row| ResourceRow { project_id: id.to_owned(), ..row }).collect()
    }
}

/// Nothing is shown below 0.
fn shown(project: &str, bytes: i64) -> ProjectBytes {
    ProjectBytes { project_id: Arc::from(project), bytes: u64::try_from(bytes).unwrap_or(0) }
}

async fn check_case(f: &Fixture, projects: &[String; 2], batches: &[(usize, Vec<Copy>)]) -> anyhow::Result<()> {
    let mut writers = [Ledger::open(f.store.clone()).await?, Ledger::open(f.store.clone()).await?];
    let mut model = Model::default();
    for (writer, copies) in batches {
        let arrivals = copies.iter().map(|copy| copy.arrival(f, projects)).collect();
        let before = [0, 1].map(|project| model.bytes(project));
        copies.iter().for_each(|copy| model.take(copy));
        let outcome = match writers.get_mut(*writer) {
            Some(writer) => f.book(writer, arrivals).await?,
            None => f.book(&mut Ledger::open(f.store.clone()).await?, arrivals).await?,
        };
        let stored = f.store.project_bytes().await?;
        for (number, project) in projects.iter().enumerate() {
            let (bytes, told) = (model.bytes(number), outcome.bytes.iter().find(|it| *it.project_id == **project));
            let expected = shown(project, bytes);
            ensure!(told == (bytes != before[number]).then_some(&expected), "told {told:?} of {expected:?}");
            let kept = stored.iter().find(|it| *it.project_id == **project);
            ensure!(kept.is_none_or(|kept| *kept == expected), "stored {kept:?} instead of {expected:?}");
            ensure!(kept.is_some() || bytes == 0, "{expected:?} is not stored");
            check_list(f, project, model.resources(number, project)).await?;
        }
    }
    Ok(())
}

async fn check_list(f: &Fixture, project: &str, mut expected: Vec<ResourceRow>) -> anyhow::Result<()> {
    let filter = ResourceFilter { project_id: project.to_owned(), ..ResourceFilter::default() };
    let mut listed = f.store.resources(&filter).await?;
    ensure!(listed.is_sorted_by_key(|row| std::cmp::Reverse(row.last_seen_at)), "not newest first: {listed:#?}");
    let key = |row: &ResourceRow| (row.kind, row.id.clone());
    listed.sort_by_key(key);
    expected.sort_by_key(key);
    ensure!(listed == expected, "listed {listed:#?}\ninstead of {expected:#?}");
    Ok(())
}

/// On one store for all cases, each with two projects of its own.
fn check(engine: Engine) {
    let place = TestStore::new(engine).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let fixture = RefCell::new(runtime.block_on(Fixture::new(&place)).unwrap());
    let config = Config { cases: 40, max_shrink_iters: 300, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&batches(), |batches| {
        let made = fixture.borrow().projects.len();
        let project = |name: usize| runtime.block_on(fixture.borrow_mut().project(&format!("Project {name}")));
        let projects = [project(made).unwrap(), project(made + 1).unwrap()];
        runtime
            .block_on(check_case(&fixture.borrow(), &projects, &batches))
            .map_err(|error| TestCaseError::fail(format!("{error:#}")))
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    let verification = runtime.block_on(fixture.borrow().store.verify()).unwrap();
    assert!(verification.ok, "{verification:#?}");
}

mod r31_sums_are_those_of_the_events_kept {
    use super::{Engine, check};

    #[test]
    fn sqlite() {
        check(Engine::Sqlite);
    }

    #[test]
    fn postgres() {
        check(Engine::Postgres);
    }
}
