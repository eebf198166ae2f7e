//! Usage row by row, for spreadsheets, pipelines and FinOps tools.

mod focus;
mod parquet;

use std::io::Write;

use mete_store::{Grain, UsageRow};
use serde_json::{Map, Value};

/// What the rows are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated (RFC 4180), with a line of names.
    Csv,
    /// One JSON object a line.
    Json,
    /// Apache Parquet, a row group an hour, day or month.
    Parquet,
    /// CSV in the columns of the FinOps Open Cost and Usage Specification, 1.2.
    Focus,
}

impl Format {
    /// Whether it is text that a terminal can show.
    #[must_use]
    pub const fn is_text(self) -> bool {
        !matches!(self, Self::Parquet)
    }
}

/// Why rows could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// What the bytes go to.
    #[error("cannot write the export: {0}")]
    Write(#[from] std::io::Error),
    /// A row that has no form.
    #[error("cannot write a row of the export: {0}")]
    Csv(#[from] csv::Error),
    /// A row that has no form.
    #[error("cannot write a row of the export: {0}")]
    Json(#[from] serde_json::Error),
    /// A column that has no form.
    #[error("cannot write the export as Parquet: {0}")]
    Parquet(#[from] ::parquet::errors::ParquetError),
}

impl ExportError {
    /// Whether whoever reads has gone away.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        let io = match self {
            Self::Write(error) => Some(error.kind()),
            Self::Csv(error) => match error.kind() {
                csv::ErrorKind::Io(error) => Some(error.kind()),
                _ => None,
            },
            Self::Json(error) => error.io_error_kind(),
            Self::Parquet(_) => None,
        };
        io == Some(std::io::ErrorKind::BrokenPipe)
    }
}

/// The names of the columns of [`Format::Csv`], [`Format::Json`] and [`Format::Parquet`]. Amounts are decimal dollars (R43).
pub const COLUMNS: [&str; 16] = [
    "period",
    "organization_id",
    "organization",
    "project_id",
    "project",
    "key_id",
    "key",
    "member_id",
    "member",
    "model",
    "endpoint",
    "requests",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "spend",
];

/// Writes usage down as it comes.
pub struct Export<W: Write + Send> {
    grain: Grain,
    /// Tells who offers a model.
    provider: Box<dyn Fn(&str) -> String + Send>,
    out: Out<W>,
}

enum Out<W: Write + Send> {
    Csv(csv::Writer<W>),
    Json(W),
    Parquet(parquet::Out<W>),
    Focus(csv::Writer<W>),
}

impl<W: Write + Send> Export<W> {
    /// Begins it: names of columns are written at once. `provider` tells who offers a model, for [`Format::Focus`].
    ///
    /// # Errors
    /// When the bytes cannot be written.
    pub fn new(
        (format, grain): (Format, Grain),
        provider: impl Fn(&str) -> String + Send + 'static,
        writer: W,
    ) -> Result<Self, ExportError> {
        let out = match format {
            Format::Csv => {
                let mut out = csv::Writer::from_writer(writer);
                out.write_record(COLUMNS)?;
                Out::Csv(out)
            }
            Format::Json => Out::Json(writer),
            Format::Parquet => Out::Parquet(parquet::begin(writer)?),
            Format::Focus => {
                let mut out = csv::Writer::from_writer(writer);
                out.write_record(focus::COLUMNS)?;
                Out::Focus(out)
            }
        };
        Ok(Self { grain, provider: Box::new(provider), out })
    }

    /// Writes the rows of one hour, day or month.
    ///
    /// # Errors
    /// When the bytes cannot be written.
    pub fn rows(&mut self, rows: &[UsageRow]) -> Result<(), ExportError> {
        match &mut self.out {
            Out::Csv(out) => {
                for row in rows {
                    out.write_record(cells(self.grain, row))?;
                }
            }
            Out::Json(out) => {
                for row in rows {
                    serde_json::to_writer(&mut *out, &object(self.grain, row)?)?;
                    out.write_all(b"\n")?;
                }
            }
            Out::Parquet(out) => parquet::rows(out, self.grain, rows)?,
            Out::Focus(out) => {
                for row in rows {
                    let provider = (self.provider)(&row.model);
                    out.write_record(focus::cells(self.grain, row, &provider))?;
                }
            }
        }
        Ok(())
    }

    /// Ends it, and gives back what it was written to.
    ///
    /// # Errors
    /// When the last bytes cannot be written.
    pub fn finish(self) -> Result<W, ExportError> {
        match self.out {
            Out::Csv(out) | Out::Focus(out) => out.into_inner().map_err(|error| ExportError::Write(error.into_error())),
            Out::Json(mut out) => {
                out.flush()?;
                Ok(out)
            }
            Out::Parquet(out) => Ok(out.into_inner()?),
        }
    }
}

fn cells(grain: Grain, row: &UsageRow) -> [String; 16] {
    [
        grain.label(row.bucket),
        row.organization_id.clone(),
        row.organization.clone(),
        row.project_id.clone(),
        row.project.clone(),
        row.key_id.clone(),
        row.key.clone(),
        row.member_id.clone(),
        row.member.clone(),
        row.model.clone(),
        row.endpoint.clone(),
        row.requests.to_string(),
        row.input_tokens.to_string(),
        row.cached_input_tokens.to_string(),
        row.output_tokens.to_string(),
        row.spend.to_string(),
    ]
}

fn object(grain: Grain, row: &UsageRow) -> Result<Map<String, Value>, serde_json::Error> {
    let mut object = Map::new();
    object.insert("period".to_owned(), Value::String(grain.label(row.bucket)));
    if let Value::Object(fields) = serde_json::to_value(row)? {
        object.extend(fields);
    }
    Ok(object)
}
