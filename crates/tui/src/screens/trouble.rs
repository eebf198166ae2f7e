//! The title of a list that names the trouble in it, so that nobody has to scroll to find out.

use crate::piece::{Piece, piece};
use crate::state::State;
use crate::theme::Tone;

/// `Projects · ▲ 2 refused · ● 1 near`
pub fn title(name: &str, states: impl Iterator<Item = State>) -> Vec<Piece> {
    let (mut refused, mut inside, mut exhausted, mut near) = (0_usize, 0_usize, 0_usize, 0_usize);
    for state in states {
        match state {
            State::Refused(_) | State::RefusedByOrganization(_) | State::BlockedByHand(_) => refused += 1,
            State::ProjectsRefused(_) => inside += 1,
            State::Exhausted(_) => exhausted += 1,
            State::Near => near += 1,
            State::Archived | State::Ok | State::Recovered(_) | State::Released => {}
        }
    }
    let mut pieces = vec![piece(name, Tone::Strong)];
    let notes = [
        (refused, format!("▲ {refused} refused"), Tone::Bad),
        (inside, format!("▲ {inside} with refused projects"), Tone::Bad),
        (exhausted, format!("▲ {exhausted} exhausted"), Tone::Bad),
        (near, format!("● {near} near"), Tone::Near),
    ];
    for (_, note, tone) in notes.into_iter().filter(|(count, ..)| *count > 0) {
        pieces.extend([piece(" · ", Tone::Dim), piece(note, tone)]);
    }
    pieces
}
