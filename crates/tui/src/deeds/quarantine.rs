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

/// Which entries: those of a source that are there for a reason, or all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// From this source.
    pub source: Option<String>,
    /// There for this reason.
    pub reason: Option<String>,
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
        *target == Target::Deployment
    }

    pub(super) const fn right(self, _: &Target, _: &Sight) -> Right {
        Right::Operator
    }

    pub(super) async fn form(self, _: &Target, ask: &Ask<'_>) -> Result<Form, ControlError> {
        let mut counts = ask.store.quarantine_counts().await?;
        counts.retain(|count| count.there > 0);
        if counts.is_empty() {
            return Err(ControlError::Conflict("the quarantine is empty".to_owned()));
        }
        let all = several(counts.iter().map(|count| count.there).sum(), "entry").replace("entrys", "entries");
        let mut items: Vec<Item> = counts.iter().map(item).collect();
        items.push(Item::of("", format!("all of them: {all}")));
        let which = Field::choice("which", "Which", items);
        Ok(match self {
            Self::Retry => Form::new("Read the quarantine again", "read again")
                .telling(format!("{all} are there. What can be read now is counted; the rest stays."))
                .with(which),
            Self::Forget => Form::new("Forget what is in the quarantine", "forget for good")
                .careful(Care::Deliberate)
                .telling(format!("{all} are there. What is forgotten is never counted. Cannot be undone."))
                .with(which)
                .with(Field::text("because", "Reason", Rule::Reason).hint("is kept in the audit log")),
        })
    }

    pub(super) fn deed(self, form: &Form) -> Deed {
        let chosen = form.text("which");
        let which = chosen.split_once(BETWEEN).map_or_else(Which::default, |(source, reason)| Which {
            source: Some(source.to_owned()),
            reason: Some(reason.to_owned()),
        });
        match self {
            Self::Retry => Deed::Retry(which),
            Self::Forget => Deed::Forget { which, because: form.text("because") },
        }
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
        let ids = means.store.quarantine_ids(&filter).await?;
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
