//! The configuration of the interface: `mete/tui.toml`. All of it is optional; what is wrong in it is said at once, and
//! nothing starts half-configured.

mod check;
mod keys;
mod print;
mod problem;
mod read;
mod schema;

use std::collections::BTreeMap;
use std::path::Path;

pub use keys::{Bindings, Chord};
pub use problem::{ConfigError, Problem};
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::theme::{Named, Slots};

// Every field is documented for the person who sets it: descriptions and defaults go into the printed configuration
// and the JSON Schema from here.
/// What can be set, all of it optional.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "The configuration of Mete's terminal interface")]
pub struct Config {
    /// The screen that is shown first.
    #[schemars(schema_with = "schema::start")]
    pub start: Option<String>,
    /// Whether nothing can be changed from the interface, whatever the rights.
    pub read_only: bool,
    /// Whether the terminal's bell rings when something in sight begins to be refused.
    pub bell: bool,
    /// Whether the mouse is used: the wheel scrolls, a click selects, a click on a heading sorts. The terminal's own
    /// selection then takes shift with it.
    pub mouse: bool,
    /// Colours and symbols.
    pub look: Look,
    /// Colours in place of the theme's: a name, a number from 0 to 255, "#rrggbb", or "default".
    #[serde(deserialize_with = "keys::slots")]
    #[schemars(schema_with = "schema::colors")]
    pub colors: Slots,
    /// Keys of an action, in place of all that it has: one, or a list; an empty list leaves none. A key is a character
    /// or a name (enter, esc, tab, space, up, f5 …), with "ctrl-" before it if need be; several with spaces between are
    /// pressed one after another.
    #[schemars(schema_with = "schema::keys")]
    pub keys: Bindings,
    /// The same for one screen alone. There they go before the keys of everywhere.
    #[schemars(schema_with = "schema::keys_on")]
    pub keys_on: BTreeMap<String, Bindings>,
    /// The columns of a list.
    #[schemars(schema_with = "schema::lists")]
    pub lists: BTreeMap<String, ListConfig>,
}

/// Colours and symbols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Look {
    /// The theme.
    pub theme: Named,
    /// Whether the terminal's background is dark or light; "auto" asks the terminal.
    pub background: Background,
    /// How many colours the terminal has; "auto" goes by NO_COLOR, COLORTERM and TERM.
    pub colors: Colors,
    /// Whether signs and borders are drawn with Unicode's or ASCII's characters; "auto" goes by the locale.
    pub symbols: Symbols,
}

/// The terminal's background.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Background {
    /// As the terminal answers, else as `COLORFGBG` says.
    #[default]
    Auto,
    /// Dark.
    Dark,
    /// Light.
    Light,
}

/// How many colours there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(inline)]
pub enum Colors {
    /// As the environment says.
    #[default]
    #[schemars(rename = "auto")]
    Auto,
    /// None.
    #[schemars(rename = "none")]
    None,
    /// The terminal's own sixteen.
    #[schemars(rename = "16")]
    Sixteen,
    /// 256.
    #[schemars(rename = "256")]
    TwoFiftySix,
    /// All.
    #[schemars(rename = "truecolor")]
    True,
}

impl<'de> Deserialize<'de> for Colors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// A number is as good as its digits.
        const NAMES: &[&str] = &["auto", "none", "16", "256", "truecolor"];
        match keys::text_or_number(deserializer)?.as_str() {
            "auto" => Ok(Self::Auto),
            "none" => Ok(Self::None),
            "16" => Ok(Self::Sixteen),
            "256" => Ok(Self::TwoFiftySix),
            "truecolor" => Ok(Self::True),
            other => Err(D::Error::unknown_variant(other, NAMES)),
        }
    }
}

/// Which characters signs and borders are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Symbols {
    /// Unicode's, unless the locale is of another character set.
    #[default]
    Auto,
    /// Unicode's.
    Unicode,
    /// ASCII's.
    Ascii,
}

/// The columns of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListConfig {
    /// Which ones, in which order, as far as there is room.
    pub columns: Option<Vec<String>>,
    /// The width of some of them, in characters.
    pub widths: BTreeMap<String, u16>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or anything in it is wrong: everything that is, with its line.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|problems| ConfigError::Wrong { path: path.to_owned(), problems })
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// Everything that is wrong in it.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        read::read(text)
    }

    /// A file that sets nothing and says what could be set, and to what it is without.
    #[must_use]
    pub fn defaults() -> String {
        print::defaults()
    }

    /// The JSON Schema of the file, for editors.
    #[must_use]
    pub fn schema() -> String {
        schema::text()
    }
}

/// The known name that is most like what was written, if any is like it.
pub(crate) fn nearest<'n>(written: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    /// As in clap's suggestions.
    const LIKE: f64 = 0.7;
    let likeness = |name: &str| strsim::jaro_winkler(&written.to_lowercase(), &name.to_lowercase());
    let best = known.into_iter().map(|name| (likeness(name), name)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > LIKE).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keymap::Keymap;
    use crate::surroundings::Surroundings;

    /// Every setting of the printed configuration, set to what it is without.
    fn everything() -> String {
        let set = |line: &str| match line.strip_prefix('#') {
            Some(rest) if rest.starts_with(|first: char| first.is_ascii_lowercase()) => rest.to_owned(),
            _ => line.to_owned(),
        };
        Config::defaults().lines().map(set).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_printed_configuration_sets_nothing_and_says_what_holds_without_it() {
        let mut config = Config::parse(&Config::defaults()).unwrap();
        config.keys_on.retain(|_, keys| *keys != Bindings::default());
        config.lists.retain(|_, list| *list != ListConfig::default());
        assert_eq!(config, Config::default());
        let mut config = Config::parse(&everything()).unwrap();
        config.keys_on.retain(|_, keys| *keys != Bindings::default());
        assert_eq!(Keymap::new(&config), Keymap::default());
        assert_eq!(config.look, Look::default());
        for (name, columns) in crate::screens::lists() {
            assert_eq!(config.lists[name].columns.as_ref(), Some(&columns));
        }
        let theme = |config: &Config| {
            let dark = Look { background: Background::Dark, colors: Colors::TwoFiftySix, ..config.look };
            Surroundings::of(&dark, |_| None).theme(&dark, config.colors)
        };
        for tone in [crate::theme::Tone::Accent, crate::theme::Tone::Bad, crate::theme::Tone::Near] {
            assert_eq!(theme(&config).style(tone), theme(&Config::default()).style(tone));
        }
    }
}
