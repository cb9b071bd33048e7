//! Grants, and the certificates that come with them: what both access and enrolments record.

use super::rows::{damaged, json, parse, to_json};
use super::{Answer, Row, Tx, all};
use crate::catalogue::{CatalogueError, CertificateRecord};
use crate::domain::{Grant, Identity, Role};
use crate::time::Moment;

const RECORD_GRANT: &str = "\
    INSERT INTO access_grant (identity, role, suites, limits, granted_by, granted_at) \
    VALUES ($1, $2, $3, $4, $5, $6) \
    ON CONFLICT (identity) DO UPDATE SET role = excluded.role, suites = excluded.suites, \
        limits = excluded.limits, granted_by = excluded.granted_by, granted_at = excluded.granted_at";

const REMOVE_GRANT: &str = "DELETE FROM access_grant WHERE identity = $1";

pub(super) const ADMIT_AGAIN: &str = "DELETE FROM shut_out WHERE identity = $1";

const GRANTS: &str = "SELECT identity, role, suites, limits FROM access_grant ORDER BY identity";

const RECORD_CERTIFICATE: &str = "\
    INSERT INTO certificate (serial, identity, issued_at, issued_by, not_after, revoked_at, \
        reason) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) \
    ON CONFLICT (serial) DO NOTHING";

pub(super) fn list_grants(tx: &mut dyn Tx) -> Answer<Vec<Grant>> {
    let mut grants = all(tx, GRANTS, &[], grant)?;
    grants.sort_by(|a, b| a.identity.cmp(&b.identity));
    Ok(grants)
}

pub(super) fn record_grant(tx: &mut dyn Tx, grant: &Grant, by: &str, at: Moment) -> Answer<()> {
    let values = [
        grant.identity.as_str().into(),
        grant.role.as_str().into(),
        to_json(&grant.suites)?.into(),
        to_json(&grant.limits)?.into(),
        by.into(),
        at.0.into(),
    ];
    tx.exec(RECORD_GRANT, &values)?;
    tx.exec(ADMIT_AGAIN, &[grant.identity.as_str().into()]).map(drop)
}

pub(super) fn remove_grant(tx: &mut dyn Tx, identity: &Identity) -> Answer<()> {
    tx.exec(REMOVE_GRANT, &[identity.as_str().into()]).map(drop)
}

pub(super) fn record_certificate(
    tx: &mut dyn Tx,
    certificate: &CertificateRecord,
    grant: Option<&Grant>,
) -> Answer<()> {
    let values = [
        certificate.serial.as_str().into(),
        certificate.identity.as_str().into(),
        certificate.issued_at.0.into(),
        certificate.issued_by.as_str().into(),
        certificate.not_after.0.into(),
        certificate.revoked_at.map(|at| at.0).into(),
        certificate.revoked_at.map(|_| certificate.reason.as_str()).into(),
    ];
    if tx.exec(RECORD_CERTIFICATE, &values)? == 0 {
        return Err(CatalogueError::Exists(format!("certificate {}", certificate.serial)));
    }
    match grant {
        Some(grant) => {
            record_grant(tx, grant, certificate.issued_by.as_str(), certificate.issued_at)
        }
        None => Ok(()),
    }
}

fn grant(row: &dyn Row) -> Answer<Grant> {
    let word = row.text(1)?;
    let role = Role::parse(word).ok_or_else(|| damaged(format!("{word:?} is no role")))?;
    Ok(Grant { identity: parse(row, 0)?, role, suites: json(row, 2)?, limits: json(row, 3)? })
}
