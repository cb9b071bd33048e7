//! Handover: a proxy that ends TLS names the client of each request, with the certificate that the
//! client proved to it.
//!
//! Only proxies whose own certificate is named in the configuration are trusted with this, and they
//! have no rights of their own: each of their requests is that of the client they name, or of
//! nobody. The client's certificate is judged here as on a connection of its own.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::http::{Extensions, HeaderMap, HeaderName, Request};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::api::Code;
use crate::domain::Identity;
use crate::flow::access::crl;
use crate::http::App;
use crate::http::admitted::peer_of;
use crate::http::answer::Failure;
use crate::http::known::Known;
use crate::http::listen::{Peer, PeerSlot, RequestId, unescape};
use crate::trust;

/// The client's certificate: PEM, percent-encoded, as nginx writes `$ssl_client_escaped_cert`.
const CERTIFICATE: HeaderName = HeaderName::from_static("x-client-cert");
/// The client's address: the last one in the list is the one that the proxy itself has seen.
const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The trusted proxies, and the certificates that they sent lately.
pub struct Handover {
    proxies: BTreeSet<Identity>,
    known: Known,
}

impl From<BTreeSet<Identity>> for Handover {
    fn from(proxies: BTreeSet<Identity>) -> Self {
        Self { proxies, known: Known::default() }
    }
}

impl Handover {
    /// Replaces the proxy with the client that it names, for everything that follows. Requests of
    /// others are unchanged.
    ///
    /// # Errors
    /// [`Failure`] with status 400 for a certificate in a header that comes from no named proxy,
    /// and for headers of a proxy that cannot be understood.
    pub(super) fn receive<B>(&self, app: &App, request: &mut Request<B>) -> Result<(), Failure> {
        let has_certificate = request.headers().contains_key(CERTIFICATE);
        if self.proxies.is_empty() && !has_certificate {
            return Ok(());
        }
        let (peer, hop) = peer_of(request.extensions())?;
        match self.judge_hop(app, &hop) {
            Ok(()) => {}
            Err(_) if !has_certificate => return Ok(()),
            Err(why) => return Err(misplaced(app, request.extensions(), &peer, &why)),
        }
        let headers = request.headers_mut();
        let handed = (certificate_in(headers), address_in(headers));
        let (certificate, address) = match handed {
            (Ok(certificate), Ok(address)) => (certificate, address),
            (Err(problem), _) | (_, Err(problem)) => {
                let _within = RequestId::span_of(request.extensions()).entered();
                tracing::warn!(addr = %peer.addr, problem, "a proxy's headers are not understood");
                return Err(Failure::new(Code::InvalidRequest, problem));
            }
        };
        headers.remove(CERTIFICATE);
        headers.remove(FORWARDED);
        let addr = address.map_or(peer.addr, |address| SocketAddr::new(address, 0));
        request.extensions_mut().insert(self.client(certificate, addr, peer.connection));
        Ok(())
    }

    /// Whether the other end of the connection is a trusted proxy now. It remains one while lists
    /// are out of date, so that its clients get that answer, and can deliver newer lists.
    fn judge_hop(&self, app: &App, hop: &trust::Peer) -> Result<(), String> {
        let standing = crl::identify_for_repair(&app.repository, hop);
        let standing = standing.map_err(|refused| refused.to_string())?;
        match self.proxies.contains(standing.identity()) {
            true => Ok(()),
            false => Err(format!("{} is not in listen.handover", standing.identity())),
        }
    }

    /// The client behind a proxy, as if it had connected itself.
    fn client(
        &self,
        certificate: Option<CertificateDer<'static>>,
        addr: SocketAddr,
        connection: u64,
    ) -> Peer {
        let (chain, judged) = match certificate {
            Some(certificate) => self.known.find(certificate),
            None => (Arc::default(), Arc::new(trust::Peer::new(Vec::new()))),
        };
        let slot = Arc::new(PeerSlot::default());
        slot.keep(judged);
        Peer { addr, chain, slot, connection }
    }
}

/// Refuses the header of a peer that is no named proxy: a proxy that is not set up, or an attack.
fn misplaced(app: &App, extensions: &Extensions, peer: &Peer, why: &str) -> Failure {
    let detail = "X-Client-Cert is taken from proxies alone that are named in listen.handover";
    app.metrics.put_off(peer, &detail).unwrap_or_else(|| {
        let _within = RequestId::span_of(extensions).entered();
        tracing::warn!(addr = %peer.addr, why, "a certificate was handed over by no named proxy");
        Failure::new(Code::InvalidRequest, detail)
    })
}

/// The certificate in the header; `None` when the client presented none.
fn certificate_in(headers: &HeaderMap) -> Result<Option<CertificateDer<'static>>, &'static str> {
    let mut values = headers.get_all(CERTIFICATE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        let several = headers.contains_key(CERTIFICATE);
        return if several { Err("X-Client-Cert is there more than once") } else { Ok(None) };
    };
    if value.is_empty() {
        return Ok(None);
    }
    let problem = "X-Client-Cert is not one certificate in percent-encoded PEM";
    let is_printable = value.as_bytes().iter().all(u8::is_ascii_graphic);
    let pem = unescape(value.as_bytes()).filter(|_| is_printable).ok_or(problem)?;
    one_certificate(&pem).map(Some).ok_or(problem)
}

/// The client's address as the proxy itself has seen it.
fn address_in(headers: &HeaderMap) -> Result<Option<IpAddr>, &'static str> {
    let Some(last) = headers.get_all(FORWARDED).iter().next_back() else { return Ok(None) };
    let last = last.to_str().ok().and_then(|text| text.rsplit(',').next());
    let address = last.and_then(|text| text.trim().parse().ok());
    address.map(Some).ok_or("X-Forwarded-For does not end with an address")
}

/// The one certificate in PEM; nothing else may be there.
fn one_certificate(pem: &[u8]) -> Option<CertificateDer<'static>> {
    let text = std::str::from_utf8(pem).ok()?.trim_end_matches('\n');
    let (begin, end) = ("-----BEGIN CERTIFICATE-----\n", "\n-----END CERTIFICATE-----");
    let inside = text.strip_prefix(begin)?.strip_suffix(end)?;
    if inside.contains('-') {
        return None;
    }
    CertificateDer::from_pem_slice(pem).ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::*;

    fn pem() -> (String, Vec<u8>) {
        let made = rcgen::generate_simple_self_signed(vec!["host.example".to_owned()]).unwrap();
        (made.cert.pem().replace("\r\n", "\n"), made.cert.der().to_vec())
    }

    /// As nginx does: everything but unreserved characters.
    const ESCAPED: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

    fn escape(text: &str) -> String {
        utf8_percent_encode(text, ESCAPED).to_string()
    }

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn one_certificate_is_taken_and_anything_else_is_not() {
        let (pem, der) = pem();
        let read = |values: &[&str]| certificate_in(&headers(CERTIFICATE, values));
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[""]), Ok(None));
        assert_eq!(read(&[&escape(&pem)]).unwrap().unwrap().to_vec(), der);
        assert_eq!(read(&[&escape(pem.trim_end())]).unwrap().unwrap().to_vec(), der);
        for bad in [
            escape(&format!("{pem}{pem}")),
            escape(&format!("x{pem}")),
            escape(&format!("{pem}x")),
            escape(&pem[..pem.len() / 2]),
            escape(&pem.replace("CERTIFICATE", "PRIVATE KEY")),
            escape(&pem.replace("M", "!")),
            format!("{}%", escape(&pem)),
            escape(&pem).replace("%0A", "%0"),
            escape(&pem).replace("%0A", "%+A"),
            escape(&pem).replace("%0A", " "),
            "-----BEGIN CERTIFICATE-----".to_owned(),
            "x".to_owned(),
        ] {
            assert!(read(&[&bad]).is_err(), "{bad}");
        }
        assert!(read(&[&escape(&pem), &escape(&pem)]).is_err(), "two");
        assert!(read(&[&escape(&pem), ""]).is_err(), "two, of which one is empty");
        assert!(read(&["", &escape(&pem)]).is_err());
    }

    #[test]
    fn the_last_address_is_the_one_that_the_proxy_has_seen() {
        let read = |values: &[&str]| address_in(&headers(FORWARDED, values));
        let address = |text: &str| Ok(Some(text.parse().unwrap()));
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["192.0.2.7"]), address("192.0.2.7"));
        assert_eq!(read(&["10.0.0.1, 192.0.2.7"]), address("192.0.2.7"));
        assert_eq!(read(&["10.0.0.1", "192.0.2.7"]), address("192.0.2.7"));
        assert_eq!(read(&["2001:db8::1"]), address("2001:db8::1"));
        for bad in ["", "unknown", "192.0.2.7,", "192.0.2.7:80", "unix:"] {
            assert!(read(&[bad]).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(text in "[ -~]{0,80}", bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = certificate_in(&headers(CERTIFICATE, &[&text]));
            let _ = address_in(&headers(FORWARDED, &[&text]));
            let _ = one_certificate(&bytes);
        }
    }
}
