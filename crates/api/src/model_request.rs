//! What the body of a request to a model says of what it asks for and can cost at most. `config/gateways/nginx/mete.js` reads
//! bodies by the same rules.

mod form;
mod media;

use hyper::StatusCode;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::reply::{self, Reply};

/// The longest name of a model.
const LONGEST_MODEL: usize = 200;

/// What a body says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ModelRequest {
    /// The model, if it names one.
    pub model: Option<String>,
    /// How many tokens it has at most, and all its answers together. A text has no more tokens than bytes. Not told where its
    /// answers have no limit, or where what it asks for is not all text in it, at the model's plain price.
    pub sizes: Option<(u64, u64)>,
    /// Why it must not go on.
    pub unfit: Option<Unfit>,
}

/// Why a body is not let through, whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("The body must be a JSON object, not packed, or a form.")]
    NoJson,
    #[error("The model must be a text of at most {} visible ASCII characters.", LONGEST_MODEL)]
    UnclearModel,
    #[error("The form must have one field \"model\".")]
    UnclearForm,
    #[error("Streams are counted here: send \"stream_options\": {{\"include_usage\": true}} with the request.")]
    StreamWithoutUsage,
    #[error("The body is larger than the gateway reads.")]
    Cut,
}

impl Unfit {
    /// The client's answer.
    pub fn reply(self) -> Reply {
        let (status, code) = match self {
            Self::NoJson => (StatusCode::BAD_REQUEST, "invalid_json"),
            Self::UnclearModel | Self::UnclearForm => (StatusCode::BAD_REQUEST, "unclear_model"),
            Self::StreamWithoutUsage => (StatusCode::BAD_REQUEST, "stream_without_usage"),
            Self::Cut => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
        };
        reply::in_vain(reply::error(status, "invalid_request_error", code, &self.to_string()))
    }
}

impl From<Unfit> for ModelRequest {
    fn from(unfit: Unfit) -> Self {
        Self { unfit: Some(unfit), ..Self::default() }
    }
}

/// Reads a body that is not empty. Takes a while where it is large.
pub fn read(path: &str, content_type: &str, body: &[u8]) -> ModelRequest {
    if form::is_form(content_type) {
        return match form::model(body).map(model_of) {
            Some(Ok(model)) => ModelRequest { model: Some(model), ..ModelRequest::default() },
            Some(Err(unfit)) => unfit.into(),
            None => Unfit::UnclearForm.into(),
        };
    }
    let Some((text, fields)) = fields_of(body) else { return Unfit::NoJson.into() };
    let name = fields.model.map(|model| serde_json::from_str::<String>(model.get()).unwrap_or_default());
    let model = match name.map(|name| model_of(name.as_bytes())).transpose() {
        Ok(model) => model,
        Err(unfit) => return unfit.into(),
    };
    let unfit = fields.hides_usage(path).then_some(Unfit::StreamWithoutUsage);
    let output = if fields.is_plain() { fields.most_output() } else { None };
    let sizes = output.filter(|_| !media::is_in(text)).map(|output| (body.len() as u64, output));
    ModelRequest { model, sizes, unfit }
}

/// Checks a model's name.
fn model_of(name: &[u8]) -> Result<String, Unfit> {
    let is_clear = (1..=LONGEST_MODEL).contains(&name.len()) && name.iter().all(u8::is_ascii_graphic);
    let name = std::str::from_utf8(name).ok().filter(|_| is_clear);
    name.map(str::to_owned).ok_or(Unfit::UnclearModel)
}

/// The body as text, and its fields. A field that stands there twice is none: others may take the other one.
fn fields_of(body: &[u8]) -> Option<(&str, Fields<'_>)> {
    let text = std::str::from_utf8(body).ok()?;
    // A list would be taken for the fields in their order.
    let fields = text.trim_ascii_start().starts_with('{').then(|| serde_json::from_str(text).ok())??;
    Some((text, fields))
}

/// A value as it stands there.
type Raw<'a> = Option<&'a RawValue>;

/// The fields that decide on what a request can cost; null is as good as none.
#[derive(Deserialize)]
struct Fields<'a> {
    /// Null is no name.
    #[serde(borrow, default, deserialize_with = "even_null")]
    model: Raw<'a>,
    #[serde(borrow)]
    stream: Raw<'a>,
    #[serde(borrow)]
    stream_options: Raw<'a>,
    #[serde(borrow)]
    max_completion_tokens: Raw<'a>,
    #[serde(borrow)]
    max_output_tokens: Raw<'a>,
    #[serde(borrow)]
    max_tokens: Raw<'a>,
    #[serde(borrow)]
    n: Raw<'a>,
    #[serde(borrow)]
    best_of: Raw<'a>,
    #[serde(borrow)]
    tools: Raw<'a>,
    #[serde(borrow)]
    prompt: Raw<'a>,
    #[serde(borrow)]
    modalities: Raw<'a>,
    #[serde(borrow)]
    service_tier: Raw<'a>,
    // What stands elsewhere.
    #[serde(borrow)]
    previous_response_id: Raw<'a>,
    #[serde(borrow)]
    conversation: Raw<'a>,
    #[serde(borrow)]
    container: Raw<'a>,
    #[serde(borrow)]
    mcp_servers: Raw<'a>,
    // What is priced in its own way.
    #[serde(borrow)]
    web_search_options: Raw<'a>,
    #[serde(borrow)]
    prediction: Raw<'a>,
    #[serde(borrow)]
    audio: Raw<'a>,
}

fn even_null<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Raw<'a>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// A tool that the model may use.
#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a str>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: bool,
}

impl Fields<'_> {
    /// Whether nobody will know what it used: only the last chunk of such a stream says so, and only if it was asked to.
    fn hides_usage(&self, path: &str) -> bool {
        let is_stream = self.stream.is_some_and(|stream| stream.get() != "false");
        let options = self.stream_options.map(|options| serde_json::from_str::<StreamOptions>(options.get()));
        let tells = matches!(options, Some(Ok(StreamOptions { include_usage: true })));
        is_stream && !tells && is_completions(path)
    }

    /// How many tokens all answers together may have, if that has a limit.
    fn most_output(&self) -> Option<u64> {
        let limits = [self.max_completion_tokens, self.max_output_tokens, self.max_tokens];
        let limits: Vec<_> = limits.into_iter().flatten().map(count).collect::<Option<_>>()?;
        let answers = [self.n, self.best_of].into_iter().flatten().map(count).collect::<Option<Vec<_>>>()?;
        limits.into_iter().max()?.checked_mul(answers.into_iter().max().unwrap_or(1))
    }

    /// Whether all that it asks for stands in it, at the model's plain price. Media are looked for apart.
    fn is_plain(&self) -> bool {
        let Self { previous_response_id, conversation, container, mcp_servers, .. } = *self;
        let elsewhere = [previous_response_id, conversation, container, mcp_servers];
        let dear = [self.web_search_options, self.prediction, self.audio];
        // Lists have an answer for each of their parts, and objects are stored.
        let is_text = self.prompt.is_none_or(|prompt| prompt.get().starts_with('"'));
        let is_written = self.modalities.is_none_or(|kinds| ["[\"text\"]", "\"text\""].contains(&kinds.get()));
        let is_default = self.service_tier.is_none_or(|tier| tier.get() == "\"default\"");
        let none = |fields: &[Raw<'_>]| fields.iter().all(Option::is_none);
        none(&elsewhere) && none(&dear) && is_text && is_written && is_default && self.has_own_tools()
    }

    /// Whether the client runs all tools itself.
    fn has_own_tools(&self) -> bool {
        let Some(tools) = self.tools else { return true };
        let is_own = |tool: &Tool<'_>| matches!(tool.kind, None | Some("function" | "custom"));
        serde_json::from_str::<Vec<Tool<'_>>>(tools.get()).is_ok_and(|tools| tools.iter().all(is_own))
    }
}

/// A whole number above 0.
fn count(raw: &RawValue) -> Option<u64> {
    raw.get().parse().ok().filter(|count| *count > 0)
}

/// Whether a path is that of chat completions, or of their predecessor, whatever stands before.
fn is_completions(path: &str) -> bool {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = percent_decode_str(path).decode_utf8_lossy();
    path.trim_end_matches('/').ends_with("/completions")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: &str = "/v1/chat/completions";

    fn read_json(body: &str) -> ModelRequest {
        read(CHAT, "application/json", body.as_bytes())
    }

    fn is_unfit(body: &str) -> Option<Unfit> {
        read_json(body).unfit
    }

    #[test]
    fn r40_a_text_with_a_limit_has_its_sizes() {
        for (limits, output) in [
            (r#""max_tokens":100"#, 100),
            (r#""max_completion_tokens":100,"max_tokens":70"#, 100),
            (r#""max_output_tokens": 100 ,"n":3"#, 300),
            (r#""max_tokens":100,"n":2,"best_of":5"#, 500),
            (r#""max_tokens":100,"n":null,"audio":null,"tools":[]"#, 100),
            (r#""max_tokens":100,"service_tier":"default","modalities":["text"]"#, 100),
            (r#""max_tokens":100,"prompt":"Say \"type\":\"image\".""#, 100),
            (r#""max_tokens":100,"tools":[{"type":"function","function":{"parameters":{"type":"object"}}},{}]"#, 100),
        ] {
            let body = format!(r#" {{"model":"gpt-4o",{limits}}}"#);
            let expected =
                ModelRequest { model: Some("gpt-4o".into()), sizes: Some((body.len() as u64, output)), unfit: None };
            assert_eq!(read_json(&body), expected, "{body}");
        }
    }

    #[test]
    fn r40_what_has_no_limit_or_is_no_plain_text_has_no_sizes() {
        for more in [
            r#""user":"x""#,
            r#""max_tokens":null"#,
            r#""max_tokens":0"#,
            r#""max_tokens":-1"#,
            r#""max_tokens":1.5"#,
            r#""max_tokens":"100""#,
            r#""max_tokens":100,"n":"2""#,
            r#""max_tokens":18446744073709551615,"n":2"#,
            r#""max_tokens":100,"max_output_tokens":1e9"#,
            r#""max_tokens":100,"tools":[{"type":"web_search"}]"#,
            r#""max_tokens":100,"tools":{"type":"function"}"#,
            r#""max_tokens":100,"tools":[7]"#,
            r#""max_tokens":100,"previous_response_id":"resp_1""#,
            r#""max_tokens":100,"conversation":"conv_1""#,
            r#""max_tokens":100,"mcp_servers":[{}]"#,
            r#""max_tokens":100,"container":"c""#,
            r#""max_tokens":100,"prompt":["a","b"]"#,
            r#""max_tokens":100,"prompt":{"id":"pmpt_1"}"#,
            r#""max_tokens":100,"web_search_options":{}"#,
            r#""max_tokens":100,"prediction":{"content":"x"}"#,
            r#""max_tokens":100,"audio":{"voice":"x"}"#,
            r#""max_tokens":100,"modalities":["text","audio"]"#,
            r#""max_tokens":100,"service_tier":"priority""#,
            r#""max_tokens":100,"service_tier":"auto""#,
            r#""max_tokens":100,"messages":[{"content":[{"type":"image_url","image_url":{}}]}]"#,
            r#""max_tokens":100,"input":[{"ty\u0070e":"input_f\u0069le","file_id":"file-1"}]"#,
        ] {
            let body = format!(r#"{{"model":"gpt-4o",{more}}}"#);
            let read = read_json(&body);
            assert_eq!((read.sizes, read.unfit, read.model.as_deref()), (None, None, Some("gpt-4o")), "{body}");
        }
    }

    #[test]
    fn a_body_that_others_may_read_otherwise_is_unfit() {
        for (body, unfit) in [
            ("model=gpt-4o", Unfit::NoJson),
            (r#"["gpt-4o"]"#, Unfit::NoJson),
            (r#"{"model":"gpt-4o""#, Unfit::NoJson),
            (r#"{"model":"gpt-4o"} {}"#, Unfit::NoJson),
            (r#"{"model":"gpt-4o","model":"o1"}"#, Unfit::NoJson),
            (r#"{"max_tokens":1,"max_tok\u0065ns":2}"#, Unfit::NoJson),
            (r#"{"model":null}"#, Unfit::UnclearModel),
            (r#"{"model":""}"#, Unfit::UnclearModel),
            (r#"{"model":["gpt-4o"]}"#, Unfit::UnclearModel),
            (r#"{"model":"gpt 4o"}"#, Unfit::UnclearModel),
            (r#"{"model":"gpt-4o\r\nx-mete-bytes: 0"}"#, Unfit::UnclearModel),
        ] {
            assert_eq!(read_json(body), ModelRequest::from(unfit), "{body}");
        }
        assert_eq!(read(CHAT, "", b"{\"model\":\"gpt-4o\xff\"}"), ModelRequest::from(Unfit::NoJson));
        assert_eq!(is_unfit(&format!(r#"{{"model":"{}"}}"#, "x".repeat(201))), Some(Unfit::UnclearModel));
        assert_eq!(read_json(r#"{"model":"gpt\u002d4o"}"#).model.as_deref(), Some("gpt-4o"));
        assert_eq!(read_json(r#"{"file_id":"file-1"}"#), ModelRequest::default());
    }

    #[test]
    fn a_stream_that_hides_its_usage_is_unfit() {
        let hides = [
            r#""stream":true"#,
            r#""stream":1"#,
            r#""stream":true,"stream_options":null"#,
            r#""stream":true,"stream_options":{"include_usage":false}"#,
            r#""stream":true,"stream_options":{"include_usage":"true"}"#,
        ];
        for more in hides {
            let body = format!(r#"{{"model":"gpt-4o",{more}}}"#);
            let read = read_json(&body);
            let told = (read.unfit, read.model.as_deref());
            assert_eq!(told, (Some(Unfit::StreamWithoutUsage), Some("gpt-4o")), "{body}");
        }
        for more in
            [r#""stream":false"#, r#""stream":null"#, r#""stream":true,"stream_options":{"include_usage":true,"x":1}"#]
        {
            assert_eq!(is_unfit(&format!(r#"{{"model":"gpt-4o",{more}}}"#)), None, "{more}");
        }
        let stream = br#"{"model":"gpt-4o","stream":true}"#;
        for (path, unfit) in [
            ("/v1/completions", true),
            ("/openai/v1/chat/completions/?api-version=1", true),
            ("/v1/chat/completion%73", true),
            ("/v1/responses", false),
            ("/v1/messages?x=/completions", false),
        ] {
            assert_eq!(read(path, "", stream).unfit.is_some(), unfit, "{path}");
        }
    }
}
