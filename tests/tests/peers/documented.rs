//! What `docs/connect.md` says, to be done as it stands there.

use anyhow::{Context as _, Result, ensure};
use mete_tests::process::workspace;

/// Where the documentation's daemon answers.
pub const ADDRESS: &str = "127.0.0.1:8790";

/// The first block of `language` under the heading `section`, with each of `changes` made: the test's own paths and
/// ports in the place of those that stand there.
pub fn block(section: &str, language: &str, changes: &[(&str, &str)]) -> Result<String> {
    let page = std::fs::read_to_string(workspace().join("docs/connect.md"))?;
    let section = format!("\n## {section}\n");
    let text = page.split_once(&section).with_context(|| format!("no section{section}"))?.1;
    let text = text.split("\n## ").next().unwrap_or(text);
    let (_, block) =
        text.split_once(&format!("```{language}\n")).with_context(|| format!("{section}: no {language}"))?;
    let mut block = block.split("```").next().unwrap_or(block).to_owned();
    for (there, here) in changes {
        ensure!(block.contains(there), "{section}: no {there} in\n{block}");
        block = block.replace(there, here);
    }
    Ok(block)
}

/// Names and values of a block of environment variables.
pub fn variables(block: &str) -> Result<Vec<(&str, &str)>> {
    block.lines().map(|line| line.split_once('=').with_context(|| format!("no variable: {line}"))).collect()
}
