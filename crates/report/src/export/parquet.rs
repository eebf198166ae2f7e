//! Apache Parquet. An amount is a decimal with nine places: whole nano-dollars as they are kept (R30).

use std::io::Write;
use std::sync::Arc;

use mete_store::{Grain, UsageRow};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

/// The file that is being written.
pub type Out<W> = SerializedFileWriter<W>;

const SCHEMA: &str = "message usage {
    required binary period (UTF8);
    required binary organization_id (UTF8);
    required binary organization (UTF8);
    required binary project_id (UTF8);
    required binary project (UTF8);
    required binary key_id (UTF8);
    required binary key (UTF8);
    required binary member_id (UTF8);
    required binary member (UTF8);
    required binary model (UTF8);
    required binary endpoint (UTF8);
    required int64 requests;
    required int64 input_tokens;
    required int64 cached_input_tokens;
    required int64 output_tokens;
    required int64 spend (DECIMAL(18, 9));
}";

/// Begins a file. Columns are packed with Snappy, which everything reads.
pub fn begin<W: Write + Send>(writer: W) -> Result<Out<W>, ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    SerializedFileWriter::new(writer, schema, Arc::new(properties))
}

/// Writes rows as one row group; none for no rows.
pub fn rows<W: Write + Send>(out: &mut Out<W>, grain: Grain, rows: &[UsageRow]) -> Result<(), ParquetError> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut group = out.next_row_group()?;
    let periods: Vec<String> = rows.iter().map(|row| grain.label(row.bucket)).collect();
    texts(&mut group, periods.iter().map(String::as_str))?;
    let columns: [fn(&UsageRow) -> &str; 10] = [
        |row| &row.organization_id,
        |row| &row.organization,
        |row| &row.project_id,
        |row| &row.project,
        |row| &row.key_id,
        |row| &row.key,
        |row| &row.member_id,
        |row| &row.member,
        |row| &row.model,
        |row| &row.endpoint,
    ];
    for column in columns {
        texts(&mut group, rows.iter().map(column))?;
    }
    let columns: [fn(&UsageRow) -> u64; 4] =
        [|row| row.requests, |row| row.input_tokens, |row| row.cached_input_tokens, |row| row.output_tokens];
    for column in columns {
        numbers(&mut group, rows.iter().map(|row| i64::try_from(column(row)).unwrap_or(i64::MAX)))?;
    }
    numbers(&mut group, rows.iter().map(|row| row.spend.0))?;
    group.close().map(drop)
}

fn texts<'a, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: impl Iterator<Item = &'a str>,
) -> Result<(), ParquetError> {
    let values: Vec<ByteArray> = values.map(ByteArray::from).collect();
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<ByteArrayType>().write_batch(&values, None, None)?;
    column.close()
}

fn numbers<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: impl Iterator<Item = i64>,
) -> Result<(), ParquetError> {
    let values: Vec<i64> = values.collect();
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<Int64Type>().write_batch(&values, None, None)?;
    column.close()
}

fn missing() -> ParquetError {
    ParquetError::General("a column of the schema is missing".to_owned())
}
