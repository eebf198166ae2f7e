//! A jump being typed: `:project support`. Names are completed from what there is.

use crossterm::event::KeyEvent;
use mete_core::Month;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::picker::{Frame, Picked, Picker, middle};
use super::{Overlay, Reply};
use crate::data::{Answer, Query, QueryFailed};
use crate::fuzzy::ranked;
use crate::jumps::{Atlas, Line, Parameter};
use crate::model::Model;
use crate::outcome::Outcome;
use crate::piece::{Piece, piece};
use crate::screens::{self, Kind};
use crate::theme::Tone;

/// Completions that are offered at a time.
const MOST: usize = 12;

/// Columns of what can be typed.
const SHOWN: usize = 30;
/// Columns of borders, their padding, the sign of the selection and the gap before the help.
const BESIDE: usize = 8;

/// The line and what it knows.
#[derive(Default)]
pub struct JumpLine {
    picker: Picker,
    /// Names, once they are known.
    atlas: Option<Atlas>,
    /// Whether Enter was pressed before they were.
    waits: bool,
    /// Why it did not go.
    wrong: Option<String>,
}

/// Something to go on with.
struct Candidate {
    /// The whole line with it.
    line: String,
    shown: String,
    help: String,
    /// Said after that where there is room for all of it.
    also: String,
}

impl JumpLine {
    /// With a jump already typed.
    #[must_use]
    pub fn to(kind: &Kind) -> Self {
        let after = if kind.takes.is_empty() { "" } else { " " };
        Self { picker: Picker::with(&format!("{}{after}", kind.name)), ..Self::default() }
    }

    fn candidates(&self) -> Vec<Candidate> {
        let line = Line::new(self.picker.typed());
        match line.jump().filter(|_| line.named) {
            Some(kind) => self.values(&line, kind),
            None if line.named => Vec::new(),
            None => jumps(line.name),
        }
    }

    /// What the last argument may be.
    fn values(&self, line: &Line<'_>, kind: &Kind) -> Vec<Candidate> {
        let Some(atlas) = &self.atlas else { return Vec::new() };
        let arguments = line.arguments(kind);
        let (parameter, begun) = match arguments.last() {
            Some((Some(parameter), value)) => (*parameter, value.trim()),
            Some((None, _)) => return Vec::new(),
            None => match kind.takes.first() {
                Some(parameter) => (*parameter, ""),
                None => return Vec::new(),
            },
        };
        let names = atlas.names(parameter);
        let before = before(line, begun);
        ranked(begun, &names)
            .into_iter()
            .take(MOST)
            .map(|index| Candidate {
                line: format!("{before}{}", names[index]),
                shown: names[index].to_owned(),
                help: whose(atlas, parameter, index),
                also: String::new(),
            })
            .collect()
    }

    fn go(&mut self) -> Reply {
        let Some(atlas) = &self.atlas else {
            self.waits = true;
            return Reply::Stay;
        };
        let typed = Line::new(self.picker.typed()).open(atlas);
        let candidates = self.candidates();
        let selected = candidates.get(self.picker.selected()).or_else(|| candidates.first());
        let opened = match (typed, selected) {
            // what was chosen from the list comes before what was typed only in part
            (Ok(_) | Err(_), Some(candidate)) if self.picker.selected() > 0 => Line::new(&candidate.line).open(atlas),
            (Err(wrong), Some(candidate)) => Line::new(&candidate.line).open(atlas).map_err(|_| wrong),
            (typed, _) => typed,
        };
        match opened {
            Ok(screen) => Reply::Then(Outcome::Jump(screen)),
            Err(wrong) => {
                self.complete();
                self.wrong = Some(wrong);
                Reply::Stay
            }
        }
    }

    /// Puts the selected completion into the line.
    fn complete(&mut self) {
        let candidates = self.candidates();
        let selected = candidates.get(self.picker.selected()).or_else(|| candidates.first());
        if let Some(candidate) = selected {
            self.picker.set(&candidate.line);
        }
    }
}

/// The line without the part of an argument that was begun last.
fn before(line: &Line<'_>, begun: &str) -> String {
    let rest = line.rest.trim_end();
    let kept = rest.strip_suffix(begun).unwrap_or(rest);
    format!("{} {kept}", line.name)
}

/// The jumps that are called so.
fn jumps(name: &str) -> Vec<Candidate> {
    let kinds: Vec<&Kind> = screens::jumps().collect();
    let texts: Vec<String> = kinds.iter().map(|kind| format!("{} {}", kind.name, kind.aliases.join(" "))).collect();
    let mut found = ranked(name, &texts);
    // what begins so is meant before what has the letters somewhere
    found.sort_by_key(|index| !kinds[*index].name.starts_with(name));
    found.into_iter().map(|index| candidate(kinds[index])).collect()
}

fn candidate(kind: &Kind) -> Candidate {
    let takes: Vec<String> = kind.takes.iter().map(|parameter| format!("[{}=]", parameter.name())).collect();
    let also = if kind.aliases.is_empty() { String::new() } else { format!("  also :{}", kind.aliases.join(" :")) };
    let after = if kind.takes.is_empty() { "" } else { " " };
    Candidate {
        line: format!("{}{after}", kind.name),
        shown: format!("{} {}", kind.name, takes.join(" ")),
        help: kind.title.to_owned(),
        also,
    }
}

/// What tells names apart that may be the same.
fn whose(atlas: &Atlas, parameter: Parameter, index: usize) -> String {
    match parameter {
        Parameter::Project => {
            let id = atlas.projects.get(index).map(|view| view.project.organization_id.as_str());
            let own = atlas.organizations.iter().find(|view| Some(view.organization.id.as_str()) == id);
            own.map(|view| format!("of {}", view.organization.name)).unwrap_or_default()
        }
        _ => String::new(),
    }
}

impl Overlay for JumpLine {
    fn key(&mut self, key: &KeyEvent, _: &mut Model) -> Reply {
        let rows = self.candidates().len();
        let picked = self.picker.key(key, rows);
        self.wrong = None;
        match picked {
            Picked::Left => return Reply::Close,
            Picked::Chosen => return self.go(),
            Picked::Completed => self.complete(),
            Picked::Typed | Picked::Moved => {}
        }
        Reply::Stay
    }

    fn paste(&mut self, text: &str, _: &mut Model) {
        self.picker.paste(text);
    }

    fn queries(&self, month: Month) -> Vec<Query> {
        vec![Query::Organizations(month), Query::Projects { organization_id: None, month }]
    }

    fn receive(&mut self, result: Result<Vec<Answer>, QueryFailed>) -> Reply {
        let answers = match result {
            Ok(answers) => answers,
            Err(failed) => {
                self.wrong = Some(failed.0);
                return Reply::Stay;
            }
        };
        let mut atlas = Atlas::default();
        for answer in answers {
            match answer {
                Answer::Organizations(views) => atlas.organizations = views,
                Answer::Projects(views) => atlas.projects = views,
                _ => {}
            }
        }
        self.atlas = Some(atlas);
        if std::mem::take(&mut self.waits) { self.go() } else { Reply::Stay }
    }

    fn draw(&self, model: &Model, buffer: &mut Buffer, body: Rect) {
        let candidates = self.candidates();
        let most = MOST.max(screens::jumps().count());
        let room = usize::from(middle(body, most).width).saturating_sub(BESIDE + SHOWN);
        let rows: Vec<Vec<Piece>> = candidates
            .iter()
            .map(|candidate| {
                let all = format!("{}{}", candidate.help, candidate.also);
                let help = if crate::text::width(&all) <= room { &all } else { &candidate.help };
                vec![
                    piece(format!("{:<SHOWN$}  ", crate::text::fit(&candidate.shown, SHOWN)), Tone::Strong),
                    piece(help.as_str(), Tone::Dim),
                ]
            })
            .collect();
        let note = match (&self.wrong, &self.atlas) {
            (Some(wrong), _) => piece(wrong.as_str(), Tone::Bad),
            (None, None) => piece("looking names up …", Tone::Dim),
            (None, Some(_)) => piece("", Tone::Dim),
        };
        let frame = Frame { title: "Jump to", prompt: Some(":"), note, most, marks: true };
        self.picker.draw(buffer, body, &frame, &rows, &model.setting.theme);
    }

    fn hints(&self) -> Vec<(&'static str, &'static str)> {
        vec![("⏎", "go"), ("tab", "complete"), ("↑ ↓", "choose"), ("esc", "stay here")]
    }
}
