//! The configurations of `config/gateways`, used as they are but for paths and ports.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use mete_tests::process::workspace;

/// `config/gateways/NAME` with each of `changes` made: the test's own paths and ports in the place of those that stand
/// there.
pub fn changed(name: &str, changes: &[(&str, &str)]) -> Result<String> {
    let path = workspace().join("config/gateways").join(name);
    let mut text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    for (there, here) in changes {
        ensure!(text.contains(there), "{name} has no {there}");
        text = text.replace(there, here);
    }
    Ok(text)
}

/// The same, written to a file.
pub fn write(name: &str, to: &Path, changes: &[(&str, &str)]) -> Result<()> {
    fs::write(to, changed(name, changes)?).with_context(|| format!("cannot write {}", to.display()))
}

/// The source of `meted` that the comment of `config/gateways/NAME` shows, with each of `changes` made.
pub fn source(name: &str, changes: &[(&str, &str)]) -> Result<String> {
    let text = changed(name, changes)?;
    let from = text.lines().skip_while(|line| !line.ends_with("[[source]]"));
    let block: Vec<_> = from.map_while(|line| line.strip_prefix("#   ")).collect();
    ensure!(!block.is_empty(), "{name} shows no source");
    Ok(block.join("\n") + "\n")
}
