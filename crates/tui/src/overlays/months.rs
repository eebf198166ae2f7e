//! The month to show: the last ones with what was spent in them.

use crossterm::event::KeyEvent;
use mete_core::{Month, Nanos};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::picker::{Frame, Picked, Picker};
use super::{Overlay, Reply};
use crate::data::{Answer, Query, QueryFailed};
use crate::format::money;
use crate::model::Model;
use crate::outcome::Outcome;
use crate::piece::{Piece, piece};
use crate::theme::Tone;

/// How many months are looked at: a year, and the same month a year ago.
const MONTHS: usize = 13;

/// The months, the newest first.
pub struct Months {
    picker: Picker,
    present: Month,
    /// What was spent in them, as far as it may be seen; nothing as long as it is not known.
    spent: Option<Vec<Option<Nanos>>>,
    failed: Option<String>,
}

impl Months {
    /// From the present month on back.
    #[must_use]
    pub fn until(present: Month) -> Self {
        Self { picker: Picker::default(), present, spent: None, failed: None }
    }

    fn all(&self) -> impl Iterator<Item = Month> {
        std::iter::successors(Some(self.present), |month| Some(month.previous())).take(MONTHS)
    }

    /// Those with spend, and those of which nothing is known; always the present one.
    fn offered(&self) -> Vec<(Month, Option<Nanos>)> {
        let spent = self.spent.clone().unwrap_or_default();
        let months = self.all().enumerate().map(|(index, month)| (month, spent.get(index).copied().flatten()));
        months.filter(|(month, spent)| *month == self.present || *spent != Some(Nanos::ZERO)).collect()
    }
}

impl Overlay for Months {
    fn key(&mut self, key: &KeyEvent, _: &mut Model) -> Reply {
        let offered = self.offered();
        let chosen = offered.get(self.picker.selected()).map(|(month, _)| *month);
        match (self.picker.key(key, offered.len()), chosen) {
            (Picked::Left, _) => Reply::Close,
            (Picked::Chosen, Some(month)) => Reply::Then(Outcome::Month(month)),
            _ => Reply::Stay,
        }
    }

    fn queries(&self, _: Month) -> Vec<Query> {
        self.all().map(Query::Organizations).collect()
    }

    fn receive(&mut self, result: Result<Vec<Answer>, QueryFailed>) -> Reply {
        match result {
            Ok(answers) => self.spent = Some(answers.iter().map(spent).collect()),
            Err(failed) => self.failed = Some(failed.0),
        }
        Reply::Stay
    }

    fn draw(&self, model: &Model, buffer: &mut Buffer, body: Rect) {
        let offered = self.offered();
        let rows: Vec<Vec<Piece>> = offered
            .iter()
            .map(|(month, spent)| {
                let amount = match (spent, &self.spent, &self.failed) {
                    (_, _, Some(_)) => "not known".to_owned(),
                    (_, None, None) => "…".to_owned(),
                    (None, Some(_), None) => "—".to_owned(),
                    (Some(spent), Some(_), None) => money(*spent),
                };
                let note = match *month {
                    month if month == self.present => "  this month",
                    month if month == model.month() => "  shown now",
                    _ => "",
                };
                vec![
                    piece(format!("{:<16}", month.name()), Tone::Strong),
                    piece(format!("{amount:>14}"), Tone::Plain),
                    piece(note, Tone::Dim),
                ]
            })
            .collect();
        let frame =
            Frame { title: "Months with spend", prompt: None, note: piece("", Tone::Dim), most: MONTHS, marks: true };
        self.picker.draw(buffer, body, &frame, &rows, &model.setting.theme);
    }

    fn hints(&self) -> Vec<(&'static str, &'static str)> {
        vec![("⏎", "show"), ("↑ ↓", "choose"), ("esc", "as it is")]
    }
}

/// What organizations spent that stand under none of the others; nothing if nobody's spend is to be seen (R3, R6).
fn spent(answer: &Answer) -> Option<Nanos> {
    let Answer::Organizations(views) = answer else { return None };
    let is_listed = |id: &str| views.iter().any(|view| view.organization.id == id);
    let tops = views.iter().filter(|view| !view.organization.parent_id.as_deref().is_some_and(is_listed));
    let seen: Vec<Nanos> = tops.filter_map(|view| view.spend).collect();
    (views.is_empty() || !seen.is_empty()).then(|| seen.into_iter().sum())
}
