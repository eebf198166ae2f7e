//! Budgets, thresholds, models and rate limits, of organizations, projects and parts of projects (R23, R24).

use mete_control::{ControlError, LimitChange, LimitsAfter, LimitsOf, PartNamed, SeenPart, Sight};
use mete_core::Nanos;
use mete_core::directory::Project;
use mete_core::limits::Limits;
use mete_core::parts::PartKind;
use mete_core::rates::{Models, Rate, RateChange, RateLimit};
use mete_core::rights::Action;
use mete_store::{AlertKind, Scope, SpendBy};

use super::told::{named, typed};
use super::{Ask, Done, Means, Right, Target, misplaced, there};
use crate::form::{Field, Form, Item, Rule};
use crate::format::money;

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Sets budget and threshold.
    Budget,
    /// Sets the models that may be used.
    Models,
    /// Sets a figure of a rate limit.
    Rate,
    /// Sets the budget of a model within a project.
    ModelBudget,
    /// Sets the budget of a member or service account within a project.
    MemberBudget,
    /// Sets the budget of a key within its project.
    KeyBudget,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Change the limits of an organization or project.
    Set {
        /// Of which.
        of: LimitsOf,
        /// What changes.
        change: LimitChange,
    },
    /// Set the budget of a part of a project.
    Part {
        /// The project's id.
        project: String,
        /// Of which part.
        of: PartNamed,
        /// The budget; none takes it away.
        budget: Option<Nanos>,
    },
}

impl Act {
    pub(super) const ALL: [Self; 6] =
        [Self::Budget, Self::KeyBudget, Self::Models, Self::Rate, Self::ModelBudget, Self::MemberBudget];

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Budget => "set budget and threshold",
            Self::Models => "set the models that may be used",
            Self::Rate => "set a rate limit",
            Self::ModelBudget => "set the budget of a model",
            Self::MemberBudget => "set the budget of a member",
            Self::KeyBudget => "set the key's budget",
        }
    }

    pub(super) fn fits(self, target: &Target) -> bool {
        match self {
            Self::Budget | Self::Models | Self::Rate => target.organization().is_some() || target.is_open_project(),
            Self::ModelBudget | Self::MemberBudget => target.is_open_project(),
            Self::KeyBudget => {
                let own_limits = target.project().is_some_and(|project| !project.is_default);
                target.key().is_some() && target.is_in_active_project() && own_limits
            }
        }
    }

    pub(super) const fn right(self, _: &Target, _: &Sight) -> Right {
        Right::Row(Action::SetLimits)
    }

    pub(super) async fn form(self, target: &Target, ask: &Ask<'_>) -> Result<Form, ControlError> {
        match self {
            Self::Budget => budget(target, ask).await,
            Self::Models => {
                let (models, _) = ask.view.models_and_rates(&scope(target)?).await?;
                let now = models.map_or_else(|| "all".to_owned(), |models| models.join(", "));
                Ok(Form::new(format!("Models of {}", target.name()), "set them").with(
                    Field::text("models", "Models", Rule::Models).preset(now).hint("with commas between, or all"),
                ))
            }
            Self::Rate => {
                let (_, limits) = ask.view.models_and_rates(&scope(target)?).await?;
                let form = Form::new(format!("Rate limit of {}", target.name()), "set it").telling(told(&limits));
                let rates = Rate::ALL.into_iter().map(|rate| Item::word(rate.name())).collect();
                Ok(form
                    .with(Field::text("model", "Model", Rule::Name))
                    .with(Field::choice("rate", "Rate", rates))
                    .with(Field::text("value", "At most", Rule::Number).hint("a whole number; none takes it away")))
            }
            Self::ModelBudget | Self::MemberBudget | Self::KeyBudget => self.part(target, ask).await,
        }
    }

    async fn part(self, target: &Target, ask: &Ask<'_>) -> Result<Form, ControlError> {
        let project = misplaced(target.project())?;
        let view = ask.view.project_view(project, ask.now.month()).await?;
        let parts = ask.view.part_budgets(project, ask.now.month()).await?;
        let amount = |kind| {
            Field::text("budget", "Monthly budget", Rule::PartBudget(kind, view.limits.budget))
                .hint("in dollars; none takes it away, 0 lets nothing be spent")
        };
        let form = Form::new(format!("Budget within {}", project.name), "set it").telling(format!(
            "The project's own budget: {}.",
            view.limits.budget.map_or_else(|| "none".to_owned(), money)
        ));
        Ok(match self {
            Self::KeyBudget => {
                let before = parts.iter().find(|part| part.part.kind == PartKind::Key && part.part.id == target.id());
                let form = Form::new(format!("Budget of {}", target.name()), "set it").telling(spent_of(before));
                form.with(amount(PartKind::Key).preset(typed(before.map(|part| part.budget))))
            }
            Self::MemberBudget => {
                let members = ask.view.project_members(project).await?;
                let items = members.iter().map(|member| {
                    let before = parts.iter().find(|part| part.part.id == member.id);
                    Item::of(&member.id, named(member)).noting(spent_of(before))
                });
                form.with(Field::choice("of", "Member", items.collect())).with(amount(PartKind::Member))
            }
            _ => {
                let known = models_used(project, ask).await?;
                form.telling(known)
                    .with(Field::text("of", "Model", Rule::Name).hint("as usage names it"))
                    .with(amount(PartKind::Model))
            }
        })
    }

    pub(super) fn deed(self, target: &Target, form: &Form) -> Result<Deed, String> {
        let part = |of| {
            let project = there(target.project())?.id.clone();
            Ok(Deed::Part { project, of, budget: form.amount("budget")? })
        };
        let change = match self {
            Self::KeyBudget => return part(PartNamed::Key(there(target.key())?.id.clone())),
            Self::MemberBudget => return part(PartNamed::Member(form.text("of"))),
            Self::ModelBudget => return part(PartNamed::Model(form.text("of"))),
            Self::Budget => LimitChange {
                budget: Some(form.amount("budget")?),
                threshold: Some(form.amount("threshold")?),
                lower_projects: form.yes("lower_projects"),
                lower_parts: form.yes("lower_parts"),
                ..LimitChange::default()
            },
            Self::Models => {
                LimitChange { models: Some(crate::form::models(&form.text("models"))?), ..LimitChange::default() }
            }
            Self::Rate => {
                let rate = form.text("rate");
                let rate = Rate::ALL.into_iter().find(|known| known.name() == rate);
                let rates =
                    vec![RateChange { model: form.text("model"), rate: there(rate)?, value: form.number("value")? }];
                LimitChange { rates, ..LimitChange::default() }
            }
        };
        let of = match target.organization() {
            Some(organization) => LimitsOf::Organization(organization.id.clone()),
            None => LimitsOf::Project(there(target.project())?.id.clone()),
        };
        Ok(Deed::Set { of, change })
    }
}

fn scope(target: &Target) -> Result<Scope, ControlError> {
    if let Some(organization) = target.organization() {
        return Ok(Scope::organization(&organization.id));
    }
    let project = misplaced(target.project())?;
    Ok(Scope::project(&project.id, &project.organization_id))
}

async fn budget(target: &Target, ask: &Ask<'_>) -> Result<Form, ControlError> {
    let month = ask.now.month();
    let (limits, spend, above) = match target.organization() {
        Some(organization) => {
            let view = ask.view.organization_view(organization, month).await?;
            (view.limits, view.spend, None)
        }
        None => {
            let project = misplaced(target.project())?;
            let organization = ask.view.organization(&project.organization_id).await?;
            let above = ask.view.organization_view(&organization, month).await?.limits;
            let view = ask.view.project_view(project, month).await?;
            (view.limits, view.spend, Some(above))
        }
    };
    let mut form = Form::new(format!("Budget of {}", target.name()), "set it");
    if let Some(spend) = spend {
        form = form.telling(format!("Spent in {}: {}.", month.name(), money(spend)));
    }
    if let Some(Limits { budget: Some(above), .. }) = above {
        form = form.telling(format!("Its organization's budget: {}.", money(above)));
    }
    let form = form
        .with(
            Field::text("budget", "Monthly budget", Rule::Budget(above))
                .preset(typed(limits.budget))
                .hint("in dollars, past which every request is refused; none takes it away"),
        )
        .with(
            Field::text("threshold", "Alert at", Rule::Threshold(above))
                .preset(typed(limits.threshold))
                .hint("monthly spend in dollars that raises an alert; none takes it away"),
        );
    Ok(match target {
        Target::Organization(_) => form.with(
            Field::yes_no("lower_projects", "Lower projects").hint("lowers its projects along where they are above it"),
        ),
        _ => form.with(
            Field::yes_no("lower_parts", "Lower parts")
                .hint("lowers the budgets of its models, members and keys along where they are above it"),
        ),
    })
}

/// `Now $20.00, of which $4.10 is spent.`
fn spent_of(part: Option<&SeenPart>) -> String {
    match part {
        None => "No budget of its own yet.".to_owned(),
        Some(SeenPart { budget, spend: Some(spend), .. }) => {
            format!("Now {}, of which {} is spent.", money(*budget), money(*spend))
        }
        Some(SeenPart { budget, .. }) => format!("Now {}.", money(*budget)),
    }
}

/// The models that the project spent on this month, for whoever may see that.
async fn models_used(project: &Project, ask: &Ask<'_>) -> Result<String, ControlError> {
    if !ask.view.sight().may(Action::SeeSpend, project) {
        return Ok("A model is named as usage names it.".to_owned());
    }
    let rows = ask.view.spend((None, Some(project)), (ask.now.month(), SpendBy::Model)).await?;
    let used: Vec<&str> = rows.iter().map(|row| row.name.as_str()).take(6).collect();
    Ok(if used.is_empty() {
        "No model was used this month.".to_owned()
    } else {
        format!("Used this month: {}.", used.join(", "))
    })
}

/// The rate limits that there are, in a sentence.
fn told(limits: &[RateLimit]) -> String {
    let of_model = |limit: &RateLimit| {
        let set = Rate::ALL.into_iter().filter_map(|rate| Some(format!("{}={}", rate.name(), limit.rates.get(rate)?)));
        format!("{}: {}", limit.model, set.collect::<Vec<_>>().join(", "))
    };
    let all: Vec<String> = limits.iter().map(of_model).collect();
    if all.is_empty() { "There is no rate limit yet.".to_owned() } else { format!("Now {}.", all.join("; ")) }
}

impl Deed {
    pub(super) async fn carry_out(self, means: &Means<'_>) -> Result<Done, ControlError> {
        match self {
            Self::Set { of, change } => {
                let about = changed(&change);
                let after = means.control.set_limits(means.actor, &of, &change).await?;
                Ok(Done::new(format!("{about}{}", along(&after))))
            }
            Self::Part { project, of, budget } => {
                let after = means.control.set_part_budget(means.actor, (&project, &of), budget).await?;
                let amount = after.budget.map_or_else(|| "none".to_owned(), money);
                Ok(Done::new(format!("the {}'s budget is {amount}", after.part.kind)))
            }
        }
    }
}

fn changed(change: &LimitChange) -> String {
    let amount = |amount: Option<Nanos>| amount.map_or_else(|| "none".to_owned(), money);
    match (change.budget, &change.models, change.rates.first()) {
        (Some(budget), ..) => {
            format!("the budget is {}, the threshold {}", amount(budget), amount(change.threshold.flatten()))
        }
        (None, Some(models), _) => format!("the models are {}", listed(models)),
        (None, None, Some(rate)) => {
            let value = rate.value.map_or_else(|| "none".to_owned(), |value| value.to_string());
            format!("{} of {} is {value}", rate.rate.name(), rate.model)
        }
        (None, None, None) => "nothing is changed".to_owned(),
    }
}

fn listed(models: &Models) -> String {
    models.as_ref().map_or_else(|| "all".to_owned(), |models| models.join(", "))
}

/// What a change of limits brought with it.
fn along(after: &LimitsAfter) -> String {
    let alerts = after.alerts.iter().map(|alert| match alert.kind {
        AlertKind::Threshold => "; the threshold is passed",
        AlertKind::Exhausted => "; the budget is exhausted: every request is refused",
    });
    let mut text: String = alerts.collect();
    let lowered: Vec<&str> = after.lowered_projects.iter().chain(&after.lowered_parts).map(String::as_str).collect();
    if !lowered.is_empty() {
        text.push_str(&format!("; lowered along: {}", lowered.join(", ")));
    }
    text
}
