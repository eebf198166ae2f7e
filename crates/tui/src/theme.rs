//! Colours and emphasis. Colour says state and nothing else, and never says it alone: signs and words go with it.

use ratatui::style::{Color, Modifier, Style};

/// What a piece of text means to the reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Ordinary text.
    #[default]
    Plain,
    /// Text that steps back: units, labels, what is all right.
    Dim,
    /// Text that steps forward without a state: names, totals.
    Strong,
    /// Titles, the selection's sign, today.
    Accent,
    /// Refused or over.
    Bad,
    /// Near a limit, or stale.
    Near,
    /// Just recovered.
    Good,
}

/// Turns a [`Tone`] into a style that suits the terminal.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    colors: bool,
    light: Option<bool>,
}

impl Theme {
    /// A theme without colours if `no_color`; `light` says whether the background is light, where that is known.
    #[must_use]
    pub const fn new(no_color: bool, light: Option<bool>) -> Self {
        Self { colors: !no_color, light }
    }

    /// Whether the background is light, where that is known.
    #[must_use]
    pub const fn light(&self) -> Option<bool> {
        self.light
    }

    /// The style of a tone. Without colours only the modifiers are left.
    #[must_use]
    pub fn style(&self, tone: Tone) -> Style {
        let (color, modifier) = match tone {
            Tone::Plain => (None, Modifier::empty()),
            Tone::Dim => (None, Modifier::DIM),
            Tone::Strong => (None, Modifier::BOLD),
            Tone::Accent => (Some(self.accent()), Modifier::BOLD),
            Tone::Bad => (Some(Color::Red), Modifier::BOLD),
            Tone::Near => (Some(self.yellow()), Modifier::empty()),
            Tone::Good => (Some(Color::Green), Modifier::empty()),
        };
        let style = Style::new().add_modifier(modifier);
        match color.filter(|_| self.colors) {
            Some(color) => style.fg(color),
            None => style,
        }
    }

    /// Laid over the selected row of the list that has the keys.
    #[must_use]
    pub fn selected_row(&self) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD);
        self.selected_background().map_or(style, |background| style.bg(background))
    }

    /// Laid over the first cell of that row. Where the background is not known it is reversed; the rest of the row is
    /// not, for states and bars would change their looks.
    #[must_use]
    pub fn selected_cell(&self) -> Style {
        match self.selected_background() {
            Some(background) => Style::new().bg(background),
            None => Style::new().add_modifier(Modifier::REVERSED),
        }
    }

    fn selected_background(&self) -> Option<Color> {
        let light = self.light.filter(|_| self.colors)?;
        Some(Color::Indexed(if light { 253 } else { 237 }))
    }

    /// Laid over the cell of an input line that the next character goes to.
    #[must_use]
    pub fn cursor(&self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    fn accent(&self) -> Color {
        if self.light == Some(true) { Color::Blue } else { Color::Cyan }
    }

    /// Plain yellow cannot be read on white.
    fn yellow(&self) -> Color {
        if self.light == Some(true) { Color::Indexed(130) } else { Color::Yellow }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_no_style_has_one_and_the_selection_still_shows() {
        for light in [None, Some(true), Some(false)] {
            let theme = Theme::new(true, light);
            for tone in [Tone::Plain, Tone::Dim, Tone::Strong, Tone::Accent, Tone::Bad, Tone::Near, Tone::Good] {
                assert_eq!((theme.style(tone).fg, theme.style(tone).bg), (None, None), "{tone:?}");
            }
            assert_eq!(theme.selected_row(), Style::new().add_modifier(Modifier::BOLD));
            assert_eq!(theme.selected_cell(), Style::new().add_modifier(Modifier::REVERSED));
        }
    }

    #[test]
    fn states_have_colours_that_can_be_read_on_light_and_dark() {
        assert_eq!(Theme::new(false, None).style(Tone::Near).fg, Some(Color::Yellow));
        assert_eq!(Theme::new(false, Some(true)).style(Tone::Near).fg, Some(Color::Indexed(130)));
        assert_eq!(Theme::new(false, Some(false)).style(Tone::Bad).fg, Some(Color::Red));
    }
}
