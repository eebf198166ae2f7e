//! What the benchmarks of ingest share: a store with keys, a usage log on disk, and the way from one to the other.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mete_control::host::origin;
use mete_control::{Control, NewKeyInput, NewOrganizationInput, NewProjectInput};
use mete_core::actor::Actor;
use mete_core::{Clock, LedgerEvent, ManualClock, Timestamp};
use mete_ingest::attribution::Directories;
use mete_ingest::committer::{Commit, Committer, GROUP, Observer, QUEUE};
use mete_ingest::reader::{Reader, Settings};
use mete_ingest::sources::{Progress, read_all};
use mete_prices::Catalogue;
use mete_store::{Parcel, PartSpend, ProjectBytes, ProjectSpend, Store, StoreError, StoreUrl};
use mete_tests::bench::{Stopwatch, UsageLog};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Projects over which the keys are spread.
const PROJECTS: usize = 20;

/// After the last event of every log.
pub fn clock() -> Arc<dyn Clock> {
    const DECEMBER_2026: i64 = 1_796_083_200_000_000;
    Arc::new(ManualClock::new(Timestamp(DECEMBER_2026)))
}

/// Makes a store at `url` with `count` keys and tells their ids.
pub async fn create_store(url: &StoreUrl, count: u64) -> Result<(Store, Vec<String>)> {
    let mut random = StdRng::seed_from_u64(1);
    let store = Store::create(url, &mut random).await?;
    let clock = clock();
    let control = Control::new(&store, &*clock, &mut random);
    let owner = "owner@example.com".to_owned();
    let operator = Actor::operator(origin());
    let acme = NewOrganizationInput { name: "Acme".into(), owner: owner.clone(), parent: None };
    control.init(&operator, &acme).await?;
    for project in 0..PROJECTS {
        control.create_project(&operator, &NewProjectInput::named("Acme", &format!("Project {project}"))).await?;
    }
    let mut keys = Vec::new();
    for number in 0..count as usize {
        let project = format!("Project {}", number % PROJECTS);
        keys.push(control.create_key(&operator, &NewKeyInput::for_person(&project, &owner)).await?.key.id);
    }
    Ok((store, keys))
}

/// A reader as `mete ingest` has one.
pub async fn reader(store: &Store) -> Result<Reader> {
    let settings = Settings { name: "bench.jsonl".into(), ..Settings::default() };
    Ok(Reader::new(settings, Directories::new(store.clone()), Arc::new(Catalogue::bundled()), clock()).await?)
}

/// A usage log on disk.
pub struct Log {
    /// Where it is.
    pub path: PathBuf,
    /// How many lines it has.
    pub lines: u64,
}

impl Log {
    /// Writes the next `lines` of `usage` to `path`.
    pub fn write(path: PathBuf, usage: &mut UsageLog, lines: u64) -> Result<Self> {
        let mut file = BufWriter::new(File::create(&path)?);
        usage.write(lines, &mut file)?;
        file.flush()?;
        Ok(Self { path, lines })
    }

    /// All its events, ready to be committed.
    pub async fn parcels(&self, store: &Store) -> Result<Vec<Parcel>> {
        let mut reader = reader(store).await?;
        let path = self.path.clone();
        let parcels = tokio::task::spawn_blocking(move || read_parcels(&mut reader, &path)).await??;
        ensure!(events(&parcels) == self.lines, "every line is an event");
        Ok(parcels)
    }
}

/// What a reader makes of a file, in parcels of one commit each.
pub fn read_parcels(reader: &mut Reader, path: &Path) -> Result<Vec<Parcel>> {
    let (queue, mut parcels) = mpsc::channel(1);
    std::thread::scope(|scope| {
        let collector = scope.spawn(move || {
            let mut groups: Vec<Parcel> = Vec::new();
            while let Some(delivery) = parcels.blocking_recv() {
                let mete_ingest::committer::Delivery { mut parcel, .. } = delivery;
                match groups.last_mut() {
                    Some(group) if group.events.len() < GROUP => group.events.append(&mut parcel.events),
                    _ => groups.push(parcel),
                }
            }
            groups
        });
        read_all(reader, (path, File::open(path)?), &queue, &Progress::default())?;
        drop(queue);
        collector.join().map_err(|_| anyhow::anyhow!("the collector panicked"))
    })
}

/// How many events there are in `parcels`.
pub fn events(parcels: &[Parcel]) -> u64 {
    parcels.iter().map(|parcel| parcel.events.len() as u64).sum()
}

/// The rows of the event table, numbers of series and price made up.
pub fn rows(parcels: &[Parcel]) -> Vec<[i64; 10]> {
    let mut series = HashMap::new();
    let row = |event: &LedgerEvent| {
        let next = series.len() as i64 + 1;
        let usage = &event.usage;
        [
            event.time.0,
            event.id.0,
            *series.entry(Arc::as_ptr(&event.series)).or_insert(next),
            usage.input.cast_signed(),
            usage.cached_input.cast_signed(),
            usage.cache_write.cast_signed(),
            usage.output.cast_signed(),
            usage.reasoning.cast_signed(),
            event.cost.0,
            1,
        ]
    };
    parcels.iter().flat_map(|parcel| &parcel.events).map(|arrival| &arrival.event).map(row).collect()
}

/// When how many events were on disk.
type Marks = Arc<Mutex<Vec<(Duration, u64)>>>;

/// Notes every commit.
struct Watch {
    since: Stopwatch,
    marks: Marks,
}

impl Observer for Watch {
    fn committed(&mut self, commit: &Commit<'_>) {
        let accepted: u64 = commit.outcome.tallies.iter().map(|tally| tally.accepted).sum();
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let before = marks.last().map_or(0, |mark| mark.1);
        marks.push((self.since.elapsed(), before + accepted));
    }

    fn totals(&mut self, _: &[ProjectSpend], _: &[PartSpend], _: &[ProjectBytes]) {}

    fn health(&mut self, _: Option<&StoreError>) {}
}

/// Takes a log into a store as `mete ingest` does. Tells how long it took, and when how many events were on disk.
pub async fn ingest(store: &Store, log: &Log) -> Result<(Duration, Vec<(Duration, u64)>)> {
    let mut reader = reader(store).await?;
    let marks = Marks::default();
    let since = Stopwatch::start();
    let observer = Box::new(Watch { since, marks: Arc::clone(&marks) });
    let committer = Committer::new(store.clone(), clock(), observer).await?;
    let (queue, deliveries) = mpsc::channel(QUEUE);
    let committing = tokio::task::spawn_blocking(move || Handle::current().block_on(committer.run(deliveries)));
    let path = log.path.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let input = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok::<_, anyhow::Error>(read_all(&mut reader, (&path, input), &queue, &Progress::default())?)
    });
    reading.await??;
    committing.await?;
    let accepted = marks.lock().unwrap_or_else(PoisonError::into_inner).last().map_or(0, |mark| mark.1);
    ensure!(accepted == log.lines, "{accepted} of {} events were accepted", log.lines);
    let marks = std::mem::take(&mut *marks.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((since.elapsed(), marks))
}
