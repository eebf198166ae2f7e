//! Who is in a project: members and service accounts, with what each spent and may spend.

use std::collections::HashMap;

use mete_control::SeenPart;
use mete_core::parts::PartKind;
use mete_core::people::{ListedRole, Member, MemberKind};
use mete_core::{Nanos, Timestamp};
use mete_store::SpendRow;

use crate::screens::cells;
use crate::table::{Column, Figure, Row, Table};
use crate::theme::Tone;

/// What an empty list says.
pub const EMPTY: &str = "Nobody is in it. n adds somebody of the organization.";

/// Somebody in the project.
pub struct PersonRow {
    member: Member,
    /// What they spent in the month, for somebody who may see it (R6).
    spend: Option<Nanos>,
    budget: Option<Nanos>,
}

impl PersonRow {
    /// What people know them by.
    fn name(&self) -> &str {
        let email = self.member.email.as_deref().unwrap_or_default();
        if self.member.name.is_empty() { email } else { &self.member.name }
    }

    /// Whether it is a service account.
    pub fn is_service_account(&self) -> bool {
        self.member.kind == MemberKind::ServiceAccount
    }

    fn kind(&self) -> &'static str {
        if self.is_service_account() { "service" } else { "person" }
    }

    const fn role(&self) -> &'static str {
        match (self.member.role, self.member.through_organization) {
            (_, true) => "org owner",
            (ListedRole::Owner, _) => "owner",
            (ListedRole::Reader, _) => "reader",
            (ListedRole::Member, _) => "member",
            (ListedRole::None, _) => "none",
        }
    }

    const fn added_at(&self) -> Option<Timestamp> {
        Some(self.member.added_at)
    }
}

impl Row for PersonRow {
    fn id(&self) -> &str {
        &self.member.id
    }

    fn searched(&self) -> String {
        let email = self.member.email.as_deref().unwrap_or_default();
        format!("{} {email} {} {} {}", self.member.name, self.kind(), self.role(), self.member.id)
    }

    fn is_fault(&self) -> bool {
        self.spend.zip(self.budget).is_some_and(|(spend, budget)| spend >= budget)
    }
}

type Col = Column<PersonRow>;

static COLUMNS: [Col; 7] = [
    Col::words(
        "NAME",
        16,
        |row, _| cells::words(row.name(), Tone::Strong),
        |a, b| cells::by_letters(a.name(), b.name()),
    )
    .growing(34)
    .kept(),
    Col::words("ROLE", 9, |row, _| cells::words(row.role(), Tone::Plain), |a, b| a.role().cmp(b.role())).kept(),
    Col::numbers(
        "SPENT",
        9,
        |row, slot| cells::seen(row.spend, |spend| cells::amount(spend, slot)),
        Figure::Money(|row| row.spend),
    )
    .also("spend"),
    Col::numbers("BUDGET", 9, |row, slot| cells::limit(row.budget, slot), Figure::Money(|row| row.budget)),
    Col::words("KIND", 7, |row, _| cells::words(row.kind(), Tone::Dim), |a, b| a.kind().cmp(b.kind())),
    Col::words(
        "E-MAIL",
        20,
        |row, _| cells::words(row.member.email.as_deref().unwrap_or("–"), Tone::Plain),
        |a, b| a.member.email.cmp(&b.member.email),
    )
    .growing(34),
    Col::numbers("SINCE", 11, |row, slot| cells::age(row.added_at(), slot), Figure::Time(|row| row.added_at())),
];
/// Who spends most comes first.
const SORTED_BY: usize = 2;

/// The names of its columns.
pub fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

/// The list, still empty.
pub fn table() -> Table<PersonRow> {
    Table::new(&COLUMNS, SORTED_BY)
}

/// Its rows.
pub fn rows(members: Vec<Member>, spend: Option<&[SpendRow]>, parts: &[SeenPart]) -> Vec<PersonRow> {
    let spent: Option<HashMap<&str, Nanos>> =
        spend.map(|rows| rows.iter().map(|row| (row.id.as_str(), row.spend)).collect());
    let budget = |id: &str| {
        let own = parts.iter().find(|part| part.part.kind == PartKind::Member && part.part.id == id);
        own.map(|part| part.budget)
    };
    let row = |member: Member| PersonRow {
        spend: spent.as_ref().map(|spent| spent.get(member.id.as_str()).copied().unwrap_or_default()),
        budget: budget(&member.id),
        member,
    };
    members.into_iter().map(row).collect()
}
