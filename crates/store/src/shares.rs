//! What keys, members and models came to in a month, from sums that are kept for them.

use std::collections::HashMap;

use mete_core::{Month, Nanos};

use crate::Store;
use crate::boxed;
use crate::conditions::{Conditions, rows_of};
use crate::db::on_read;
use crate::error::StoreError;

/// What a share of a month's spend is told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareKind {
    /// One API key.
    Key,
    /// A person or service account.
    Member,
    /// A model as usage names it.
    Model,
}

impl ShareKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Member => "member",
            Self::Model => "model",
        }
    }

    /// Its column of `series`.
    pub(crate) const fn column(self) -> &'static str {
        match self {
            Self::Key => "key_id",
            Self::Member => "member_id",
            Self::Model => "model",
        }
    }
}

impl Store {
    /// What each of these came to in a month, within these organizations or in all: exact at every commit (R31). Who spent
    /// nothing is not among them.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn share_spends(
        &self,
        (kind, month): (ShareKind, Month),
        (organization_ids, ids): (Option<&[String]>, &[String]),
    ) -> Result<HashMap<String, Nanos>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let (folded, texts) = Conditions::default()
            .number("t.bucket = {}", Some(month.yyyymm()))
            .fixed(&format!("t.kind = '{}'", kind.as_str()))
            .any_of("t.id IN {}", Some(ids))
            .any_of("t.organization_id IN {}", organization_ids)
            .parts();
        let column = kind.column();
        let (fresh, texts) = Conditions::go_on(texts)
            .number("d.month = {}", Some(month.yyyymm()))
            .any_of(&format!("g.{column} IN {{}}"), Some(ids))
            .any_of("g.organization_id IN {}", organization_ids)
            .parts();
        let sql = format!(
            "SELECT id, CAST(SUM(cost) AS BIGINT) FROM (SELECT t.id, t.cost FROM share_month t {folded} \
             UNION ALL SELECT g.{column}, d.cost FROM spend_delta d JOIN series g ON g.num = d.series {fresh}) AS parts \
             GROUP BY id"
        );
        let rows: Vec<(String, i64)> = rows_of!(on_read, self, sql, texts)?;
        Ok(rows.into_iter().map(|(id, spend)| (id, Nanos(spend))).collect())
    }
}
