//! How the model changes where the store is to be changed: what is offered, forms, what came of them, secrets.
//!
//! Nothing here touches the store: the effects say what is to be done, and where nobody does it there are none.

use std::collections::VecDeque;

use mete_control::Sight;
use mete_core::secret::Secret;
use mete_store::Versions;

use crate::actions::{ACTING, Action};
use crate::deeds::{Deed, Done, Sheet, Wish};
use crate::model::{Lying, Model};
use crate::msg::{Effect, ViewId};
use crate::overlays::{Acts, SecretLayer, SheetLayer};
use crate::piece::piece;
use crate::theme::Tone;
use crate::update::show;

/// What stands after the name of the actor where nothing can be changed.
pub(crate) const READ_ONLY: &str = ", read-only";

/// What the model knows of changing the store.
#[derive(Debug, Default)]
pub(crate) struct Acting {
    /// What the actor may do; nothing is known at first.
    sight: Option<Sight>,
    /// How many deeds are under way.
    under_way: usize,
    /// Whether the person wants to leave once none is.
    leaving: bool,
    /// Secrets that wait until what lies on top is gone.
    secrets: VecDeque<(String, Secret)>,
}

/// The acting actions that mean something now and may be done.
pub(crate) fn offered(model: &Model) -> Vec<Action> {
    let Some(acting) = &model.acting else { return Vec::new() };
    let screen = &model.top().screen;
    let targets = screen.targets();
    let means = |action: &Action| match action {
        Action::Acts => !targets.is_empty(),
        action => screen.meant(*action).is_some_and(|wish| permitted(acting, &wish).is_ok()),
    };
    ACTING.iter().copied().filter(means).collect()
}

/// Whether a wish may be fulfilled, as far as is known; control decides.
fn permitted(acting: &Acting, wish: &Wish) -> Result<(), &'static str> {
    acting.sight.as_ref().map_or(Ok(()), |sight| wish.permit(sight))
}

/// Does an acting action.
pub(crate) fn act(model: &mut Model, action: Action, effects: &mut Vec<Effect>) {
    let Some(acting) = &model.acting else { return };
    let screen = &model.top().screen;
    if action == Action::Acts {
        let acts = Acts::on(&screen.targets(), acting.sight.as_ref());
        show(model, Box::new(acts), effects);
    } else if let Some(wanted) = screen.meant(action) {
        wish(model, wanted, effects);
    }
}

/// Opens the form of a wish.
pub(crate) fn wish(model: &mut Model, wish: Wish, effects: &mut Vec<Effect>) {
    let Some(acting) = &model.acting else { return };
    if let Err(role) = permitted(acting, &wish) {
        model.said = Some(piece(format!(" ▲ to {} takes {role}", wish.act.words()), Tone::Bad));
        return;
    }
    show(model, Box::new(SheetLayer::of(wish.clone())), effects);
    if let Some(lying) = &model.overlay {
        effects.push(Effect::Prepare { layer: lying.id, wish: Box::new(wish) });
    }
}

/// Nothing can be changed in the store.
pub(crate) fn forbid(model: &mut Model) {
    if model.acting.take().is_some() {
        model.setting.actor.push_str(READ_ONLY);
    }
}

/// Takes what the actor may do.
pub(crate) fn see(model: &mut Model, result: Result<Sight, String>) {
    if let (Some(acting), Ok(sight)) = (&mut model.acting, result) {
        acting.sight = Some(sight);
    }
}

/// Asks again what the actor may do where the directory has changed.
pub(crate) fn look_again(model: &Model, before: Option<Versions>, effects: &mut Vec<Effect>) {
    let seq = |versions: Option<Versions>| versions.map(|versions| versions.change_seq);
    if model.acting.is_some() && seq(before) != seq(model.link.versions()) {
        effects.push(Effect::Look);
    }
}

/// Takes a form, if it is still awaited.
pub(crate) fn prepared(model: &mut Model, layer: ViewId, result: Result<Box<Sheet>, String>) {
    if let Some(lying) = model.overlay.as_mut().filter(|lying| lying.id == layer) {
        lying.overlay.prepared(result);
    }
}

/// Sets a deed going.
pub(crate) fn carry(model: &mut Model, (layer, deed): (ViewId, Deed), effects: &mut Vec<Effect>) {
    let Some(acting) = &mut model.acting else { return };
    acting.under_way += 1;
    effects.push(Effect::Do { layer, deed });
}

/// Takes what came of a deed: its form goes, or says why it was not done. Where the form is gone already it is said all
/// the same, and a secret is shown as soon as there is room.
pub(crate) fn done(model: &mut Model, (layer, result): (ViewId, Result<Done, String>), effects: &mut Vec<Effect>) {
    if let Some(acting) = &mut model.acting {
        acting.under_way = acting.under_way.saturating_sub(1);
    }
    let from: Option<Lying> = model.overlay.take_if(|lying| lying.id == layer);
    match (result, from) {
        (Ok(Done { words, secret }), _) => {
            if let (Some(acting), Some(secret)) = (&mut model.acting, secret) {
                acting.secrets.push_back((words.clone(), secret));
            }
            model.said = Some(piece(format!(" ✓ {words}"), Tone::Good));
        }
        (Err(words), Some(mut lying)) => {
            lying.overlay.refused(words);
            model.overlay = Some(lying);
        }
        (Err(words), None) => model.said = Some(piece(format!(" ▲ it was not done: {words}"), Tone::Bad)),
    }
    if !model.is_held() {
        effects.extend(model.ask());
    }
}

/// Shows the next secret where nothing lies on top, and leaves at last where that was wanted.
pub(crate) fn go_on(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.overlay.is_some() {
        return;
    }
    let Some(acting) = &mut model.acting else { return };
    let (next, leave) = (acting.secrets.pop_front(), acting.leaving && acting.under_way == 0);
    match next {
        Some((words, secret)) => show(model, Box::new(SecretLayer::new(words, secret)), effects),
        None if leave => effects.push(Effect::Quit),
        None => {}
    }
}

/// Leaves; while something is being done, once that is known: it may bring a secret. Asked a second time it leaves at
/// once, and what is being done is done to its end all the same.
pub(crate) fn leave(model: &mut Model, effects: &mut Vec<Effect>) {
    match &mut model.acting {
        Some(acting) if acting.under_way > 0 && !acting.leaving => {
            acting.leaving = true;
            model.overlay = None;
            model.said =
                Some(piece(" … leaving once what is being done is done; once more leaves at once", Tone::Near));
        }
        _ => effects.push(Effect::Quit),
    }
}
