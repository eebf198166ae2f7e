//! The model of a form, as recordings and pictures are sent.

use std::sync::LazyLock;

use regex::bytes::Regex;

/// What somebody may take for a field with this name.
static LOOKS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i-u)name[\s*]*=[^;]{0,8}model").ok());

/// A field with this name as clients write it, and its value.
static FIELD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let field =
        r#"(?i-u)content-disposition:[^\r\n]*;[ \t]*name="?model"?[ \t]*\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]*)\r\n"#;
    Regex::new(field).ok()
});

/// Whether a body with this content type is a form of parts.
pub fn is_form(content_type: &str) -> bool {
    let form = "multipart/form-data";
    content_type.trim_ascii_start().get(..form.len()).is_some_and(|start| start.eq_ignore_ascii_case(form))
}

/// The value of the field `model`, unless there is none, or something else that somebody may take for one.
pub fn model(body: &[u8]) -> Option<&[u8]> {
    let (looks, field) = (LOOKS.as_ref()?, FIELD.as_ref()?);
    if looks.find_iter(body).take(2).count() != 1 {
        return None;
    }
    Some(field.captures(body)?.get(1)?.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(head: &str, value: &str) -> String {
        format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n")
    }

    #[test]
    fn a_model_is_read_where_only_one_can_be() {
        let audio = part("name=\"file\"; filename=\"a.mp3\"\r\nContent-Type: audio/mpeg", "\u{0}x");
        let whisper = part("name=\"model\"", "whisper-1");
        for body in [
            whisper.clone() + &audio,
            audio.clone() + &whisper,
            part("name=model", "whisper-1"),
            part("name=\"model\"\r\nContent-Type: text/plain", "whisper-1"),
        ] {
            assert_eq!(model((body.clone() + "--b--\r\n").as_bytes()), Some(&b"whisper-1"[..]), "{body}");
        }
        for body in [
            audio,
            whisper.clone() + &part("name=\"model\"", "gpt-4o"),
            whisper.clone() + &part("Name=model", "gpt-4o"),
            whisper + &part("name*=utf-8''model", "gpt-4o"),
            part("name='model'", "gpt-4o"),
        ] {
            assert_eq!(model((body.clone() + "--b--\r\n").as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn forms_are_told_by_their_content_type() {
        assert!(is_form("multipart/form-data; boundary=b") && is_form(" Multipart/Form-Data;boundary=b"));
        assert!(!is_form("application/json") && !is_form("multipart/mixed") && !is_form(""));
    }
}
