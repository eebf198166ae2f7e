//! Every screen as a person sees it: in colours for a light background, without any, with ten thousand rows, with nothing,
//! with names that are hard to show, while it waits and when the store is gone.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use insta::assert_snapshot;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::driver::{Driver, parse, text};
use crate::msg::{Effect, Msg};
use crate::samples::Varied;
use crate::screens::names;
use crate::theme::Theme;

const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];
/// Rows of a long list.
const MANY: usize = 10_000;

/// The keys that lead to each screen from the organizations; the last one opens it.
macro_rules! screens {
    ($($name:ident: $keys:literal;)+) => {
        const SCREENS: &[(&str, &str)] = &[$((stringify!($name), $keys)),+];

        $(
            #[test]
            fn $name() {
                let screen = Shown { name: stringify!($name), keys: $keys };
                screen.in_light_colours();
                screen.with_many_rows();
                screen.with_nothing_and_with_hard_names();
                screen.while_it_waits_and_when_the_store_is_gone();
            }
        )+
    };
}

screens! {
    pulse: ":pulse<enter>";
    pulse_needs: ":pulse<enter><tab>";
    organizations: ":organizations<enter>";
    projects: ":projects Acme<enter>";
    project_overview: ":project Support bot<enter>";
    project_people: ":project Support bot<enter>2";
    project_keys: ":project Support bot<enter>3";
    project_limits: ":project Support bot<enter>4";
    project_usage: ":project Support bot<enter>5";
    project_resources: ":project Support bot<enter>6";
    project_alerts: ":project Support bot<enter>7";
    project_audit: ":project Support bot<enter>8";
    explain: ":explain Support bot<enter>";
    keys: ":keys<enter>";
    members: ":members Acme<enter>";
    invites: ":invites<enter>";
    alerts: ":alerts<enter>";
    blocks: ":blocks<enter>";
    audit: ":audit<enter>";
    audit_entry: ":audit<enter>jj<enter>";
    events: ":events<enter>";
    event: ":events<enter>j<enter>";
    sources: ":sources<enter>";
    source: ":sources<enter><enter>";
    quarantine: ":quarantine<enter>";
    quarantine_entries: ":quarantine<enter><tab>";
    quarantine_entry: ":quarantine<enter><tab><enter>";
    settings: ":settings<enter>";
}

#[test]
fn no_kind_of_screen_is_missing() {
    let kind = |(_, keys): &(&str, &str)| Driver::answered(80, 24).press(keys).model.top().screen.name();
    let shown: BTreeSet<&str> = SCREENS.iter().map(kind).collect();
    assert_eq!(shown, names().into_iter().collect());
}

/// One of the screens.
struct Shown {
    name: &'static str,
    keys: &'static str,
}

impl Shown {
    fn open(&self, (width, height): (u16, u16), theme: Theme) -> Driver {
        let mut driver = Driver::silent(width, height, theme);
        driver.poll();
        driver.press(self.keys);
        driver
    }

    fn in_light_colours(&self) {
        let mut shown = String::new();
        for size in SIZES {
            let buffer = self.open(size, Theme::new(false, Some(true))).buffer();
            writeln!(shown, "{}\n{}\n", text(&buffer), painted(&buffer)).unwrap();
        }
        assert_snapshot!(format!("{}_light", self.name), shown);
    }

    /// The first rows, some in the middle, the last ones.
    fn with_many_rows(&self) {
        let mut shown = String::new();
        for size in SIZES {
            let mut driver = self.open(size, Theme::new(true, None));
            let rows = |driver: &mut Driver| driver.model.trail.top_mut().screen.list().counts().1;
            let before = rows(&mut driver);
            driver.world.vary(Varied::Many(MANY));
            driver.poll();
            if rows(&mut driver) == before {
                // it is no list that grows
                return;
            }
            for keys in ["g", &"<pgdn>".repeat(7), "G"] {
                writeln!(shown, "{}\n", driver.press(keys).screen()).unwrap();
                assert!(!driver.selection().is_empty(), "{shown}");
            }
        }
        assert_snapshot!(format!("{}_many", self.name), shown);
    }

    fn with_nothing_and_with_hard_names(&self) {
        let mut shown = String::new();
        for varied in [Varied::Nothing, Varied::Hostile] {
            let mut driver = self.open(SIZES[0], Theme::new(true, None));
            driver.world.vary(varied);
            driver.poll();
            let buffer = driver.buffer();
            let is_coloured = |cell: &Cell| (cell.fg, cell.bg) != (Color::Reset, Color::Reset);
            assert!(!buffer.content.iter().any(is_coloured), "without colours there is one on {}", self.name);
            writeln!(shown, "{varied:?}\n{}\n", text(&buffer)).unwrap();
        }
        assert_snapshot!(format!("{}_varied", self.name), shown);
    }

    fn while_it_waits_and_when_the_store_is_gone(&self) {
        let keys = parse(self.keys);
        let (last, before) = keys.split_last().unwrap();
        let mut driver = Driver::answered(80, 24);
        for key in before {
            driver.send(Msg::Key(*key));
            driver.settle();
        }
        driver.send(Msg::Key(*last));
        if !driver.pending.iter().any(|effect| matches!(effect, Effect::Ask { queries, .. } if !queries.is_empty())) {
            // all of it was known before
            return;
        }
        let waiting = driver.screen();
        // what is known from before is there at once, with a sign that it is asked for anew
        let says_so = waiting.contains("Loading …") || waiting.contains("○ loading");
        assert!(says_so && waiting.contains('╭'), "{waiting}");
        driver.world.set_down(Some("the store failed: the connection is gone"));
        driver.settle();
        let gone = driver.screen();
        assert!(gone.contains("▲ the store failed: the connection is gone. It is tried again by itself"), "{gone}");
        assert!(!gone.contains("Loading"), "{gone}");
        assert_snapshot!(format!("{}_waits", self.name), format!("{waiting}\n\n{gone}"));
    }
}

/// The look of each cell as a letter, and what the letters mean; a dot is the terminal's own.
fn painted(buffer: &Buffer) -> String {
    let mut letters: HashMap<(Color, Color, Modifier), char> = HashMap::new();
    let mut meaning = String::new();
    let mut lines = Vec::new();
    for y in 0..buffer.area.height {
        let line = (0..buffer.area.width).map(|x| {
            let cell = &buffer[(x, y)];
            let look = (cell.fg, cell.bg, cell.modifier);
            if look == (Color::Reset, Color::Reset, Modifier::empty()) {
                return '.';
            }
            let next = char::from(b'a' + letters.len() as u8);
            *letters.entry(look).or_insert_with(|| {
                let on = if look.1 == Color::Reset { String::new() } else { format!(" on {}", look.1) };
                writeln!(meaning, "{next} = {}{on} {:?}", look.0, look.2).unwrap();
                next
            })
        });
        lines.push(line.collect::<String>().trim_end_matches('.').to_owned());
    }
    format!("{}\n{meaning}", lines.join("\n"))
}
