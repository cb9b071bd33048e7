//! WIRE: the JSON that `repoctl` and the server send each other, and the stable codes of refusals.
//!
//! Everything lies below [`BASE`]. Times are whole seconds since 1970 (UTC). Requests with unknown
//! fields are refused, so that a typing error is noticed. Answers may gain fields, and readers skip
//! those that they do not know.
//!
//! May name: debian, digest, time

pub mod access;
pub mod audit;
pub mod batch;
pub mod change;
pub mod crl;
pub mod enrolment;
pub mod fleet;
pub mod gc;
pub mod health;
pub mod hold;
pub mod installed;
mod item_state;
pub mod keep;
pub mod keys;
pub mod package;
pub mod problem;
pub mod restored;
pub mod rights;
pub mod role;
pub mod rollout;
mod schema;
pub mod status;
pub mod suite;
pub mod yank;

#[cfg(test)]
mod tests;

pub use access::{
    CertificateView, Granted, HostGrant, HostRequest, HostSetup, IdentityGrant, IdentityRequest,
    IdentityView, IssuedCertificate, RevocationOutcome, RevocationRequest, SetupFacts, SetupFile,
    SetupQuery, SightingView, SuiteChoice, SuiteFacts, UpdateErrorMode, WhoAmI,
};
pub use audit::{
    AuditCheckpoint, AuditEntry, AuditQuery, AuditVerdict, MOST_ENTRIES, VERBS, read_statement,
};
pub use batch::{
    BATCH_TYPE, BatchError, BlobOutcome, BlobOutcomes, MOST_BATCH_BLOBS, MOST_BATCH_BYTES,
    push_blob, split_blobs,
};
pub use change::{
    AddItem, Change, ChangeOutcome, ChangeRequest, HostSeen, ItemOutcome, MessageQuery, Move,
    PinKind, PinView, Promote, PromoteItem, Stuck, StuckRelation,
};
pub use crl::{CRL_TYPE, IssuerView, ListView};
pub use enrolment::{
    AuthorityView, EnrolmentRequest, RenewalRequest, Secret, TokenMade, TokenRequest, TokenState,
    TokenText, TokenView, TokensRevoked, ca_pin,
};
pub use fleet::{
    FactDifference, FleetDiff, FleetDiffQuery, FleetHost, FleetQuery, FleetState, FleetSuite,
    HostFacts, HostHas, HostHolds, HostReport, InstalledView, MOST_PLAIN_REPORT_BYTES,
    MOST_REPORT_BYTES, OddFact, OddHost, OfferedView, PackageDifference, REPORT_TYPE,
    ReportOutcome, ReportState, ReportView, VersionRelation, WhoHas, WhoHasQuery,
};
pub use gc::{GcPackage, GcSuite, GcView};
pub use health::{
    CheckState, CheckView, HealthFacts, HealthIgnore, HealthIgnored, HealthQuery, HealthResult,
    HealthState, HealthView,
};
pub use hold::HoldView;
pub use installed::{
    FleetInstalled, HostInstalled, InstalledLine, InstalledQuery, MOST_ASKED_PACKAGES,
};
pub use item_state::ItemState;
pub use keep::{KeepChange, KeepRules};
pub use keys::{
    ClientPackageView, HostBehind, KeyChoice, KeyOutcome, KeyRequest, KeyRetirement, KeyView,
};
pub use package::{
    BlobReceipt, Digests, MissingBlobs, PackagesQuery, PlacementState, PlacementView, SearchQuery,
    SuitePlacement,
};
pub use problem::{Code, Exit, Problem, Reason};
pub use restored::{RestoredView, UploadView};
pub use rights::{
    AccessChange, AccessGrant, AccessGroup, AccessView, ExplainQuery, ExplainedDeed,
    ExplainedGrant, Explanation, GivenGrant,
};
pub use role::Role;
pub use rollout::{
    Brought, Freeze, Ring, RingReached, RolledView, RolloutPolicy, RolloutView, RolloutsQuery,
    WhichRollout,
};
pub use status::{
    CertificateEnd, ScrubPass, ScrubStatus, Status, SuiteStatus, TrustStatus, Warning,
};
pub use suite::{
    Diff, DiffQuery, GenerationView, GenerationsQuery, SuiteDefinition, SuiteEdit, SuiteRedate,
    SuiteView,
};
pub use yank::{YankRequest, YankView};

/// Where the API begins on the server.
pub const BASE: &str = "/api/v1";

/// The media type of a [`Problem`]. Source: RFC 9457, section 3.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The most digests that one [`Digests`] may name; a client with more asks several times.
pub const MOST_DIGESTS: usize = 4_000;

/// The most packages that one [`Change`] may name.
pub const MOST_ITEMS: usize = 100_000;

/// The longest message of a change. Unit: bytes.
pub const LONGEST_MESSAGE_BYTES: usize = 1_024;
