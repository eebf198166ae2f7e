//! Answers from the store, as far as an actor may see it.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use mete_control::{ControlError, ListedProjects, View};
use mete_core::actor::{Actor, Who};
use mete_core::directory::{Organization, Project};
use mete_core::rights::Action;
use mete_core::{Clock, Nanos};
use mete_store::{AuditFilter, EventFilter, Paging, Scope, Span, Store, Versions};

use super::{Answer, COURSE, DataSource, NEWEST, ProjectLimits, Query, QueryFailed};
use crate::explaining::Explaining;

/// Projects that a pulse has at most.
const PULSE_PROJECTS: usize = 40;

/// The store as far as an actor may see it. Each answer looks anew at what that is: roles change meanwhile.
pub struct Seen {
    /// The store.
    pub store: Store,
    /// Who looks.
    pub actor: Actor,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// How decisions are explained, where that is known.
    pub explaining: Option<Explaining>,
}

impl Seen {
    async fn answer(&self, query: Query) -> Result<Answer, ControlError> {
        let view = View::new(&self.store, &self.actor).await?;
        Ok(match query {
            Query::Pulse(month) => {
                Answer::Pulse(Box::new(view.pulse_of(None, month, (self.clock.now(), PULSE_PROJECTS)).await?))
            }
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
            Query::KeyPage(wanted, paging) => Answer::KeyPage(view.key_page(&wanted, &paging).await?),
            Query::MemberPage { organization_id, ordered, paging } => {
                let organization = view.organization(&organization_id).await?;
                Answer::MemberPage(view.member_page(&organization, ordered, &paging).await?)
            }
            Query::InvitePage(organization_id, paging) => {
                let organization = named(&view, organization_id).await?;
                Answer::InvitePage(view.invite_page(organization.as_ref(), &paging, self.clock.now()).await?)
            }
            Query::AlertPage(filter, paging) => Answer::AlertPage(view.alert_page(&filter, &paging).await?),
            Query::Refusals(organization_id) => {
                let organization = named(&view, organization_id).await?;
                let mut refused = Vec::new();
                for refusal in view.refusals(organization.as_ref(), self.clock.now()).await? {
                    // deleted meanwhile, it is on no key any more
                    let key = if refusal.scope == "key" { view.key(&refusal.scope_id).await.ok() } else { None };
                    refused.push((refusal, key));
                }
                Answer::Refusals(refused)
            }
            Query::AuditPage(mut filter, paging) => {
                let organization = named(&view, filter.organization_id.take()).await?;
                let project = match filter.project_id.take() {
                    Some(id) => Some(view.project(None, &id).await?),
                    None => None,
                };
                let within = (organization.as_ref(), project.as_ref());
                Answer::AuditPage(view.audit_page(within, &filter, &paging).await?)
            }
            Query::Explain(_) => Answer::Explained(None),
            Query::Course { project_id, key_id } => {
                let project = view.project(None, &project_id).await?;
                Answer::Course(permitted(self.course(&view, &project, key_id).await)?)
            }
            Query::Outlook(project_id) => {
                let project = view.project(None, &project_id).await?;
                let outlooks = permitted(view.outlooks((None, Some(&project)), self.clock.now()).await)?;
                Answer::Outlook(outlooks.and_then(|outlooks| outlooks.first().map(|it| it.outlook)))
            }
            Query::Members(project_id) => {
                let project = view.project(None, &project_id).await?;
                Answer::Members(view.project_members(&project).await?)
            }
            Query::ProjectLimits { project_id, month } => {
                let project = view.project(None, &project_id).await?;
                let own = Scope::project(&project.id, &project.organization_id);
                let (models, rates) = view.models_and_rates(&own).await?;
                let above = Scope::organization(&project.organization_id);
                let (organization_models, organization_rates) = view.models_and_rates(&above).await?;
                let parts = view.part_budgets(&project, month).await?;
                Answer::ProjectLimits(ProjectLimits { models, organization_models, rates, organization_rates, parts })
            }
            Query::Resources(project_id) => {
                let project = view.project(None, &project_id).await?;
                Answer::Resources(view.resources(&project, (None, Some(NEWEST.into()))).await?)
            }
            Query::Audit(project_id) => {
                let project = view.project(None, &project_id).await?;
                let (filter, paging) = (AuditFilter::default(), Paging::first(NEWEST));
                let page = view.audit_page((None, Some(&project)), &filter, &paging).await;
                Answer::Audit(permitted(page)?.map(|page| page.rows))
            }
            Query::Sources(month) => {
                let (since, _) = month.previous().days();
                let (days, files) = view.source_report(since).await?;
                Answer::Sources(days, files)
            }
            Query::QuarantineCounts => Answer::QuarantineCounts(view.quarantine_counts().await?),
            Query::QuarantinePage(filter, paging) => {
                Answer::QuarantinePage(view.quarantine_page(&filter, &paging).await?)
            }
            Query::QuarantineEntry(id) => Answer::QuarantineEntry(view.quarantine_entry(id).await?.map(Box::new)),
            Query::Events { organization_id, project_id, before, limit } => {
                let organization = named(&view, organization_id).await?;
                let project = match project_id {
                    Some(id) => Some(view.project(None, &id).await?),
                    None => None,
                };
                let within = (organization.as_ref(), project.as_ref());
                Answer::Events(view.event_page(within, (&EventFilter::default(), before), limit).await?)
            }
            Query::Settings => Answer::Settings(view.settings().await?),
        })
    }

    /// The last hours of a project or a key of it.
    async fn course(
        &self,
        view: &View<'_>,
        project: &Project,
        key_id: Option<String>,
    ) -> Result<(i64, Vec<Nanos>), ControlError> {
        let present = self.clock.now().hour();
        let (first, span) = (present + 1 - COURSE, Span::Hours(present + 1 - COURSE, present));
        let points = match key_id {
            Some(key_id) => view.key_course(&key_id, span).await?,
            None => view.course((None, Some(project)), span).await?,
        };
        let spent = |hour| points.iter().find(|point| point.at == hour).map_or(Nanos::ZERO, |point| point.spend);
        Ok((present, (first..=present).map(spent).collect()))
    }
}

/// What was read; nothing for somebody who may not see it.
fn permitted<T>(read: Result<T, ControlError>) -> Result<Option<T>, ControlError> {
    match read {
        Err(error) if error.code() == "not_permitted" => Ok(None),
        read => read.map(Some),
    }
}

/// The organization with an id, if there is one to look for.
async fn named(view: &View<'_>, id: Option<String>) -> Result<Option<Organization>, ControlError> {
    match id {
        Some(id) => Ok(Some(view.organization(&id).await?)),
        None => Ok(None),
    }
}

impl DataSource for Seen {
    fn ask(&self, query: Query) -> BoxFuture<'_, Result<Answer, QueryFailed>> {
        match (query, &self.explaining) {
            (Query::Explain(asked), Some(explaining)) => {
                let told = explaining.explain(asked);
                Box::pin(async move { Ok(Answer::Explained(Some(Box::new(told.await.map_err(QueryFailed)?)))) })
            }
            (query, _) => Box::pin(async move { Ok(self.answer(query).await?) }),
        }
    }

    fn versions(&self) -> BoxFuture<'_, Result<Versions, QueryFailed>> {
        Box::pin(async move {
            self.store.check_place()?;
            Ok(self.store.versions().await?)
        })
    }

    fn describe(&self) -> String {
        self.store.url().describe()
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
    use mete_core::ManualClock;
    use mete_core::actor::Origin;
    use mete_core::directory::{ApiKey, OrganizationView, ProjectView};
    use mete_store::{AlertFilter, KeyFilter, KeyQuery, MemberOrder, SpendBy, SpendRow};
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::samples::now;

    fn operator() -> Actor {
        Actor::operator(Origin { os_user: "pat".to_owned(), host: "here".to_owned() })
    }

    fn seen(store: &Store, actor: Actor) -> Seen {
        Seen { store: store.clone(), actor, clock: Arc::new(ManualClock::new(now())), explaining: None }
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

        let (organizations, projects, keys, spend) = told(&seen(&store, operator())).await;
        assert_eq!(names(&projects), ["Default project", "Search", "Support"]);
        assert_eq!((organizations[0].spend, organizations[0].active_projects, keys.len()), (Some(Nanos::ZERO), 2, 2));
        assert_eq!(spend, Some(Vec::new()));

        let (organizations, projects, keys, spend) = told(&seen(&store, kim)).await;
        assert_eq!(names(&projects), ["Default project", "Support"]);
        assert_eq!((organizations[0].spend, organizations[0].active_projects, keys.len()), (None, 1, 1));
        assert!(spend.is_none() && projects.iter().all(|view| view.spend.is_none() && view.requests.is_none()));
    }

    #[tokio::test]
    async fn r6_pages_hold_what_the_actor_may_see() {
        let folder = tempfile::tempdir().unwrap();
        let (store, kim) = acme(&folder).await;
        let month = now().month();
        let acme = store.organization_records().await.unwrap().remove(0).id;
        let keys = KeyQuery {
            reaches: Vec::new(),
            organization_id: None,
            project_id: None,
            owner_id: None,
            status: None,
            text: Some("SUPP".to_owned()),
            order: mete_store::KeyOrder::LastUsed,
            month,
        };
        let first = || Paging::first(10);
        let (operator, kim) = (seen(&store, operator()), seen(&store, kim));
        for (seen, counted, spend) in [(&operator, 2, Some(Nanos::ZERO)), (&kim, 1, None)] {
            let Ok(Answer::KeyPage(page)) = seen.ask(Query::KeyPage(Box::new(keys.clone()), first())).await else {
                panic!()
            };
            assert_eq!((page.rows.len(), page.rows[0].spend), (counted, spend));
            assert_eq!(seen.ask(Query::Refusals(Some(acme.clone()))).await, Ok(Answer::Refusals(Vec::new())));
        }
        let members =
            |order| Query::MemberPage { organization_id: acme.clone(), ordered: (order, month), paging: first() };
        for order in [MemberOrder::Name, MemberOrder::Spend] {
            let Ok(Answer::MemberPage(page)) = operator.ask(members(order)).await else { panic!() };
            let told: Vec<_> = page
                .rows
                .iter()
                .map(|it| (it.member.email.as_deref(), it.active_keys, it.projects, it.last_used_at))
                .collect();
            assert!(told.contains(&(Some("kim@acme.test"), 1, 1, None)) && told.len() == 2, "{told:?}");
        }
        let entries = |text: &str| {
            let filter = AuditFilter { text: Some(text.to_owned()), ..AuditFilter::default() };
            Query::AuditPage(Box::new(filter), first())
        };
        let Ok(Answer::AuditPage(page)) = operator.ask(entries("SEARCH")).await else { panic!() };
        assert_eq!(page.rows.iter().map(|it| it.record.action.as_str()).collect::<Vec<_>>(), ["project.created"]);
        let Ok(Answer::InvitePage(page)) = operator.ask(Query::InvitePage(None, first())).await else { panic!() };
        assert!(page.rows.iter().all(|invite| invite.organization_id == acme));
        let hidden = [members(MemberOrder::Name), Query::InvitePage(Some(acme.clone()), first()), entries("")];
        for query in hidden {
            let refused = kim.ask(query.clone()).await.unwrap_err();
            assert!(refused.0.contains("may not"), "{query:?} {refused}");
        }
    }

    #[tokio::test]
    async fn the_header_names_the_store_and_the_actor() {
        let folder = tempfile::tempdir().unwrap();
        let (store, kim) = acme(&folder).await;
        let source = seen(&store, kim);
        assert_eq!((source.describe(), source.actor()), ("sqlite mete.db".to_owned(), "kim@acme.test".to_owned()));
        assert_eq!(source.versions().await, source.versions().await);
        let source = seen(&store, operator());
        assert_eq!(source.actor(), "operator");
        store.close().await;
        let failed = source.ask(Query::Organizations(now().month())).await.unwrap_err();
        assert!(failed.to_string().contains("store"), "{failed}");
    }
}
