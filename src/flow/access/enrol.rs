//! Enrol: a token is made for one host, and a machine exchanges it for a certificate, once.

use std::collections::BTreeSet;
use std::sync::Arc;

use tracing::info;
use zeroize::Zeroizing;

use crate::catalogue::CertificateRecord;
use crate::digest::Digest;
use crate::domain::{
    AccessGrant, Actor, Admitted, Conflict, EnrolmentToken, Event, Grant, Identity, Right, Share,
    TokenFault, TokenUse,
};
use crate::flow::access::giving::{answers_for, may_enrol, may_give};
use crate::flow::access::in_force;
use crate::flow::access::issuing::{Certificate, Issued, bad_request, own_authority};
use crate::flow::admit;
use crate::flow::audit::entries;
use crate::flow::error::FlowError;
use crate::flow::report::{identities, reports};
use crate::flow::repository::Repository;
use crate::flow::threads::{blocking, lock};
use crate::trust::{IssuedClient, request};

/// The length of a secret. Unit: random bytes.
const SECRET_BYTES: usize = 32;
/// The longest validity of a token. Unit: hours.
const MOST_HOURS: u32 = 30 * 24;
/// How long tokens are kept after their end, so that a late machine gets the reason. Unit: seconds.
const REMEMBERED_SECONDS: i64 = 90 * 86_400;

/// Whether machines can be enrolled here: only the embedded CA gives certificates for tokens.
pub fn is_offered(repository: &Repository) -> bool {
    own_authority(repository).is_some()
}

/// A request for a token.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The right that the host gets.
    pub grant: Grant,
    /// How long the token is valid. Unit: hours.
    pub hours: u32,
    /// How long the certificate is valid; `None` for the server's default. Unit: days.
    pub days: Option<u32>,
}

/// A token and its secret. The secret is shown only this once.
pub struct Made {
    /// What the server stores.
    pub token: EnrolmentToken,
    /// What the machine presents.
    pub secret: Zeroizing<String>,
}

/// Makes a token. Pending tokens of the same host are revoked.
///
/// # Errors
/// As for [`issue`](super::certificates::issue), since only those who may issue the certificate may
/// make the token; [`FlowError::Invalid`] also for a validity that is out of range.
pub async fn make(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    wanted: Wanted,
) -> Result<Made, FlowError> {
    may_give(repository, admitted, &wanted.grant)?;
    if !(1..=MOST_HOURS).contains(&wanted.hours) {
        let problem = format!("a token lasts from 1 to {MOST_HOURS} hours, not {}", wanted.hours);
        return Err(FlowError::Invalid { field: "hours", problem });
    }
    let (shared, maker) = (Arc::clone(repository), admitted.clone());
    blocking(move || make_now(&shared, &maker, wanted)).await
}

fn make_now(repository: &Repository, maker: &Admitted, wanted: Wanted) -> Result<Made, FlowError> {
    own_authority(repository).ok_or_else(no_authority)?;
    let _alone = lock(&repository.rights);
    may_enrol(repository, maker, &wanted.grant)?;
    let (now, secret) = (repository.now(), new_secret()?);
    let token = EnrolmentToken {
        secret: Digest::of(secret.as_bytes()),
        grant: wanted.grant,
        days: wanted.days,
        made_by: maker.identity().clone(),
        made_at: now,
        ends_at: now.plus(i64::from(wanted.hours).saturating_mul(3_600)),
        message: maker.why().to_owned(),
        revoked_at: None,
        used: None,
    };
    let event = maker.did("token", now);
    let event = event.with(&format!("{}; until {}", entries::granted(&token.grant), token.ends_at));
    repository.catalogue.record_token(&token, now.plus(-REMEMBERED_SECONDS), &event)?;
    repository.note_deadline(&token);
    info!(identity = %token.grant.identity, by = %token.made_by, ends = %token.ends_at, "token made");
    Ok(Made { token, secret })
}

/// A random secret, as text that needs no quoting.
fn new_secret() -> Result<Zeroizing<String>, FlowError> {
    use base64::Engine;
    use rand::RngCore;
    let mut bytes = Zeroizing::new([0u8; SECRET_BYTES]);
    rand::rngs::OsRng
        .try_fill_bytes(bytes.as_mut_slice())
        .map_err(FlowError::internal("no random bytes"))?;
    Ok(Zeroizing::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes.as_slice())))
}

/// The stored tokens, newest first: to an admin all, to others those for their own suites and hosts.
///
/// # Errors
/// [`FlowError`] from the catalogue; [`FlowError::Unavailable`] while too many reports are read.
pub async fn list(
    repository: &Arc<Repository>,
    admitted: &Admitted,
) -> Result<Vec<EnrolmentToken>, FlowError> {
    let admitted = admitted.clone();
    reports::reading(repository, move |shared| {
        let (asker, mut tokens) = (admitted.entitled(), shared.catalogue.list_tokens()?);
        if asker.is_admin() {
            return Ok(tokens);
        }
        let operated = admit::operated(shared, asker);
        // One that names no suite is for those whose hosts it makes.
        let hosts = identities::list_now(shared, None)?.into_iter();
        let hosts = hosts.filter(|one| one.share(&operated) == Share::Whole);
        let hosts: BTreeSet<_> = hosts.map(|one| one.identity).collect();
        tokens.retain(|token| match token.grant.names_no_suite() {
            true => token.made_by == *asker.identity() || hosts.contains(&token.grant.identity),
            false => asker.gives_suites(&AccessGrant::of(&token.grant).suites),
        });
        Ok(tokens)
    })
    .await
}

/// Revokes the pending tokens of a host and gives their number.
///
/// # Errors
/// [`FlowError::Missing`] when there is none, or none whose right the asker may give.
pub async fn revoke(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    identity: &Identity,
) -> Result<u64, FlowError> {
    let (shared, by, identity) = (Arc::clone(repository), admitted.clone(), identity.clone());
    blocking(move || {
        let _alone = lock(&shared.rights);
        let now = shared.now();
        let pending = shared.catalogue.list_tokens()?.into_iter();
        let waits = |one: &EnrolmentToken| {
            one.grant.identity == identity && one.is_pending(shared.now_for(one))
        };
        let pending: Vec<_> = pending.filter(waits).collect();
        // A token for suites beyond the asker's is absent for it.
        let mut own = true;
        for token in &pending {
            own &= answers_for(&shared, &by, token)?;
        }
        let event = by.did("token-revoke", now).with(identity.as_str());
        let count = match own && !pending.is_empty() {
            true => shared.catalogue.revoke_tokens(&identity, &event)?,
            false => 0,
        };
        if count == 0 {
            let what =
                format!("pending token of {identity}; `repoctl host token --list` shows them");
            return Err(FlowError::Missing(what));
        }
        info!(%identity, by = %by.identity(), "token revoked");
        Ok(count)
    })
    .await
}

/// What a machine presents to be enrolled.
pub struct Shown {
    /// The name that the machine claims.
    pub name: Identity,
    /// The secret of its token.
    pub secret: Zeroizing<String>,
    /// A certificate signing request, of which only the public key is used.
    pub csr_pem: String,
    /// The reason for the audit log; when it is empty, the reason that was given with the token.
    pub message: String,
}

/// Issues the certificate that a token is for. The same key with the same token gets the same
/// certificate again while the token is valid, because the first answer may have been lost.
///
/// # Errors
/// [`FlowError::Token`] with the reason; [`FlowError::Refused`] while the revocation lists are
/// unusable; [`FlowError::Conflict`] where another CA issues certificates; [`FlowError::Invalid`]
/// for a bad request.
pub async fn enroll(repository: &Arc<Repository>, shown: Shown) -> Result<Issued, FlowError> {
    let shared = Arc::clone(repository);
    blocking(move || enroll_now(&shared, &shown)).await
}

fn enroll_now(repository: &Repository, shown: &Shown) -> Result<Issued, FlowError> {
    let now = repository.now();
    repository.trust.current().gate(now)?;
    let authority = own_authority(repository).ok_or_else(no_authority)?;
    let secret = Digest::of(shown.secret.as_bytes());
    // The token is looked up before the request's signature is verified: only clients that know a
    // secret may cause that work.
    let known = |repository: &Repository| {
        repository.catalogue.find_token(&secret)?.ok_or(FlowError::Token(TokenFault::Unknown))
    };
    known(repository)?;
    let key = request::key_digest(&shown.csr_pem).map_err(bad_request)?;
    let _alone = lock(&repository.rights);
    let token = known(repository)?;
    if let Some(used) = token.judge(&shown.name, &key, repository.now_for(&token))? {
        let client = issued_before(repository, &token, used)?;
        return Ok(Issued { client, ca_pem: lock(authority).certificate_pem().into() });
    }
    may_still_be_given(repository, &token)?;
    let days = token.days.unwrap_or(repository.limits().certificate_days);
    let (identity, issued_by) = (&token.grant.identity, &token.made_by);
    let certificate = Certificate { identity, csr_pem: &shown.csr_pem, days, issued_by };
    let (issued, record) = certificate.issue(authority, repository.dating())?;
    let why = if shown.message.is_empty() { &token.message } else { &shown.message };
    use_up(repository, &token, &issued.client, &record, (key, why))?;
    in_force::rights(repository)?;
    info!(identity = %token.grant.identity, serial = %record.serial, by = %token.made_by, "host enrolled");
    Ok(issued)
}

/// The certificate that was already issued for the token.
fn issued_before(
    repository: &Repository,
    token: &EnrolmentToken,
    used: &TokenUse,
) -> Result<IssuedClient, FlowError> {
    let issued = repository.catalogue.list_certificates(Some(&token.grant.identity))?;
    let valid = |one: &&CertificateRecord| one.serial == used.serial && one.revoked_at.is_none();
    issued.iter().find(valid).ok_or(TokenFault::CertificateRevoked)?;
    Ok(IssuedClient {
        certificate_pem: used.certificate_pem.clone(),
        serial_hex: used.serial.clone(),
        not_after: used.not_after,
    })
}

/// Checks that the maker of the token may still issue the certificate.
fn may_still_be_given(repository: &Repository, token: &EnrolmentToken) -> Result<(), FlowError> {
    let maker = admit::admit_by_name(repository, &token.made_by, Right::IssueHosts);
    let given = maker.and_then(|maker| may_enrol(repository, &maker, &token.grant));
    given.map_err(|error| match error {
        FlowError::Denied(_) => TokenFault::MakerLost.into(),
        FlowError::Invalid { field: "suites", .. } => TokenFault::NoSuite.into(),
        other => other,
    })
}

fn use_up(
    repository: &Repository,
    token: &EnrolmentToken,
    client: &IssuedClient,
    record: &CertificateRecord,
    (key, why): (Digest, &str),
) -> Result<(), FlowError> {
    let now = record.issued_at;
    let used = TokenUse {
        at: now,
        key,
        serial: client.serial_hex.clone(),
        certificate_pem: client.certificate_pem.clone(),
        not_after: client.not_after,
    };
    let event = Event::done(Actor::named(&token.made_by), "enrol", now);
    let event = event.with(&entries::issued(&token.grant, record)).because(why);
    match repository.catalogue.record_enrolment(token, &used, record, &event)? {
        true => Ok(()),
        false => Err(TokenFault::Used.into()),
    }
}

fn no_authority() -> FlowError {
    let problem = "certificates come from the CA that repod.toml names in [trust]: let that one issue \
                   it, and give the right with `repoctl host grant`";
    Conflict::one("enrolment", problem).into()
}
