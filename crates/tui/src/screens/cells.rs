//! Cells that several lists have.

use std::cmp::Ordering;

use mete_core::limits::Limits;
use mete_core::{Nanos, Timestamp};
use mete_store::{Alert, AlertKind, AlertPart};

use crate::budget::bar_tone;
use crate::format::{ago, count_within, money, money_within, percent, span};
use crate::gauge::bar;
use crate::piece::{Piece, piece};
use crate::state::State;
use crate::table::Slot;
use crate::theme::Tone;

/// Columns of a per cent with a space before it.
const PERCENT: usize = 6;

/// Orders words by their letters, whatever their case.
pub fn by_letters(a: &str, b: &str) -> Ordering {
    a.chars().flat_map(char::to_lowercase).cmp(b.chars().flat_map(char::to_lowercase))
}

/// Words.
pub fn words(text: &str, tone: Tone) -> Vec<Piece> {
    vec![piece(text, tone)]
}

/// What stands for a figure that the person at the screen may not see (R6).
pub fn unseen() -> String {
    "—".to_owned()
}

/// A figure that the person at the screen may see or not.
pub fn seen<T>(figure: Option<T>, cell: impl FnOnce(T) -> Vec<Piece>) -> Vec<Piece> {
    figure.map_or_else(|| words(&unseen(), Tone::Dim), cell)
}

/// An amount.
pub fn amount(amount: Nanos, slot: Slot) -> Vec<Piece> {
    vec![piece(money_within(amount, slot.width), Tone::Plain)]
}

/// An amount that may be missing.
pub fn limit(amount: Option<Nanos>, slot: Slot) -> Vec<Piece> {
    amount.map_or_else(|| words("none", Tone::Dim), |amount| self::amount(amount, slot))
}

/// A count; nothing steps back.
pub fn number(number: u64, slot: Slot) -> Vec<Piece> {
    let tone = if number == 0 { Tone::Dim } else { Tone::Plain };
    vec![piece(count_within(number, slot.width), tone)]
}

/// A bar and a per cent: how much of the budget is spent.
pub fn used(spend: Nanos, limits: &Limits, slot: Slot) -> Vec<Piece> {
    let Some(budget) = limits.budget else { return words("no budget", Tone::Dim) };
    let share = spend.per_mille_of(budget);
    let threshold = limits.threshold.map(|threshold| threshold.per_mille_of(budget));
    let mut pieces = bar(share, threshold, slot.width.saturating_sub(PERCENT), bar_tone(spend, limits));
    pieces.push(piece(format!("{:>PERCENT$}", percent(share)), Tone::Plain));
    pieces
}

/// A bar and a per cent: a share of all spend.
pub fn share(spend: Nanos, of: Nanos, slot: Slot) -> Vec<Piece> {
    let share = spend.per_mille_of(of);
    let mut pieces = bar(share, None, slot.width.saturating_sub(PERCENT), Tone::Plain);
    pieces.push(piece(format!("{:>PERCENT$}", percent(share)), Tone::Plain));
    pieces
}

/// The part of the budget that is spent, in per mille: without a budget it is nothing.
pub fn used_share(spend: Option<Nanos>, limits: &Limits) -> Option<u32> {
    spend.zip(limits.budget).map(|(spend, budget)| spend.per_mille_of(budget))
}

/// A state.
pub fn state(state: State, slot: Slot) -> Vec<Piece> {
    vec![piece(state.label(slot.now), state.tone(slot.now))]
}

/// How long ago something was, if it ever was; in its largest unit alone where there is no room for more.
pub fn age(at: Option<Timestamp>, slot: Slot) -> Vec<Piece> {
    let Some(at) = at else { return words("never", Tone::Dim) };
    let text = ago(at, slot.now);
    if text.len() <= slot.width {
        return vec![piece(text, Tone::Plain)];
    }
    let span = span(slot.now.since(at));
    vec![piece(span.split(' ').next().unwrap_or_default(), Tone::Plain)]
}

/// How far away an instant is: `in 6d 2h`, or how long ago it was; in its largest unit alone where there is no room for
/// more.
pub fn when(at: Timestamp, slot: Slot) -> Vec<Piece> {
    let left = at.since(slot.now);
    if left <= 0 {
        return age(Some(at), slot);
    }
    let span = span(left);
    let text = format!("in {span}");
    let short = || format!("in {}", span.split(' ').next().unwrap_or_default());
    vec![piece(if text.len() <= slot.width { text } else { short() }, Tone::Plain)]
}

/// What was crossed (R27).
pub fn alert(alert: &Alert) -> (String, Tone) {
    if let Some(AlertPart { part, name }) = &alert.part {
        return (format!("▲ {} of {} {name}", money(alert.amount), part.kind), Tone::Bad);
    }
    match alert.kind {
        AlertKind::Threshold => (format!("● threshold {}", money(alert.amount)), Tone::Near),
        AlertKind::Exhausted => (format!("▲ exhausted {}", money(alert.amount)), Tone::Bad),
    }
}
