//! Revocation lists: taken apart, verified once, kept as a set of serials.
//!
//! Each list is read twice: webpki, which refuses what it does not understand, gives the serials;
//! the few fields that it does not expose are read from the same bytes afterwards.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use ::der::asn1::{AnyRef, ContextSpecific, GeneralizedTime, OctetStringRef, UintRef, UtcTime};
use ::der::{Decode, ErrorKind, FixedTag, Reader, SliceReader, Tag, TagNumber, Tagged};
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;
use webpki::BorrowedCertRevocationList;

use super::authority::Authority;
use super::signed::{Signed, is_der, take_sequence};
use super::{CrlFault, IssuerId, Serial, crypto};
use crate::digest::Digest;
use crate::time::Moment;

/// How far `thisUpdate` may lie ahead of the clock. Unit: seconds.
pub(super) const SKEW_SECONDS: i64 = 60;

const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 0x14];
const ISSUING_DISTRIBUTION_POINT: &[u8] = &[0x55, 0x1d, 0x1c];

/// The number of a revocation list; later lists of one CA have higher numbers.
///
/// Limits: at most 20 bytes (RFC 5280, section 5.2.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CrlNumber(Serial);

impl CrlNumber {
    /// Reads hexadecimal digits; `None` for any other text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Serial::parse(text).map(Self)
    }

    /// The number, when it fits 64 bits.
    pub fn to_u64(&self) -> Option<u64> {
        let bytes = self.0.as_bytes();
        let fits = bytes.len() <= 8;
        fits.then(|| bytes.iter().fold(0u64, |sum, b| (sum << 8) | u64::from(*b)))
    }
}

impl Ord for CrlNumber {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let (mine, theirs) = (self.0.as_bytes(), other.0.as_bytes());
        mine.len().cmp(&theirs.len()).then_with(|| mine.cmp(theirs))
    }
}

impl PartialOrd for CrlNumber {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for CrlNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The highest number accepted from each CA; no list below it is accepted again.
pub(super) type Floor = BTreeMap<IssuerId, CrlNumber>;

/// A verified revocation list of one configured CA.
pub struct Crl {
    issuer: IssuerId,
    number: CrlNumber,
    this_update: Moment,
    next_update: Moment,
    revoked: HashMap<Serial, Moment>,
    digest: Digest,
}

impl Crl {
    /// Whose list it is.
    pub fn issuer(&self) -> IssuerId {
        self.issuer
    }

    /// Its `cRLNumber`.
    pub fn number(&self) -> &CrlNumber {
        &self.number
    }

    /// When it was made.
    pub fn this_update(&self) -> Moment {
        self.this_update
    }

    /// From when on it is out of date.
    pub fn next_update(&self) -> Moment {
        self.next_update
    }

    /// The digest of the whole list.
    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    /// How many certificates it revokes.
    pub fn len(&self) -> usize {
        self.revoked.len()
    }

    /// Whether it revokes nothing.
    pub fn is_empty(&self) -> bool {
        self.revoked.is_empty()
    }

    /// Every revoked serial, and since when, in no particular order.
    pub(super) fn revoked(&self) -> impl Iterator<Item = (&Serial, Moment)> {
        self.revoked.iter().map(|(serial, at)| (serial, *at))
    }

    /// Since when `serial` is revoked; `None` when it is not.
    pub fn find_revocation(&self, serial: &Serial) -> Option<Moment> {
        self.revoked.get(serial).copied()
    }
}

/// A list in DER, verified to be of one of `authorities`. Its dates are not checked.
///
/// # Errors
/// [`CrlFault`], and the CA that the list names, where that is known.
pub(super) fn read(
    der: &[u8],
    authorities: &[Authority],
) -> Result<Crl, (Option<IssuerId>, CrlFault)> {
    let anonymous = |fault| (None, fault);
    let fields = Fields::parse(der).ok();
    let (issuer, signed) = fields.map(|fields| (fields.issuer, fields.signed)).unzip();
    let named = authorities.iter().find(|authority| Some(authority.subject()) == issuer);
    let claimed = |fault| (named.map(Authority::id), fault);
    let list = Unverified::parse(der).map_err(claimed)?;
    let signed = signed.ok_or_else(|| anonymous(CrlFault::Malformed("BadDer".into())))?;
    let authority = find_signer(list.issuer, &signed, authorities).map_err(claimed)?;
    Ok(Crl {
        issuer: authority.id(),
        number: list.number,
        this_update: list.this_update,
        next_update: list.next_update,
        revoked: list.revoked,
        digest: Digest::of(der),
    })
}

/// The one list in `bytes`, made by `authority` and in date.
///
/// # Errors
/// [`CrlFault`].
pub(super) fn read_own(bytes: &[u8], authority: Authority, now: Moment) -> Result<Crl, CrlFault> {
    let list = read_published(bytes, authority)?;
    if list.this_update > now.plus(SKEW_SECONDS) {
        return Err(CrlFault::FromFuture(list.this_update));
    }
    if list.next_update <= now || list.next_update <= list.this_update {
        return Err(CrlFault::Stale(list.next_update));
    }
    Ok(list)
}

/// The one list in `bytes`, made by `authority`. Its dates are not checked.
///
/// # Errors
/// [`CrlFault`].
pub(super) fn read_published(bytes: &[u8], authority: Authority) -> Result<Crl, CrlFault> {
    let authorities = [authority];
    let lists = split(bytes)?;
    let [der] = lists.as_slice() else { return Err(CrlFault::Empty) };
    read(der, &authorities).map_err(|(_, fault)| fault)
}

/// The number of the only list in `bytes`, unverified; `None` when none can be read.
pub(super) fn find_number(bytes: &[u8]) -> Option<CrlNumber> {
    let lists = split(bytes).ok()?;
    let [der] = lists.as_slice() else { return None };
    Unverified::parse(der).ok().map(|list| list.number)
}

/// The DER lists in a file that is one DER list or any number of PEM blocks.
///
/// # Errors
/// [`CrlFault::Empty`]; [`CrlFault::Malformed`].
pub(super) fn split(bytes: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, CrlFault> {
    if is_der(bytes) {
        return Ok(vec![CertificateRevocationListDer::from(bytes.to_vec())]);
    }
    let lists: Vec<_> = CertificateRevocationListDer::pem_slice_iter(bytes)
        .collect::<Result<_, _>>()
        .map_err(|_| CrlFault::Malformed("a PEM block is cut or damaged".into()))?;
    if lists.is_empty() { Err(CrlFault::Empty) } else { Ok(lists) }
}

/// A list that has the right shape; its signature is not verified yet.
struct Unverified<'a> {
    issuer: &'a [u8],
    number: CrlNumber,
    this_update: Moment,
    next_update: Moment,
    revoked: HashMap<Serial, Moment>,
}

impl<'a> Unverified<'a> {
    fn parse(der: &'a [u8]) -> Result<Self, CrlFault> {
        let strict = BorrowedCertRevocationList::from_der(der).map_err(fault)?;
        let revoked = (&strict)
            .into_iter()
            .map(|entry| {
                let entry = entry.map_err(fault)?;
                let at = i64::try_from(entry.revocation_date.as_secs()).unwrap_or(i64::MAX);
                Ok((Serial::from_integer(entry.serial_number), Moment(at)))
            })
            .collect::<Result<_, CrlFault>>()?;
        let fields = Fields::parse(der).map_err(|_| CrlFault::Malformed("BadDer".into()))?;
        if fields.partial {
            return Err(CrlFault::Partial);
        }
        Ok(Self {
            issuer: fields.issuer,
            number: fields.number.ok_or(CrlFault::Unnumbered)?,
            this_update: fields.this_update,
            next_update: fields.next_update,
            revoked,
        })
    }
}

/// The authority that signed the list.
fn find_signer<'s>(
    issuer: &[u8],
    signed: &Signed<'_>,
    authorities: &'s [Authority],
) -> Result<&'s Authority, CrlFault> {
    let algorithms = crypto::algorithms();
    let mut named = authorities.iter().filter(|a| a.subject() == issuer).peekable();
    let Some(first) = named.peek().copied() else { return Err(CrlFault::OtherIssuer) };
    named
        .find(|authority| signed.is_by(authority.public_key(), &algorithms))
        .ok_or_else(|| CrlFault::Forged(first.name().to_owned()))
}

fn fault(error: webpki::Error) -> CrlFault {
    use webpki::Error as E;
    match error {
        E::UnsupportedDeltaCrl
        | E::UnsupportedIndirectCrl
        | E::UnsupportedCrlIssuingDistributionPoint
        | E::UnsupportedRevocationReasonsPartitioning => CrlFault::Partial,
        other => CrlFault::Malformed(other.to_string()),
    }
}

/// Fields that are read a second time, from bytes whose shape was found to be right.
struct Fields<'a> {
    signed: Signed<'a>,
    issuer: &'a [u8],
    this_update: Moment,
    next_update: Moment,
    number: Option<CrlNumber>,
    partial: bool,
}

impl<'a> Fields<'a> {
    /// Reads all fields. The entries are skipped in one step, however many there are.
    ///
    /// # Errors
    /// Those of DER, when a field is absent, out of place or there twice (RFC 5280, section 5.1).
    fn parse(der: &'a [u8]) -> ::der::Result<Self> {
        let signed = Signed::parse(der)?;
        let mut body = signed.body()?;
        let _version: UintRef<'_> = body.decode()?;
        let _algorithm = take_sequence(&mut body)?;
        let issuer = take_sequence(&mut body)?;
        let this_update = take_time(&mut body)?;
        let next_update = take_time(&mut body)?;
        if body.peek_tag()? == Tag::Sequence {
            let _entries = take_sequence(&mut body)?;
        }
        let wrapped = ContextSpecific::<AnyRef<'_>>::decode_explicit(&mut body, TagNumber::N0)?;
        let wrapped = wrapped.ok_or(ErrorKind::TagUnknown { byte: 0 })?;
        wrapped.value.tag().assert_eq(Tag::Sequence)?;
        let (number, partial) = read_extensions(wrapped.value.value())?;
        body.finish(Self { signed, issuer, this_update, next_update, number, partial })
    }
}

fn take_time<'a>(reader: &mut impl Reader<'a>) -> ::der::Result<Moment> {
    let since = match reader.peek_tag()? {
        Tag::UtcTime => reader.decode::<UtcTime>()?.to_unix_duration(),
        _ => reader.decode::<GeneralizedTime>()?.to_unix_duration(),
    };
    Ok(Moment(i64::try_from(since.as_secs()).unwrap_or(i64::MAX)))
}

/// The number, and whether the list says that it covers only a part of what its CA revoked.
fn read_extensions(list: &[u8]) -> ::der::Result<(Option<CrlNumber>, bool)> {
    let mut list = SliceReader::new(list)?;
    let (mut number, mut partial) = (None, false);
    while !list.is_finished() {
        let mut extension = SliceReader::new(take_sequence(&mut list)?)?;
        // The ID is compared as bytes: there are IDs that are longer than the library takes.
        let id: AnyRef<'_> = extension.decode()?;
        id.tag().assert_eq(Tag::ObjectIdentifier)?;
        let _critical: Option<bool> = extension.decode()?;
        let value: OctetStringRef<'_> = extension.decode()?;
        if id.value() == CRL_NUMBER {
            let read = UintRef::from_der(value.as_bytes())?;
            if number.replace(CrlNumber(Serial::from_integer(read.as_bytes()))).is_some() {
                return Err(UintRef::TAG.value_error());
            }
        }
        partial |= id.value() == ISSUING_DISTRIBUTION_POINT;
    }
    Ok((number, partial))
}
