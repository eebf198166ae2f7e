//! Explanations of lines in words, 80 columns wide.

use mete_core::Usage;
use mete_ingest::reader::{Named, Outcome, PartShown, PriceShown, Understood, Whose};

use super::dry::Explained;
use super::excerpt::excerpt;
use crate::output::{count, money, safe, time};

/// Columns of a value that are shown; scripts get all of it.
const VALUE: usize = 62;

/// Columns of a line of prose.
const PROSE: usize = 76;

/// All explanations, one below the other.
pub fn describe(explained: &[Explained]) -> String {
    explained.iter().map(|line| one(line) + "\n").collect()
}

fn one(Explained { source, explanation, line }: &Explained) -> String {
    let outcome = match explanation.outcome {
        Outcome::Counted => "would be counted",
        Outcome::Ignored => "is no usage event",
        Outcome::Quarantined => "cannot be counted",
    };
    let format = explanation.format.as_ref().map(|format| format!(" ({format})")).unwrap_or_default();
    let mut text = format!("{}, byte {}: {outcome}{format}\n", safe(source), explanation.position);
    if let Some(problem) = &explanation.problem {
        text.push_str(&prose(&format!("{}: {}", problem.reason, problem.detail)));
        text.push_str(&indented(&excerpt(line, problem.spot)));
    }
    if let Some(event) = &explanation.event {
        text.push_str(&understood(event));
    }
    text
}

fn understood(event: &Understood) -> String {
    let mut text = row("Event", &event.id);
    if let Some(instant) = event.time {
        let month = event.month.map(|month| format!(", counts to {}", month.name())).unwrap_or_default();
        text.push_str(&row("Time", &format!("{}{month}", time(instant))));
    }
    for (number, said) in event.said.iter().enumerate() {
        text.push_str(&row(if number == 0 { "Says" } else { "" }, &format!("{} {}", said.what, said.text)));
    }
    if let Some(whose) = &event.whose {
        text.push_str(&belongs(whose));
    }
    text.push_str(&row("Request", &request(event)));
    text.push_str(&row("Used", &used(&event.usage)));
    if let Some(price) = &event.price {
        text.push_str(&priced(price));
    }
    text + &costs(event)
}

fn belongs(whose: &Whose) -> String {
    let Whose { organization, project, key, member, because } = whose;
    let named = |named: &Named| format!("{} ({})", named.name, named.id);
    let mut text = row("Organization", &named(organization)) + &row("Project", &named(project));
    for (label, id) in [("Key", key), ("Member", member)] {
        if let Some(id) = id {
            text.push_str(&row(label, id));
        }
    }
    text + &row("Because", because)
}

fn request(event: &Understood) -> String {
    let mut parts = vec![event.model.clone().unwrap_or_else(|| "no model".to_owned())];
    parts.extend(event.provider.as_ref().map(|provider| format!("provider {provider}")));
    parts.push(event.endpoint.name().to_owned());
    parts.extend(event.tier.as_ref().map(|tier| format!("tier {tier}")));
    parts.extend(event.batch.then(|| "batch".to_owned()));
    parts.join(", ")
}

/// What was used, as it was counted: parts are inside their whole.
fn used(usage: &Usage) -> String {
    let counts = [
        (usage.input, "input"),
        (usage.cached_input, "of it cached"),
        (usage.cache_write, "of it written to a cache"),
        (usage.audio_input, "of it audio"),
        (usage.output, "output"),
        (usage.reasoning, "of it reasoning"),
        (usage.audio_output, "of it audio"),
        (usage.images, "images"),
        (usage.milliseconds, "milliseconds"),
        (usage.searches, "searches"),
        (usage.bytes.unsigned_abs(), if usage.bytes < 0 { "bytes freed" } else { "bytes stored" }),
    ];
    let used: Vec<_> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, of)| format!("{} {of}", count(*n))).collect();
    if used.is_empty() { "nothing".to_owned() } else { used.join(", ") }
}

fn priced(price: &PriceShown) -> String {
    let mut text = row("Price", &price.version);
    for part in &price.parts {
        text.push_str(&row("", &term(part)));
    }
    if let Some(request) = &price.request {
        text.push_str(&row("", &format!("the request itself = {}", dollars(request))));
    }
    if price.percent != 100 {
        text.push_str(&row("", &format!("{}% of the sum, as a batch", price.percent)));
    }
    if price.as_a_whole {
        text.push_str(&row("", "with audio, the catalogue calculates the price as a whole"));
    }
    text
}

/// `1,024 cached input tokens × $0.075 a million = $0.0000768`
fn term(part: &PartShown) -> String {
    let per = match part.per {
        1 => "each",
        1_000 => "a second",
        _ => "a million",
    };
    let (amount, unit) = match part.per {
        1_000 => (format!("{}.{:03}", count(part.count / 1000), part.count % 1000), &part.unit),
        _ => (count(part.count), &part.unit),
    };
    match (&part.rate, &part.cost) {
        (Some(rate), Some(cost)) => format!("{amount} {unit} × {} {per} = {}", dollars(rate), dollars(cost)),
        _ => format!("{amount} {unit}: no price"),
    }
}

/// An exact amount with two places at least, as all amounts are shown.
fn dollars(exact: &str) -> String {
    let (whole, fraction) = exact.split_once('.').unwrap_or((exact, ""));
    format!("${whole}.{fraction:0<2}")
}

fn costs(event: &Understood) -> String {
    let catalogue = event.price.as_ref().and_then(|price| price.cost);
    match (event.own_cost, catalogue, event.cost) {
        (Some(own), Some(price), _) => {
            row("Cost", &format!("{}, its own; the prices say {}", money(own), money(price)))
        }
        (Some(own), None, _) => row("Cost", &format!("{}, its own", money(own))),
        (None, Some(price), _) => row("Cost", &money(price)),
        (None, None, Some(cost)) => row("Cost", &money(cost)),
        (None, None, None) => String::new(),
    }
}

fn row(label: &str, value: &str) -> String {
    let value = safe(value);
    let shown: String =
        if value.chars().count() > VALUE { value.chars().take(VALUE - 1).chain(['…']).collect() } else { value };
    format!("  {label:<14}{shown}\n")
}

/// Words in lines.
fn prose(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in safe(text).split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= PROSE => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    indented(&lines.join("\n"))
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
