//! Who is refused now, and why, since when and until when: exhausted budgets and blocks by hand in one list (R26, R41).

use std::collections::HashMap;

use mete_core::directory::{ApiKey, Organization, OrganizationView, Project};
use mete_core::{Month, Timestamp};
use mete_store::{Refusal, RefusalCause};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Audit, Keys, ProjectScreen, Projects, Screen, cells};
use crate::actions::Action;
use crate::data::{Answer, Query};
use crate::deeds::Target;
use crate::facts::{self, Fact};
use crate::format::{clock_time, count, money, money_exact, span};
use crate::look::Look;
use crate::outcome::Outcome;
use crate::piece::{Piece, piece};
use crate::table::{Column, Figure, List, Row, Slot, Table};
use crate::theme::Tone;

const EMPTY: &str = "Nobody is refused: no budget is exhausted, and nothing is blocked by hand. b on a project or key \
     blocks it.";

/// The list of those who are refused.
pub struct Blocks {
    organization: Option<(String, String)>,
    table: Table<BlockRow>,
    organizations: HashMap<String, Organization>,
    projects: HashMap<String, Project>,
}

struct BlockRow {
    id: String,
    refusal: Refusal,
    key: Option<ApiKey>,
    project: String,
    organization: String,
}

impl Row for BlockRow {
    fn id(&self) -> &str {
        &self.id
    }

    fn searched(&self) -> String {
        let it = &self.refusal;
        format!("{} {} {} {} {} {}", it.scope_name, it.scope, self.why(), self.project, self.organization, it.scope_id)
    }

    fn is_fault(&self) -> bool {
        true
    }
}

type Col = Column<BlockRow>;

static COLUMNS: [Col; 8] = [
    Col::words(
        "REFUSED",
        16,
        |row, _| row.who(),
        |a, b| cells::by_letters(&a.refusal.scope_name, &b.refusal.scope_name),
    )
    .amounting(Figure::Text(|row| &row.refusal.scope_name))
    .growing(34)
    .kept(),
    Col::words("WHAT", 7, |row, _| cells::words(row.what(), Tone::Dim), |a, b| a.what().cmp(b.what())).growing(12),
    Col::words("WHY", 20, |row, _| cells::words(&row.why(), Tone::Plain), |a, b| a.why().cmp(&b.why()))
        .growing(48)
        .kept(),
    Col::numbers("SINCE", 8, |row, slot| row.since(slot), Figure::Time(|row| row.refusal.since)).growing(11).kept(),
    Col::numbers("UNTIL", 9, |row, slot| row.until(slot), Figure::Time(|row| row.refusal.until)).growing(12),
    Col::numbers("KEYS", 4, |row, slot| cells::number(row.stopped(), slot), Figure::Count(|row| Some(row.stopped())))
        .growing(7),
    Col::words(
        "PROJECT",
        14,
        |row, _| cells::words(&row.project, Tone::Plain),
        |a, b| cells::by_letters(&a.project, &b.project),
    )
    .growing(24),
    Col::words(
        "ORGANIZATION",
        12,
        |row, _| cells::words(&row.organization, Tone::Plain),
        |a, b| cells::by_letters(&a.organization, &b.organization),
    )
    .growing(24),
];
/// What it offers of its own.
pub(super) const ACTIONS: &[Action] = &[Action::Open, Action::Owner, Action::Project, Action::Keys, Action::Audit];

/// The names of its columns.
pub(super) fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

/// Who was refused last comes first.
const SORTED_BY: usize = 3;

impl BlockRow {
    const fn is_by_hand(&self) -> bool {
        matches!(self.refusal.cause, RefusalCause::ByHand { .. })
    }

    fn who(&self) -> Vec<Piece> {
        let sign = if self.is_by_hand() { "■ " } else { "▲ " };
        vec![piece(sign, Tone::Bad), piece(&*self.refusal.scope_name, Tone::Strong)]
    }

    fn what(&self) -> &'static str {
        if self.refusal.scope == "organization" { "org" } else { self.refusal.scope }
    }

    fn why(&self) -> String {
        match &self.refusal.cause {
            RefusalCause::Budget { budget, spend: Some(spend) } => format!("{} of {}", money(*spend), money(*budget)),
            RefusalCause::Budget { spend: None, .. } => "budget exhausted".to_owned(),
            RefusalCause::ByHand { reason, placed_by, .. } if reason.is_empty() => format!("by {placed_by}"),
            RefusalCause::ByHand { reason, placed_by, .. } => format!("{reason} (by {placed_by})"),
        }
    }

    fn since(&self, slot: Slot) -> Vec<Piece> {
        if self.refusal.since.is_some() { cells::age(self.refusal.since, slot) } else { cells::words("–", Tone::Dim) }
    }

    fn until(&self, slot: Slot) -> Vec<Piece> {
        self.refusal.until.map_or_else(|| cells::words("no end", Tone::Plain), |at| cells::when(at, slot))
    }

    /// Active keys that are stopped by it.
    const fn stopped(&self) -> u64 {
        self.refusal.keys.saturating_sub(self.refusal.released)
    }

    fn facts(&self, look: &Look<'_>) -> Vec<Fact> {
        let it = &self.refusal;
        let since = it.since.map_or_else(|| "not written down".to_owned(), |at| clock_time(at, look.now));
        let until = it.until.map_or_else(
            || "somebody lifts it".to_owned(),
            |at| format!("{} ({})", clock_time(at, look.now), span(at.since(look.now))),
        );
        let mut facts = vec![
            ("refused", format!("{} {}", it.scope, it.scope_name), Tone::Bad),
            ("org", self.organization.clone(), Tone::Plain),
            ("project", self.project.clone(), Tone::Plain),
        ];
        match &it.cause {
            RefusalCause::Budget { budget, spend } => {
                facts.push(("why", "the budget leaves nothing".to_owned(), Tone::Plain));
                facts.push(("budget", money_exact(*budget), Tone::Plain));
                facts.push(("spent", spend.map_or_else(cells::unseen, money_exact), Tone::Plain));
            }
            RefusalCause::ByHand { id, reason, placed_by } => {
                facts.push(("why", format!("blocked by {placed_by}"), Tone::Plain));
                facts.push(("reason", reason.clone(), Tone::Plain));
                facts.push(("block", id.clone(), Tone::Dim));
            }
        }
        facts.extend([
            ("since", since, Tone::Plain),
            ("until", until, Tone::Plain),
            ("stops keys", count(self.stopped()), Tone::Plain),
            ("released", count(it.released), Tone::Plain),
            ("id", it.scope_id.clone(), Tone::Dim),
        ]);
        facts
    }
}

impl Blocks {
    /// Who is refused of an organization, or of all.
    #[must_use]
    pub fn of(organization: Option<&OrganizationView>) -> Self {
        let organization = organization.map(|view| &view.organization);
        Self {
            organization: organization.map(|it| (it.id.clone(), it.name.clone())),
            table: Table::new(&COLUMNS, SORTED_BY),
            organizations: HashMap::new(),
            projects: HashMap::new(),
        }
    }

    fn selected_project(&self) -> Option<&Project> {
        self.projects.get(self.table.selected()?.refusal.project_id.as_deref()?)
    }

    fn selected_organization(&self) -> Option<&Organization> {
        self.organizations.get(&self.table.selected()?.refusal.organization_id)
    }

    fn row(&self, (refusal, key): (Refusal, Option<ApiKey>)) -> BlockRow {
        let project = refusal.project_id.as_ref().and_then(|id| self.projects.get(id));
        let organization = self.organizations.get(&refusal.organization_id);
        let id = match &refusal.cause {
            RefusalCause::ByHand { id, .. } => id.clone(),
            RefusalCause::Budget { .. } => {
                format!("{} {}", refusal.project_id.as_deref().unwrap_or_default(), refusal.scope_id)
            }
        };
        BlockRow {
            id,
            project: project.map(|it| it.name.clone()).unwrap_or_default(),
            organization: organization.map(|it| it.name.clone()).unwrap_or_default(),
            refusal,
            key,
        }
    }

    fn title(&self) -> Vec<Piece> {
        let (rows, mut title) = (self.table.rows(), cells::words("Blocks", Tone::Strong));
        if !rows.is_empty() {
            title.extend([piece(" · ", Tone::Dim), piece(format!("▲ {} refused", rows.len()), Tone::Bad)]);
        }
        title
    }
}

impl Screen for Blocks {
    fn name(&self) -> &'static str {
        "blocks"
    }

    fn crumb(&self) -> String {
        self.organization.as_ref().map_or_else(|| "blocks".to_owned(), |(_, name)| format!("blocks of {name}"))
    }

    fn queries(&self, month: Month) -> Vec<Query> {
        let organization_id = self.organization.as_ref().map(|(id, _)| id.clone());
        vec![
            Query::Organizations(month),
            Query::Projects { organization_id: organization_id.clone(), month },
            Query::Refusals(organization_id),
        ]
    }

    fn receive(&mut self, answers: Vec<Answer>, _: Month, _: Timestamp) {
        for answer in answers {
            match answer {
                Answer::Organizations(views) => {
                    let organizations = views.into_iter().map(|view| view.organization);
                    self.organizations = organizations.map(|it| (it.id.clone(), it)).collect();
                }
                Answer::Projects(views) => {
                    let projects = views.into_iter().map(|view| view.project);
                    self.projects = projects.map(|it| (it.id.clone(), it)).collect();
                }
                Answer::Refusals(refused) => {
                    let rows = refused.into_iter().map(|refusal| self.row(refusal)).collect();
                    self.table.set_rows(rows);
                }
                _ => {}
            }
        }
    }

    // it is the present whichever month is shown
    fn forget(&mut self) {}

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn act(&mut self, action: Action) -> Outcome {
        let Some(row) = self.table.selected() else { return Outcome::Done };
        let (project, organization) = (self.selected_project(), self.selected_organization());
        let (id, name) = (&row.refusal.scope_id, &row.refusal.scope_name);
        match (action, project, organization) {
            (Action::Open | Action::Project, Some(project), _) => Outcome::open(Some(ProjectScreen::of(project))),
            (Action::Open, None, Some(organization)) => Outcome::open(Some(Projects::of(organization))),
            (Action::Owner, ..) => Outcome::open(row.key.as_ref().map(|key| Keys::of_owner(&key.owner_id, &key.owner))),
            (Action::Keys, Some(project), _) => Outcome::open(Some(Keys::of_project(project))),
            (Action::Keys, None, Some(it)) => Outcome::open(Some(Keys::of_organization(&it.id, &it.name))),
            (Action::Audit, ..) => Outcome::open(Some(Audit::about(id, name))),
            _ => Outcome::Done,
        }
    }

    fn targets(&self) -> Vec<Target> {
        let key = self.table.selected().and_then(|row| row.key.clone());
        let project = self.selected_project().cloned();
        let key = key.zip(project.clone()).map(|(key, project)| Target::Key(Box::new(key), project));
        let organization = self.selected_organization().cloned().map(Target::Organization);
        let or_organization = if project.is_none() { organization } else { None };
        key.into_iter().chain(project.map(Target::Project)).chain(or_organization).collect()
    }

    fn list(&mut self) -> &mut dyn List {
        &mut self.table
    }

    fn arrange(&mut self, area: Rect, _: &Look<'_>) {
        self.table.arrange(facts::beside(area).0);
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let list = |buffer: &mut Buffer, place| self.table.draw(buffer, place, self.title(), EMPTY, look);
        let selected = || self.table.selected().map(|row| (&*row.refusal.scope_name, row.facts(look)));
        facts::draw_beside(buffer, area, look, list, selected);
    }
}
