//! TELEMETRY: writes log lines.
//!
//! May name: nothing

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Sends log lines to standard error, as text or as JSON.
///
/// # Errors
/// The fault of the filter, for people. A second call changes nothing.
pub fn start(level: &str, json: bool) -> Result<(), String> {
    let filter = EnvFilter::try_new(level).map_err(|error| format!("log.level: {error}"))?;
    let colour = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let lines = lines.with_ansi(colour);
    // An existing subscriber is kept: tests and the demo start several servers.
    let _ = if json { lines.json().try_init() } else { lines.with_target(false).try_init() };
    Ok(())
}
