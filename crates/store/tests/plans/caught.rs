//! Catches the statements that sqlx sends, from its log.

use std::fmt::Debug;
use std::sync::{Mutex, Once, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::{Layer, Registry};

static STATEMENTS: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// One list at a time: the tests of both engines run in this process, and the log is the process's.
static ONE_LIST: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

struct Catcher;

#[derive(Default)]
struct Statement {
    summary: String,
    full: String,
}

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.full),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

impl<S: Subscriber> Layer<S> for Catcher {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            let mut statement = Statement::default();
            event.record(&mut statement);
            let text = if statement.full.is_empty() { statement.summary } else { statement.full };
            STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner).push(text.trim().to_owned());
        }
    }
}

/// The statements that read, of all that are sent while `work` runs.
pub async fn while_running<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<Vec<String>> {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| tracing::subscriber::set_global_default(Registry::default().with(Catcher)).unwrap());
    let _alone = ONE_LIST.lock().await;
    STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner).clear();
    work.await?;
    let statements = std::mem::take(&mut *STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(statements.into_iter().filter(|sql| sql.starts_with("SELECT") || sql.starts_with("WITH")).collect())
}
