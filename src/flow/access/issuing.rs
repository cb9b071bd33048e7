//! Issuing: a certificate from the embedded CA, with the record that the catalogue keeps of it.

use std::sync::Mutex;

use crate::catalogue::CertificateRecord;
use crate::domain::Identity;
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::threads::lock;
use crate::time::Moment;
use crate::trust::{CertificateAuthority, IssuedClient, TrustError};

/// A certificate and the CA that issued it.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate.
    pub client: IssuedClient,
    /// The CA's certificate, PEM.
    pub ca_pem: String,
}

/// A certificate to be issued.
pub(super) struct Certificate<'c> {
    pub identity: &'c Identity,
    /// A certificate signing request, of which only the public key is used.
    pub csr_pem: &'c str,
    pub days: u32,
    pub issued_by: &'c Identity,
}

impl Certificate<'_> {
    /// Issues the certificate and gives its record. The caller has to store the record before it
    /// hands the certificate out.
    ///
    /// # Errors
    /// [`FlowError::Invalid`] for a bad request or number of days.
    pub(super) fn issue(
        &self,
        authority: &Mutex<CertificateAuthority>,
        now: Moment,
    ) -> Result<(Issued, CertificateRecord), FlowError> {
        let authority = lock(authority);
        let client = authority.issue_client(self.identity, self.csr_pem, self.days, now);
        let client = client.map_err(bad_request)?;
        let record = CertificateRecord {
            serial: client.serial_hex.clone(),
            identity: self.identity.clone(),
            issued_at: now,
            issued_by: self.issued_by.clone(),
            not_after: client.not_after,
            revoked_at: None,
            reason: String::new(),
        };
        Ok((Issued { client, ca_pem: authority.certificate_pem().to_string() }, record))
    }
}

/// The embedded CA; `None` where there is none, or where clients of other CAs are trusted.
pub(in crate::flow) fn own_authority(
    repository: &Repository,
) -> Option<&Mutex<CertificateAuthority>> {
    repository.authority.as_ref().filter(|_| !repository.trust.is_external())
}

pub(in crate::flow) fn bad_request(error: TrustError) -> FlowError {
    match error {
        TrustError::Request(_) => {
            FlowError::Invalid { field: "csr_pem", problem: error.to_string() }
        }
        TrustError::Parameter(_) => {
            FlowError::Invalid { field: "days", problem: error.to_string() }
        }
        other => other.into(),
    }
}
