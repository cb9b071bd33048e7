//! Flaws: the files of records that an operator gives, read with limits; and what is answered from them.

pub mod answer;
mod document;
mod files;

pub use document::Reader;
pub use files::read;
