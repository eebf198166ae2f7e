//! Series and ratings as small numbers.

use std::collections::HashMap;
use std::sync::Arc;

use mete_core::{EndpointGroup, Rating, Series};
use rustc_hash::{FxHashMap, FxHashSet};
use sqlx::QueryBuilder;

use crate::db::in_tx;
use crate::error::StoreError;
use crate::{Store, Tx};

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
    ratings: FxHashMap<Arc<Rating>, i64>,
    rating_by_number: HashMap<i64, Arc<Rating>>,
}

/// How many series are looked up or made in one statement.
const AT_ONCE: usize = 500;

type SeriesRow = (String, String, String, String, String, String);
type RatingRow = (i64, String, String, String, bool);

/// A series' columns in the order of the table's unique key.
fn columns(series: &Series) -> [&str; 5] {
    let (key, member) = (series.key.as_deref(), series.member.as_deref());
    [&series.project, key.unwrap_or_default(), member.unwrap_or_default(), &series.model, series.endpoint.name()]
}

impl Interned {
    /// Learns the numbers of a batch's series and ratings, and makes those that are new, in a transaction of its own:
    /// writers of the ledger wait for one another only where somebody names something for the first time.
    pub(super) async fn learn(
        &mut self,
        store: &Store,
        series: impl Iterator<Item = &Arc<Series>>,
        ratings: impl Iterator<Item = &Arc<Rating>>,
    ) -> Result<(), StoreError> {
        let series: Vec<&Arc<Series>> = unknown(series, |series| self.series.contains_key(series));
        let ratings: Vec<&Arc<Rating>> = unknown(ratings, |rating| self.ratings.contains_key(rating));
        if series.is_empty() && ratings.is_empty() {
            return Ok(());
        }
        let mut tx = store.begin().await?;
        let learnt = self.learn_in(&mut tx, &series, &ratings).await;
        match learnt {
            Ok(()) => tx.commit().await,
            Err(error) => Err(error),
        }
    }

    async fn learn_in(
        &mut self,
        tx: &mut Tx,
        series: &[&Arc<Series>],
        ratings: &[&Arc<Rating>],
    ) -> Result<(), StoreError> {
        // Asking one by one costs a round trip each, and a large log begins with thousands.
        for chunk in series.chunks(AT_ONCE) {
            self.find(tx, chunk).await?;
            let new: Vec<_> = chunk.iter().copied().filter(|series| !self.series.contains_key(*series)).collect();
            self.make(tx, &new).await?;
        }
        for rating in ratings {
            self.make_rating(tx, rating).await?;
        }
        Ok(())
    }

    /// The numbers of a series that was learnt.
    pub(super) fn numbers(&self, series: &Arc<Series>) -> Result<SeriesNumbers, StoreError> {
        self.series.get(series).copied().ok_or_else(|| StoreError::Corrupt(format!("no number for {series:?}")))
    }

    /// The number of a rating that was learnt.
    pub(super) fn rating(&self, rating: &Arc<Rating>) -> Result<i64, StoreError> {
        self.ratings.get(rating).copied().ok_or_else(|| StoreError::Corrupt(format!("no number for {rating:?}")))
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

    /// Makes series that the store does not have, or did not have a moment ago.
    async fn make(&mut self, tx: &mut Tx, new: &[&Arc<Series>]) -> Result<(), StoreError> {
        if new.is_empty() {
            return Ok(());
        }
        let last = count_up(tx, "series_num", new.len()).await?;
        // Whoever makes series has waited for the others here, and sees theirs.
        self.find(tx, new).await?;
        let new: Vec<_> = new.iter().copied().filter(|series| !self.series.contains_key(*series)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let numbered = || (last - new.len() as i64 + 1..).zip(&new);
        in_tx!(tx, db => {
            let mut query = QueryBuilder::new(
                "INSERT INTO series (num, organization_id, project_id, key_id, member_id, model, endpoint) ",
            );
            query.push_values(numbered(), |mut row, (number, series)| {
                row.push_bind(number).push_bind(&*series.organization);
                for column in columns(series) {
                    row.push_bind(column);
                }
            });
            query.build().persistent(false).execute(db).await.map(drop)
        })?;
        for (number, series) in numbered() {
            self.insert(tx, series, number).await?;
        }
        Ok(())
    }

    async fn insert(&mut self, tx: &mut Tx, series: &Arc<Series>, number: i64) -> Result<SeriesNumbers, StoreError> {
        let numbers = SeriesNumbers { series: number, project: self.project(tx, &series.project).await? };
        self.series.insert(Arc::clone(series), numbers);
        self.by_number.insert(number, Arc::clone(series));
        Ok(numbers)
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
    pub(super) async fn series_numbered(
        &mut self,
        tx: &mut Tx,
        number: i64,
    ) -> Result<(Arc<Series>, SeriesNumbers), StoreError> {
        if let Some(series) = self.by_number.get(&number) {
            return Ok((Arc::clone(series), self.numbers(series)?));
        }
        let row: Option<SeriesRow> = in_tx!(tx, db => {
            sqlx::query_as(
                "SELECT organization_id, project_id, key_id, member_id, model, endpoint FROM series WHERE num = $1",
            )
            .bind(number)
            .fetch_optional(db)
            .await
        })?;
        let row = row.ok_or_else(|| StoreError::Corrupt(format!("an event of the unknown series {number}")))?;
        let series = Arc::new(series_of(row));
        let numbers = self.insert(tx, &series, number).await?;
        Ok((series, numbers))
    }

    /// The number of a rating; makes it where it is new.
    async fn make_rating(&mut self, tx: &mut Tx, rating: &Arc<Rating>) -> Result<(), StoreError> {
        let mut found = find_rating(tx, rating).await?;
        if found.is_none() {
            let number = count_up(tx, "rating_num", 1).await?;
            found = find_rating(tx, rating).await?;
            if found.is_none() {
                insert_rating(tx, number, rating).await?;
                found = Some(number);
            }
        }
        self.ratings.extend(found.map(|number| (Arc::clone(rating), number)));
        Ok(())
    }

    /// The rating with this number.
    pub(super) async fn rating_numbered(&mut self, tx: &mut Tx, number: i64) -> Result<Arc<Rating>, StoreError> {
        if !self.rating_by_number.contains_key(&number) {
            let rows: Vec<RatingRow> = in_tx!(tx, db => {
                sqlx::query_as("SELECT num, version, provider, tier, batch FROM rating").fetch_all(db).await
            })?;
            for (number, version, provider, tier, batch) in rows {
                let rating = Rating { version: version.into(), provider: provider.into(), tier: tier.into(), batch };
                self.rating_by_number.insert(number, Arc::new(rating));
            }
        }
        let rating = self.rating_by_number.get(&number).cloned();
        rating.ok_or_else(|| StoreError::Corrupt(format!("an event of the unknown rating {number}")))
    }
}

/// Each of those that are not known, once.
fn unknown<'a, T: Eq + std::hash::Hash>(
    all: impl Iterator<Item = &'a Arc<T>>,
    known: impl Fn(&Arc<T>) -> bool,
) -> Vec<&'a Arc<T>> {
    let mut last = None;
    let mut unknown = FxHashSet::default();
    for one in all {
        // Nearly always that of the event before, or one that is known.
        if last.is_none_or(|last| !Arc::ptr_eq(last, one)) && !known(one) {
            unknown.insert(one);
        }
        last = Some(one);
    }
    unknown.into_iter().collect()
}

fn series_of((organization, project, key, member, model, endpoint): SeriesRow) -> Series {
    let optional = |text: String| (!text.is_empty()).then(|| Arc::from(text));
    let endpoint = EndpointGroup::from_name(&endpoint).unwrap_or(EndpointGroup::Other);
    Series::new(organization.into(), project.into(), optional(key), optional(member), model.into(), endpoint)
}

async fn find_rating(tx: &mut Tx, rating: &Rating) -> Result<Option<i64>, StoreError> {
    let row: Option<(i64,)> = in_tx!(tx, db => {
        sqlx::query_as("SELECT num FROM rating WHERE version = $1 AND provider = $2 AND tier = $3 AND batch = $4")
            .bind(&*rating.version)
            .bind(&*rating.provider)
            .bind(&*rating.tier)
            .bind(rating.batch)
            .fetch_optional(db)
            .await
    })?;
    Ok(row.map(|row| row.0))
}

async fn insert_rating(tx: &mut Tx, number: i64, rating: &Rating) -> Result<(), StoreError> {
    in_tx!(tx, db => {
        sqlx::query("INSERT INTO rating (num, version, provider, tier, batch) VALUES ($1, $2, $3, $4, $5)")
            .bind(number)
            .bind(&*rating.version)
            .bind(&*rating.provider)
            .bind(&*rating.tier)
            .bind(rating.batch)
            .execute(db)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Takes so many numbers from a counter, and tells the last of them. On Postgres its row stays locked until the commit.
async fn count_up(tx: &mut Tx, counter: &'static str, by: usize) -> Result<i64, StoreError> {
    let (value,): (i64,) = in_tx!(tx, db => {
        sqlx::query_as("UPDATE meta SET value = value + $2 WHERE name = $1 RETURNING value")
            .bind(counter)
            .bind(i64::try_from(by).unwrap_or(i64::MAX))
            .fetch_one(db)
            .await
    })?;
    Ok(value)
}
