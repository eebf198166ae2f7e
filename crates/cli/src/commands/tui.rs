//! `mete tui`, and how the environment wants the terminal interface to look.

use mete_tui::Options;

use crate::context::Context;
use crate::error::CliError;

/// Opens the terminal interface on the store, as far as the actor may see it.
pub async fn run(context: &Context) -> Result<(), CliError> {
    let (store, actor) = (context.store().await?.clone(), context.actor().await?.clone());
    Ok(mete_tui::run(store, actor, context.clock(), options()).await?)
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
