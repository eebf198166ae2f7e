//! A usage log of which it is known what it comes to.

use mete_control::host::SystemClock;
use mete_core::time::{DAY, SECOND};
use mete_core::{Clock as _, Nanos, Timestamp};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::support::Figures;
use crate::support::figures::BY;
use crate::support::world::Sender;

/// What a million input and output tokens of the model cost that the catalogue prices here: $0.15 and $0.60.
const PRICED: (&str, i64, i64) = ("gpt-4o-mini", 150, 600);

/// Models whose cost the lines bring along.
const OWN: [&str; 3] = ["gpt-4o", "claude-sonnet-4-5", "a-model-of-our-own"];

/// How far the events of one month lie apart.
const SPAN: i64 = 3 * DAY;

/// For how many lines a later state of an event lags behind the first one, at most.
const LAG: u64 = 100;

/// Lines in the order of a file, and what they come to.
pub struct Log {
    pub lines: Vec<String>,
    pub expected: Figures,
    random: StdRng,
}

/// What one request used, as one line tells it.
#[derive(Clone, Copy)]
struct State {
    time: Timestamp,
    input: u64,
    cached_input: u64,
    output: u64,
    /// What it costs; [`PRICED`] says it where the line does not.
    cost: Nanos,
}

impl Log {
    /// Makes up `events` events of `senders`, the same ones for the same seed. Of a hundred, five are told twice, the
    /// second time with more; two failed; five lie in the month before. Beside them one line in two hundred is bad.
    pub fn new(seed: u64, events: u64, senders: &[Sender]) -> Self {
        let mut maker = Maker { random: StdRng::seed_from_u64(seed), expected: Figures::default() };
        let month = SystemClock.now().month().previous();
        // Each line with its place in the file.
        let mut placed = Vec::new();
        for number in 0..events {
            let sender = &senders[maker.random.random_range(0..senders.len())];
            let month = if maker.random.random_range(0..100) < 5 { month.previous() } else { month };
            // The tenth day and after, so that no copy lies in another month.
            let gap = SPAN / i64::try_from(events).unwrap();
            let time = month.start().plus(10 * DAY + i64::try_from(number).unwrap() * gap);
            let (first, later) = maker.event(number, sender, time);
            placed.push((number, first));
            if let Some(later) = later {
                placed.push((number + maker.random.random_range(0..LAG), later));
            }
            if maker.random.random_range(0..200) == 0 {
                placed.push((number, maker.bad(number, time)));
            }
        }
        // Stable: what was made first comes first.
        placed.sort_by_key(|(place, _)| *place);
        let lines = placed.into_iter().map(|(_, line)| line).collect();
        Self { lines, expected: maker.expected, random: maker.random }
    }

    /// The lines in any order, with a copy of every fifth one that is an event.
    pub fn shuffled_with_copies(&mut self) -> Vec<String> {
        let events = self.lines.iter().filter(|line| !is_bad(line));
        let copies: Vec<String> = events.filter(|_| self.random.random_range(0..5) == 0).cloned().collect();
        let mut lines = [self.lines.clone(), copies].concat();
        lines.shuffle(&mut self.random);
        lines
    }
}

/// Whether a line goes to the quarantine, where each copy of it is an entry.
pub fn is_bad(line: &str) -> bool {
    line.contains("\"bad-")
}

struct Maker {
    random: StdRng,
    expected: Figures,
}

impl Maker {
    /// The lines of an event: one, or also a later one that replaces it.
    fn event(&mut self, number: u64, sender: &Sender, time: Timestamp) -> (String, Option<String>) {
        let id = format!("evt-{number}-{:08x}", self.random.random::<u32>());
        let is_priced = self.random.random_range(0..3) == 0;
        let model = if is_priced { PRICED.0 } else { OWN[self.random.random_range(0..OWN.len())] };
        let chance = self.random.random_range(0..100);
        let first = if chance < 2 { State::failed(time) } else { self.used(time, is_priced) };
        let write = |state: &State| state.line(&id, sender, model, is_priced && chance >= 2);
        let later = (2..7).contains(&chance).then(|| self.grown(first, is_priced));
        self.expect(sender, model, later.unwrap_or(first));
        (write(&first), later.as_ref().map(write))
    }

    fn used(&mut self, time: Timestamp, is_priced: bool) -> State {
        let input = self.random.random_range(20..6_000);
        let output = self.random.random_range(1..1_500);
        let state = State { time, input, cached_input: 0, output, cost: Nanos(0) };
        if is_priced {
            return state.priced();
        }
        State { cached_input: input / 3, cost: Nanos(self.random.random_range(1..50_000_000)), ..state }
    }

    /// A later state of what one request used: a stream that went on, or a cost that was corrected.
    fn grown(&mut self, state: State, is_priced: bool) -> State {
        let time = state.time.plus(self.random.random_range(0..90) * SECOND);
        let output = state.output + self.random.random_range(1..500);
        if is_priced {
            return State { time, output, ..state }.priced();
        }
        let output = if self.random.random_range(0..2) == 0 { output } else { state.output };
        State { time, output, cost: state.cost + Nanos(self.random.random_range(1..1_000_000)), ..state }
    }

    fn expect(&mut self, sender: &Sender, model: &str, state: State) {
        self.expected.events += 1;
        self.expected.total += state.cost;
        let key = sender.key.as_deref().unwrap_or_default();
        for (by, name) in BY.into_iter().zip([sender.project, key, model]) {
            let row = (state.time.month(), by, name.to_owned());
            let sum = self.expected.rows.entry(row).or_default();
            sum.spend += state.cost;
            sum.requests += 1;
            sum.input += state.input;
            sum.cached_input += state.cached_input;
            sum.output += state.output;
        }
    }

    fn bad(&mut self, number: u64, time: Timestamp) -> String {
        let (reason, line) = match self.random.random_range(0..3) {
            0 => ("not_json", format!(r#"{{"id":"bad-{number}","time":"{time}","mod"#)),
            1 => (
                "no_price",
                format!(r#"{{"id":"bad-{number}","time":"{time}","model":"nobody-sells-it","input_tokens":1}}"#),
            ),
            _ => (
                "unknown_key",
                format!(r#"{{"id":"bad-{number}","time":"{time}","api_key":"key_of_nobody","cost":"1"}}"#),
            ),
        };
        *self.expected.quarantined.entry(reason.to_owned()).or_default() += 1;
        line
    }
}

impl State {
    /// A request that failed: it counts as one, used nothing and costs nothing.
    const fn failed(time: Timestamp) -> Self {
        Self { time, input: 0, cached_input: 0, output: 0, cost: Nanos(0) }
    }

    fn priced(self) -> Self {
        let (input, output) = (i64::try_from(self.input).unwrap(), i64::try_from(self.output).unwrap());
        Self { cost: Nanos(input * PRICED.1 + output * PRICED.2), ..self }
    }

    fn line(&self, id: &str, sender: &Sender, model: &str, is_priced: bool) -> String {
        let Self { time, input, cached_input, output, cost } = self;
        let whose = sender.field();
        let cost = if is_priced { String::new() } else { format!(r#","cost":"{cost}""#) };
        format!(
            r#"{{"id":"{id}","time":"{time}",{whose},"model":"{model}","endpoint":"/v1/chat/completions","input_tokens":{input},"cached_input_tokens":{cached_input},"output_tokens":{output}{cost}}}"#
        )
    }
}
