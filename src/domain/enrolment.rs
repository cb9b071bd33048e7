//! Enrolment: with a token, one machine gets the certificate of one host, once.

use crate::digest::Digest;
use crate::domain::{Grant, Identity};
use crate::time::Moment;

/// A token as it is recorded: without the secret itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EnrolmentToken {
    /// SHA-256 of the secret.
    pub secret: Digest,
    /// The grant that the host gets with it. One that names no suite gives it nothing: it reads what it
    /// holds otherwise, such as by its groups.
    pub grant: Grant,
    /// How long the certificate is to be valid; the server's default when not given. Unit: days.
    pub days: Option<u32>,
    /// Who made the token.
    pub made_by: Identity,
    /// When it was made.
    pub made_at: Moment,
    /// From when on it cannot be used.
    pub ends_at: Moment,
    /// Why it was made.
    pub message: String,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Moment>,
    /// Its use, once it was used.
    pub used: Option<TokenUse>,
}

/// The use of a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenUse {
    /// When.
    pub at: Moment,
    /// SHA-256 of the public key that was sent with it.
    pub key: Digest,
    /// The serial of the certificate that was issued for it.
    pub serial: String,
    /// That certificate, PEM.
    pub certificate_pem: String,
    /// When that certificate expires.
    pub not_after: Moment,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// No token has this secret.
    #[error("this token is not one of this server's, or too old to be remembered: make a new one")]
    Unknown,
    /// It is for another host.
    #[error("this token is for another host: make one for this name")]
    OtherHost,
    /// It was revoked.
    #[error("this token was revoked: make a new one")]
    Revoked,
    /// It has expired.
    #[error("this token has expired: make a new one")]
    Expired,
    /// Another key got its certificate already.
    #[error("this token was used already, and a token works once: make a new one")]
    Used,
    /// The certificate that was issued for it was revoked since.
    #[error("the certificate that this token gave was revoked: make a new token")]
    CertificateRevoked,
    /// It names no suite, and nothing else gives the host one any more.
    #[error(
        "no group and no grant gives this host a suite any more: let a group have it again, or make a \
         token that names suites"
    )]
    NoSuite,
    /// The identity that made it could not make it now.
    #[error("who made this token may no longer give that right: let somebody else make one")]
    MakerLost,
}

impl EnrolmentToken {
    /// Whether it can still be used at `now`.
    pub fn is_pending(&self, now: Moment) -> bool {
        self.used.is_none() && self.revoked_at.is_none() && now < self.ends_at
    }

    /// What the holder of `key`, who asks as `name`, gets for it at `now`: its use when the same
    /// key used it before, since the answer to that may have been lost; `None` when it was not used
    /// yet.
    ///
    /// # Errors
    /// [`TokenFault`] (sender's fault).
    pub fn judge(
        &self,
        name: &Identity,
        key: &Digest,
        now: Moment,
    ) -> Result<Option<&TokenUse>, TokenFault> {
        if self.grant.identity != *name {
            return Err(TokenFault::OtherHost);
        }
        if self.revoked_at.is_some() {
            return Err(TokenFault::Revoked);
        }
        match &self.used {
            Some(used) if used.key != *key => Err(TokenFault::Used),
            _ if now >= self.ends_at => Err(TokenFault::Expired),
            used => Ok(used.as_ref()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Role, SuiteScope};

    fn token() -> EnrolmentToken {
        let identity: Identity = "web-01.example.org".parse().unwrap();
        EnrolmentToken {
            secret: Digest::of(b"secret"),
            grant: Grant::whole(identity, Role::Host, SuiteScope::All),
            days: None,
            made_by: "ops".parse().unwrap(),
            made_at: Moment(100),
            ends_at: Moment(200),
            message: String::new(),
            revoked_at: None,
            used: None,
        }
    }

    #[test]
    fn a_token_is_for_one_name_one_key_and_its_time() {
        let (web, other): (Identity, Identity) =
            ("web-01.example.org".parse().unwrap(), "web-02.example.org".parse().unwrap());
        let (key, thief) = (Digest::of(b"key"), Digest::of(b"thief"));
        let fresh = token();
        assert_eq!(fresh.judge(&web, &key, Moment(199)), Ok(None));
        assert_eq!(fresh.judge(&web, &key, Moment(200)), Err(TokenFault::Expired));
        assert_eq!(fresh.judge(&other, &key, Moment(150)), Err(TokenFault::OtherHost));
        assert!(fresh.is_pending(Moment(199)) && !fresh.is_pending(Moment(200)));

        let (at, not_after) = (Moment(150), Moment(999));
        let (serial, certificate_pem) = ("1f".to_owned(), "PEM".to_owned());
        let used = TokenUse { at, key, serial, certificate_pem, not_after };
        let used = EnrolmentToken { used: Some(used), ..token() };
        assert_eq!(used.judge(&web, &key, Moment(160)), Ok(used.used.as_ref()));
        assert_eq!(used.judge(&web, &thief, Moment(160)), Err(TokenFault::Used));
        assert_eq!(used.judge(&web, &thief, Moment(300)), Err(TokenFault::Used));
        assert_eq!(used.judge(&web, &key, Moment(200)), Err(TokenFault::Expired));
        assert!(!used.is_pending(Moment(160)));

        let revoked = EnrolmentToken { revoked_at: Some(Moment(120)), ..used };
        assert_eq!(revoked.judge(&web, &key, Moment(160)), Err(TokenFault::Revoked));
    }
}
