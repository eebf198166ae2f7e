//! `mete verify`.

use mete_store::{ByteDifference, Difference};

use super::Outcome;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Table, left, money, right, several};

/// Proves R31 on the store, or shows where it does not hold.
pub async fn run(context: &Context) -> Result<Outcome, CliError> {
    let verification = context.store().await?.verify().await?;
    context.output.show(&verification, || {
        let events = several(verification.events.unsigned_abs(), "event");
        let months = several(verification.months as u64, "month");
        let mut looked_at = format!("{events} of {} in {months}", money(verification.total));
        if verification.sealed_months > 0 {
            looked_at.push_str(&format!(
                ", {} of them sealed, their events no longer kept",
                several(verification.sealed_months as u64, "month")
            ));
        }
        if verification.ok {
            return format!("ok: {looked_at}; the events, every sum and the spend shown agree\n");
        }
        let mut text = format!("DIFFERENCES among {looked_at}:\n");
        if !verification.differences.is_empty() {
            text.push_str(&format!("\n{}", differences(&verification.differences)));
        }
        if !verification.byte_differences.is_empty() {
            text.push_str(&format!("\n{}", byte_differences(&verification.byte_differences)));
        }
        text
    })?;
    Ok(if verification.ok { Outcome::Done } else { Outcome::Wrong })
}

fn differences(differences: &[Difference]) -> String {
    let columns = [
        left("PROJECT"),
        left("MONTH"),
        left("SUM BY"),
        right("EVENTS"),
        right("SHOWN"),
        right("EVENT REQUESTS"),
        right("SHOWN REQUESTS"),
    ];
    let mut table = Table::new(&columns);
    for difference in differences {
        table.row([
            difference.project_id.clone(),
            difference.month.to_string(),
            difference.rollup.to_owned(),
            money(difference.events),
            money(difference.shown),
            difference.event_requests.to_string(),
            difference.shown_requests.to_string(),
        ]);
    }
    table.render("none")
}

fn byte_differences(differences: &[ByteDifference]) -> String {
    let mut table = Table::new(&[left("PROJECT"), right("EVENT BYTES"), right("SHOWN BYTES")]);
    for difference in differences {
        table.row([difference.project_id.clone(), difference.events.to_string(), difference.shown.to_string()]);
    }
    table.render("none")
}
