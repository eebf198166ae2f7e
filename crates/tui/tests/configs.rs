//! Configurations as people write them: those that hold, and what is said of those that do not.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use mete_tui::{Config, ConfigError};

fn folder(name: &str) -> io::Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    let mut files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    files.sort();
    assert!(!files.is_empty());
    Ok(files)
}

#[test]
fn valid_configurations_hold() {
    for path in folder("valid_configs").unwrap() {
        let config = Config::load(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(config == Config::default(), path.ends_with("empty.toml"), "{}", path.display());
    }
}

#[test]
fn invalid_configurations_are_said_to_be_with_all_that_is_wrong() {
    let mut said = String::new();
    for path in folder("invalid_configs").unwrap() {
        let ConfigError::Wrong { problems, .. } = Config::load(&path).unwrap_err() else {
            panic!("{}", path.display())
        };
        writeln!(said, "{}", path.file_name().unwrap().to_string_lossy()).unwrap();
        for problem in problems {
            writeln!(said, "  {problem}").unwrap();
        }
    }
    insta::assert_snapshot!(said);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("/nowhere/tui.toml")).unwrap_err().to_string();
    assert!(error.contains("/nowhere/tui.toml"), "{error}");
}

#[test]
fn the_printed_configuration() {
    insta::assert_snapshot!(Config::defaults());
}

/// `cargo run -- tui --print-schema > docs/tui.schema.json` brings it up to date; so does this test with
/// METE_UPDATE_SCHEMA.
#[test]
fn the_schema_in_the_documents_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tui.schema.json");
    if std::env::var_os("METE_UPDATE_SCHEMA").is_some() {
        fs::write(&path, Config::schema()).unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap_or_default(), Config::schema(), "docs/tui.schema.json is out of date");
}
