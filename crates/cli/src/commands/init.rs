//! `mete init`.

use clap::Args;
use mete_control::NewOrganizationInput;
use mete_core::directory::{check_email, check_name};

use crate::context::Context;
use crate::error::CliError;
use crate::output::facts;

/// The first organization.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete init --org Acme --owner dana@acme.test")]
pub struct InitArgs {
    /// Name of the first organization
    #[arg(long, value_name = "NAME")]
    org: String,
    /// E-mail address of its first owner
    #[arg(long, value_name = "EMAIL")]
    owner: String,
}

/// Makes the store and its first organization.
pub async fn run(args: InitArgs, context: &Context) -> Result<(), CliError> {
    // Before the store is made: a refused name must not leave an empty one behind.
    check_name(&args.org)?;
    check_email(&args.owner)?;
    let store = context.create_store().await?;
    let input = NewOrganizationInput { name: args.org, owner: args.owner, parent: None };
    let created = context.change(async |control, actor| control.init(actor, &input).await).await?;
    context.output.show(&created, || {
        facts(&[
            ("Store", store.url().to_string()),
            ("Organization", format!("{} ({})", created.organization.name, created.organization.id)),
            ("Default project", created.default_project.id.clone()),
            ("Next", "mete project create NAME --org ORG".to_owned()),
        ])
    })
}
