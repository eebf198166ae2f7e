//! Series and price versions as small numbers.

use std::collections::HashMap;
use std::sync::Arc;

use mete_core::{EndpointGroup, Series};
use rustc_hash::FxHashMap;

use crate::Tx;
use crate::db::in_tx;
use crate::error::StoreError;

/// The numbers of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SeriesNumbers {
    pub(super) series: i64,
    pub(super) project: i64,
}

/// What this writer knows of the store's numbers.
#[derive(Default)]
pub(super) struct Interned {
    series: FxHashMap<Arc<Series>, SeriesNumbers>,
    by_number: HashMap<i64, Arc<Series>>,
    prices: HashMap<Arc<str>, i64>,
}

type SeriesRow = (String, String, String, String, String, String);

impl Interned {
    /// The numbers of a series; makes them where it is new.
    pub(super) async fn series(&mut self, tx: &mut Tx, series: &Arc<Series>) -> Result<SeriesNumbers, StoreError> {
        if let Some(numbers) = self.series.get(series) {
            return Ok(*numbers);
        }
        let project: Option<(i64,)> = in_tx!(tx, db => {
            sqlx::query_as("SELECT num FROM project WHERE id = $1").bind(&*series.project).fetch_optional(db).await
        })?;
        let (project,) = project
            .ok_or_else(|| StoreError::NotFound(format!("there is no project {:?} to book on", series.project)))?;
        let numbers = SeriesNumbers { series: find_or_make(tx, series).await?, project };
        self.series.insert(Arc::clone(series), numbers);
        self.by_number.insert(numbers.series, Arc::clone(series));
        Ok(numbers)
    }

    /// The series with this number.
    pub(super) async fn series_numbered(&mut self, tx: &mut Tx, number: i64) -> Result<Arc<Series>, StoreError> {
        if let Some(series) = self.by_number.get(&number) {
            return Ok(Arc::clone(series));
        }
        let row: Option<SeriesRow> = in_tx!(tx, db => {
            sqlx::query_as(
                "SELECT organization_id, project_id, key_id, member_id, model, endpoint FROM series WHERE num = $1",
            )
            .bind(number)
            .fetch_optional(db)
            .await
        })?;
        let Some((organization, project, key, member, model, endpoint)) = row else {
            return Err(StoreError::Corrupt(format!("an event of the unknown series {number}")));
        };
        let optional = |text: String| (!text.is_empty()).then(|| Arc::from(text));
        let endpoint = EndpointGroup::from_name(&endpoint).unwrap_or(EndpointGroup::Other);
        let series = Arc::new(Series::new(
            organization.into(),
            project.into(),
            optional(key),
            optional(member),
            model.into(),
            endpoint,
        ));
        self.by_number.insert(number, Arc::clone(&series));
        Ok(series)
    }

    /// The number of a price version; makes it where it is new.
    pub(super) async fn price(&mut self, tx: &mut Tx, version: &Arc<str>) -> Result<i64, StoreError> {
        if let Some(number) = self.prices.get(version) {
            return Ok(*number);
        }
        in_tx!(tx, db => {
            sqlx::query(
                "INSERT INTO price (num, version) SELECT COALESCE(MAX(num), 0) + 1, $1 FROM price WHERE true \
                 ON CONFLICT (version) DO NOTHING",
            )
            .bind(&**version)
            .execute(db)
            .await
            .map(drop)
        })?;
        let (number,): (i64,) = in_tx!(tx, db => {
            sqlx::query_as("SELECT num FROM price WHERE version = $1").bind(&**version).fetch_one(db).await
        })?;
        self.prices.insert(Arc::clone(version), number);
        Ok(number)
    }
}

async fn find_or_make(tx: &mut Tx, series: &Series) -> Result<i64, StoreError> {
    let text = |part: &Option<Arc<str>>| part.as_deref().unwrap_or_default().to_owned();
    let (key, member) = (text(&series.key), text(&series.member));
    in_tx!(tx, db => {
        sqlx::query(
            "INSERT INTO series (num, organization_id, project_id, key_id, member_id, model, endpoint) \
             SELECT COALESCE(MAX(num), 0) + 1, $1, $2, $3, $4, $5, $6 FROM series WHERE true \
             ON CONFLICT (project_id, key_id, member_id, model, endpoint) DO NOTHING",
        )
        .bind(&*series.organization)
        .bind(&*series.project)
        .bind(&key)
        .bind(&member)
        .bind(&*series.model)
        .bind(series.endpoint.name())
        .execute(db)
        .await
        .map(drop)
    })?;
    let (number,): (i64,) = in_tx!(tx, db => {
        sqlx::query_as(
            "SELECT num FROM series WHERE project_id = $1 AND key_id = $2 AND member_id = $3 AND model = $4 \
             AND endpoint = $5",
        )
        .bind(&*series.project)
        .bind(&key)
        .bind(&member)
        .bind(&*series.model)
        .bind(series.endpoint.name())
        .fetch_one(db)
        .await
    })?;
    Ok(number)
}
