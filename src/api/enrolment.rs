//! Enrolment, as it is sent: tokens, what a machine sends to use one, and what it gets.
//!
//! A token is one word: `repod1:`, followed by four parts that are joined by `|` and written in
//! URL-safe base64. The parts are the address of the server, the name of the host, the pin of the
//! CA, and the secret. By the pin, the machine verifies the server before it sends anything.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::debian::SuiteName;
use crate::digest::{Digest, Hasher};

/// How a token begins.
const MARK: &str = "repod1:";
/// How long a secret is: 32 bytes in base64.
const SECRET_LETTERS: usize = 43;
/// The longest token that is read. Unit: bytes.
const LONGEST_BYTES: usize = 4_096;

/// A text that must not be printed by accident.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a token carries to the new machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenText {
    /// The address of the server: `https://repo.example.org:8443/`.
    pub server: String,
    /// The name of the host.
    pub name: String,
    /// The [`ca_pin`] of the CA by which the server is verified.
    pub ca_pin: Digest,
    /// The proof that the machine was given the token.
    pub secret: Secret,
}

impl TokenText {
    /// The token as one word.
    pub fn write(&self) -> Secret {
        let Self { server, name, ca_pin, secret } = self;
        let inner = format!("{server}|{name}|{ca_pin}|{}", secret.0);
        Secret(format!("{MARK}{}", URL_SAFE_NO_PAD.encode(inner)))
    }

    /// Reads a token.
    ///
    /// # Errors
    /// What is wrong with the token. The text never contains a part of it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.len() > LONGEST_BYTES {
            return Err("it is longer than any token");
        }
        let coded = text.strip_prefix(MARK).ok_or("it does not begin with repod1:")?;
        let cut = "it is cut or altered: copy it again, all of it";
        let inner = URL_SAFE_NO_PAD.decode(coded).map_err(|_| cut)?;
        let inner = String::from_utf8(inner).map_err(|_| cut)?;
        let parts: Vec<&str> = inner.split('|').collect();
        let [server, name, ca_pin, secret] = parts.as_slice() else { return Err(cut) };
        if secret.len() < SECRET_LETTERS {
            return Err(cut);
        }
        Ok(Self {
            server: (*server).to_owned(),
            name: (*name).to_owned(),
            ca_pin: ca_pin.parse().map_err(|_| cut)?,
            secret: Secret((*secret).to_owned()),
        })
    }
}

/// The pin of a CA: SHA-256 over the SubjectPublicKeyInfo of every certificate in the text, in its
/// order. A renewed certificate of the same key has the same pin. `None` when a block is no
/// certificate or when there is none.
pub fn ca_pin(ca_pem: &str) -> Option<Digest> {
    let found = CertificateDer::pem_slice_iter(ca_pem.as_bytes());
    let found: Vec<CertificateDer<'_>> = found.collect::<Result<_, _>>().ok()?;
    let mut hasher = Hasher::new();
    for certificate in &found {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        hasher.update(certificate.public_key().raw);
    }
    (!found.is_empty()).then(|| hasher.finish())
}

/// A token for a host: the body of `POST /tokens`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// The name of the host.
    pub name: String,
    /// The suites that it may read; empty for those that it holds when it is enrolled, such as by its
    /// groups.
    #[serde(default)]
    pub suites: Vec<SuiteName>,
    /// How long the token can be used. Unit: hours.
    pub hours: u32,
    /// How long the certificate is valid; the server's default when left out. Unit: days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// The reason. It may be in the query instead.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// The answer of `POST /tokens`: the token, which is shown only this once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TokenMade {
    /// The name of the host.
    pub name: String,
    /// The token.
    pub token: Secret,
    /// When it expires.
    pub ends_at: i64,
    /// What to know of a host that reads suites of several namespaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The state of a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TokenState {
    /// It waits to be used.
    Pending,
    /// It was used.
    Used,
    /// It was revoked.
    Revoked,
    /// It expired without being used.
    Expired,
}

impl TokenState {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Used => "used",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }
}

/// One token, without its secret: an element of the answer of `GET /tokens`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TokenView {
    /// The name of the host.
    pub name: String,
    /// The suites that the host may read.
    pub suites: super::SuiteChoice,
    /// Its state.
    pub state: TokenState,
    /// Who made it.
    pub made_by: String,
    /// When it was made.
    pub made_at: i64,
    /// When it expires.
    pub ends_at: i64,
    /// Why it was made.
    pub message: String,
    /// When it was used, if it was.
    pub used_at: Option<i64>,
    /// The serial of the certificate that was issued for it.
    pub serial: Option<String>,
}

/// The answer of `POST /tokens/{name}/revoke`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TokensRevoked {
    /// The name of the host.
    pub name: String,
    /// How many tokens were revoked.
    pub revoked: u64,
}

/// The answer of `GET /enroll`: the CA by which the server is verified.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AuthorityView {
    /// The certificate of the CA.
    pub ca_pem: String,
}

/// What a new machine sends: the body of `POST /enroll`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentRequest {
    /// The name of the host.
    pub name: String,
    /// The secret of its token.
    pub secret: Secret,
    /// A PKCS#10 request. Only its public key is used.
    pub csr_pem: String,
}

/// The body of `POST /renew`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewalRequest {
    /// A PKCS#10 request. Only its public key is used.
    pub csr_pem: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> TokenText {
        TokenText {
            server: "https://repo.example.org:8443/".into(),
            name: "web-01.example.org".into(),
            ca_pin: Digest::of(b"ca"),
            secret: Secret("s".repeat(43)),
        }
    }

    #[test]
    fn a_token_is_one_word_and_comes_back() {
        let text = token().write();
        assert!(text.0.starts_with("repod1:") && !text.0.contains(char::is_whitespace));
        assert_eq!(TokenText::parse(&format!(" {}\n", text.0)), Ok(token()));
        assert!(!format!("{:?} {:?}", token(), text).contains("sss"), "a secret was printed");
    }

    #[test]
    fn on_the_wire_a_secret_is_a_text() {
        let sent = EnrolmentRequest {
            name: "web-01".into(),
            secret: Secret("abc".into()),
            csr_pem: "CSR".into(),
        };
        let text = r#"{"name":"web-01","secret":"abc","csr_pem":"CSR"}"#;
        assert_eq!(serde_json::to_string(&sent).unwrap(), text);
        assert_eq!(serde_json::from_str::<EnrolmentRequest>(text).unwrap(), sent);
        let more = text.replace('{', r#"{"role":"admin","#);
        assert!(serde_json::from_str::<EnrolmentRequest>(&more).is_err());
        let state = serde_json::to_string(&TokenState::Pending).unwrap();
        assert_eq!(state, format!("\"{}\"", TokenState::Pending.as_str()));
    }

    #[test]
    fn a_cut_token_is_distinguished_from_any_other_text() {
        let text = token().write().0;
        assert!(TokenText::parse("hello").unwrap_err().contains("begin"));
        for end in [10, 40, text.len() - 30] {
            assert!(TokenText::parse(&text[..end]).unwrap_err().contains("cut"), "{end}");
        }
        assert!(TokenText::parse(&format!("repod1:{}", "a".repeat(5_000))).is_err());
    }

    #[test]
    fn the_pin_follows_the_key_and_not_the_certificate() {
        let key = rcgen::KeyPair::generate().unwrap();
        let of = |key: &rcgen::KeyPair, name: &str| {
            let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            params.self_signed(key).unwrap().pem()
        };
        let (old, new) = (of(&key, "one"), of(&key, "two"));
        assert_eq!(ca_pin(&old).unwrap(), ca_pin(&new).unwrap());
        let other = of(&rcgen::KeyPair::generate().unwrap(), "one");
        assert_ne!(ca_pin(&old), ca_pin(&other));
        assert_ne!(ca_pin(&old), ca_pin(&format!("{old}{other}")));
        assert_eq!(ca_pin(""), None);
        assert_eq!(ca_pin("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), None);
    }
}
