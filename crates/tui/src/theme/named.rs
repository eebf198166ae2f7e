//! The themes that there are, and what of a theme can be changed.

use super::color::Paint;

/// What has a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// Ordinary text.
    Text,
    /// Text that steps back.
    Dim,
    /// Names and totals.
    Strong,
    /// Titles, keys, the sign of the selection, today.
    Accent,
    /// Refused or over.
    Bad,
    /// Near a limit, or stale.
    Near,
    /// Just recovered.
    Good,
    /// Behind the selected row.
    Selected,
}

impl Slot {
    /// All of them, in the order of the configuration.
    pub const ALL: [Self; 8] =
        [Self::Accent, Self::Bad, Self::Near, Self::Good, Self::Text, Self::Strong, Self::Dim, Self::Selected];

    /// Its name in the configuration, and what has its colour.
    #[must_use]
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Text => ("text", "ordinary text"),
            Self::Dim => ("dim", "text that steps back: borders, labels, what is all right"),
            Self::Strong => ("strong", "names and totals"),
            Self::Accent => ("accent", "titles, keys, the sign of the selection, today"),
            Self::Bad => ("bad", "refused or over"),
            Self::Near => ("near", "near a limit, or stale"),
            Self::Good => ("good", "just recovered"),
            Self::Selected => ("selected", "behind the selected row"),
        }
    }
}

/// Colours of one's own, for some slots or all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slots([Option<Paint>; Slot::ALL.len()]);

impl Slots {
    /// The colour of a slot, if it has one of one's own.
    #[must_use]
    pub const fn get(&self, slot: Slot) -> Option<Paint> {
        self.0[slot as usize]
    }

    /// The same with a colour in a slot.
    #[must_use]
    pub const fn with(mut self, slot: Slot, paint: Paint) -> Self {
        self.0[slot as usize] = Some(paint);
        self
    }
}

/// A theme by its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Named {
    /// The terminal's own sixteen colours, as its owner chose them.
    #[default]
    Terminal,
    /// Exact colours of its own, where the terminal has them.
    Vivid,
    /// Colours that people tell apart who see red and green alike.
    ColorBlind,
}

impl Named {
    /// All of them.
    #[cfg(test)]
    pub const ALL: [Self; 3] = [Self::Terminal, Self::Vivid, Self::ColorBlind];

    /// Its colour in a slot, on a light background or a dark one; nothing is the terminal's own.
    #[must_use]
    pub fn paint(self, slot: Slot, light: Option<bool>) -> Option<Paint> {
        let on_light = light == Some(true);
        let pair = match (self, slot) {
            // of an unknown background it cannot be known what stands out from it
            (_, Slot::Selected) if light.is_none() => return None,
            (Self::Terminal, Slot::Selected) => (Paint::Own(237), Paint::Own(253)),
            (Self::Vivid, Slot::Selected) => (Paint::Exact(0x26, 0x32, 0x4a), Paint::Exact(0xd7, 0xe3, 0xf7)),
            (Self::ColorBlind, Slot::Selected) => (Paint::Exact(0x30, 0x30, 0x3a), Paint::Exact(0xe0, 0xe0, 0xea)),
            (Self::Terminal, Slot::Accent) => (Paint::Own(6), Paint::Own(4)),
            (Self::Terminal, Slot::Bad) => (Paint::Own(1), Paint::Own(1)),
            // plain yellow cannot be read on white, and this can be on black as well
            (Self::Terminal, Slot::Near) if light.is_none() => (Paint::Own(130), Paint::Own(130)),
            (Self::Terminal, Slot::Near) => (Paint::Own(3), Paint::Own(130)),
            (Self::Terminal, Slot::Good) => (Paint::Own(2), Paint::Own(2)),
            (Self::Vivid, Slot::Accent) => (Paint::Exact(0x6c, 0xb6, 0xff), Paint::Exact(0x05, 0x50, 0xae)),
            (Self::Vivid, Slot::Bad) => (Paint::Exact(0xff, 0x6b, 0x64), Paint::Exact(0xb3, 0x1d, 0x28)),
            (Self::Vivid, Slot::Near) => (Paint::Exact(0xf0, 0xb4, 0x29), Paint::Exact(0x8a, 0x5a, 0x00)),
            (Self::Vivid, Slot::Good) => (Paint::Exact(0x57, 0xd3, 0x64), Paint::Exact(0x11, 0x63, 0x29)),
            (Self::Vivid, Slot::Dim) => (Paint::Exact(0x8b, 0x94, 0x9e), Paint::Exact(0x6a, 0x73, 0x7d)),
            // Okabe and Ito's colours: vermilion, orange, bluish green, and blues
            (Self::ColorBlind, Slot::Accent) => (Paint::Exact(0x56, 0xb4, 0xe9), Paint::Exact(0x00, 0x5a, 0x8c)),
            (Self::ColorBlind, Slot::Bad) => (Paint::Exact(0xff, 0x7f, 0x3f), Paint::Exact(0xb2, 0x45, 0x00)),
            (Self::ColorBlind, Slot::Near) => (Paint::Exact(0xf0, 0xe4, 0x42), Paint::Exact(0x80, 0x6c, 0x00)),
            (Self::ColorBlind, Slot::Good) => (Paint::Exact(0x4d, 0xc9, 0xd8), Paint::Exact(0x00, 0x6b, 0x6b)),
            (Self::Terminal | Self::ColorBlind, Slot::Dim) | (_, Slot::Text | Slot::Strong) => return None,
        };
        Some(if on_light { pair.1 } else { pair.0 })
    }
}
