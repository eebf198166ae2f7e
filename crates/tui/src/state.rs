//! The state of organizations, projects and keys as people name it: a sign, a word, and since when.

use mete_core::directory::{OrganizationView, ProjectStatus, ProjectView};
use mete_core::limits::Limits;
use mete_core::manual_block::{ManualBlock, ManualBlockKind};
use mete_core::time::MINUTE;
use mete_core::{Nanos, Timestamp};

use crate::format::span;
use crate::theme::Tone;

/// From this share of the budget on (in per mille) a scope without a threshold of its own is near its limit.
pub const NEAR_PER_MILLE: u32 = 800;

/// So long, in microseconds, a thing counts as just recovered.
pub const RECOVERED_FOR: i64 = MINUTE;

/// A state, ordered from all right to worst, so that sorting by it brings trouble together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Out of use for good (R21).
    Archived,
    /// Nothing to say.
    Ok,
    /// Was in trouble until then.
    Recovered(Timestamp),
    /// Somebody released it by hand: no budget refuses it (R41).
    Released,
    /// Its budget was exhausted in a month that is over; since when, if that is known.
    Exhausted(Option<Timestamp>),
    /// Past the threshold, or past 80% of the budget.
    Near,
    /// So many projects of the organization are refused.
    ProjectsRefused(u64),
    /// The organization's budget refuses it (R25); since when, if that is known.
    RefusedByOrganization(Option<Timestamp>),
    /// Its own budget refuses it; since when, if that is known (R26).
    Refused(Option<Timestamp>),
    /// Somebody blocked it by hand, then (R41).
    BlockedByHand(Timestamp),
}

impl State {
    /// The state of a project by itself at `now`, its organization left out.
    #[must_use]
    pub fn of_project(view: &ProjectView, now: Timestamp) -> Self {
        if view.project.status == ProjectStatus::Archived {
            return Self::Archived;
        }
        match view.by_hand(now) {
            Some(ManualBlock { kind: ManualBlockKind::Block, placed_at, .. }) => {
                return Self::BlockedByHand(*placed_at);
            }
            Some(ManualBlock { kind: ManualBlockKind::Release, .. }) => return Self::Released,
            None => {}
        }
        Self::of_budget(&view.limits, view.spend, view.blocked_since)
    }

    /// The state of a project in an organization that may be refused as a whole.
    #[must_use]
    pub fn of_project_in(view: &ProjectView, organization: Option<Self>, now: Timestamp) -> Self {
        match (Self::of_project(view, now), organization) {
            (own @ (Self::Archived | Self::Released), _) => own,
            (own, Some(Self::Refused(since) | Self::RefusedByOrganization(since))) => {
                own.max(Self::RefusedByOrganization(since))
            }
            (own, _) => own,
        }
    }

    /// The state of an organization; `parent` is its parent's budget state, where it has one (R3).
    #[must_use]
    pub fn of_organization(view: &OrganizationView, parent: Option<Self>) -> Self {
        let own = Self::of_budget(&view.limits, view.spend, view.blocked_since);
        let inherited = match parent {
            Some(Self::Refused(since)) => Self::RefusedByOrganization(since),
            _ => Self::Ok,
        };
        let inside = if view.blocked_projects > 0 { Self::ProjectsRefused(view.blocked_projects) } else { Self::Ok };
        own.max(inherited).max(inside)
    }

    /// The state of a budget by itself; of one whose spend is not to be seen, no more than whether it refuses.
    #[must_use]
    pub fn of_budget(limits: &Limits, spend: Option<Nanos>, blocked_since: Option<Timestamp>) -> Self {
        if blocked_since.is_some() || spend.is_some_and(|spend| limits.is_exhausted(spend, Nanos::ZERO)) {
            return Self::Refused(blocked_since);
        }
        let Some(spend) = spend else { return Self::Ok };
        let share = limits.budget.map_or(0, |budget| spend.per_mille_of(budget));
        if limits.has_passed_threshold(spend) || share >= NEAR_PER_MILLE { Self::Near } else { Self::Ok }
    }

    /// The state in a month that is over: nothing is refused in it any more.
    #[must_use]
    pub const fn in_the_past(self) -> Self {
        match self {
            Self::Refused(at) | Self::RefusedByOrganization(at) => Self::Exhausted(at),
            Self::ProjectsRefused(_) | Self::Recovered(_) | Self::Released | Self::BlockedByHand(_) => Self::Ok,
            state => state,
        }
    }

    /// Whether somebody may have to do something about it.
    #[must_use]
    pub const fn is_trouble(self) -> bool {
        matches!(
            self,
            Self::Near
                | Self::ProjectsRefused(_)
                | Self::RefusedByOrganization(_)
                | Self::Refused(_)
                | Self::BlockedByHand(_)
        )
    }

    /// Whether it is what is left when only faults are shown: trouble, or what was trouble in a month that is over.
    #[must_use]
    pub const fn is_fault(self) -> bool {
        self.is_trouble() || matches!(self, Self::Exhausted(_))
    }

    /// Whether requests are refused in it.
    #[must_use]
    pub const fn is_refused(self) -> bool {
        matches!(self, Self::RefusedByOrganization(_) | Self::Refused(_) | Self::BlockedByHand(_))
    }

    /// Sign and word, in at most 16 columns: `▲ refused 27m`.
    #[must_use]
    pub fn label(self, now: Timestamp) -> String {
        let since = |since: Option<Timestamp>| {
            since.map_or_else(String::new, |at| {
                format!(" {}", span(now.since(at)).split(' ').next().unwrap_or_default())
            })
        };
        match self {
            Self::Archived => "archived".to_owned(),
            Self::Recovered(at) if now.since(at) < RECOVERED_FOR => "✓ recovered".to_owned(),
            Self::Ok | Self::Recovered(_) => "ok".to_owned(),
            Self::Released => "◇ released".to_owned(),
            Self::Exhausted(_) => "▲ exhausted".to_owned(),
            Self::Near => "● near".to_owned(),
            Self::ProjectsRefused(1) => "▲ 1 project".to_owned(),
            Self::ProjectsRefused(projects) => format!("▲ {projects} projects"),
            Self::RefusedByOrganization(at) => format!("▲ by org{}", since(at)),
            Self::Refused(at) => format!("▲ refused{}", since(at)),
            Self::BlockedByHand(at) => format!("■ blocked{}", since(Some(at))),
        }
    }

    /// Its word alone, for filters and files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Archived => "archived",
            Self::Ok | Self::Recovered(_) => "ok",
            Self::Released => "released",
            Self::Exhausted(_) => "exhausted",
            Self::Near => "near",
            Self::ProjectsRefused(_) => "projects refused",
            Self::RefusedByOrganization(_) => "refused by organization",
            Self::Refused(_) => "refused",
            Self::BlockedByHand(_) => "blocked",
        }
    }

    /// How it looks.
    #[must_use]
    pub const fn tone(self, now: Timestamp) -> Tone {
        match self {
            Self::Recovered(at) if now.since(at) < RECOVERED_FOR => Tone::Good,
            Self::Archived | Self::Ok | Self::Recovered(_) => Tone::Dim,
            Self::Exhausted(_) => Tone::Bad,
            Self::Near | Self::Released => Tone::Near,
            Self::ProjectsRefused(_) | Self::RefusedByOrganization(_) | Self::Refused(_) | Self::BlockedByHand(_) => {
                Tone::Bad
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{at, block, organization, project};

    #[test]
    fn r26_an_exhausted_budget_is_refused_even_before_the_block_is_written() {
        let mut view = project("Support bot", "500", Some("500"));
        assert_eq!(State::of_project(&view, at("12:31:31")), State::Refused(None));
        view.blocked_since = Some(at("12:04:31"));
        assert_eq!(State::of_project(&view, at("12:31:31")), State::Refused(Some(at("12:04:31"))));
        assert_eq!(State::of_project(&view, at("12:31:31")).label(at("12:31:31")), "▲ refused 27m");
    }

    #[test]
    fn near_is_the_threshold_or_four_fifths_of_the_budget() {
        let mut view = project("Search", "79.999999999", Some("100"));
        assert_eq!(State::of_project(&view, at("12:31:31")), State::Ok);
        view.spend = Some("80".parse().unwrap());
        assert_eq!(State::of_project(&view, at("12:31:31")), State::Near);
        view.limits = Limits { budget: None, threshold: Some("80".parse().unwrap()) };
        assert_eq!(State::of_project(&view, at("12:31:31")), State::Near);
        view.project.status = ProjectStatus::Archived;
        assert_eq!(State::of_project(&view, at("12:31:31")), State::Archived);
    }

    #[test]
    fn r6_of_a_spend_that_is_not_seen_the_state_says_only_whether_it_is_refused() {
        let mut view = project("Search", "99", Some("100"));
        view.spend = None;
        assert_eq!(State::of_project(&view, at("12:31:31")), State::Ok);
        view.blocked_since = Some(at("12:04:31"));
        assert_eq!(State::of_project(&view, at("12:31:31")), State::Refused(Some(at("12:04:31"))));
    }

    #[test]
    fn r25_an_organization_refuses_projects_that_are_within_their_own_budget() {
        let mut acme = organization("Acme", "300", Some("300"));
        acme.blocked_since = Some(at("12:00:00"));
        let refused = State::of_organization(&acme, None);
        let within = project("Search", "1", Some("100"));
        assert_eq!(
            State::of_project_in(&within, Some(refused), at("12:31:31")),
            State::RefusedByOrganization(Some(at("12:00:00")))
        );
        assert_eq!(State::of_project_in(&within, Some(State::Near), at("12:31:31")), State::Ok);
        let sub = organization("Acme Labs", "1", None);
        assert_eq!(State::of_organization(&sub, Some(refused)), State::RefusedByOrganization(Some(at("12:00:00"))));
    }

    #[test]
    fn nothing_is_refused_in_a_month_that_is_over() {
        let state = State::Refused(Some(at("12:00:00"))).in_the_past();
        assert_eq!(state.label(at("12:30:00")), "▲ exhausted");
        assert!(!state.is_refused() && !state.is_trouble());
        assert_eq!(State::Near.in_the_past(), State::Near);
        assert_eq!(State::ProjectsRefused(2).in_the_past(), State::Ok);
    }

    #[test]
    fn r41_what_somebody_placed_by_hand_comes_before_the_budget_while_it_holds() {
        let mut view = project("Support bot", "500", Some("500"));
        let (placed, now, until) = (at("12:00:00"), at("12:27:00"), at("13:00:00"));
        let place = |kind| block(kind, &view.project.id);
        let (stop, release) = (place(ManualBlockKind::Block), place(ManualBlockKind::Release));
        let of_a_key = block(ManualBlockKind::Block, "key_1");
        view.manual_blocks = vec![of_a_key, release.clone()];
        let refused = Some(State::Refused(None));
        assert_eq!(State::of_project_in(&view, refused, now), State::Released);
        assert_eq!(State::Released.label(now), "◇ released");
        view.manual_blocks = vec![release, stop];
        let blocked = State::of_project_in(&view, refused, now);
        assert_eq!((blocked, blocked.label(now).as_str()), (State::BlockedByHand(placed), "■ blocked 27m"));
        assert!(blocked.is_refused() && blocked.is_trouble() && blocked > State::Refused(None));
        assert_eq!(State::of_project(&view, until), State::Refused(None), "its time is over");
    }

    #[test]
    fn trouble_sorts_above_everything_else() {
        let mut acme = organization("Acme", "1", Some("300"));
        acme.blocked_projects = 2;
        let state = State::of_organization(&acme, None);
        assert_eq!(state.label(at("12:00:00")), "▲ 2 projects");
        assert!(State::Refused(None) > state && state > State::Near && State::Near > State::Ok);
    }
}
