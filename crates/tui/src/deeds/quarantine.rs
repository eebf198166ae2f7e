//! Reading the quarantine again, and emptying it (R34).

use mete_control::{ControlError, Sight};
use mete_store::{QuarantineCount, QuarantineFilter};

use super::told::several;
use super::{Ask, Done, Means, Right, Target};
use crate::form::{Care, Field, Form, Item, Rule};

/// Between source and reason in the value of an item; neither has a control character.
const BETWEEN: char = '\n';

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Reads entries again.
    Retry,
    /// Removes entries that will never be counted.
    Forget,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Read them again.
    Retry(Which),
    /// Remove them.
    Forget {
        /// Which.
        which: Which,
        /// Why.
        because: String,
    },
}

/// Which entries: one, those of a source that are there for a reason, or all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// From this source.
    pub source: Option<String>,
    /// There for this reason.
    pub reason: Option<String>,
    /// This one alone.
    pub id: Option<i64>,
}

impl Which {
    /// Their name, for people.
    #[must_use]
    pub fn name(&self) -> &str {
        match (self.id, &self.reason) {
            (Some(_), _) => "this entry",
            (None, Some(reason)) => reason,
            (None, None) => "the quarantine",
        }
    }

    fn admits(&self, count: &QuarantineCount) -> bool {
        let fits = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        fits(&self.source, &count.source) && fits(&self.reason, &count.reason)
    }
}

impl Act {
    pub(super) const ALL: [Self; 2] = [Self::Retry, Self::Forget];

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Retry => "read the quarantine again",
            Self::Forget => "forget what is in the quarantine",
        }
    }

    pub(super) fn fits(self, target: &Target) -> bool {
        matches!(target, Target::Deployment | Target::Quarantine(_))
    }

    pub(super) const fn right(self, _: &Target, _: &Sight) -> Right {
        Right::Operator
    }

    pub(super) async fn form(self, target: &Target, ask: &Ask<'_>) -> Result<Form, ControlError> {
        let mut counts = ask.store.quarantine_counts().await?;
        counts.retain(|count| count.there > 0 && which(target).admits(count));
        if counts.is_empty() {
            return Err(ControlError::Conflict("nothing of it is in the quarantine any more".to_owned()));
        }
        let there = if which(target).id.is_some() { 1 } else { counts.iter().map(|count| count.there).sum() };
        let all = several(there, "entry").replace("entrys", "entries");
        let mut items: Vec<Item> = counts.iter().map(item).collect();
        match target {
            Target::Quarantine(Which { id: Some(_), .. }) => items = vec![Item::of("", "this entry")],
            Target::Quarantine(Which { reason: Some(_), .. }) => {}
            _ => items.push(Item::of("", format!("all of them: {all}"))),
        }
        let is_are = if there == 1 { "is" } else { "are" };
        let which = Field::choice("which", "Which", items);
        Ok(match self {
            Self::Retry => Form::new("Read the quarantine again", "read again")
                .telling(format!("{all} {is_are} there. What can be read now is counted; the rest stays."))
                .with(which),
            Self::Forget => Form::new("Forget what is in the quarantine", "forget for good")
                .careful(Care::Deliberate)
                .telling(format!("{all} {is_are} there. What is forgotten is never counted. Cannot be undone."))
                .with(which)
                .with(Field::text("because", "Reason", Rule::Reason).hint("is kept in the audit log")),
        })
    }

    pub(super) fn deed(self, target: &Target, form: &Form) -> Deed {
        let chosen = form.text("which");
        let which = chosen.split_once(BETWEEN).map_or_else(
            || which(target),
            |(source, reason)| Which { source: Some(source.to_owned()), reason: Some(reason.to_owned()), id: None },
        );
        match self {
            Self::Retry => Deed::Retry(which),
            Self::Forget => Deed::Forget { which, because: form.text("because") },
        }
    }
}

/// The entries that a target is.
fn which(target: &Target) -> Which {
    match target {
        Target::Quarantine(which) => which.clone(),
        _ => Which::default(),
    }
}

fn item(count: &QuarantineCount) -> Item {
    let value = format!("{}{BETWEEN}{}", count.source, count.reason);
    Item::of(value, format!("{} of {}: {}", count.reason, count.source, count.there))
}

impl Deed {
    pub(super) async fn carry_out(self, means: &Means<'_>) -> Result<Done, ControlError> {
        let (Self::Retry(which) | Self::Forget { which, .. }) = &self;
        let filter = QuarantineFilter {
            reason: which.reason.clone(),
            source: which.source.clone(),
            ..QuarantineFilter::default()
        };
        let ids = match which.id {
            Some(id) => vec![id],
            None => means.store.quarantine_ids(&filter).await?,
        };
        match (&self, means.retrying) {
            (Self::Forget { because, .. }, _) => {
                let forgotten = means.control.forget_quarantine(means.actor, &ids, because).await?;
                Ok(Done::new(format!("{forgotten} of the quarantine are forgotten")))
            }
            (Self::Retry(_), Some(retrying)) => {
                retrying.retry(ids).await.map(Done::new).map_err(ControlError::Conflict)
            }
            (Self::Retry(_), None) => Err(ControlError::Invalid(
                "this program does not know how sources are read: use 'mete quarantine retry'".to_owned(),
            )),
        }
    }
}
