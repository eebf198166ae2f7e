//! How the model changes. Pure but for the model: what is to be done outside comes back as effects.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use mete_core::{Month, Timestamp};
use ratatui::layout::Size;
use tui_input::backend::crossterm::EventHandler;
use tui_input::{Input, InputRequest};

use crate::actions::Action;
use crate::asking::Asking;
use crate::data::{Answer, QueryFailed};
use crate::look::Look;
use crate::model::{Model, Overlay, View};
use crate::msg::{Effect, Msg, ViewId};
use crate::screens::Screen;
use crate::table::Move;
use crate::view::areas;

/// Takes a message at an instant. Returns what is to be done.
pub fn update(model: &mut Model, msg: Msg, now: Timestamp) -> Vec<Effect> {
    let month = model.month();
    model.now = now;
    let mut effects = Vec::new();
    if model.month() != month {
        month_changed(model, &mut effects);
    }
    handle(model, msg, &mut effects);
    let (body, theme) = (areas(model).body, model.setting.theme);
    let look = Look { theme: &theme, ..model.look() };
    model.top_mut().screen.arrange(body, &look);
    effects
}

fn handle(model: &mut Model, msg: Msg, effects: &mut Vec<Effect>) {
    model.dirty |= !matches!(msg, Msg::Versions(_));
    match msg {
        Msg::Key(key) if key.kind == KeyEventKind::Release => {}
        Msg::Key(key) => handle_key(model, &key, effects),
        Msg::Paste(text) => paste(model, &text),
        Msg::Mouse(mouse) => crate::mouse::take(model, &mouse),
        Msg::Background { light } => model.setting.theme = model.setting.theme.on(light),
        Msg::Resize(width, height) => model.size = Size { width, height },
        Msg::Second => {}
        Msg::Versions(result) => {
            model.dirty |= model.link.observe(result, model.now);
            ask_if_due(model, effects);
        }
        Msg::Answers { view, generation, result } => receive(model, view, generation, result, effects),
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
    let (now, month, bell) = (model.now, model.month(), model.setting.config.bell);
    let Some(view) = model.views_mut().find(|view| view.id == id) else { return };
    match result {
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
    if model.top().asking.is_due(model.link.versions(), model.now) {
        effects.extend(model.ask());
    }
}

fn month_changed(model: &mut Model, effects: &mut Vec<Effect>) {
    for view in model.views_mut() {
        view.asking.invalidate();
        view.screen.forget();
    }
    effects.extend(model.ask());
}

fn handle_key(model: &mut Model, key: &KeyEvent, effects: &mut Vec<Effect>) {
    match &model.overlay {
        // control-c leaves from anywhere
        _ if key.code == KeyCode::Char('c') && key.modifiers == KeyModifiers::CONTROL => effects.push(Effect::Quit),
        // as control-z does
        Some(_) if key.code == KeyCode::Char('z') && key.modifiers == KeyModifiers::CONTROL => {
            effects.push(Effect::Suspend);
        }
        Some(Overlay::Filter { .. }) => type_filter(model, key),
        Some(Overlay::Help { scrolled }) => {
            let scrolled = *scrolled;
            scroll_help(model, key, scrolled, effects);
        }
        None => {
            if let Some(action) = model.action_for(key) {
                act(model, action, effects);
            }
        }
    }
}

fn scroll_help(model: &mut Model, key: &KeyEvent, scrolled: usize, effects: &mut Vec<Effect>) {
    let scrolled = match model.action_for(key) {
        Some(Action::Up) => scrolled.saturating_sub(1),
        Some(Action::Down) => crate::help::scroll_down(model, scrolled),
        Some(Action::Help | Action::Back) => {
            model.overlay = None;
            return;
        }
        Some(Action::Quit) => {
            effects.push(Effect::Quit);
            return;
        }
        Some(action @ (Action::Suspend | Action::Redraw | Action::Background)) => return act(model, action, effects),
        _ => return,
    };
    model.overlay = Some(Overlay::Help { scrolled });
}

fn type_filter(model: &mut Model, key: &KeyEvent) {
    let Some(Overlay::Filter { input, before }) = &mut model.overlay else { return };
    let typed = match key.code {
        KeyCode::Enter => input.value().to_owned(),
        KeyCode::Esc => std::mem::take(before),
        _ => {
            input.handle_event(&Event::Key(*key));
            let typed = input.value().to_owned();
            model.top_mut().screen.list().set_filter(&typed);
            return;
        }
    };
    model.overlay = None;
    model.top_mut().screen.list().set_filter(&typed);
}

/// Pasted text goes into the filter; where none is typed it is ignored: it must never act as keys.
fn paste(model: &mut Model, text: &str) {
    let Some(Overlay::Filter { input, .. }) = &mut model.overlay else { return };
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        input.handle(InputRequest::InsertChar(letter));
    }
    let typed = input.value().to_owned();
    model.top_mut().screen.list().set_filter(&typed);
}

fn act(model: &mut Model, action: Action, effects: &mut Vec<Effect>) {
    let list = model.top_mut().screen.list();
    match action {
        Action::Up => list.step(Move::Up),
        Action::Down => list.step(Move::Down),
        Action::PageUp => list.step(Move::PageUp),
        Action::PageDown => list.step(Move::PageDown),
        Action::First => list.step(Move::First),
        Action::Last => list.step(Move::Last),
        Action::SortNext => list.sort_next(),
        Action::SortReverse => list.sort_reverse(),
        Action::Filter => {
            let before = list.filter().to_owned();
            model.overlay = Some(Overlay::Filter { input: Input::new(before.clone()), before });
        }
        Action::Back => go_back(model, effects),
        Action::MonthBack => choose_month(model, Some(model.month().previous()), effects),
        Action::MonthForward => choose_month(model, Some(model.month().next()), effects),
        Action::MonthNow => choose_month(model, None, effects),
        Action::Refresh => effects.extend(model.ask()),
        Action::Redraw => effects.push(Effect::Redraw),
        Action::Suspend => effects.push(Effect::Suspend),
        Action::Background => model.setting.theme = model.setting.theme.switched(),
        Action::Help => model.overlay = Some(Overlay::Help { scrolled: 0 }),
        Action::Quit => effects.push(Effect::Quit),
        Action::Open | Action::NextPanel | Action::Archived => {
            if let Some(screen) = model.top_mut().screen.act(action) {
                open(model, screen, effects);
            }
        }
    }
}

fn open(model: &mut Model, mut screen: Box<dyn Screen>, effects: &mut Vec<Effect>) {
    let id = ViewId(model.next_view);
    model.next_view += 1;
    screen.set_columns(&model.setting.config.lists);
    model.opened.push(View { id, screen, asking: Asking::default() });
    effects.extend(model.ask());
}

/// Takes the filter away if there is one; otherwise leaves the screen for the one under it, which is as it was.
fn go_back(model: &mut Model, effects: &mut Vec<Effect>) {
    let list = model.top_mut().screen.list();
    if !list.filter().is_empty() {
        list.set_filter("");
    } else if model.opened.pop().is_some() {
        effects.extend(model.ask());
    }
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
