//! Client package: brings a suite's keys and settings to its hosts. It is built when it is due,
//! uploaded like any package, and published like any change.

use std::sync::Arc;

use bytes::Bytes;
use tracing::info;

use crate::catalogue::ClientPackage;
use crate::cause::Cause;
use crate::debian::{Architecture, DebFile, PackageKind, PackageName, SuiteName, write_deb};
use crate::digest::Digest;
use crate::domain::Change;
use crate::domain::access;
use crate::domain::host::{self, SuiteFacts};
use crate::domain::reserved;
use crate::domain::{Admitted, Grant, Identity, Right, Role, SuiteScope, SuiteSpec};
use crate::flow::change::submit::{LONGEST_MESSAGE_BYTES, Terms, submit};
use crate::flow::error::FlowError;
use crate::flow::repository::{Repository, no_suite};
use crate::flow::suite::desk::Desk;
use crate::flow::threads::blocking;
use crate::flow::upload::single::{Declared, upload};

/// A client package that was published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublishedClient {
    /// The suite.
    pub suite: SuiteName,
    /// Its name.
    pub package: PackageName,
    /// Its version.
    pub version: u64,
    /// The generation that lists it; `None` when an earlier one lists it already.
    pub generation: Option<u64>,
}

/// The keys, settings and package names that the hosts of a suite need.
pub fn facts(repository: &Repository, spec: &SuiteSpec) -> SuiteFacts {
    let keys = repository.signer.public_for(&spec.name);
    SuiteFacts { spec: spec.clone(), keys, names: names_of(repository, spec) }
}

/// The same for a host that is about to install them. Notes that the host then has these keys.
pub fn facts_for(repository: &Repository, host: &Identity, spec: &SuiteSpec) -> SuiteFacts {
    // Read before the rest, so that no key is noted that the host may not get.
    let keys = repository.signer.fingerprints_for(&spec.name);
    repository.journal.note_keyring(host, &spec.name, repository.now(), keys);
    facts(repository, spec)
}

fn names_of(repository: &Repository, spec: &SuiteSpec) -> Vec<PackageName> {
    let Some(desk) = repository.desk(&spec.name) else { return Vec::new() };
    let state = desk.state();
    let for_hosts =
        state.contents.packages().map(|(_, one)| one).filter(|one| one.kind == PackageKind::Deb);
    let ours = |name: &PackageName| reserved::is_reserved(name.as_str());
    let mut names: Vec<_> =
        for_hosts.map(|one| one.name.clone()).filter(|name| !ours(name)).collect();
    names.sort();
    names.dedup();
    names
}

/// Publishes the client package of a suite on request, unless the suite has the present one
/// already.
///
/// # Errors
/// [`FlowError`]; a package that was begun is finished by the next call.
pub async fn publish(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    suite: &SuiteName,
) -> Result<PublishedClient, FlowError> {
    let _alone = repository.settling.lock().await;
    publish_alone(repository, suite, Some(admitted)).await
}

/// The same, on request or unasked. The caller holds `settling`.
pub(in crate::flow) async fn publish_alone(
    repository: &Arc<Repository>,
    suite: &SuiteName,
    asked: Option<&Admitted>,
) -> Result<PublishedClient, FlowError> {
    let desk = repository.desk(suite).ok_or_else(|| no_suite(suite))?;
    let package = repository.client_package_of(suite)?;
    let (shared, at_desk) = (Arc::clone(repository), Arc::clone(&desk));
    let (record, deb) = blocking(move || prepare(&shared, &at_desk)).await?;
    let version = record.version;
    let published =
        |generation| PublishedClient { suite: suite.clone(), package, version, generation };
    let Some(deb) = deb else { return Ok(published(None)) };
    let by = server()?;
    let pieces = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from(deb))]);
    upload(repository, &by, pieces, Declared::default()).await?;
    let component = desk.state().spec.components.first().cloned();
    let component =
        component.ok_or_else(|| FlowError::Internal(format!("{suite} has no component").into()))?;
    let made = format!("client package {version}: {}", keys_text(&record.keys));
    let terms = Terms { message: reason(made, asked), ..Terms::default() };
    let change = Change::Add(vec![(component, record.digest)]);
    let outcome = submit(repository, &by, suite, change, terms).await?;
    info!(%suite, version, "client package published");
    Ok(published(outcome.generation))
}

/// Whether a suite that has a client package needs another one, or has not accepted the last one.
/// Blocks.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub(in crate::flow) fn is_due(repository: &Repository, desk: &Desk) -> Result<bool, FlowError> {
    let packages = repository.catalogue.list_client_packages()?;
    let Some(last) = packages.iter().rfind(|one| one.suite == desk.suite) else { return Ok(false) };
    if last.made_of != made_of(repository, &desk.state().spec)? {
        return Ok(true);
    }
    Ok(!is_taken(repository, last)?)
}

/// Whether the suite has ever accepted a package. If it no longer lists it, somebody intended that.
fn is_taken(repository: &Repository, package: &ClientPackage) -> Result<bool, FlowError> {
    let taken = repository.catalogue.list_taken(&package.suite, &[package.digest])?;
    Ok(taken.into_iter().flatten().next().is_some())
}

/// The digest of what a client package is made of. Names that the suite does not declare as its own
/// are left out: they come and go with every upload, and need no other package.
fn made_of(repository: &Repository, spec: &SuiteSpec) -> Result<Digest, FlowError> {
    let facts = SuiteFacts { names: Vec::new(), ..facts(repository, spec) };
    let address = repository.known_address()?;
    let files = host::suite_files(address, &facts);
    let text: Vec<_> =
        files.iter().map(|file| format!("{}\n{}\n", file.path, file.content)).collect();
    Ok(Digest::of(text.concat().as_bytes()))
}

/// The package that the suite should have, and its bytes unless the suite has accepted it already.
fn prepare(
    repository: &Repository,
    desk: &Desk,
) -> Result<(ClientPackage, Option<Vec<u8>>), FlowError> {
    let spec = desk.state().spec.clone();
    let packages = repository.catalogue.list_client_packages()?;
    let last = packages.into_iter().rfind(|one| one.suite == spec.name);
    let made_of = made_of(repository, &spec)?;
    if let Some(last) = &last
        && last.made_of == made_of
    {
        if is_taken(repository, last)? {
            return Ok((last.clone(), None));
        }
        // It was recorded, but not published. If package names were added since, it is another
        // package.
        let deb = build(repository, &spec, last.version)?;
        if Digest::of(&deb) == last.digest {
            return Ok((last.clone(), Some(deb)));
        }
    }
    let name = repository.client_package_of(&spec.name)?;
    // In every namespace, because a removed suite of this name may have been in another one, and
    // its hosts only upgrade.
    let known = repository.catalogue.list_versions(None, std::slice::from_ref(&name))?;
    let known = known.iter().filter_map(|one| one.package.version.to_string().parse::<u64>().ok());
    let highest = known.chain(last.map(|last| last.version)).max().unwrap_or(0);
    let version = highest.saturating_add(1);
    let deb = build(repository, &spec, version)?;
    let keys = repository.signer.fingerprints_for(&spec.name);
    let (digest, built_at) = (Digest::of(&deb), repository.now());
    let record = ClientPackage { suite: spec.name, version, digest, made_of, keys, built_at };
    repository.catalogue.record_client_package(&record)?;
    Ok((record, Some(deb)))
}

fn build(repository: &Repository, spec: &SuiteSpec, version: u64) -> Result<Vec<u8>, FlowError> {
    let address = repository.known_address()?;
    let facts = facts(repository, spec);
    let files = host::suite_files(address, &facts);
    let file = |file: host::HostFile| DebFile {
        mode: u32::from_str_radix(file.mode, 8).unwrap_or(0o644),
        path: file.path,
        content: file.content.into_bytes(),
    };
    let files: Vec<_> = files.into_iter().map(file).collect();
    let keys = repository.signer.fingerprints_for(&spec.name);
    let control = format!(
        "Package: {name}\nVersion: {version}\nArchitecture: {all}\n\
         Maintainer: {server} <root@{server}>\nSection: admin\nPriority: optional\n\
         Description: signing keys and apt settings for suite {suite} of {server}\n \
         The key keyring of the suite, its source, how apt shows its certificate, and the\n \
         preferences. Made and replaced by the repository itself. Keys:\n{keys}",
        name = repository.client_package_of(&spec.name)?,
        all = Architecture::parse("all").map_err(|error| FlowError::Internal(Cause::of(error)))?,
        server = address.server,
        suite = spec.name,
        keys = keys.iter().map(|key| format!(" .\n {key}\n")).collect::<String>(),
    );
    let postinst = host::client_postinst(&address.server, &spec.name);
    write_deb(&control, &postinst, &files)
        .map_err(FlowError::internal(format!("the client package of {}", spec.name)))
}

/// The server's own right, for changes that nobody requested.
fn server() -> Result<Admitted, FlowError> {
    let identity = Identity::server();
    let grant = Grant::whole(identity.clone(), Role::Admin, SuiteScope::All);
    Ok(access::admit(&identity, Some(&grant), Right::Administer)?)
}

/// The reason for the publication. The server publishes in its own name, because the asker may have
/// fewer rights.
fn reason(made: String, asked: Option<&Admitted>) -> String {
    let Some(asked) = asked else { return made };
    let by = format!("{made}, asked by {}", asked.identity());
    // The reason is shortened where needed, so that the asker's name stays.
    let why = asked.why();
    let room = LONGEST_MESSAGE_BYTES.saturating_sub(by.len().saturating_add(3));
    match why.get(..why.floor_char_boundary(room)) {
        None | Some("") => by,
        Some(why) => format!("{why} ({by})"),
    }
}

fn keys_text(keys: &[String]) -> String {
    let short = |key: &String| key.chars().skip(24).collect::<String>();
    let keys: Vec<_> = keys.iter().map(short).collect();
    format!("{} {}", if keys.len() == 1 { "key" } else { "keys" }, keys.join(", "))
}
