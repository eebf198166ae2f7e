//! The small world with ten thousand of everything, with nothing, or with names that are hard to show.

/// Names that are long, wide, or would act on a terminal.
const HOSTILE: [&str; 4] = [
    "検索エンジンの評価と夜間バッチ処理のための予算",
    "a name that goes on and on, far beyond what any column has room for, and then some more, to be sure of it",
    "👩‍👩‍👧 family\u{1b}[31mred\u{202e}",
    "e\u{301}\u{301}\u{301} Ünïcödé\u{200b}\u{0}",
];

/// How what the world has is varied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Varied {
    /// Not at all.
    #[default]
    No,
    /// So many more of each, after those that there are.
    Many(usize),
    /// With names that are hard to show.
    Hostile,
    /// There is nothing but organizations and projects.
    Nothing,
}

/// What a thing becomes.
pub struct Other<'n> {
    /// Its number, if it is one more.
    pub number: Option<usize>,
    /// Its name.
    pub name: &'n str,
}

impl Other<'_> {
    /// Makes an id that of one more.
    pub fn id(&self, id: &mut String) {
        if let Some(number) = self.number {
            *id = format!("{id}{number:05}");
        }
    }
}

impl Varied {
    /// A list so varied; `set` makes a thing another one.
    pub fn list<T: Clone>(self, some: Vec<T>, set: impl Fn(&mut T, &Other<'_>)) -> Vec<T> {
        if self == Self::Nothing { Vec::new() } else { self.kept(some, set) }
    }

    /// The same of what there always is.
    pub fn kept<T: Clone>(self, some: Vec<T>, set: impl Fn(&mut T, &Other<'_>)) -> Vec<T> {
        match self {
            Self::No | Self::Nothing => some,
            Self::Many(more) => {
                let another = |number: usize| {
                    let mut one = some.get(number % some.len().max(1))?.clone();
                    set(&mut one, &Other { number: Some(number), name: &format!("Number {number:05}") });
                    Some(one)
                };
                some.iter().cloned().chain((0..more).filter_map(another)).collect()
            }
            Self::Hostile => {
                let renamed = |(place, mut one)| {
                    set(&mut one, &Other { number: None, name: HOSTILE[place % HOSTILE.len()] });
                    one
                };
                some.into_iter().enumerate().map(renamed).collect()
            }
        }
    }
}
