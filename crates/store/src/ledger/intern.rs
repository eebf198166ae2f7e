//! Series and ratings as small numbers.

use std::collections::HashMap;
use std::sync::Arc;

use mete_core::{EndpointGroup, Rating, Series};
use rustc_hash::{FxHashMap, FxHashSet};
use sqlx::QueryBuilder;

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
    projects: HashMap<Arc<str>, i64>,
    ratings: HashMap<Arc<Rating>, i64>,
}

/// How many series are looked up or made in one statement.
const AT_ONCE: usize = 500;

type SeriesRow = (String, String, String, String, String, String);

/// A series' columns in the order of the table's unique key.
fn columns(series: &Series) -> [&str; 5] {
    let (key, member) = (series.key.as_deref(), series.member.as_deref());
    [&series.project, key.unwrap_or_default(), member.unwrap_or_default(), &series.model, series.endpoint.name()]
}

impl Interned {
    /// Learns the numbers of many series; makes those that are new. Asking one by one costs a round trip each, and a
    /// large log begins with thousands.
    pub(super) async fn learn(
        &mut self,
        tx: &mut Tx,
        series: impl Iterator<Item = &Arc<Series>>,
    ) -> Result<(), StoreError> {
        let unknown: FxHashSet<&Arc<Series>> = series.filter(|series| !self.series.contains_key(*series)).collect();
        let unknown: Vec<&Arc<Series>> = unknown.into_iter().collect();
        for chunk in unknown.chunks(AT_ONCE) {
            self.find(tx, chunk).await?;
            let new: Vec<&Arc<Series>> =
                chunk.iter().copied().filter(|series| !self.series.contains_key(*series)).collect();
            self.make(tx, &new).await?;
        }
        Ok(())
    }

    /// The numbers of a series; makes them where it is new.
    pub(super) async fn series(&mut self, tx: &mut Tx, series: &Arc<Series>) -> Result<SeriesNumbers, StoreError> {
        if let Some(numbers) = self.series.get(series) {
            return Ok(*numbers);
        }
        self.learn(tx, std::iter::once(series)).await?;
        self.series.get(series).copied().ok_or_else(|| StoreError::Corrupt(format!("no number for {series:?}")))
    }

    /// Learns those of `wanted` that the store has.
    async fn find(&mut self, tx: &mut Tx, wanted: &[&Arc<Series>]) -> Result<(), StoreError> {
        let rows: Vec<(i64, String, String, String, String, String)> = in_tx!(tx, db => {
            let mut query = QueryBuilder::new(
                "SELECT num, project_id, key_id, member_id, model, endpoint FROM series \
                 WHERE (project_id, key_id, member_id, model, endpoint) IN (",
            );
            query.push_values(wanted, |mut row, series| {
                for column in columns(series) {
                    row.push_bind(column);
                }
            });
            query.push(")").build_query_as().persistent(false).fetch_all(db).await
        })?;
        let by_columns: HashMap<[&str; 5], &Arc<Series>> = wanted.iter().map(|it| (columns(it), *it)).collect();
        for (number, project, key, member, model, endpoint) in &rows {
            if let Some(series) = by_columns.get(&[&**project, key, member, model, endpoint]) {
                self.insert(tx, series, *number).await?;
            }
        }
        Ok(())
    }

    /// Makes series that the store does not have. Whoever writes the ledger writes alone, so the numbers are free.
    async fn make(&mut self, tx: &mut Tx, new: &[&Arc<Series>]) -> Result<(), StoreError> {
        if new.is_empty() {
            return Ok(());
        }
        let (last,): (i64,) = in_tx!(tx, db => {
            sqlx::query_as("SELECT COALESCE(MAX(num), 0) FROM series").fetch_one(db).await
        })?;
        in_tx!(tx, db => {
            let mut query = QueryBuilder::new(
                "INSERT INTO series (num, organization_id, project_id, key_id, member_id, model, endpoint) ",
            );
            query.push_values((last + 1..).zip(new), |mut row, (number, series)| {
                row.push_bind(number).push_bind(&*series.organization);
                for column in columns(series) {
                    row.push_bind(column);
                }
            });
            query.build().persistent(false).execute(db).await.map(drop)
        })?;
        for (number, series) in (last + 1..).zip(new) {
            self.insert(tx, series, number).await?;
        }
        Ok(())
    }

    async fn insert(&mut self, tx: &mut Tx, series: &Arc<Series>, number: i64) -> Result<(), StoreError> {
        let numbers = SeriesNumbers { series: number, project: self.project(tx, &series.project).await? };
        self.series.insert(Arc::clone(series), numbers);
        self.by_number.insert(number, Arc::clone(series));
        Ok(())
    }

    async fn project(&mut self, tx: &mut Tx, id: &Arc<str>) -> Result<i64, StoreError> {
        if let Some(number) = self.projects.get(id) {
            return Ok(*number);
        }
        let found: Option<(i64,)> = in_tx!(tx, db => {
            sqlx::query_as("SELECT num FROM project WHERE id = $1").bind(&**id).fetch_optional(db).await
        })?;
        let (number,) = found.ok_or_else(|| StoreError::NotFound(format!("there is no project {id:?} to book on")))?;
        self.projects.insert(Arc::clone(id), number);
        Ok(number)
    }

    /// The series with this number, if this writer knows it.
    pub(super) fn numbered(&self, number: i64) -> Option<&Arc<Series>> {
        self.by_number.get(&number)
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

    /// The number of a rating; makes it where it is new.
    pub(super) async fn rating(&mut self, tx: &mut Tx, rating: &Arc<Rating>) -> Result<i64, StoreError> {
        if let Some(number) = self.ratings.get(rating) {
            return Ok(*number);
        }
        in_tx!(tx, db => {
            sqlx::query(
                "INSERT INTO rating (num, version, provider, tier, batch) \
                 SELECT COALESCE(MAX(num), 0) + 1, $1, $2, $3, $4 FROM rating WHERE true \
                 ON CONFLICT (version, provider, tier, batch) DO NOTHING",
            )
            .bind(&*rating.version)
            .bind(&*rating.provider)
            .bind(&*rating.tier)
            .bind(rating.batch)
            .execute(db)
            .await
            .map(drop)
        })?;
        let (number,): (i64,) = in_tx!(tx, db => {
            sqlx::query_as("SELECT num FROM rating WHERE version = $1 AND provider = $2 AND tier = $3 AND batch = $4")
                .bind(&*rating.version)
                .bind(&*rating.provider)
                .bind(&*rating.tier)
                .bind(rating.batch)
                .fetch_one(db)
                .await
        })?;
        self.ratings.insert(Arc::clone(rating), number);
        Ok(number)
    }
}
