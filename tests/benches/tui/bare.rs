//! What everything is compared with: a list on bare ratatui, in this program itself, that reads nothing and knows nothing.

use anyhow::Result;
use crossterm::event::{Event, KeyCode, read};
use ratatui::widgets::{Block, List, ListState};

/// Has this program be the list.
pub const ASKED: &str = "METE_BENCH_BARE";

/// What stands on the screen when it is there.
pub const READY: &str = "row 20";

/// Shows the list until `q`.
pub fn run() -> Result<()> {
    let mut terminal = ratatui::init();
    let shown = show(&mut terminal);
    ratatui::restore();
    shown
}

fn show(terminal: &mut ratatui::DefaultTerminal) -> Result<()> {
    let list = List::new((0..36).map(|row| format!("row {row}"))).highlight_symbol("> ").block(Block::bordered());
    let mut state = ListState::default().with_selected(Some(0));
    loop {
        terminal.draw(|frame| frame.render_stateful_widget(&list, frame.area(), &mut state))?;
        match read()? {
            Event::Key(key) if key.code == KeyCode::Char('q') => return Ok(()),
            Event::Key(key) if key.code == KeyCode::Char('j') => state.select_next(),
            Event::Key(key) if key.code == KeyCode::Char('k') => state.select_previous(),
            _ => {}
        }
    }
}
