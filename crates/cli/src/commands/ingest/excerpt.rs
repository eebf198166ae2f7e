//! A line with a mark under the character where it went wrong.

use mete_core::secret::masked;

use crate::output::safe;

/// How many columns of a line are shown.
const WIDTH: usize = 72;

/// The part of `line` around its byte `spot`, or else its beginning, and the mark below it. Escaped, on one line, and
/// without secrets.
pub fn excerpt(line: &[u8], spot: Option<u32>) -> String {
    let before = spot.map(|spot| line.get(..spot as usize).unwrap_or(line));
    let text = String::from_utf8_lossy(line);
    // As long as the text, so that the mark stays where it belongs.
    let shown: Vec<String> = masked(&text).chars().map(|c| safe(c.encode_utf8(&mut [0; 4]))).collect();
    let Some(at) = before.map(|before| String::from_utf8_lossy(before).chars().count().min(shown.len())) else {
        return cut(&shown, 0).0;
    };
    let start = first(&shown, at);
    let (text, _) = cut(&shown, start);
    let lead = usize::from(start > 0);
    let column: usize = lead + shown[start..at].iter().map(|c| c.chars().count()).sum::<usize>();
    format!("{text}\n{}^", " ".repeat(column))
}

/// The first character to show, so that `at` stands in the middle of a line that is too long.
fn first(shown: &[String], at: usize) -> usize {
    let mut room = WIDTH / 2;
    let mut start = at;
    while let Some(left) = start.checked_sub(1).and_then(|left| room.checked_sub(shown[left].chars().count())) {
        (start, room) = (start - 1, left);
    }
    start
}

/// The characters from `start` on that have room, with a sign where something is left out; and how many there are.
fn cut(shown: &[String], start: usize) -> (String, usize) {
    let mut text = if start > 0 { "…".to_owned() } else { String::new() };
    let mut columns = text.chars().count();
    for (taken, c) in shown[start..].iter().enumerate() {
        columns += c.chars().count();
        if columns > WIDTH {
            text.push('…');
            return (text, taken);
        }
        text.push_str(c);
    }
    (text, shown.len() - start)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands above the mark.
    fn marked(line: &[u8], spot: u32) -> String {
        let shown = excerpt(line, Some(spot));
        let (text, mark) = shown.split_once('\n').unwrap();
        assert!(text.chars().count() <= WIDTH + 2, "{text}");
        text.chars().skip(mark.chars().count() - 1).collect()
    }

    #[test]
    fn the_mark_stands_under_the_character() {
        assert_eq!(excerpt(b"{torn", Some(1)), "{torn\n ^");
        assert_eq!(excerpt(b"{torn", None), "{torn");
        assert_eq!(excerpt(b"{torn", Some(5)), "{torn\n     ^");
        assert_eq!(excerpt(b"", Some(7)), "\n^");
        for (line, spot, rest) in [
            ("grün!x".as_bytes(), 6, "x"),
            (b"\x1b[2J\tx", 5, "x"),
            (b"\xff\xfe|x", 3, "x"),
            (b"sk-0123456789abcdefghij x", 24, "x"),
        ] {
            assert_eq!(marked(line, spot), rest, "{line:?}");
        }
    }

    #[test]
    fn of_a_long_line_the_part_around_the_mark_is_shown() {
        let line = format!("{}X{}", "a".repeat(500), "b".repeat(500));
        let rest = marked(line.as_bytes(), 500);
        assert!(rest.starts_with("Xb") && rest.ends_with('…'), "{rest}");
        assert!(excerpt(line.as_bytes(), Some(500)).starts_with("…a"));
        assert_eq!(marked(line.as_bytes(), 1000), "b");
    }

    #[test]
    fn r15_no_part_of_a_secret_is_shown() {
        let line = "{\"key\":\"sk-proj-0123456789abcdefghij\"";
        for spot in 0..line.len() as u32 {
            assert!(!excerpt(line.as_bytes(), Some(spot)).contains("proj"), "{spot}");
        }
        assert!(!excerpt(line.as_bytes(), None).contains("0123"));
    }
}
