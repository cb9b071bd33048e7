//! Failures: why a command failed, for people and for programs.

use std::path::Path;

use serde::Serialize;

use super::text::escape;
use crate::api::{Code, Exit, Problem, Reason};
use crate::client::ClientError;
use crate::toml_text::Fault;

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code of the process.
    pub exit: Exit,
    /// What happened.
    pub message: String,
    /// All faults.
    pub reasons: Vec<String>,
    /// What to do.
    pub hint: Option<String>,
    /// The server's problem code, when the server refused.
    pub code: Option<String>,
    /// The id of the request, where the server's log says more of it.
    pub request: Option<Box<str>>,
    /// Whether it is no error, because a person answered no.
    pub declined: bool,
}

impl Failure {
    /// The command line or the configuration is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// It cannot be done in the present state.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    /// A file of the user is wrong: where, and the line itself.
    pub fn in_file(file: &str, fault: &Fault) -> Self {
        Self::usage(fault.head(file)).with_reasons(fault.excerpt())
    }

    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            reasons: Vec::new(),
            hint: None,
            code: None,
            request: None,
            declined: false,
        }
    }

    /// A person answered no.
    pub fn declined(message: impl Into<String>) -> Self {
        Self { declined: true, ..Self::new(Exit::Refused, message) }
    }

    /// The same failure with this advice.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same failure with these reasons.
    pub fn with_reasons(mut self, reasons: Vec<String>) -> Self {
        self.reasons = reasons;
        self
    }

    /// For people: `error: …`, then the reasons, `hint: …` and `request …`.
    pub fn lines(&self) -> String {
        let message = escape(&self.message);
        let mut out =
            if self.declined { format!("{message}\n") } else { format!("error: {message}\n") };
        for reason in &self.reasons {
            out.push_str(&format!("  {}\n", escape(reason)));
        }
        if let Some(hint) = &self.hint {
            out.push_str(&format!("hint: {}\n", escape(hint)));
        }
        if let Some(id) = &self.request {
            out.push_str(&format!(
                "request {}: the server's log has more under this id\n",
                escape(id)
            ));
        }
        out
    }

    /// For programs: one line of JSON.
    pub fn json(&self) -> String {
        #[derive(Serialize)]
        struct Shape<'a> {
            error: &'a str,
            exit: u8,
            code: Option<&'a str>,
            reasons: &'a [String],
            hint: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            request_id: Option<&'a str>,
        }
        let shape = Shape {
            error: &self.message,
            exit: self.exit.number(),
            code: self.code.as_deref(),
            reasons: &self.reasons,
            hint: self.hint.as_deref(),
            request_id: self.request.as_deref(),
        };
        let json = serde_json::to_string(&shape).unwrap_or_default();
        format!("{}\n", super::text::escape_json(&json))
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let mut failure = Self::new(error.exit(), error.to_string());
        failure.hint = error.hint().map(str::to_owned);
        failure.request = error.request_id().map(Into::into);
        if let ClientError::Unsure { problem, .. } = &error {
            failure.code = Some(problem.code.clone());
        }
        if let ClientError::Problem { problem, .. } = &error {
            failure.reasons = reasons_of(problem);
            // A single reason is often the message itself, and a message of several reasons has
            // nothing else.
            failure.reasons.retain(|reason| *reason != failure.message);
            if failure.reasons.len() > 1 && failure.message.ends_with(&failure.reasons.join("; ")) {
                failure.message = format!("{}; nothing was changed", problem.title);
            }
            let own = problem.known_code().and_then(hint_of).map(str::to_owned);
            failure.hint = own.or_else(|| problem.hint.clone());
            failure.code = Some(problem.code.clone());
        }
        failure
    }
}

/// A file that the command line names cannot be read.
pub fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("{}: {}", path.display(), unread(error)))
}

/// Why a file of this machine could not be read.
pub fn unread(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".into(),
        std::io::ErrorKind::PermissionDenied => "may not be read by this user".into(),
        _ => format!("cannot be read: {error}"),
    }
}

/// The reasons of a problem as lines.
pub fn reasons_of(problem: &Problem) -> Vec<String> {
    problem.reasons.iter().map(reason_line).collect()
}

/// One reason as a line.
pub fn reason_line(reason: &Reason) -> String {
    match &reason.field {
        Some(field) => format!("{field}: {}", reason.problem),
        None => reason.problem.clone(),
    }
}

fn hint_of(code: Code) -> Option<&'static str> {
    match code {
        Code::VersionConflict => Some("give the rebuilt package a higher version"),
        Code::GenerationMoved => Some("look at the suite again, then repeat the command"),
        Code::Denied => Some("`repoctl whoami` shows who you are and what you may do"),
        Code::CertificateExpired | Code::CertificateRevoked | Code::CertificateRefused => Some(
            "ask an administrator for a new certificate: repoctl identity issue, or for a host: repoctl host token",
        ),
        Code::Busy | Code::TooManyRequests | Code::Timeout | Code::Stopping => {
            Some("nothing was half done; try again in a moment")
        }
        Code::TrustStale => Some(
            "an operator delivers a newer list with `repoctl crl put FILE`; a server that signs its list \
             itself makes one when it is restarted",
        ),
        Code::ClockBehind | Code::OutOfSpace | Code::WritingStopped | Code::Internal => {
            Some("nothing was half done; somebody has to look at the server first")
        }
        _ => None,
    }
}
