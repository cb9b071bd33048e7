//! INIT: a new data directory, with everything a server needs to start and a first operator to use it.
//!
//! May name: server, catalogue, signing, trust, config, domain, time

#![expect(clippy::disallowed_methods, reason = "this room makes the data directory")]

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::catalogue::{Access, CertificateRecord, SqliteCatalogue};
use crate::config::{self, Config};
use crate::domain::{Actor, Event, Grant, Identity, Role, SuiteScope};
use crate::server::{DataDirectory, server_names};
use crate::signing::{DateFloor, KeyKind, generate};
use crate::time::Moment;
use crate::trust::{CertificateAuthority, NewRequest, ServerKey};

/// What the new directory is to be.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// Where.
    pub data: PathBuf,
    /// The host name by which hosts reach the server.
    pub name: String,
    /// The port by which they do.
    pub port: u16,
    /// Where to listen; every address of the machine on `port` when empty.
    pub listen: Vec<SocketAddr>,
    /// Where health checks of this machine are answered.
    pub local: Vec<SocketAddr>,
    /// The kind of the signing key.
    pub key: KeyKind,
    /// The name of the first operator.
    pub operator: Identity,
}

/// The directory could not be made. What was begun is named, so that it can be removed.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// There is something already.
    #[error(
        "{0} is not empty; name a new directory, or remove it if an earlier init was broken off"
    )]
    NotEmpty(String),
    /// It is a data directory already.
    #[error(
        "{0} is a data directory already; start it with `repod serve --config {0}/repod.toml` (its keys cannot be \
         made again: keep it)"
    )]
    Made(String),
    /// The directory itself cannot be made or read; nothing of ours is in it.
    #[error("{data} cannot be made a data directory: {problem}; name another one")]
    Unusable {
        /// The directory.
        data: String,
        /// What the system said.
        problem: io::Error,
    },
    /// The name cannot be used.
    #[error("--name: {0}")]
    Name(String),
    /// A part could not be made.
    #[error("{what}: {problem}; remove {data} before trying again")]
    Part {
        /// Which part.
        what: &'static str,
        /// What it said.
        problem: String,
        /// The directory.
        data: String,
    },
}

/// What was made.
#[derive(Clone, Debug)]
pub struct Initialised {
    /// The configuration.
    pub config: PathBuf,
    /// The profile of the first operator, for `repoctl --config`.
    pub profile: PathBuf,
    /// The fingerprint of the signing key.
    pub fingerprint: String,
}

/// Makes a data directory.
///
/// # Errors
/// [`InitError`].
pub fn init(options: &InitOptions, now: Moment) -> Result<Initialised, InitError> {
    let url = public_url(&options.name, options.port)?;
    let data = &options.data;
    let shown = data.display().to_string();
    let fail = |what: &'static str| {
        let data = shown.clone();
        move |problem: String| InitError::Part { what, problem, data }
    };
    let unusable = |problem| InitError::Unusable { data: shown.clone(), problem };
    make_directory(data).map_err(unusable)?;
    let empty = fs::read_dir(data).map(|mut entries| entries.next().is_none());
    if !empty.map_err(unusable)? {
        if data.join("repod.toml").exists() {
            return Err(InitError::Made(shown));
        }
        return Err(InitError::NotEmpty(shown));
    }
    let directory =
        DataDirectory::lock(data).map_err(|error| fail("data directory")(error.to_string()))?;
    let fingerprint = signing_key(&directory, options, now).map_err(fail("signing key"))?;
    let authority = authority(&directory, options, now).map_err(fail("certificates"))?;
    let profile = operator(&directory, &authority, options, &url, now).map_err(fail("operator"))?;
    let text = config::template(&url, &listen(options), &options.local);
    Config::parse(&text).map_err(fail("repod.toml"))?;
    let config = directory.config();
    write_new(&config, 0o644, text.as_bytes())
        .map_err(|error| fail("repod.toml")(error.to_string()))?;
    Ok(Initialised { config, profile, fingerprint })
}

fn public_url(name: &str, port: u16) -> Result<String, InitError> {
    let address = name.parse::<std::net::IpAddr>().is_ok();
    if !address && let Err(error) = Identity::parse(name) {
        return Err(InitError::Name(error.to_string()));
    }
    let host = if name.contains(':') { format!("[{name}]") } else { name.to_string() };
    Ok(if port == 443 { format!("https://{host}/") } else { format!("https://{host}:{port}/") })
}

fn listen(options: &InitOptions) -> Vec<SocketAddr> {
    if !options.listen.is_empty() {
        return options.listen.clone();
    }
    vec![SocketAddr::from(([0u8; 4], options.port)), SocketAddr::from(([0u16; 8], options.port))]
}

fn signing_key(
    directory: &DataDirectory,
    options: &InitOptions,
    now: Moment,
) -> Result<String, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    make_parent(&directory.signing_key()).map_err(|e| text(&e))?;
    let user = format!("{} archive signing key", options.name);
    let key = generate(options.key, &user, now).map_err(|e| text(&e))?;
    key.write_new(directory.signing_key()).map_err(|e| text(&e))?;
    let public = key.public_armored().map_err(|e| text(&e))?;
    write_new(&directory.archive_key(), 0o644, public.as_bytes()).map_err(|e| text(&e))?;
    DateFloor::create(directory.floor()).map_err(|e| text(&e))?;
    Ok(key.fingerprint())
}

fn authority(
    directory: &DataDirectory,
    options: &InitOptions,
    now: Moment,
) -> Result<CertificateAuthority, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let authority =
        CertificateAuthority::create(&directory.ca(), &options.name, now).map_err(|e| text(&e))?;
    make_directory(&directory.tls()).map_err(|e| text(&e))?;
    let names = server_names(&options.name);
    let days = config::Certificates::default().server_days;
    let issued =
        authority.issue_server(&names, &ServerKey::New, days, now).map_err(|e| text(&e))?;
    issued.write(&directory.tls()).map_err(|e| text(&e))?;
    Ok(authority)
}

/// The first operator, an admin: its certificate, its right, and a profile that `repoctl` reads.
fn operator(
    directory: &DataDirectory,
    authority: &CertificateAuthority,
    options: &InitOptions,
    url: &str,
    now: Moment,
) -> Result<PathBuf, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let request = NewRequest::make().map_err(|e| text(&e))?;
    let days = config::Certificates::default().client_days;
    let identity = &options.operator;
    let client =
        authority.issue_client(identity, &request.csr_pem, days, now).map_err(|e| text(&e))?;
    let catalogue = SqliteCatalogue::open(&directory.catalogue()).map_err(|e| text(&e))?;
    let record = CertificateRecord {
        serial: client.serial_hex,
        identity: identity.clone(),
        issued_at: now,
        issued_by: Identity::server(),
        not_after: client.not_after,
        revoked_at: None,
        reason: String::new(),
    };
    let grant = Grant { identity: identity.clone(), role: Role::Admin, suites: SuiteScope::All };
    let event = Event::done(Actor::server(), "certificate-issue", now);
    let event = event.with(&format!("{identity}: admin of every suite, the first operator"));
    catalogue.record_certificate(&record, Some(&grant), &event).map_err(|e| text(&e))?;
    let own = directory.operator();
    make_directory(&own).map_err(|e| text(&e))?;
    write_new(&own.join("client.key"), 0o600, request.key_pem.as_bytes()).map_err(|e| text(&e))?;
    write_new(&own.join("client.crt"), 0o644, client.certificate_pem.as_bytes())
        .map_err(|e| text(&e))?;
    write_new(&own.join("ca.crt"), 0o644, authority.certificate_pem().as_bytes())
        .map_err(|e| text(&e))?;
    let profile = own.join("config.toml");
    let content = format!(
        "# Profile of repoctl. Copy this directory to ~/.config/repoctl to use it without --config.\n\
         server = \"{url}\"\ncertificate = \"client.crt\"\nkey = \"client.key\"\nca = \"ca.crt\"\n"
    );
    write_new(&profile, 0o644, content.as_bytes()).map_err(|e| text(&e))?;
    Ok(profile)
}

fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), make_directory)
}

fn make_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o750).create(path)
}

fn write_new(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().create_new(true).write(true).mode(mode).open(path)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}
