//! The same rows into DuckDB, as its Python package takes them fastest.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Names the Python that has the packages duckdb, numpy and pyarrow; `cargo xtask bench` makes one.
const PYTHON: &str = "METE_BENCH_PYTHON";

/// DuckDB, where its package is there.
pub struct DuckDb {
    python: OsString,
}

impl DuckDb {
    /// As the environment names it; none where it does not.
    pub fn found() -> Option<Self> {
        std::env::var_os(PYTHON).map(|python| Self { python })
    }

    /// Inserts `rows` into a new database in `folder`, `transaction` rows at a time. Tells seconds and bytes.
    pub fn insert(&self, folder: &Path, rows: &[[i64; 10]], transaction: usize) -> Result<(f64, f64)> {
        let (file, database) = (folder.join("rows.bin"), folder.join("duck.db"));
        let mut out = std::io::BufWriter::new(std::fs::File::create(&file)?);
        for number in rows.iter().flatten() {
            out.write_all(&number.to_le_bytes())?;
        }
        out.flush()?;
        for old in [database.clone(), folder.join("duck.db.wal")] {
            if old.exists() {
                std::fs::remove_file(old)?;
            }
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/support/duckdb.py");
        let mut command = Command::new(&self.python);
        command.args([&script, &file, &database]).arg(transaction.to_string());
        let output = command.output().context("cannot run Python")?;
        if !output.status.success() {
            bail!("DuckDB failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        let text = String::from_utf8(output.stdout)?;
        let mut figures = text.split_whitespace().map(str::parse::<f64>);
        let mut next = || figures.next().context("a figure is missing")?.context("no figure");
        Ok((next()?, next()?))
    }
}
