//! Invites to an organization or to all: who is invited as what, and how long they can be accepted (R9).

use std::collections::HashMap;

use mete_core::directory::Organization;
use mete_core::people::{Invite, InviteStatus};
use mete_core::{Month, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Audit, Members, Screen, cells};
use crate::actions::Action;
use crate::data::{Answer, Query};
use crate::deeds::{Target, Wish, inviting, meant};
use crate::facts::{self, Fact};
use crate::format::{clock_time, count};
use crate::look::Look;
use crate::outcome::Outcome;
use crate::paged::Paged;
use crate::table::{Column, Figure, List, Row};
use crate::theme::Tone;

const EMPTY: &str = "Nobody is invited. Press . on an organization to invite somebody.";
const EMPTY_OF_ONE: &str = "Nobody is invited. Press n to invite somebody.";

/// The list of invites.
pub struct Invites {
    organization: Option<Organization>,
    list: Paged<InviteRow>,
    organizations: HashMap<String, Organization>,
}

struct InviteRow {
    invite: Invite,
    organization: String,
}

impl Row for InviteRow {
    fn id(&self) -> &str {
        &self.invite.id
    }

    fn searched(&self) -> String {
        let Invite { email, role, status, id, .. } = &self.invite;
        format!("{email} {} {role} {status} {id}", self.organization)
    }
}

type Col = Column<InviteRow>;

static COLUMNS: [Col; 7] = [
    Col::words(
        "INVITED",
        20,
        |row, _| cells::words(&row.invite.email, Tone::Strong),
        |a, b| cells::by_letters(&a.invite.email, &b.invite.email),
    )
    .growing(40)
    .kept(),
    Col::words(
        "STATUS",
        10,
        |row, _| {
            let (text, tone) = row.status();
            cells::words(text, tone)
        },
        |a, b| a.status().0.cmp(b.status().0),
    )
    .amounting(Figure::Text(|row| row.invite.status.as_str()))
    .kept(),
    Col::numbers("EXPIRES", 10, |row, slot| row.expiry(slot), Figure::Time(|row| Some(row.invite.expires_at)))
        .growing(12),
    Col::words(
        "ROLE",
        7,
        |row, _| cells::words(row.invite.role.as_str(), Tone::Plain),
        |a, b| a.invite.role.as_str().cmp(b.invite.role.as_str()),
    ),
    Col::words(
        "ORGANIZATION",
        12,
        |row, _| cells::words(&row.organization, Tone::Plain),
        |a, b| cells::by_letters(&a.organization, &b.organization),
    )
    .growing(24),
    Col::numbers(
        "MADE",
        7,
        |row, slot| cells::age(Some(row.invite.created_at), slot),
        Figure::Time(|row| Some(row.invite.created_at)),
    )
    .growing(11),
    Col::numbers(
        "PROJECTS",
        8,
        |row, slot| cells::number(row.invite.projects.len() as u64, slot),
        Figure::Count(|row| Some(row.invite.projects.len() as u64)),
    ),
];
/// What it offers of its own.
pub(super) const ACTIONS: &[Action] = &[Action::Members, Action::Audit];

/// The names of its columns.
pub(super) fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

/// The store has them in this order alone: the newest first.
const ORDERS: &[usize] = &[5];

impl InviteRow {
    const fn status(&self) -> (&'static str, Tone) {
        match self.invite.status {
            InviteStatus::Pending => ("● pending", Tone::Plain),
            InviteStatus::Accepted => ("✓ accepted", Tone::Dim),
            InviteStatus::Expired => ("expired", Tone::Dim),
        }
    }

    fn expiry(&self, slot: crate::table::Slot) -> Vec<crate::piece::Piece> {
        match self.invite.status {
            InviteStatus::Accepted => cells::words("–", Tone::Dim),
            _ => cells::when(self.invite.expires_at, slot),
        }
    }

    fn facts(&self, look: &Look<'_>) -> Vec<Fact> {
        let invite = &self.invite;
        let (status, tone) = self.status();
        let accepted = invite.accepted_at.map_or_else(|| "–".to_owned(), |at| clock_time(at, look.now));
        vec![
            ("status", status.to_owned(), tone),
            ("role", invite.role.to_string(), Tone::Plain),
            ("to", self.organization.clone(), Tone::Plain),
            ("projects", count(invite.projects.len() as u64), Tone::Plain),
            ("made", clock_time(invite.created_at, look.now), Tone::Plain),
            ("expires", clock_time(invite.expires_at, look.now), Tone::Plain),
            ("accepted", accepted, Tone::Plain),
            ("id", invite.id.clone(), Tone::Dim),
        ]
    }
}

impl Invites {
    /// The invites to an organization, or to all.
    #[must_use]
    pub fn of(organization: Option<&Organization>) -> Self {
        let list = Paged::new(&COLUMNS, ORDERS);
        Self { organization: organization.cloned(), list, organizations: HashMap::new() }
    }

    fn organization_of_selected(&self) -> Option<&Organization> {
        let selected = self.list.selected().and_then(|row| self.organizations.get(&row.invite.organization_id));
        selected.or(self.organization.as_ref())
    }
}

impl Screen for Invites {
    fn name(&self) -> &'static str {
        "invites"
    }

    fn crumb(&self) -> String {
        self.organization.as_ref().map_or_else(|| "invites".to_owned(), |it| format!("invites to {}", it.name))
    }

    fn queries(&self, month: Month) -> Vec<Query> {
        let organization_id = self.organization.as_ref().map(|organization| organization.id.clone());
        vec![Query::Organizations(month), Query::InvitePage(organization_id, self.list.paging())]
    }

    fn turned(&mut self) -> bool {
        self.list.turned()
    }

    fn receive(&mut self, answers: Vec<Answer>, _: Month, _: Timestamp) {
        for answer in answers {
            match answer {
                Answer::Organizations(views) => {
                    let organizations = views.into_iter().map(|view| view.organization);
                    self.organizations = organizations.map(|it| (it.id.clone(), it)).collect();
                }
                Answer::InvitePage(page) => {
                    let names = &self.organizations;
                    self.list.take(page.map(|invite| {
                        let name = names.get(&invite.organization_id).map(|it| it.name.clone());
                        InviteRow { organization: name.unwrap_or_default(), invite }
                    }));
                }
                _ => {}
            }
        }
    }

    // invites are the same in every month
    fn forget(&mut self) {}

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn act(&mut self, action: Action) -> Outcome {
        match action {
            Action::Members => Outcome::open(self.organization_of_selected().map(Members::of)),
            Action::Audit => {
                let selected = self.list.selected();
                Outcome::open(selected.map(|row| Audit::about(&row.invite.id, &row.invite.email)))
            }
            _ => Outcome::Done,
        }
    }

    fn targets(&self) -> Vec<Target> {
        self.organization_of_selected().cloned().map(Target::Organization).into_iter().collect()
    }

    fn meant(&self, action: Action) -> Option<Wish> {
        match action {
            Action::New => self.organization_of_selected().map(inviting),
            action => meant(action, &self.targets()),
        }
    }

    fn list(&mut self) -> &mut dyn List {
        &mut self.list
    }

    fn arrange(&mut self, area: Rect, _: &Look<'_>) {
        self.list.arrange(facts::beside(area).0);
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let empty = if self.organization.is_some() { EMPTY_OF_ONE } else { EMPTY };
        let list = |buffer: &mut Buffer, place| {
            self.list.draw(buffer, place, cells::words("Invites", Tone::Strong), empty, look);
        };
        let selected = || self.list.selected().map(|row| (&*row.invite.email, row.facts(look)));
        facts::draw_beside(buffer, area, look, list, selected);
    }
}
