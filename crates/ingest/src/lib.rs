//! stub
pub mod formats;
pub mod record;
