//! `mete notify`: whether alerts reach those who are to be told.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use mete_control::host::system_random;
use mete_core::ids::random_text;
use mete_notify::{Channels, Trial};
use mete_store::{AlertKind, DeliveryFilter, DeliveryState, ListedDelivery};

use super::Outcome;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Output, Rows, Table, left, money, right, time};
use crate::places;

/// What to do about notifications.
#[derive(Debug, Subcommand)]
pub enum NotifyCommand {
    /// Send a test message on every configured channel, and tell what each answers
    Test(TestArgs),
    /// List who was told of which alert, and who is still to be told, newest first
    List(ListArgs),
}

/// To whom.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete notify test --to dana@acme.test --config meted.toml")]
pub struct TestArgs {
    /// The address that the e-mail goes to
    #[arg(long, value_name = "ADDRESS")]
    to: String,
    /// The daemon's configuration, whose notify tables say which channels there are [default: /etc/mete/meted.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Which deliveries.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mete notify list --state waiting")]
pub struct ListArgs {
    /// Those that stand so only
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Those of this alert only, by its id
    #[arg(long, value_name = "ALERT")]
    alert: Option<String>,
    /// The most deliveries to list
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum State {
    /// To be sent, or sent again
    Waiting,
    /// Taken by whoever was to take it
    Sent,
    /// Waiting until its channel is configured
    NoChannel,
    /// Without anybody, or any address, to send it to
    Undeliverable,
    /// Given up when its time ran out
    GivenUp,
}

impl State {
    const fn state(self) -> DeliveryState {
        match self {
            Self::Waiting => DeliveryState::Waiting,
            Self::Sent => DeliveryState::Sent,
            Self::NoChannel => DeliveryState::NoChannel,
            Self::Undeliverable => DeliveryState::Undeliverable,
            Self::GivenUp => DeliveryState::GivenUp,
        }
    }
}

/// Does it (R27).
pub async fn run(command: NotifyCommand, context: &Context) -> Result<Outcome, CliError> {
    match command {
        NotifyCommand::Test(args) => test(args, context).await,
        NotifyCommand::List(args) => list(args, context).await.map(|()| Outcome::Done),
    }
}

async fn test(args: TestArgs, context: &Context) -> Result<Outcome, CliError> {
    let config = places::daemon_config(args.config.as_deref())?.ok_or(CliError::NoChannels)?;
    let channels = Channels::open(&config.notify)?;
    let id = format!("test_{}", random_text(&mut system_random(), 24));
    let rows = channels.try_all((&args.to, &id), context.now()).await;
    if rows.is_empty() {
        return Err(CliError::NoChannels);
    }
    let outcome = if rows.iter().all(|trial| trial.sent) { Outcome::Done } else { Outcome::Wrong };
    show_trials(context.output, &Rows { rows })?;
    Ok(outcome)
}

fn show_trials(output: Output, trials: &Rows<Trial>) -> Result<(), CliError> {
    output.show(trials, || {
        let mut table = Table::new(&[left("CHANNEL"), left("SENT"), left("ANSWER")]);
        for Trial { channel, sent, answer } in &trials.rows {
            let sent = if *sent { "yes" } else { "no" };
            table.row([channel.clone(), sent.to_owned(), answer.clone()]);
        }
        table.render("no channel is configured")
    })
}

async fn list(args: ListArgs, context: &Context) -> Result<(), CliError> {
    let filter = DeliveryFilter { state: args.state.map(State::state), alert_id: args.alert };
    let rows = Rows { rows: context.store().await?.deliveries(&filter, args.limit).await? };
    context.output.show(&rows, || {
        let columns = [
            left("MADE"),
            left("ALERT"),
            left("CHANNEL"),
            left("TO"),
            left("STATE"),
            right("TRIES"),
            left("SENT OR NEXT TRY"),
            left("ANSWER OR ERROR"),
        ];
        let mut table = Table::new(&columns);
        for row in &rows.rows {
            table.row([
                time(row.made_at),
                about(row),
                row.channel.clone(),
                whom(row),
                row.state.as_str().replace('_', " "),
                row.tries.to_string(),
                when(row),
                row.receipt.clone().or_else(|| row.error.clone()).unwrap_or_default(),
            ]);
        }
        table.render("nobody was to be told of anything")
    })
}

fn about(row: &ListedDelivery) -> String {
    let what = match row.kind {
        AlertKind::Threshold => "threshold",
        AlertKind::Exhausted => "budget",
    };
    format!("{}, {what} {}, {}", row.scope_name, money(row.amount), row.month)
}

fn whom(row: &ListedDelivery) -> String {
    if row.address.is_empty() { row.recipient_id.clone() } else { row.address.clone() }
}

fn when(row: &ListedDelivery) -> String {
    match (row.state, row.sent_at) {
        (_, Some(at)) => time(at),
        (DeliveryState::Waiting, None) => time(row.claimed_until.map_or(row.due_at, |until| until.max(row.due_at))),
        _ => String::new(),
    }
}
