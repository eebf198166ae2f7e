//! Decisions of the gate, counted without that those who decide meet.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use mete_core::decision::Refusal;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::Registry;

/// What decisions are told by: the codes of R37, and what has none.
const CODES: [&str; 13] = [
    "allowed",
    "invalid_api_key",
    "not_authorized_invalid_project",
    "missing_permission",
    "model_not_found",
    "access_blocked",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "file_storage_quota_exceeded",
    "rate_limit_exceeded",
    "model_spend_limit_exceeded",
    "member_spend_limit_exceeded",
    "key_spend_limit_exceeded",
];

/// A request that was allowed.
pub(super) const ALLOWED: usize = 0;

/// What a refusal is counted as.
pub(super) const fn of(refusal: &Refusal) -> usize {
    match refusal {
        Refusal::NoKey
        | Refusal::UnknownKey
        | Refusal::AdminKey
        | Refusal::KeyDisabled
        | Refusal::KeyRevoked
        | Refusal::KeyExpired { .. }
        | Refusal::SecretReplaced { .. } => 1,
        Refusal::ProjectArchived { .. } => 2,
        Refusal::RequestUntold | Refusal::Permission(_) => 3,
        Refusal::Model(_) => 4,
        Refusal::Blocked(_) => 5,
        Refusal::OrganizationBudget(_) => 6,
        Refusal::ProjectBudget(_) => 7,
        Refusal::FileQuota(_) => 8,
        Refusal::RateLimit(_) => 9,
        Refusal::ModelBudget(_) => 10,
        Refusal::MemberBudget(_) => 11,
        Refusal::KeyBudget(_) => 12,
    }
}

/// Threads count in different places, as far as there are no more of them than this.
const SHARDS: usize = 16;

/// The counters of some threads; two lines of the cache, which no other shard touches.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard([AtomicU64; CODES.len()]);

/// Clones share the counters.
#[derive(Clone, Debug, Default)]
pub(super) struct Decisions(Arc<[Shard; SHARDS]>);

impl Decisions {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(self.clone()));
    }

    /// Counts one, by its place in [`CODES`].
    pub(super) fn count(&self, code: usize) {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static SHARD: usize = THREADS.fetch_add(1, Ordering::Relaxed) % SHARDS;
        }
        let shard = SHARD.try_with(|shard| *shard).unwrap_or_default();
        self.0[shard].0[code].fetch_add(1, Ordering::Relaxed);
    }

    fn total(&self, code: usize) -> u64 {
        self.0.iter().map(|shard| shard.0[code].load(Ordering::Relaxed)).sum()
    }
}

impl Collector for Decisions {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Decisions of the gate, by the code of the answer";
        let mut family = encoder.encode_descriptor("decisions", help, None, MetricType::Counter)?;
        for (index, code) in CODES.iter().enumerate() {
            let labels = [("code", *code)];
            ConstCounter::new(self.total(index)).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_thread_counts_it_is_in_the_total() {
        let decisions = Decisions::default();
        std::thread::scope(|scope| {
            for _ in 0..40 {
                scope.spawn(|| (0..100).for_each(|_| decisions.count(of(&Refusal::NoKey))));
            }
        });
        assert_eq!((decisions.total(1), decisions.total(ALLOWED)), (4_000, 0));
    }

    #[test]
    fn refusals_are_counted_by_the_code_that_they_are_answered_with() {
        for refusal in [Refusal::NoKey, Refusal::ProjectArchived { project: "x".into() }] {
            assert_eq!(refusal.code(), Some(CODES[of(&refusal)]));
        }
        assert_eq!((Refusal::RequestUntold.code(), CODES[of(&Refusal::RequestUntold)]), (None, "missing_permission"));
    }
}
