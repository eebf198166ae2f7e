//! Random stories, step by step: no watcher, no sleeping, the clock stands still unless it is moved.

use anyhow::{Context as _, Result, ensure};
use mete_core::time::SECOND;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::book::Book;
use crate::life::{Life, Place};
use crate::model::Model;
use crate::world::{HEADER, World};

/// How many stories are told, each of so many steps; `METE_STORIES` sets another number, `METE_SEED` the first seed.
const STORIES: u64 = 60;
const STEPS: u32 = 120;

/// What happens in one step.
#[derive(Clone, Copy, Debug)]
enum Step {
    Append,
    Create,
    Rename,
    Replace,
    CopyAndTruncate,
    Truncate,
    Delete,
    Forget,
    Compress,
    FinishCompressing,
    RenameStill,
    Look,
    Wait(i64),
    Restart,
    Crash,
}

impl Step {
    fn any(random: &mut StdRng) -> Self {
        match random.random_range(0..100) {
            0..30 => Self::Append,
            30..38 => Self::Create,
            38..46 => Self::Rename,
            46..49 => Self::Replace,
            49..53 => Self::CopyAndTruncate,
            53..57 => Self::Truncate,
            57..60 => Self::Delete,
            60..63 => Self::Forget,
            63..68 => Self::Compress,
            68..71 => Self::FinishCompressing,
            71..73 => Self::RenameStill,
            73..85 => Self::Look,
            85..89 => Self::Wait([1, 5, 20, 40][random.random_range(0..4)] * SECOND),
            89..95 => Self::Restart,
            _ => Self::Crash,
        }
    }
}

struct Story<'a> {
    place: &'a Place,
    world: World,
    model: Model,
    book: Book,
    life: Life,
    random: StdRng,
}

impl<'a> Story<'a> {
    fn begin(place: &'a Place, folder: &std::path::Path, seed: u64) -> Result<Self> {
        let world = World::new(folder);
        let life = Life::begin(place, &world.pattern(), &[])?;
        let (model, book) = (Model::default(), Book::default());
        Ok(Self { place, world, model, book, life, random: StdRng::seed_from_u64(seed) })
    }

    fn step(&mut self, step: Step) -> Result<()> {
        let Self { world, random, .. } = self;
        let log = World::pick(world.logs.len(), random);
        match (step, log) {
            (Step::Create, _) => world.create(random),
            (Step::Append, Some(log)) => world.append(log, random),
            (Step::Rename, Some(log)) => world.rename(log, random),
            (Step::Replace, Some(log)) => world.replace(log, random),
            (Step::CopyAndTruncate, Some(log)) => world.copy_and_truncate(log),
            (Step::Truncate, Some(log)) => world.truncate(log, random),
            (Step::Delete, Some(log)) => world.delete(log),
            (Step::Forget, Some(log)) => world.forget(log),
            (Step::Compress, Some(log)) => world.compress(log, random),
            (Step::FinishCompressing, _) => world.finish_compressing(),
            (Step::RenameStill, _) => {
                if let Some(still) = World::pick(world.still.len(), random) {
                    world.rename_still(still, random);
                }
            }
            (Step::Look, _) => self.settle()?,
            (Step::Wait(micros), _) => self.place.clock.advance(micros),
            (Step::Restart, _) => {
                self.settle()?;
                self.restart()?;
                self.nothing_is_read_again()?;
            }
            (Step::Crash, _) => self.crash()?,
            (_, None) => {}
        }
        Ok(())
    }

    /// Looks once, and commits what comes of it; tells whether there is more.
    fn look(&mut self) -> Result<bool> {
        self.model.look(&self.world, Model::now(self.place));
        let (parcels, has_more) = self.life.look()?;
        parcels.into_iter().for_each(|parcel| self.book.commit(parcel));
        Ok(has_more)
    }

    /// Looks until all is read, compressed files too, and compares.
    fn settle(&mut self) -> Result<()> {
        self.look()?;
        self.place.clock.advance(3 * SECOND);
        while self.look()? {}
        self.model.check(&self.world, self.place, &self.book)
    }

    fn restart(&mut self) -> Result<()> {
        self.life = Life::begin(self.place, &self.world.pattern(), &self.book.positions)?;
        self.model.restart(&self.world, &self.book, Model::now(self.place));
        Ok(())
    }

    fn nothing_is_read_again(&mut self) -> Result<()> {
        let before = self.book.copies.len();
        self.look()?;
        // A line that lacked nothing but its end may have been counted without; many files begin with the header.
        let hasher = self.place.store.id_hasher();
        let torn = self.world.torn.iter().map(|line| hasher.event(&self.place.organization, World::id_of(line)));
        let expected: Vec<_> = torn.chain([hasher.event(&self.place.organization, HEADER)]).collect();
        let again = self.book.copies[before..].iter().filter(|id| !expected.contains(id)).count();
        ensure!(again == 0, "{again} events were read again");
        Ok(())
    }

    /// The follower dies with some of what it has handed over uncommitted.
    fn crash(&mut self) -> Result<()> {
        let (parcels, _) = self.life.look()?;
        let kept = self.random.random_range(0..=parcels.len());
        parcels.into_iter().take(kept).for_each(|parcel| self.book.commit(parcel));
        self.restart()
    }
}

fn tell(place: &Place, seed: u64) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut story = Story::begin(place, folder.path(), seed)?;
    let mut steps = Vec::new();
    for _ in 0..STEPS {
        let step = Step::any(&mut story.random);
        steps.push(step);
        story.step(step).with_context(|| format!("after {steps:?}"))?;
    }
    story.world.finish_compressing();
    story.settle().with_context(|| format!("at the end of {steps:?}"))?;
    ensure!(!story.book.events.is_empty(), "nothing was read at all");
    Ok(())
}

fn number(name: &str, default: u64) -> Result<u64> {
    Ok(std::env::var(name).map_or(Ok(default), |text| text.parse())?)
}

#[test]
fn every_line_that_could_be_read_is_counted_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let place = Place::new(folder.path())?;
    let _runtime = place.runtime.enter();
    let first = number("METE_SEED", 0)?;
    for seed in first..first + number("METE_STORIES", STORIES)? {
        tell(&place, seed).with_context(|| format!("METE_SEED={seed} METE_STORIES=1"))?;
    }
    Ok(())
}
