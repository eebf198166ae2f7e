//! Why a key, or every key of a project, is let through or refused: the decision, its rules, who spent it.

mod rules;

use mete_core::directory::{ApiKey, Organization, Project, ProjectView};
use mete_core::manual_block::{ManualBlock, ManualBlockKind};
use mete_core::{Month, Nanos, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::{Keys, ProjectScreen, Screen, cells};
use crate::actions::Action;
use crate::chart::Bars;
use crate::data::{Answer, Query};
use crate::deeds::Target;
use crate::explaining::{About, Asked, Explained, Refused, SpentBy};
use crate::format::{ago, clock_time, money, percent, short_month, span};
use crate::gauge::bar;
use crate::look::Look;
use crate::outcome::Outcome;
use crate::panel::{Title, lines, panel, wrapped};
use crate::piece::{Piece, columns, piece};
use crate::table::{List, Row, Table};
use crate::text::fit;
use crate::theme::Tone;

/// What it offers.
pub const ACTIONS: &[Action] = &[Action::Open, Action::Owner];

/// Its list by its name in the configuration, with the names of its columns.
pub fn lists() -> Vec<(&'static str, Vec<String>)> {
    vec![("explain", rules::columns())]
}

const UNKNOWN: &str = "Nobody here knows how decisions are made: start the interface with mete tui.";
/// Lines of the list of rules before they are known.
const FEW_RULES: u16 = 12;
/// Lines of the panels below, at the least and at the most.
const BELOW: (u16, u16) = (5, 18);
/// Lines of what is told of the decision, at most.
const MOST_TOLD: usize = 6;
/// Columns of what somebody who spent is.
const KIND: usize = 8;

/// One decision.
pub struct Explain {
    project: Project,
    key: Option<ApiKey>,
    organization: Option<Organization>,
    blocks: Vec<ManualBlock>,
    told: Option<Explained>,
    /// Whether nobody knows how.
    unknown: bool,
    /// The present hour and what was spent in the last ones; nothing for somebody who may not see it (R6).
    course: Option<(i64, Vec<Nanos>)>,
    rules: Table<rules::RuleRow>,
    /// Whether the selection has been put on what decides.
    pointed: bool,
}

impl Explain {
    /// The target that is explained: the first of these that is no alert, if there is a decision on it.
    pub fn subject_of(targets: &[Target]) -> Option<&Target> {
        let first = targets.iter().find(|target| !matches!(target, Target::Alert(..)));
        first.filter(|target| matches!(target, Target::Key(..) | Target::Project(_)))
    }

    /// Of the one of these that is explained, if one is.
    #[must_use]
    pub fn of(targets: &[Target]) -> Option<Self> {
        let (key, project) = match Self::subject_of(targets)? {
            Target::Key(key, project) => (Some((**key).clone()), project.clone()),
            Target::Project(project) => (None, project.clone()),
            _ => return None,
        };
        Some(Self {
            project,
            key,
            organization: None,
            blocks: Vec::new(),
            told: None,
            unknown: false,
            course: None,
            rules: rules::table(),
            pointed: false,
        })
    }

    fn subject(&self) -> &str {
        match &self.key {
            Some(key) if key.name.is_empty() => &key.redacted_value,
            Some(key) => &key.name,
            None => &self.project.name,
        }
    }

    /// What is told of the decision, in lines of this width.
    fn answer(&self, width: u16, look: &Look<'_>) -> Vec<Vec<Piece>> {
        let width = usize::from(width);
        let Some(told) = &self.told else {
            let text = if self.unknown { UNKNOWN } else { look.arrival.reason("") };
            return wrapped(text, width).into_iter().map(|line| vec![piece(line, Tone::Dim)]).collect();
        };
        let mut text = match &told.refused {
            Some(refused) => self.refusal(refused, width, look),
            None if look.is_present() => vec![vec![piece("✓ let through", Tone::Strong)]],
            None => vec![vec![piece("✓ was let through at the month's end", Tone::Strong)]],
        };
        if let Some(doubt) = &told.degraded {
            text.extend(
                wrapped(&format!("● in doubt: {doubt}"), width).into_iter().map(|line| vec![piece(line, Tone::Near)]),
            );
        }
        for line in wrapped(&self.ages(told, look), width) {
            text.push(vec![piece(line, Tone::Dim)]);
        }
        for what in &told.not_known {
            text.extend(
                wrapped(&format!("? not known: {what}"), width).into_iter().map(|line| vec![piece(line, Tone::Dim)]),
            );
        }
        text.truncate(MOST_TOLD);
        text
    }

    /// `▲ REFUSED  429 project_spend_limit_exceeded   since 12:04:31 UTC (27m ago)   until … or a higher budget`
    fn refusal(&self, refused: &Refused, width: usize, look: &Look<'_>) -> Vec<Vec<Piece>> {
        let code = format!("  {} {}", refused.status, refused.code);
        let since = refused.since.or_else(|| self.blocked_since());
        let since = since.map(|at| format!("since {} ({})", clock_time(at, look.now), ago(at, look.now)));
        let ends = match refused.until.filter(|_| look.is_present()) {
            Some(until) => {
                let left = span(until.since(look.now));
                format!("until {} ({left}) or {}", clock_time(until, look.now), refused.ends)
            }
            None => format!("until {}", refused.ends),
        };
        let when: Vec<String> = since.into_iter().chain(look.is_present().then_some(ends)).collect();
        let mut first = vec![piece("▲ REFUSED", Tone::Bad), piece(code, Tone::Strong)];
        let beside = piece(format!("   {}", when.join("   ")), Tone::Plain);
        if columns(&first) + columns(std::slice::from_ref(&beside)) <= width {
            first.push(beside);
            return vec![first];
        }
        let below = wrapped(&when.join(" "), width).into_iter().map(|line| vec![piece(line, Tone::Plain)]);
        std::iter::once(first).chain(below).collect()
    }

    /// Since when a block by hand refuses: the store's explanation knows that of budgets alone.
    fn blocked_since(&self) -> Option<Timestamp> {
        let told = self.told.as_ref()?;
        let is_by_hand = told.refused.as_ref().is_some_and(|refused| refused.code == "access_blocked");
        let of_key = |block: &&ManualBlock| self.key.as_ref().is_some_and(|key| key.id == block.scope_id);
        let holding = self.blocks.iter().filter(|block| block.kind == ManualBlockKind::Block);
        let mut holding = holding.filter(|block| of_key(block) || block.scope_id == self.project.id);
        if is_by_hand { holding.next().map(|block| block.placed_at) } else { None }
    }

    fn ages(&self, told: &Explained, look: &Look<'_>) -> String {
        if !look.is_present() {
            return "As of the month's end, from the ledger.".to_owned();
        }
        let who = if told.by_daemon { "The running daemon says so" } else { "The store says so" };
        let or_never = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| ago(at, look.now));
        let (commit, event) = (or_never(told.last_commit_at), or_never(told.newest_event_at));
        let waiting = told.waiting_since.map(|at| format!("; usage waits since {}", ago(at, look.now)));
        format!("{who}; last commit {commit}, newest event {event}{}.", waiting.unwrap_or_default())
    }

    fn layout(&self, area: Rect, look: &Look<'_>) -> [Rect; 4] {
        let told = self.answer(area.width.saturating_sub(4), look).len() as u16 + 2;
        let rules = if self.rules.rows().is_empty() { FEW_RULES } else { self.rules.rows().len() as u16 + 3 };
        let left = area.height.saturating_sub(told + rules);
        let below = if left < BELOW.0 { 0 } else { left.min(BELOW.1) };
        let [told, rules, below] =
            Layout::vertical([Constraint::Length(told), Constraint::Fill(1), Constraint::Length(below)]).areas(area);
        let [spenders, chart] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(below);
        [told, rules, spenders, chart]
    }

    fn draw_spenders(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let spent_by = self.told.as_ref().and_then(|told| told.spent_by.as_ref());
        let above = spent_by.map(|spent_by| spent_by.scope.as_str()).filter(|scope| *scope != self.project.name);
        let above = above.map(|scope| format!(" in {scope}")).unwrap_or_default();
        let mut title = Title::new(format!("Who spent it{above}, {}", short_month(look.month)));
        title.note = spent_by.map(|spent_by| money(spent_by.total));
        let inner = panel(buffer, area, &title, look.theme);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let text = match spent_by {
            Some(spent_by) if !spent_by.spenders.is_empty() => spenders(spent_by, inner),
            Some(_) => vec![vec![piece("Nobody spent anything.", Tone::Dim)]],
            None => {
                let unseen = "Spend is for owners to see, and for those whom they grant it.";
                let text = if self.unknown { "" } else { look.arrival.reason(unseen) };
                wrapped(text, usize::from(inner.width)).into_iter().map(|line| vec![piece(line, Tone::Dim)]).collect()
            }
        };
        lines(buffer, inner, &text, look.theme);
    }

    fn draw_course(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let mut title = Title::new("Last day by hour, US$");
        title.note =
            self.course.as_ref().and_then(|(_, spend)| spend.last()).map(|spend| format!("now {}", money(*spend)));
        let inner = panel(buffer, area, &title, look.theme);
        match &self.course {
            Some((present, spend)) if spend.iter().any(|spend| *spend > Nanos::ZERO) => {
                Bars::hours(spend.clone(), *present).draw(buffer, inner, look.theme);
            }
            course => {
                let empty = match course {
                    Some(_) => "No spend in the last 24 hours.",
                    None => "Spend is for owners to see, and for those whom they grant it.",
                };
                let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
                let text = wrapped(look.arrival.reason(empty), usize::from(inner.width));
                let text: Vec<_> = text.into_iter().map(|line| vec![piece(line, Tone::Dim)]).collect();
                lines(buffer, inner, &text, look.theme);
            }
        }
    }

    /// `ci-runner  sk-proj-…x4Qa   owner dana@acme.test`
    fn title(&self) -> Title {
        let mut title = Title::new(self.subject());
        let more = match &self.key {
            Some(key) if key.name.is_empty() => format!("   owner {}", key.owner),
            Some(key) => format!("  {}   owner {}", key.redacted_value, key.owner),
            None => "   all its keys".to_owned(),
        };
        title.name.push(piece(more, Tone::Dim));
        title
    }

    /// What the selected rule looks at: what is done here is done to that.
    fn pointed_at(&self) -> Target {
        let key = || match &self.key {
            Some(key) => Target::Key(Box::new(key.clone()), self.project.clone()),
            None => Target::Project(self.project.clone()),
        };
        match (self.rules.selected().map(rules::RuleRow::about), &self.organization) {
            (Some(About::Organization), Some(organization)) => Target::Organization(organization.clone()),
            (Some(About::Project | About::Organization), _) => Target::Project(self.project.clone()),
            _ => key(),
        }
    }

    fn take_project(&mut self, views: Vec<ProjectView>, now: Timestamp) {
        if let Some(view) = views.into_iter().find(|view| view.project.id == self.project.id) {
            self.blocks = view.manual_blocks.into_iter().filter(|block| block.holds_at(now)).collect();
            self.project = view.project;
        }
    }
}

/// As many of each kind as there is room for, with bars.
fn spenders(spent_by: &SpentBy, area: Rect) -> Vec<Vec<Piece>> {
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let mut kinds: Vec<&str> = spent_by.spenders.iter().map(|(kind, ..)| *kind).collect();
    kinds.dedup();
    let of = |kind: &str| spent_by.spenders.iter().filter(|(it, ..)| *it == kind).count();
    let mut shown = vec![0_usize; kinds.len()];
    // one of each kind, then the next of each, as long as there is room
    while shown.iter().sum::<usize>() < height {
        let Some(next) =
            (0..kinds.len()).filter(|kind| shown[*kind] < of(kinds[*kind])).min_by_key(|kind| shown[*kind])
        else {
            break;
        };
        shown[next] += 1;
    }
    let rows = kinds
        .iter()
        .zip(shown)
        .flat_map(|(kind, shown)| spent_by.spenders.iter().filter(move |(it, ..)| it == kind).take(shown));
    let name_width = width.saturating_sub(KIND + 10 + 7 + 8).clamp(10, 30);
    let row = |(kind, name, spend): &(&str, String, Nanos)| {
        let share = spend.per_mille_of(spent_by.total);
        let name = if name.is_empty() { "(not said)" } else { name };
        let name = fit(name, name_width);
        let pad = name_width.saturating_sub(crate::text::width(&name));
        let mut line = vec![
            piece(format!("{kind:<KIND$}"), Tone::Dim),
            piece(format!("{name}{}", " ".repeat(pad)), Tone::Plain),
            piece(format!("{:>10}{:>6} ", money(*spend), percent(share)), Tone::Plain),
        ];
        let room = width.saturating_sub(columns(&line));
        line.extend(bar(share, None, room.min(24), Tone::Plain));
        line
    };
    rows.map(row).collect()
}

impl Screen for Explain {
    fn name(&self) -> &'static str {
        "explain"
    }

    fn crumb(&self) -> String {
        match &self.key {
            Some(_) => format!("{} › explain", self.subject()),
            None => "explain".to_owned(),
        }
    }

    fn queries(&self, month: Month) -> Vec<Query> {
        let (key_id, project_id) = (self.key.as_ref().map(|key| key.id.clone()), self.project.id.clone());
        let organization_id = Some(self.project.organization_id.clone());
        vec![
            Query::Organizations(month),
            Query::Projects { organization_id, month },
            Query::Explain(Asked { key_id: key_id.clone(), project_id: project_id.clone(), month }),
            Query::Course { project_id, key_id },
        ]
    }

    fn receive(&mut self, answers: Vec<Answer>, _: Month, now: Timestamp) {
        for answer in answers {
            match answer {
                Answer::Organizations(views) => {
                    let mut all = views.into_iter().map(|view| view.organization);
                    self.organization = all.find(|organization| organization.id == self.project.organization_id);
                }
                Answer::Projects(views) => self.take_project(views, now),
                Answer::Explained(told) => {
                    self.unknown = told.is_none();
                    self.rules.set_rows(told.as_deref().map(rules::rows).unwrap_or_default());
                    self.told = told.map(|told| *told);
                }
                Answer::Course(course) => self.course = course,
                _ => {}
            }
        }
        if !self.pointed {
            let deciding = self.rules.rows().iter().find(|row| row.is_fault()).map(|row| row.id().to_owned());
            self.pointed = !self.rules.rows().is_empty();
            self.rules.point_at(deciding.as_deref().unwrap_or_default());
        }
    }

    fn forget(&mut self) {
        (self.told, self.course, self.pointed) = (None, None, false);
        self.rules.set_rows(Vec::new());
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn act(&mut self, action: Action) -> Outcome {
        match (action, &self.key) {
            (Action::Open, _) => Outcome::open(Some(ProjectScreen::of(&self.project))),
            (Action::Owner, Some(key)) => Outcome::open(Some(Keys::of_owner(&key.owner_id, &key.owner))),
            _ => Outcome::Done,
        }
    }

    fn targets(&self) -> Vec<Target> {
        let meant = self.pointed_at();
        let key = self.key.as_ref().map(|key| Target::Key(Box::new(key.clone()), self.project.clone()));
        let others = key.into_iter().chain([Target::Project(self.project.clone())]);
        let others: Vec<Target> = others.filter(|target| *target != meant).collect();
        std::iter::once(meant).chain(others).collect()
    }

    fn list(&mut self) -> &mut dyn List {
        &mut self.rules
    }

    fn arrange(&mut self, area: Rect, look: &Look<'_>) {
        let [_, rules, ..] = self.layout(area, look);
        self.rules.arrange(rules);
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
        let [told, rules, spenders, chart] = self.layout(area, look);
        let inner = panel(buffer, told, &self.title(), look.theme);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        lines(buffer, inner, &self.answer(inner.width, look), look.theme);
        let mut name = cells::words("Rules", Tone::Strong);
        if self.told.is_some() {
            name.push(piece(format!(" · acts on {}", self.pointed_at().name()), Tone::Dim));
        }
        let empty = if self.unknown { UNKNOWN } else { "No rule was told." };
        self.rules.draw(buffer, rules, name, empty, &look.focus(self.told.is_some()));
        if !spenders.is_empty() {
            self.draw_spenders(buffer, spenders, look);
            self.draw_course(buffer, chart, look);
        }
    }
}
