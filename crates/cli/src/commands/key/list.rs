//! `mete key list`.

use clap::Args;
use mete_core::directory::{AdminKey, ApiKey};
use mete_store::KeyFilter;

use crate::commands::lookup;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Rows, Table, left, time};

/// Which keys to list.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete key list --project Support")]
pub struct ListArgs {
    /// Of this organization only
    #[arg(long, value_name = "ORG")]
    org: Option<String>,
    /// Of this project only
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Of this person only, or of the service account with this id
    #[arg(long, value_name = "EMAIL")]
    member: Option<String>,
    /// The administration keys in place of those of projects
    #[arg(long, conflicts_with = "project")]
    admin: bool,
}

impl ListArgs {
    /// Whether a key of this owner is wanted.
    fn wants(&self, owner_id: &str, owner: &str) -> bool {
        self.member.as_deref().is_none_or(|member| member == owner_id || member.trim().to_lowercase() == owner)
    }
}

const NONE: &str = "there are no such keys";

/// Lists them.
pub async fn run(args: &ListArgs, context: &Context) -> Result<(), CliError> {
    let view = context.view().await?;
    let organization = lookup::organization(&view, args.org.as_deref()).await?;
    if args.admin {
        let mut rows = view.admin_keys(organization.as_ref()).await?;
        rows.retain(|key| args.wants(&key.owner_id, &key.owner));
        return show_admin(rows, context);
    }
    let project = lookup::project(&view, organization.as_ref(), args.project.as_deref()).await?;
    let filter = KeyFilter {
        organization_id: organization.map(|organization| organization.id),
        project_id: project.map(|project| project.id),
        owner_id: None,
    };
    let mut rows = view.keys(&filter).await?;
    rows.retain(|key| args.wants(&key.owner_id, &key.owner));
    show(rows, context)
}

fn show(rows: Vec<ApiKey>, context: &Context) -> Result<(), CliError> {
    let rows = Rows { rows };
    context.output.show(&rows, || {
        let columns = [
            left("ID"),
            left("NAME"),
            left("KEY"),
            left("OWNER"),
            left("PROJECT"),
            left("STATUS"),
            left("PERMISSIONS"),
            left("CREATED"),
            left("EXPIRES"),
            left("LAST USED"),
        ];
        let mut table = Table::new(&columns);
        for key in &rows.rows {
            table.row([
                key.id.clone(),
                key.name.clone(),
                key.redacted_value.clone(),
                key.owner.clone(),
                key.project_id.clone(),
                key.status.to_string(),
                key.permissions.kind.to_string(),
                time(key.created_at),
                key.expires_at.map(time).unwrap_or_default(),
                key.last_used_at.map(time).unwrap_or_default(),
            ]);
        }
        table.render(NONE)
    })
}

fn show_admin(rows: Vec<AdminKey>, context: &Context) -> Result<(), CliError> {
    let rows = Rows { rows };
    context.output.show(&rows, || {
        let columns = [
            left("ID"),
            left("NAME"),
            left("KEY"),
            left("OWNER"),
            left("ORGANIZATION"),
            left("STATUS"),
            left("CREATED"),
            left("EXPIRES"),
            left("LAST USED"),
        ];
        let mut table = Table::new(&columns);
        for key in &rows.rows {
            table.row([
                key.id.clone(),
                key.name.clone(),
                key.redacted_value.clone(),
                key.owner.clone(),
                key.organization_id.clone(),
                key.status.to_string(),
                time(key.created_at),
                key.expires_at.map(time).unwrap_or_default(),
                key.last_used_at.map(time).unwrap_or_default(),
            ]);
        }
        table.render(NONE)
    })
}
