//! What the screens ask and what they are told. A screen names its questions; it never sees the store.

mod seen;

use futures_util::future::BoxFuture;
use mete_control::{ControlError, Outlook, Pulse, SeenPart, SeenResource};
use mete_core::audit::AuditEntry;
use mete_core::directory::{ApiKey, OrganizationView, ProjectView};
use mete_core::people::{Invite, Member};
use mete_core::rates::{Models, RateLimit};
use mete_core::{Month, Nanos};
use mete_store::{
    Alert, AlertFilter, AuditFilter, EventPage, EventPlace, KeyFilter, KeyLine, KeyQuery, MemberLine, MemberOrder,
    Page, Paging, QuarantineCount, QuarantineFilter, QuarantineRow, Refusal, Setting, SourceDay, SourceFile, SpendBy,
    SpendRow, StoreError, Versions,
};
pub use seen::Seen;

use crate::explaining::{Asked, Explained};

/// Hours of a course.
pub const COURSE: i64 = 24;
/// So many of the newest are shown of lists that grow without end.
pub const NEWEST: u32 = 500;

/// One read of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// What a month is at now, and what needs somebody.
    Pulse(Month),
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
    /// Some of the keys; what may be seen of them is found out.
    KeyPage(Box<KeyQuery>, Paging),
    /// Some of everybody in an organization, with a month's figures.
    MemberPage {
        /// The organization's id.
        organization_id: String,
        /// The order, and the month.
        ordered: (MemberOrder, Month),
        /// Which of them.
        paging: Paging,
    },
    /// Some invites, newest first, of an organization or of all.
    InvitePage(Option<String>, Paging),
    /// Some alerts, newest first.
    AlertPage(AlertFilter, Paging),
    /// Who is refused now, in an organization or in all.
    Refusals(Option<String>),
    /// Some entries of the audit log, newest first; of the filter's organization and project.
    AuditPage(Box<AuditFilter>, Paging),
    /// Why a key or a project is let through or refused.
    Explain(Asked),
    /// What was spent in each of the last hours, as many as [`COURSE`] says.
    Course {
        /// The project's id.
        project_id: String,
        /// Of this key of it alone.
        key_id: Option<String>,
    },
    /// What the present month of a project will come to.
    Outlook(String),
    /// Everybody in a project.
    Members(String),
    /// What a project may do.
    ProjectLimits {
        /// The project's id.
        project_id: String,
        /// The month of the spend within it.
        month: Month,
    },
    /// The resources of a project, those seen last first.
    Resources(String),
    /// The newest entries of the audit log about a project.
    Audit(String),
    /// What came from sources in a month, and in the one before; how far files are read.
    Sources(Month),
    /// How much is and was in the quarantine.
    QuarantineCounts,
    /// Some entries of the quarantine, newest first.
    QuarantinePage(QuarantineFilter, Paging),
    /// One entry of the quarantine.
    QuarantineEntry(i64),
    /// Some events, newest first.
    Events {
        /// Of this organization; of all if there is none.
        organization_id: Option<String>,
        /// Of this project; of all if there is none.
        project_id: Option<String>,
        /// Before this place; the newest if there is none.
        before: Option<EventPlace>,
        /// At most so many.
        limit: usize,
    },
    /// The settings of the deployment.
    Settings,
}

/// What a project may do besides its own budget.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectLimits {
    /// The models that it may use; none is every one.
    pub models: Models,
    /// Those that its organization may use.
    pub organization_models: Models,
    /// Its rate limits.
    pub rates: Vec<RateLimit>,
    /// Those of its organization.
    pub organization_rates: Vec<RateLimit>,
    /// The budgets of models, members and keys within it.
    pub parts: Vec<SeenPart>,
}

/// The answer to a [`Query`] of the same name.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To [`Query::Pulse`].
    Pulse(Box<Pulse>),
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
    /// To [`Query::KeyPage`].
    KeyPage(Page<KeyLine>),
    /// To [`Query::MemberPage`].
    MemberPage(Page<MemberLine>),
    /// To [`Query::InvitePage`].
    InvitePage(Page<Invite>),
    /// To [`Query::AlertPage`].
    AlertPage(Page<Alert>),
    /// To [`Query::Refusals`], each with the key that it is on, if it is on one.
    Refusals(Vec<(Refusal, Option<ApiKey>)>),
    /// To [`Query::AuditPage`].
    AuditPage(Page<AuditEntry>),
    /// To [`Query::Explain`]; nothing where nobody knows how.
    Explained(Option<Box<Explained>>),
    /// To [`Query::Course`]: the present hour since 1970, and the spend of each, the oldest first; nothing for somebody who
    /// may not see it (R6).
    Course(Option<(i64, Vec<Nanos>)>),
    /// To [`Query::Outlook`]; as with the course.
    Outlook(Option<Outlook>),
    /// To [`Query::Members`].
    Members(Vec<Member>),
    /// To [`Query::ProjectLimits`].
    ProjectLimits(ProjectLimits),
    /// To [`Query::Resources`].
    Resources(Vec<SeenResource>),
    /// To [`Query::Audit`]; nothing for somebody who may not read it (R6).
    Audit(Option<Vec<AuditEntry>>),
    /// To [`Query::Sources`]: days by source, the newest first, and files.
    Sources(Vec<SourceDay>, Vec<SourceFile>),
    /// To [`Query::QuarantineCounts`].
    QuarantineCounts(Vec<QuarantineCount>),
    /// To [`Query::QuarantinePage`].
    QuarantinePage(Page<QuarantineRow>),
    /// To [`Query::QuarantineEntry`]; nothing once it has left.
    QuarantineEntry(Option<Box<QuarantineRow>>),
    /// To [`Query::Events`].
    Events(EventPage),
    /// To [`Query::Settings`].
    Settings(Vec<(Setting, i64)>),
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
