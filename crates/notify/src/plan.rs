//! Who is told of an alert (R27).

use mete_core::Timestamp;
use mete_core::time::DAY;
use mete_store::{Alert, NewDelivery, Owner, PlannedState};

use crate::channels::{Channels, EMAIL};

/// Trying ends so long after the end of the alert's month, or after the alert where that is later, in microseconds: a mail
/// server that was away for a week has told them all.
pub(crate) const KEPT: i64 = 7 * DAY;

/// What waits for longer than this after that has a channel that is configured no more: no pause is as long.
pub(crate) const OVERDUE: i64 = DAY;

/// Why an owner gets no e-mail.
const NO_ADDRESS: &str = "it has no e-mail address: it is a service account";
const NO_OWNER: &str = "nobody owns the project or its organization";
/// What a delivery says where every owner is without an address.
const NO_OWNER_WITH_ADDRESS: &str = "no owner of the project or its organization has an e-mail address";

/// The deliveries of an alert: one for each owner, each owner once, and one for each other channel. What cannot be delivered is one as well, so that it can
/// be seen.
pub(crate) fn deliveries(alert: &Alert, owners: &[Owner], channels: &Channels) -> Vec<NewDelivery> {
    let keep_until = alert.month.end().max(alert.at).plus(KEPT);
    let delivery = |recipient_id: &str, address: &str, state| NewDelivery {
        channel: EMAIL.to_owned(),
        recipient_id: recipient_id.to_owned(),
        address: address.to_owned(),
        domain: channels.domain().to_owned(),
        state,
        keep_until,
    };
    let mut deliveries: Vec<NewDelivery> = owners
        .iter()
        .map(|Owner { id, email }| match email {
            None => delivery(id, "", PlannedState::Undeliverable(NO_ADDRESS)),
            Some(email) if channels.has_mail() => delivery(id, email, PlannedState::Waiting),
            Some(email) => delivery(id, email, PlannedState::NoChannel),
        })
        .collect();
    // Who is configured is told of everything.
    let others = channels.names().into_iter().filter(|name| name != EMAIL);
    deliveries.extend(others.map(|channel| NewDelivery { channel, ..delivery("", "", PlannedState::Waiting) }));
    if owners.iter().all(|owner| owner.email.is_none()) {
        let reason = if owners.is_empty() { NO_OWNER } else { NO_OWNER_WITH_ADDRESS };
        deliveries.push(delivery("", "", PlannedState::Undeliverable(reason)));
    }
    deliveries
}

/// Whether trying is over.
pub(crate) fn is_over(keep_until: Timestamp, now: Timestamp) -> bool {
    now >= keep_until
}

#[cfg(test)]
mod tests {
    use mete_core::Nanos;
    use mete_store::{AlertKind, ScopeKind};

    use super::*;

    #[test]
    fn r27_that_nobody_can_be_told_is_written_down() {
        let alert = Alert {
            id: "alert_1".into(),
            organization_id: "org-1".into(),
            scope_kind: ScopeKind::Project,
            scope_id: "proj_1".into(),
            scope_name: "Bot".into(),
            part: None,
            kind: AlertKind::Threshold,
            month: "2026-11".parse().unwrap(),
            amount: Nanos(1),
            spend: Nanos(1),
            at: "2026-11-23T10:15:00Z".parse().unwrap(),
            acknowledged_at: None,
            acknowledged_by: None,
        };
        let reasons = |owners: &[Owner]| -> Vec<PlannedState> {
            deliveries(&alert, owners, &Channels::default()).into_iter().map(|delivery| delivery.state).collect()
        };
        let account = Owner { id: "svc-acct-1".into(), email: None };
        let person = Owner { id: "user-1".into(), email: Some("dana@acme.test".into()) };
        let [of_account, nobody] = [NO_ADDRESS, NO_OWNER_WITH_ADDRESS].map(PlannedState::Undeliverable);
        assert_eq!(reasons(&[]), [PlannedState::Undeliverable(NO_OWNER)]);
        assert_eq!(reasons(std::slice::from_ref(&account)), [of_account.clone(), nobody]);
        assert_eq!(reasons(&[account, person]), [of_account, PlannedState::NoChannel]);
    }
}
