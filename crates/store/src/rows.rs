//! From columns to the types of the rules.

use std::str::FromStr;

use mete_core::Month;
use mete_core::directory::UnknownWord;

use crate::error::StoreError;

/// A word of a fixed set.
pub(crate) fn word<T: FromStr<Err = UnknownWord>>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|error: UnknownWord| StoreError::Corrupt(error.to_string()))
}

/// 32 bytes of a hash.
pub(crate) fn bytes32(bytes: &[u8]) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|_| StoreError::Corrupt(format!("a key hash of {} bytes", bytes.len())))
}

/// A month stored as `yyyymm`.
pub(crate) fn month(yyyymm: i64) -> Result<Month, StoreError> {
    Month::from_yyyymm(yyyymm).ok_or_else(|| StoreError::Corrupt(format!("the month {yyyymm}")))
}

/// A count, which is never negative.
pub(crate) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
