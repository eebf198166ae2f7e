//! The audit log under the hands of somebody who writes past Mete (R42).

use mete_control::NewOrganizationInput;
use mete_core::audit::AuditEntry;
use mete_store::{AuditFilter, ChainFault, ChainReport};
use mete_tests::{Engine, TestStore, each_engine};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use crate::fixture::{Fixture, operator};

use ChainFault::{Changed, End, Removed, Reordered, Replaced};

/// Entries of the chain that is tampered with.
const ENTRIES: i64 = 6;

/// Somebody with the store's password, and without Mete.
enum Intruder {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Intruder {
    async fn at(place: &TestStore) -> anyhow::Result<Self> {
        Ok(match place.engine() {
            Engine::Sqlite => Self::Sqlite(SqliteConnection::connect(place.url()).await?),
            Engine::Postgres => Self::Postgres(PgConnection::connect(place.url()).await?),
        })
    }

    /// Runs each statement; how many rows all of them hit.
    async fn run(&mut self, statements: &str) -> anyhow::Result<u64> {
        let mut hit = 0;
        for statement in statements.split(';') {
            let sql = AssertSqlSafe(statement.to_owned());
            hit += match self {
                Self::Sqlite(db) => sqlx::query(sql).execute(db).await?.rows_affected(),
                Self::Postgres(db) => sqlx::query(sql).execute(db).await?.rows_affected(),
            };
        }
        Ok(hit)
    }

    /// Rewrites the reason of an entry, and its hash, as it would have been written.
    async fn forge(&mut self, entry: &AuditEntry) -> anyhow::Result<()> {
        let mut record = entry.record.clone();
        record.reason = "forged".into();
        let hash = record.link(entry.previous_hash, &record.change.to_string()).0.to_vec();
        let sql = "UPDATE audit SET reason = 'forged', hash = $1 WHERE organization_id = $2 AND seq = $3";
        match self {
            Self::Sqlite(db) => {
                sqlx::query(sql).bind(hash).bind(&record.organization_id).bind(entry.seq).execute(db).await?;
            }
            Self::Postgres(db) => {
                sqlx::query(sql).bind(hash).bind(&record.organization_id).bind(entry.seq).execute(db).await?;
            }
        }
        Ok(())
    }

    async fn keep(&mut self) -> anyhow::Result<u64> {
        self.run("CREATE TABLE kept AS SELECT * FROM audit; CREATE TABLE kept_head AS SELECT * FROM audit_head").await
    }

    async fn put_back(&mut self) -> anyhow::Result<u64> {
        self.run(
            "DELETE FROM audit; INSERT INTO audit SELECT * FROM kept; \
             DELETE FROM audit_head; INSERT INTO audit_head SELECT * FROM kept_head",
        )
        .await
    }
}

/// Acme with a chain of [`ENTRIES`], and another organization beside it.
async fn watched(place: &TestStore) -> anyhow::Result<Fixture> {
    let mut f = Fixture::new(place).await?;
    let input = NewOrganizationInput { name: "Globex".into(), owner: "kim@globex.test".into(), parent: None };
    f.control().create_organization(&operator(), &input).await?;
    for number in 1..ENTRIES {
        f.project(&format!("Project {number}")).await?;
    }
    Ok(f)
}

/// What the verification finds wrong with Acme's chain; the others are whole.
async fn faults(f: &Fixture) -> anyhow::Result<Vec<(i64, ChainFault)>> {
    let (own, others): (Vec<ChainReport>, Vec<ChainReport>) =
        f.store.verify_audit(None).await?.into_iter().partition(|report| report.organization_id == f.organization);
    assert!(!others.is_empty() && others.iter().all(|report| report.breaks.is_empty()), "{others:?}");
    assert_eq!(own, f.store.verify_audit(Some(&f.organization)).await?);
    Ok(own.iter().flat_map(|report| &report.breaks).map(|found| (found.seq, found.fault)).collect())
}

async fn entries(f: &Fixture) -> anyhow::Result<Vec<AuditEntry>> {
    let filter = AuditFilter { organization_id: Some(f.organization.clone()), ..AuditFilter::default() };
    Ok(f.store.audit(&filter).await?)
}

/// What is done to Acme's chain (`$` stands for its condition), and what is found then.
const TAMPERINGS: [(&str, &[(i64, ChainFault)]); 21] = [
    ("UPDATE audit SET at = at + 1 WHERE $ AND seq = 3", &[(3, Changed)]),
    ("UPDATE audit SET actor_name = 'nobody' WHERE $ AND seq = 1", &[(1, Changed)]),
    ("UPDATE audit SET target_name = target_name || ' ' WHERE $ AND seq = 6", &[(6, Changed)]),
    ("UPDATE audit SET change = '{}' WHERE $ AND seq = 3", &[(3, Changed)]),
    ("UPDATE audit SET change = 'no JSON' WHERE $ AND seq = 3", &[(3, Changed)]),
    ("UPDATE audit SET outcome = 'refused' WHERE $ AND seq = 3", &[(3, Changed)]),
    ("UPDATE audit SET outcome = 'no outcome' WHERE $ AND seq = 3", &[(3, Changed)]),
    ("UPDATE audit SET reason = 'x' WHERE $ AND seq IN (2, 5)", &[(2, Changed), (5, Changed)]),
    ("UPDATE audit SET previous_hash = hash WHERE $ AND seq = 3", &[(3, Changed)]),
    ("UPDATE audit SET hash = previous_hash WHERE $ AND seq = 3", &[(3, Changed), (4, Replaced)]),
    ("DELETE FROM audit WHERE $ AND seq = 1", &[(2, Removed)]),
    ("DELETE FROM audit WHERE $ AND seq = 3", &[(4, Removed)]),
    ("DELETE FROM audit WHERE $ AND seq IN (3, 4)", &[(5, Removed)]),
    ("DELETE FROM audit WHERE $ AND seq = 6", &[(6, End)]),
    ("DELETE FROM audit WHERE $", &[(6, End)]),
    ("DELETE FROM audit_head WHERE $", &[(0, End)]),
    ("DELETE FROM audit WHERE $; DELETE FROM audit_head WHERE $", &[(0, End)]),
    // The gap is closed.
    (
        "DELETE FROM audit WHERE $ AND seq = 4; UPDATE audit SET seq = 4 WHERE $ AND seq = 5; \
         UPDATE audit SET seq = 5 WHERE $ AND seq = 6; UPDATE audit_head SET seq = 5 WHERE $",
        &[(4, Replaced)],
    ),
    // Two entries change places.
    (
        "UPDATE audit SET seq = 0 WHERE $ AND seq = 3; UPDATE audit SET seq = 3 WHERE $ AND seq = 4; \
         UPDATE audit SET seq = 4 WHERE $ AND seq = 0",
        &[(3, Reordered), (4, Reordered), (5, Reordered)],
    ),
    (
        "UPDATE audit SET seq = 0 WHERE $ AND seq = 5; UPDATE audit SET seq = 5 WHERE $ AND seq = 6; \
         UPDATE audit SET seq = 6 WHERE $ AND seq = 0",
        &[(5, Reordered), (6, Reordered), (6, End)],
    ),
    // An entry comes after the last.
    (
        "INSERT INTO audit (organization_id, seq, at, actor_kind, actor_id, actor_name, os_user, host, action, \
         outcome, project_id, target_id, target_name, reason, change, previous_hash, hash) \
         SELECT organization_id, 7, at, actor_kind, actor_id, actor_name, os_user, host, action, outcome, \
         project_id, target_id, target_name, reason, change, previous_hash, hash FROM audit WHERE $ AND seq = 6",
        &[(6, End)],
    ),
];

each_engine! {
    async fn r42_a_chain_that_nobody_touched_is_whole(place: &TestStore) -> anyhow::Result<()> {
        let f = watched(place).await?;
        assert_eq!(faults(&f).await?, []);
        let (entries, reports) = (entries(&f).await?, f.store.verify_audit(Some(&f.organization)).await?);
        assert_eq!((reports[0].entries, reports[0].head), (ENTRIES, entries[0].hash));
        // Newest first, without a gap, each with the link before it.
        let sequence: Vec<i64> = entries.iter().map(|entry| entry.seq).collect();
        assert_eq!(sequence, (1..=ENTRIES).rev().collect::<Vec<_>>());
        assert!(entries.windows(2).all(|pair| pair[0].previous_hash == pair[1].hash));
        Ok(())
    }

    async fn r42_what_is_changed_removed_or_moved_is_found_where_it_is(place: &TestStore) -> anyhow::Result<()> {
        let f = watched(place).await?;
        let mut intruder = Intruder::at(place).await?;
        intruder.keep().await?;
        let own = format!("organization_id = '{}'", f.organization);
        for (statements, expected) in TAMPERINGS {
            let hit = intruder.run(&statements.replace('$', &own)).await?;
            assert!(hit > 0, "hits nothing: {statements}");
            assert_eq!(faults(&f).await?, expected, "{statements}");
            intruder.put_back().await?;
            assert_eq!(faults(&f).await?, [], "put back after: {statements}");
        }
        Ok(())
    }

    /// Whoever knows how links are made can forge one entry; those after it give it away.
    async fn r42_a_forged_link_shows_at_the_next_entry(place: &TestStore) -> anyhow::Result<()> {
        let f = watched(place).await?;
        let mut intruder = Intruder::at(place).await?;
        intruder.keep().await?;
        let kept = entries(&f).await?;
        for (seq, expected) in [(1, (2, Replaced)), (3, (4, Replaced)), (ENTRIES, (ENTRIES, End))] {
            let entry = kept.iter().find(|entry| entry.seq == seq);
            intruder.forge(entry.ok_or_else(|| anyhow::anyhow!("no entry {seq}"))?).await?;
            assert_eq!(faults(&f).await?, [expected]);
            intruder.put_back().await?;
        }
        Ok(())
    }

    async fn r42_an_entry_cannot_move_to_another_chain(place: &TestStore) -> anyhow::Result<()> {
        let f = watched(place).await?;
        let mut intruder = Intruder::at(place).await?;
        let moved = format!(
            "UPDATE audit SET organization_id = 'org-0' WHERE organization_id = '{}' AND seq = 3",
            f.organization
        );
        assert_eq!(intruder.run(&moved).await?, 1);
        let broken: Vec<_> =
            f.store.verify_audit(None).await?.into_iter().filter(|report| !report.breaks.is_empty()).collect();
        let found: Vec<_> =
            broken.iter().map(|report| (report.organization_id.as_str(), report.breaks[0].fault)).collect();
        assert!(found.contains(&(f.organization.as_str(), Removed)) && found.contains(&("org-0", End)), "{found:?}");
        Ok(())
    }

    /// What Mete writes later neither hides what was done before nor is it refused.
    async fn r42_the_log_goes_on_after_tampering(place: &TestStore) -> anyhow::Result<()> {
        let mut f = watched(place).await?;
        let mut intruder = Intruder::at(place).await?;
        intruder.run(&format!("DELETE FROM audit WHERE organization_id = '{}' AND seq = 3", f.organization)).await?;
        f.project("Later").await?;
        assert_eq!(faults(&f).await?, [(4, Removed)]);
        assert_eq!(entries(&f).await?[0].seq, ENTRIES + 1);
        Ok(())
    }
}
