//! Moments as certificates write them.

use x509_parser::prelude::ASN1Time;

use super::TrustError;
use crate::time::Moment;

/// The last moment that a certificate can write, 9999-12-31 23:59:59 (RFC 5280, section 4.1.2.5).
const LAST: i64 = 253_402_300_799;
/// One day. Unit: seconds.
pub(super) const DAY_SECONDS: i64 = 86_400;

/// `at` as a certificate writes it.
///
/// # Errors
/// [`TrustError::Parameter`] before 1970 or after the year 9999.
pub(super) fn written(at: Moment) -> Result<ASN1Time, TrustError> {
    let possible = (0..=LAST).contains(&at.0);
    let time = possible.then(|| ASN1Time::from_timestamp(at.0).ok()).flatten();
    time.ok_or_else(|| TrustError::Parameter(format!("no certificate can state the time {at}")))
}
