//! One line that holds very many things which cannot be counted (R34): all of them are told, its text is kept once.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use mete_control::{Control, NewOrganizationInput};
use mete_core::ManualClock;
use mete_core::actor::{Actor, Origin};
use mete_ingest::attribution::Directories;
use mete_ingest::framing::Frame;
use mete_ingest::reader::{Reader, Settings};
use mete_prices::Catalogue;
use mete_store::{Ledger, Parcel, RAW_LIMIT, Store};
use mete_tests::{TestStore, each_engine};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::task::spawn_blocking;

const NOW: &str = "2026-11-23T10:15:00Z";

/// Objects of the line, of each of three kinds.
const EACH: u64 = 1500;

/// An array: unknown projects, times that are absurd, and what has no price at all.
fn line(project: &str) -> Bytes {
    let mut objects = Vec::new();
    for number in 0..EACH {
        let event = |rest: &str| format!(r#"{{"id":"evt_{number}","output_tokens":1,{rest}}}"#);
        objects.push(event(r#""time":1795428900,"project":"Nowhere","cost":"1""#));
        objects.push(event(r#""time":2795428900,"project":"Nowhere","cost":"1""#));
        objects.push(event(&format!(r#""time":1795428900,"project":"{project}","model":"nobody-has-this""#)));
    }
    format!("[{}]", objects.join(",")).into()
}

async fn read(store: &Store, line: Bytes) -> anyhow::Result<Parcel> {
    let settings = Settings { name: "usage".into(), ..Settings::default() };
    let (clock, catalogue) = (Arc::new(ManualClock::new(NOW.parse()?)), Arc::new(Catalogue::bundled()));
    let mut reader = Reader::new(settings, Directories::new(store.clone()), catalogue, clock).await?;
    // A reader may wait for the store.
    let parcel = spawn_blocking(move || {
        let mut parcel = reader.parcel();
        reader.read(Frame::Line { position: 0, bytes: line }, &mut parcel);
        parcel
    });
    Ok(parcel.await?)
}

each_engine! {
    async fn r34_a_line_of_nothing_but_bad_records_is_copied_once(place: &TestStore) -> anyhow::Result<()> {
        let mut random = StdRng::seed_from_u64(7);
        let store = Store::create(&place.url().parse()?, &mut random).await?;
        let clock = ManualClock::new(NOW.parse()?);
        let operator = Actor::operator(Origin { os_user: "test".into(), host: "test".into() });
        let acme = NewOrganizationInput { name: "Acme".into(), owner: "dana@acme.test".into(), parent: None };
        let made = Control::new(&store, &clock, &mut random).init(&operator, &acme).await?;
        let line = line(&made.default_project.id);

        let parcel = read(&store, line.clone()).await?;
        let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
        parcel.quarantine.iter().for_each(|entry| *reasons.entry(entry.reason).or_default() += 1);
        assert_eq!(reasons.into_iter().collect::<Vec<_>>(), [("bad_time", EACH), ("no_price", EACH), ("unknown_project", EACH)]);
        let copies: HashSet<_> = parcel.quarantine.iter().map(|entry| entry.raw.as_ptr_range()).collect();
        assert_eq!((copies.len(), parcel.quarantine[0].raw.len()), (1, RAW_LIMIT));
        assert!(parcel.quarantine.iter().all(|entry| entry.raw_bytes == line.len() as u64));

        let mut ledger = Ledger::open(store.clone()).await?;
        let outcome = ledger.commit(std::slice::from_ref(&parcel), NOW.parse()?).await?;
        assert_eq!((outcome.tallies[0].accepted, outcome.tallies[0].quarantined), (0, 3 * EACH));
        let rows = store.quarantine(10).await?;
        assert_eq!((rows.len(), rows[0].reason.as_str(), rows[0].raw.len()), (1, "unknown_project", RAW_LIMIT));
        Ok(())
    }
}
