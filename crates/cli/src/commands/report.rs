//! `mete report`.

use clap::{Args, ValueEnum};
use mete_core::Month;
use mete_report::{Statement, document};

use super::lookup::Within;
use crate::context::Context;
use crate::error::CliError;

/// Whose month, and how it is written.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete report --org Acme --month 2026-11 --format html > acme-2026-11.html")]
pub struct ReportArgs {
    #[command(flatten)]
    within: Within,
    /// The UTC month [default: the present one]
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<Month>,
    /// How it is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// How a statement is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal or a plain mail
    Text,
    /// GitHub's Markdown
    Markdown,
    /// One page with its style and charts within
    Html,
}

impl Format {
    const fn of_document(self) -> document::Format {
        match self {
            Self::Text => document::Format::Text,
            Self::Markdown => document::Format::Markdown,
            Self::Html => document::Format::Html,
        }
    }
}

/// Writes the statement of a month (R33), as far as the actor may see it (R6).
pub async fn run(args: ReportArgs, context: &Context) -> Result<(), CliError> {
    let view = context.view().await?;
    let (organization, project) = args.within.find(&view).await?;
    let within = (organization.as_ref(), project.as_ref());
    let statement = Statement::gather(&view, within, context.month(args.month), context.now()).await?;
    context.output.show(&statement, || document::write(&statement, args.format.of_document()))
}
