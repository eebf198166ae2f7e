//! Budgets of models, members and keys within a project, as they are typed and shown.

use clap::Args;
use mete_control::{PartNamed, SeenPart};
use mete_core::parts::PartKind;

use crate::output::{money, percent};

/// Of a project: which part of it.
#[derive(Debug, Args)]
#[group(multiple = false, conflicts_with = "org")]
pub struct PartArgs {
    /// Of this key within the project: its budget only
    #[arg(long, value_name = "KEY", conflicts_with_all = NOT_OF_PARTS)]
    key: Option<String>,
    /// Of this person or service account within the project, all their keys together: their budget only
    #[arg(long, value_name = "EMAIL", conflicts_with_all = NOT_OF_PARTS)]
    member: Option<String>,
    /// Of this model within the project, whoever uses it: its budget only
    #[arg(long, value_name = "MODEL", conflicts_with_all = NOT_OF_PARTS)]
    model: Option<String>,
}

/// Limits that only a whole project or organization can have.
const NOT_OF_PARTS: [&str; 5] = ["threshold", "models", "rates", "lower_projects", "lower_parts"];

impl PartArgs {
    /// What was named, if anything was.
    pub fn named(&self) -> Option<PartNamed> {
        let Self { key, member, model } = self;
        let key = key.clone().map(PartNamed::Key);
        key.or_else(|| member.clone().map(PartNamed::Member)).or_else(|| model.clone().map(PartNamed::Model))
    }
}

/// A budget as a fact with its name.
pub fn fact(part: &SeenPart) -> (&'static str, String) {
    let what = match part.part.kind {
        PartKind::Model => "Model budget",
        PartKind::Member => "Member budget",
        PartKind::Key => "Key budget",
    };
    let name = if part.name == part.part.id { part.name.clone() } else { format!("{} ({})", part.name, part.part.id) };
    let spent = part.spend.map(|spend| format!(" ({} spent)", percent(spend.per_mille_of(part.budget))));
    (what, format!("{name}: {}{}", money(part.budget), spent.unwrap_or_default()))
}
