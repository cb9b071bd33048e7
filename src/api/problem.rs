//! Problems: how the server reports that it refused a request or failed. Source: RFC 9457.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// Why a request was not carried out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// `about:blank`, or a URN that names the kind of problem.
    #[serde(rename = "type", default = "blank")]
    pub kind: String,
    /// The same short words for every problem of this code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// A [`Code`] as text. A client may meet codes that are newer than itself.
    pub code: String,
    /// A sentence that says what happened and what to do.
    #[serde(default)]
    pub detail: String,
    /// What to do about it, in the words of the program that asked: curl is told curl's options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Everything that is wrong with what was sent, not only the first thing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// The id of the request, by which the server's log has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// One thing that is wrong with what was sent.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// Which field or file, when it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong with it.
    pub problem: String,
    /// Which package of a change, by its SHA-256, when it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The other package of the same change that is in its way, when one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Digest>,
}

impl Reason {
    /// What is wrong with a field or a file.
    pub fn of(field: &str, problem: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), problem: problem.into(), ..Self::default() }
    }
}

impl Problem {
    /// A problem of this code, with the status and title that belong to it.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: blank(),
            title: code.title().into(),
            status: code.status(),
            code: code.as_str().into(),
            detail: detail.into(),
            hint: None,
            reasons: Vec::new(),
            request_id: None,
        }
    }

    /// The same problem with these reasons.
    pub fn with_reasons(mut self, reasons: Vec<Reason>) -> Self {
        self.reasons = reasons;
        self
    }

    /// The code, when it is one that this program knows.
    pub fn known_code(&self) -> Option<Code> {
        Code::parse(&self.code)
    }

    /// The exit of a program that got this problem; for an unknown code, the status decides.
    pub fn exit(&self) -> Exit {
        self.known_code().map_or_else(|| Exit::of_status(self.status), Code::exit)
    }

    /// Whether the same request may succeed in a moment, so that a retry makes sense. A clock that is
    /// behind needs somebody.
    pub fn is_passing(&self) -> bool {
        matches!(self.status, 408 | 429 | 503) && self.known_code() != Some(Code::ClockBehind)
    }
}

fn blank() -> String {
    "about:blank".into()
}

/// How a command ends. The numbers are a promise to scripts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Exit {
    /// Done, or already so: go on.
    Done = 0,
    /// Rejection, conflict, missing: stop.
    Refused = 1,
    /// The command line or the configuration is wrong: stop.
    Usage = 2,
    /// Not allowed: stop.
    Denied = 3,
    /// The server is out of reach, busy or failing; nothing was half done, unless the message says
    /// that it is not known.
    Unavailable = 4,
}

impl Exit {
    /// The number that the process ends with.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The exit of a program that got this HTTP status and no code that it knows.
    pub fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Done,
            400 => Self::Usage,
            401 | 403 => Self::Denied,
            408 | 425 | 429 => Self::Unavailable,
            402..=499 => Self::Refused,
            _ => Self::Unavailable,
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident => $text:literal, $status:literal, $title:literal, $exit:ident;)*) => {
        /// What kind of problem it is. The text of each is a promise to programs.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code on the wire.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The HTTP status that it is sent with.
            pub fn status(self) -> u16 {
                match self {
                    $(Self::$name => $status,)*
                }
            }

            /// The short words in the status line, which are all that apt shows.
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)*
                }
            }

            /// The exit of a command that got it.
            pub fn exit(self) -> Exit {
                match self {
                    $(Self::$name => Exit::$exit,)*
                }
            }
        }
    };
}

codes! {
    /// The `.deb` breaks rules; the reasons name all of them.
    Rejected => "rejected", 422, "package rejected", Refused;
    /// The body does not match its digest or its length.
    DigestMismatch => "digest-mismatch", 422, "body and digest differ", Refused;
    /// The same name, version and architecture exists with other bytes.
    VersionConflict => "version-conflict", 409, "version exists with other bytes", Refused;
    /// The suite is not at the generation that the change expects to follow.
    GenerationMoved => "generation-moved", 409, "suite moved on", Refused;
    /// Something of that name exists already.
    Exists => "exists", 409, "exists already", Refused;
    /// The alias belongs to another suite, or was the name of a removed suite: hosts that read it
    /// would stop, and `alias_from` has to name that suite.
    AliasInUse => "alias-in-use", 409, "alias in use", Refused;
    /// It still holds something, so it cannot be removed.
    NotEmpty => "not-empty", 409, "not empty", Refused;
    /// Hosts could not follow the change; the reasons name what could not be installed, and what
    /// would have to move with it.
    NotInstallable => "not-installable", 409, "hosts could not follow", Refused;
    /// The change cannot be made in the present state; the detail says why.
    ChangeRefused => "change-refused", 409, "change refused", Refused;
    /// Nothing of that name exists.
    Missing => "missing", 404, "not found", Refused;
    /// It was there and was withdrawn on purpose.
    Withdrawn => "withdrawn", 410, "withdrawn", Refused;
    /// The body is larger than the server takes.
    TooLarge => "too-large", 413, "too large", Refused;
    /// The body came without a length.
    LengthRequired => "length-required", 411, "length required", Refused;
    /// The path exists, but does not take that method.
    MethodRefused => "method-refused", 405, "method not allowed", Refused;
    /// The request is not well formed; the reasons name the fields.
    InvalidRequest => "invalid-request", 400, "invalid request", Usage;
    /// The identity has no right to do it.
    Denied => "denied", 403, "not allowed", Denied;
    /// The enrolment token is unknown, used, revoked, expired or another host's.
    TokenRefused => "token-refused", 403, "token refused", Denied;
    /// No client certificate was presented.
    CertificateMissing => "certificate-missing", 403, "client certificate required", Denied;
    /// The certificate does not name exactly one identity, or its issuer is not trusted.
    CertificateRefused => "certificate-refused", 403, "client certificate refused", Denied;
    /// The certificate was revoked.
    CertificateRevoked => "certificate-revoked", 403, "client certificate revoked", Denied;
    /// The certificate has expired.
    CertificateExpired => "certificate-expired", 403, "client certificate expired", Denied;
    /// The server cannot tell who is revoked, because its revocation list is out of date.
    TrustStale => "trust-stale", 403, "revocation list out of date", Unavailable;
    /// There are too many requests at once; try again in a moment.
    Busy => "busy", 503, "busy", Unavailable;
    /// This identity asks too often; try again in a moment.
    TooManyRequests => "too-many-requests", 429, "too many requests", Unavailable;
    /// The body did not come in time.
    Timeout => "timeout", 408, "request timed out", Unavailable;
    /// The clock of the server is behind what the server has already signed.
    ClockBehind => "clock-behind", 503, "server clock is behind", Unavailable;
    /// The server is about to stop.
    Stopping => "stopping", 503, "server is stopping", Unavailable;
    /// The disk of the server is full; somebody has to make room.
    OutOfSpace => "out-of-space", 507, "out of space", Unavailable;
    /// The disk failed while it was recorded: it is not known whether it was done.
    OutcomeUnknown => "outcome-unknown", 500, "not known whether it was done", Unavailable;
    /// The disk failed earlier, and the server writes nothing since; somebody has to look at it.
    WritingStopped => "writing-stopped", 500, "server writes nothing", Unavailable;
    /// The server failed; its log says why.
    Internal => "internal", 500, "internal error", Unavailable;
}

impl Code {
    /// Reads a code; `None` for one that this program does not know.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}
