//! What webhooks and commands are given: Mete's own event, or the shape that a chat or pager takes.

use serde_json::{Value, json};

use crate::channels::Outgoing;
use crate::letter::Letter;
use crate::notice::Notice;
use crate::settings::Kind;

/// Where PagerDuty takes events.
pub(crate) const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";

/// The most characters of a message in Discord.
const DISCORD: usize = 2000;

/// The most characters of a summary in PagerDuty.
const SUMMARY: usize = 1024;

/// Mete's own event: what happened, when, and the facts.
pub(crate) fn event(notice: &Notice) -> Value {
    let alert = &notice.alert;
    let name = match alert.kind {
        mete_store::AlertKind::Threshold => "threshold.passed",
        mete_store::AlertKind::Exhausted => "budget.exhausted",
    };
    json!({
        "type": name,
        "timestamp": alert.at,
        "data": {
            "alert": alert,
            "organization": {"id": alert.organization_id, "name": notice.organization},
            "spend_now": notice.spend,
            "budget": notice.limits.budget,
            "threshold": notice.limits.threshold,
            "resets_at": alert.month.end(),
            "keys": notice.keys,
            "members": notice.members,
            "models": notice.models,
        },
    })
}

/// The event of a test.
pub(crate) fn trial(now: mete_core::Timestamp) -> Value {
    json!({"type": "test", "timestamp": now, "data": {}})
}

/// The body for a receiver of this kind; `routing` is what PagerDuty knows it by.
pub(crate) fn of(kind: Kind, outgoing: &Outgoing<'_>, routing: Option<&str>) -> Value {
    let letter = &outgoing.told.letter;
    match kind {
        Kind::Json => outgoing.told.event.clone(),
        // Slack takes these three for its own marks.
        Kind::Slack => {
            let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            json!({"text": format!("*{}*\n{}", escape(&letter.subject), escape(&letter.text()))})
        }
        Kind::Discord => {
            let whole = format!("**{}**\n{}", markdown(&letter.subject), markdown(&letter.text()));
            let content: String = whole.chars().take(DISCORD).collect();
            json!({"content": content, "allowed_mentions": {"parse": []}})
        }
        Kind::Teams => teams(letter),
        Kind::Pagerduty => json!({
            "routing_key": routing,
            "event_action": "trigger",
            "dedup_key": outgoing.told.about,
            "payload": {
                "summary": letter.subject.chars().take(SUMMARY).collect::<String>(),
                "source": "mete",
                "severity": if outgoing.told.is_grave { "critical" } else { "warning" },
                "custom_details": outgoing.told.event,
            },
        }),
    }
}

/// Foreign text where Markdown is understood: nobody's name makes a link.
fn markdown(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        if "\\`*_~|[]<>".contains(c) {
            shown.push('\\');
        }
        shown.push(c);
        shown
    })
}

/// An adaptive card, as the workflows of Teams take it.
fn teams(letter: &Letter) -> Value {
    let block =
        |text: &str, weight: &str| json!({"type": "TextBlock", "text": markdown(text), "wrap": true, "weight": weight});
    let mut body = vec![block(&letter.subject, "Bolder"), block(&letter.headline, "Default")];
    let facts: Vec<Value> =
        letter.facts.iter().map(|(title, value)| json!({"title": title, "value": markdown(value)})).collect();
    if !facts.is_empty() {
        body.push(json!({"type": "FactSet", "facts": facts}));
    }
    body.extend(letter.meaning.iter().map(|paragraph| block(paragraph, "Default")));
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": body,
            },
        }],
    })
}
