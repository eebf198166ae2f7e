//! What the screens ask and what they are told. A screen names its questions; it never sees the store.

use futures_util::future::BoxFuture;
use mete_core::Month;
use mete_core::directory::{ApiKey, OrganizationView, ProjectView};

use mete_store::{Alert, AlertFilter, KeyFilter, SpendBy, SpendQuery, SpendRow, Store, StoreError, Versions};

/// One read of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// All organizations with a month's figures.
    Organizations(Month),
    /// The projects of one organization with a month's figures.
    Projects {
        /// The organization's id.
        organization_id: String,
        /// The month.
        month: Month,
    },
    /// API keys.
    Keys(KeyFilter),
    /// Spend, divided by something.
    Spend(SpendQuery),
    /// Alerts, newest first.
    Alerts(AlertFilter),
}

/// The answer to a [`Query`] of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Query::Organizations`].
    Organizations(Vec<OrganizationView>),
    /// To [`Query::Projects`].
    Projects(Vec<ProjectView>),
    /// To [`Query::Keys`].
    Keys(Vec<ApiKey>),
    /// To [`Query::Spend`], with what it was divided by.
    Spend(SpendBy, Vec<SpendRow>),
    /// To [`Query::Alerts`].
    Alerts(Vec<Alert>),
}

/// A read that did not work: what was wrong, where, and what to do, in the store's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QueryFailed(pub String);

/// Where the figures come from: the store, or a test.
pub trait DataSource: Send + Sync + 'static {
    /// Answers one query.
    ///
    /// # Errors
    /// In words for the person at the screen.
    fn ask(&self, query: Query) -> BoxFuture<'_, Result<Answer, QueryFailed>>;

    /// Numbers that move whenever something that a screen shows has changed. Cheap: it is asked twice a second.
    ///
    /// # Errors
    /// In words for the person at the screen.
    fn versions(&self) -> BoxFuture<'_, Result<Versions, QueryFailed>>;

    /// The store's kind and name, without a password: `sqlite mete.db`.
    fn describe(&self) -> String;
}

impl From<StoreError> for QueryFailed {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

impl DataSource for Store {
    fn ask(&self, query: Query) -> BoxFuture<'_, Result<Answer, QueryFailed>> {
        Box::pin(async move {
            Ok(match query {
                Query::Organizations(month) => Answer::Organizations(self.organizations(month).await?),
                Query::Projects { organization_id, month } => {
                    Answer::Projects(self.projects(Some(&organization_id), month).await?)
                }
                Query::Keys(filter) => Answer::Keys(self.keys(&filter).await?),
                Query::Spend(query) => Answer::Spend(query.by, self.spend(&query).await?),
                Query::Alerts(filter) => Answer::Alerts(self.alerts(&filter).await?),
            })
        })
    }

    fn versions(&self) -> BoxFuture<'_, Result<Versions, QueryFailed>> {
        Box::pin(async move { Ok(self.versions().await?) })
    }

    fn describe(&self) -> String {
        self.describe()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[tokio::test]
    async fn a_store_answers_every_query_with_its_own_kind_of_answer() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("mete.db").display()).parse().unwrap();
        let store = Store::create(&url, &mut rand::rngs::StdRng::seed_from_u64(3)).await.unwrap();
        let source: &dyn DataSource = &store;
        let month = crate::samples::now().month();
        let spend = SpendQuery { organization_id: None, project_id: None, month, by: SpendBy::Model };
        for (query, answer) in [
            (Query::Organizations(month), Answer::Organizations(Vec::new())),
            (Query::Projects { organization_id: "org-1".to_owned(), month }, Answer::Projects(Vec::new())),
            (Query::Keys(KeyFilter::default()), Answer::Keys(Vec::new())),
            (Query::Spend(spend), Answer::Spend(SpendBy::Model, Vec::new())),
            (Query::Alerts(AlertFilter::default()), Answer::Alerts(Vec::new())),
        ] {
            assert_eq!(source.ask(query).await, Ok(answer));
        }
        assert_eq!(source.versions().await, source.versions().await);
        assert_eq!(source.describe(), "sqlite mete.db");
        store.close().await;
        let failed = source.ask(Query::Organizations(month)).await.unwrap_err();
        assert!(failed.to_string().contains("store"), "{failed}");
    }
}
