//! What daemons may hold (R40).

use mete_core::Nanos;
use mete_core::time::MINUTE;
use mete_store::HoldLease;
use mete_tests::{TestStore, each_engine};

use crate::fixture::{Fixture, NOW, at};

each_engine! {
    async fn r40_leases_are_replaced_and_end(place: &TestStore) -> anyhow::Result<()> {
        let f = Fixture::new(place).await?;
        let now = at(NOW);
        let lease = |daemon: &str, project: &str, amount, minutes| HoldLease {
            daemon: daemon.to_owned(),
            project_id: project.to_owned(),
            amount: Nanos(amount),
            ends_at: now.plus(minutes * MINUTE),
        };
        f.store.write_hold_leases(&[lease("a", "proj_1", 5, 10), lease("a", "proj_2", 6, 20)], now).await?;
        f.store.write_hold_leases(&[lease("a", "proj_1", 9, 15), lease("b", "proj_1", 1, 30)], now).await?;
        let all = [lease("a", "proj_1", 9, 15), lease("a", "proj_2", 6, 20), lease("b", "proj_1", 1, 30)];
        assert_eq!(f.store.hold_leases(now).await?, all);
        assert_eq!(f.store.hold_leases(now.plus(15 * MINUTE)).await?, all[1..]);
        f.store.write_hold_leases(&[], now.plus(20 * MINUTE)).await?;
        assert_eq!(f.store.hold_leases(now).await?, all[2..]);
        Ok(())
    }
}
