//! `mete resource`.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use mete_store::ResourceKind;

use crate::context::Context;
use crate::error::CliError;
use crate::output::{Rows, Table, count, left, money, right, time};

/// What to do with resources.
#[derive(Debug, Subcommand)]
pub enum ResourceCommand {
    /// List the files, threads and the like of a project that usage named, those seen last first
    List(ListArgs),
}

/// Which resources to list.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete resource list --project Support --type file")]
pub struct ListArgs {
    /// The project
    #[arg(long, value_name = "PROJECT")]
    project: String,
    /// Only those of this type
    #[arg(long = "type", value_name = "TYPE", value_parser = kind_parser())]
    kind: Option<ResourceKind>,
    /// The most resources to list [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

fn kind_parser() -> impl TypedValueParser<Value = ResourceKind> {
    PossibleValuesParser::new(ResourceKind::ALL.map(ResourceKind::as_str)).try_map(|word| word.parse::<ResourceKind>())
}

/// Lists them (R36).
pub async fn run(command: ResourceCommand, context: &Context) -> Result<(), CliError> {
    let ResourceCommand::List(args) = command;
    let view = context.view().await?;
    let project = view.project(None, &args.project).await?;
    let rows = Rows { rows: view.resources(&project, (args.kind, args.limit.map(i64::from))).await? };
    context.output.show(&rows, || {
        let columns = [
            left("TYPE"),
            left("ID"),
            left("FIRST SEEN"),
            left("LAST SEEN"),
            right("REQUESTS"),
            right("BYTES"),
            right("SPEND"),
        ];
        let mut table = Table::new(&columns);
        for resource in &rows.rows {
            table.row([
                resource.kind.to_string(),
                resource.id.clone(),
                time(resource.first_seen_at),
                time(resource.last_seen_at),
                resource.requests.map(count).unwrap_or_default(),
                count(resource.bytes),
                resource.spend.map(money).unwrap_or_default(),
            ]);
        }
        table.render("usage named no such resources")
    })
}
