//! Log: which lines are written, and how.

use serde::Deserialize;

use crate::nearest::nearest;

/// The level and format of the log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug`, or a filter such as `repod=debug,info`.
    pub level: String,
    /// `text` for people, `json` for collectors.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".into(), format: LogFormat::Text }
    }
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What a level is called.
const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

impl Log {
    /// Checks that every part of the filter has a level that exists. A word alone would else count as the name of a
    /// part of the program, and silence all others.
    ///
    /// # Errors
    /// The part, for people.
    pub fn verify(&self) -> Result<(), String> {
        let mut parts =
            self.level.split(',').map(|part| part.rsplit_once('=').unwrap_or(("", part)).1);
        let is_level = |word: &str| LEVELS.iter().any(|level| word.eq_ignore_ascii_case(level));
        let Some(word) = parts.find(|word| !is_level(word.trim())) else { return Ok(()) };
        let near = match nearest(&word.to_lowercase(), LEVELS.into_iter()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("levels are {}.", LEVELS.join(", ")),
        };
        Err(format!(
            "log.level has {word:?}, which is no level; {near} A filter reads like \"repod=debug,info\""
        ))
    }
}
