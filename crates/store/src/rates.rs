//! Lists of models and rate limits per model (R23), of organizations and projects.

use mete_core::rates::{Models, RateLimit, Rates};

use crate::boxed;
use crate::conditions::{Conditions, rows_of};
use crate::db::{in_tx, on_read};
use crate::error::StoreError;
use crate::limits::OfProject;
use crate::{Scope, Store, Tx};

#[derive(sqlx::FromRow)]
struct RateRow {
    scope_id: String,
    scope_name: String,
    model: String,
    max_requests_per_1_minute: Option<i64>,
    max_tokens_per_1_minute: Option<i64>,
    max_requests_per_1_day: Option<i64>,
    max_tokens_per_1_day: Option<i64>,
    max_images_per_1_minute: Option<i64>,
    max_audio_megabytes_per_1_minute: Option<i64>,
    batch_1_day_max_input_tokens: Option<i64>,
}

impl RateRow {
    fn limit(self) -> OfProject<RateLimit> {
        let figure = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
        let rates = Rates {
            max_requests_per_1_minute: figure(self.max_requests_per_1_minute),
            max_tokens_per_1_minute: figure(self.max_tokens_per_1_minute),
            max_requests_per_1_day: figure(self.max_requests_per_1_day),
            max_tokens_per_1_day: figure(self.max_tokens_per_1_day),
            max_images_per_1_minute: figure(self.max_images_per_1_minute),
            max_audio_megabytes_per_1_minute: figure(self.max_audio_megabytes_per_1_minute),
            batch_1_day_max_input_tokens: figure(self.batch_1_day_max_input_tokens),
        };
        OfProject { id: self.scope_id, name: self.scope_name, value: RateLimit { model: self.model, rates } }
    }
}

const RATES: &str = "SELECT r.scope_id, COALESCE(p.name, '') AS scope_name, r.model, r.max_requests_per_1_minute, \
     r.max_tokens_per_1_minute, r.max_requests_per_1_day, r.max_tokens_per_1_day, r.max_images_per_1_minute, \
     r.max_audio_megabytes_per_1_minute, r.batch_1_day_max_input_tokens \
     FROM rate_limit r LEFT JOIN project p ON p.id = r.scope_id ";

/// A stored list of models; `None` is all of them.
pub(crate) fn models(text: Option<&str>) -> Result<Models, StoreError> {
    let unreadable = |error| StoreError::Corrupt(format!("the list of models {text:?} ({error})"));
    text.map(|text| serde_json::from_str(text).map_err(unreadable)).transpose()
}

impl Store {
    /// The models that a scope may use by its own list.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn models(&self, scope: &Scope) -> Result<Models, StoreError> {
        let row: Option<(Option<String>,)> = on_read!(self, db => {
            sqlx::query_as("SELECT models FROM limits WHERE scope_id = $1").bind(scope.id()).fetch_optional(db).await
        })?;
        models(row.and_then(|row| row.0).as_deref())
    }

    /// All rate limits, each with the id of its scope.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn all_rate_limits(&self) -> Result<Vec<(String, RateLimit)>, StoreError> {
        let rows: Vec<RateRow> = on_read!(self, db => sqlx::query_as(RATES).fetch_all(db).await)?;
        Ok(rows.into_iter().map(RateRow::limit).map(|limit| (limit.id, limit.value)).collect())
    }

    /// The rate limits of a scope, by model.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn rate_limits(&self, scope: &Scope) -> Result<Vec<RateLimit>, StoreError> {
        let sql = format!("{RATES} WHERE r.scope_id = $1 ORDER BY r.model");
        let rows: Vec<RateRow> = on_read!(self, db => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(scope.id()).fetch_all(db).await
        })?;
        Ok(rows.into_iter().map(|row| row.limit().value).collect())
    }
}

impl Tx {
    /// The models that a scope may use by its own list, as this transaction sees it.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn models(&mut self, scope: &Scope) -> Result<Models, StoreError> {
        let row: Option<(Option<String>,)> = in_tx!(self, db => {
            sqlx::query_as("SELECT models FROM limits WHERE scope_id = $1").bind(scope.id()).fetch_optional(db).await
        })?;
        models(row.and_then(|row| row.0).as_deref())
    }

    /// The lists of an organization's active projects that have one.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn project_models(&mut self, organization_id: &str) -> Result<Vec<OfProject<Models>>, StoreError> {
        let rows: Vec<(String, String, String)> = in_tx!(self, db => {
            sqlx::query_as(
                "SELECT p.id, p.name, l.models FROM limits l JOIN project p ON p.id = l.scope_id \
                 WHERE p.organization_id = $1 AND p.status = 'active' AND l.models IS NOT NULL ORDER BY p.name",
            )
            .bind(organization_id)
            .fetch_all(db)
            .await
        })?;
        rows.into_iter().map(|(id, name, list)| Ok(OfProject { id, name, value: models(Some(&list))? })).collect()
    }

    /// Sets the list of models of a scope.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn set_models(&mut self, scope: &Scope, models: &Models) -> Result<(), StoreError> {
        let text = models.as_ref().map(|models| serde_json::json!(models).to_string());
        in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO limits (scope_id, organization_id, models) VALUES ($1, $2, $3) \
                 ON CONFLICT (scope_id) DO UPDATE SET models = excluded.models",
            )
            .bind(scope.id()).bind(scope.organization_id()).bind(text)
            .execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// The rate limits of a scope, by model, as this transaction sees them.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn rate_limits(&mut self, scope: &Scope) -> Result<Vec<RateLimit>, StoreError> {
        let scope_id = Conditions::default().text("r.scope_id = {}", Some(scope.id()));
        Ok(self.list_rates(scope_id).await?.into_iter().map(|limit| limit.value).collect())
    }

    /// The rate limits of an organization's active projects.
    ///
    /// # Errors
    /// When the store cannot be read.
    #[boxed]
    pub async fn project_rate_limits(
        &mut self,
        organization_id: &str,
    ) -> Result<Vec<OfProject<RateLimit>>, StoreError> {
        let of_projects =
            Conditions::default().text("r.organization_id = {}", Some(organization_id)).fixed("p.status = 'active'");
        self.list_rates(of_projects).await
    }

    async fn list_rates(&mut self, conditions: Conditions) -> Result<Vec<OfProject<RateLimit>>, StoreError> {
        let (conditions, texts) = conditions.parts();
        let sql = format!("{RATES} {conditions} ORDER BY p.name, r.model");
        let rows: Vec<RateRow> = rows_of!(in_tx, self, sql, texts)?;
        Ok(rows.into_iter().map(RateRow::limit).collect())
    }

    /// Sets the rate limits of one model; none at all take the row away.
    ///
    /// # Errors
    /// When the store cannot be written.
    #[boxed]
    pub async fn set_rate_limit(&mut self, scope: &Scope, limit: &RateLimit) -> Result<(), StoreError> {
        in_tx!(self, db => {
            sqlx::query("DELETE FROM rate_limit WHERE scope_id = $1 AND model = $2")
                .bind(scope.id()).bind(&limit.model).execute(db).await.map(drop)
        })?;
        if limit.rates.is_empty() {
            return Ok(());
        }
        let figure = |value: Option<u64>| value.map(|value| i64::try_from(value).unwrap_or(i64::MAX));
        let rates = &limit.rates;
        in_tx!(self, db => {
            sqlx::query(
                "INSERT INTO rate_limit (scope_id, organization_id, model, max_requests_per_1_minute, \
                 max_tokens_per_1_minute, max_requests_per_1_day, max_tokens_per_1_day, max_images_per_1_minute, \
                 max_audio_megabytes_per_1_minute, batch_1_day_max_input_tokens) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            )
            .bind(scope.id()).bind(scope.organization_id()).bind(&limit.model)
            .bind(figure(rates.max_requests_per_1_minute)).bind(figure(rates.max_tokens_per_1_minute))
            .bind(figure(rates.max_requests_per_1_day)).bind(figure(rates.max_tokens_per_1_day))
            .bind(figure(rates.max_images_per_1_minute)).bind(figure(rates.max_audio_megabytes_per_1_minute))
            .bind(figure(rates.batch_1_day_max_input_tokens))
            .execute(db).await.map(drop)
        })?;
        Ok(())
    }
}
