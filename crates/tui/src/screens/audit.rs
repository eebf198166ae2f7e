//! The audit log, newest first: of everything, an organization, a project, about one thing or by one person (R42).

use std::collections::HashMap;

use mete_core::audit::{AuditEntry, AuditOutcome, Link};
use mete_core::directory::{OrganizationView, Project, ProjectView};
use mete_core::{Month, Timestamp};
use mete_store::{AuditFilter, Page};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::entry::{Chained, Changed, EntryScreen, changed};
use super::{Screen, cells};
use crate::actions::Action;
use crate::data::{Answer, Query};
use crate::look::Look;
use crate::outcome::Outcome;
use crate::paged::Paged;
use crate::piece::{Piece, piece};
use crate::table::{Column, Figure, List, Row};
use crate::theme::Tone;

const EMPTY: &str = "Nothing is written down here. Every change and every refused one is, from the first on.";

/// The list of entries.
pub struct Audit {
    crumb: String,
    filter: AuditFilter,
    list: Paged<EntryRow>,
}

struct EntryRow {
    id: String,
    entry: AuditEntry,
    chained: Chained,
    /// What it changed and why, in a line.
    change: String,
}

impl Row for EntryRow {
    fn id(&self) -> &str {
        &self.id
    }

    fn searched(&self) -> String {
        let record = &self.entry.record;
        let (who, what, target) = (&record.actor_name, &record.action, &record.target_name);
        format!("{who} {what} {target} {} {} {}", record.target_id, record.host, self.change)
    }

    fn is_fault(&self) -> bool {
        self.chained == Chained::Broken || self.entry.record.outcome == AuditOutcome::Refused
    }
}

type Col = Column<EntryRow>;

static COLUMNS: [Col; 7] = [
    Col::numbers(
        "WHEN",
        7,
        |row, slot| cells::age(Some(row.entry.record.at), slot),
        Figure::Time(|row| Some(row.entry.record.at)),
    )
    .ordered(|a, b| {
        let place = |row: &EntryRow| (row.entry.record.at, row.entry.record.organization_id.clone(), row.entry.seq);
        place(a).cmp(&place(b))
    })
    .growing(11)
    .kept(),
    Col::words(
        "WHO",
        14,
        |row, _| cells::words(&row.entry.record.actor_name, Tone::Plain),
        |a, b| cells::by_letters(&a.entry.record.actor_name, &b.entry.record.actor_name),
    )
    .growing(28)
    .kept(),
    Col::words("WHAT", 17, |row, _| row.what(), |a, b| a.entry.record.action.cmp(&b.entry.record.action))
        .growing(24)
        .kept(),
    Col::words(
        "TARGET",
        13,
        |row, _| cells::words(&row.entry.record.target_name, Tone::Strong),
        |a, b| cells::by_letters(&a.entry.record.target_name, &b.entry.record.target_name),
    )
    .growing(24),
    Col::words("CHANGE", 10, |row, _| cells::words(&row.change, Tone::Plain), |a, b| a.change.cmp(&b.change))
        .growing(60),
    Col::words(
        "FROM",
        12,
        |row, _| cells::words(&row.entry.record.host, Tone::Dim),
        |a, b| a.entry.record.host.cmp(&b.entry.record.host),
    ),
    Col::words(
        "CHAIN",
        5,
        |row, _| {
            let (text, tone) = row.chained.look();
            cells::words(text, tone)
        },
        |a, b| (a.chained == Chained::Broken).cmp(&(b.chained == Chained::Broken)),
    )
    .kept(),
];
/// What it offers of its own.
pub(super) const ACTIONS: &[Action] = &[Action::Open, Action::Owner, Action::Audit, Action::Faults];

/// The names of its columns.
pub(super) fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

/// The store has them in this order alone: the newest first.
const ORDERS: &[usize] = &[0];

impl EntryRow {
    fn what(&self) -> Vec<Piece> {
        let action = piece(&*self.entry.record.action, Tone::Plain);
        match self.entry.record.outcome {
            AuditOutcome::Done => vec![action],
            AuditOutcome::Refused => vec![piece("▲ ", Tone::Bad), action],
        }
    }
}

impl Audit {
    /// The entries of a project, an organization, or everything.
    #[must_use]
    pub fn of(organization: Option<&OrganizationView>, project: Option<&ProjectView>) -> Self {
        match (organization, project) {
            (_, Some(view)) => Self::of_project(&view.project),
            (Some(view), None) => Self::of_organization(&view.organization.id, &view.organization.name),
            (None, None) => Self::with("audit".to_owned(), AuditFilter::default()),
        }
    }

    /// The entries of an organization.
    #[must_use]
    pub fn of_organization(organization_id: &str, name: &str) -> Self {
        let filter = AuditFilter { organization_id: Some(organization_id.to_owned()), ..AuditFilter::default() };
        Self::with(format!("audit of {name}"), filter)
    }

    /// The entries of a project.
    #[must_use]
    pub fn of_project(project: &Project) -> Self {
        let filter = AuditFilter { project_id: Some(project.id.clone()), ..AuditFilter::default() };
        Self::with(format!("audit of {}", project.name), filter)
    }

    /// The entries about one thing.
    #[must_use]
    pub fn about(target_id: &str, name: &str) -> Self {
        let filter = AuditFilter { target_id: Some(target_id.to_owned()), ..AuditFilter::default() };
        Self::with(format!("audit about {name}"), filter)
    }

    /// The entries by one actor, known by an id or a name.
    #[must_use]
    pub fn by(actor: &str, name: &str) -> Self {
        let filter = AuditFilter { actor: Some(actor.to_owned()), ..AuditFilter::default() };
        Self::with(format!("audit by {name}"), filter)
    }

    fn with(crumb: String, filter: AuditFilter) -> Self {
        Self { crumb, filter, list: Paged::new(&COLUMNS, ORDERS) }
    }

    /// The same with a filter.
    #[must_use]
    pub fn filtered(self, filter: &str) -> Self {
        Self { list: self.list.filtered(filter), ..self }
    }

    fn take(&mut self, page: Page<AuditEntry>) {
        let place = |entry: &AuditEntry, seq| (entry.record.organization_id.clone(), seq);
        let links: HashMap<(String, i64), Link> =
            page.rows.iter().map(|entry| (place(entry, entry.seq), entry.hash)).collect();
        self.list.take(page.map(|entry| {
            let before = links.get(&place(&entry, entry.seq - 1));
            let change: Vec<String> = changed(&entry.record.change).iter().map(Changed::words).collect();
            let told = [change.join(", "), entry.record.reason.clone()];
            let told: Vec<String> = told.into_iter().filter(|text| !text.is_empty()).collect();
            EntryRow {
                id: format!("{}:{}", entry.record.organization_id, entry.seq),
                chained: Chained::of(&entry, before),
                change: told.join(" · "),
                entry,
            }
        }));
    }

    fn title(&self) -> Vec<Piece> {
        let rows = self.list.rows();
        let broken = rows.iter().filter(|row| row.chained == Chained::Broken).count();
        let mut title = cells::words("Audit", Tone::Strong);
        match broken {
            _ if rows.is_empty() => {}
            0 => title.extend([piece(" · ", Tone::Dim), piece("✓ these fit their chain", Tone::Dim)]),
            broken => title.extend([piece(" · ", Tone::Dim), piece(format!("▲ {broken} broken"), Tone::Bad)]),
        }
        title
    }
}

impl Screen for Audit {
    fn name(&self) -> &'static str {
        "audit"
    }

    fn crumb(&self) -> String {
        self.crumb.clone()
    }

    fn queries(&self, _: Month) -> Vec<Query> {
        let said = ["who", "what", "target"].iter().find_map(|column| self.list.said_of(column).map(str::to_owned));
        let filter = AuditFilter { text: self.list.word().or(said), ..self.filter.clone() };
        vec![Query::AuditPage(Box::new(filter), self.list.paging())]
    }

    fn turned(&mut self) -> bool {
        self.list.turned()
    }

    fn receive(&mut self, answers: Vec<Answer>, _: Month, _: Timestamp) {
        for answer in answers {
            if let Answer::AuditPage(page) = answer {
                self.take(page);
            }
        }
    }

    // the log is the same in every month
    fn forget(&mut self) {}

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn act(&mut self, action: Action) -> Outcome {
        let Some(row) = self.list.selected() else { return Outcome::Done };
        let mut entry = EntryScreen::of(&row.entry, row.chained);
        match action {
            Action::Open => Outcome::open(Some(entry)),
            _ => entry.act(action),
        }
    }

    fn list(&mut self) -> &mut dyn List {
        &mut self.list
    }

    fn arrange(&mut self, area: Rect, _: &Look<'_>) {
        self.list.arrange(area);
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        self.list.draw(buffer, area, self.title(), EMPTY, look);
    }
}
