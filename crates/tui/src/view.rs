//! How the model looks. Pure: the same model gives the same screen.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::format::clock_time;
use crate::header;
use crate::keybar;
use crate::model::Model;
use crate::panel::{Title, lines, panel, wrapped};
use crate::piece::{Piece, Place, piece, write};
use crate::theme::Tone;

/// The smallest screen that there is something to see on.
pub const SMALLEST: (u16, u16) = (60, 15);
/// Lines that the content keeps, however much the banner has to say: with fewer the pulse has no room for what needs
/// somebody.
const LEAST_BODY: u16 = 17;
/// Lines of a notice, at most.
const MOST_NOTICE: usize = 3;

/// Where the parts of the screen stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Areas {
    header: Rect,
    notice: Rect,
    /// What belongs to the content.
    pub(crate) body: Rect,
    banner: Rect,
    keys: Rect,
}

/// Divides the screen.
pub(crate) fn areas(model: &Model) -> Areas {
    let all = model.area();
    let rows = all.height.saturating_sub(2);
    let notice = (notice(model).len() as u16).min(rows);
    let wanted = if model.banner.is_empty() { 0 } else { model.banner.len() as u16 + 2 };
    let banner = match (rows - notice).saturating_sub(LEAST_BODY) {
        0..3 => 0,
        room => wanted.min(room),
    };
    let row = |y: u16, height: u16| Rect { x: 0, y, width: all.width, height }.intersection(all);
    let body = rows - notice - banner;
    Areas {
        header: row(0, 1),
        notice: row(1, notice),
        body: row(1 + notice, body),
        banner: row(1 + notice + body, banner),
        keys: row(1 + rows, 1),
    }
}

/// Draws everything, with the characters that the terminal shows.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    paint(model, frame.buffer_mut());
    model.setting.charset.apply(frame.buffer_mut());
}

/// Draws everything into cells, with all characters.
pub fn paint(model: &Model, buffer: &mut Buffer) {
    let screen = buffer.area;
    if screen.width < SMALLEST.0 || screen.height < SMALLEST.1 {
        draw_too_small(model, buffer, screen);
        return;
    }
    let theme = &model.setting.theme;
    let areas = areas(model);
    header::draw(model, buffer, areas.header);
    lines(buffer, areas.notice, &notice(model), theme);
    let mut look = model.look();
    look.focused = model.overlay.as_ref().is_none_or(|lying| lying.overlay.is_of_the_list());
    model.top().screen.draw(buffer, areas.body, &look);
    if areas.banner.height > 0 {
        draw_banner(model, buffer, areas.banner);
    }
    keybar::draw(model, buffer, areas.keys);
    if let Some(lying) = &model.overlay {
        lying.overlay.draw(model, buffer, areas.body);
    }
}

/// Why what is shown may be wrong, and what is done about it; nothing if all is well.
fn notice(model: &Model) -> Vec<Vec<Piece>> {
    let (text, tone) = match (model.failure(), model.link.busy_since(model.now)) {
        (Some(failure), _) => (format!("▲ {failure}. It is tried again by itself; r tries now."), Tone::Bad),
        (None, Some(since)) => {
            let since = clock_time(since, model.now);
            (
                format!(
                    "● The store gives no answer since {since}: another program holds it, or it is slow. It is waited for."
                ),
                Tone::Near,
            )
        }
        (None, None) => return Vec::new(),
    };
    let mut lines = wrapped(&text, usize::from(model.size.width.saturating_sub(3)));
    if lines.len() > MOST_NOTICE {
        lines.truncate(MOST_NOTICE);
        if let Some(last) = lines.last_mut() {
            last.push_str(" …");
        }
    }
    lines.into_iter().map(|line| vec![piece(format!(" {line}"), tone)]).collect()
}

fn draw_banner(model: &Model, buffer: &mut Buffer, area: Rect) {
    let theme = &model.setting.theme;
    let inner = panel(buffer, area, &Title::new("Live"), theme);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    // the newest lines are the last ones
    let skipped = model.banner.len().saturating_sub(usize::from(inner.height));
    let shown = model.banner.iter().skip(skipped).map(|line| vec![piece(line.as_str(), Tone::Plain)]);
    lines(buffer, inner, &shown.collect::<Vec<_>>(), theme);
}

fn draw_too_small(model: &Model, buffer: &mut Buffer, area: Rect) {
    let text = format!(
        "This terminal has {}x{}; mete needs {}x{}. Make it larger, or press q to leave.",
        area.width, area.height, SMALLEST.0, SMALLEST.1
    );
    let lines = wrapped(&text, usize::from(area.width));
    for (y, line) in (area.y..area.bottom()).zip(lines) {
        let place = Place { x: area.x, y, width: area.width };
        write(buffer, place, &[piece(line, Tone::Plain)], &model.setting.theme);
    }
}
