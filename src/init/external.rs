//! A data directory without a CA of its own: its trusted CAs are named, and no certificate is
//! issued here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::configuration::Setting;
use super::files::{make_directory, write_new};
use super::profile::{first_grant, profile_text};
use super::{ExternalCa, InitError, InitOptions};
use crate::catalogue::{Access, SqliteCatalogue};
use crate::domain::{Actor, Event};
use crate::reserve::Reserve;
use crate::server::DataDirectory;
use crate::time::Moment;
use crate::trust::{NewRequest, ServerIdentity, Trust, TrustFiles, read_ca};

/// What was found in the files of other CAs, and what is still to be done.
#[derive(Clone, Debug)]
pub struct Outside {
    /// Each trusted CA, and until when its list is valid.
    pub authorities: Vec<(String, Option<Moment>)>,
    /// Why no client would be served now; empty when clients would be.
    pub faults: Vec<String>,
    /// The path of the request for the server's certificate, and the path of the certificate.
    pub request: Option<(PathBuf, PathBuf)>,
}

/// The named files, with absolute paths, and checked.
pub(super) struct Named {
    ca: ExternalCa,
    server_ca: PathBuf,
    server_ca_pem: String,
    outside: Outside,
}

impl Named {
    /// Checks every file before anything is created.
    pub(super) fn look_at(named: &ExternalCa, now: Moment) -> Result<Self, InitError> {
        let ca = absolute(named).map_err(|error| InitError::Named("path", error.to_string()))?;
        let scratch = tempfile::tempdir();
        let scratch = scratch.map_err(|e| InitError::Named("temporary files", e.to_string()))?;
        let files = TrustFiles {
            anchors: ca.anchors.clone(),
            intermediates: ca.intermediates.clone(),
            crls: ca.crls.clone(),
            delivered: None,
            floor: scratch.path().join("crl.floor"),
            grace_seconds: 0,
            reserve: Arc::new(Reserve::none()),
        };
        let trust = Trust::load(files, now);
        let trust = trust.map_err(|error| InitError::Named("trust", error.to_string()))?;
        let state = trust.current();
        let mut faults: Vec<_> = state.troubles().iter().map(|one| one.fault.to_string()).collect();
        if let (true, Err(refusal)) = (faults.is_empty(), state.gate(now)) {
            faults.push(refusal.to_string());
        }
        let list = |one: crate::trust::IssuerReport| (one.name, one.list.map(|list| list.closes));
        let authorities = state.issuers().into_iter().map(list).collect();
        let server_ca = match (&ca.server_ca, ca.anchors.as_slice()) {
            (Some(path), _) => path.clone(),
            (None, [only]) if only.is_file() => only.clone(),
            _ => {
                let problem =
                    "name the certificate of the CA that hosts recognise the server by, PEM";
                return Err(InitError::Named("--tls-ca", problem.into()));
            }
        };
        let server_ca_pem = read_ca(&server_ca);
        let server_ca_pem =
            server_ca_pem.map_err(|error| InitError::Named("--tls-ca", error.to_string()))?;
        if let Some((certificate, key)) = &ca.server {
            ServerIdentity::load(certificate, key)
                .map_err(|error| InitError::Named("--tls-certificate", error.to_string()))?;
        }
        let outside = Outside { authorities, faults, request: None };
        Ok(Self { ca, server_ca, server_ca_pem, outside })
    }

    /// Creates the server's key and request, where no certificate is named; returns the settings
    /// for `repod.toml`.
    pub(super) fn make_server(
        &mut self,
        directory: &DataDirectory,
        options: &InitOptions,
    ) -> Result<Vec<Setting>, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let (certificate, key) = match &self.ca.server {
            Some(named) => named.clone(),
            None => {
                let tls = directory.tls();
                make_directory(&tls).map_err(|e| text(&e))?;
                let made = NewRequest::for_server(&options.name).map_err(|e| text(&e))?;
                let key = tls.join("server.key");
                write_new(&key, 0o600, made.key_pem.as_bytes()).map_err(|e| text(&e))?;
                let request = tls.join("server.csr");
                write_new(&request, 0o644, made.csr_pem.as_bytes()).map_err(|e| text(&e))?;
                self.outside.request = Some((request, tls.join("server.crt")));
                (PathBuf::from("tls/server.crt"), PathBuf::from("tls/server.key"))
            }
        };
        let paths = |section, name, paths: &[PathBuf]| -> Result<Setting, String> {
            let texts = paths.iter().map(|path| plain(path)).collect::<Result<Vec<_>, _>>()?;
            Ok((section, name, texts.into()))
        };
        let path = |name, path: &Path| -> Result<Setting, String> {
            Ok(("tls", name, plain(path)?.into()))
        };
        Ok(vec![
            paths("trust", "anchors", &self.ca.anchors)?,
            paths("trust", "intermediates", &self.ca.intermediates)?,
            paths("trust", "crls", &self.ca.crls)?,
            path("certificate", &certificate)?,
            path("key", &key)?,
            path("ca", &self.server_ca)?,
        ])
    }

    /// Creates the grant of the first operator, and a profile without its certificate and key.
    pub(super) fn make_operator(
        &self,
        directory: &DataDirectory,
        options: &InitOptions,
        url: &str,
        now: Moment,
    ) -> Result<PathBuf, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let catalogue = SqliteCatalogue::open(&directory.catalogue()).map_err(|e| text(&e))?;
        let grant = first_grant(options);
        let event = Event::done(Actor::server(), "grant", now);
        let event = event.with(&format!("{}: admin of every suite, the first one", grant.identity));
        catalogue.record_grant(&grant, &event).map_err(|e| text(&e))?;
        let own = directory.operator();
        make_directory(&own).map_err(|e| text(&e))?;
        write_new(&own.join("ca.crt"), 0o644, self.server_ca_pem.as_bytes())
            .map_err(|e| text(&e))?;
        let profile = own.join("config.toml");
        write_new(&profile, 0o644, profile_text(url).as_bytes()).map_err(|e| text(&e))?;
        Ok(profile)
    }

    /// What `repod init` prints.
    pub(super) fn outside(self) -> Outside {
        self.outside
    }
}

/// Makes the paths absolute, because the configuration is in another directory than the caller's.
fn absolute(named: &ExternalCa) -> std::io::Result<ExternalCa> {
    let one = |path: &PathBuf| std::path::absolute(path);
    let all = |paths: &[PathBuf]| paths.iter().map(one).collect::<Result<Vec<_>, _>>();
    let pair = |(certificate, key): &(PathBuf, PathBuf)| -> std::io::Result<(PathBuf, PathBuf)> {
        Ok((one(certificate)?, one(key)?))
    };
    Ok(ExternalCa {
        anchors: all(&named.anchors)?,
        intermediates: all(&named.intermediates)?,
        crls: all(&named.crls)?,
        server: named.server.as_ref().map(pair).transpose()?,
        server_ca: named.server_ca.as_ref().map(one).transpose()?,
    })
}

/// A path as TOML can express it.
fn plain(path: &Path) -> Result<String, String> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| format!("{}: its name is not UTF-8; give it another", path.display()))
}
