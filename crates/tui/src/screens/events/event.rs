//! One event: to the nano-dollar, with every count and how it was rated.

use mete_core::event::Rating;
use mete_core::{Month, Timestamp};
use mete_store::EventLine;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::actions::Action;
use crate::data::{Answer, Query};
use crate::format::{ago, count, money_exact};
use crate::look::Look;
use crate::outcome::Outcome;
use crate::screens::fact_rows::{self, FactRow};
use crate::screens::{Screen, cells};
use crate::table::{List, Table};
use crate::theme::Tone;

/// What is known of an event, as it was when it was opened.
pub struct EventScreen {
    line: EventLine,
    table: Table<FactRow>,
}

impl EventScreen {
    /// Of this event.
    pub fn of(line: &EventLine) -> Self {
        Self { line: line.clone(), table: fact_rows::table() }
    }

    fn facts(&self, now: Timestamp) -> Vec<(&'static str, String, Tone)> {
        let EventLine { event, project, key, member } = &self.line;
        let named = |name: &str, id: &str| match (name.is_empty(), name == id) {
            (true, _) => "none".to_owned(),
            (false, true) => name.to_owned(),
            (false, false) => format!("{name}  {id}"),
        };
        let (series, rating, usage) = (&event.series, &event.rating, &event.usage);
        let or_none = |text: &str| if text.is_empty() { "none named".to_owned() } else { text.to_owned() };
        let mut facts = vec![
            ("cost", money_exact(event.cost), Tone::Strong),
            ("price version", price(rating), Tone::Plain),
            ("time", format!("{}  {}", event.time, ago(event.time, now)), Tone::Plain),
            ("project", named(project, &series.project), Tone::Plain),
            ("key", named(key, series.key.as_deref().unwrap_or_default()), Tone::Plain),
            ("member", named(member, series.member.as_deref().unwrap_or_default()), Tone::Plain),
            ("model", or_none(&series.model), Tone::Plain),
            ("provider", or_none(&rating.provider), Tone::Plain),
            ("tier", or_none(&rating.tier), Tone::Plain),
            ("batch", if rating.batch { "yes" } else { "no" }.to_owned(), Tone::Plain),
            ("endpoint", endpoint(&self.line), Tone::Plain),
            ("input tokens", count(usage.input), Tone::Plain),
            ("output tokens", count(usage.output), Tone::Plain),
        ];
        // what most events have none of is named where there is some
        let rare = [
            ("· cached", usage.cached_input),
            ("· cache written", usage.cache_write),
            ("· · for an hour", usage.cache_write_1h),
            ("· audio in", usage.audio_input),
            ("· reasoning", usage.reasoning),
            ("· audio out", usage.audio_output),
            ("images", usage.images),
            ("milliseconds", usage.milliseconds),
            ("searches", usage.searches),
        ];
        let before_output = facts.len() - 1;
        let some = |range: &[(&'static str, u64)]| {
            let some = range.iter().filter(|(_, number)| *number > 0);
            some.map(|(label, number)| (*label, count(*number), Tone::Plain)).collect::<Vec<_>>()
        };
        let (of_input, others) = rare.split_at(4);
        facts.extend(some(others));
        facts.splice(before_output..before_output, some(of_input));
        if usage.bytes != 0 {
            facts.push(("bytes stored", usage.bytes.to_string(), Tone::Plain));
        }
        facts.push(("organization", series.organization.to_string(), Tone::Dim));
        facts.push(("event", event.id.0.to_string(), Tone::Dim));
        facts
    }
}

/// The endpoint's group, as its path is.
pub(super) fn endpoint(line: &EventLine) -> String {
    line.event.series.endpoint.to_string()
}

fn price(rating: &Rating) -> String {
    match &*rating.version {
        Rating::OWN => "its own cost, brought along".to_owned(),
        version => version.to_owned(),
    }
}

impl Screen for EventScreen {
    fn name(&self) -> &'static str {
        "event"
    }

    fn crumb(&self) -> String {
        "event".to_owned()
    }

    fn queries(&self, _: Month) -> Vec<Query> {
        Vec::new()
    }

    fn receive(&mut self, _: Vec<Answer>, _: Month, now: Timestamp) {
        self.table.set_rows(fact_rows::rows(self.facts(now)));
    }

    fn forget(&mut self) {}

    fn actions(&self) -> &'static [Action] {
        &[]
    }

    fn act(&mut self, _: Action) -> Outcome {
        Outcome::Done
    }

    fn list(&mut self) -> &mut dyn List {
        &mut self.table
    }

    fn arrange(&mut self, area: Rect, _: &Look<'_>) {
        self.table.arrange(area);
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        self.table.draw(buffer, area, cells::words("Event", Tone::Strong), "", look);
    }
}
