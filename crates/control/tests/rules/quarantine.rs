//! Emptying the quarantine: R34, R42.

use mete_core::Clock;
use mete_core::audit::{AuditEntry, AuditOutcome};
use mete_store::{AuditFilter, Ledger, Parcel, QuarantineEntry, QuarantineFilter};
use mete_tests::{TestStore, each_engine};
use serde_json::json;

use crate::world::{DANA, Ground, World, operator, refused};

/// Puts so many bad lines there, and tells their ids.
async fn bad_lines(w: &World<'_>, number: u64) -> anyhow::Result<Vec<i64>> {
    let entry = |position| QuarantineEntry {
        position,
        reason: "not_json",
        detail: "torn".into(),
        raw: b"{".to_vec().into(),
        raw_bytes: 1,
        spot: None,
    };
    let parcel = Parcel { source: "a.log".into(), quarantine: (0..number).map(entry).collect(), ..Parcel::default() };
    Ledger::open(w.store.clone()).await?.commit(&[parcel], w.clock.now()).await?;
    Ok(w.store.quarantine_ids(&QuarantineFilter::default()).await?)
}

/// The deployment's log of it, oldest first.
async fn log(w: &World<'_>) -> anyhow::Result<Vec<AuditEntry>> {
    let filter = AuditFilter {
        organization_id: Some(String::new()),
        action: Some("quarantine.forgotten".into()),
        ..AuditFilter::default()
    };
    let mut entries = w.store.audit(&filter).await?;
    entries.sort_by_key(|entry| entry.seq);
    Ok(entries)
}

each_engine! {
    async fn r42_what_is_forgotten_is_written_down_with_its_reason(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let ids = bad_lines(&w, 2_001).await?;
        assert_eq!(w.control.forget_quarantine(&operator(), &ids[..1], " torn by a full disk ").await?, 1);
        assert_eq!(w.control.forget_quarantine(&operator(), &ids, "all of it").await?, 2_000);
        assert_eq!(w.control.forget_quarantine(&operator(), &ids, "again").await?, 0);
        assert_eq!(w.store.count_quarantine().await?, 0);
        let log = log(&w).await?;
        let of = |entries: u64| json!({"before": [{"source": "a.log", "reason": "not_json", "entries": entries}]});
        let written: Vec<_> =
            log.iter().map(|entry| (entry.record.reason.as_str(), entry.record.change.clone())).collect();
        let all = "all of it";
        assert_eq!(written, [("torn by a full disk", of(1)), (all, of(999)), (all, of(1000)), (all, of(1))]);
        w.assert_chained().await
    }

    async fn r34_nobody_but_the_operator_forgets(place: &TestStore) -> anyhow::Result<()> {
        let mut ground = Ground::new(place).await?;
        let w = ground.world().await?;
        let ids = bad_lines(&w, 2).await?;
        let dana = w.person(DANA).await?;
        for ids in [ids.as_slice(), &[]] {
            refused(w.control.forget_quarantine(&dana, ids, "mine").await, "not_permitted", "operator");
        }
        for reason in ["", "  "] {
            refused(w.control.forget_quarantine(&operator(), &ids, reason).await, "invalid", "a reason is needed");
        }
        assert_eq!(w.store.count_quarantine().await?, 2);
        let log = log(&w).await?;
        assert!(log.len() == 2 && log.iter().all(|entry| entry.record.outcome == AuditOutcome::Refused), "{log:?}");
        Ok(())
    }
}
