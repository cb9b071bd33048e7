//! Why a client is refused, in words short enough for an HTTP status line.

use crate::time::Moment;

/// Why a client certificate is refused.
///
/// Shape: it displays as one line of printable ASCII.
/// Limits: at most 120 characters, since apt prints the reason of the status line and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The client sent none.
    #[error("no client certificate")]
    NoCertificate,
    /// The certificate or its chain cannot be used at all.
    #[error("client certificate unusable ({0}): issue a new one")]
    Malformed(&'static str),
    /// No path leads to a configured CA.
    #[error("certificate was issued by another CA: issue one here")]
    UnknownIssuer,
    /// A path leads to a configured CA, but through one for which there is no revocation list.
    #[error("certificate was issued by an intermediate CA that is not configured on the server")]
    IssuerUncovered,
    /// `notAfter` has passed.
    #[error("certificate expired {at}: issue a new one")]
    Expired {
        /// The end of its validity.
        at: Moment,
    },
    /// `notBefore` lies ahead.
    #[error("certificate is not valid before {from}: check the clocks")]
    NotYetValid {
        /// The start of its validity.
        from: Moment,
    },
    /// The serial is on a revocation list.
    #[error("certificate was revoked {at}: issue a new one if that was a mistake")]
    Revoked {
        /// Since when, as the list says.
        at: Moment,
    },
    /// A CA between the certificate and the configured one was revoked.
    #[error("the CA that issued the certificate was revoked {at}: issue a new one by another CA")]
    IssuerRevoked {
        /// Since when, as the list says.
        at: Moment,
    },
    /// `extendedKeyUsage` does not name clientAuth, or it is a CA certificate.
    #[error("certificate is not for clients: it needs the extended key usage clientAuth")]
    NotForClients,
    /// The certificate does not name exactly one host by a dNSName.
    #[error("{0}")]
    NoIdentity(NameFault),
    /// The key is too short or of a kind that is not accepted.
    #[error("{0}: issue a new one with another key")]
    WeakKey(KeyFault),
    /// The configured CA's certificate has ended (operator's fault).
    #[error("the server's CA certificate ended {at}: its operator must renew the CA")]
    CaExpired {
        /// The end of its validity.
        at: Moment,
    },
    /// A revocation list ran out (operator's fault).
    #[error("revocation list is out of date since {since}: nothing is served until it is renewed")]
    CrlStale {
        /// Its `nextUpdate`.
        since: Moment,
    },
    /// A configured CA has no usable revocation list (operator's fault).
    #[error("no usable revocation list: nothing is served until the operator provides one")]
    CrlMissing,
    /// The list that is there is not accepted (operator's fault).
    #[error("no usable revocation list ({0}): nothing is served until a good one is there")]
    CrlRefused(&'static str),
    /// The revocation list is from the future: the clock was set back (operator's fault).
    #[error("server clock is behind its revocation list: nothing is served until it is right")]
    ClockBehind,
}

impl Refusal {
    /// Every code, for counters.
    pub const CODES: [&str; 16] = [
        "no_certificate",
        "malformed_certificate",
        "unknown_issuer",
        "issuer_uncovered",
        "certificate_expired",
        "certificate_not_yet_valid",
        "certificate_revoked",
        "issuer_revoked",
        "not_for_clients",
        "no_identity",
        "weak_key",
        "ca_expired",
        "crl_stale",
        "crl_missing",
        "crl_refused",
        "clock_behind",
    ];

    /// A stable word for logs, metrics and the API.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoCertificate => "no_certificate",
            Self::Malformed(_) => "malformed_certificate",
            Self::UnknownIssuer => "unknown_issuer",
            Self::IssuerUncovered => "issuer_uncovered",
            Self::Expired { .. } => "certificate_expired",
            Self::NotYetValid { .. } => "certificate_not_yet_valid",
            Self::Revoked { .. } => "certificate_revoked",
            Self::IssuerRevoked { .. } => "issuer_revoked",
            Self::NotForClients => "not_for_clients",
            Self::NoIdentity(_) => "no_identity",
            Self::WeakKey(_) => "weak_key",
            Self::CaExpired { .. } => "ca_expired",
            Self::CrlStale { .. } => "crl_stale",
            Self::CrlMissing => "crl_missing",
            Self::CrlRefused(_) => "crl_refused",
            Self::ClockBehind => "clock_behind",
        }
    }

    /// Whether the server's operator has to act, and not the client.
    pub fn is_server_fault(&self) -> bool {
        self.is_about_lists() || matches!(self, Self::CaExpired { .. })
    }

    /// Whether only other CAs can make the chain valid, and neither time nor another list.
    pub(super) fn is_lasting(&self) -> bool {
        matches!(
            self,
            Self::NoCertificate
                | Self::Malformed(_)
                | Self::UnknownIssuer
                | Self::NotForClients
                | Self::NoIdentity(_)
                | Self::WeakKey(_)
        )
    }

    /// Whether only the lists' age or absence is the reason, which a new list mends.
    pub fn is_about_lists(&self) -> bool {
        matches!(
            self,
            Self::CrlStale { .. } | Self::CrlMissing | Self::CrlRefused(_) | Self::ClockBehind
        )
    }
}

/// In which way a certificate fails to name exactly one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// No subjectAltName; a name in CN is never read.
    #[error("certificate names no host in subjectAltName (CN does not count): issue a new one")]
    CommonNameOnly,
    /// `*.example.org`.
    #[error(
        "certificate names a wildcard: it needs the one full name of this host, issue a new one"
    )]
    Wildcard,
    /// Upper case, NUL, an address written as a name, and the like.
    #[error("certificate's dNSName is not plain: lower-case letters, digits, '-' and dots only")]
    NotCanonical,
    /// Two or more dNSNames.
    #[error("certificate names several hosts: it needs exactly one dNSName, issue a new one")]
    Several,
    /// An address, URI, e-mail address or anything else that is not a dNSName.
    #[error(
        "certificate has a subjectAltName other than dNSName (address, URI, e-mail): issue a new one"
    )]
    OtherKind,
}

/// In which way a key is too weak to be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Fewer bits than 2048.
    #[error("RSA key has fewer than 2048 bits")]
    ShortRsa,
    /// Neither RSA, ECDSA on P-256, P-384 or P-521, nor Ed25519.
    #[error("key is neither RSA, ECDSA (P-256, P-384, P-521) nor Ed25519")]
    UnknownKind,
    /// Signed with SHA-1 or another algorithm that is not accepted.
    #[error("certificate is signed with an algorithm that is not accepted")]
    Signature,
}
