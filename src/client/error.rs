//! What can go wrong between a client and its server, in messages that say how to mend it.

use std::error::Error;
use std::time::Duration;

use reqwest::Url;
use rustls::{AlertDescription, CertificateError};

use crate::api::{Code, Exit, Problem};
use crate::cause::{self, Cause};
use crate::client::request_id;

/// What a request may have done to the server's state when its answer is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Effect {
    /// Nothing: it only reads, or what it leaves there is visible to nobody.
    Nothing,
    /// It changes something, and repeating it changes nothing more.
    Repeatable,
    /// It may do something else the second time; the text says where to look first.
    Once(&'static str),
}

/// The request was not carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClientError {
    /// The connection could not be made, or it broke.
    #[error("cannot reach {server}: {cause}")]
    Unreachable {
        /// Which server.
        server: String,
        /// What happened.
        #[source]
        cause: Cause,
    },
    /// The request went out and no answer came back, so that nobody knows what it did.
    #[error("no answer from {server}: the change may have been made")]
    NoAnswer {
        /// Which server.
        server: String,
        /// Where to look before it is repeated; `None` when repeating it does no harm.
        look: Option<&'static str>,
        /// The id of the request.
        request: Option<String>,
    },
    /// The server does not know whether it was done: its disk failed meanwhile.
    #[error("{}", sentence(.problem))]
    Unsure {
        /// The problem in its answer.
        problem: Box<Problem>,
        /// Where to look before it is repeated; `None` when repeating it does no harm.
        look: Option<&'static str>,
    },
    /// The server could not prove its identity.
    #[error("{server} is not trusted: {cause}")]
    Untrusted {
        /// Which server.
        server: String,
        /// What its certificate lacks.
        #[source]
        cause: Cause,
    },
    /// The server broke off because of the client certificate.
    #[error("{server} refused the client certificate: {cause}")]
    CertificateRefused {
        /// Which server.
        server: String,
        /// The reason.
        #[source]
        cause: Cause,
    },
    /// The server refused the request.
    #[error("{}", sentence(.problem))]
    Problem {
        /// The problem in its answer.
        problem: Box<Problem>,
        /// The wait in its Retry-After.
        wait: Option<Duration>,
    },
    /// The answer is not one of a repod server.
    #[error("{server} answered {status}: {cause}")]
    Unexpected {
        /// Which server.
        server: String,
        /// The HTTP status.
        status: u16,
        /// What is odd about it.
        #[source]
        cause: Cause,
        /// The id of the request, if the answer has it.
        request: Option<String>,
    },
    /// The address, the certificate, the key or the authority cannot be read.
    #[error(transparent)]
    Credentials(Cause),
    /// A file that was to be sent cannot be read, or has changed.
    #[error("{path}: {cause}")]
    File {
        /// Which file.
        path: String,
        /// What is wrong with it.
        #[source]
        cause: Cause,
    },
}

impl ClientError {
    /// The exit code of a command with this error.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Unreachable { .. } | Self::NoAnswer { .. } => Exit::Unavailable,
            Self::Untrusted { .. } | Self::Credentials(_) => Exit::Usage,
            Self::CertificateRefused { .. } => Exit::Denied,
            Self::Problem { problem, .. } | Self::Unsure { problem, .. } => problem.exit(),
            Self::Unexpected { status, .. } => match Exit::of_status(*status) {
                Exit::Done => Exit::Unavailable,
                other => other,
            },
            Self::File { .. } => Exit::Refused,
        }
    }

    /// Whether the same request may soon succeed, and may be repeated.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::NoAnswer { look, .. } => look.is_none(),
            Self::Problem { problem, .. } => problem.is_passing(),
            Self::Unexpected { status, .. } => matches!(status, 408 | 429 | 502..=504),
            _ => false,
        }
    }

    /// Whether the suite was not at the generation that the request was for.
    pub fn is_moved(&self) -> bool {
        self.is(Code::GenerationMoved)
    }

    /// Whether the server told just this problem.
    pub fn is(&self, code: Code) -> bool {
        match self {
            Self::Problem { problem, .. } | Self::Unsure { problem, .. } => {
                problem.known_code() == Some(code)
            }
            _ => false,
        }
    }

    /// What to do about it, where the message does not say so.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable { .. } => {
                Some("nothing was half done; check the address and that repod runs, then try again")
            }
            Self::NoAnswer { look, .. } => {
                look.or(Some("repeat the command: what was made is not made twice"))
            }
            Self::Unsure { look, .. } => look.or(Some(
                "repeat the command once `repoctl status` has no warning writing-stopped: what was made \
                 is not made twice",
            )),
            Self::Untrusted { .. } => {
                Some("check --server (is it the name in the certificate of the server?) and --ca")
            }
            Self::CertificateRefused { .. } => {
                Some("ask an administrator for a new one: repoctl identity issue, or for a host: repoctl host token")
            }
            Self::Unexpected { .. } => {
                Some("does --server name a repod server, of a version near to this one?")
            }
            Self::Problem { .. } | Self::Credentials(_) | Self::File { .. } => None,
        }
    }

    /// The id of the request, where the server's log may say more of it: what failed there, and who is
    /// not allowed. What a package or a change lacks is all in the answer.
    pub fn request_id(&self) -> Option<&str> {
        let id = match self {
            Self::Problem { problem, .. } | Self::Unsure { problem, .. } => {
                let of_server = matches!(problem.exit(), Exit::Denied | Exit::Unavailable);
                problem.request_id.as_deref().filter(|_| of_server)
            }
            Self::NoAnswer { request, .. } | Self::Unexpected { request, .. } => request.as_deref(),
            _ => None,
        };
        id.filter(|id| request_id::is_printable(id))
    }

    /// The same for a request of this id.
    pub(super) fn asked_as(self, id: Option<String>) -> Self {
        match self {
            Self::NoAnswer { server, look, request } => {
                Self::NoAnswer { server, look, request: request.or(id) }
            }
            Self::Unexpected { server, status, cause, request } => {
                Self::Unexpected { server, status, cause, request: request.or(id) }
            }
            other => other,
        }
    }

    pub(super) fn of_answer(
        server: &str,
        status: u16,
        wait: Option<Duration>,
        body: &[u8],
        effect: Effect,
    ) -> Self {
        match serde_json::from_slice::<Problem>(body) {
            Ok(problem) => {
                // The status line is what proxies and logs show, so it takes precedence over the body.
                let problem = Box::new(Problem { status, ..problem });
                match (problem.known_code(), effect) {
                    (Some(Code::OutcomeUnknown), Effect::Once(look)) => {
                        Self::Unsure { problem, look: Some(look) }
                    }
                    (Some(Code::OutcomeUnknown), _) => Self::Unsure { problem, look: None },
                    _ => Self::Problem { problem, wait },
                }
            }
            Err(error) => Self::Unexpected {
                server: server.into(),
                status,
                cause: Cause::with("not an answer that repod gives", error),
                request: None,
            },
        }
    }

    pub(super) fn of_transport(server: &str, error: reqwest::Error, effect: Effect) -> Self {
        let is_connect = error.is_connect();
        match (Self::of_connection(server, error), effect) {
            (Self::Unreachable { server, .. }, Effect::Repeatable) if !is_connect => {
                Self::NoAnswer { server, look: None, request: None }
            }
            (Self::Unreachable { server, .. }, Effect::Once(look)) if !is_connect => {
                Self::NoAnswer { server, look: Some(look), request: None }
            }
            (other, _) => other,
        }
    }

    fn of_connection(server: &str, error: reqwest::Error) -> Self {
        let port = port_hint(server);
        let server = server.to_owned();
        let untrusted: Make = |server, cause| Self::Untrusted { server, cause };
        let refused: Make = |server, cause| Self::CertificateRefused { server, cause };
        let unreachable: Make = |server, cause| Self::Unreachable { server, cause };
        let (make, reason) = match cause::find(&error) {
            Some(rustls::Error::InvalidCertificate(fault)) => (untrusted, server_fault(fault)),
            Some(rustls::Error::AlertReceived(alert)) => match client_fault(*alert) {
                Some(reason) => (refused, reason.to_owned()),
                None => (unreachable, format!("TLS alert {alert:?}")),
            },
            Some(other) => (unreachable, format!("TLS: {other}")),
            None if error.is_connect() && error.is_timeout() => {
                (unreachable, format!("no connection within 10 seconds{port}"))
            }
            None if error.is_timeout() => (unreachable, "no answer in time".into()),
            None if is_refused(&error) => (unreachable, format!("connection refused{port}")),
            None => (unreachable, root(&error)),
        };
        // The server is in the message already, and the request itself must not get into logs.
        make(server, Cause::with(reason, error.without_url()))
    }
}

/// Makes an error of a server's address and a cause.
type Make = fn(String, Cause) -> ClientError;

/// A hint for an address without a port where nothing listens.
fn port_hint(server: &str) -> &'static str {
    match Url::parse(server) {
        Ok(url) if url.port().is_none() => " (port 443; repod init uses 8443)",
        _ => "",
    }
}

fn is_refused(error: &reqwest::Error) -> bool {
    let io = innermost(error).downcast_ref::<std::io::Error>();
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused)
}

fn sentence(problem: &Problem) -> &str {
    if problem.detail.is_empty() { &problem.title } else { &problem.detail }
}

fn server_fault(fault: &CertificateError) -> String {
    match fault {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name".into()
        }
        CertificateError::UnknownIssuer => "its certificate comes from another authority".into(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has ended, or the clock of this machine is wrong".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet, or the clock of this machine is wrong".into()
        }
        other => format!("its certificate is not valid: {other}"),
    }
}

fn client_fault(alert: AlertDescription) -> Option<&'static str> {
    match alert {
        AlertDescription::CertificateRevoked => Some("it was revoked"),
        AlertDescription::CertificateExpired => Some("it has ended"),
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            Some("none was presented")
        }
        AlertDescription::UnknownCA | AlertDescription::CertificateUnknown => {
            Some("it comes from an authority that the server does not know")
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::AccessDenied
        | AlertDescription::DecryptError => Some("it is not acceptable"),
        _ => None,
    }
}

/// The innermost cause as text: reqwest itself prints mostly its own layers.
pub(super) fn root(error: &(dyn Error + 'static)) -> String {
    let innermost = innermost(error);
    // The texts of rustls and hyper for it are for programmers.
    let cut = |io: &std::io::Error| io.kind() == std::io::ErrorKind::UnexpectedEof;
    if innermost.downcast_ref().is_some_and(hyper::Error::is_incomplete_message)
        || innermost.downcast_ref().is_some_and(cut)
    {
        return "the connection was closed before the answer".into();
    }
    innermost.to_string()
}

fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut inner = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner
}
