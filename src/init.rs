//! INIT: a new data directory, with everything a server needs to start and a first operator to use it.
//!
//! May name: server, catalogue, signing, trust, config, domain, time

#![expect(clippy::disallowed_methods, reason = "this room makes the data directory")]

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

mod external;

pub use external::{ExternalCa, Outside};

use external::Named;

use crate::catalogue::{Access, CertificateRecord, SqliteCatalogue};
use crate::config::{self, Config};
use crate::domain::{Actor, Event, Grant, Identity, Role, SuiteScope};
use crate::server::{DataDirectory, passphrase, server_names};
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
    /// Whose certificates count.
    pub trust: InitTrust,
}

/// Whose certificates count.
#[derive(Clone, Debug)]
pub enum InitTrust {
    /// Those of a CA that is made with the directory.
    Embedded {
        /// The file with the passphrase that locks its private key; else that is in the clear.
        passphrase_file: Option<PathBuf>,
    },
    /// Those of CAs that exist already.
    External(ExternalCa),
}

impl Default for InitTrust {
    fn default() -> Self {
        Self::Embedded { passphrase_file: None }
    }
}

/// An option of `repod.toml`: its section, its name, its value.
type Setting = (&'static str, &'static str, toml::Value);

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
    /// A file that was named cannot be used.
    #[error("{0}: {1}; nothing was made")]
    Named(&'static str, String),
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
    /// What was found of CAs that exist already, where those count.
    pub outside: Option<Outside>,
}

/// What vouches for the new directory: the files that were named, or nothing yet.
enum Ground {
    Embedded(Option<(PathBuf, Zeroizing<String>)>),
    External(Box<Named>),
}

impl Ground {
    fn look_at(options: &InitOptions, now: Moment) -> Result<Self, InitError> {
        let file = match &options.trust {
            InitTrust::External(named) => {
                return Ok(Self::External(Box::new(Named::look_at(named, now)?)));
            }
            InitTrust::Embedded { passphrase_file } => passphrase_file.as_ref(),
        };
        let wrong = |problem: String| InitError::Named("--ca-passphrase-file", problem);
        let read = |path: &PathBuf| {
            let passphrase = passphrase::read(path).map_err(|error| wrong(error.to_string()))?;
            let path = std::path::absolute(path).map_err(|error| wrong(error.to_string()))?;
            Ok((path, passphrase))
        };
        Ok(Self::Embedded(file.map(read).transpose()?))
    }
}

/// Makes a data directory.
///
/// # Errors
/// [`InitError`].
pub fn init(options: &InitOptions, now: Moment) -> Result<Initialised, InitError> {
    let url = public_url(&options.name, options.port)?;
    let ground = Ground::look_at(options, now)?;
    let data = &options.data;
    let fail = |what: &'static str| {
        let data = data.display().to_string();
        move |problem: String| InitError::Part { what, problem, data }
    };
    make_empty(data)?;
    let directory =
        DataDirectory::lock(data).map_err(|error| fail("data directory")(error.to_string()))?;
    let fingerprint = signing_key(&directory, options, now).map_err(fail("signing key"))?;
    let (settings, profile, outside) = match ground {
        Ground::Embedded(lock) => {
            let passphrase = lock.as_ref().map(|(_, passphrase)| passphrase.as_str());
            let authority = authority(&directory, options, passphrase, now);
            let authority = authority.map_err(fail("certificates"))?;
            let profile = operator(&directory, &authority, options, &url, now);
            let path = |(path, _): &(PathBuf, _)| path.display().to_string();
            let setting = lock.as_ref().map(|lock| ("ca", "passphrase_file", path(lock).into()));
            (setting.into_iter().collect(), profile.map_err(fail("operator"))?, None)
        }
        Ground::External(mut named) => {
            let settings = named.make_server(&directory, options);
            let settings = settings.map_err(fail("server certificate"))?;
            let profile = named.make_operator(&directory, options, &url, now);
            (settings, profile.map_err(fail("operator"))?, Some(named.outside()))
        }
    };
    let text = configuration(options, &url, &settings).map_err(fail("repod.toml"))?;
    let config = directory.config();
    write_new(&config, 0o644, text.as_bytes())
        .map_err(|error| fail("repod.toml")(error.to_string()))?;
    Ok(Initialised { config, profile, fingerprint, outside })
}

/// The directory, which holds nothing yet.
fn make_empty(data: &Path) -> Result<(), InitError> {
    let shown = data.display().to_string();
    let unusable = |problem| InitError::Unusable { data: shown.clone(), problem };
    make_directory(data).map_err(unusable)?;
    let empty = fs::read_dir(data).map(|mut entries| entries.next().is_none());
    match empty.map_err(unusable)? {
        true => Ok(()),
        false if data.join("repod.toml").exists() => Err(InitError::Made(shown)),
        false => Err(InitError::NotEmpty(shown)),
    }
}

fn configuration(options: &InitOptions, url: &str, settings: &[Setting]) -> Result<String, String> {
    let template = config::template(url, &listen(options), &options.local);
    let text = settings.iter().fold(template, |text, (section, key, value)| {
        config::with_option(&text, section, key, value)
    });
    Config::parse(&text).map(|_| text)
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
    passphrase: Option<&str>,
    now: Moment,
) -> Result<CertificateAuthority, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let authority =
        CertificateAuthority::create_locked(&directory.ca(), &options.name, passphrase, now);
    let authority = authority.map_err(|e| text(&e))?;
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
    let grant = first_grant(options);
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
    write_new(&profile, 0o644, profile_text(url).as_bytes()).map_err(|e| text(&e))?;
    Ok(profile)
}

fn first_grant(options: &InitOptions) -> Grant {
    Grant { identity: options.operator.clone(), role: Role::Admin, suites: SuiteScope::All }
}

fn profile_text(url: &str) -> String {
    format!(
        "# Profile of repoctl. Copy this directory to ~/.config/repoctl to use it without --config.\n\
         server = \"{url}\"\ncertificate = \"client.crt\"\nkey = \"client.key\"\nca = \"ca.crt\"\n"
    )
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
