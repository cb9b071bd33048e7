//! Identities, certificates and what hosts need, as they are sent.
//!
//! Private keys are made where they are used and are never sent. What is sent is a certificate
//! signing request, from which the server takes only the public key.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::api::rights::AccessGrant;
use crate::api::role::Role;
use crate::debian::{Architecture, Component, PackageName, SuiteName};

/// Which suites: the word `"all"`, or a list of names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SuiteChoice {
    /// Every suite, also those made later.
    All,
    /// These and no others.
    Named(Vec<SuiteName>),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum SuiteChoiceText {
    Word(String),
    Names(Vec<SuiteName>),
}

impl Serialize for SuiteChoice {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => to.serialize_str("all"),
            Self::Named(names) => names.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for SuiteChoice {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match SuiteChoiceText::deserialize(from) {
            Ok(SuiteChoiceText::Word(word)) if word == "all" => Ok(Self::All),
            Ok(SuiteChoiceText::Names(names)) => Ok(Self::Named(names)),
            _ => Err(serde::de::Error::custom("suites is \"all\" or a list of suite names")),
        }
    }
}

/// The answer of `GET /whoami`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct WhoAmI {
    /// The name that the certificate proves.
    pub identity: String,
    /// What it is trusted to do.
    pub role: Role,
    /// In which suites.
    pub suites: SuiteChoice,
    /// The grants that limit its uploads, of all that it holds; empty where none does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<AccessGrant>,
    /// When the presented certificate expires.
    pub certificate_not_after: i64,
    /// The version of the server.
    pub server_version: String,
}

/// A certificate for a host: the body of `POST /hosts`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostRequest {
    /// The name of the host.
    pub name: String,
    /// The suites that it may read.
    pub suites: Vec<SuiteName>,
    /// A PKCS#10 request. Only its public key is used.
    pub csr_pem: String,
    /// How long the certificate is valid; the server's default when left out. Unit: days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
}

/// A certificate for a build job or a person: the body of `POST /identities`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityRequest {
    /// The name of the identity.
    pub name: String,
    /// What it is trusted to do.
    pub role: Role,
    /// In which suites.
    pub suites: SuiteChoice,
    /// Limits it to these components; empty for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,
    /// Limits it to packages of these names, in which `*` stands for any text; empty for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
    /// A PKCS#10 request. Only its public key is used.
    pub csr_pem: String,
    /// How long the certificate is valid; the server's default when left out. Unit: days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
}

/// The grant of a host whose certificate another CA issued: the body of `PUT /hosts/{name}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostGrant {
    /// The suites that it may read.
    pub suites: Vec<SuiteName>,
}

/// The grant of an identity whose certificate another CA issued: the body of
/// `PUT /identities/{name}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityGrant {
    /// What it is trusted to do.
    pub role: Role,
    /// In which suites.
    pub suites: SuiteChoice,
    /// Limits it to these components; empty for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,
    /// Limits it to packages of these names, in which `*` stands for any text; empty for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
}

/// The answer of `PUT /hosts/{name}` and `PUT /identities/{name}`: the grant as it is now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Granted {
    /// The identity that has it.
    pub identity: String,
    /// What it is trusted to do.
    pub role: Role,
    /// In which suites.
    pub suites: SuiteChoice,
    /// Limits it to these components; empty for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,
    /// Limits it to packages of these names, in which `*` stands for any text; empty for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
    /// What to know: of a host that reads suites of several namespaces, and of a name without a certificate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The answer of `POST /hosts` and `POST /identities`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct IssuedCertificate {
    /// The identity that it was issued for.
    pub identity: String,
    /// Lower-case hexadecimal without leading zeros.
    pub serial: String,
    /// When it expires.
    pub not_after: i64,
    /// The certificate.
    pub certificate_pem: String,
    /// The CA by which clients verify the server itself.
    pub ca_pem: String,
}

/// One identity: an element of the answer of `GET /hosts` and `GET /identities`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct IdentityView {
    /// Its name.
    pub identity: String,
    /// What it is trusted to do: its highest role; `None` when it has no grant.
    pub role: Option<Role>,
    /// Whether it is a host, whatever else it was granted.
    #[serde(default)]
    pub host: bool,
    /// The grants that limit its uploads, of all that it holds; empty where none does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<AccessGrant>,
    /// In which suites.
    pub suites: SuiteChoice,
    /// Limits its own grant to these components; empty for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,
    /// Limits its own grant to packages of these names, in which `*` stands for any text; empty for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
    /// Every certificate that was issued to it, the newest first.
    pub certificates: Vec<CertificateView>,
    /// When it last read each suite.
    pub sightings: Vec<SightingView>,
    /// The suites of a host whose generation that is served was never offered to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub behind: Vec<SuiteName>,
    /// When its pending token expires, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_ends: Option<i64>,
}

/// One certificate.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CertificateView {
    /// Lower-case hexadecimal without leading zeros.
    pub serial: String,
    /// When it expires.
    pub not_after: i64,
    /// When it was revoked, if it was.
    pub revoked_at: Option<i64>,
    /// Why it was revoked; empty otherwise.
    #[serde(default)]
    pub reason: String,
}

/// When an identity last read a suite.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SightingView {
    /// Which suite.
    pub suite: SuiteName,
    /// When.
    pub at: i64,
    /// In which ring of the suite it is; `None` where the suite has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring: Option<String>,
    /// The generation it was given.
    pub generation: u64,
    /// The generation that is served now; `None` when the suite is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<u64>,
}

/// The body of `POST /hosts/{name}/revoke` and `POST /identities/{name}/revoke`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevocationRequest {
    /// The reason. It may be in the query instead.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// The result of a revocation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RevocationOutcome {
    /// The identity that is shut out.
    pub identity: String,
    /// The certificates that are revoked now.
    pub serials: Vec<String>,
    /// When the revocation list in force expires; `null` while the one that names them is not made.
    pub crl_next_update: Option<i64>,
    /// Whether another CA than the server's own issues certificates here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub other_ca: bool,
}

/// The query of `GET /hosts/{name}/setup`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetupQuery {
    /// Suite names, separated by commas; when left out, every suite that the host may read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suites: Option<String>,
    /// Whether the host itself asks and is about to install the answer: from then on it counts as
    /// having the keys in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub installs: bool,
}

/// What a host needs, except its own key and certificate: the answer of `GET /hosts/{name}/setup`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HostSetup {
    /// The absolute path on the host where the files expect its certificate.
    pub certificate_path: String,
    /// The absolute path on the host where the files expect its private key.
    pub key_path: String,
    /// The files to install on the host.
    pub files: Vec<SetupFile>,
    /// Absolute paths on the host of files that an earlier server gave it, and that are to be
    /// removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obsolete: Vec<String>,
    /// Sentences for people.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The values that `files` are made from, for a host that makes its files by itself. An earlier
    /// server leaves them out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<SetupFacts>,
}

/// The values that the files of a host are made from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SetupFacts {
    /// The address of the repository: `https://repo.example.org:8443/`.
    pub public_url: String,
    /// How `apt-get update` of hosts ends when a source cannot be reached.
    #[serde(default)]
    pub update_error_mode: UpdateErrorMode,
    /// The suites.
    pub suites: Vec<SuiteFacts>,
}

/// A value of `APT::Update::Error-Mode` of apt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateErrorMode {
    /// With exit code 100.
    #[default]
    Any,
    /// As apt does by itself: with 0 and a warning when the reason may pass.
    PersistentFailure,
}

/// What the files of one suite are made from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SuiteFacts {
    /// Its name.
    pub name: SuiteName,
    /// Its Origin.
    pub origin: String,
    /// Its Label.
    pub label: String,
    /// Its components.
    pub components: Vec<Component>,
    /// Its architectures.
    pub architectures: Vec<Architecture>,
    /// Patterns of the package names that it owns.
    #[serde(default)]
    pub owns: Vec<String>,
    /// The names that it lists, where it owns none.
    #[serde(default)]
    pub names: Vec<PackageName>,
    /// Whether hosts take packages from it only when a person names it.
    #[serde(default)]
    pub not_automatic: bool,
    /// The public OpenPGP keys that sign it, armored.
    pub keys: String,
}

/// One file that a host needs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SetupFile {
    /// An absolute path on the host: `/etc/apt/sources.list.d/repod.sources`.
    pub path: String,
    /// Permissions in octal: `0644`.
    pub mode: String,
    /// Who owns it there: `root` or `_apt`.
    pub owner: String,
    /// The text of the file.
    pub content: String,
}
