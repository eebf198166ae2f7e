//! What a ledger comes to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use mete_core::{Month, Nanos};
use serde_json::Value;

use super::World;

/// Sums of one row of spend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub spend: Nanos,
    pub requests: u64,
    pub input: u64,
    pub cached_input: u64,
    pub output: u64,
}

/// What a row of spend is about: the month, `project`, `key` or `model`, and which.
pub type Row = (Month, &'static str, String);

/// By what spend is compared.
pub const BY: [&str; 3] = ["project", "key", "model"];

/// All that is compared of a ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Events kept, copies not counted.
    pub events: u64,
    /// What they cost.
    pub total: Nanos,
    /// Spend of the months.
    pub rows: BTreeMap<Row, Sum>,
    /// Entries in the quarantine, by reason.
    pub quarantined: BTreeMap<String, u64>,
}

impl Figures {
    /// What the store holds, as `mete` tells it, with the spend of `months`. That its sums agree is checked along.
    ///
    /// # Errors
    /// When a command fails, or the ledger does not agree with itself.
    pub fn of(world: &World<'_>, months: &BTreeSet<Month>) -> Result<Self> {
        let verified = world.mete(&["verify"])?;
        ensure!(verified["ok"] == true, "{verified}");
        let mut figures = Self {
            events: count(&verified["events"])?,
            total: nanos(&verified["total"])?,
            quarantined: quarantined(world)?,
            ..Self::default()
        };
        for (month, by) in months.iter().flat_map(|month| BY.map(|by| (*month, by))) {
            let spend = world.mete(&["spend", "--month", &month.to_string(), "--by", by])?;
            for row in spend["rows"].as_array().context("no rows")? {
                // Ids of projects and keys are drawn; a key is told by its id, since that is what the log names.
                let name = if by == "project" { &row["name"] } else { &row["id"] };
                let name = name.as_str().context("no name")?.to_owned();
                figures.rows.insert((month, by, name), sum(row)?);
            }
        }
        // Rows that came to nothing are shown or not as the ledger likes.
        figures.rows.retain(|_, sum| *sum != Sum::default());
        Ok(figures)
    }

    /// The months with spend.
    pub fn months(&self) -> BTreeSet<Month> {
        self.rows.keys().map(|row| row.0).collect()
    }

    /// Checks that they are the same.
    ///
    /// # Errors
    /// When they are not; the error shows where they differ.
    pub fn agree_with(&self, expected: &Self) -> Result<()> {
        let mut differences = String::new();
        let mut compare = |what: &dyn std::fmt::Debug, here: &dyn std::fmt::Debug, there: &dyn std::fmt::Debug| {
            let _ = writeln!(differences, "{what:?}: {here:?}, expected {there:?}");
        };
        if (self.events, self.total) != (expected.events, expected.total) {
            compare(&"events and total", &(self.events, self.total), &(expected.events, expected.total));
        }
        if self.quarantined != expected.quarantined {
            compare(&"quarantine", &self.quarantined, &expected.quarantined);
        }
        for row in self.rows.keys().chain(expected.rows.keys()).collect::<BTreeSet<_>>() {
            let (here, there) = (self.rows.get(row), expected.rows.get(row));
            if here != there {
                compare(row, &here, &there);
            }
        }
        ensure!(differences.is_empty(), "the ledger is not what it should be:\n{differences}");
        Ok(())
    }
}

/// How many entries of the quarantine are there, by reason.
pub fn quarantined(world: &World<'_>) -> Result<BTreeMap<String, u64>> {
    let mut reasons = BTreeMap::new();
    for row in world.mete(&["quarantine", "summary"])?["rows"].as_array().context("no rows")? {
        let reason = row["reason"].as_str().context("no reason")?.to_owned();
        *reasons.entry(reason).or_default() += count(&row["there"])?;
    }
    Ok(reasons)
}

fn sum(row: &Value) -> Result<Sum> {
    Ok(Sum {
        spend: nanos(&row["spend"])?,
        requests: count(&row["requests"])?,
        input: count(&row["input_tokens"])?,
        cached_input: count(&row["cached_input_tokens"])?,
        output: count(&row["output_tokens"])?,
    })
}

pub fn count(value: &Value) -> Result<u64> {
    value.as_u64().with_context(|| format!("no count: {value}"))
}

pub fn nanos(value: &Value) -> Result<Nanos> {
    value.as_str().and_then(|text| text.parse().ok()).with_context(|| format!("no amount: {value}"))
}
