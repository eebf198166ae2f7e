//! The screen as a picture that any browser shows.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use crate::text::width;

/// Pixels of a cell; a letter of a monospaced font is six tenths of its size wide.
const CELL: (usize, usize) = (9, 18);
/// The font's size in pixels.
const FONT: usize = 15;
/// From a cell's top to the line that letters stand on.
const BASE: usize = 14;
/// The terminal's own 16 colours, for which there is no number to go by.
const NAMED: [u32; 16] = [
    0x000000, 0xcd3131, 0x0dbc79, 0xc9a700, 0x2472c8, 0xbc3fbc, 0x11a8cd, 0xcccccc, 0x666666, 0xf14c4c, 0x23d18b,
    0xe5c07b, 0x3b8eea, 0xd670d6, 0x29b8db, 0xffffff,
];
/// The steps of a part of the 216 colours.
const CUBE: [u32; 6] = [0, 95, 135, 175, 215, 255];

/// How a cell is painted.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Paint {
    letters: u32,
    ground: u32,
    bold: bool,
    dim: bool,
}

/// Draws a buffer on a light or a dark ground.
#[must_use]
pub fn picture(buffer: &Buffer, light: bool) -> String {
    let (across, down) = (usize::from(buffer.area.width) * CELL.0, usize::from(buffer.area.height) * CELL.1);
    let (letters, ground) = if light { (0x24292f, 0xffffff) } else { (0xd8dee9, 0x16181d) };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {across} {down}\" width=\"{across}\" height=\"{down}\" \
         font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"{FONT}\" style=\"white-space:pre\">\n\
         <rect width=\"{across}\" height=\"{down}\" fill=\"#{ground:06x}\"/>\n"
    );
    for y in buffer.area.top()..buffer.area.bottom() {
        let mut x = buffer.area.left();
        while x < buffer.area.right() {
            let paint = paint(&buffer[(x, y)], letters, ground);
            let start = x;
            let mut text = String::new();
            // what looks alike is one piece; wide characters cover the cell after them
            while x < buffer.area.right() && self::paint(&buffer[(x, y)], letters, ground) == paint {
                let symbol = buffer[(x, y)].symbol();
                text.push_str(symbol);
                x += width(symbol).max(1) as u16;
            }
            let x = x.min(buffer.area.right());
            let place = (usize::from(start - buffer.area.left()), usize::from(y - buffer.area.top()));
            piece(&mut svg, place, usize::from(x - start), &text, paint, ground);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// Writing to a string cannot fail.
fn piece(svg: &mut String, place: (usize, usize), columns: usize, text: &str, paint: Paint, ground: u32) {
    let (x, y, across) = (place.0 * CELL.0, place.1 * CELL.1, columns * CELL.0);
    if paint.ground != ground {
        let fill = paint.ground;
        let _infallible =
            writeln!(svg, "<rect x=\"{x}\" y=\"{y}\" width=\"{across}\" height=\"{}\" fill=\"#{fill:06x}\"/>", CELL.1);
    }
    if text.trim().is_empty() {
        return;
    }
    let bold = if paint.bold { " font-weight=\"bold\"" } else { "" };
    let dim = if paint.dim { " opacity=\"0.6\"" } else { "" };
    let _infallible = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{}\" textLength=\"{across}\" lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\" \
         fill=\"#{:06x}\"{bold}{dim}>{}</text>",
        y + BASE,
        paint.letters,
        escaped(text)
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn paint(cell: &Cell, letters: u32, ground: u32) -> Paint {
    let (mut front, mut back) = (color(cell.fg).unwrap_or(letters), color(cell.bg).unwrap_or(ground));
    if cell.modifier.contains(Modifier::REVERSED) {
        std::mem::swap(&mut front, &mut back);
    }
    Paint {
        letters: front,
        ground: back,
        bold: cell.modifier.contains(Modifier::BOLD),
        dim: cell.modifier.contains(Modifier::DIM),
    }
}

/// A colour as red, green and blue; nothing for the terminal's own.
fn color(color: Color) -> Option<u32> {
    let named = match color {
        Color::Reset => return None,
        Color::Rgb(red, green, blue) => {
            return Some(u32::from(red) << 16 | u32::from(green) << 8 | u32::from(blue));
        }
        Color::Indexed(index) => return Some(indexed(index)),
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    Some(NAMED[named])
}

/// A colour of xterm's 256.
fn indexed(index: u8) -> u32 {
    match index {
        0..16 => NAMED[usize::from(index)],
        16..232 => {
            let place = usize::from(index - 16);
            CUBE[place / 36] << 16 | CUBE[place / 6 % 6] << 8 | CUBE[place % 6]
        }
        232.. => (8 + u32::from(index - 232) * 10) * 0x01_01_01,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Style;

    #[test]
    fn colours_places_and_wide_characters_are_kept() {
        let mut buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, 12, 2));
        buffer.set_string(0, 0, "検索 a<b", Style::new().fg(Color::Red));
        buffer.set_string(2, 1, "x", Style::new().bg(Color::Indexed(237)).add_modifier(Modifier::BOLD));
        let svg = picture(&buffer, false);
        assert!(svg.contains("textLength=\"72\"") && svg.contains("fill=\"#cd3131\">検索 a&lt;b</text>"), "{svg}");
        assert!(svg.contains("<rect x=\"18\" y=\"18\" width=\"9\" height=\"18\" fill=\"#3a3a3a\"/>"), "{svg}");
        assert!(svg.contains("font-weight=\"bold\">x</text>") && svg.ends_with("</svg>\n"), "{svg}");
        assert_eq!((indexed(196), indexed(255)), (0xff0000, 0xeeeeee));
    }
}
