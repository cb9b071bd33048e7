//! WHO MAY: grants, certificates, enrolment, renewal, revocation lists.
//!
//! May name: error, threads, state, suite, repository, admit, audit, report

pub mod anchors;
pub mod certificates;
pub mod crl;
pub mod enrol;
mod giving;
pub mod grants;
pub(crate) mod in_force;
mod issuing;
mod limits;
pub mod renew;

pub use issuing::Issued;
