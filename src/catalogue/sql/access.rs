//! Access: grants, and the certificates of the embedded CA.

use super::grants::{list_grants, record_certificate, record_grant, remove_grant};
use super::rows::{moment, moment_optional, parse};
use super::{Answer, Row, Store, all, audit, enrolments};
use crate::catalogue::{Access, CatalogueError, CertificateRecord};
use crate::domain::{Event, Grant, Identity};

const SHUT_OUT: &str = "\
    INSERT INTO shut_out (identity, shut_at) VALUES ($1, $2) ON CONFLICT (identity) DO NOTHING";

const CERTIFICATES: &str = "\
    SELECT serial, identity, issued_at, issued_by, not_after, revoked_at, reason \
    FROM certificate ORDER BY issued_at DESC, serial";

const CERTIFICATES_OF: &str = "\
    SELECT serial, identity, issued_at, issued_by, not_after, revoked_at, reason \
    FROM certificate WHERE identity = $1 ORDER BY issued_at DESC, serial";

// A certificate that is revoked already keeps its time and reason, and counts as found.
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
        self.write_needed(move |tx| {
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
        self.write_needed(move |tx| {
            for serial in &serials {
                let values = [reason.as_str().into(), event.at.0.into(), serial.as_str().into()];
                if tx.exec(REVOKE, &values)? == 0 {
                    return Err(CatalogueError::Missing(format!("certificate {serial}")));
                }
            }
            and_grant.iter().try_for_each(|identity| {
                enrolments::revoke(tx, identity, event.at)?;
                remove_grant(tx, identity)?;
                tx.exec(SHUT_OUT, &[identity.as_str().into(), event.at.0.into()]).map(drop)
            })?;
            audit::add(tx, &[event])
        })
    }
}

fn certificate(row: &dyn Row) -> Answer<CertificateRecord> {
    Ok(CertificateRecord {
        serial: row.text(0)?.to_owned(),
        identity: parse(row, 1)?,
        issued_at: moment(row, 2)?,
        issued_by: parse(row, 3)?,
        not_after: moment(row, 4)?,
        revoked_at: moment_optional(row, 5)?,
        reason: if row.is_null(6)? { String::new() } else { row.text(6)?.to_owned() },
    })
}
