//! The shape of the house: who may depend on whom, and what may lie in the repository.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use cargo_metadata::{DepKindInfo, DependencyKind, Metadata, MetadataCommand, Node, PackageId};
use mete_tests::process::workspace;

/// Each crate of the product with those of its siblings that it may use. Nothing points back.
const MAY_USE: [(&str, &[&str]); 12] = [
    ("mete-core", &[]),
    ("mete-prices", &["mete-core"]),
    ("mete-store", &["mete-core"]),
    ("mete-control", &["mete-core", "mete-prices", "mete-store"]),
    ("mete-ingest", &["mete-core", "mete-prices", "mete-store"]),
    ("mete-gate", &["mete-core", "mete-prices", "mete-store"]),
    ("mete-notify", &["mete-core", "mete-prices", "mete-store"]),
    (
        "mete-api",
        &["mete-core", "mete-prices", "mete-store", "mete-control", "mete-ingest", "mete-gate", "mete-notify"],
    ),
    (
        "meted",
        &[
            "mete-core",
            "mete-prices",
            "mete-store",
            "mete-control",
            "mete-ingest",
            "mete-gate",
            "mete-notify",
            "mete-api",
        ],
    ),
    ("mete-report", &["mete-core", "mete-store", "mete-control"]),
    ("mete-tui", &["mete-core", "mete-store", "mete-control"]),
    (
        "mete",
        &[
            "mete-core",
            "mete-prices",
            "mete-store",
            "mete-control",
            "mete-ingest",
            "mete-gate",
            "mete-notify",
            "mete-report",
            "mete-tui",
            "meted",
        ],
    ),
];

/// What the project is made with; it is no part of the product.
const CHORES: [&str; 2] = ["mete-tests", "xtask"];

/// Crates that do I/O or run those that do.
const DOES_IO: [&str; 10] =
    ["tokio", "mio", "socket2", "hyper", "sqlx", "sqlx-core", "libsqlite3-sys", "reqwest", "notify", "rustix"];

/// Crates that speak to a database.
const SPEAKS_SQL: [&str; 7] =
    ["sqlx", "sqlx-core", "sqlx-sqlite", "sqlx-postgres", "rusqlite", "libsqlite3-sys", "tokio-postgres"];

/// Where money is whole nano-dollars and nothing else; prices is where the catalogue's floats end.
const FLOATLESS: [&str; 5] = ["core", "store", "control", "gate", "report"];

const LARGEST_FILE: u64 = 1 << 20;

/// For this platform: what other systems need is not looked at, and need not be downloaded.
fn metadata() -> Result<Metadata> {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let options = ["--filter-platform".to_owned(), platform];
    MetadataCommand::new().current_dir(workspace()).other_options(options).exec().context("cargo metadata failed")
}

#[test]
fn dependencies_point_one_way() -> Result<()> {
    let metadata = metadata()?;
    let ours: BTreeSet<&str> = metadata.workspace_packages().iter().map(|package| package.name.as_str()).collect();
    let allowed = HashMap::from(MAY_USE);
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        if CHORES.contains(&name) {
            continue;
        }
        let allowed = allowed.get(name).with_context(|| format!("{name} has no place in the direction of crates"))?;
        for dependency in
            package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development)
        {
            let used = dependency.name.as_str();
            ensure!(!ours.contains(used) || allowed.contains(&used), "{name} must not depend on {used}");
        }
    }
    Ok(())
}

#[test]
fn the_product_does_not_need_its_tests() -> Result<()> {
    for package in metadata()?.workspace_packages() {
        for dependency in &package.dependencies {
            let chore = dependency.kind != DependencyKind::Development && dependency.name == "mete-tests";
            ensure!(!chore || package.name == "xtask", "{} must have mete-tests as a dev-dependency", package.name);
        }
    }
    Ok(())
}

#[test]
fn only_the_store_speaks_sql() -> Result<()> {
    for package in metadata()?.workspace_packages() {
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            // Benchmarks compare with a bare driver.
            let compares = CHORES.contains(&package.name.as_str()) && dependency.kind == DependencyKind::Development;
            let speaks = SPEAKS_SQL.contains(&name) && !(compares && name != "sqlx");
            ensure!(!speaks || package.name == "mete-store", "{} must not depend on {name}", package.name);
        }
    }
    Ok(())
}

#[test]
fn core_does_no_io() -> Result<()> {
    let metadata = metadata()?;
    let core = metadata.packages.iter().find(|package| package.name == "mete-core").context("no mete-core")?;
    let reached = reached_from(&metadata, &core.id)?;
    assert!(reached.contains("serde"), "the walk finds nothing: {reached:?}");
    for name in DOES_IO {
        ensure!(!reached.contains(name), "mete-core reaches {name}");
    }
    for (path, text) in sources("core")? {
        for module in ["std::fs", "std::net", "std::process", "std::env", "std::thread", "std::os"] {
            ensure!(!text.contains(module), "{}: names {module}", path.display());
        }
    }
    Ok(())
}

#[test]
fn money_never_passes_through_a_float() -> Result<()> {
    for krate in FLOATLESS {
        for (path, text) in sources(krate)? {
            for (number, line) in (1..).zip(text.lines()) {
                let code = line.split("//").next().unwrap_or_default();
                ensure!(!code.contains("f64") && !code.contains("f32"), "{}:{number}: {line}", path.display());
            }
        }
    }
    Ok(())
}

#[test]
fn only_control_writes_the_directory() -> Result<()> {
    let writers = directory_writers()?;
    assert!(writers.len() > 25, "the store's ways to write are not where they were: {writers:?}");
    for (krate, _) in MAY_USE {
        let krate = folder_of(krate);
        if ["store", "control"].contains(&krate) || !workspace().join("crates").join(krate).exists() {
            continue;
        }
        for (path, text) in sources(krate)? {
            // Tests, at the end of a file, set up what they need.
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for writer in &writers {
                // Control has operations of the same name: asking it is the right way.
                let code = code.replace(&format!("control.{writer}("), "");
                ensure!(!code.contains(&format!(".{writer}(")), "{} calls {writer}: that is control's", path.display());
            }
        }
    }
    Ok(())
}

#[test]
fn no_file_is_large() -> Result<()> {
    for path in repository_files()? {
        let size = fs::metadata(&path)?.len();
        ensure!(size <= LARGEST_FILE, "{} has {size} bytes, more than {LARGEST_FILE}", path.display());
    }
    Ok(())
}

#[test]
fn nothing_refers_to_the_outside() -> Result<()> {
    // Put together here, so that this file does not hold them.
    let outside = [["..", "/shared"].concat(), ["/wo", "rk/"].concat()];
    for path in repository_files()? {
        let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
        for words in &outside {
            ensure!(!text.contains(words), "{} refers to {words}", path.display());
        }
    }
    Ok(())
}

#[test]
fn the_documents_name_what_exists() -> Result<()> {
    let mut seen = 0;
    for document in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(workspace().join(document))?;
        for words in text.split('`').skip(1).step_by(2).filter(|words| is_path(words)) {
            let (path, test) = words.split_once("::").map_or((words, None), |(path, test)| (path, Some(test)));
            let path = workspace().join(path);
            ensure!(path.exists(), "{document} names {words}, which does not exist");
            if let Some(test) = test {
                let source = fs::read_to_string(&path)?;
                ensure!(source.contains(&format!("fn {test}(")), "{document} names {words}: no such test");
            }
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen} paths found: the documents are read wrongly");
    Ok(())
}

/// Whether words in code style name a file or a folder of the repository.
fn is_path(words: &str) -> bool {
    let in_folder = ["crates/", "tests/", "config/", "docs/"].iter().any(|folder| words.starts_with(folder));
    let at_root = words.ends_with(".md") || words.ends_with(".toml");
    (in_folder || at_root) && !words.contains([' ', '\n', '*'])
}

/// What the store offers for changing the directory and the limits.
fn directory_writers() -> Result<Vec<String>> {
    let mut writers = Vec::new();
    for (path, text) in sources("store")? {
        // The ledger and the quarantine are written by who ingests.
        let name = path.strip_prefix(workspace().join("crates/store/src"))?;
        if name.starts_with("ledger") || name == Path::new("quarantine.rs") {
            continue;
        }
        let functions = text.lines().filter_map(|line| line.trim_start().strip_prefix("pub async fn "));
        let names = functions.filter_map(|line| line.split(['(', '<']).next());
        let writes = ["insert_", "upsert_", "set_", "delete_", "update_", "append_", "disable_"];
        writers.extend(names.filter(|name| writes.iter().any(|verb| name.starts_with(verb))).map(str::to_owned));
    }
    Ok(writers)
}

/// The folder of a crate of the product.
fn folder_of(krate: &str) -> &str {
    match krate {
        "meted" => "daemon",
        "mete" => "cli",
        krate => krate.trim_start_matches("mete-"),
    }
}

/// The names of all packages that `from` needs to be built, itself included.
fn reached_from<'a>(metadata: &'a Metadata, from: &'a PackageId) -> Result<BTreeSet<&'a str>> {
    let graph = metadata.resolve.as_ref().context("no dependency graph")?;
    let nodes: HashMap<&PackageId, &Node> = graph.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut reached = HashSet::new();
    let mut left = vec![from];
    while let Some(id) = left.pop() {
        if reached.insert(id) {
            let needed = |kind: &DepKindInfo| kind.kind != DependencyKind::Development;
            let used = nodes[id].deps.iter().filter(|dependency| dependency.dep_kinds.iter().any(needed));
            left.extend(used.map(|dependency| &dependency.pkg));
        }
    }
    Ok(reached.into_iter().map(|id| metadata[id].name.as_str()).collect())
}

/// The Rust files of one crate with their text.
fn sources(krate: &str) -> Result<Vec<(PathBuf, String)>> {
    let folder = workspace().join("crates").join(krate).join("src");
    let files = repository_files()?;
    let found: Vec<_> = files
        .into_iter()
        .filter(|path| path.starts_with(&folder) && path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| fs::read_to_string(&path).map(|text| (path, text)))
        .collect::<Result<_, _>>()?;
    ensure!(!found.is_empty(), "no sources in {}", folder.display());
    Ok(found)
}

/// What is in the repository or would be with the next commit.
fn repository_files() -> Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(workspace())
        .output()
        .context("cannot run git")?;
    ensure!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).context("a file's name is not UTF-8")?;
    let files: Vec<_> = names.split_terminator('\0').map(|name| workspace().join(Path::new(name))).collect();
    ensure!(!files.is_empty(), "git knows no files here");
    // A file deleted but not yet committed is still listed.
    Ok(files.into_iter().filter(|path| path.is_file()).collect())
}
