//! The words of a message, for people: plain text and HTML of the same content.

use std::fmt::Write as _;

use mete_core::parts::PartKind;
use mete_core::{Nanos, Timestamp};
use mete_store::{Alert, AlertKind, ScopeKind, Spender};

use crate::escape::{html, plain};
use crate::notice::Notice;

/// A message in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Letter {
    /// One line that says it.
    pub subject: String,
    /// What happened, in a sentence.
    pub headline: String,
    /// Figures with their names.
    pub facts: Vec<(&'static str, String)>,
    /// What it means.
    pub meaning: Vec<String>,
    /// Who spent the most: keys, members, models.
    pub spenders: Vec<(&'static str, Vec<(String, String)>)>,
    /// What can be done, each with the command for it.
    pub advice: Vec<(String, String)>,
    /// Why it is sent, and to whom.
    pub end: String,
}

impl Letter {
    /// Of a notice.
    pub(crate) fn of(notice: &Notice) -> Self {
        let alert = &notice.alert;
        let (whose, organization) = (plain(&alert.whose()), plain(&notice.organization));
        let what = match alert.kind {
            AlertKind::Threshold => "Threshold passed",
            AlertKind::Exhausted => "Budget exhausted",
        };
        let within = if alert.scope_kind == ScopeKind::Project { format!(" ({organization})") } else { String::new() };
        Self {
            subject: format!("{what}: {whose}{within}, {}", alert.month.name()),
            headline: headline(alert),
            facts: facts(notice),
            meaning: meaning(notice),
            spenders: [("Keys", &notice.keys), ("Members", &notice.members), ("Models", &notice.models)]
                .into_iter()
                .filter(|(_, rows)| !rows.is_empty())
                .map(|(title, rows)| (title, rows.iter().map(row).collect()))
                .collect(),
            advice: advice(notice),
            end: "Owners of a project and of its organization are told of every threshold passed and every budget \
                  exhausted, once a month and amount. That cannot be switched off."
                .to_owned(),
        }
    }

    /// One that only tries the way.
    pub(crate) fn trial() -> Self {
        Self {
            subject: "A test of Mete's notifications".to_owned(),
            headline: "This is a test: notifications of Mete arrive here.".to_owned(),
            meaning: vec!["Nothing happened, and nothing is to be done.".to_owned()],
            end: "Somebody ran 'mete notify test'.".to_owned(),
            ..Self::default()
        }
    }

    /// As plain text, its lines ended by line feeds.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n", self.headline);
        let width = self.facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        if !self.facts.is_empty() {
            text.push('\n');
        }
        for (name, value) in &self.facts {
            put(&mut text, format_args!("{name:width$}  {value}\n"));
        }
        for paragraph in &self.meaning {
            put(&mut text, format_args!("\n{paragraph}\n"));
        }
        for (title, rows) in &self.spenders {
            put(&mut text, format_args!("\n{title} that spent the most:\n"));
            for (name, amount) in rows {
                put(&mut text, format_args!("  {amount:>14}  {name}\n"));
            }
        }
        if !self.advice.is_empty() {
            text.push_str("\nWhat to do:\n");
        }
        for (what, command) in &self.advice {
            put(&mut text, format_args!("- {what}:\n    {command}\n"));
        }
        put(&mut text, format_args!("\n-- \n{}\n", self.end));
        text
    }

    /// As HTML.
    pub(crate) fn html(&self) -> String {
        let mut page = format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title></head>\n\
             <body style=\"font-family:sans-serif;max-width:44em\">\n<h2>{}</h2>\n",
            html(&self.subject),
            html(&self.headline)
        );
        table(&mut page, self.facts.iter().map(|(name, value)| (*name, value.as_str())));
        for paragraph in &self.meaning {
            put(&mut page, format_args!("<p>{}</p>\n", html(paragraph)));
        }
        for (title, rows) in &self.spenders {
            put(&mut page, format_args!("<h3>{} that spent the most</h3>\n", html(title)));
            table(&mut page, rows.iter().map(|(name, amount)| (name.as_str(), amount.as_str())));
        }
        if !self.advice.is_empty() {
            page.push_str("<h3>What to do</h3>\n<ul>\n");
            for (what, command) in &self.advice {
                put(&mut page, format_args!("<li>{}:<br><code>{}</code></li>\n", html(what), html(command)));
            }
            page.push_str("</ul>\n");
        }
        put(&mut page, format_args!("<p><small>{}</small></p>\n</body></html>\n", html(&self.end)));
        page
    }
}

/// Writing to a text cannot fail.
fn put(text: &mut String, words: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(words);
}

fn table<'a>(page: &mut String, rows: impl Iterator<Item = (&'a str, &'a str)>) {
    page.push_str("<table cellpadding=\"3\">\n");
    for (name, value) in rows {
        put(page, format_args!("<tr><td>{}</td><td>{}</td></tr>\n", html(name), html(value)));
    }
    page.push_str("</table>\n");
}

fn row(spender: &Spender) -> (String, String) {
    let name = if spender.name.is_empty() { "(not said)".to_owned() } else { plain(&spender.name) };
    (name, dollars(spender.spend))
}

fn dollars(amount: Nanos) -> String {
    format!("${amount}")
}

fn seconds(instant: Timestamp) -> String {
    instant.to_the_second().to_string().replace('T', " ").replace('Z', " UTC")
}

/// "the project "Bot"", or the part of it that the alert is about.
fn whose(alert: &Alert) -> String {
    let scope = format!("the {} \"{}\"", alert.scope_kind.as_str(), plain(&alert.scope_name));
    match &alert.part {
        Some(part) => format!("the {} \"{}\" in {scope}", part.part.kind, plain(&part.name)),
        None => scope,
    }
}

fn headline(alert: &Alert) -> String {
    let whose = whose(alert);
    match alert.kind {
        AlertKind::Threshold => format!("The spend of {whose} has passed its notification threshold."),
        AlertKind::Exhausted => format!("The monthly budget of {whose} is exhausted."),
    }
}

fn facts(notice: &Notice) -> Vec<(&'static str, String)> {
    let alert = &notice.alert;
    let mut facts = vec![("Organization", plain(&notice.organization))];
    if alert.scope_kind == ScopeKind::Project {
        facts.push(("Project", plain(&alert.scope_name)));
    }
    if let Some(part) = &alert.part {
        let name = match part.part.kind {
            PartKind::Model => "Model",
            PartKind::Member => "Member",
            PartKind::Key => "Key",
        };
        facts.push((name, plain(&part.name)));
    }
    facts.push(("Month", format!("{} (UTC)", alert.month.name())));
    facts.push((
        match alert.kind {
            AlertKind::Threshold => "Threshold",
            AlertKind::Exhausted => "Budget",
        },
        dollars(alert.amount),
    ));
    facts.push(("Spent then", format!("{} on {}", dollars(alert.spend), seconds(alert.at))));
    // What one part has spent by now is not asked for; its project's spend would be taken for it.
    if alert.part.is_none() {
        let budget =
            notice.limits.budget.map_or_else(|| "no budget".to_owned(), |budget| format!("budget {}", dollars(budget)));
        facts.push(("Spent now", format!("{}, {budget}, on {}", dollars(notice.spend), seconds(notice.now))));
    }
    facts
}

fn meaning(notice: &Notice) -> Vec<String> {
    let alert = &notice.alert;
    if notice.is_over() {
        return vec![format!(
            "{} is over: late usage was counted for it, and nobody is refused for that.",
            alert.month.name()
        )];
    }
    if alert.kind == AlertKind::Threshold {
        return vec!["This is a notice: nobody is refused for it.".to_owned()];
    }
    let requests = match &alert.part {
        Some(part) => match part.part.kind {
            PartKind::Model => "every request for this model by keys of the project",
            PartKind::Member => "every request of this member's keys in the project",
            PartKind::Key => "every request of this key",
        },
        None if alert.scope_kind == ScopeKind::Organization => {
            "every request of every key of the organization and of its sub-organizations"
        }
        None => "every request of every key of the project",
    };
    let mut meaning = vec![format!(
        "From then on {requests} is refused, until 00:00 UTC on 1 {}, or until an owner of the organization raises the \
         budget. Both let requests through again at once.",
        alert.month.next().name()
    )];
    let is_raised = notice.limits.budget.is_none_or(|budget| budget > notice.spend);
    if alert.part.is_none() && is_raised {
        meaning.push(
            "By now the budget was raised or taken away, and requests are not refused for it any more.".to_owned(),
        );
    }
    meaning
}

/// Scopes are named by their ids: a name could hold what a shell obeys.
fn advice(notice: &Notice) -> Vec<(String, String)> {
    let alert = &notice.alert;
    let scope =
        format!("--{} {}", if alert.scope_kind == ScopeKind::Project { "project" } else { "org" }, alert.scope_id);
    let month = alert.month;
    let mut advice = vec![("See who spent it".to_owned(), format!("mete spend {scope} --month {month} --by key"))];
    if !notice.is_over() {
        let raise = match (alert.kind, &alert.part) {
            (AlertKind::Threshold, _) => ("Set another threshold", format!("mete limits set {scope} --threshold USD")),
            (AlertKind::Exhausted, None) => ("Raise the budget", format!("mete limits set {scope} --budget USD")),
            (AlertKind::Exhausted, Some(_)) => {
                ("See the budgets within the project", format!("mete limits show {scope}"))
            }
        };
        advice.push((raise.0.to_owned(), raise.1));
    }
    if alert.kind == AlertKind::Exhausted && alert.scope_kind == ScopeKind::Project && !notice.is_over() {
        advice.push(("See what is decided, and why".to_owned(), format!("mete explain {scope}")));
    }
    advice.push(("Look at it in the terminal, under :alerts".to_owned(), "mete tui".to_owned()));
    advice
}
