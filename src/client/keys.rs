//! The requests about signing keys.

use reqwest::Method;

use super::{Client, ClientError, Effect};
use crate::api::{ClientPackageView, KeyOutcome, KeyRequest, KeyRetirement, KeyView};
use crate::debian::SuiteName;

const KEYS: Effect = Effect::Once("look with repoctl key list before you repeat it");

/// Each returns the server's answer.
///
/// # Errors
/// Each returns [`ClientError`]: the server's fault, the network's, or a problem that says why.
impl Client {
    /// All keys, and which hosts have them.
    pub async fn list_keys(&self) -> Result<Vec<KeyView>, ClientError> {
        self.read(&["keys"], &[] as &[(&str, &str)]).await
    }

    /// Adds a key, which signs beside the others from now on.
    pub async fn add_key(&self, request: &KeyRequest) -> Result<KeyOutcome, ClientError> {
        self.send(Method::POST, &["keys"], request, KEYS).await
    }

    /// Retires a key.
    pub async fn retire_key(
        &self,
        fingerprint: &str,
        request: &KeyRetirement,
    ) -> Result<KeyOutcome, ClientError> {
        self.send(Method::POST, &["keys", fingerprint, "retire"], request, KEYS).await
    }

    /// Publishes the client package of a suite.
    pub async fn publish_client(
        &self,
        suite: &SuiteName,
    ) -> Result<ClientPackageView, ClientError> {
        let path = ["suites", suite.as_str(), "client-package"];
        self.send(Method::POST, &path, &serde_json::json!({}), Effect::Repeatable).await
    }
}
