//! Enrolments: tokens, and the one transaction that uses one up.

use super::grants::{ADMIT_AGAIN, record_certificate};
use super::rows::{json, moment, moment_optional, number_optional, parse, parse_optional, to_json};
use super::{Answer, Row, Store, Tx, all, audit, one};
use crate::catalogue::{CatalogueError, CertificateRecord, Enrolments};
use crate::digest::Digest;
use crate::domain::{EnrolmentToken, Event, Identity, TokenUse};
use crate::time::Moment;

const RECORD: &str = "\
    INSERT INTO enrolment_token (secret, identity, host_grant, days, made_by, made_at, ends_at, \
        message) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
    ON CONFLICT (secret) DO NOTHING";

const REVOKE: &str = "\
    UPDATE enrolment_token SET revoked_at = $1 \
    WHERE identity = $2 AND revoked_at IS NULL AND used_at IS NULL AND ends_at > $1";

const FORGET: &str = "DELETE FROM enrolment_token WHERE ends_at < $1";

macro_rules! columns {
    () => {
        "SELECT secret, host_grant, days, made_by, made_at, ends_at, message, revoked_at, used_at, \
            used_by_key, serial, certificate, not_after FROM enrolment_token "
    };
}

const TOKEN: &str = concat!(columns!(), "WHERE secret = $1");

const TOKENS: &str = concat!(columns!(), "ORDER BY made_at DESC, secret");

// The conditions are part of the statement: when a token is used twice at the same time, one of the
// two uses changes no row.
const USE: &str = "\
    UPDATE enrolment_token SET used_at = $1, used_by_key = $2, serial = $3, certificate = $4, \
        not_after = $5 \
    WHERE secret = $6 AND used_at IS NULL AND revoked_at IS NULL AND ends_at > $1";

impl<S: Store> Enrolments for S {
    fn record_token(&self, token: &EnrolmentToken, forget: Moment, event: &Event) -> Answer<()> {
        let event = event.clone();
        let token = token.clone();
        self.write(move |tx| {
            tx.exec(FORGET, &[forget.0.into()])?;
            revoke(tx, &token.grant.identity, token.made_at)?;
            let values = [
                (&token.secret).into(),
                token.grant.identity.as_str().into(),
                to_json(&token.grant)?.into(),
                token.days.map(i64::from).into(),
                token.made_by.as_str().into(),
                token.made_at.0.into(),
                token.ends_at.0.into(),
                token.message.as_str().into(),
            ];
            match tx.exec(RECORD, &values)? {
                0 => Err(CatalogueError::Exists("such a token".into())),
                _ => audit::add(tx, &[event]),
            }
        })
    }

    fn find_token(&self, secret: &Digest) -> Answer<Option<EnrolmentToken>> {
        self.read(|tx| one(tx, TOKEN, &[secret.into()], token))
    }

    fn list_tokens(&self) -> Answer<Vec<EnrolmentToken>> {
        self.read(|tx| all(tx, TOKENS, &[], token))
    }

    fn revoke_tokens(&self, identity: &Identity, event: &Event) -> Answer<u64> {
        let (identity, event) = (identity.clone(), event.clone());
        self.write_needed(move |tx| {
            let count = revoke(tx, &identity, event.at)?;
            if count > 0 {
                audit::add(tx, &[event])?;
            }
            Ok(count)
        })
    }

    fn record_enrolment(
        &self,
        token: &EnrolmentToken,
        used: &TokenUse,
        certificate: &CertificateRecord,
        event: &Event,
    ) -> Answer<bool> {
        let event = event.clone();
        let (token, used, certificate) = (token.clone(), used.clone(), certificate.clone());
        self.write(move |tx| {
            let values = [
                used.at.0.into(),
                (&used.key).into(),
                used.serial.as_str().into(),
                used.certificate_pem.as_str().into(),
                used.not_after.0.into(),
                (&token.secret).into(),
            ];
            if tx.exec(USE, &values)? == 0 {
                return Ok(false);
            }
            let grant = Some(&token.grant).filter(|grant| !grant.names_no_suite());
            record_certificate(tx, &certificate, grant)?;
            if grant.is_none() {
                tx.exec(ADMIT_AGAIN, &[token.grant.identity.as_str().into()])?;
            }
            audit::add(tx, &[event])?;
            Ok(true)
        })
    }
}

/// Revokes the pending tokens of a host, and gives how many there were.
pub(super) fn revoke(tx: &mut dyn Tx, identity: &Identity, at: Moment) -> Answer<u64> {
    tx.exec(REVOKE, &[at.0.into(), identity.as_str().into()])
}

fn token(row: &dyn Row) -> Answer<EnrolmentToken> {
    Ok(EnrolmentToken {
        secret: parse(row, 0)?,
        grant: json(row, 1)?,
        days: number_optional(row, 2)?,
        made_by: parse(row, 3)?,
        made_at: moment(row, 4)?,
        ends_at: moment(row, 5)?,
        message: row.text(6)?.to_owned(),
        revoked_at: moment_optional(row, 7)?,
        used: token_use(row)?,
    })
}

fn token_use(row: &dyn Row) -> Answer<Option<TokenUse>> {
    let (Some(at), Some(key)) = (moment_optional(row, 8)?, parse_optional(row, 9)?) else {
        return Ok(None);
    };
    Ok(Some(TokenUse {
        at,
        key,
        serial: row.text(10)?.to_owned(),
        certificate_pem: row.text(11)?.to_owned(),
        not_after: moment(row, 12)?,
    }))
}
