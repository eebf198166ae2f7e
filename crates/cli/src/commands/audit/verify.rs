//! `mete audit verify`.

use clap::Args;
use mete_control::{ControlError, View};
use mete_store::{ChainBreak, ChainFault, ChainReport, StoreError};
use serde::Serialize;

use crate::commands::{Outcome, lookup};
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Table, left, right, safe, several};

/// Which chains to verify.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete audit verify && echo untouched")]
pub struct VerifyArgs {
    /// Of this organization only
    #[arg(long, value_name = "ORG")]
    org: Option<String>,
}

/// A chain as scripts get it.
#[derive(Serialize)]
struct Chain {
    /// Null for the deployment's own, and where the organization is gone.
    organization: Option<String>,
    #[serde(flatten)]
    report: ChainReport,
}

#[derive(Serialize)]
struct Verified {
    ok: bool,
    chains: Vec<Chain>,
}

/// Proves R42, or shows where it does not hold.
pub async fn run(args: &VerifyArgs, context: &Context) -> Result<Outcome, CliError> {
    let view = context.view().await?;
    let organization = lookup::organization(&view, args.org.as_deref()).await?;
    let mut chains = Vec::new();
    for report in view.verify_audit(organization.as_ref()).await? {
        chains.push(Chain { organization: name_of(&report.organization_id, &view).await?, report });
    }
    let verified = Verified { ok: chains.iter().all(|chain| chain.report.breaks.is_empty()), chains };
    context.output.show(&verified, || describe(&verified))?;
    Ok(if verified.ok { Outcome::Done } else { Outcome::Wrong })
}

/// The name of a chain's organization. One that was taken out of the store past Mete has none.
async fn name_of(organization_id: &str, view: &View<'_>) -> Result<Option<String>, CliError> {
    match view.organization(organization_id).await {
        Ok(organization) => Ok(Some(organization.name)),
        Err(ControlError::Store(StoreError::NotFound(_))) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn describe(verified: &Verified) -> String {
    let entries: i64 = verified.chains.iter().map(|chain| chain.report.entries).sum();
    let entries = several(entries.unsigned_abs(), "record");
    let chains = several(verified.chains.len() as u64, "chain");
    let heads = heads(&verified.chains);
    if verified.ok {
        return format!("ok: {entries} in {chains}; each is as it was written, and follows the one before\n\n{heads}");
    }
    let faults: String = verified.chains.iter().flat_map(faults).collect();
    format!("TAMPERED WITH:\n{faults}\n{heads}")
}

/// The last links: kept elsewhere, they prove more than the store alone can.
fn heads(chains: &[Chain]) -> String {
    let mut table = Table::new(&[left("CHAIN OF"), right("ENTRIES"), right("FAULTS"), left("LAST LINK")]);
    for chain in chains {
        table.row([
            of(chain),
            chain.report.entries.to_string(),
            chain.report.breaks.len().to_string(),
            chain.report.head.to_string(),
        ]);
    }
    table.render("there is no audit log")
}

fn faults(chain: &Chain) -> Vec<String> {
    let whose = safe(&of(chain));
    chain.report.breaks.iter().map(|found| format!("  {whose}: {}\n", fault(found))).collect()
}

fn of(chain: &Chain) -> String {
    match (&chain.organization, chain.report.organization_id.as_str()) {
        (Some(name), _) => name.clone(),
        (None, "") => "the deployment".to_owned(),
        (None, id) => id.to_owned(),
    }
}

fn fault(found: &ChainBreak) -> String {
    let seq = found.seq;
    match found.fault {
        ChainFault::Changed => format!("entry {seq} was changed after it was written"),
        ChainFault::Removed => format!("entry {} is gone, and perhaps others before it", seq - 1),
        ChainFault::Reordered => format!("entry {seq} does not follow the one before it: the order was changed"),
        ChainFault::Replaced => format!("entry {seq} does not follow the one before it: another one was there"),
        ChainFault::End if seq == 0 => "where it ends is not known any more".to_owned(),
        ChainFault::End => {
            format!("it does not end as entry {seq} was written: entries are gone, replaced or added there")
        }
    }
}
