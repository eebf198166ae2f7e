//! Who spent it: the keys, models and members with the largest shares.

use std::collections::HashMap;

use mete_core::{Month, Nanos};
use mete_store::{SpendBy, SpendQuery, SpendRow, Store, StoreError};
use serde::{Deserialize, Serialize};

/// So many of each kind are told.
const MOST: usize = 5;

/// Those who spent most in a project or an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpentBy {
    /// The project's or organization's id.
    pub scope_id: String,
    /// Its name.
    pub scope_name: String,
    /// All that was spent.
    pub total: Nanos,
    /// The keys.
    pub rows: Vec<Spender>,
    /// The models.
    pub models: Vec<Spender>,
    /// The members and service accounts.
    pub members: Vec<Spender>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spender {
    /// What was spent and used.
    #[serde(flatten)]
    pub row: SpendRow,
    /// The part of the total in per mille, rounded down.
    pub share_per_mille: u32,
}

/// All rows of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spenders {
    /// The keys.
    pub keys: Vec<SpendRow>,
    /// The models.
    pub models: Vec<SpendRow>,
    /// The members and service accounts.
    pub members: Vec<SpendRow>,
}

impl Spenders {
    /// Those of a project, or of an organization with its sub-organizations, in a month.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn of_month(
        store: &Store,
        (scope_id, is_organization): (&str, bool),
        month: Month,
    ) -> Result<Self, StoreError> {
        let query = |by| SpendQuery {
            organization_id: is_organization.then(|| scope_id.to_owned()),
            project_ids: (!is_organization).then(|| vec![scope_id.to_owned()]),
            month,
            by,
        };
        Ok(Self {
            keys: store.spend(&query(SpendBy::Key)).await?,
            models: store.spend(&query(SpendBy::Model)).await?,
            members: store.spend(&query(SpendBy::Member)).await?,
        })
    }

    /// The same with the names that `others` have.
    pub(crate) fn named_as(self, others: &Self) -> Self {
        Self {
            keys: named(self.keys, &others.keys),
            models: named(self.models, &others.models),
            members: named(self.members, &others.members),
        }
    }

    /// The largest of them, with their shares.
    #[must_use]
    pub fn largest(self, (scope_id, scope_name): (String, String)) -> SpentBy {
        let total = self.keys.iter().map(|row| row.spend).sum();
        let of = |rows| largest(rows, total);
        let (rows, models, members) = (of(self.keys), of(self.models), of(self.members));
        SpentBy { scope_id, scope_name, total, rows, models, members }
    }
}

fn named(mut rows: Vec<SpendRow>, others: &[SpendRow]) -> Vec<SpendRow> {
    let names: HashMap<&str, &str> = others.iter().map(|row| (row.id.as_str(), row.name.as_str())).collect();
    for row in &mut rows {
        if let Some(name) = names.get(row.id.as_str()) {
            row.name = (*name).to_owned();
        }
    }
    rows
}

fn largest(mut rows: Vec<SpendRow>, total: Nanos) -> Vec<Spender> {
    rows.sort_by(|a, b| (b.spend, &a.id).cmp(&(a.spend, &b.id)));
    rows.truncate(MOST);
    let share = |spend: Nanos| {
        let of = i128::from(total.0.max(1));
        u32::try_from(i128::from(spend.0) * 1_000 / of).unwrap_or_default()
    };
    rows.into_iter().map(|row| Spender { share_per_mille: share(row.spend), row }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, spend: i64) -> SpendRow {
        SpendRow {
            id: id.into(),
            name: id.into(),
            spend: Nanos(spend),
            requests: 1,
            input_tokens: 0,
            cached_input_tokens: 0,
            output_tokens: 0,
        }
    }

    #[test]
    fn the_largest_are_told_with_their_shares() {
        let keys = (0..7).map(|number| row(&format!("key_{number}"), number * 10)).collect();
        let spenders = Spenders { keys, models: vec![row("o3", 210)], members: vec![] };
        let told = spenders.largest(("proj_1".into(), "Bot".into()));
        let shares: Vec<(&str, u32)> =
            told.rows.iter().map(|spender| (spender.row.id.as_str(), spender.share_per_mille)).collect();
        assert_eq!(shares, [("key_6", 285), ("key_5", 238), ("key_4", 190), ("key_3", 142), ("key_2", 95)]);
        assert_eq!((told.total, told.models[0].share_per_mille), (Nanos(210), 1_000));
        let nothing = Spenders { keys: vec![row("key_1", 0)], ..Spenders::default() };
        assert_eq!(nothing.largest(("proj_1".into(), "Bot".into())).rows[0].share_per_mille, 0);
    }
}
