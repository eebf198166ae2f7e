//! Colours and emphasis. Colour says state and nothing else, and never says it alone: signs and words go with it.

mod color;
mod named;

pub use color::{Depth, Paint};
pub use named::{Named, Slot, Slots};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    depth: Depth,
    light: Option<bool>,
    named: Named,
    own: Slots,
}

impl Default for Theme {
    fn default() -> Self {
        Self::new(false, None)
    }
}

impl Theme {
    /// The terminal's own colours, without any if `no_color`; `light` says whether the background is light, where that
    /// is known.
    #[must_use]
    pub fn new(no_color: bool, light: Option<bool>) -> Self {
        let depth = if no_color { Depth::None } else { Depth::TwoFiftySix };
        Self::of(depth, light, Named::default(), Slots::default())
    }

    /// A named theme at the depth of a terminal, with colours of one's own in place of some of its.
    #[must_use]
    pub const fn of(depth: Depth, light: Option<bool>, named: Named, own: Slots) -> Self {
        Self { depth, light, named, own }
    }

    /// Whether the background is light, where that is known.
    #[must_use]
    pub const fn light(&self) -> Option<bool> {
        self.light
    }

    /// The same on a background that is light or is not.
    #[must_use]
    pub const fn on(mut self, light: bool) -> Self {
        self.light = Some(light);
        self
    }

    /// The same for the other background; an unknown one counts as dark.
    #[must_use]
    pub const fn switched(self) -> Self {
        self.on(!matches!(self.light, Some(true)))
    }

    /// The style of a tone. Without colours only the modifiers are left.
    #[must_use]
    pub fn style(&self, tone: Tone) -> Style {
        let (slot, modifier) = match tone {
            Tone::Plain => (Slot::Text, Modifier::empty()),
            Tone::Dim => (Slot::Dim, Modifier::DIM),
            Tone::Strong => (Slot::Strong, Modifier::BOLD),
            Tone::Accent => (Slot::Accent, Modifier::BOLD),
            Tone::Bad => (Slot::Bad, Modifier::BOLD),
            Tone::Near => (Slot::Near, Modifier::empty()),
            Tone::Good => (Slot::Good, Modifier::empty()),
        };
        match self.color(slot) {
            // a colour of its own steps back enough, and few terminals dim colours well
            Some(color) if slot == Slot::Dim && color != Color::Reset => Style::new().fg(color),
            Some(color) => Style::new().add_modifier(modifier).fg(color),
            // a title does not step back with the border that it stands in
            None if slot != Slot::Dim && self.color(Slot::Dim).is_some() => {
                Style::new().add_modifier(modifier).fg(Color::Reset)
            }
            None => Style::new().add_modifier(modifier),
        }
    }

    /// Laid over the selected row of the list that has the keys.
    #[must_use]
    pub fn selected_row(&self) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD);
        self.color(Slot::Selected).map_or(style, |background| style.bg(background))
    }

    /// Laid over the first cell of that row. Where it has no background of its own it is reversed; the rest of the row
    /// is not, for states and bars would change their looks.
    #[must_use]
    pub fn selected_cell(&self) -> Style {
        match self.color(Slot::Selected) {
            Some(background) => Style::new().bg(background),
            None => Style::new().add_modifier(Modifier::REVERSED),
        }
    }

    /// Laid over the cell of an input line that the next character goes to.
    #[must_use]
    pub fn cursor(&self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    fn color(&self, slot: Slot) -> Option<Color> {
        if let Some(paint) = self.own.get(slot) {
            return paint.at(self.depth);
        }
        let paint = self.named.paint(slot, self.light)?;
        match (self.depth, slot) {
            // of sixteen colours none is near enough to any background
            (Depth::Sixteen, Slot::Selected) => None,
            // the brown ones are missing: the nearest would be red, which says something else
            (Depth::Sixteen, Slot::Near) if self.light != Some(false) => Some(Color::Magenta),
            (depth, _) => paint.at(depth),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TONES: [Tone; 7] = [Tone::Plain, Tone::Dim, Tone::Strong, Tone::Accent, Tone::Bad, Tone::Near, Tone::Good];

    #[test]
    fn without_colour_no_style_has_one_and_the_selection_still_shows() {
        let own = Slots::default().with(Slot::Selected, Paint::Own(4)).with(Slot::Bad, Paint::Exact(1, 2, 3));
        for named in Named::ALL {
            for light in [None, Some(true), Some(false)] {
                let theme = Theme::of(Depth::None, light, named, own);
                for tone in TONES {
                    assert_eq!((theme.style(tone).fg, theme.style(tone).bg), (None, None), "{tone:?}");
                }
                assert_eq!(theme.selected_row(), Style::new().add_modifier(Modifier::BOLD));
                assert_eq!(theme.selected_cell(), Style::new().add_modifier(Modifier::REVERSED));
            }
        }
    }

    #[test]
    fn states_have_colours_that_can_be_read_on_light_and_dark() {
        assert_eq!(Theme::new(false, None).style(Tone::Near).fg, Some(Color::Indexed(130)));
        assert_eq!(Theme::new(false, Some(false)).style(Tone::Near).fg, Some(Color::Yellow));
        assert_eq!(Theme::new(false, Some(true)).style(Tone::Near).fg, Some(Color::Indexed(130)));
        assert_eq!(Theme::new(false, Some(false)).style(Tone::Bad).fg, Some(Color::Red));
    }

    #[test]
    fn near_is_never_shown_as_bad_or_as_plain_yellow_on_white() {
        for named in Named::ALL {
            for light in [None, Some(true), Some(false)] {
                for depth in [Depth::Sixteen, Depth::TwoFiftySix, Depth::True] {
                    let theme = Theme::of(depth, light, named, Slots::default());
                    let (near, bad) = (theme.style(Tone::Near).fg, theme.style(Tone::Bad).fg);
                    assert_ne!(near, bad, "{named:?} at {depth:?} on {light:?}");
                    let faint = matches!(near, Some(Color::Yellow | Color::LightYellow));
                    assert!(light == Some(false) || !faint, "{named:?} at {depth:?} on {light:?}");
                }
            }
        }
    }

    #[test]
    fn a_theme_has_no_more_colours_than_the_terminal() {
        for named in Named::ALL {
            for light in [None, Some(true), Some(false)] {
                for depth in [Depth::Sixteen, Depth::TwoFiftySix] {
                    let theme = Theme::of(depth, light, named, Slots::default());
                    let styles = TONES.map(|tone| theme.style(tone)).into_iter().chain([theme.selected_row()]);
                    for color in styles.flat_map(|style| [style.fg, style.bg]).flatten() {
                        let fits = match color {
                            Color::Rgb(..) => false,
                            Color::Indexed(_) => depth == Depth::TwoFiftySix,
                            _ => true,
                        };
                        assert!(fits, "{named:?} at {depth:?}: {color:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_colour_of_ones_own_goes_before_the_themes() {
        let own = Slots::default().with(Slot::Bad, Paint::Exact(255, 0, 255)).with(Slot::Selected, Paint::Own(4));
        let theme = Theme::of(Depth::True, None, Named::Vivid, own);
        assert_eq!(theme.style(Tone::Bad).fg, Some(Color::Rgb(255, 0, 255)));
        assert_eq!(theme.selected_row().bg, Some(Color::Blue));
        let theme = Theme::of(Depth::Sixteen, None, Named::Vivid, own);
        assert_eq!(theme.style(Tone::Bad).fg, Some(Color::LightMagenta));
        assert_eq!(theme.selected_row().bg, Some(Color::Blue), "asked for, so it is there in sixteen as well");
    }
}
