//! WHO IS STILL TRUSTED: chain verification, CA, CRL and their age; the embedded CA.
//!
//! Every client that proves possession of a key gets a TLS connection ([`AnyProvenClient`]).
//! Whether the key is trusted is judged here: once per connection and epoch
//! ([`TrustState::judge`]), and with a quick check for every request ([`Standing::check`]). Nobody
//! is trusted without a verified revocation list in date for every configured CA.
//!
//! May name: domain, digest, time, cause, reading, reserve

mod authority;
pub mod ca;
pub mod crl;
mod crypto;
mod dates;
pub mod error;
mod files;
pub mod gather;
pub mod hold;
pub mod judge;
mod keep;
mod key;
mod locked;
pub mod publish;
pub mod refusal;
pub mod request;
pub mod server;
mod signed;
pub mod sources;
pub mod state;
mod subject;
pub mod verifier;

#[cfg(test)]
mod tests;

pub use ca::{CertificateAuthority, IssuedClient, ServerKey};
pub use crl::{Crl, CrlNumber};
pub use error::{CrlFault, TrustError};
pub use gather::Trouble;
pub use hold::Trust;
pub use judge::{Peer, Standing};
pub use publish::{OwnList, Reason, Revoked};
pub use refusal::{KeyFault, NameFault, Refusal};
pub use request::NewRequest;
pub use server::{Issued, ServerIdentity, existing_key, load_server, read_ca};
pub use signed::{IssuerId, Serial};
pub use sources::TrustFiles;
pub use state::{IssuerReport, ListReport, Proven, TrustState};
pub use verifier::{AnyProvenClient, server_config};
