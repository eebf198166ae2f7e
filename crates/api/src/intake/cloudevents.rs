//! CloudEvents whose attributes are headers, put together as one JSON document.

use hyper::HeaderMap;
use hyper::header::CONTENT_TYPE;
use percent_encoding::percent_decode;
use serde_json::value::RawValue;

use super::budget::{Budget, Buffer};
use super::refused::Refused;

/// What its attributes may come to in JSON. A head has 16 KiB at most.
const MOST_ATTRIBUTES: usize = 128 * 1024;

/// The event in the JSON format: the attributes of `headers`, and `data` as it is.
///
/// # Errors
/// When the data is no JSON, or there is no memory for it.
pub(super) fn structured(headers: &HeaderMap, data: &Buffer, budget: &Budget) -> Result<Buffer, Refused> {
    let mut event = budget.buffer(data.as_slice().len() + MOST_ATTRIBUTES);
    event.push(b"{")?;
    for (name, value) in headers {
        if let Some(attribute) = name.as_str().strip_prefix("ce-") {
            attribute_of(&mut event, attribute, value.as_bytes())?;
        }
    }
    if let Some(value) = headers.get(CONTENT_TYPE) {
        attribute_of(&mut event, "datacontenttype", value.as_bytes())?;
    }
    event.push(b"\"data\":")?;
    event.push(json_of(data.as_slice())?)?;
    event.push(b"}")?;
    Ok(event)
}

/// Attributes are percent-encoded, and may be quoted.
fn attribute_of(event: &mut Buffer, name: &str, value: &[u8]) -> Result<(), Refused> {
    let value = value.trim_ascii();
    let quoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    let text = percent_decode(quoted.unwrap_or(value)).decode_utf8_lossy();
    event.push(format!("{}:{},", serde_json::Value::from(name), serde_json::Value::from(text)).as_bytes())
}

/// The body, which must be one JSON document; null where there is none.
fn json_of(data: &[u8]) -> Result<&[u8], Refused> {
    if data.trim_ascii().is_empty() {
        return Ok(b"null");
    }
    let read = serde_json::from_slice::<&RawValue>(data);
    read.map(|_| data).map_err(|error| Refused::Unreadable(format!("it is no JSON document: {error}").into()))
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    fn event(pairs: &[(&'static str, &'static str)], data: &str) -> Result<serde_json::Value, Refused> {
        let pairs = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let budget = Budget::new(1 << 20);
        let mut buffer = budget.buffer(1 << 16);
        buffer.push(data.as_bytes())?;
        let event = structured(&pairs.collect(), &buffer, &budget)?;
        Ok(serde_json::from_slice(event.as_slice()).unwrap())
    }

    #[test]
    fn headers_and_body_are_one_event() {
        let headers = [
            ("ce-specversion", "1.0"),
            ("ce-id", "a-1"),
            ("ce-source", "/apps/b%C3%B6t%20%22x%22"),
            ("ce-subject", "\"proj_1\""),
            ("content-type", "application/json"),
            ("host", "mete"),
        ];
        let expected = serde_json::json!({
            "specversion": "1.0", "id": "a-1", "source": "/apps/böt \"x\"", "subject": "proj_1",
            "datacontenttype": "application/json", "data": {"input_tokens": "3"},
        });
        assert_eq!(event(&headers, "{\"input_tokens\": \"3\"}").unwrap(), expected);
        assert_eq!(event(&headers, " ").unwrap()["data"], serde_json::Value::Null);
        for wrong in ["{\"a\":", "{} {}", "{},\"id\":\"other\""] {
            assert!(matches!(event(&headers, wrong), Err(Refused::Unreadable(_))), "{wrong}");
        }
    }
}
