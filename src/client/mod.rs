//! REACH: a typed client of the API, over HTTPS with a client certificate.
//!
//! One method is one request; nothing is retried here except through [`Patience`]. Proxies from the
//! environment are not used: the repository is private, and its own authority proves its name.
//!
//! May name: api, debian, digest, cause
#![expect(clippy::disallowed_methods, reason = "this room reads the packages that it sends")]

mod enrol;
mod error;
mod fleet;
mod keys;
mod request_id;
mod requests;
mod retry;
mod transfer;

#[cfg(test)]
pub(crate) mod tests;

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::api;
use crate::cause::{self, Cause};

use error::Effect;
use request_id::RequestIds;

pub use enrol::fetch_authority;
pub use error::ClientError;
pub use retry::Patience;
pub use transfer::Sent;

/// How long it may take to reach the server.
const CONNECT_SECONDS: u64 = 10;
/// How long the server may take for an answer. Publishing waits in a queue, so this is generous.
const ANSWER_SECONDS: u64 = 120;
/// How many packages of a change give the server one more second. A busy machine with one core publishes more.
const ITEMS_PER_SECOND: u64 = 100;
/// Largest answer that is read. Unit: bytes.
const LARGEST_ANSWER_BYTES: usize = 256 << 20;

/// The address of a server, and the certificates for a connection to it.
pub struct Credentials {
    /// `https://repo.example.org:8443`, or the same without its scheme.
    pub server: String,
    /// The client certificate, with its chain if it has one. PEM.
    pub certificate_pem: Vec<u8>,
    /// Its private key. PEM.
    pub key_pem: Zeroizing<Vec<u8>>,
    /// The authority that the server is recognised by. PEM.
    pub ca_pem: Vec<u8>,
}

/// A client of one server. Clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    place: String,
    /// The reason for changes; sent with every request that may change something.
    why: String,
    ids: RequestIds,
}

impl Client {
    /// A client that presents these credentials. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::Credentials`] when the address or one of the PEM texts cannot be read.
    pub fn new(credentials: &Credentials) -> Result<Self, ClientError> {
        let base = read_server(&credentials.server)?;
        let http = trusting(&credentials.ca_pem)?;
        let mut pem = Zeroizing::new(credentials.certificate_pem.clone());
        pem.push(b'\n');
        pem.extend_from_slice(&credentials.key_pem);
        let identity = reqwest::Identity::from_pem(&pem)
            // The library's error is left out, because it could quote the file of the key.
            .map_err(|_| {
                let problem = match is_locked(&credentials.key_pem) {
                    true => {
                        "the private key is locked with a passphrase, and nobody is asked for it: \
                             give it without one, by `openssl pkey -in KEY -out PLAIN`"
                    }
                    false => "the client certificate or its key is not sound PEM",
                };
                ClientError::Credentials(problem.into())
            })?;
        Self::built(base, http.identity(identity))
    }

    fn built(base: Url, http: reqwest::ClientBuilder) -> Result<Self, ClientError> {
        let http = http.build().map_err(|error| {
            let problem = match cause::find(&error) {
                Some(rustls::Error::InconsistentKeys(_)) => {
                    "the private key does not belong to the client certificate".to_owned()
                }
                _ => format!("certificate and key: {}", error::root(&error)),
            };
            ClientError::Credentials(Cause::with(problem, error))
        })?;
        let place = place_of(&base);
        Ok(Self { http, base, place, why: String::new(), ids: RequestIds::new() })
    }

    /// The same client with a reason, which every request that may change something carries.
    pub fn because(self, why: &str) -> Self {
        Self { why: why.to_owned(), ..self }
    }

    /// The address of the server: `https://repo.example.org:8443`.
    pub fn server(&self) -> &str {
        &self.place
    }

    /// The host name of the server, without its port.
    pub fn server_name(&self) -> String {
        self.base.host_str().unwrap_or_default().to_owned()
    }

    fn request(&self, method: Method, segments: &[&str]) -> Result<RequestBuilder, ClientError> {
        let mut url = self.base.clone();
        let all = api::BASE.split('/').filter(|part| !part.is_empty());
        url.path_segments_mut()
            .map_err(|()| ClientError::Credentials("the server address takes no path".into()))?
            .pop_if_empty()
            .extend(all)
            .extend(segments);
        if method != Method::GET && !self.why.is_empty() {
            url.query_pairs_mut().append_pair("message", &self.why);
        }
        Ok(self.http.request(method, url).header(request_id::REQUEST_ID, self.ids.next()))
    }

    async fn read<Q: Serialize + ?Sized, A: DeserializeOwned>(
        &self,
        segments: &[&str],
        query: &Q,
    ) -> Result<A, ClientError> {
        let request = self.request(Method::GET, segments)?.query(query);
        self.ask(request, Effect::Nothing).await
    }

    async fn send<B: Serialize + ?Sized, A: DeserializeOwned>(
        &self,
        method: Method,
        segments: &[&str],
        body: &B,
        effect: Effect,
    ) -> Result<A, ClientError> {
        self.ask(self.request(method, segments)?.json(body), effect).await
    }

    async fn ask<A: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        effect: Effect,
    ) -> Result<A, ClientError> {
        self.ask_within(Duration::from_secs(ANSWER_SECONDS), request, effect).await
    }

    async fn ask_within<A: DeserializeOwned>(
        &self,
        limit: Duration,
        request: RequestBuilder,
        effect: Effect,
    ) -> Result<A, ClientError> {
        self.answer(self.dispatch(request.timeout(limit), effect).await?, effect).await
    }

    async fn dispatch(
        &self,
        request: RequestBuilder,
        effect: Effect,
    ) -> Result<Response, ClientError> {
        let (http, request) = request.build_split();
        let built = request.map_err(|error| ClientError::of_transport(&self.place, error, effect));
        let request = built?;
        let id = request_id::answered(request.headers());
        let lost = |error| ClientError::of_transport(&self.place, error, effect).asked_as(id);
        http.execute(request).await.map_err(lost)
    }

    async fn answer<A: DeserializeOwned>(
        &self,
        response: Response,
        effect: Effect,
    ) -> Result<A, ClientError> {
        let status = response.status().as_u16();
        let wait = retry::asked_wait(response.headers());
        let id = request_id::answered(response.headers());
        let body = self.read_body(response, effect).await;
        let body = body.map_err(|error| error.asked_as(id.clone()))?;
        if !(200..300).contains(&status) {
            let error = ClientError::of_answer(&self.place, status, wait, &body, effect);
            return Err(error.asked_as(id));
        }
        serde_json::from_slice(&body).map_err(|error| ClientError::Unexpected {
            server: self.place.clone(),
            status,
            cause: Cause::while_doing("its answer does not read as expected", error),
            request: id,
        })
    }

    async fn read_body(
        &self,
        mut response: Response,
        effect: Effect,
    ) -> Result<Vec<u8>, ClientError> {
        let mut body = Vec::new();
        loop {
            let piece = response
                .chunk()
                .await
                .map_err(|error| ClientError::of_transport(&self.place, error, effect))?;
            let Some(piece) = piece else {
                return Ok(body);
            };
            if body.len().saturating_add(piece.len()) > LARGEST_ANSWER_BYTES {
                return Err(ClientError::Unexpected {
                    server: self.place.clone(),
                    status: response.status().as_u16(),
                    cause: "its answer is larger than 256 MiB; ask for less".into(),
                    request: None,
                });
            }
            body.extend_from_slice(&piece);
        }
    }
}

/// Whether a key in PEM is encrypted, in PKCS#8 or in the older form of OpenSSL.
fn is_locked(key_pem: &[u8]) -> bool {
    let has = |mark: &[u8]| key_pem.windows(mark.len()).any(|window| window == mark);
    has(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || has(b"Proc-Type: 4,ENCRYPTED")
}

/// What every connection has in common.
fn plain() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("repoctl/", env!("CARGO_PKG_VERSION")))
        .https_only(true)
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(CONNECT_SECONDS))
}

/// Connections to a server whose certificate one of these authorities issued.
fn trusting(ca_pem: &[u8]) -> Result<reqwest::ClientBuilder, ClientError> {
    let authorities = reqwest::Certificate::from_pem_bundle(ca_pem)
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(|| {
            ClientError::Credentials("the CA file holds no certificate in PEM".into())
        })?;
    Ok(plain().tls_certs_only(authorities))
}

fn read_server(text: &str) -> Result<Url, ClientError> {
    let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let wrong = |why: &str| {
        let problem = format!("server {text:?} {why}; write it as https://repo.example.org:8443");
        ClientError::Credentials(problem.into())
    };
    let url = Url::parse(&whole).map_err(|_| wrong("is not an address"))?;
    if url.scheme() != "https" {
        return Err(wrong("is not reached over https"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(wrong("names no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("carries a password; a certificate is what proves who asks"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("has something behind its path"));
    }
    Ok(url)
}

fn place_of(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}
