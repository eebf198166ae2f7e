//! What needs somebody: who is refused, which budgets go, which sources are silent, what cannot be counted.

use std::collections::{BTreeMap, HashSet};

use mete_control::{ProjectPulse, Pulse};
use mete_core::directory::Project;
use mete_core::time::{MINUTE, SECOND};
use mete_core::{Nanos, Timestamp};
use mete_store::{Alert, AlertKind, DaemonSeen, QuarantineCount, Refusal, RefusalCause};

use super::projects::{is_burning, runs_out};
use crate::format::{count, day_and_month, factor, hour_and_minute, money, percent, span};
use crate::piece::{Piece, piece};
use crate::screens::cells;
use crate::state::State;
use crate::table::{Column, Row, Slot, Table};
use crate::theme::Tone;

const QUIET: &str = "Nothing: nobody is refused, no budget is near, no source is silent, the quarantine is empty.";
const QUIET_FOR_SOME: &str = "Nothing: nobody is refused, and no budget is near.";
const OVER: &str = "Nothing: that month is over. 0 shows the present one.";
/// A daemon tells every five seconds that it runs; one that was not heard of for so long, in microseconds, may not.
const UNHEARD: i64 = MINUTE;
/// What was read waits so long, in microseconds, for its commit before that is worth a line.
const BEHIND: i64 = 10 * SECOND;

/// Where a row leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leads {
    /// To a project.
    Project(Box<Project>),
    /// To the projects of an organization, by its id.
    Organization(String),
    /// To where a jump of this name leads.
    Jump(&'static str),
}

/// Why somebody is needed, the gravest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// An alert of which nobody took note.
    Alert(AlertSaid),
    /// Something is in the quarantine, so many entries.
    Quarantined(u64),
    /// A budget is near its end, so much of it used, in per mille; or a threshold without a budget is passed.
    Near(Option<u32>),
    /// Its budget is used up, and somebody released it by hand: it spends on (R41).
    Released,
    /// Somebody placed a block.
    Blocked(Option<Timestamp>),
    /// What was read waits so long for its commit, in microseconds.
    Behind(i64),
    /// Nothing has come since.
    Silent(Timestamp),
    /// A daemon was not heard of since.
    Unheard(Timestamp),
    /// Spent so many times as fast as usual, in per mille.
    Burns(u32),
    /// The budget runs out then.
    RunsOut(std::cmp::Reverse<Timestamp>),
    /// A budget refuses it, since then.
    Refused(Option<Timestamp>),
}

/// What an alert says, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum AlertSaid {
    Threshold(Nanos, Timestamp),
    Exhausted(Nanos, Timestamp),
}

/// One thing that needs somebody.
pub struct NeedRow {
    id: String,
    what: String,
    why: Why,
    figures: String,
    /// Where Enter leads.
    pub leads: Leads,
    /// The alert that it is, if it is one.
    pub alert: Option<Box<Alert>>,
}

impl Why {
    /// What it says at an instant, in at most `width` columns where a shorter word is as good.
    fn words(self, now: Timestamp, width: usize) -> String {
        let since = |what: &str, at: Option<Timestamp>| {
            let Some(at) = at else { return what.to_owned() };
            let short = format!("{what} {}", span(now.since(at)));
            let clock = if at.day() == now.day() { hour_and_minute(at) } else { day_and_month(at) };
            let long = format!("{short}, since {clock}");
            if crate::text::width(&long) <= width { long } else { short }
        };
        match self {
            Self::Refused(at) => since("refused", at),
            Self::Blocked(at) => since("blocked", at),
            Self::Released => "released".to_owned(),
            Self::RunsOut(std::cmp::Reverse(at)) if at <= now => "used up".to_owned(),
            Self::RunsOut(std::cmp::Reverse(at)) => format!("runs out in {}", span(at.since(now))),
            Self::Burns(times) => format!("burns {} habit", factor(times)),
            Self::Unheard(at) => since("not heard of", Some(at)),
            Self::Silent(at) => since("silent", Some(at)),
            Self::Behind(lag) => format!("{} behind", span(lag)),
            Self::Near(Some(share)) => format!("{} used", percent(share)),
            Self::Near(None) => "over its threshold".to_owned(),
            Self::Quarantined(1) => "1 entry".to_owned(),
            Self::Quarantined(entries) => format!("{} entries", count(entries)),
            Self::Alert(AlertSaid::Threshold(_, at)) => since("over threshold", Some(at)),
            Self::Alert(AlertSaid::Exhausted(_, at)) => since("was exhausted", Some(at)),
        }
    }

    const fn sign(self) -> (&'static str, Tone) {
        match self {
            Self::Refused(_) | Self::Unheard(_) => ("▲", Tone::Bad),
            Self::Blocked(_) => ("■", Tone::Bad),
            Self::Released => ("◇", Tone::Near),
            _ => ("●", Tone::Near),
        }
    }
}

impl NeedRow {
    fn new(what: impl Into<String>, why: Why, figures: impl Into<String>, leads: Leads) -> Self {
        let what = what.into();
        Self { id: what.clone(), what, why, figures: figures.into(), leads, alert: None }
    }

    /// The same, told apart from others of its name by an id.
    fn of(mut self, id: &str) -> Self {
        id.clone_into(&mut self.id);
        self
    }

    /// The project that it is about, if it is about one.
    #[must_use]
    pub fn project(&self) -> Option<&Project> {
        match &self.leads {
            Leads::Project(project) => Some(project),
            _ => None,
        }
    }

    /// The id of the organization that it is about, if it is about one.
    #[must_use]
    pub fn organization_id(&self) -> Option<&str> {
        match &self.leads {
            Leads::Project(project) => Some(&project.organization_id),
            Leads::Organization(id) => Some(id),
            Leads::Jump(_) => None,
        }
    }

    /// Whether somebody is refused.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        matches!(self.why, Why::Refused(_) | Why::Blocked(_))
    }

    fn words(&self, slot: Slot) -> Vec<Piece> {
        let (_, tone) = self.why.sign();
        vec![piece(self.why.words(slot.now, slot.width), tone)]
    }
}

impl Row for NeedRow {
    fn id(&self) -> &str {
        &self.id
    }

    fn searched(&self) -> String {
        format!("{} {}", self.what, self.figures)
    }

    fn is_fault(&self) -> bool {
        true
    }
}

type Col = Column<NeedRow>;

static COLUMNS: [Col; 3] = [
    Col::words(
        "WHAT",
        16,
        |row, _| {
            let (sign, tone) = row.why.sign();
            vec![piece(format!("{sign} "), tone), piece(row.what.as_str(), Tone::Strong)]
        },
        |a, b| cells::by_letters(&a.what, &b.what),
    )
    .growing(22)
    .kept(),
    Col::words("WHY", 18, NeedRow::words, |a, b| a.why.cmp(&b.why)).growing(26).largest_first().kept(),
    Col::words(
        "FIGURES",
        28,
        |row, _| cells::words(&row.figures, Tone::Plain),
        |a, b| cells::by_letters(&a.figures, &b.figures),
    )
    .growing(60),
];
/// The gravest comes first.
const SORTED_BY: usize = 1;

/// The names of its columns.
pub fn columns() -> Vec<String> {
    COLUMNS.iter().map(Column::name).collect()
}

/// The list, still empty.
pub fn table() -> Table<NeedRow> {
    Table::new(&COLUMNS, SORTED_BY)
}

/// `Needs you · ▲ 2 · ● 3`
pub fn title(rows: &[NeedRow]) -> Vec<Piece> {
    let mut title = vec![piece("Needs you", Tone::Strong)];
    let grave = rows.iter().filter(|row| row.why.sign().1 == Tone::Bad).count();
    for (sign, some, tone) in [("▲", grave, Tone::Bad), ("●", rows.len() - grave, Tone::Near)] {
        if some > 0 {
            title.extend([piece(" · ", Tone::Dim), piece(format!("{sign} {some}"), tone)]);
        }
    }
    title
}

/// What an empty list says to somebody who is told of the intake or not.
pub const fn empty(sees_intake: bool, present: bool) -> &'static str {
    match (present, sees_intake) {
        (false, _) => OVER,
        (true, true) => QUIET,
        (true, false) => QUIET_FOR_SOME,
    }
}

/// All that needs somebody; `states` are those of the pulse's organizations.
pub fn rows(pulse: &Pulse, states: &[State]) -> Vec<NeedRow> {
    if pulse.month != pulse.at.month() {
        return Vec::new();
    }
    let mut rows: Vec<NeedRow> = pulse.refusals.iter().map(|refusal| of_refusal(refusal, pulse)).collect();
    let mut told: HashSet<&str> = pulse.refusals.iter().map(|refusal| refusal.scope_id.as_str()).collect();
    for it in pulse.projects.iter().filter(|it| !told.contains(it.view.project.id.as_str())).collect::<Vec<_>>() {
        if let Some(row) = of_project(it, pulse.at) {
            told.insert(&it.view.project.id);
            rows.push(row);
        }
    }
    for (view, state) in pulse.organizations.iter().zip(states) {
        let organization = &view.organization;
        let near = State::of_budget(&view.limits, view.spend, view.blocked_since) == State::Near;
        if (near || *state == State::Near) && told.insert(&organization.id) {
            let share = cells::used_share(view.spend, &view.limits);
            let figures = of_budget(view.spend, view.limits.budget);
            let leads = Leads::Organization(organization.id.clone());
            rows.push(NeedRow::new(&organization.name, Why::Near(share), figures, leads).of(&organization.id));
        }
    }
    let about = |alert: &Alert| alert.part.as_ref().map_or_else(|| alert.scope_id.clone(), |of| of.part.id.clone());
    let alerts = pulse.alerts.iter().filter(|alert| !told.contains(about(alert).as_str()));
    rows.extend(alerts.map(|alert| of_alert(alert, pulse)));
    rows.extend(of_intake(pulse));
    rows
}

fn of_refusal(refusal: &Refusal, pulse: &Pulse) -> NeedRow {
    let project = refusal.project_id.as_deref().and_then(|id| project(pulse, id));
    let what = match (refusal.scope, project) {
        ("organization" | "project", _) | (_, None) => refusal.scope_name.clone(),
        (_, Some(project)) => format!("{} in {}", refusal.scope_name, project.name),
    };
    let stopped = refusal.keys.saturating_sub(refusal.released);
    let keys = |number| if number == 1 { "1 key".to_owned() } else { format!("{} keys", count(number)) };
    let (why, figures) = match &refusal.cause {
        RefusalCause::Budget { budget, spend } if stopped == 0 && refusal.released > 0 => {
            let go_on = if refusal.released == 1 { "goes on" } else { "go on" };
            (Why::Released, format!("{} {go_on}, {}", keys(refusal.released), of_budget(*spend, Some(*budget))))
        }
        RefusalCause::Budget { budget, spend } => {
            (Why::Refused(refusal.since), format!("{}, {}", keys(stopped), of_budget(*spend, Some(*budget))))
        }
        RefusalCause::ByHand { reason, placed_by, .. } => {
            (Why::Blocked(refusal.since), format!("{}, by {placed_by}: {reason}", keys(stopped)))
        }
    };
    let leads = project.map_or_else(|| Leads::Organization(refusal.organization_id.clone()), leads_to);
    let by_hand = matches!(refusal.cause, RefusalCause::ByHand { .. });
    // a budget may refuse what is blocked by hand as well
    NeedRow::new(what, why, figures, leads).of(&format!("{}{by_hand}", refusal.scope_id))
}

/// A project that nobody refuses yet.
fn of_project(it: &ProjectPulse, now: Timestamp) -> Option<NeedRow> {
    let (view, outlook) = (&it.view, it.outlook?);
    let burning = is_burning(&outlook, now);
    let near = State::of_project(view, now) == State::Near;
    let share = cells::used_share(view.spend, &view.limits);
    let why = match (runs_out(&outlook), outlook.factor_per_mille) {
        (Some(at), _) if burning || near => Why::RunsOut(std::cmp::Reverse(at)),
        (None, Some(times)) if burning => Why::Burns(times),
        _ if near => Why::Near(share),
        _ => return None,
    };
    let mut figures = vec![format!("{}/h", money(outlook.burn.now))];
    if let (Why::RunsOut(_) | Why::Near(_), Some(times)) = (why, outlook.factor_per_mille) {
        figures.push(format!("{} its habit", factor(times)));
    }
    figures.push(of_budget(view.spend, view.limits.budget));
    let leads = leads_to(&view.project);
    Some(NeedRow::new(&view.project.name, why, figures.join(", "), leads).of(&view.project.id))
}

fn of_alert(alert: &Alert, pulse: &Pulse) -> NeedRow {
    let (said, what) = match alert.kind {
        AlertKind::Threshold => (AlertSaid::Threshold(alert.amount, alert.at), "threshold"),
        AlertKind::Exhausted => (AlertSaid::Exhausted(alert.amount, alert.at), "budget"),
    };
    let leads =
        project(pulse, &alert.scope_id).map_or_else(|| Leads::Organization(alert.organization_id.clone()), leads_to);
    let figures = format!("{what} {}, nobody took note", money(alert.amount));
    let row = NeedRow::new(alert.whose(), Why::Alert(said), figures, leads).of(&alert.id);
    NeedRow { alert: Some(Box::new(alert.clone())), ..row }
}

/// Sources, daemons and quarantine, for those who see them.
fn of_intake(pulse: &Pulse) -> Vec<NeedRow> {
    let mut rows = Vec::new();
    for source in pulse.sources.iter().flatten().filter(|source| source.is_silent) {
        let figures = format!("usually {} lines a day", count(source.usual));
        let row = NeedRow::new(&source.source, Why::Silent(source.last_at), figures, Leads::Jump("sources"));
        rows.push(row.of(&format!("source {}", source.source)));
    }
    let daemons = pulse.daemons.as_deref().unwrap_or_default();
    let missed = daemons.iter().filter(|daemon| !is_succeeded(daemon, daemons));
    rows.extend(missed.filter_map(|daemon| of_daemon(daemon, pulse.at)));
    rows.extend(of_quarantine(pulse.quarantine.as_deref().unwrap_or_default()));
    rows
}

/// Whether another daemon has begun on the same host since one was last heard of: it was killed, and started again.
fn is_succeeded(daemon: &DaemonSeen, all: &[DaemonSeen]) -> bool {
    all.iter().any(|other| other.host == daemon.host && other.started_at > daemon.seen_at)
}

fn of_daemon(daemon: &DaemonSeen, now: Timestamp) -> Option<NeedRow> {
    let why = match daemon {
        _ if now.since(daemon.seen_at) >= UNHEARD => Why::Unheard(daemon.seen_at),
        _ if daemon.lag >= BEHIND => Why::Behind(daemon.lag),
        _ => return None,
    };
    let figures = format!("meted {}, started {}", daemon.version, day_and_month(daemon.started_at));
    Some(NeedRow::new(format!("meted {}", daemon.host), why, figures, Leads::Jump("sources")).of(&daemon.id))
}

/// One row for all of it, with its most frequent reasons.
fn of_quarantine(counts: &[QuarantineCount]) -> Option<NeedRow> {
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for count in counts {
        *reasons.entry(&count.reason).or_default() += count.there;
    }
    let entries: u64 = reasons.values().sum();
    let mut reasons: Vec<(&str, u64)> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, there)| std::cmp::Reverse(*there));
    let named = reasons.iter().map(|(reason, there)| format!("{} {}", count(*there), reason.replace('_', " ")));
    let figures = named.collect::<Vec<_>>().join(", ");
    let row = || NeedRow::new("quarantine", Why::Quarantined(entries), figures, Leads::Jump("quarantine"));
    (entries > 0).then(row)
}

fn project<'a>(pulse: &'a Pulse, id: &str) -> Option<&'a Project> {
    pulse.projects.iter().map(|it| &it.view.project).find(|project| project.id == id)
}

fn leads_to(project: &Project) -> Leads {
    Leads::Project(Box::new(project.clone()))
}

/// `$212.40 of $300.00`, as far as it may be seen.
fn of_budget(spend: Option<Nanos>, budget: Option<Nanos>) -> String {
    let spend = spend.map_or_else(cells::unseen, money);
    budget.map_or_else(|| format!("{spend} spent"), |budget| format!("{spend} of {}", money(budget)))
}
