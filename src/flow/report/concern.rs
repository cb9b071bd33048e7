//! Concern: something that needs an operator's attention.

use crate::debian::SuiteName;

/// Something that needs an operator's attention.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Concern {
    /// What kind it is.
    pub code: WarningCode,
    /// What is wrong and what to do.
    pub text: String,
    /// Whom it concerns.
    pub of: Circle,
}

/// Whom a concern is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Circle {
    /// Operators: it is about the server.
    Operators,
    /// Whoever may read the suite that it is about.
    Readers(SuiteName),
    /// Admins: it is about something of which it is not known, in whose suites it is.
    Admins,
}

impl Concern {
    pub(super) fn of_server(code: WarningCode, text: impl ToString) -> Self {
        Self { code, text: text.to_string(), of: Circle::Operators }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)*) => {
        /// The kinds of warnings. The text of each is a promise to programs; each has a metric
        /// (`docs/monitoring.md`).
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum WarningCode {
            $($(#[$doc])* $name,)*
        }

        impl WarningCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code on the wire.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

codes! {
    /// Nobody is served: the revocation list of a CA is out of date.
    CrlStale => "crl_stale",
    /// Nobody is served: a CA has no revocation list.
    CrlMissing => "crl_missing",
    /// Nobody is served: the revocation list of a CA is not taken.
    CrlRefused => "crl_refused",
    /// Nobody is served: the clock is before the revocation list.
    ClockBehind => "clock_behind",
    /// A revocation list ends soon.
    CrlEndsSoon => "crl-ends-soon",
    /// A revocation list is out of date and counts by grace alone.
    CrlInGrace => "crl-in-grace",
    /// A revocation list was found and not taken.
    CrlUnusable => "crl-unusable",
    /// A revocation list is in force and not on the disk.
    CrlUnstored => "crl-unstored",
    /// The revocation list could not be made anew.
    CrlOwed => "crl-owed",
    /// A revocation list is dated ahead of the clock.
    CrlDatedAhead => "crl-dated-ahead",
    /// Rights were recorded and are not in force yet.
    RightsOwed => "rights-owed",
    /// A CA ends soon.
    CaEndsSoon => "ca-ends-soon",
    /// The certificate of the server ends soon.
    ServerCertificateEndsSoon => "server-certificate-ends-soon",
    /// The signature of a suite ends soon.
    SignatureEndsSoon => "signature-ends-soon",
    /// A suite was signed for a time ahead of the clock.
    SuiteDatedAhead => "suite-dated-ahead",
    /// The clock jumped, or cannot be compared.
    ClockInDoubt => "clock-in-doubt",
    /// The clock jumped within the last hour.
    ClockJumped => "clock-jumped",
    /// The largest package may not fit.
    DiskNearlyFull => "disk-nearly-full",
    /// How much can be stored is not known.
    DiskUnreadable => "disk-unreadable",
    /// The room for revocations on a full disk is not there.
    ReserveMissing => "reserve-missing",
    /// A store takes nothing since its disk failed.
    WritingStopped => "writing-stopped",
    /// Something stored is damaged or lost.
    Damage => "damage",
    /// Something stored was damaged and is repaired.
    DamageRepaired => "damage-repaired",
    /// The scrub found what is not repaired by itself.
    ScrubFinding => "scrub-finding",
    /// The scrub cannot go on.
    ScrubFailing => "scrub-failing",
    /// The scrub takes too long.
    ScrubLate => "scrub-late",
    /// A rollout waits for a person.
    RolloutPaused => "rollout-paused",
    /// An earlier state was restored, and nobody has acknowledged it.
    Restored => "restored",
    /// The audit log was altered.
    AuditBroken => "audit-broken",
    /// The configuration could not be read again.
    ConfigurationUnreadable => "configuration-unreadable",
    /// The certificates of CAs could not be read again.
    TrustUnreadable => "trust-unreadable",
    /// The certificate of the server could not be read again.
    ServerCertificateUnreadable => "server-certificate-unreadable",
}
