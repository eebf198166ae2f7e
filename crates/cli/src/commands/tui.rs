//! `mete tui`, and how the environment wants the terminal interface to look.

use std::path::PathBuf;

use clap::Args;
use mete_control::host::system_random;
use mete_tui::Options;

use super::{explain, quarantine};
use crate::context::Context;
use crate::error::CliError;

/// How to open it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete tui --store sqlite:mete.db --read-only\n  \
    mete tui --daemon http://127.0.0.1:8790")]
pub struct TuiArgs {
    /// Only look: nothing that changes the store is offered, and its schema is left as it is
    #[arg(long)]
    read_only: bool,
    /// The running daemon, which alone knows what is held and under way, for explanations: its URL, or the path of its
    /// socket
    #[arg(long, value_name = "URL")]
    daemon: Option<String>,
    /// The file with the daemon's token, for a daemon that asks for one: the token_file of its `[ingest]`
    #[arg(long, value_name = "FILE", requires = "daemon")]
    token_file: Option<PathBuf>,
}

/// Opens the terminal interface on the store, as far as the actor may see it.
pub async fn run(args: &TuiArgs, context: &Context) -> Result<(), CliError> {
    let store = if args.read_only { context.store_as_it_is().await? } else { context.store().await? };
    let (store, actor) = (store.clone(), context.actor().await?.clone());
    let retrying = Some(quarantine::again(&store, &context.clock()));
    if args.daemon.is_some() {
        context.operator_only("ask the daemon, which tells all")?;
    }
    let daemon = args.daemon.clone().map(|place| explain::Daemon { place, token_file: args.token_file.clone() });
    let explaining = Some(explain::explaining((&store, &actor), &context.clock(), daemon));
    let options = Options { read_only: args.read_only, retrying, explaining, ..options() };
    Ok(mete_tui::run((store, actor), context.clock(), Box::new(system_random()), options).await?)
}

/// Colours as the environment asks for them: `NO_COLOR`, and `COLORFGBG` for the background.
pub fn options() -> Options {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let light = std::env::var("COLORFGBG").ok().and_then(|value| is_light(&value));
    Options { no_color, light, ..Options::default() }
}

/// Whether a background is light, from `COLORFGBG`: the numbers of foreground and background in the 16 colours, with
/// a semicolon between. Colour 7 and those from 9 on are light, 8 is a dark grey.
fn is_light(colors: &str) -> Option<bool> {
    let background: u8 = colors.rsplit(';').next()?.parse().ok()?;
    Some(background == 7 || (9..16).contains(&background))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_background_is_known_where_the_terminal_says_it() {
        for (value, light) in
            [("0;15", Some(true)), ("15;0", Some(false)), ("0;default;7", Some(true)), ("0;default", None), ("", None)]
        {
            assert_eq!(is_light(value), light, "{value}");
        }
    }
}
