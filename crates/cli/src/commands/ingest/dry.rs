//! A run that counts nothing: what would be counted, and how the first lines are understood.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use mete_core::Nanos;
use mete_ingest::attribution::Directories;
use mete_ingest::framing::{Frame, Framer};
use mete_ingest::reader::{Explanation, Reader, Settings};
use mete_store::Parcel;
use serde::Serialize;
use tokio::task::spawn_blocking;

use super::input::Input;
use super::work::Work;
use crate::error::CliError;
use crate::output::{count, facts, money};

/// Bytes that are read at once.
const BLOCK: usize = 256 * 1024;

/// How far to go.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// So many lines of each input are explained.
    pub explained: u64,
    /// Whether the others are read too.
    pub whole: bool,
}

/// What would become of the lines that were read.
#[derive(Debug, Serialize)]
pub struct Rehearsal {
    /// Always true: nothing was counted.
    dry_run: bool,
    lines: u64,
    /// Events, copies of others among them: those are not looked for.
    accepted: u64,
    quarantined: u64,
    /// Those that could not be counted, by reason.
    reasons: BTreeMap<&'static str, u64>,
    ignored: u64,
    /// Events whose own cost is more than 1% off their price.
    cost_differs: u64,
    /// What they would cost, copies among them.
    spend: Nanos,
    /// The first lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explained: Option<Vec<Explained>>,
}

/// A line, explained.
#[derive(Debug, Serialize)]
pub struct Explained {
    /// The input that it stands in.
    pub source: String,
    /// What it says.
    #[serde(flatten)]
    pub explanation: Explanation,
    /// The line itself, to point at what is wrong.
    #[serde(skip)]
    pub line: Vec<u8>,
}

impl Rehearsal {
    fn new(extent: Extent) -> Self {
        Self {
            dry_run: true,
            lines: 0,
            accepted: 0,
            quarantined: 0,
            reasons: BTreeMap::new(),
            ignored: 0,
            cost_differs: 0,
            spend: Nanos::ZERO,
            explained: (extent.explained > 0).then(Vec::new),
        }
    }

    /// Adds what was read, of which nothing is kept.
    fn add(&mut self, parcel: Parcel) {
        self.lines += parcel.read.lines;
        self.ignored += parcel.read.ignored;
        self.cost_differs += parcel.read.cost_differs;
        self.accepted += parcel.events.len() as u64;
        self.spend += parcel.events.iter().map(|arrival| arrival.event.cost).sum();
        self.quarantined += parcel.quarantine.len() as u64;
        for entry in parcel.quarantine {
            *self.reasons.entry(entry.reason).or_default() += 1;
        }
    }

    /// The figures for people.
    pub fn describe(&self) -> String {
        let mut rows = vec![
            ("Lines", count(self.lines)),
            ("Would be accepted", count(self.accepted)),
            ("Duplicates", "not looked up".to_owned()),
            ("Would be quarantined", count(self.quarantined)),
        ];
        let reasons: Vec<_> = self.reasons.iter().map(|(reason, n)| (format!("  {reason}"), count(*n))).collect();
        rows.extend(reasons.iter().map(|(reason, n)| (reason.as_str(), n.clone())));
        rows.push(("Ignored", count(self.ignored)));
        if self.cost_differs > 0 {
            rows.push(("Own cost differs", count(self.cost_differs)));
        }
        rows.push(("Would cost", money(self.spend)));
        facts(&rows)
    }
}

impl Work {
    /// Reads the inputs one after the other and writes nothing. What was read before a failure is told nevertheless.
    pub async fn rehearse(
        self,
        inputs: Vec<Input>,
        extent: Extent,
    ) -> Result<(Rehearsal, Result<(), CliError>), CliError> {
        let mut rehearsal = Rehearsal::new(extent);
        let directories = Directories::new(self.store.clone());
        for input in inputs {
            let settings = Settings {
                name: input.name(),
                format: self.format.clone(),
                home: self.home.clone(),
                ..Settings::default()
            };
            let (catalogue, clock) = (Arc::clone(&self.catalogue), Arc::clone(&self.clock));
            let reader = Reader::new(settings, Arc::clone(&directories), catalogue, clock).await?;
            let (read, outcome) = spawn_blocking(move || {
                let mut pass = Pass { reader, rehearsal, extent, line: 0 };
                let outcome = pass.read(input);
                (pass.rehearsal, outcome)
            })
            .await?;
            rehearsal = read;
            if outcome.is_err() {
                return Ok((rehearsal, outcome));
            }
        }
        Ok((rehearsal, Ok(())))
    }
}

/// The way through one input.
struct Pass {
    reader: Reader,
    rehearsal: Rehearsal,
    extent: Extent,
    /// Lines read so far.
    line: u64,
}

impl Pass {
    fn read(&mut self, mut input: Input) -> Result<(), CliError> {
        let mut framer = Framer::new(0);
        let mut block = vec![0; BLOCK];
        while self.extent.whole || self.line < self.extent.explained {
            let read = input.read(&mut block).map_err(|source| CliError::Read { path: input.path(), source })?;
            let mut parcel = self.reader.parcel();
            match block.get(..read) {
                Some(bytes) if read > 0 => framer.push(bytes, |frame| self.frame(frame, &mut parcel)),
                _ => framer.finish(|frame| self.frame(frame, &mut parcel)),
            }
            self.rehearsal.add(parcel);
            if read == 0 {
                break;
            }
        }
        Ok(())
    }

    fn frame(&mut self, frame: Frame, parcel: &mut Parcel) {
        let explained = self.line < self.extent.explained;
        self.line += 1;
        if let Some(list) = self.rehearsal.explained.as_mut().filter(|_| explained) {
            let source = self.reader.source().to_owned();
            let line = match &frame {
                Frame::Line { bytes, .. } | Frame::TooLong { head: bytes, .. } => bytes.to_vec(),
            };
            self.reader.explain(&frame, &mut |explanation| {
                list.push(Explained { source: source.clone(), explanation, line: line.clone() });
            });
        }
        if explained || self.extent.whole {
            self.reader.read(frame, parcel);
        }
    }
}
