//! The client of a host: with the certificate that it reads a server with.

use zeroize::Zeroizing;

use super::enrol::read_certificate;
use crate::cli::apt;
use crate::cli::failure::Failure;
use crate::cli::host_certificates::HostCertificates;
use crate::cli::text::age;
use crate::cli::written::Written;
use crate::client::{Client, Credentials};
use crate::time::Moment;

/// A client with the certificate of a host, and the name in it. The address of the server is that in
/// apt's sources, or else the last one that was written.
///
/// # Errors
/// A [`Failure`] that names what cannot be read, or a certificate that has ended.
pub(super) fn connect(
    host_certificates: &HostCertificates,
    written: &Written,
    now: Moment,
) -> Result<(Client, String), Failure> {
    let (root, server) = (host_certificates.root(), host_certificates.server());
    let (certificate_pem, key_pem) = {
        // No renewal exchanges the two meanwhile.
        let _alone = host_certificates.alone()?;
        host_certificates.in_use()?
    };
    let name = name_of(host_certificates, &certificate_pem, now)?;
    let found = apt::address(root, server);
    let address = match (found, written.address(server)) {
        (Ok(address), _) => address,
        (Err(_), Some(address)) => address.to_owned(),
        (Err(failure), None) => return Err(failure),
    };
    let credentials = Credentials {
        server: address,
        certificate_pem: certificate_pem.into_bytes(),
        key_pem: Zeroizing::new(key_pem.as_bytes().to_vec()),
        ca_pem: host_certificates.read("ca.crt")?.into_bytes(),
    };
    Ok((Client::new(&credentials)?, name))
}

fn name_of(
    host_certificates: &HostCertificates,
    certificate_pem: &str,
    now: Moment,
) -> Result<String, Failure> {
    let file = host_certificates.shown("client.crt");
    let (name, _, ends) = read_certificate(certificate_pem)
        .ok_or_else(|| Failure::refused(format!("{}: is no certificate", file.display())))?;
    if now.0 < ends {
        return Ok(name);
    }
    Err(Failure::refused(format!("the certificate of {name} ended {}", age(ends, now)))
        .with_hint("make a token with repoctl host token, and run repoctl host enroll here"))
}
