//! The messages of OTLP as far as usage is in them: numbers, names in JSON, and kinds of their fields.
//!
//! From `opentelemetry/proto/{common,resource,trace,logs}/v1`, whose numbers never change. Fields that are not here are
//! passed over.

/// One field of a message.
pub(super) struct Field {
    pub(super) number: u64,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) repeated: bool,
}

/// What a field holds.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    /// Bytes that OTLP writes as hexadecimal digits in JSON.
    Id,
    /// Bytes that OTLP writes as base64 in JSON.
    Base64,
    Bool,
    Double,
    /// A number of 64 bits, which JSON has as a text.
    Long,
    /// A number that JSON has as one.
    Number,
    Message(&'static [Field]),
}

const fn one(number: u64, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, repeated: false }
}

const fn many(number: u64, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, repeated: true }
}

static ANY_VALUE: [Field; 7] = [
    one(1, "stringValue", Kind::Text),
    one(2, "boolValue", Kind::Bool),
    one(3, "intValue", Kind::Long),
    one(4, "doubleValue", Kind::Double),
    one(5, "arrayValue", Kind::Message(&ARRAY_VALUE)),
    one(6, "kvlistValue", Kind::Message(&KEY_VALUE_LIST)),
    one(7, "bytesValue", Kind::Base64),
];
static ARRAY_VALUE: [Field; 1] = [many(1, "values", Kind::Message(&ANY_VALUE))];
static KEY_VALUE_LIST: [Field; 1] = [many(1, "values", Kind::Message(&KEY_VALUE))];
static KEY_VALUE: [Field; 2] = [one(1, "key", Kind::Text), one(2, "value", Kind::Message(&ANY_VALUE))];

pub(super) static RESOURCE: [Field; 1] = [many(1, "attributes", Kind::Message(&KEY_VALUE))];
pub(super) static SCOPE: [Field; 3] =
    [one(1, "name", Kind::Text), one(2, "version", Kind::Text), many(3, "attributes", Kind::Message(&KEY_VALUE))];

static STATUS: [Field; 2] = [one(2, "message", Kind::Text), one(3, "code", Kind::Number)];
static SPAN_EVENT: [Field; 3] =
    [one(1, "timeUnixNano", Kind::Long), one(2, "name", Kind::Text), many(3, "attributes", Kind::Message(&KEY_VALUE))];
pub(super) static SPAN: [Field; 10] = [
    one(1, "traceId", Kind::Id),
    one(2, "spanId", Kind::Id),
    one(4, "parentSpanId", Kind::Id),
    one(5, "name", Kind::Text),
    one(6, "kind", Kind::Number),
    one(7, "startTimeUnixNano", Kind::Long),
    one(8, "endTimeUnixNano", Kind::Long),
    many(9, "attributes", Kind::Message(&KEY_VALUE)),
    many(11, "events", Kind::Message(&SPAN_EVENT)),
    one(15, "status", Kind::Message(&STATUS)),
];
pub(super) static LOG_RECORD: [Field; 8] = [
    one(1, "timeUnixNano", Kind::Long),
    one(2, "severityNumber", Kind::Number),
    one(5, "body", Kind::Message(&ANY_VALUE)),
    many(6, "attributes", Kind::Message(&KEY_VALUE)),
    one(9, "traceId", Kind::Id),
    one(10, "spanId", Kind::Id),
    one(11, "observedTimeUnixNano", Kind::Long),
    one(12, "eventName", Kind::Text),
];
