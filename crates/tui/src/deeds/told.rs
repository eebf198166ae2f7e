//! What forms say of what will be hit, and what they offer to choose from.

use mete_control::ControlError;
use mete_core::directory::{ApiKey, KeyStatus, Organization, Project};
use mete_core::people::Member;
use mete_core::{Nanos, Timestamp};
use mete_store::KeyFilter;

use super::Ask;
use crate::form::Item;
use crate::format::{ago, count, money};

/// What an act that cannot be taken back says of that.
pub const FINAL: &str = "Cannot be undone. History stays.";

/// `1 key`, `14 keys`
pub fn several(number: u64, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `Stops 14 keys at once. Last used 27m ago.`, of the keys that are meant.
pub async fn stops(ask: &Ask<'_>, wanted: &KeyFilter) -> Result<String, ControlError> {
    Ok(stops_of(&ask.view.keys(wanted).await?, ask.now))
}

/// The same of keys that are known.
pub fn stops_of(keys: &[ApiKey], now: Timestamp) -> String {
    let active: Vec<&ApiKey> = keys.iter().filter(|key| key.status == KeyStatus::Active).collect();
    match active.len() as u64 {
        0 => "No key works that it could stop.".to_owned(),
        number => format!("Stops {} at once. {}", several(number, "key"), last_used(&active, now)),
    }
}

fn last_used(keys: &[&ApiKey], now: Timestamp) -> String {
    match keys.iter().filter_map(|key| key.last_used_at).max() {
        Some(at) => format!("Last used {}.", ago(at, now)),
        None => "Never used yet.".to_owned(),
    }
}

/// ` Spent this month: $500.00.`, for whoever may see it (R6).
pub fn spent(spend: Option<Nanos>) -> String {
    spend.map_or_else(String::new, |spend| format!(" Spent this month: {}.", money(spend)))
}

/// People and service accounts to choose from.
pub fn members(members: &[Member]) -> Vec<Item> {
    members.iter().map(|member| Item::of(&member.id, format!("{} ({})", named(member), member.role))).collect()
}

/// How people call a member.
pub fn named(member: &Member) -> &str {
    member.email.as_deref().filter(|email| !email.is_empty()).unwrap_or(&member.name)
}

/// The keys of an owner, within an organization.
pub fn keys_of(owner_id: &str, organization: &Organization) -> KeyFilter {
    KeyFilter { organization_id: Some(organization.id.clone()), project_id: None, owner_id: Some(owner_id.to_owned()) }
}

/// The keys of a project, of one owner where one is named.
pub fn keys_in(project: &Project, owner_id: Option<&str>) -> KeyFilter {
    KeyFilter {
        organization_id: Some(project.organization_id.clone()),
        project_id: Some(project.id.clone()),
        owner_id: owner_id.map(str::to_owned),
    }
}

/// `none`, or an amount as it is typed.
pub fn typed(amount: Option<Nanos>) -> String {
    amount.map_or_else(|| "none".to_owned(), |amount| amount.to_string())
}
