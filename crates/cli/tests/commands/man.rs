//! The manual pages.

use std::fs;

use anyhow::{Context as _, Result};
use mete_tests::{Engine, TestStore};

use crate::support::Mete;

#[test]
fn the_pages_go_into_a_folder() -> Result<()> {
    let store = TestStore::new(Engine::Sqlite)?;
    let mete = Mete::on(&store);
    let folder = store.path("share/man1");
    let told = mete.json(["man", &folder.to_string_lossy()])?;
    let pages = told["pages"].as_array().context("no pages")?;
    assert_eq!(fs::read_dir(&folder)?.count(), pages.len());
    for page in pages {
        let text = fs::read_to_string(page.as_str().context("no path")?)?;
        assert!(text.starts_with(".TH METE"), "{page}: {text}");
        assert!(!text.contains(store.url()), "{page} tells of this machine");
    }
    let page = fs::read_to_string(folder.join("mete-key-create.1"))?;
    for said in ["mete key create \\-\\-project Support", "\\fB\\-\\-member\\fR", "\\fBMETE_STORE\\fR"] {
        assert!(page.contains(said), "{said} is not in {page}");
    }
    let main = mete.text(["man"])?;
    assert_eq!(main, fs::read_to_string(folder.join("mete.1"))?);
    assert!(main.contains("mete\\-quarantine(1)") && !main.contains("mete\\-complete(1)"), "{main}");
    Ok(())
}

#[test]
fn a_folder_that_cannot_be_is_an_error() -> Result<()> {
    let store = TestStore::new(Engine::Sqlite)?;
    let mete = Mete::on(&store);
    let file = mete.file("file", &[])?;
    let refused = mete.refused(["man", &file.join("man1").to_string_lossy()])?;
    assert!(refused.code == "io" && refused.message.contains("man1"), "{refused:?}");
    Ok(())
}
