//! Enrolment: requests of a machine without a certificate, and the request for its next one.

use std::time::Duration;

use reqwest::Method;

use super::{
    ANSWER_SECONDS, Client, ClientError, Effect, plain, read_server, request_id, trusting,
};
use crate::api::{
    AuthorityView, EnrolmentRequest, IssuedCertificate, RenewalRequest, TokenMade, TokenRequest,
    TokenView, TokensRevoked,
};

/// The most that is read from a server that has not proven its identity. Unit: bytes.
const BLIND_BYTES: usize = 64 << 10;

const TOKENS: Effect = Effect::Once("look with repoctl host token --list before you repeat it");
const HOSTS: Effect = Effect::Once("look with repoctl host show before you repeat it");

/// The CA certificates that a server claims, PEM. Nothing has proven them: compare them with a pin
/// before anything is trusted or sent. This request does not say who asks, or why.
///
/// # Errors
/// [`ClientError`]: the network's fault, or the answer is not one that a repod gives.
pub async fn fetch_authority(server: &str) -> Result<String, ClientError> {
    let blind = Client::built(read_server(server)?, plain().tls_danger_accept_invalid_certs(true))?;
    let request = blind.request(Method::GET, &["enroll"])?;
    let request = request.timeout(Duration::from_secs(ANSWER_SECONDS));
    let mut response = blind.dispatch(request, Effect::Nothing).await?;
    let status = response.status().as_u16();
    let id = request_id::answered(response.headers());
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
        let error = ClientError::of_answer(&blind.place, status, None, &body, Effect::Nothing);
        return Err(error.asked_as(id));
    }
    let answer: Result<AuthorityView, _> = serde_json::from_slice(&body);
    Ok(answer.map_err(|_| strange(&blind, status))?.ca_pem)
}

fn strange(blind: &Client, status: u16) -> ClientError {
    ClientError::Unexpected {
        server: blind.place.clone(),
        status,
        cause: "not an answer that repod gives".into(),
        request: None,
    }
}

/// Each returns the server's answer.
///
/// # Errors
/// Each returns [`ClientError`]: the server's fault, the network's, or a problem that says why.
impl Client {
    /// A client without a certificate of its own, for a server whose certificate this authority
    /// issued.
    pub fn stranger(server: &str, ca_pem: &[u8]) -> Result<Self, ClientError> {
        Self::built(read_server(server)?, trusting(ca_pem)?)
    }

    /// The certificate for a token. Asking again with the same key returns the same one.
    pub async fn enroll(
        &self,
        request: &EnrolmentRequest,
    ) -> Result<IssuedCertificate, ClientError> {
        self.send(Method::POST, &["enroll"], request, Effect::Repeatable).await
    }

    /// The next certificate of the host whose certificate this client presents.
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

    /// Revokes the pending tokens of a host.
    pub async fn revoke_tokens(&self, name: &str) -> Result<TokensRevoked, ClientError> {
        self.send(Method::POST, &["tokens", name, "revoke"], &(), Effect::Repeatable).await
    }
}
