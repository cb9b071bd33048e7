//! Enrolment: what a machine asks that has no certificate yet, and what gets it the next one.

use std::time::Duration;

use reqwest::Method;

use super::{ANSWER_SECONDS, Client, ClientError, Effect, plain, read_server, trusting};
use crate::api::{
    AuthorityView, EnrolmentRequest, IssuedCertificate, RenewalRequest, TokenMade, TokenRequest,
    TokenView, TokensRevoked,
};

/// The most that is read of a server that has not proven who it is. Unit: bytes.
const BLIND_BYTES: usize = 64 << 10;

const TOKENS: Effect = Effect::Once("look with repoctl host token --list before you repeat it");
const HOSTS: Effect = Effect::Once("look with repoctl host show before you repeat it");

/// What a server says that it is recognised by, PEM. Nothing has proven it: compare it with a pin before
/// anything is believed or sent. This one request says nothing of who asks, and why.
///
/// # Errors
/// [`ClientError`]: the network's fault, or the answer is not one that a repod gives.
pub async fn fetch_authority(server: &str) -> Result<String, ClientError> {
    let blind = Client::built(read_server(server)?, plain().tls_danger_accept_invalid_certs(true))?;
    let request = blind.request(Method::GET, &["enroll"])?;
    let request = request.timeout(Duration::from_secs(ANSWER_SECONDS));
    let mut response = blind.dispatch(request, Effect::Nothing).await?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    loop {
        let piece = response.chunk().await;
        let lost = |error| ClientError::of_transport(&blind.place, error, Effect::Nothing);
        let Some(piece) = piece.map_err(lost)? else { break };
        body.extend_from_slice(&piece);
        if body.len() > BLIND_BYTES {
            return Err(strange(&blind, status));
        }
    }
    if status != 200 {
        return Err(ClientError::of_answer(&blind.place, status, None, &body));
    }
    let answer: Result<AuthorityView, _> = serde_json::from_slice(&body);
    Ok(answer.map_err(|_| strange(&blind, status))?.ca_pem)
}

fn strange(blind: &Client, status: u16) -> ClientError {
    ClientError::Unexpected {
        server: blind.place.clone(),
        status,
        cause: "not an answer that repod gives".into(),
    }
}

/// Every one gives what the server answered.
///
/// # Errors
/// Every one gives [`ClientError`]: the server's fault, the network's, or a problem that says why.
impl Client {
    /// A client without a certificate of its own, for a server that this authority vouches for.
    pub fn stranger(server: &str, ca_pem: &[u8]) -> Result<Self, ClientError> {
        Self::built(read_server(server)?, trusting(ca_pem)?)
    }

    /// The certificate that a token stands for. Asking again with the same key gives the same.
    pub async fn enroll(
        &self,
        request: &EnrolmentRequest,
    ) -> Result<IssuedCertificate, ClientError> {
        self.send(Method::POST, &["enroll"], request, Effect::Repeatable).await
    }

    /// The next certificate of the host whose certificate this client shows.
    pub async fn renew(&self, request: &RenewalRequest) -> Result<IssuedCertificate, ClientError> {
        self.send(Method::POST, &["renew"], request, HOSTS).await
    }

    /// A token for a host.
    pub async fn make_token(&self, request: &TokenRequest) -> Result<TokenMade, ClientError> {
        self.send(Method::POST, &["tokens"], request, TOKENS).await
    }

    /// Every token that is remembered, without its secret.
    pub async fn list_tokens(&self) -> Result<Vec<TokenView>, ClientError> {
        self.read(&["tokens"], super::requests::NOTHING).await
    }

    /// Takes the pending tokens of a host back.
    pub async fn revoke_tokens(&self, name: &str) -> Result<TokensRevoked, ClientError> {
        self.send(Method::POST, &["tokens", name, "revoke"], &(), Effect::Repeatable).await
    }
}
