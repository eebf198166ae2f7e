//! What is told of an alert: the facts, as the store has them when it is told.

use mete_core::limits::Limits;
use mete_core::{Nanos, Timestamp};
use mete_store::{Alert, ScopeKind, ShareKind, Span, SpendOf, Spender, SpenderKind, Store, StoreError};

/// How many of those who spent the most are told.
const MOST: u32 = 5;

/// What is told of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// The alert.
    pub alert: Alert,
    /// The name of the organization.
    pub organization: String,
    /// What the project or organization has spent in the alert's month by now.
    pub spend: Nanos,
    /// Its budget and threshold by now.
    pub limits: Limits,
    /// The keys that spent the most of it.
    pub keys: Vec<Spender>,
    /// The people and service accounts.
    pub members: Vec<Spender>,
    /// The models.
    pub models: Vec<Spender>,
    /// As of when.
    pub now: Timestamp,
}

impl Notice {
    /// Of an alert, by what the store has now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn of(store: &Store, alert: Alert, now: Timestamp) -> Result<Self, StoreError> {
        let of = match alert.scope_kind {
            ScopeKind::Organization => SpendOf::Organization(alert.scope_id.clone()),
            ScopeKind::Project => SpendOf::Project(alert.scope_id.clone()),
        };
        let span = (Span::Month(alert.month), None);
        let of = &of;
        let most = async |kind| store.spenders((of, None, SpenderKind::Share(kind)), span, MOST).await;
        Ok(Self {
            organization: store.find_organization(&alert.organization_id).await?.name,
            spend: store.scope_spend(&alert.scope_id, alert.month).await?,
            limits: store.alert_limits(&alert).await?,
            keys: most(ShareKind::Key).await?,
            members: most(ShareKind::Member).await?,
            models: most(ShareKind::Model).await?,
            alert,
            now,
        })
    }

    /// Whether the alert's month is over, so that nobody is refused for it any more (R26).
    pub(crate) fn is_over(&self) -> bool {
        self.alert.month.end() <= self.now
    }
}
