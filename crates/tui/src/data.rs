//! What the screens ask and what they are told. A screen names its questions; it never sees the store.

use futures_util::future::BoxFuture;
use mete_control::{ControlError, ListedProjects, View};
use mete_core::Month;
use mete_core::actor::{Actor, Who};
use mete_core::directory::{ApiKey, OrganizationView, ProjectView};
use mete_core::rights::Action;

use mete_store::{Alert, AlertFilter, KeyFilter, SpendBy, SpendRow, Store, StoreError, Versions};

/// One read of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// All organizations with a month's figures.
    Organizations(Month),
    /// Projects with a month's figures.
    Projects {
        /// The organization's id; those of all if there is none.
        organization_id: Option<String>,
        /// The month.
        month: Month,
    },
    /// API keys.
    Keys(KeyFilter),
    /// Spend of a project, divided by something.
    Spend {
        /// The project's id.
        project_id: String,
        /// The month.
        month: Month,
        /// What one row is.
        by: SpendBy,
    },
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
    /// To [`Query::Spend`], with what it was divided by; nothing for somebody who may not see it (R6).
    Spend(SpendBy, Option<Vec<SpendRow>>),
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

    /// Whose eyes it is seen with: `operator`, or an e-mail address (R45).
    fn actor(&self) -> String;
}

impl From<StoreError> for QueryFailed {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

impl From<ControlError> for QueryFailed {
    fn from(error: ControlError) -> Self {
        Self(error.to_string())
    }
}

/// The store as far as an actor may see it. Each answer looks anew at what that is: roles change meanwhile.
pub struct Seen {
    /// The store.
    pub store: Store,
    /// Who looks.
    pub actor: Actor,
}

impl Seen {
    async fn answer(&self, query: Query) -> Result<Answer, ControlError> {
        let view = View::new(&self.store, &self.actor).await?;
        Ok(match query {
            Query::Organizations(month) => Answer::Organizations(view.organizations(month).await?),
            Query::Projects { organization_id, month } => {
                let wanted = ListedProjects { organization_id: organization_id.as_deref(), status: None };
                Answer::Projects(view.projects(wanted, month).await?)
            }
            Query::Keys(filter) => Answer::Keys(view.keys(&filter).await?),
            Query::Spend { project_id, month, by } => {
                let project = view.project(None, &project_id).await?;
                let rows = match view.sight().may(Action::SeeSpend, &project) {
                    true => Some(view.spend((None, Some(&project)), (month, by)).await?),
                    false => None,
                };
                Answer::Spend(by, rows)
            }
            Query::Alerts(filter) => Answer::Alerts(view.alerts(&filter).await?),
        })
    }
}

impl DataSource for Seen {
    fn ask(&self, query: Query) -> BoxFuture<'_, Result<Answer, QueryFailed>> {
        Box::pin(async move { Ok(self.answer(query).await?) })
    }

    fn versions(&self) -> BoxFuture<'_, Result<Versions, QueryFailed>> {
        Box::pin(async move { Ok(self.store.versions().await?) })
    }

    fn describe(&self) -> String {
        self.store.describe()
    }

    fn actor(&self) -> String {
        match self.actor.who {
            Who::Operator => "operator".to_owned(),
            _ => self.actor.name().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use mete_control::{Control, NewKeyInput, NewOrganizationInput, NewProjectInput};
    use mete_core::actor::Origin;
    use mete_core::{ManualClock, Nanos};
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::samples::now;

    fn operator() -> Actor {
        Actor::operator(Origin { os_user: "pat".to_owned(), host: "here".to_owned() })
    }

    /// Acme with Dana as its owner, and two projects: Support with a key of Kim's and one of Dana's, and Search.
    async fn acme(folder: &tempfile::TempDir) -> (Store, Actor) {
        let url = format!("sqlite:{}", folder.path().join("mete.db").display()).parse().unwrap();
        let mut random = StdRng::seed_from_u64(3);
        let store = Store::create(&url, &mut random).await.unwrap();
        let clock = ManualClock::new(now());
        let control = Control::new(&store, &clock, &mut random);
        let operator = operator();
        let acme = NewOrganizationInput { name: "Acme".to_owned(), owner: "dana@acme.test".to_owned(), parent: None };
        control.init(&operator, &acme).await.unwrap();
        for name in ["Support", "Search"] {
            control.create_project(&operator, &NewProjectInput::named("Acme", name)).await.unwrap();
        }
        for email in ["kim@acme.test", "dana@acme.test"] {
            control.create_key(&operator, &NewKeyInput::for_person("Support", email)).await.unwrap();
        }
        let kim = control.person("kim@acme.test", operator.origin.clone()).await.unwrap();
        (store, kim)
    }

    /// What an actor is told of everything.
    async fn told(seen: &Seen) -> (Vec<OrganizationView>, Vec<ProjectView>, Vec<ApiKey>, Option<Vec<SpendRow>>) {
        let month = now().month();
        let Ok(Answer::Organizations(organizations)) = seen.ask(Query::Organizations(month)).await else { panic!() };
        let organization_id = Some(organizations[0].organization.id.clone());
        let Ok(Answer::Projects(projects)) = seen.ask(Query::Projects { organization_id, month }).await else {
            panic!()
        };
        let Ok(Answer::Keys(keys)) = seen.ask(Query::Keys(KeyFilter::default())).await else { panic!() };
        let project_id = keys[0].project_id.clone();
        let spend = Query::Spend { project_id, month, by: SpendBy::Model };
        let Ok(Answer::Spend(SpendBy::Model, spend)) = seen.ask(spend).await else { panic!() };
        assert_eq!(seen.ask(Query::Alerts(AlertFilter::default())).await, Ok(Answer::Alerts(Vec::new())));
        (organizations, projects, keys, spend)
    }

    #[tokio::test]
    async fn r6_the_screens_are_told_what_the_actor_may_see() {
        let folder = tempfile::tempdir().unwrap();
        let (store, kim) = acme(&folder).await;
        let names = |views: &[ProjectView]| views.iter().map(|view| view.project.name.clone()).collect::<Vec<_>>();

        let (organizations, projects, keys, spend) = told(&Seen { store: store.clone(), actor: operator() }).await;
        assert_eq!(names(&projects), ["Default project", "Search", "Support"]);
        assert_eq!((organizations[0].spend, organizations[0].active_projects, keys.len()), (Some(Nanos::ZERO), 2, 2));
        assert_eq!(spend, Some(Vec::new()));

        let (organizations, projects, keys, spend) = told(&Seen { store, actor: kim }).await;
        assert_eq!(names(&projects), ["Default project", "Support"]);
        assert_eq!((organizations[0].spend, organizations[0].active_projects, keys.len()), (None, 1, 1));
        assert!(spend.is_none() && projects.iter().all(|view| view.spend.is_none() && view.requests.is_none()));
    }

    #[tokio::test]
    async fn the_header_names_the_store_and_the_actor() {
        let folder = tempfile::tempdir().unwrap();
        let (store, kim) = acme(&folder).await;
        let source = Seen { store: store.clone(), actor: kim };
        assert_eq!((source.describe(), source.actor()), ("sqlite mete.db".to_owned(), "kim@acme.test".to_owned()));
        assert_eq!(source.versions().await, source.versions().await);
        let source = Seen { store: store.clone(), actor: operator() };
        assert_eq!(source.actor(), "operator");
        store.close().await;
        let failed = source.ask(Query::Organizations(now().month())).await.unwrap_err();
        assert!(failed.to_string().contains("store"), "{failed}");
    }
}
