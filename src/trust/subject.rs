//! Subject: the names in certificates that are made here.

use rcgen::{DistinguishedName, DnType, SanType};

use super::TrustError;
use crate::domain::Identity;

/// The longest common name (`ub-common-name`, RFC 5280, appendix A.1). Unit: bytes.
const COMMON_NAME_BYTES: usize = 64;

/// A subject for people to read. A name that is too long is left out, because only subjectAltName
/// is read.
pub(super) fn subject(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    if name.len() <= COMMON_NAME_BYTES {
        subject.push(DnType::CommonName, name);
    }
    subject
}

pub(super) fn server_name(name: &str) -> Result<SanType, TrustError> {
    if let Ok(address) = name.parse() {
        return Ok(SanType::IpAddress(address));
    }
    let name = Identity::parse(name).map_err(|e| TrustError::Parameter(e.to_string()))?;
    Ok(SanType::DnsName(name.as_str().try_into()?))
}
