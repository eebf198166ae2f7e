//! `mete tui`.

use mete_tui::Options;

use crate::context::Context;
use crate::error::CliError;

/// Opens the terminal interface on the store.
pub async fn run(context: &Context) -> Result<(), CliError> {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let options = Options { no_color, actor: "operator".to_owned(), ..Options::default() };
    Ok(mete_tui::run(context.store().await?.clone(), context.clock(), options).await?)
}
