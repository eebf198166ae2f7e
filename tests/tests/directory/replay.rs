//! The audit log, played again: what each entry found must be what the one before left.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use mete_core::audit::{AuditEntry, AuditOutcome};
use mete_store::{AuditFilter, KeyFilter, Scope, Store};
use serde_json::{Map, Value, json};

/// What the log says that there is: by kind and ids, the fields of each thing.
pub struct Replay {
    things: BTreeMap<Place, Map<String, Value>>,
    organization: String,
    pub done: usize,
    pub refused: usize,
}

/// A kind of thing, its project (empty where that says nothing), its id.
type Place = (&'static str, String, String);

/// The actions that make up what a thing is, and its kind.
const KINDS: [(&str, &str); 5] = [
    ("project.", "project"),
    ("user.", "member"),
    ("project_user.", "project member"),
    ("limits.", "limits"),
    ("api_key.", "key"),
];

impl Replay {
    /// Plays the log of an organization.
    pub async fn of(store: &Store, organization: &str) -> Result<Self> {
        let filter = AuditFilter { organization_id: Some(organization.to_owned()), ..AuditFilter::default() };
        let mut entries = store.audit(&filter).await?;
        entries.reverse();
        let organization = organization.to_owned();
        let mut replay = Self { things: BTreeMap::new(), organization, done: 0, refused: 0 };
        for entry in &entries {
            if entry.record.outcome == AuditOutcome::Refused {
                replay.refused += 1;
                continue;
            }
            replay.done += 1;
            replay.play(store, entry).await?;
        }
        // The log of the deployment counts its own.
        let filter = AuditFilter { organization_id: Some(String::new()), ..AuditFilter::default() };
        replay.done += store.audit(&filter).await?.len();
        Ok(replay)
    }

    async fn play(&mut self, store: &Store, entry: &AuditEntry) -> Result<()> {
        let record = &entry.record;
        let after = &record.change["after"];
        match record.action.as_str() {
            "organization.created" => {
                let owner = store.person(after["owner"].as_str().unwrap_or_default()).await?.unwrap();
                self.set(("member", String::new(), owner.id), json!({"role": "owner"}));
                return Ok(());
            }
            "invite.accepted" => {
                let user = after["user_id"].as_str().unwrap_or_default().to_owned();
                self.set(("member", String::new(), user), json!({"role": after["role"]}));
                return Ok(());
            }
            _ => {}
        }
        let Some((_, kind)) = KINDS.iter().find(|(family, _)| record.action.starts_with(family)) else { return Ok(()) };
        let project = if *kind == "project member" { record.project_id.clone() } else { String::new() };
        let place = (*kind, project, record.target_id.clone());
        self.found(&place, entry)?;
        if record.action.ends_with(".deleted") && *kind == "project member" {
            self.things.remove(&place);
        } else {
            self.set(place.clone(), after.clone());
        }
        if record.action == "api_key.created" {
            self.set(place, json!({"in": record.project_id}));
        }
        self.stop_keys(entry)
    }

    /// What the entry says that it found is what is there.
    fn found(&self, place: &Place, entry: &AuditEntry) -> Result<()> {
        let there = self.things.get(place);
        for (field, value) in entry.record.change["before"].as_object().into_iter().flatten() {
            let left = there.and_then(|there| there.get(field)).cloned().unwrap_or_default();
            let nothing = value.as_array().is_some_and(Vec::is_empty) && left.is_null();
            ensure!(
                left == *value || nothing,
                "a lost update: {field} was left as {left}, and {entry:?} found {value}"
            );
        }
        let made = ["project.created", "project_user.added", "api_key.created", "user.added"];
        let again = made.contains(&entry.record.action.as_str()) && there.is_some();
        ensure!(!again, "made twice: {entry:?}");
        Ok(())
    }

    fn set(&mut self, place: Place, fields: Value) {
        let Value::Object(fields) = fields else { return };
        let created = place.0 == "project" && !self.things.contains_key(&place);
        let thing = self.things.entry(place).or_default();
        if created {
            thing.insert("status".to_owned(), json!("active"));
        }
        thing.extend(fields.into_iter().filter(|(field, _)| field != "disabled_keys"));
    }

    /// The keys that a change disabled along: a list of them, or all of a project, counted.
    fn stop_keys(&mut self, entry: &AuditEntry) -> Result<()> {
        let stopped = &entry.record.change["after"]["disabled_keys"];
        for id in stopped.as_array().into_iter().flatten().filter_map(Value::as_str) {
            self.set(("key", String::new(), id.to_owned()), json!({"status": "disabled"}));
        }
        let Some(count) = stopped.as_u64() else { return Ok(()) };
        let mut found = 0;
        for ((kind, ..), key) in &mut self.things {
            if *kind == "key" && key["status"] == "active" && key["in"] == entry.record.project_id {
                key.insert("status".to_owned(), json!("disabled"));
                found += 1;
            }
        }
        ensure!(found == count, "{found} keys were active when {entry:?}");
        Ok(())
    }

    /// The store holds what the log says.
    pub async fn compare(&self, store: &Store) -> Result<()> {
        let mut is: BTreeMap<Place, Map<String, Value>> = BTreeMap::new();
        let mut put = |place: Place, fields: Value| {
            if let Value::Object(fields) = fields {
                is.insert(place, fields);
            }
        };
        let nowhere = String::new;
        for member in store.organization_members(&self.organization).await? {
            put(("member", nowhere(), member.id), json!({"role": member.role}));
        }
        let mut scopes = vec![Scope::organization(&self.organization)];
        for project in store.projects_of(std::slice::from_ref(&self.organization)).await? {
            if project.is_default {
                continue;
            }
            scopes.push(Scope::project(&project.id, &self.organization));
            let facts = json!({"name": project.name, "description": project.description, "website": project.website,
                "status": project.status});
            put(("project", nowhere(), project.id.clone()), facts);
            for member in store.project_members(&project.id).await?.into_iter().filter(|one| !one.through_organization)
            {
                put(("project member", project.id.clone(), member.id), json!({"role": member.role}));
            }
        }
        for scope in scopes {
            put(("limits", nowhere(), scope.id().to_owned()), json!(store.limits(&scope).await?));
        }
        let filter = KeyFilter { organization_id: Some(self.organization.clone()), ..KeyFilter::default() };
        for key in store.keys(&filter).await? {
            put(("key", nowhere(), key.id), json!({"status": key.status}));
        }
        for (place, fields) in &is {
            for (field, value) in fields {
                let told = self.things.get(place).and_then(|thing| thing.get(field)).cloned().unwrap_or_default();
                ensure!(told == *value, "{field} of {place:?} is {value}, and the log says {told}");
            }
        }
        let gone: Vec<_> = self.things.keys().filter(|place| !is.contains_key(place)).collect();
        ensure!(gone.is_empty(), "the log tells of what is not there: {gone:?}");
        Ok(())
    }
}
