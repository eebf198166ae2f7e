//! The registry of actions: what can be done, with which keys, and in which words. Keys, key bar and help all come from
//! it.

use crossterm::event::KeyCode;

/// Something that a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Opens the selected row.
    Open,
    /// Goes back to where it was opened from; takes a filter away first.
    Back,
    /// Selects the row above.
    Up,
    /// Selects the row below.
    Down,
    /// Selects a row one page above.
    PageUp,
    /// Selects a row one page below.
    PageDown,
    /// Selects the first row.
    First,
    /// Selects the last row.
    Last,
    /// Turns a long list to its next page.
    Older,
    /// Turns it back.
    Newer,
    /// Gives the keys to the next list on the screen, or shows its next tab.
    NextPanel,
    /// The same with the one before.
    PreviousPanel,
    /// Shows the tab of this number, from 1.
    Tab(u8),
    /// Divides by something else.
    Divide,
    /// Tells why requests are let through or refused.
    Explain,
    /// Opens the owner of the selected key.
    Owner,
    /// Opens the project of what is selected.
    Project,
    /// Lists the keys of what is selected.
    Keys,
    /// Lists the people of the organization.
    Members,
    /// Lists the invites to the organization.
    Invites,
    /// Lists what the audit log says of what is selected.
    Audit,
    /// Goes to the screen before, filtered or not.
    HistoryBack,
    /// Goes to the screen that was come back from.
    HistoryForward,
    /// Blocks what is selected (R41).
    Block,
    /// Sets the budget of what is selected.
    Budget,
    /// Lifts what holds on it, or releases it (R41).
    Unblock,
    /// Takes note of the selected alert (R27).
    Acknowledge,
    /// Makes something in what is shown.
    New,
    /// Edits what is selected.
    Edit,
    /// Archives or revokes what is selected.
    Remove,
    /// Reads again what is selected in the quarantine (R34).
    Retry,
    /// Lists all that can be done here.
    Acts,
    /// Starts typing where to go.
    Jump,
    /// Finds what can be done.
    Palette,
    /// Starts typing a filter.
    Filter,
    /// Shows only rows in trouble, or all again.
    Faults,
    /// Chooses columns.
    Columns,
    /// Writes what is on the screen to a file.
    Export,
    /// Sorts by the next column.
    SortNext,
    /// Sorts the other way round.
    SortReverse,
    /// Changes between active and archived projects (R22).
    Archived,
    /// Chooses a month.
    Months,
    /// Shows the month before.
    MonthBack,
    /// Shows the month after.
    MonthForward,
    /// Shows the present month, and follows it.
    MonthNow,
    /// Lets the figures stand still, or go on.
    Freeze,
    /// Asks the store anew.
    Refresh,
    /// Draws the whole screen anew.
    Redraw,
    /// Changes between the colours for a dark background and those for a light one.
    Background,
    /// Gives the terminal back to the shell for a while.
    Suspend,
    /// Shows what the keys do.
    Help,
    /// Leaves.
    Quit,
}

impl Action {
    /// Its name in the configuration: the one it has here, in small letters (`page_up`); of a tab with its number
    /// (`tab-1`).
    #[must_use]
    pub fn name(self) -> String {
        if let Self::Tab(number) = self {
            return format!("tab-{number}");
        }
        let mut name = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(letter.to_lowercase());
        }
        name
    }
}

/// The headings of the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Going from one screen to another.
    Go,
    /// Moving within a list.
    Move,
    /// What a list shows.
    List,
    /// What changes the store.
    Act,
    /// Which month is shown.
    Month,
    /// Everything else.
    Screen,
}

impl Group {
    /// All headings, in the order of the help.
    pub const ALL: [Self; 6] = [Self::Go, Self::Act, Self::Move, Self::List, Self::Month, Self::Screen];

    /// Its text.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Go => "Go",
            Self::Move => "Move",
            Self::List => "List",
            Self::Act => "Act",
            Self::Month => "Month",
            Self::Screen => "Screen",
        }
    }
}

/// A key as it is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Which key.
    pub code: KeyCode,
    /// Whether it is pressed together with Control.
    pub control: bool,
}

const fn key(code: KeyCode) -> Key {
    Key { code, control: false }
}

const fn letter(letter: char) -> Key {
    key(KeyCode::Char(letter))
}

const fn control(letter: char) -> Key {
    Key { code: KeyCode::Char(letter), control: true }
}

impl Key {
    /// Its name in key bar and help.
    #[must_use]
    pub fn label(&self) -> String {
        let name = match self.code {
            KeyCode::Enter => "⏎".to_owned(),
            KeyCode::Esc => "esc".to_owned(),
            KeyCode::Up => "↑".to_owned(),
            KeyCode::Down => "↓".to_owned(),
            KeyCode::Left => "←".to_owned(),
            KeyCode::Right => "→".to_owned(),
            KeyCode::PageUp => "pgup".to_owned(),
            KeyCode::PageDown => "pgdn".to_owned(),
            KeyCode::Home => "home".to_owned(),
            KeyCode::End => "end".to_owned(),
            KeyCode::Tab => "tab".to_owned(),
            KeyCode::BackTab => "shift-tab".to_owned(),
            KeyCode::Backspace => "backspace".to_owned(),
            KeyCode::F(number) => format!("f{number}"),
            KeyCode::Char(' ') => "space".to_owned(),
            KeyCode::Char(letter) => letter.to_string(),
            other => format!("{other}"),
        };
        if self.control { format!("^{}", name.to_uppercase()) } else { name }
    }
}

/// An action with its keys and words.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What it does.
    pub action: Action,
    /// The keys that do it; the first one stands in the key bar.
    pub keys: &'static [Key],
    /// A word or two for the key bar; empty keeps it out of it.
    pub word: &'static str,
    /// A sentence for the help.
    pub help: &'static str,
    /// Where it stands in the help.
    pub group: Group,
}

const fn entry(action: Action, keys: &'static [Key], word: &'static str, group: Group, help: &'static str) -> Entry {
    Entry { action, keys, word, help, group }
}

/// Every action, in the order of the key bar.
pub const REGISTRY: &[Entry] = &[
    entry(
        Action::Open,
        &[key(KeyCode::Enter), key(KeyCode::Right), letter('l')],
        "open",
        Group::Go,
        "open the selected row",
    ),
    entry(
        Action::Back,
        &[key(KeyCode::Esc), key(KeyCode::Left), letter('h'), key(KeyCode::Backspace)],
        "back",
        Group::Go,
        "show all rows again if filtered, or go back",
    ),
    entry(Action::Explain, &[letter('e')], "explain", Group::Go, "why requests are let through or refused"),
    entry(
        Action::Acknowledge,
        &[letter('a')],
        "acknowledge",
        Group::Act,
        "take note of the alert: it needs nobody any more",
    ),
    entry(Action::NextPanel, &[key(KeyCode::Tab)], "next", Group::Move, "the next list or tab of the screen"),
    entry(Action::Block, &[letter('b')], "block", Group::Act, "block the selected one: every request is refused"),
    entry(Action::Budget, &[letter('$')], "budget", Group::Act, "set budget and threshold of the selected one"),
    entry(
        Action::Unblock,
        &[letter('u')],
        "unblock",
        Group::Act,
        "lift what was placed by hand, or release for a while",
    ),
    entry(Action::New, &[letter('n')], "new", Group::Act, "make another one here"),
    entry(Action::Edit, &[letter('E')], "edit", Group::Act, "rename or edit the selected one"),
    entry(Action::Remove, &[letter('x')], "remove", Group::Act, "archive or revoke the selected one, for good"),
    entry(Action::Retry, &[letter('t')], "try again", Group::Act, "read the selected one again, to count it"),
    entry(Action::Acts, &[letter('.')], "more", Group::Act, "all that can be done here"),
    entry(
        Action::Owner,
        &[letter('o')],
        "owner",
        Group::Go,
        "the keys of the owner; in the audit log, all by that actor",
    ),
    entry(Action::Jump, &[letter(':')], "jump", Group::Go, "jump, as in :project support or :keys org=acme"),
    entry(Action::HistoryBack, &[letter('[')], "", Group::Go, "the screen before, as it was"),
    entry(Action::HistoryForward, &[letter(']')], "", Group::Go, "the screen that you came back from"),
    entry(Action::Palette, &[control('p')], "", Group::Go, "find what can be done here by a few letters"),
    entry(Action::Up, &[key(KeyCode::Up), letter('k')], "", Group::Move, "row above"),
    entry(Action::Down, &[key(KeyCode::Down), letter('j')], "", Group::Move, "row below"),
    entry(Action::PageUp, &[key(KeyCode::PageUp), control('b')], "", Group::Move, "page above"),
    entry(Action::PageDown, &[key(KeyCode::PageDown), control('f'), letter(' ')], "", Group::Move, "page below"),
    entry(Action::First, &[key(KeyCode::Home), letter('g')], "", Group::Move, "first row"),
    entry(Action::Last, &[key(KeyCode::End), letter('G')], "", Group::Move, "last row"),
    entry(Action::PreviousPanel, &[key(KeyCode::BackTab)], "", Group::Move, "the list or tab before"),
    entry(Action::Tab(1), &[letter('1')], "", Group::Move, "the first tab"),
    entry(Action::Tab(2), &[letter('2')], "", Group::Move, "the second tab"),
    entry(Action::Tab(3), &[letter('3')], "", Group::Move, "the third tab"),
    entry(Action::Tab(4), &[letter('4')], "", Group::Move, "the fourth tab"),
    entry(Action::Tab(5), &[letter('5')], "", Group::Move, "the fifth tab"),
    entry(Action::Tab(6), &[letter('6')], "", Group::Move, "the sixth tab"),
    entry(Action::Tab(7), &[letter('7')], "", Group::Move, "the seventh tab"),
    entry(Action::Tab(8), &[letter('8')], "", Group::Move, "the eighth tab"),
    entry(Action::Divide, &[letter('d')], "divide", Group::List, "by model, endpoint, key or member"),
    entry(Action::Older, &[letter('}')], "older", Group::Move, "next page of a long list"),
    entry(Action::Newer, &[letter('{')], "", Group::Move, "page before"),
    entry(Action::Filter, &[letter('/')], "filter", Group::List, "rows with: text !not ~fzy column:text spend>100"),
    entry(Action::Faults, &[letter('!')], "faults", Group::List, "only what is in trouble, or all again"),
    entry(Action::SortNext, &[letter('s')], "sort", Group::List, "sort by the next column"),
    entry(Action::SortReverse, &[letter('S')], "", Group::List, "sort the other way round"),
    entry(Action::Columns, &[letter('c')], "", Group::List, "choose, move, widen and sort columns"),
    entry(Action::Archived, &[letter('v')], "archived", Group::List, "change between active and archived projects"),
    entry(Action::Months, &[letter('m')], "month", Group::Month, "choose a month that has spend"),
    entry(Action::Project, &[letter('p')], "project", Group::Go, "the project of the selected one"),
    entry(Action::Keys, &[letter('K')], "keys", Group::Go, "the keys of the selected one"),
    entry(Action::Members, &[letter('M')], "members", Group::Go, "people and service accounts of the organization"),
    entry(Action::Invites, &[letter('I')], "invites", Group::Go, "the invites to the organization"),
    entry(Action::Audit, &[letter('A')], "audit", Group::Go, "what the audit log says of the selected one"),
    entry(Action::MonthBack, &[letter('<')], "", Group::Month, "the month before"),
    entry(Action::MonthForward, &[letter('>')], "", Group::Month, "the month after"),
    entry(Action::MonthNow, &[letter('0')], "", Group::Month, "this month"),
    entry(Action::Freeze, &[letter('z')], "", Group::Screen, "let the figures stand still, or go on"),
    entry(Action::Export, &[letter('w')], "", Group::Screen, "write rows or a picture of the screen to a file"),
    entry(Action::Refresh, &[letter('r')], "", Group::Screen, "ask the store again now"),
    entry(Action::Redraw, &[control('l')], "", Group::Screen, "draw the screen anew"),
    entry(Action::Background, &[control('t')], "", Group::Screen, "colours for a light background, or a dark one"),
    entry(Action::Suspend, &[control('z')], "", Group::Screen, "back to the shell; fg comes back here"),
    entry(Action::Help, &[letter('?')], "help", Group::Screen, "what the keys do"),
    entry(Action::Quit, &[letter('q'), control('c')], "quit", Group::Screen, "leave; nothing is lost"),
];

/// What works on every screen, whatever else it offers.
pub const EVERYWHERE: &[Action] = &[
    Action::Back,
    Action::HistoryBack,
    Action::HistoryForward,
    Action::Jump,
    Action::Palette,
    Action::Months,
    Action::MonthBack,
    Action::MonthForward,
    Action::MonthNow,
    Action::Freeze,
    Action::Export,
    Action::Refresh,
    Action::Redraw,
    Action::Background,
    Action::Suspend,
    Action::Help,
    Action::Quit,
];

/// What works on every screen with a list.
pub const ON_LISTS: &[Action] = &[
    Action::Up,
    Action::Down,
    Action::PageUp,
    Action::PageDown,
    Action::First,
    Action::Last,
    Action::Filter,
    Action::SortNext,
    Action::SortReverse,
    Action::Columns,
];

/// What works wherever a key or a project is selected.
pub const ON_TARGETS: &[Action] = &[Action::Explain];

/// What changes the store, where that is allowed at all.
pub const ACTING: &[Action] = &[
    Action::Block,
    Action::Budget,
    Action::Unblock,
    Action::Acknowledge,
    Action::New,
    Action::Edit,
    Action::Remove,
    Action::Retry,
    Action::Acts,
];

/// The entries of the actions that are offered, in the order of the registry.
pub fn offered(actions: &[Action]) -> impl Iterator<Item = &'static Entry> {
    REGISTRY.iter().filter(move |entry| actions.contains(&entry.action))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn every_action_is_registered_once_with_words_and_a_key() {
        let mut actions: HashMap<Action, ()> = HashMap::new();
        for entry in REGISTRY {
            assert!(actions.insert(entry.action, ()).is_none(), "{:?} twice", entry.action);
            assert!(!entry.keys.is_empty() && !entry.help.is_empty(), "{:?} lacks keys or help", entry.action);
        }
        for action in EVERYWHERE.iter().chain(ON_LISTS) {
            assert!(actions.contains_key(action), "{action:?} has no entry");
        }
    }
}
