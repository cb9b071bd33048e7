//! CONFIG: the settings of one machine, from `repod.toml` and the environment. The content of the
//! repository (suites, pins, rights) is in the catalogue.
//!
//! May name: amount, cause, nearest, reading, toml_text

#![expect(clippy::disallowed_methods, reason = "this room reads the file and the environment")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::cause::Cause;
use crate::toml_text::TomlText;

mod hosts;
mod limits;
mod log;
mod passphrase;
mod proxies;
pub mod reference;
mod scrub;
mod signing;
mod trust;

pub use hosts::{Hosts, UpdateErrorMode};
pub use limits::Limits;
pub use log::{Log, LogFormat};
pub use passphrase::CaOptions;
pub use proxies::Network;
pub use scrub::ScrubOptions;
pub use signing::SigningOptions;
pub use trust::{TlsOptions, TrustOptions};

/// The configuration of one server.
///
/// Every field has the default that `repod init` writes, commented, into `repod.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The URL of the repository for hosts, with the port if it is not 443. It is set only here.
    pub public_url: String,
    /// The data directory; relative to the file's own directory.
    #[serde(default = "here")]
    pub data: PathBuf,
    /// The addresses to listen on.
    #[serde(default)]
    pub listen: Listen,
    /// Limits on uploads and connections.
    #[serde(default)]
    pub limits: Limits,
    /// How long certificates and lists are valid.
    #[serde(default)]
    pub certificates: Certificates,
    /// What hosts are given.
    #[serde(default)]
    pub hosts: Hosts,
    /// How fast everything that is stored is read again.
    #[serde(default)]
    pub scrub: ScrubOptions,
    /// How the embedded CA's private key is opened.
    #[serde(default)]
    pub ca: CaOptions,
    /// Which CAs of client certificates are trusted.
    #[serde(default)]
    pub trust: TrustOptions,
    /// The server's own certificate.
    #[serde(default)]
    pub tls: TlsOptions,
    /// How the signing keys are opened.
    #[serde(default)]
    pub signing: SigningOptions,
    /// The level and format of the log.
    #[serde(default)]
    pub log: Log,
}

/// The addresses to listen on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// Addresses with ports, IPv4 and IPv6, for hosts and `repoctl`.
    pub addresses: Vec<SocketAddr>,
    /// For health checks of this machine, without certificates; empty for none.
    pub local: Vec<SocketAddr>,
    /// Addresses with ports for proxies that pass TCP on and send the PROXY protocol, version 2.
    pub proxy_protocol: Vec<SocketAddr>,
    /// The addresses from which proxies connect: addresses, or networks such as `192.0.2.0/24`.
    pub proxies: Vec<Network>,
    /// Identities of proxies that end TLS and send the client's certificate in a header.
    pub handover: Vec<String>,
}

impl Default for Listen {
    fn default() -> Self {
        let any = |text: &str| text.parse().ok();
        Self {
            addresses: ["0.0.0.0:8443", "[::]:8443"].into_iter().filter_map(any).collect(),
            local: ["127.0.0.1:9180"].into_iter().filter_map(any).collect(),
            proxy_protocol: Vec::new(),
            proxies: Vec::new(),
            handover: Vec::new(),
        }
    }
}

/// How long certificates and lists are valid.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Certificates {
    /// Client certificates. Unit: days.
    pub client_days: u32,
    /// The server's own certificate, renewed when a third of its life is left. Unit: days.
    pub server_days: u32,
    /// The revocation list, renewed when half of its life is over. Unit: days.
    pub crl_days: u32,
}

impl Default for Certificates {
    fn default() -> Self {
        Self { client_days: 397, server_days: 90, crl_days: 7 }
    }
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}{}", if_absent(source))]
    Unreadable {
        /// Which file.
        path: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file has something that is not valid.
    #[error("{problem}")]
    Invalid {
        /// Which file.
        path: String,
        /// Where, what, and the nearest valid word.
        #[source]
        problem: Cause,
    },
}

/// What to do about a file that is not there.
fn if_absent(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            "; `repod init` makes a data directory with a configuration"
        }
        _ => "",
    }
}

/// The most that is read of the file. Unit: bytes.
const FILE_LIMIT_BYTES: u64 = 1 << 20;

fn here() -> PathBuf {
    PathBuf::from(".")
}

impl Config {
    /// Reads a file; paths in it are taken relative to its directory.
    ///
    /// # Errors
    /// [`ConfigError`] naming the file and the field (operator's fault).
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let shown = path.display().to_string();
        let text = crate::reading::read_text(path, FILE_LIMIT_BYTES).map_err(|error| {
            ConfigError::Unreadable { path: shown.clone(), source: error.into_io() }
        })?;
        let mut config = Self::parse_named(&text, &shown)
            .map_err(|problem| ConfigError::Invalid { path: shown, problem })?;
        let base = path.parent().unwrap_or(Path::new("."));
        // Drops the `.` that the default would leave at the end of the path in every message.
        config.data = base.join(&config.data).components().collect();
        config.ca.below(base);
        config.trust.below(base);
        config.tls.below(base);
        config.signing.below(base);
        Ok(config)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// The fault, for people.
    pub fn parse(text: &str) -> Result<Self, Cause> {
        Self::parse_named(text, "repod.toml")
    }

    fn parse_named(text: &str, file: &str) -> Result<Self, Cause> {
        let config: Self = toml::from_str(text)
            .map_err(|error| Cause::with(TomlText::new(text).fault(&error).told(file), error))?;
        config.verify().map_err(|problem| {
            // Every problem begins with the field.
            let field = problem.split([' ', ',', ':']).next().unwrap_or_default().to_owned();
            let mut fault = TomlText::new(text).at(&field, problem);
            fault.field.clear();
            fault.told(file)
        })?;
        Ok(config)
    }

    fn verify(&self) -> Result<(), String> {
        self.host()?;
        self.trust.verify()?;
        self.tls.verify()?;
        self.signing.verify()?;
        self.scrub.verify()?;
        if self.listen.addresses.is_empty() {
            return Err(
                "listen.addresses is empty; name at least one, such as \"0.0.0.0:8443\"".into()
            );
        }
        if let Some(open) = self.listen.local.iter().find(|address| !address.ip().is_loopback()) {
            return Err(format!(
                "listen.local: {open} is not a loopback address; health needs no certificate"
            ));
        }
        if self.listen.proxies.is_empty() && !self.listen.proxy_protocol.is_empty() {
            return Err(
                "listen.proxies is empty; name the addresses of the proxies that connect to \
                 listen.proxy_protocol"
                    .into(),
            );
        }
        self.limits.verify()?;
        self.log.verify()?;
        let days = [
            ("certificates.client_days", self.certificates.client_days),
            ("certificates.server_days", self.certificates.server_days),
            ("certificates.crl_days", self.certificates.crl_days),
        ];
        match days.into_iter().find(|(_, days)| !(1..=3650).contains(days)) {
            Some((field, days)) => Err(format!("{field} is {days}; it lies between 1 and 3650")),
            None => Ok(()),
        }
    }

    /// The host name in `public_url`.
    ///
    /// # Errors
    /// The fault of the URL, for people.
    pub fn host(&self) -> Result<String, String> {
        let problem = || {
            format!(
                "public_url is {:?}; it reads like https://repo.example.org:8443/",
                self.public_url
            )
        };
        let rest = self.public_url.strip_prefix("https://").ok_or_else(problem)?;
        let authority = rest.strip_suffix('/').ok_or_else(problem)?;
        let host = match authority.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
        if host.is_empty() || authority.contains('/') || !host.chars().all(plain) {
            return Err(problem());
        }
        Ok(host.to_string())
    }
}

/// The path of the configuration: as named, or from the environment, or in the usual places.
pub fn find(named: Option<PathBuf>) -> PathBuf {
    let environment = || std::env::var_os("REPOD_CONFIG").map(PathBuf::from);
    let local = || Some(PathBuf::from("repod.toml")).filter(|path| path.exists());
    named
        .or_else(environment)
        .or_else(local)
        .unwrap_or_else(|| PathBuf::from("/etc/repod/repod.toml"))
}

/// The socket of the service manager, if there is one.
pub fn notify_socket() -> Option<std::ffi::OsString> {
    std::env::var_os("NOTIFY_SOCKET").filter(|path| !path.is_empty())
}

/// The watchdog interval of the service manager, if it has one. Unit: microseconds.
pub fn watchdog_microseconds() -> Option<u64> {
    std::env::var("WATCHDOG_USEC").ok()?.parse().ok()
}

/// The configuration that `repod init` writes: every option, commented, with its default.
pub fn template(public_url: &str, listen: &[SocketAddr], local: &[SocketAddr]) -> String {
    let quoted = |addresses: &[SocketAddr]| {
        addresses.iter().map(|address| format!("\"{address}\"")).collect::<Vec<_>>().join(", ")
    };
    include_str!("config/template.toml")
        .replace("@PUBLIC_URL@", public_url)
        .replace("@LISTEN@", &quoted(listen))
        .replace("@LOCAL@", &quoted(local))
}

/// The text of [`template`] with an option set: `value` in place of the default in its line. An
/// option that the template does not have changes nothing.
pub fn with_option(text: &str, section: &str, key: &str, value: &toml::Value) -> String {
    let mut inside = false;
    let mut set = |line: &str| {
        if line.starts_with('[') {
            inside = line == format!("[{section}]");
        }
        let is_it = line.strip_prefix("# ").and_then(|line| line.strip_prefix(key));
        match is_it.filter(|rest| inside && rest.starts_with(" = ")) {
            Some(_) => format!("{key} = {value}\n"),
            None => format!("{line}\n"),
        }
    };
    text.lines().map(&mut set).collect()
}

#[cfg(test)]
mod tests;
