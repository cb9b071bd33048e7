//! The room as a whole: certificates and lists made here, judged here, and shown to OpenSSL.

#![expect(clippy::disallowed_methods, reason = "tests damage files and ask the openssl command")]

mod again;
mod authority;
mod external;
mod lists;
mod locked;
mod openssl;
mod table;
mod tls;

use std::path::{Path, PathBuf};

use rcgen::{
    CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SanType, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;

use super::dates::written;
use super::*;
use crate::domain::Identity;
use crate::time::Moment;

const NOW: Moment = Moment(1_795_404_699);
const DAY: i64 = 86_400;

/// An embedded CA in a directory of its own.
struct Bench {
    directory: TempDir,
    ca: CertificateAuthority,
}

impl Bench {
    fn new() -> Self {
        Self::at(NOW)
    }

    fn at(now: Moment) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ca = CertificateAuthority::create(directory.path(), "repo.example.org", now).unwrap();
        Self { directory, ca }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn files(&self) -> TrustFiles {
        TrustFiles::of_directory(self.directory.path())
    }

    fn load(&self, now: Moment) -> Trust {
        Trust::load(self.files(), now).unwrap()
    }

    fn client(&self, name: &str, days: u32, now: Moment) -> (IssuedClient, NewRequest) {
        let request = NewRequest::make().unwrap();
        let identity = Identity::parse(name).unwrap();
        (self.ca.issue_client(&identity, &request.csr_pem, days, now).unwrap(), request)
    }

    fn chain(&self, name: &str) -> (Vec<CertificateDer<'static>>, String) {
        let (issued, _) = self.client(name, 90, NOW);
        (vec![der(&issued.certificate_pem)], issued.serial_hex)
    }

    /// A client certificate of this CA, altered by `alter` before it is signed.
    fn odd(&self, alter: impl FnOnce(&mut CertificateParams)) -> Vec<CertificateDer<'static>> {
        vec![sign_client(&self.ca.issuer, &KeyPair::generate().unwrap(), alter)]
    }

    fn revoke(&self, serials: &[&str], now: Moment, valid_seconds: i64) {
        self.ca.publish_crl(&revoked(serials), now, valid_seconds).unwrap();
    }
}

fn revoked(serials: &[&str]) -> Vec<Revoked> {
    let entry = |serial: &&str| Revoked {
        serial_hex: (*serial).to_owned(),
        at: NOW,
        reason: Reason::KeyCompromise,
    };
    serials.iter().map(entry).collect()
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn refused(outcome: Result<Standing, Refusal>) -> Refusal {
    match outcome {
        Ok(standing) => panic!("{} was let in", standing.identity()),
        Err(refusal) => refusal,
    }
}

/// A valid client certificate, before a test spoils it.
fn sign_client(
    issuer: &Issuer<'_, KeyPair>,
    key: &KeyPair,
    alter: impl FnOnce(&mut CertificateParams),
) -> CertificateDer<'static> {
    let mut params = CertificateParams::default();
    params.not_before = written(NOW.plus(-300)).unwrap().to_datetime();
    params.not_after = written(NOW.plus(90 * DAY)).unwrap().to_datetime();
    params.serial_number = Some(SerialNumber::from(0x5eed_u64));
    params.is_ca = IsCa::ExplicitNoCa;
    params.distinguished_name = named("web-01.example.org");
    params.subject_alt_names = vec![dns("web-01.example.org")];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    alter(&mut params);
    params.signed_by(key, issuer).unwrap().der().clone()
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

fn named(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    subject
}

/// A CA that is not the embedded one: its issuer half and its certificate.
fn other_ca(name: &str, above: Option<&Issuer<'_, KeyPair>>) -> (Issuer<'static, KeyPair>, String) {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(name);
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.serial_number = Some(SerialNumber::from(0xca_u64));
    let key = KeyPair::generate().unwrap();
    let pem = match above {
        Some(issuer) => params.signed_by(&key, issuer).unwrap().pem(),
        None => params.self_signed(&key).unwrap().pem(),
    };
    (Issuer::new(params, key), pem)
}

/// A plain list of `issuer`, in PEM.
fn list_of(issuer: &Issuer<'_, KeyPair>, number: u64, serials: &[u64], at: Moment) -> String {
    list_params(number, serials, at).signed_by(issuer).unwrap().pem().unwrap()
}

fn list_params(number: u64, serials: &[u64], at: Moment) -> CertificateRevocationListParams {
    let entry = |serial: &u64| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: written(NOW).unwrap().to_datetime(),
        reason_code: None,
        invalidity_date: None,
    };
    CertificateRevocationListParams {
        this_update: written(at).unwrap().to_datetime(),
        next_update: written(at.plus(DAY)).unwrap().to_datetime(),
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs: serials.iter().map(entry).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    }
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
