//! Rendering: the server's answers as text for people. Pure: values and the time in, text out.

pub mod access;
pub mod audit;
pub mod change;
pub mod crl;
pub mod enrol;
pub mod fleet;
pub mod gc;
pub mod health;
pub mod package;
pub mod restored;
pub mod rights;
pub mod rollout;
pub mod signing;
pub mod status;
pub mod suite;
pub mod vulnerable;
pub mod yank;

#[cfg(test)]
mod tests;

use crate::debian::{SuiteName, Version};

/// A version, or `-` where there is none.
fn version(version: Option<&Version>) -> String {
    version.map(ToString::to_string).unwrap_or_default()
}

/// A suite, and the ring of a host in it: `stable (canary)`.
fn with_ring(suite: &SuiteName, ring: Option<&str>) -> String {
    match ring {
        Some(ring) => format!("{suite} ({})", crate::cli::text::escape(ring)),
        None => suite.to_string(),
    }
}

/// Lines of a name and a value each, the values under one another.
fn pairs(indent: usize, lines: &[(&str, String)]) -> String {
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let line = |(name, value): &(&str, String)| {
        let value = crate::cli::text::escape(value);
        let line = format!("{:indent$}{name:width$}  {value}", "");
        format!("{}\n", line.trim_end())
    };
    lines.iter().map(line).collect()
}
