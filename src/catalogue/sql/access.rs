//! Access: grants, and the certificates of the embedded CA.

use super::rows::{damaged, json, moment, moment_optional, parse, to_json};
use super::{Answer, Row, Store, Tx, all, audit};
use crate::catalogue::{Access, CatalogueError, CertificateRecord};
use crate::domain::{Event, Grant, Identity, Role};
use crate::time::Moment;

const RECORD_GRANT: &str = "\
    INSERT INTO access_grant (identity, role, suites, granted_by, granted_at) \
    VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (identity) DO UPDATE SET role = excluded.role, suites = excluded.suites, \
        granted_by = excluded.granted_by, granted_at = excluded.granted_at";

const REMOVE_GRANT: &str = "DELETE FROM access_grant WHERE identity = $1";

const SHUT_OUT: &str = "\
    INSERT INTO shut_out (identity, shut_at) VALUES ($1, $2) ON CONFLICT (identity) DO NOTHING";

pub(super) const ADMIT_AGAIN: &str = "DELETE FROM shut_out WHERE identity = $1";

const GRANTS: &str = "SELECT identity, role, suites FROM access_grant ORDER BY identity";

const RECORD_CERTIFICATE: &str = "\
    INSERT INTO certificate (serial, identity, issued_at, issued_by, not_after, revoked_at, \
        reason) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) \
    ON CONFLICT (serial) DO NOTHING";

const CERTIFICATES: &str = "\
    SELECT serial, identity, issued_at, issued_by, not_after, revoked_at, reason \
    FROM certificate ORDER BY issued_at DESC, serial";

const CERTIFICATES_OF: &str = "\
    SELECT serial, identity, issued_at, issued_by, not_after, revoked_at, reason \
    FROM certificate WHERE identity = $1 ORDER BY issued_at DESC, serial";

// A certificate that was revoked before keeps its moment and reason, and counts as found.
const REVOKE: &str = "\
    UPDATE certificate SET \
        reason = CASE WHEN revoked_at IS NULL THEN $1 ELSE reason END, \
        revoked_at = COALESCE(revoked_at, $2) \
    WHERE serial = $3";

impl<S: Store> Access for S {
    fn record_grant(&self, grant: &Grant, event: &Event) -> Answer<()> {
        let (grant, event) = (grant.clone(), event.clone());
        self.write(move |tx| {
            record_grant(tx, &grant, &event.actor.identity, event.at)?;
            audit::add(tx, &[event])
        })
    }

    fn remove_grant(&self, identity: &Identity, event: &Event) -> Answer<()> {
        let (identity, event) = (identity.clone(), event.clone());
        self.write(move |tx| {
            remove_grant(tx, &identity)?;
            audit::add(tx, &[event])
        })
    }

    fn list_grants(&self) -> Answer<Vec<Grant>> {
        self.read(list_grants)
    }

    fn record_certificate(
        &self,
        certificate: &CertificateRecord,
        grant: Option<&Grant>,
        event: &Event,
    ) -> Answer<()> {
        let (certificate, grant, event) = (certificate.clone(), grant.cloned(), event.clone());
        self.write(move |tx| {
            record_certificate(tx, &certificate, grant.as_ref())?;
            audit::add(tx, &[event])
        })
    }

    fn list_certificates(&self, of: Option<&Identity>) -> Answer<Vec<CertificateRecord>> {
        self.read(|tx| match of {
            None => all(tx, CERTIFICATES, &[], certificate),
            Some(identity) => all(tx, CERTIFICATES_OF, &[identity.as_str().into()], certificate),
        })
    }

    fn record_revocation(
        &self,
        serials: &[String],
        reason: &str,
        and_grant: Option<&Identity>,
        event: &Event,
    ) -> Answer<()> {
        let (serials, reason) = (serials.to_vec(), reason.to_owned());
        let (and_grant, event) = (and_grant.cloned(), event.clone());
        self.write(move |tx| {
            for serial in &serials {
                let values = [reason.as_str().into(), event.at.0.into(), serial.as_str().into()];
                if tx.exec(REVOKE, &values)? == 0 {
                    return Err(CatalogueError::Missing(format!("certificate {serial}")));
                }
            }
            and_grant.iter().try_for_each(|identity| {
                super::enrolments::revoke(tx, identity, event.at)?;
                remove_grant(tx, identity)?;
                tx.exec(SHUT_OUT, &[identity.as_str().into(), event.at.0.into()]).map(drop)
            })?;
            audit::add(tx, &[event])
        })
    }
}

pub(super) fn list_grants(tx: &mut dyn Tx) -> Answer<Vec<Grant>> {
    let mut grants = all(tx, GRANTS, &[], grant)?;
    grants.sort_by(|a, b| a.identity.cmp(&b.identity));
    Ok(grants)
}

fn record_grant(tx: &mut dyn Tx, grant: &Grant, by: &str, at: Moment) -> Answer<()> {
    let values = [
        grant.identity.as_str().into(),
        grant.role.as_str().into(),
        to_json(&grant.suites)?.into(),
        by.into(),
        at.0.into(),
    ];
    tx.exec(RECORD_GRANT, &values)?;
    tx.exec(ADMIT_AGAIN, &[grant.identity.as_str().into()]).map(drop)
}

fn remove_grant(tx: &mut dyn Tx, identity: &Identity) -> Answer<()> {
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
        certificate.reason.as_str().into(),
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
    Ok(Grant { identity: parse(row, 0)?, role, suites: json(row, 2)? })
}

fn certificate(row: &dyn Row) -> Answer<CertificateRecord> {
    Ok(CertificateRecord {
        serial: row.text(0)?.to_owned(),
        identity: parse(row, 1)?,
        issued_at: moment(row, 2)?,
        issued_by: parse(row, 3)?,
        not_after: moment(row, 4)?,
        revoked_at: moment_optional(row, 5)?,
        reason: row.text(6)?.to_owned(),
    })
}
