//! What each row of R6's table stands for.

use std::pin::Pin;

use mete_control::ControlError;
use mete_core::actor::Actor;

use crate::rights::changes::*;
use crate::rights::looks::*;
use crate::rights::scene::Scene;
use crate::rights::spend_and_record::*;

/// Whether everything that the row is about was done or shown.
pub type Outcome = Result<bool, ControlError>;

type Running<'s> = Pin<Box<dyn Future<Output = Outcome> + 's>>;

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A change: leaves an audit entry, also when it is refused.
    Change,
    /// A look at one thing: refused with an error.
    Look,
    /// A look at whatever there is for somebody: others see less.
    List,
}

/// What it is about: what somebody may do with it depends on what they are to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    Organization,
    Project,
    /// A key of the project.
    Key,
    /// An alert of the project.
    Alert,
}

/// Something to try.
pub struct Attempt {
    pub name: &'static str,
    pub kind: Kind,
    pub about: About,
    pub run: for<'s, 'a, 'b> fn(&'s Scene<'a, 'b>, &'s Actor) -> Running<'s>,
}

macro_rules! attempts {
    ($($kind:ident $about:ident: $($name:ident),+;)+) => {
        &[$($(Attempt {
            name: stringify!($name),
            kind: Kind::$kind,
            about: About::$about,
            run: |scene, actor| Box::pin($name(scene, actor)),
        }),+),+]
    };
}

/// The rows of the table by their words, and what is tried for each. What is allowed is tried in this order.
pub const ATTEMPTS: [(&str, &[Attempt]); 16] = [
    (
        "see the organization's name and basic facts",
        attempts! {
            Look Organization: organization_by_id, organization_figures;
            List Organization: organization_in_list;
        },
    ),
    (
        "see a project, its members and their roles",
        attempts! {
            Look Project: project_by_id, project_figures, project_members;
            List Project: project_in_list, accounts_in_list;
        },
    ),
    (
        "the list of all projects, active and archived; all users; all keys",
        attempts! {
            List Organization: all_projects, all_keys;
            Look Organization: all_users;
        },
    ),
    ("create a project", attempts! { Change Organization: create_project; }),
    (
        "rename a project, edit its description and website",
        attempts! {
            Change Project: rename_project, edit_description, edit_website;
        },
    ),
    ("archive a project", attempts! { Change Project: archive_project; }),
    (
        "add, remove members of a project, change their role",
        attempts! {
            Change Project: add_member, change_member_role, remove_member;
            Look Project: candidates;
        },
    ),
    (
        "create, remove project service accounts and manage their keys",
        attempts! {
            Change Project: create_account, change_account_role, create_account_key;
            Change Key: edit_account_key, rotate_account_key, disable_account_key, enable_account_key;
        Change Key: revoke_account_key;
            Change Project: remove_account;
        },
    ),
    (
        "create an own API key in a project, edit or revoke it",
        attempts! {
            Change Project: create_own_key;
            Change Key: edit_own_key, rotate_own_key, revoke_own_key;
        },
    ),
    (
        "revoke or edit somebody else's key in the project",
        attempts! {
            Change Key: edit_others_key, rotate_others_key, disable_others_key, enable_others_key, revoke_others_key;
            List Key: others_key_in_list;
        },
    ),
    (
        "invite to, remove from the organization, change an organization role",
        attempts! {
            Change Organization: invite, revoke_invite, change_organization_role, grant_usage, take_grant_back;
            Change Organization: remove_from_organization;
            Look Organization: invites;
        },
    ),
    (
        "create organization-level service accounts",
        attempts! {
            Change Organization: create_organization_account, change_organization_account, remove_organization_account;
        },
    ),
    (
        "set budgets, thresholds, models and rate limits (project or organization)",
        attempts! {
            Change Project: set_budget, set_threshold, set_models, set_rate;
            Change Project: set_model_budget, set_member_budget, set_key_budget, set_own_key_budget;
            Change Project: take_model_budget_away, lower_parts_along;
            Change Organization: set_organization_budget, set_organization_threshold, set_organization_models;
            Change Organization: set_organization_rate, lower_projects_along;
        },
    ),
    (
        "see usage and spend",
        attempts! {
            Look Project: project_spend;
            List Project: project_spend_in_list, project_alerts;
            List Organization: organization_spend, organization_spend_in_list;
        },
    ),
    (
        "read the audit log",
        attempts! {
            Look Project: project_audit;
            List Organization: organization_audit;
            Look Organization: verify_organization;
        },
    ),
    (
        "lift or place a manual block",
        attempts! {
            Change Key: place_key_block, lift_key_block;
            Change Alert: acknowledge_alert;
            Change Project: lift_project_block, place_project_block;
        },
    ),
];
