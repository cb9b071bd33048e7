//! The verdict on a certificate chain, and the quick check at every request.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;
use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::{IssuerId, KeyFault, NameFault, Refusal, Serial, Trust, TrustState, crypto, key};
use crate::domain::Identity;
use crate::time::Moment;

/// The largest size of a whole chain. Unit: bytes.
pub(super) const CHAIN_LIMIT_BYTES: usize = 16 * 1024;
/// The most certificates in a chain, the client's own included.
pub(super) const CHAIN_LIMIT_CERTIFICATES: usize = 4;

/// Whether a chain is small enough to be looked at.
pub(super) fn fits(first: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> bool {
    let bytes = others.iter().fold(first.len(), |sum, der| sum.saturating_add(der.len()));
    bytes <= CHAIN_LIMIT_BYTES && others.len() < CHAIN_LIMIT_CERTIFICATES
}

/// A chain that was verified in one epoch.
#[derive(Clone, Debug)]
pub struct Standing {
    identity: Identity,
    links: Vec<(IssuerId, Serial)>,
    not_before: Moment,
    not_after: Moment,
    ca_not_after: Moment,
    epoch: u64,
}

impl Standing {
    /// Who the certificate names.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The serial of the client's own certificate.
    pub fn serial(&self) -> Option<&Serial> {
        self.links.first().map(|(_, serial)| serial)
    }

    /// Issuer and serial of every certificate that can be revoked, the client's own first.
    pub fn links(&self) -> &[(IssuerId, Serial)] {
        &self.links
    }

    /// The earliest `notAfter` on the path below the CA.
    pub fn not_after(&self) -> Moment {
        self.not_after
    }

    /// Whether it was judged in the epoch of `state`; if not, it must be judged again.
    pub fn is_of(&self, state: &TrustState) -> bool {
        self.epoch == state.epoch()
    }

    /// The quick check: is the gate open, the path in date, and no serial on it revoked?
    ///
    /// # Errors
    /// [`Refusal`] with the reason.
    pub fn check(&self, state: &TrustState, now: Moment) -> Result<(), Refusal> {
        state.gate(now)?;
        self.check_but_gate(state, now, |_| Err(Refusal::IssuerUncovered))
    }

    /// The same for clients that deliver new lists, while lists are out of date or missing: the age
    /// of the lists is ignored, but what the last ones revoke is not.
    ///
    /// # Errors
    /// [`Refusal`] with the reason.
    pub fn check_for_repair(&self, state: &TrustState, now: Moment) -> Result<(), Refusal> {
        self.check_but_gate(state, now, |issuer| match state.find_authority(issuer) {
            Some(_) => Ok(()),
            None => Err(Refusal::IssuerUncovered),
        })
    }

    fn check_but_gate(
        &self,
        state: &TrustState,
        now: Moment,
        without_list: impl Fn(IssuerId) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        if now > self.ca_not_after {
            return Err(Refusal::CaExpired { at: self.ca_not_after });
        }
        if now > self.not_after {
            return Err(Refusal::Expired { at: self.not_after });
        }
        if now < self.not_before {
            return Err(Refusal::NotYetValid { from: self.not_before });
        }
        for (depth, (issuer, serial)) in self.links.iter().enumerate() {
            let Some(crl) = state.find_crl(*issuer) else {
                without_list(*issuer)?;
                continue;
            };
            match crl.find_revocation(serial) {
                Some(at) if depth == 0 => return Err(Refusal::Revoked { at }),
                Some(at) => return Err(Refusal::IssuerRevoked { at }),
                None => {}
            }
        }
        Ok(())
    }
}

impl TrustState {
    /// Judges a chain whose first certificate is the client's own; TLS has proven that the client
    /// holds its key. Common names are never read.
    ///
    /// # Errors
    /// [`Refusal`] with the reason to send.
    pub fn judge(&self, chain: &[CertificateDer<'_>], now: Moment) -> Result<Standing, Refusal> {
        let standing = self.prove(chain, now)?;
        standing.check(self, now)?;
        Ok(standing)
    }

    /// The part that does not depend on lists: the identity, and the path to a CA.
    fn prove(&self, chain: &[CertificateDer<'_>], now: Moment) -> Result<Standing, Refusal> {
        let (first, others) = chain.split_first().ok_or(Refusal::NoCertificate)?;
        if !fits(first, others) {
            return Err(Refusal::Malformed("its chain is too long"));
        }
        let leaf = EndEntityCert::try_from(first).map_err(refusal)?;
        let seconds = u64::try_from(now.0).unwrap_or(0);
        let others: Vec<_> = others.iter().chain(self.between()).cloned().collect();
        let path = leaf
            .verify_for_usage(
                crypto::algorithms().all,
                self.anchors(),
                &others,
                UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)),
                KeyUsage::client_auth(),
                None,
                None,
            )
            .map_err(refusal)?;
        key::accept(&leaf.subject_public_key_info()).map_err(Refusal::WeakKey)?;
        let own = parse(first)?;
        require_client_usage(&own)?;
        self.standing_of(identity_of(&own)?, &path, &own)
    }

    /// Who the chain names, if it was valid at some time up to `now`: revocation is ignored, and so
    /// is the end of the first certificate.
    fn name(&self, chain: &[CertificateDer<'_>], now: Moment) -> Option<(Identity, Serial)> {
        let (first, others) = chain.split_first().filter(|(first, others)| fits(first, others))?;
        let own = parse(first).ok()?;
        let seconds = u64::try_from(now.0.min(own.validity().not_after.timestamp())).ok()?;
        let usage = KeyUsage::client_auth();
        let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let (all, anchors) = (crypto::algorithms().all, self.anchors());
        let leaf = EndEntityCert::try_from(first).ok()?;
        leaf.verify_for_usage(all, anchors, others, at, usage, None, None).ok()?;
        Some((identity_of(&own).ok()?, Serial::from_integer(own.raw_serial())))
    }

    /// Collects from a verified path what is checked again later.
    fn standing_of(
        &self,
        identity: Identity,
        path: &VerifiedPath<'_>,
        own: &X509Certificate<'_>,
    ) -> Result<Standing, Refusal> {
        let anchor = path.anchor();
        let top = IssuerId::of(&anchor.subject, &webpki::spki_for_anchor(anchor));
        let authority = self.find_authority(top).ok_or(Refusal::UnknownIssuer)?;
        let mut not_before = Moment(own.validity().not_before.timestamp());
        let mut not_after = Moment(own.validity().not_after.timestamp());
        let mut links = Vec::new();
        let mut serial = Serial::from_integer(own.raw_serial());
        for upper in path.intermediate_certificates() {
            let issuer = IssuerId::of(upper.subject(), &upper.subject_public_key_info());
            links.push((issuer, serial));
            serial = Serial::from_integer(upper.serial());
            let der = upper.der();
            let parsed = parse(&der)?;
            not_before = not_before.max(Moment(parsed.validity().not_before.timestamp()));
            not_after = not_after.min(Moment(parsed.validity().not_after.timestamp()));
        }
        links.push((top, serial));
        let mut ca_not_after = authority.not_after();
        not_before = not_before.max(authority.not_before());
        let mut lower = authority;
        for _ in 0..CHAIN_LIMIT_CERTIFICATES {
            let Some((issuer, serial)) = lower.above() else { break };
            links.push((*issuer, serial.clone()));
            let Some(upper) = self.find_authority(*issuer) else { break };
            ca_not_after = ca_not_after.min(upper.not_after());
            lower = upper;
        }
        let epoch = self.epoch();
        Ok(Standing { identity, links, not_before, not_after, ca_not_after, epoch })
    }
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Refusal> {
    let damaged = Refusal::Malformed("it is damaged");
    X509Certificate::from_der(der).map(|(_, parsed)| parsed).map_err(|_| damaged)
}

/// webpki reads an absent extendedKeyUsage as "any purpose"; here it has to name clientAuth.
fn require_client_usage(own: &X509Certificate<'_>) -> Result<(), Refusal> {
    match own.extended_key_usage() {
        Ok(Some(usage)) if usage.value.client_auth => Ok(()),
        Ok(_) => Err(Refusal::NotForClients),
        Err(_) => Err(Refusal::Malformed("its extendedKeyUsage is damaged")),
    }
}

/// The one dNSName in the subjectAltName.
fn identity_of(own: &X509Certificate<'_>) -> Result<Identity, Refusal> {
    let damaged = Refusal::Malformed("its subjectAltName is damaged");
    let names = own.subject_alternative_name().map_err(|_| damaged)?;
    let Some(names) = names else { return Err(Refusal::NoIdentity(NameFault::CommonNameOnly)) };
    let names = &names.value.general_names;
    if names.iter().any(|name| matches!(name, GeneralName::Invalid(_, _))) {
        return Err(Refusal::NoIdentity(NameFault::NotCanonical));
    }
    if names.iter().any(|name| !matches!(name, GeneralName::DNSName(_))) {
        return Err(Refusal::NoIdentity(NameFault::OtherKind));
    }
    let name = match names.as_slice() {
        [GeneralName::DNSName(name)] => *name,
        [] => return Err(Refusal::NoIdentity(NameFault::CommonNameOnly)),
        _ => return Err(Refusal::NoIdentity(NameFault::Several)),
    };
    if name.starts_with("*.") {
        return Err(Refusal::NoIdentity(NameFault::Wildcard));
    }
    Identity::parse(name).map_err(|_| Refusal::NoIdentity(NameFault::NotCanonical))
}

/// The refusal for an error of webpki.
fn refusal(error: webpki::Error) -> Refusal {
    use webpki::Error as E;
    let moment = |at: UnixTime| Moment(i64::try_from(at.as_secs()).unwrap_or(i64::MAX));
    match error {
        E::CertExpired { not_after, .. } => Refusal::Expired { at: moment(not_after) },
        E::CertNotValidYet { not_before, .. } => Refusal::NotYetValid { from: moment(not_before) },
        E::UnknownIssuer
        | E::InvalidSignatureForPublicKey
        | E::PathLenConstraintViolated
        | E::EndEntityUsedAsCa
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_)
        | E::MaximumPathDepthExceeded
        | E::MaximumPathBuildCallsExceeded
        | E::MaximumSignatureChecksExceeded => Refusal::UnknownIssuer,
        E::RequiredEkuNotFoundContext(_) | E::EmptyEkuExtension | E::CaUsedAsEndEntity => {
            Refusal::NotForClients
        }
        E::UnsupportedSignatureAlgorithmContext(_) => Refusal::WeakKey(KeyFault::Signature),
        E::NameConstraintViolation => Refusal::Malformed("its CA may not vouch for its name"),
        E::UnsupportedCriticalExtension => {
            Refusal::Malformed("it has a critical extension that is not understood")
        }
        E::UnsupportedCertVersion => Refusal::Malformed("it is not of version 3"),
        _ => Refusal::Malformed("it is damaged or not an X.509 certificate"),
    }
}

/// The client at the other end of one connection: its chain, and the last verdict on it.
pub struct Peer {
    chain: Arc<[CertificateDer<'static>]>,
    /// The chain as it was proven last, whether the client is let in or, for instance, revoked.
    last: ArcSwapOption<Standing>,
    /// Why the chain was found to be invalid.
    invalid: ArcSwapOption<Invalid>,
    /// How often the chain was judged.
    #[cfg(test)]
    pub(super) judged: std::sync::atomic::AtomicUsize,
    named: OnceLock<Option<(Identity, Serial)>>,
}

/// A chain that was found to be invalid.
struct Invalid {
    epoch: u64,
    at: Moment,
    why: Refusal,
}

/// How long a chain counts as invalid whose dates are the reason: time may mend another path of it.
/// Unit: seconds.
const DATES_SECONDS: i64 = 60;

impl Invalid {
    /// Whether the chain is still invalid, without looking at it.
    fn holds(&self, state: &TrustState, now: Moment) -> bool {
        self.epoch == state.epoch()
            && match self.why {
                Refusal::Expired { at } => now > at && self.is_fresh(now),
                Refusal::NotYetValid { from } => now < from && self.is_fresh(now),
                _ => self.why.is_lasting(),
            }
    }

    fn is_fresh(&self, now: Moment) -> bool {
        (0..DATES_SECONDS).contains(&now.since(self.at))
    }
}

impl Peer {
    /// The client that presented `chain`, which is empty when it presented none.
    pub fn new(chain: Vec<CertificateDer<'static>>) -> Self {
        Self::sharing(chain.into())
    }

    /// The same, for a chain that the connection holds as well.
    pub fn sharing(chain: Arc<[CertificateDer<'static>]>) -> Self {
        Self {
            chain,
            last: ArcSwapOption::empty(),
            invalid: ArcSwapOption::empty(),
            #[cfg(test)]
            judged: Default::default(),
            named: OnceLock::new(),
        }
    }

    /// Who the chain names, and the serial of its first certificate, if a trusted CA vouched for it
    /// once, whatever keeps the client out now. For the log alone: it gives no access.
    pub fn proven(&self, trust: &Trust, now: Moment) -> Option<(Identity, Serial)> {
        if let Some(last) = self.last.load_full() {
            return last.serial().map(|serial| (last.identity().clone(), serial.clone()));
        }
        self.named.get_or_init(|| trust.current().name(&self.chain, now)).clone()
    }

    /// The verdict on the client now: for every request, and while long bodies are sent. The chain
    /// is judged once in an epoch, whatever the verdict; everything else is the quick check.
    ///
    /// # Errors
    /// [`Refusal`] with the reason to send.
    pub fn standing(&self, trust: &Trust, now: Moment) -> Result<Arc<Standing>, Refusal> {
        let state = trust.current();
        let standing = self.prove(&state, now)?;
        standing.check(&state, now)?;
        Ok(standing)
    }

    /// Judges the chain, unless it was judged in this epoch: a client that is refused and asks again
    /// costs no signature check, as one that is let in.
    fn prove(&self, state: &TrustState, now: Moment) -> Result<Arc<Standing>, Refusal> {
        if let Some(last) = self.last.load_full().filter(|last| last.is_of(state)) {
            return Ok(last);
        }
        if let Some(invalid) = self.invalid.load_full().filter(|one| one.holds(state, now)) {
            return Err(invalid.why.clone());
        }
        #[cfg(test)]
        self.judged.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        match state.prove(&self.chain, now) {
            Ok(standing) => {
                let standing = Arc::new(standing);
                self.last.store(Some(Arc::clone(&standing)));
                Ok(standing)
            }
            Err(why) => {
                let invalid = Invalid { epoch: state.epoch(), at: now, why: why.clone() };
                self.invalid.store(Some(Arc::new(invalid)));
                Err(why)
            }
        }
    }

    /// The verdict on a client that delivers new lists: as [`Peer::standing`] while the gate is
    /// open, and otherwise without the age of the lists.
    ///
    /// # Errors
    /// [`Refusal`] with the reason to send.
    pub fn standing_for_repair(
        &self,
        trust: &Trust,
        now: Moment,
    ) -> Result<Arc<Standing>, Refusal> {
        let state = trust.current();
        if state.gate(now).is_ok() {
            return self.standing(trust, now);
        }
        let standing = self.prove(&state, now)?;
        standing.check_for_repair(&state, now)?;
        Ok(standing)
    }
}
