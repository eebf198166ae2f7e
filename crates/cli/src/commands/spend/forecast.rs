//! `mete spend --forecast`.

use mete_control::{Outlook, ScopeOutlook, View};
use mete_core::directory::{Organization, Project};
use mete_core::forecast::RunOut;
use mete_core::{Month, Timestamp};
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::output::{Table, left, money, right, time};

#[derive(Serialize)]
struct Forecasts {
    at: Timestamp,
    month: Month,
    rows: Vec<ScopeOutlook>,
}

/// Shows what the present month will come to, for each budget (R26) whose spend the actor may see (R6).
pub(super) async fn run(
    within: (Option<&Organization>, Option<&Project>),
    view: &View<'_>,
    context: &Context,
) -> Result<(), CliError> {
    let at = context.now();
    let forecasts = Forecasts { at, month: at.month(), rows: view.outlooks(within, at).await? };
    context.output.show(&forecasts, || {
        let columns = [
            left("SCOPE"),
            left("NAME"),
            right("SPENT"),
            right("BUDGET"),
            right("FORECAST"),
            right("FROM"),
            right("TO"),
            right("PER HOUR"),
            right("USUALLY"),
            left("RUNS OUT"),
        ];
        let mut table = Table::new(&columns);
        for ScopeOutlook { scope, name, outlook, .. } in &forecasts.rows {
            let Outlook { budget, forecast, burn, runs_out, .. } = outlook;
            table.row([
                scope.as_str().to_owned(),
                name.clone(),
                money(forecast.spent),
                budget.map_or_else(|| "-".to_owned(), money),
                money(forecast.point),
                money(forecast.low),
                money(forecast.high),
                money(burn.now),
                money(burn.usual),
                runs_out.map_or_else(|| "-".to_owned(), words),
            ]);
        }
        format!("{}, as of {}\n\n{}", forecasts.month.name(), time(at), table.render("there are no budgets"))
    })
}

/// When a budget runs out, and why it is thought so.
fn words(runs_out: RunOut) -> String {
    match (runs_out.at_burn, runs_out.by_habit) {
        (None, None) => "not this month".to_owned(),
        (Some(burn), Some(habit)) if burn == habit => time(burn),
        (Some(burn), None) => format!("{} at this rate", time(burn)),
        (None, Some(habit)) => format!("{} by habit", time(habit)),
        (Some(burn), Some(habit)) => format!("{} at this rate, {} by habit", time(burn), time(habit)),
    }
}
