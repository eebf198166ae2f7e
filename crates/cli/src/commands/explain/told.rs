//! An explanation as it is told, by the store or by a daemon.

use mete_core::Timestamp;
use mete_gate::{Ages, BudgetReport, Rule, RuleReport, SpentBy, ToldBy};
use serde::Deserialize;
use serde_json::Value;

use crate::error::CliError;

/// What is shown of it.
#[derive(Debug, Deserialize)]
pub struct Told {
    pub at: Timestamp,
    pub decision: String,
    pub status: u16,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub code: Option<String>,
    pub message: Option<String>,
    pub key_id: Option<String>,
    pub rules: Vec<RuleReport>,
    pub told_by: ToldBy,
    pub degraded: Option<String>,
    pub since: Option<Timestamp>,
    pub budgets: Vec<BudgetReport>,
    pub spent_by: Option<SpentBy>,
    pub ages: Ages,
    pub not_known: Vec<String>,
}

impl Told {
    /// Reads it.
    ///
    /// # Errors
    /// When a daemon of another version tells what is not known here.
    pub fn read(value: &Value, daemon: Option<&str>) -> Result<Self, CliError> {
        Self::deserialize(value).map_err(|error| CliError::Daemon {
            place: daemon.unwrap_or("this machine").to_owned(),
            problem: format!("its answer is of another version of Mete ({error}); --json shows it"),
            code: "io",
        })
    }

    /// What it is about, in words.
    pub fn subject(&self) -> String {
        let project = self.rules.iter().find_map(|report| match &report.rule {
            Rule::ProjectStatus { name, .. } => Some(format!("the project '{name}'")),
            _ => None,
        });
        self.key_id.clone().or(project).unwrap_or_else(|| "this key".to_owned())
    }
}
