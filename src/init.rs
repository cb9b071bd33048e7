//! INIT: a new data directory, with everything that a server needs to start, and a first operator.
//!
//! May name: server, catalogue, signing, trust, config, domain, time, reserve

#![expect(clippy::disallowed_methods, reason = "this room makes the data directory")]

use std::fs;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

mod configuration;
mod error;
mod external;
mod files;
mod options;
mod profile;

pub use error::InitError;
pub use external::Outside;
pub use options::{ExternalCa, InitOptions, InitTrust};

use configuration::{configuration, public_url};
use external::Named;
use files::{make_directory, make_parent, write_new};
use profile::{first_grant, profile_text};

use crate::catalogue::{Access, CertificateRecord, SqliteCatalogue};
use crate::config;
use crate::domain::{Actor, Event, Identity};
use crate::server::{DataDirectory, passphrase, server_names};
use crate::signing::{DateFloor, generate};
use crate::time::Moment;
use crate::trust::{CertificateAuthority, NewRequest, ServerKey};

/// The result of `init`.
#[derive(Clone, Debug)]
pub struct Initialised {
    /// The configuration.
    pub config: PathBuf,
    /// The profile of the first operator, for `repoctl --config`.
    pub profile: PathBuf,
    /// The fingerprint of the signing key.
    pub fingerprint: String,
    /// What was found of external CAs, where those are trusted.
    pub outside: Option<Outside>,
}

/// The trust of the new directory: the named files of external CAs, or an embedded CA that does not
/// exist yet.
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

/// Creates a data directory.
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

/// Creates the directory; it must be empty if it exists.
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

/// Creates the first operator, an admin: its certificate, its grant, and a profile that `repoctl`
/// reads.
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
