//! Text for the clipboard of the person's own machine: terminals take it as OSC 52, however far away they are.

use std::fmt;
use std::io::{self, Write};

/// Something to be copied. Its `Debug` form hides it: it may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Clip(String);

impl Clip {
    /// This text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// What a terminal reads: the sequence itself, and within tmux wrapped so that tmux passes it on (which needs
    /// `allow-passthrough on`; tmux's own clipboard takes the bare one with `set-clipboard on`, so that it gets both).
    #[must_use]
    pub fn sequence(&self, within_tmux: bool) -> String {
        let bare = format!("\x1b]52;c;{}\x07", encoded(self.0.as_bytes()));
        if !within_tmux {
            return bare;
        }
        format!("{bare}\x1bPtmux;{}\x1b\\", bare.replace('\x1b', "\x1b\x1b"))
    }
}

/// Hands something to the terminal. Frames are written as wholes, so that it never falls into one.
pub fn to_terminal(clip: &Clip) -> io::Result<()> {
    let within_tmux = std::env::var_os("TMUX").is_some_and(|value| !value.is_empty());
    let mut stdout = io::stdout();
    stdout.write_all(clip.sequence(within_tmux).as_bytes())?;
    stdout.flush()
}

impl fmt::Debug for Clip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clip(hidden)")
    }
}

fn encoded(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_copied_as_base64_in_osc_52() {
        assert_eq!(Clip::new("sk-proj-x4Qa").sequence(false), "\x1b]52;c;c2stcHJvai14NFFh\x07");
        assert_eq!(
            Clip::new("\x1b]\n").sequence(false),
            "\x1b]52;c;G10K\x07",
            "nothing of the text reaches a terminal"
        );
    }

    #[test]
    fn tmux_passes_it_on() {
        assert_eq!(Clip::new("ab").sequence(true), "\x1b]52;c;YWI=\x07\x1bPtmux;\x1b\x1b]52;c;YWI=\x07\x1b\\");
    }

    #[test]
    fn r15_what_is_copied_never_shows_in_debug() {
        assert_eq!(format!("{:?}", Clip::new("sk-proj-x4Qa")), "Clip(hidden)");
    }
}
