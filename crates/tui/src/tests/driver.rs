//! Drives the model without a terminal: keys in, effects answered at once, screens out.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use mete_core::Timestamp;
use mete_store::Versions;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;

use crate::model::{Model, Setting};
use crate::msg::{Effect, Msg};
use crate::samples::{World, now};
use crate::theme::Theme;
use crate::update::update;
use crate::view::view;

/// The interface over a world, at a size.
pub struct Driver {
    pub model: Model,
    pub world: World,
    pub now: Timestamp,
    /// What is to be answered, in order.
    pub pending: Vec<Effect>,
    /// Whether the person has left.
    pub left: bool,
    /// Whether the bell rang.
    pub rung: bool,
}

impl Driver {
    /// Nothing answered yet, at the organizations.
    pub fn silent(width: u16, height: u16, theme: Theme) -> Self {
        Self::set(width, height, Setting { theme, ..Setting::default() })
    }

    /// Nothing answered yet, at the first screen.
    pub fn silent_at_home(width: u16, height: u16, theme: Theme) -> Self {
        Self::begun(width, height, Setting { theme, ..Setting::default() })
    }

    /// Nothing answered yet, with all that can be set; at the organizations unless that says where.
    pub fn set(width: u16, height: u16, mut setting: Setting) -> Self {
        setting.config.start.get_or_insert_with(|| "organizations".to_owned());
        Self::begun(width, height, setting)
    }

    fn begun(width: u16, height: u16, setting: Setting) -> Self {
        let setting = Setting { store: "sqlite mete.db".to_owned(), actor: "operator".to_owned(), ..setting };
        let (model, pending) = Model::start(setting, Size { width, height }, now());
        let mut driver = Self { model, world: World::default(), now: now(), pending, left: false, rung: false };
        driver.send(Msg::Second);
        driver
    }

    /// Everything answered, at the organizations.
    pub fn answered(width: u16, height: u16) -> Self {
        let mut driver = Self::silent(width, height, Theme::new(true, None));
        driver.poll();
        driver
    }

    /// Everything answered, at the first screen.
    pub fn at_home(width: u16, height: u16) -> Self {
        let mut driver = Self::silent_at_home(width, height, Theme::new(true, None));
        driver.poll();
        driver
    }

    /// Sends a message and leaves what it sets going to be answered.
    pub fn send(&mut self, msg: Msg) {
        let effects = update(&mut self.model, msg, self.now);
        self.left |= effects.contains(&Effect::Quit);
        self.rung |= effects.contains(&Effect::Ring);
        self.pending.extend(effects);
    }

    /// Answers what was asked, and what that sets going.
    pub fn settle(&mut self) {
        while !self.pending.is_empty() {
            let Effect::Ask { view, generation, queries } = self.pending.remove(0) else { continue };
            let result = queries.iter().map(|query| self.world.answer(query)).collect();
            self.send(Msg::Answers { view, generation, result });
        }
    }

    /// Lets the store say that it has the versions of the world, and answers what follows.
    pub fn poll(&mut self) {
        let versions = futures_util::FutureExt::now_or_never(crate::data::DataSource::versions(&self.world)).unwrap();
        self.send(Msg::Versions(versions));
        self.settle();
    }

    /// Lets the store say that something has moved on, without asking the world.
    pub fn move_on(&mut self, change_seq: i64) {
        self.send(Msg::Versions(Ok(Versions { change_seq, ledger_version: 1 })));
    }

    /// Lets time go by.
    pub fn wait(&mut self, micros: i64) {
        self.now = self.now.plus(micros);
        self.send(Msg::Second);
        self.settle();
    }

    /// Presses keys: characters, or names in angle brackets, as in `jj<enter>/bot<enter>`.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        for key in parse(keys) {
            self.send(Msg::Key(key));
            self.settle();
        }
        self
    }

    /// The screen as cells.
    pub fn buffer(&self) -> Buffer {
        let size = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(size.width, size.height)).unwrap();
        terminal.draw(|frame| view(&self.model, frame)).unwrap();
        terminal.backend().buffer().clone()
    }

    /// The screen as text.
    pub fn screen(&self) -> String {
        text(&self.buffer())
    }

    /// The row that is selected, as text.
    pub fn selection(&self) -> String {
        let screen = self.screen();
        let marked = screen.lines().filter(|line| line.contains('▸'));
        marked.map(str::trim).collect::<Vec<_>>().join("\n")
    }
}

/// Cells as text, trailing spaces kept away.
pub fn text(buffer: &Buffer) -> String {
    let mut lines = Vec::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut covered = 0;
        for x in 0..buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            if covered == 0 {
                line.push_str(symbol);
                covered = crate::text::width(symbol).max(1);
            }
            covered -= 1;
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

/// Keys from text; see [`Driver::press`].
pub fn parse(keys: &str) -> Vec<KeyEvent> {
    let mut parsed = Vec::new();
    let mut rest = keys;
    while let Some(first) = rest.chars().next() {
        let named = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
        let (code, modifiers, after) = match named {
            Some(("enter", after)) => (KeyCode::Enter, KeyModifiers::NONE, after),
            Some(("esc", after)) => (KeyCode::Esc, KeyModifiers::NONE, after),
            Some(("tab", after)) => (KeyCode::Tab, KeyModifiers::NONE, after),
            Some(("s-tab", after)) => (KeyCode::BackTab, KeyModifiers::SHIFT, after),
            Some(("up", after)) => (KeyCode::Up, KeyModifiers::NONE, after),
            Some(("left", after)) => (KeyCode::Left, KeyModifiers::NONE, after),
            Some(("right", after)) => (KeyCode::Right, KeyModifiers::NONE, after),
            Some(("down", after)) => (KeyCode::Down, KeyModifiers::NONE, after),
            Some(("pgdn", after)) => (KeyCode::PageDown, KeyModifiers::NONE, after),
            Some(("end", after)) => (KeyCode::End, KeyModifiers::NONE, after),
            Some(("backspace", after)) => (KeyCode::Backspace, KeyModifiers::NONE, after),
            Some(("c-p", after)) => (KeyCode::Char('p'), KeyModifiers::CONTROL, after),
            Some(("c-c", after)) => (KeyCode::Char('c'), KeyModifiers::CONTROL, after),
            Some(("c-t", after)) => (KeyCode::Char('t'), KeyModifiers::CONTROL, after),
            Some(("c-l", after)) => (KeyCode::Char('l'), KeyModifiers::CONTROL, after),
            _ => (KeyCode::Char(first), KeyModifiers::NONE, &rest[first.len_utf8()..]),
        };
        parsed.push(KeyEvent::new(code, modifiers));
        rest = after;
    }
    parsed
}
