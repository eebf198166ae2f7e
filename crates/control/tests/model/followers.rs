//! Those who follow the change feed: a gate and attribution that read only what it leads them to, compared with others that
//! read everything anew.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use mete_core::Timestamp;
use mete_gate::{Gate, KeyNamed, Request};
use mete_ingest::attribution::{Attributor, Directories, Home};
use mete_ingest::formats::Line;
use mete_store::{Extent, GateSnapshot, KeyRecord, Store};

/// What asks for nothing that only some keys may.
const ANYTHING: Request<'_> =
    Request { method: Some("POST"), path: Some("/v1/chat/completions"), model: None, bytes: None };

pub struct Followers {
    gate: Gate,
    directories: Arc<Directories>,
}

impl Followers {
    /// They know everything as it is now.
    pub async fn new(store: &Store) -> Result<Self> {
        let directories = Directories::new(store.clone());
        directories.read_once().await?;
        Ok(Self { gate: Gate::new(store.gate_snapshot().await?), directories })
    }

    /// They catch up, and then know of these organizations what somebody knows who reads everything anew. That is the whole
    /// store, in which every case before left its own: too much for each step.
    pub async fn check(&self, store: &Store, orgs: &[String], now: Timestamp) -> Result<()> {
        let mut records = Vec::new();
        store.each_key_record(None, |record| records.push(record)).await?;
        records.retain(|record| orgs.contains(&record.organization_id));
        self.follow(store).await?;
        self.check_gate(store.gate_snapshot().await?, orgs, &records, now)?;
        self.directories.newer_than(self.directories.current().change_seq).await?;
        self.check_attribution(store, &records).await
    }

    /// As the daemon does. Nothing that control does has everything read again.
    pub async fn follow(&self, store: &Store) -> Result<()> {
        let known = self.gate.change_seq();
        if store.versions().await?.change_seq == known {
            return Ok(());
        }
        let (extent, change_seq) = store.extent_since(known).await?;
        ensure!(extent != Extent::All, "{:?} lead to everything", store.changes_since(known, 100).await?);
        let snapshot = store.gate_changes(&extent, change_seq).await?;
        ensure!(self.gate.change_directory(snapshot), "a project was lost");
        Ok(())
    }

    fn check_gate(&self, snapshot: GateSnapshot, orgs: &[String], records: &[KeyRecord], now: Timestamp) -> Result<()> {
        let own = snapshot.projects.iter().filter(|project| orgs.contains(&project.organization_id));
        let projects: Vec<String> = own.map(|project| project.id.clone()).collect();
        let anew = Gate::new(snapshot);
        ensure!(self.gate.change_seq() == anew.change_seq());
        ensure!(
            self.gate.refused(now).keys == anew.refused(now).keys,
            "other keys are refused than of all that is there"
        );
        for KeyRecord { id, hash, .. } in records {
            let [kept, read] = [&self.gate, &anew].map(|gate| {
                let by_id = (gate.explain_id(now, id, &ANYTHING), gate.key_and_project(KeyNamed::Id(id)));
                (gate.explain(now, *hash, &ANYTHING), by_id)
            });
            ensure!(kept == read, "the gate has {kept:?}\nin place of {read:?}");
        }
        for id in &projects {
            let [kept, read] = [&self.gate, &anew].map(|gate| gate.explain_project(now, id, &ANYTHING));
            ensure!(kept == read, "the gate has {kept:?}\nin place of {read:?}");
        }
        Ok(())
    }

    async fn check_attribution(&self, store: &Store, records: &[KeyRecord]) -> Result<()> {
        let anew = Directories::new(store.clone());
        anew.read_once().await?;
        let known = |directories: &Arc<Directories>, field: &str| {
            let line = format!(r#"{{"id":"e","time":"2026-11-23T10:00:00Z","input_tokens":1,"model":"m",{field}}}"#);
            let mut found = Vec::new();
            mete_ingest::formats::read(line.as_bytes(), None, &mut None, &mut |line| {
                if let Line::Record(record) = line {
                    let whose = Attributor::new(Arc::clone(directories), Home::default()).attribute(&record);
                    found.push(format!("{whose:?}"));
                }
            });
            found.pop().with_context(|| format!("no record: {line}"))
        };
        let (mut fields, mut orgs) = (HashSet::new(), HashSet::new());
        for KeyRecord { id, organization_id, project_id, hash, redacted_value, .. } in records {
            fields.insert(format!(r#""api_key":"{id}""#));
            fields.insert(format!(r#""api_key_sha256":"{}""#, hash.to_hex()));
            fields.insert(format!(r#""project":"{project_id}""#));
            if !redacted_value.is_empty() {
                fields.insert(format!(r#""api_key":"{redacted_value}""#));
            }
            orgs.insert(organization_id);
        }
        fields.extend(orgs.into_iter().map(|org| format!(r#""organization":"{org}""#)));
        for field in &fields {
            let (kept, read) = (known(&self.directories, field)?, known(&anew, field)?);
            if kept != read {
                bail!("attribution has {kept}\nin place of {read} for {field}");
            }
        }
        Ok(())
    }
}
