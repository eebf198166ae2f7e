//! What the environment says of the terminal, where the configuration leaves it open.

use crate::config::{Background, Colors, Look, Symbols};
use crate::symbols::Charset;
use crate::theme::{Depth, Slots, Theme};

/// Terminals that have all colours and need not say so in COLORTERM.
const TRUE_COLOR: [&str; 7] = ["kitty", "alacritty", "foot", "wezterm", "ghostty", "contour", "-direct"];
/// Terminals that have none.
const COLORLESS: [&str; 6] = ["vt52", "vt100", "vt102", "vt220", "vt320", "xterm-mono"];

/// What is known of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// How many colours there are.
    pub depth: Depth,
    /// Whether the background is light, where that is known.
    pub light: Option<bool>,
    /// Whether the terminal is to be asked for its background.
    pub asks: bool,
    /// Which characters can be shown.
    pub charset: Charset,
}

impl Surroundings {
    /// What the configuration says, and where it leaves that open the variables of the environment.
    #[must_use]
    pub fn of(look: &Look, variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let depth = match look.colors {
            Colors::None => Depth::None,
            Colors::Sixteen => Depth::Sixteen,
            Colors::TwoFiftySix => Depth::TwoFiftySix,
            Colors::True => Depth::True,
            Colors::Auto => depth(&variable),
        };
        let light = match look.background {
            Background::Dark => Some(false),
            Background::Light => Some(true),
            Background::Auto => variable("COLORFGBG").and_then(|value| is_light(&value)),
        };
        // the console of Linux answers nothing, and older ones show what they do not know
        let silent = variable("TERM").is_some_and(|term| term == "linux" || COLORLESS.contains(&term.as_str()));
        let asks = look.background == Background::Auto && depth != Depth::None && !silent;
        Self { depth, light, asks, charset: charset(look.symbols, &variable) }
    }

    /// The theme for it.
    #[must_use]
    pub const fn theme(&self, look: &Look, own: Slots) -> Theme {
        Theme::of(self.depth, self.light, look.theme, own)
    }
}

fn depth(variable: &impl Fn(&str) -> Option<String>) -> Depth {
    let term = variable("TERM").unwrap_or_default();
    if variable("NO_COLOR").is_some() || COLORLESS.contains(&term.as_str()) {
        return Depth::None;
    }
    let says = variable("COLORTERM").unwrap_or_default();
    if says == "truecolor" || says == "24bit" || TRUE_COLOR.iter().any(|name| term.contains(name)) {
        return Depth::True;
    }
    if term.contains("256color") { Depth::TwoFiftySix } else { Depth::Sixteen }
}

/// Whether a background is light, from `COLORFGBG`: the numbers of foreground and background in the 16 colours, with
/// a semicolon between. Colour 7 and those from 9 on are light, 8 is a dark grey.
fn is_light(colors: &str) -> Option<bool> {
    let background: u8 = colors.rsplit(';').next()?.parse().ok()?;
    Some(background == 7 || (9..16).contains(&background))
}

/// A locale that nobody set says nothing: terminals have been UTF-8 for long.
fn charset(symbols: Symbols, variable: &impl Fn(&str) -> Option<String>) -> Charset {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable);
    let other = locale.is_some_and(|locale| !locale.to_lowercase().replace('-', "").contains("utf8"));
    match symbols {
        Symbols::Unicode => Charset::Unicode,
        Symbols::Ascii if !other => Charset::AsciiSymbols,
        Symbols::Auto if !other => Charset::Unicode,
        Symbols::Ascii | Symbols::Auto => Charset::Ascii,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(look: &Look, variables: &[(&str, &str)]) -> Surroundings {
        let variables: Vec<(String, String)> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Surroundings::of(look, |name| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()))
    }

    #[test]
    fn the_environment_says_how_many_colours_there_are() {
        for (variables, depth) in [
            (&[("TERM", "xterm-256color")][..], Depth::TwoFiftySix),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")], Depth::True),
            (&[("TERM", "xterm-kitty")], Depth::True),
            (&[("TERM", "linux")], Depth::Sixteen),
            (&[("TERM", "screen")], Depth::Sixteen),
            (&[("TERM", "vt100")], Depth::None),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "1")], Depth::None),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "")], Depth::TwoFiftySix),
        ] {
            assert_eq!(of(&Look::default(), variables).depth, depth, "{variables:?}");
        }
        let asked = Look { colors: Colors::TwoFiftySix, ..Look::default() };
        assert_eq!(of(&asked, &[("NO_COLOR", "1")]).depth, Depth::TwoFiftySix, "who sets it means it");
    }

    #[test]
    fn the_background_is_known_where_the_terminal_says_it() {
        for (value, light) in
            [("0;15", Some(true)), ("15;0", Some(false)), ("0;default;7", Some(true)), ("0;default", None), ("", None)]
        {
            assert_eq!(of(&Look::default(), &[("COLORFGBG", value)]).light, light, "{value}");
        }
        let asked = Look { background: Background::Light, ..Look::default() };
        let known = of(&asked, &[("COLORFGBG", "15;0"), ("TERM", "xterm-256color")]);
        assert_eq!((known.light, known.asks), (Some(true), false));
        assert!(of(&Look::default(), &[("TERM", "xterm")]).asks);
        assert!(!of(&Look::default(), &[("TERM", "linux")]).asks);
    }

    #[test]
    fn a_locale_of_another_character_set_has_ascii_alone() {
        for (variables, charset) in [
            (&[][..], Charset::Unicode),
            (&[("LANG", "de_DE.UTF-8")], Charset::Unicode),
            (&[("LANG", "C.utf8"), ("LC_ALL", "C")], Charset::Ascii),
            (&[("LC_CTYPE", "en_US.ISO-8859-1"), ("LANG", "C.UTF-8")], Charset::Ascii),
        ] {
            assert_eq!(of(&Look::default(), variables).charset, charset, "{variables:?}");
        }
        let asked = Look { symbols: Symbols::Ascii, ..Look::default() };
        assert_eq!(of(&asked, &[("LANG", "C.UTF-8")]).charset, Charset::AsciiSymbols);
        let asked = Look { symbols: Symbols::Unicode, ..Look::default() };
        assert_eq!(of(&asked, &[("LC_ALL", "C")]).charset, Charset::Unicode);
    }
}
