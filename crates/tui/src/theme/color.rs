//! Colours as they are written in the configuration, and as a terminal of few colours can show them.

use std::fmt;
use std::str::FromStr;

use ratatui::style::Color;

/// How many colours a terminal has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// None, or none are wanted.
    None,
    /// The sixteen that every terminal's owner can choose.
    Sixteen,
    /// Those, a cube of 216, and 24 greys.
    #[default]
    TwoFiftySix,
    /// All.
    True,
}

/// A colour that somebody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// The terminal's own foreground or background.
    Default,
    /// One of the terminal's 256, by its number; the first 16 are its owner's.
    Own(u8),
    /// Exactly this red, green and blue.
    Exact(u8, u8, u8),
}

/// The sixteen colours, in the order of their numbers.
pub const NAMES: [&str; 16] = [
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "gray",
    "dark_gray",
    "light_red",
    "light_green",
    "light_yellow",
    "light_blue",
    "light_magenta",
    "light_cyan",
    "white",
];

const NAMED: [Color; 16] = [
    Color::Black,
    Color::Red,
    Color::Green,
    Color::Yellow,
    Color::Blue,
    Color::Magenta,
    Color::Cyan,
    Color::Gray,
    Color::DarkGray,
    Color::LightRed,
    Color::LightGreen,
    Color::LightYellow,
    Color::LightBlue,
    Color::LightMagenta,
    Color::LightCyan,
    Color::White,
];

/// What xterm shows for the sixteen, to find the nearest one; owners change them, so it is a guess.
const SIXTEEN: [(u8, u8, u8); 16] = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
];

/// Red, green or blue in the cube of 216.
const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];

impl Paint {
    /// The colour as a terminal of this depth can show it; nothing where it has none.
    #[must_use]
    pub fn at(self, depth: Depth) -> Option<Color> {
        match (depth, self) {
            (Depth::None, _) => None,
            (_, Self::Default) => Some(Color::Reset),
            (_, Self::Own(index @ 0..16)) => Some(NAMED[usize::from(index)]),
            (Depth::Sixteen, Self::Own(index)) => Some(nearest_named(channels(index))),
            (Depth::Sixteen, Self::Exact(red, green, blue)) => Some(nearest_named((red, green, blue))),
            (Depth::TwoFiftySix | Depth::True, Self::Own(index)) => Some(Color::Indexed(index)),
            (Depth::TwoFiftySix, Self::Exact(red, green, blue)) => Some(Color::Indexed(nearest((red, green, blue)))),
            (Depth::True, Self::Exact(red, green, blue)) => Some(Color::Rgb(red, green, blue)),
        }
    }
}

impl fmt::Display for Paint {
    /// As it is written in the configuration.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("\"default\""),
            Self::Own(index @ 0..16) => write!(f, "{:?}", NAMES[usize::from(*index)]),
            Self::Own(index) => write!(f, "{index}"),
            Self::Exact(red, green, blue) => write!(f, "\"#{red:02x}{green:02x}{blue:02x}\""),
        }
    }
}

impl FromStr for Paint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.trim().to_lowercase().replace([' ', '-'], "_").replace("grey", "gray");
        if name == "default" {
            return Ok(Self::Default);
        }
        if let Some(index) = NAMES.iter().position(|known| *known == name) {
            return Ok(Self::Own(index as u8));
        }
        let hex = name.strip_prefix('#').filter(|hex| hex.len() == 6 && hex.is_ascii());
        if let Some(Ok(value)) = hex.map(|hex| u32::from_str_radix(hex, 16)) {
            let [_, red, green, blue] = value.to_be_bytes();
            return Ok(Self::Exact(red, green, blue));
        }
        if let Ok(index) = name.parse() {
            return Ok(Self::Own(index));
        }
        let known = NAMES.into_iter().chain(["default"]);
        let near =
            crate::config::nearest(&name, known).map_or_else(String::new, |near| format!("did you mean {near:?}? "));
        Err(format!(
            "{text:?} is no colour: {near}A colour is a name ({}), \"default\", a number from 0 to 255, or \"#rrggbb\"",
            NAMES.join(", ")
        ))
    }
}

/// Red, green and blue of one of the 256 colours.
const fn channels(index: u8) -> (u8, u8, u8) {
    match index {
        0..16 => SIXTEEN[index as usize],
        16..232 => {
            let cube = index - 16;
            (STEPS[(cube / 36) as usize], STEPS[(cube / 6 % 6) as usize], STEPS[(cube % 6) as usize])
        }
        232.. => {
            let gray = 8 + (index - 232) * 10;
            (gray, gray, gray)
        }
    }
}

fn nearest_named(wanted: (u8, u8, u8)) -> Color {
    let index = (0..16_u8).min_by_key(|index| distance(channels(*index), wanted)).unwrap_or_default();
    NAMED[usize::from(index)]
}

/// The first 16 are left out: their owner may have made anything of them.
fn nearest(wanted: (u8, u8, u8)) -> u8 {
    (16..=255_u8).min_by_key(|index| distance(channels(*index), wanted)).unwrap_or_default()
}

/// How unlike two colours look: the eye weighs green most and blue least.
fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
    2 * square(a.0, b.0) + 4 * square(a.1, b.1) + 3 * square(a.2, b.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_a_name_a_number_or_exact() {
        for (text, paint) in [
            ("red", Paint::Own(1)),
            ("Dark Grey", Paint::Own(8)),
            ("light_blue", Paint::Own(12)),
            ("default", Paint::Default),
            ("237", Paint::Own(237)),
            ("#ff8700", Paint::Exact(255, 135, 0)),
        ] {
            assert_eq!(text.parse(), Ok(paint), "{text}");
        }
        for text in ["", "#ff87", "256", "#gggggg", "-1", "#é1234"] {
            assert!(text.parse::<Paint>().is_err(), "{text}");
        }
        assert!("grene".parse::<Paint>().unwrap_err().contains("did you mean \"green\"?"));
    }

    #[test]
    fn what_a_terminal_does_not_have_becomes_the_nearest_it_has() {
        assert_eq!(Paint::Exact(255, 135, 0).at(Depth::TwoFiftySix), Some(Color::Indexed(208)));
        assert_eq!(Paint::Exact(200, 10, 10).at(Depth::Sixteen), Some(Color::Red));
        assert_eq!(Paint::Own(237).at(Depth::Sixteen), Some(Color::Black));
        assert_eq!(Paint::Own(3).at(Depth::True), Some(Color::Yellow));
        assert_eq!(Paint::Exact(1, 2, 3).at(Depth::True), Some(Color::Rgb(1, 2, 3)));
        assert_eq!(Paint::Exact(1, 2, 3).at(Depth::None), None);
    }
}
