//! Messages of OTLP as its JSON has them, written while they are read: a message of many small fields takes no more
//! memory than its text.

use std::fmt::Write;

use super::Malformed;
use super::schema::{Field, Kind};
use super::wire::{Fields, Value};

/// How deep messages may lie in one another: attributes hold lists, which hold lists.
const DEEPEST: u32 = 64;

/// Appends a message.
///
/// # Errors
/// When it is none of this kind.
pub(super) fn write(text: &mut String, message: &[u8], fields: &'static [Field]) -> Result<(), Malformed> {
    write_message(text, message, fields, DEEPEST)
}

fn write_message(text: &mut String, message: &[u8], fields: &'static [Field], depth: u32) -> Result<(), Malformed> {
    let depth = depth.checked_sub(1).ok_or(Malformed("its attributes lie too deep in one another"))?;
    text.push('{');
    let start = text.len();
    for field in fields {
        // Of a field that is not a list the last one counts. Fields of one list need not stand together.
        let mut last = None;
        let mut count = 0;
        for found in Fields::of(message) {
            let (number, value) = found?;
            if number != field.number {
                continue;
            }
            count += 1;
            if !field.repeated {
                last = Some(value);
                continue;
            }
            if count == 1 {
                begin(text, start, field.name);
                text.push('[');
            } else {
                text.push(',');
            }
            write_value(text, value, field.kind, depth)?;
        }
        if field.repeated && count > 0 {
            text.push(']');
        }
        if let Some(value) = last {
            begin(text, start, field.name);
            write_value(text, value, field.kind, depth)?;
        }
    }
    text.push('}');
    Ok(())
}

fn begin(text: &mut String, start: usize, name: &str) {
    if text.len() > start {
        text.push(',');
    }
    text.push('"');
    text.push_str(name);
    text.push_str("\":");
}

fn write_value(text: &mut String, value: Value<'_>, kind: Kind, depth: u32) -> Result<(), Malformed> {
    // Writing to a text does not fail.
    let _ = match (kind, value) {
        (Kind::Text, Value::Bytes(bytes)) => {
            let string = std::str::from_utf8(bytes).map_err(|_| Malformed("a text is not UTF-8"))?;
            write!(text, "{}", serde_json::Value::from(string))
        }
        (Kind::Id, Value::Bytes(bytes)) => {
            text.push('"');
            bytes.iter().try_for_each(|byte| write!(text, "{byte:02x}")).and_then(|()| text.write_char('"'))
        }
        (Kind::Base64, Value::Bytes(bytes)) => {
            text.push('"');
            push_base64(text, bytes);
            text.write_char('"')
        }
        (Kind::Bool, Value::Varint(number)) => write!(text, "{}", number != 0),
        // JSON has no name for what is no number; whatever it was, it is none.
        (Kind::Double, Value::Fixed64(bits)) => write!(text, "{}", serde_json::Value::from(f64::from_bits(bits))),
        (Kind::Long, Value::Varint(number)) => write!(text, "\"{}\"", number.cast_signed()),
        (Kind::Long, Value::Fixed64(number)) => write!(text, "\"{number}\""),
        (Kind::Number, Value::Varint(number)) => write!(text, "{}", number.cast_signed()),
        (Kind::Number, Value::Fixed32(number)) => write!(text, "{number}"),
        (Kind::Message(fields), Value::Bytes(message)) => return write_message(text, message, fields, depth),
        _ => return Err(Malformed("a field has another kind than OTLP gives it")),
    };
    Ok(())
}

fn push_base64(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let index = (group >> (18 - 6 * digit) & 63) as usize;
            text.push(if digit > chunk.len() { '=' } else { char::from(DIGITS[index]) });
        }
    }
}
