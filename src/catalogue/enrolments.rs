//! Facts about enrolment: the tokens with which a machine gets the certificate of a host.

use super::{CatalogueError, CertificateRecord};
use crate::digest::Digest;
use crate::domain::{EnrolmentToken, Event, Identity, TokenUse};
use crate::time::Moment;

/// Facts about tokens.
pub trait Enrolments: Send + Sync {
    /// Records a token, and revokes every other token of the same host that is still pending.
    /// Deletes tokens that ended before `forget`.
    ///
    /// # Errors
    /// [`CatalogueError::Exists`] when there is a token with that secret.
    fn record_token(
        &self,
        token: &EnrolmentToken,
        forget: Moment,
        event: &Event,
    ) -> Result<(), CatalogueError>;

    /// The token whose secret has this digest; `None` when there is none.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_token(&self, secret: &Digest) -> Result<Option<EnrolmentToken>, CatalogueError>;

    /// Every token that was not deleted, the newest first.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_tokens(&self) -> Result<Vec<EnrolmentToken>, CatalogueError>;

    /// Revokes every pending token of a host at the event's time, and gives how many there were.
    /// The event is recorded when there was at least one.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn revoke_tokens(&self, identity: &Identity, event: &Event) -> Result<u64, CatalogueError>;

    /// Uses up a token: records its use, the certificate that was issued for it, and the grant of
    /// its host, which is admitted again if it was shut out. A grant that names no suite is not recorded:
    /// the host keeps what it holds. Gives `false` and records nothing when the token is not pending at the moment of
    /// use: it was used, was revoked or has ended.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn record_enrolment(
        &self,
        token: &EnrolmentToken,
        used: &TokenUse,
        certificate: &CertificateRecord,
        event: &Event,
    ) -> Result<bool, CatalogueError>;
}
