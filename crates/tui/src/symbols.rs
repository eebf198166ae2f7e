//! Signs, borders and bars for terminals that show no others than ASCII's. They are put in place of Unicode's when a
//! screen is drawn, one for one, so that no screen has to know.

use ratatui::buffer::Buffer;

/// Which characters the terminal shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// All.
    #[default]
    Unicode,
    /// Signs, borders and bars in ASCII; names are as they are.
    AsciiSymbols,
    /// ASCII alone: what a name has besides is a question mark.
    Ascii,
}

impl Charset {
    /// Whether signs are ASCII's.
    #[must_use]
    pub const fn is_ascii(self) -> bool {
        !matches!(self, Self::Unicode)
    }

    /// Puts what the terminal can show in the place of what it cannot.
    pub fn apply(self, buffer: &mut Buffer) {
        if !self.is_ascii() {
            return;
        }
        for cell in &mut buffer.content {
            let symbol = cell.symbol();
            if symbol.is_ascii() {
                continue;
            }
            let mut letters = symbol.chars();
            let sign = match (letters.next(), letters.next()) {
                (Some(letter), None) => sign(letter),
                _ => None,
            };
            match sign {
                Some(sign) => {
                    cell.set_char(sign);
                }
                None if self == Self::Ascii => {
                    cell.set_char('?');
                }
                None => {}
            }
        }
    }
}

/// What stands for a sign; nothing if it is none of ours.
const fn sign(letter: char) -> Option<char> {
    Some(match letter {
        '─' | '–' | '—' | '▁' | '▂' => '-',
        '│' | '┤' | '├' => '|',
        '▏' | '▎' => ':',
        '╭' | '╮' | '╰' | '╯' | '┌' | '┐' | '└' | '┘' | '┬' | '┴' | '┼' => '+',
        '█' | '▉' | '▊' | '▋' | '▌' | '▍' | '▅' | '▆' | '▇' | '■' => '#',
        '▃' | '▄' => '=',
        '░' | '·' => '.',
        '▲' => '!',
        '●' => '*',
        '○' | '◇' => 'o',
        '✓' => '+',
        '▸' | '›' | '→' => '>',
        '←' => '<',
        '↑' => '^',
        '↓' => 'v',
        '…' => '~',
        '×' => 'x',
        '⏎' => '<',
        '\u{fffd}' | '\u{2400}'..='\u{2426}' => '?',
        _ => return None,
    })
}
