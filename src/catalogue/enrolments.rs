//! Facts about enrolment: the tokens that let a machine have the certificate of a host.

use super::{CatalogueError, CertificateRecord};
use crate::digest::Digest;
use crate::domain::{EnrolmentToken, Event, Identity, TokenUse};
use crate::time::Moment;

/// Facts about tokens.
pub trait Enrolments: Send + Sync {
    /// Records a token and takes every other one back that is still pending for the same host. Tokens
    /// that ended before `forget` are forgotten.
    ///
    /// # Errors
    /// [`CatalogueError::Exists`] when there is one of that secret.
    fn record_token(
        &self,
        token: &EnrolmentToken,
        forget: Moment,
        event: &Event,
    ) -> Result<(), CatalogueError>;

    /// The token of this secret.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn find_token(&self, secret: &Digest) -> Result<Option<EnrolmentToken>, CatalogueError>;

    /// Every token that is remembered, newest first.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn list_tokens(&self) -> Result<Vec<EnrolmentToken>, CatalogueError>;

    /// Takes every pending token of a host back at the event's time, and records the event if there was one;
    /// gives how many.
    ///
    /// # Errors
    /// [`CatalogueError`].
    fn revoke_tokens(&self, identity: &Identity, event: &Event) -> Result<u64, CatalogueError>;

    /// Uses a token up: records the certificate that it gave and the right of its host with it. `false`,
    /// and nothing is recorded, when it is not pending at the moment of use: used, revoked or ended.
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
