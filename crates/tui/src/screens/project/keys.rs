//! The keys of a project: who spends how much of the month, and whether the key may be used.

use std::collections::HashMap;

use mete_core::directory::{ApiKey, KeyStatus};
use mete_core::manual_block::{ManualBlock, ManualBlockKind, ManualBlockScope};
use mete_core::{Nanos, Timestamp};
use mete_store::SpendRow;

use crate::screens::cells;
use crate::table::{Column, Figure, Row, Table};
use crate::theme::Tone;

/// What an empty list says.
pub const EMPTY: &str = "No key yet. Make one with: mete key create --project PROJECT";

/// A key, or spend that names no key of the project.
pub struct KeyRow {
    id: String,
    name: String,
    redacted_value: String,
    owner: String,
    /// The key itself; spend without one has none.
    key: Option<ApiKey>,
    last_used_at: Option<Timestamp>,
    state: KeyState,
    /// What it spent and how often it was used, for somebody who may see it (R6).
    spend: Option<Nanos>,
    requests: Option<u64>,
    total: Nanos,
}

/// What a key's requests meet, from all right to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyState {
    /// No key of the project: usage that names none.
    NoKey,
    /// It is let through.
    Active,
    /// Its owner is gone, or somebody disabled it.
    Disabled,
    /// Its time is over.
    Expired,
    /// It was revoked for good.
    Revoked,
    /// Somebody released it by hand: no budget refuses it (R41).
    Released,
    /// It would be let through, were it not for a budget or a block of the project.
    Refused,
    /// Somebody blocked it by hand (R41).
    Blocked,
}

/// What decides on the keys besides their own status.
pub struct Ground {
    /// Whether the project's keys are all refused.
    pub refused: bool,
    /// What people placed by hand that holds.
    pub blocks: Vec<ManualBlock>,
    /// The present.
    pub now: Timestamp,
}

impl Ground {
    /// What the requests of a key meet.
    #[must_use]
    pub fn state_of(&self, key: &ApiKey) -> KeyState {
        let placed = |kind| self.blocks.iter().any(|block| block.scope_id == key.id && block.kind == kind);
        match key.status {
            KeyStatus::Disabled => KeyState::Disabled,
            KeyStatus::Revoked => KeyState::Revoked,
            KeyStatus::Active if key.expires_at.is_some_and(|expires| expires <= self.now) => KeyState::Expired,
            KeyStatus::Active if placed(ManualBlockKind::Block) => KeyState::Blocked,
            // A release spends past budgets, not past a block of the project.
            KeyStatus::Active if placed(ManualBlockKind::Release) && !self.blocks_project() => KeyState::Released,
            KeyStatus::Active if self.refused => KeyState::Refused,
            KeyStatus::Active => KeyState::Active,
        }
    }

    fn blocks_project(&self) -> bool {
        let of_project = |block: &ManualBlock| block.scope_kind == ManualBlockScope::Project;
        self.blocks.iter().any(|block| of_project(block) && block.kind == ManualBlockKind::Block)
    }
}

impl KeyState {
    /// Whether somebody may have to do something about it.
    #[must_use]
    pub const fn is_fault(self) -> bool {
        matches!(self, Self::Released | Self::Refused | Self::Blocked)
    }

    /// Its word alone, for filters and files.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.look().0.trim_start_matches(|sign: char| !sign.is_alphabetic()).trim()
    }

    /// How it reads.
    #[must_use]
    pub const fn look(self) -> (&'static str, Tone) {
        match self {
            Self::NoKey => ("–", Tone::Dim),
            Self::Active => ("active", Tone::Dim),
            Self::Disabled => ("disabled", Tone::Plain),
            Self::Expired => ("expired", Tone::Plain),
            Self::Revoked => ("revoked", Tone::Plain),
            Self::Released => ("◇ released", Tone::Near),
            Self::Blocked => ("■ blocked", Tone::Bad),
            Self::Refused => ("▲ refused", Tone::Bad),
        }
    }
}

impl Row for KeyRow {
    fn id(&self) -> &str {
        &self.id
    }

    fn searched(&self) -> String {
        let state = self.state.look().0;
        format!("{} {} {} {} {state}", self.name, self.redacted_value, self.owner, self.id)
    }

    fn is_fault(&self) -> bool {
        self.state.is_fault()
    }
}

impl KeyRow {
    /// The key itself; spend without one has none.
    pub const fn key(&self) -> Option<&ApiKey> {
        self.key.as_ref()
    }

    /// The id and the name of the owner; spend without a key has none.
    pub fn owned_by(&self) -> Option<(&str, &str)> {
        self.key.as_ref().map(|key| (key.owner_id.as_str(), key.owner.as_str()))
    }
}

type Col = Column<KeyRow>;

static COLUMNS: [Col; 8] = [
    Col::words("KEY", 12, |row, _| cells::words(&row.name, Tone::Strong), |a, b| cells::by_letters(&a.name, &b.name))
        .growing(30)
        .kept(),
    Col::numbers(
        "SPENT",
        9,
        |row, slot| cells::seen(row.spend, |spend| cells::amount(spend, slot)),
        Figure::Money(|row| row.spend),
    )
    .also("spend"),
    Col::words(
        "SHARE",
        16,
        |row, slot| cells::seen(row.spend, |spend| cells::share(spend, row.total, slot)),
        |a, b| a.spend.cmp(&b.spend),
    )
    .amounting(Figure::Share(|row| row.spend.map(|spend| spend.per_mille_of(row.total))))
    .largest_first(),
    Col::words("OWNER", 18, |row, _| cells::words(&row.owner, Tone::Plain), |a, b| a.owner.cmp(&b.owner)).growing(30),
    Col::numbers("USED", 10, |row, slot| cells::age(row.last_used_at, slot), Figure::Time(|row| row.last_used_at)),
    Col::numbers(
        "REQUESTS",
        9,
        |row, slot| cells::seen(row.requests, |requests| cells::number(requests, slot)),
        Figure::Count(|row| row.requests),
    ),
    Col::words(
        "SECRET",
        14,
        |row, _| cells::words(&row.redacted_value, Tone::Dim),
        |a, b| a.redacted_value.cmp(&b.redacted_value),
    )
    .growing(18),
    Col::words("STATE", 9, |row, _| cells::words(row.state.look().0, row.state.look().1), |a, b| a.state.cmp(&b.state))
        .amounting(Figure::Text(|row| row.state.word()))
        .largest_first()
        .kept(),
];
/// Who spends most comes first.
const SORTED_BY: usize = 1;

/// The names of its columns.
pub fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

/// The list, still empty.
pub fn table() -> Table<KeyRow> {
    Table::new(&COLUMNS, SORTED_BY)
}

/// Joins the keys with what each has spent. Spend of no key of the project keeps a row of its own: the rows add up to
/// the project's spend, unless it is not to be seen.
pub fn rows(keys: Vec<ApiKey>, spend: Option<Vec<SpendRow>>, ground: &Ground) -> Vec<KeyRow> {
    let sees_spend = spend.is_some();
    let spend = spend.unwrap_or_default();
    let total: Nanos = spend.iter().map(|row| row.spend).sum();
    let mut spend: HashMap<String, SpendRow> = spend.into_iter().map(|row| (row.id.clone(), row)).collect();
    let mut rows: Vec<KeyRow> = keys
        .into_iter()
        .map(|key| {
            let spent = spend.remove(&key.id);
            KeyRow {
                state: ground.state_of(&key),
                name: if key.name.is_empty() { key.redacted_value.clone() } else { key.name.clone() },
                id: key.id.clone(),
                redacted_value: key.redacted_value.clone(),
                owner: key.owner.clone(),
                last_used_at: key.last_used_at,
                key: Some(key),
                spend: sees_spend.then(|| spent.as_ref().map_or(Nanos::ZERO, |row| row.spend)),
                requests: sees_spend.then(|| spent.map_or(0, |row| row.requests)),
                total,
            }
        })
        .collect();
    rows.extend(spend.into_values().map(|row| KeyRow {
        name: if row.name.is_empty() { "(no key)".to_owned() } else { row.name },
        id: row.id,
        redacted_value: String::new(),
        owner: String::new(),
        key: None,
        last_used_at: None,
        state: KeyState::NoKey,
        spend: Some(row.spend),
        requests: Some(row.requests),
        total,
    }));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{at, block, key};

    #[test]
    fn r41_a_key_says_what_its_requests_meet() {
        let now = at("12:27:00");
        let mut key = key("ci", "dana@acme.test", None);
        let state =
            |key: &ApiKey, refused: bool, blocks: Vec<ManualBlock>| Ground { refused, blocks, now }.state_of(key);
        let (release, stop) = (block(ManualBlockKind::Release, &key.id), block(ManualBlockKind::Block, &key.id));
        let project = block(ManualBlockKind::Block, "proj_1");
        assert!(state(&key, false, vec![]) == KeyState::Active);
        assert!(state(&key, true, vec![]) == KeyState::Refused);
        assert!(state(&key, true, vec![release.clone()]) == KeyState::Released);
        assert!(state(&key, true, vec![release.clone(), project]) == KeyState::Refused);
        assert!(state(&key, true, vec![release, stop.clone()]) == KeyState::Blocked);
        assert!(state(&key, false, vec![block(ManualBlockKind::Block, "key_other")]) == KeyState::Active);
        key.expires_at = Some(now);
        assert!(state(&key, false, vec![stop]) == KeyState::Expired);
    }
}
