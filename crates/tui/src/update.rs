//! How the model changes. Pure but for the model: what is to be done outside comes back as effects.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use mete_core::{Month, Timestamp};
use ratatui::layout::Size;

use crate::acting;
use crate::actions::{ACTING, Action};
use crate::data::{Answer, QueryFailed};
use crate::look::Look;
use crate::model::{Lying, Model};
use crate::msg::{Effect, Msg, ViewId};
use crate::outcome::Outcome;
use crate::overlays::{Columns, Export, FilterLine, Help, JumpLine, Months, Overlay, Palette, Reply};
use crate::piece::piece;
use crate::screens::{Explain, Screen};
use crate::table::Move;
use crate::theme::Tone;
use crate::trail::Trail;
use crate::view::areas;

/// What keys with Control do even where something lies on top.
const ABOVE_ALL: [Action; 3] = [Action::Suspend, Action::Redraw, Action::Background];

/// Takes a message at an instant. Returns what is to be done.
pub fn update(model: &mut Model, msg: Msg, now: Timestamp) -> Vec<Effect> {
    let month = model.month();
    model.now = now;
    let mut effects = Vec::new();
    if model.month() != month {
        month_changed(model, &mut effects);
    }
    handle(model, msg, &mut effects);
    acting::go_on(model, &mut effects);
    let (body, theme) = (areas(model).body, model.setting.theme);
    let look = Look { theme: &theme, ..model.look() };
    let top = model.trail.top_mut();
    top.screen.arrange(body, &look);
    if top.screen.turned() {
        top.asking.supersede();
        effects.extend(model.ask());
    }
    effects
}

fn handle(model: &mut Model, msg: Msg, effects: &mut Vec<Effect>) {
    model.dirty |= !matches!(msg, Msg::Polling | Msg::Versions(_));
    match msg {
        Msg::Key(key) if key.kind == KeyEventKind::Release => {}
        Msg::Key(key) => handle_key(model, &key, effects),
        Msg::Paste(text) => paste(model, &text),
        Msg::Mouse(mouse) => crate::mouse::take(model, &mouse, effects),
        Msg::Background { light } => model.setting.theme = model.setting.theme.on(light),
        Msg::Resize(width, height) => model.size = Size { width, height },
        Msg::Second => {}
        Msg::Polling => model.link.ask(model.now),
        Msg::Versions(result) => {
            let before = model.link.versions();
            model.dirty |= model.link.observe(result, model.now);
            acting::look_again(model, before, effects);
            ask_if_due(model, effects);
        }
        Msg::Answers { view, generation, result } => receive(model, view, generation, result, effects),
        Msg::Written(result) => {
            model.said = Some(match result {
                Ok(path) => piece(format!(" ✓ written: {path}"), Tone::Strong),
                Err(failure) => piece(format!(" ▲ {failure}"), Tone::Bad),
            });
        }
        Msg::ReadOnly => acting::forbid(model),
        Msg::Sight(result) => acting::see(model, result),
        Msg::Prepared { layer, result } => acting::prepared(model, layer, result),
        Msg::Done { layer, result } => acting::done(model, (layer, result), effects),
        Msg::Banner(lines) => model.banner = lines,
        Msg::Stop => effects.push(Effect::Quit),
    }
}

/// Gives answers to the view that asked, if it is still there and still wants them.
fn receive(
    model: &mut Model,
    id: ViewId,
    generation: u64,
    result: Result<Vec<Answer>, QueryFailed>,
    effects: &mut Vec<Effect>,
) {
    if let Some(mut lying) = model.overlay.take_if(|lying| lying.id == id) {
        let reply = lying.overlay.receive(result);
        reply_with(model, lying, reply, effects);
        return;
    }
    let (now, month, frozen) = (model.now, model.month(), model.frozen.is_some());
    let bell = model.setting.config.bell;
    let Some(view) = model.trail.views_mut().find(|view| view.id == id) else { return };
    match result {
        // what stands still is asked again when it goes on
        Ok(_) if frozen && view.asking.answered_at().is_some() => view.asking.put_off(generation),
        Ok(answers) => {
            // what is seen for the first time is no news
            let before = view.asking.answered_at().map(|_| view.screen.refused());
            if view.asking.end(generation, None, now) {
                view.screen.receive(answers, month, now);
                let more = before.is_some_and(|before| view.screen.refused() > before);
                if more && bell {
                    effects.push(Effect::Ring);
                }
            }
        }
        Err(failure) => {
            view.asking.end(generation, Some(failure), now);
        }
    }
    ask_if_due(model, effects);
}

fn ask_if_due(model: &mut Model, effects: &mut Vec<Effect>) {
    let (top, now) = (model.top(), model.now);
    let aged = top.screen.renewed_after().is_some_and(|age| top.asking.is_older_than(age, now));
    if !model.is_held() && (aged || top.asking.is_due(model.link.versions(), now)) {
        effects.extend(model.ask());
    }
}

fn month_changed(model: &mut Model, effects: &mut Vec<Effect>) {
    for view in model.trail.views_mut() {
        view.asking.invalidate();
        view.screen.forget();
    }
    effects.extend(model.ask());
}

fn handle_key(model: &mut Model, key: &KeyEvent, effects: &mut Vec<Effect>) {
    model.said = None;
    let held = model.overlay.as_ref().is_some_and(|lying| lying.overlay.is_held());
    // control-c leaves from anywhere, but from what would be lost
    if !held && key.code == KeyCode::Char('c') && key.modifiers == KeyModifiers::CONTROL {
        acting::leave(model, effects);
    } else if let Some(action) = model.overlay.is_some().then(|| above_all(model, key)).flatten() {
        act(model, action, effects);
    } else if let Some(mut lying) = model.overlay.take() {
        let reply = lying.overlay.key(key, model);
        reply_with(model, lying, reply, effects);
    } else if let Some(action) = model.action_for(key) {
        act(model, action, effects);
    }
}

/// What a key does whatever lies on top of the screen: with Control it is nothing that is typed into a line.
fn above_all(model: &Model, key: &KeyEvent) -> Option<Action> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    ABOVE_ALL.into_iter().find(|action| control && model.is_key_of(*action, key))
}

fn reply_with(model: &mut Model, lying: Lying, reply: Reply, effects: &mut Vec<Effect>) {
    match reply {
        Reply::Stay => model.overlay = Some(lying),
        Reply::Close => {}
        Reply::With(more) => {
            model.overlay = Some(lying);
            effects.extend(more);
        }
        Reply::Carry(deed) => {
            acting::carry(model, (lying.id, deed), effects);
            model.overlay = Some(lying);
        }
        Reply::Then(outcome) => follow(model, outcome, effects),
    }
}

/// Pasted text goes to what lies on top; where nothing does it is ignored: it must never act as keys.
fn paste(model: &mut Model, text: &str) {
    if let Some(mut lying) = model.overlay.take() {
        lying.overlay.paste(text, model);
        model.overlay = Some(lying);
    }
}

fn act(model: &mut Model, action: Action, effects: &mut Vec<Effect>) {
    let list = model.trail.top_mut().screen.list();
    match action {
        Action::Up => list.step(Move::Up),
        Action::Down => list.step(Move::Down),
        Action::PageUp => list.step(Move::PageUp),
        Action::PageDown => list.step(Move::PageDown),
        Action::First => list.step(Move::First),
        Action::Last => list.step(Move::Last),
        Action::SortNext => list.sort_next(),
        Action::SortReverse => list.sort_reverse(),
        Action::Faults => list.toggle_faults(),
        // takes the filter away if there is one
        Action::Back if !list.filter().is_empty() => list.set_filter(""),
        Action::Back | Action::HistoryBack if model.trail.back() => effects.extend(come_to(model)),
        Action::HistoryForward if model.trail.forward() => effects.extend(come_to(model)),
        Action::Back | Action::HistoryBack | Action::HistoryForward => {}
        Action::MonthBack => choose_month(model, Some(model.month().previous()), effects),
        Action::MonthForward => choose_month(model, Some(model.month().next()), effects),
        Action::MonthNow => choose_month(model, None, effects),
        Action::Freeze => freeze(model, effects),
        Action::Refresh => effects.extend(come_to(model)),
        Action::Redraw => effects.push(Effect::Redraw),
        Action::Suspend => effects.push(Effect::Suspend),
        Action::Background => model.setting.theme = model.setting.theme.switched(),
        Action::Quit => acting::leave(model, effects),
        Action::Explain => {
            let screen = Explain::of(&model.top().screen.targets());
            follow(model, Outcome::open(screen), effects);
        }
        _ if ACTING.contains(&action) => acting::act(model, action, effects),
        _ => match overlay_of(model, action) {
            Some(overlay) => show(model, overlay, effects),
            // whatever else there is, a screen offers
            None => {
                let outcome = model.trail.top_mut().screen.act(action);
                follow(model, outcome, effects);
            }
        },
    }
}

/// What an action lays on top of the screen.
fn overlay_of(model: &mut Model, action: Action) -> Option<Box<dyn Overlay>> {
    let list = model.trail.top_mut().screen.list();
    let overlay: Box<dyn Overlay> = match action {
        Action::Filter => Box::new(FilterLine::new(list.filter(), list.counts())),
        Action::Columns => Box::new(Columns::of(list.columns())),
        Action::Jump => Box::new(JumpLine::default()),
        Action::Palette => Box::new(Palette::over(model)),
        Action::Months => Box::new(Months::until(model.now.month())),
        Action::Export => Box::new(Export::default()),
        Action::Help => Box::new(Help::default()),
        _ => return None,
    };
    Some(overlay)
}

/// Lets the figures stand still, or go on with what has changed meanwhile.
fn freeze(model: &mut Model, effects: &mut Vec<Effect>) {
    model.frozen = if model.frozen.is_some() { None } else { Some(model.now) };
    ask_if_due(model, effects);
}

/// Asks for the screen in sight, unless it stands still.
fn come_to(model: &mut Model) -> Option<Effect> {
    if model.is_held() { None } else { model.ask() }
}

/// Does what came of something.
pub(crate) fn follow(model: &mut Model, outcome: Outcome, effects: &mut Vec<Effect>) {
    match outcome {
        Outcome::Done => {}
        Outcome::Ask => {
            model.trail.top_mut().asking.invalidate();
            effects.extend(model.ask());
        }
        Outcome::Open(screen) => effects.extend(open(model, screen, Trail::open)),
        Outcome::Jump(screen) => effects.extend(open(model, screen, Trail::jump)),
        Outcome::Month(month) => choose_month(model, Some(month), effects),
        Outcome::Show(overlay) => show(model, overlay, effects),
        Outcome::Wish(wish) => acting::wish(model, *wish, effects),
        Outcome::Effects(more) => effects.extend(more),
        Outcome::Act(action) => act(model, action, effects),
    }
}

/// Opens a screen with the columns that are configured.
fn open(
    model: &mut Model,
    mut screen: Box<dyn Screen>,
    put: fn(&mut Trail, ViewId, Box<dyn Screen>),
) -> Option<Effect> {
    screen.set_columns(&model.setting.config.lists);
    let id = model.next_id();
    put(&mut model.trail, id, screen);
    model.ask()
}

/// Lays something on top of the screen.
pub(crate) fn show(model: &mut Model, overlay: Box<dyn Overlay>, effects: &mut Vec<Effect>) {
    let (id, queries) = (model.next_id(), overlay.queries(model.month()));
    if !queries.is_empty() {
        effects.push(Effect::Ask { view: id, generation: 0, queries });
    }
    model.overlay = Some(Lying { id, overlay });
}

/// Shows a month; none, or one that has not begun, is the present one.
fn choose_month(model: &mut Model, month: Option<Month>, effects: &mut Vec<Effect>) {
    let before = model.month();
    model.chosen = month.filter(|month| *month < model.now.month() && *month >= earliest());
    if model.month() != before {
        month_changed(model, effects);
    }
}

/// No month before this one is offered: there were no such APIs.
fn earliest() -> Month {
    Timestamp(0).month()
}
