//! logfmt: `key=value` with spaces between them, `key="a value"` where there are spaces in it, `key` for a flag.

use std::borrow::Cow;

use super::Value;
use super::tree::Tree;
use crate::formats::bad::{Bad, Reason};

/// What stands in a line, by the slots of the tree.
pub(super) fn find<'a>(tree: &Tree, line: &'a str) -> Result<Vec<Option<Value<'a>>>, Bad> {
    let mut values = tree.empty();
    let mut rest = line.trim_ascii_start();
    let mut has_values = false;
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_ascii_whitespace()).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let (value, after) = match after.strip_prefix('=') {
            Some(after) => {
                has_values = true;
                if after.starts_with('"') { quoted(after)? } else { plain(after) }
            }
            None => (Cow::Borrowed("true"), after),
        };
        if let Some(slot) = tree.slot_of_key(key) {
            if values[slot].is_some() {
                return Err(Bad::new(Reason::BadField, format!("duplicate field `{key}`")).at(key));
            }
            values[slot] = Some(Value::Text(value));
        }
        rest = after.trim_ascii_start();
    }
    if !has_values {
        return Err(Bad::new(Reason::NotJson, "the line is no logfmt: there is no key=value in it").at(line));
    }
    Ok(values)
}

/// A value up to the next space, and what comes after it.
fn plain(text: &str) -> (Cow<'_, str>, &str) {
    let (value, after) = text.split_at(text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len()));
    (Cow::Borrowed(value), after)
}

/// A value in quotes, and what comes after it.
fn quoted(text: &str) -> Result<(Cow<'_, str>, &str), Bad> {
    let inside = &text[1..];
    let mut escaped = false;
    let mut has_escapes = false;
    let end = inside.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        has_escapes |= escaped;
        ends
    });
    let Some(end) = end else {
        return Err(Bad::new(Reason::NotJson, "the line is no logfmt: a quote is not closed").at(text));
    };
    let (value, after) = (&inside[..end], &inside[end + 1..]);
    Ok((if has_escapes { Cow::Owned(unescape(value)) } else { Cow::Borrowed(value) }, after))
}

/// A text without its backslashes. Of escapes other than the common ones what is escaped stands for itself.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next().unwrap_or(c) {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                other => other,
            },
            c => c,
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Result<Vec<Option<String>>, String> {
        let mut tree = Tree::default();
        for pointer in ["/a", "/b.c", "/d"] {
            tree.slot(pointer.parse().unwrap());
        }
        let values = find(&tree, line).map_err(|bad| bad.detail)?;
        Ok(values.into_iter().map(|value| value.and_then(|value| value.text().unwrap()).map(String::from)).collect())
    }

    #[test]
    fn pairs_flags_and_quotes() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(found("a=1 b.c=two x=y"), Ok(vec![some("1"), some("two"), None]));
        assert_eq!(
            found("  d  a=\"x y\"   b.c=\"q\\\"\\n\\\\\" "),
            Ok(vec![some("x y"), some("q\"\n\\"), some("true")])
        );
        assert_eq!(found("a= b.c=- d=\"\""), Ok(vec![None, None, None]));
        assert_eq!(found("a=1=2"), Ok(vec![some("1=2"), None, None]));
        assert!(found("a=\"open").unwrap_err().contains("not closed"));
        assert!(found("hello world").unwrap_err().contains("no key=value"));
        assert!(found("a=1 a=2").unwrap_err().contains("duplicate"));
    }
}
