//! Keys: added, with overlap, and retired. Every suite is signed again by the present keys, and its
//! client package brings them to the hosts. What a stop leaves undone, the next refresh does.

use crate::flow::sightings;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tracing::{error, info};

use crate::catalogue::KeyringChange;
use crate::cause::Cause;
use crate::debian::SuiteName;
use crate::domain::Change;
use crate::domain::{Admitted, Conflict, Entitled, Identity};
use crate::flow::admit;
use crate::flow::audit::seal;
use crate::flow::error::FlowError;
use crate::flow::repository::{Repository, no_suite_for};
use crate::flow::suite::desk::Desk;
use crate::flow::suite::queue::Job;
use crate::flow::threads::{blocking, lock};
use crate::flow::upkeep::client_package::PublishedClient;
use crate::flow::upkeep::{client_package, keyring};
use crate::signing::{KeyKind, KeyringKey, NewKey, SigningError};

/// A key, and which hosts have it.
#[derive(Clone, Debug)]
pub struct KeyReport {
    /// The key; of the suites that are named in it, those that the asker may read.
    pub key: KeyringKey,
    /// How many hosts are known to have it, in every suite that they read and it signs.
    pub ready: u64,
    /// Hosts that only have another key, or whose keys are not known, each with the suite.
    pub behind: Vec<(Identity, SuiteName)>,
}

/// The key that is to be added.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// A key that the server makes.
    Made(KeyKind),
    /// A key with which an external command signs, given by its public certificate.
    External(String),
}

/// What a change of keys did.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// The key that was added or retired.
    pub key: KeyringKey,
    /// The client packages that bring the present keys.
    pub packages: Vec<PublishedClient>,
    /// Suites that could not be brought up to date yet, and why; it is tried again.
    pub owed: Vec<(SuiteName, String)>,
}

/// Every key that signs a suite which the asker may read, and which hosts have it, in the suites
/// that the asker operates.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub async fn report(
    repository: &Arc<Repository>,
    asker: &Admitted,
) -> Result<Vec<KeyReport>, FlowError> {
    let (shared, asker) = (Arc::clone(repository), asker.clone());
    blocking(move || repository_keys(&shared, asker.entitled())).await
}

fn repository_keys(repository: &Repository, asker: &Entitled) -> Result<Vec<KeyReport>, FlowError> {
    // So that the latest sightings count.
    sightings::write(repository)?;
    let known = Known::read(repository)?;
    let desks = repository.desks();
    let operated = admit::operated(repository, asker);
    let report = |key: KeyringKey| {
        let suites = desks.keys().filter(|suite| key.signs(suite) && operated.has(suite));
        let mut hosts: BTreeSet<&Identity> = BTreeSet::new();
        let mut behind = Vec::new();
        for suite in suites {
            for host in known.hosts_of(suite) {
                hosts.insert(host);
                if !known.has(host, suite, &key.fingerprint) {
                    behind.push((host.clone(), suite.clone()));
                }
            }
        }
        let late: BTreeSet<_> = behind.iter().map(|(host, _)| host).collect();
        let ready = hosts.len().saturating_sub(late.len()) as u64;
        KeyReport { key, ready, behind }
    };
    let keys = repository.signer.keys().into_iter().filter_map(|key| as_seen_by(asker, key));
    Ok(keys.map(report).collect())
}

/// The key with those of its suites that the asker may read; `None` when it may read none of them.
fn as_seen_by(asker: &Entitled, mut key: KeyringKey) -> Option<KeyringKey> {
    if let Some(suites) = key.suites.as_mut().filter(|_| !asker.is_admin()) {
        suites.retain(|suite| asker.reads(suite));
        if suites.is_empty() {
            return None;
        }
    }
    Some(key)
}

/// What is known of the keys that hosts have: from the client packages that they fetched, and from
/// the settings that they read when they were enrolled.
struct Known {
    hosts: Vec<Arc<Entitled>>,
    /// The keys in the last package or settings that a host got for a suite.
    keys: BTreeMap<(Identity, SuiteName), Vec<String>>,
}

impl Known {
    fn read(repository: &Repository) -> Result<Self, FlowError> {
        let packages = repository.catalogue.list_client_packages()?;
        let brought: BTreeMap<_, _> =
            packages.into_iter().map(|one| ((one.suite, one.version), one.keys)).collect();
        let seen = repository.catalogue.list_client_sightings()?;
        let fetched = seen.into_iter().filter_map(|one| {
            let keys = brought.get(&(one.suite.clone(), one.version))?.clone();
            Some(((one.identity, one.suite), (one.at, keys)))
        });
        let mut last: BTreeMap<_, _> = fetched.collect();
        for one in repository.catalogue.list_keyring_sightings()? {
            let place = (one.identity, one.suite);
            // Within the same second the package is newer, because the settings lead to it.
            if last.get(&place).is_none_or(|(at, _)| *at < one.at) {
                last.insert(place, (one.at, one.keys));
            }
        }
        let keys = last.into_iter().map(|(place, (_, keys))| (place, keys)).collect();
        let mut named = admit::named(repository);
        named.sort();
        let held = named.iter().filter_map(|host| admit::find_entitled(repository, host));
        let hosts = held.filter(|host| host.is_host()).collect();
        Ok(Self { hosts, keys })
    }

    fn hosts_of<'k>(&'k self, suite: &'k SuiteName) -> impl Iterator<Item = &'k Identity> {
        let read = self.hosts.iter().filter(|host| host.reads(suite));
        read.map(|host| host.identity())
    }

    fn has(&self, host: &Identity, suite: &SuiteName, fingerprint: &str) -> bool {
        let keys = self.keys.get(&(host.clone(), suite.clone()));
        keys.is_some_and(|keys| keys.iter().any(|key| key == fingerprint))
    }
}

/// Adds a key: from now on it signs beside the others, and the client packages contain it.
///
/// # Errors
/// [`FlowError`]; no key was added then.
pub async fn add(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    wanted: Wanted,
    suites: Option<BTreeSet<SuiteName>>,
) -> Result<Rotation, FlowError> {
    if let Some(absent) = suites.iter().flatten().find(|suite| repository.desk(suite).is_none()) {
        return Err(no_suite_for(repository, admitted, absent));
    }
    let key = alter_keyring(repository, admitted, "", move |repository| {
        let new = match wanted {
            Wanted::Made(kind) => NewKey::Make(kind, user_id(repository)),
            Wanted::External(public) => NewKey::Public(public),
        };
        let added = repository.signer.add(new, suites, repository.now());
        added.map_err(|problem| unaltered("key", problem))
    })
    .await?;
    info!(key = %key.fingerprint, by = %admitted.identity(), "signing key added");
    let (packages, owed) = settle(repository, true).await;
    Ok(Rotation { key, packages, owed })
}

/// Why the keyring is as it was; or that this is not known.
fn unaltered(subject: &str, problem: SigningError) -> FlowError {
    match problem {
        SigningError::Unsynced { .. } => FlowError::Unknown(Cause::of(problem)),
        other => Conflict::one(subject, other.to_string()).into(),
    }
}

/// Changes the keyring, with its entry in the audit log, and has the log signed by the present
/// keys. Then each of them verifies the last checkpoint, whichever is retired next.
///
/// The asker is recorded before, so that a stop at any moment leaves no change without its entry
/// ([`crate::flow::upkeep::keyring`]). Once the keyring has changed, failures here are only logged;
/// the next start repairs them.
async fn alter_keyring(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    remark: &str,
    alter: impl FnOnce(&Repository) -> Result<KeyringKey, FlowError> + Send + 'static,
) -> Result<KeyringKey, FlowError> {
    let (actor, message, remark) = (admitted.actor(), admitted.why().into(), remark.into());
    let (shared, change) = (Arc::clone(repository), KeyringChange { actor, message, remark });
    let key = blocking(move || {
        let _alone = lock(&shared.rotating);
        keyring::begin(&*shared.catalogue, &shared.signer.kept_keys()?, change, shared.now())?;
        let altered = alter(&shared);
        // Also after a failure, because only the disk shows how far the change came.
        if let Err(problem) = tell(&shared) {
            error!(%problem, "a change of the keys is not in the audit log; the next start tells it");
        }
        altered
    })
    .await?;
    if let Err(problem) = seal::seal_now(repository).await {
        error!(%problem, "the audit log is not signed by the keys of today; it is tried again");
    }
    Ok(key)
}

/// Writes the audit entries for all changes of the keyring that have none yet. Blocks.
///
/// # Errors
/// [`FlowError`] when the keyring cannot be read or the catalogue not written.
pub(crate) fn tell(repository: &Repository) -> Result<(), FlowError> {
    keyring::tell(&*repository.catalogue, &repository.signer.kept_keys()?, repository.now())
}

fn user_id(repository: &Repository) -> String {
    let server = repository.address.get().map_or("repod", |address| address.server.as_str());
    format!("{server} archive signing key")
}

/// Retires a key: from now on the others sign without it.
///
/// # Errors
/// [`FlowError::Missing`] for an unknown key; [`FlowError::Conflict`] when hosts would be left with
/// no key, unless `force`, and always when a suite would. Nothing was changed then.
pub async fn retire(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    fingerprint: &str,
    force: bool,
) -> Result<Rotation, FlowError> {
    let name = fingerprint.to_owned();
    let key =
        alter_keyring(repository, admitted, if force { "forced" } else { "" }, move |repository| {
            let keys = repository.signer.keys();
            let key = keys.iter().find(|key| key.fingerprint == name).cloned();
            let key = key.ok_or_else(|| {
                FlowError::Missing(format!("key {name}; `repoctl key list` shows them"))
            })?;
            if !force {
                may_retire(repository, &key, &keys)?;
            }
            let retired = repository.signer.retire(&name);
            retired.map_err(|problem| unaltered(&name, problem))?;
            Ok(key)
        })
        .await?;
    info!(key = %key.fingerprint, by = %admitted.identity(), force, "signing key retired");
    let (packages, owed) = settle(repository, false).await;
    Ok(Rotation { key, packages, owed })
}

/// Checks that every host has another key for each suite that this key signs.
fn may_retire(
    repository: &Repository,
    key: &KeyringKey,
    keys: &[KeyringKey],
) -> Result<(), FlowError> {
    sightings::write(repository)?;
    let known = Known::read(repository)?;
    let mut left: BTreeSet<&Identity> = BTreeSet::new();
    let desks = repository.desks();
    for suite in desks.keys().filter(|suite| key.signs(suite)) {
        let others: Vec<_> = keys
            .iter()
            .filter(|other| other.signs(suite) && other.fingerprint != key.fingerprint)
            .collect();
        let lacks = |host: &&Identity| {
            !others.iter().any(|other| known.has(host, suite, &other.fingerprint))
        };
        // Without another key the signer itself refuses, and says so.
        if !others.is_empty() {
            left.extend(known.hosts_of(suite).filter(lacks));
        }
    }
    if left.is_empty() {
        return Ok(());
    }
    let some: Vec<_> = left.iter().take(5).map(ToString::to_string).collect();
    let more = if left.len() > 5 { ", …" } else { "" };
    let problem = format!(
        "signs for hosts that are not known to have another key: {}{more}; `repoctl key status` shows all of \
         them. Let them upgrade their client package, or add --force: each is then refused by its apt until \
         `repoctl host setup` has been run for it",
        some.join(", ")
    );
    Err(Conflict::one(&key.fingerprint, problem).into())
}

/// Has every suite signed by exactly the present keys, and the client packages published that are
/// due. With `rotation`, suites with several keys get one even if they had none.
pub(crate) async fn settle(
    repository: &Arc<Repository>,
    rotation: bool,
) -> (Vec<PublishedClient>, Vec<(SuiteName, String)>) {
    let _alone = repository.settling.lock().await;
    let (mut packages, mut owed) = (Vec::new(), Vec::new());
    for (suite, desk) in repository.desks().iter() {
        match settle_one(repository, desk, rotation).await {
            Ok(package) => packages.extend(package),
            Err(problem) => {
                error!(%suite, %problem, "the keys of today are not in force there; it is tried again");
                owed.push((suite.clone(), problem.to_string()));
            }
        }
    }
    (packages, owed)
}

async fn settle_one(
    repository: &Arc<Repository>,
    desk: &Arc<Desk>,
    rotation: bool,
) -> Result<Option<PublishedClient>, FlowError> {
    let (shared, at_desk) = (Arc::clone(repository), Arc::clone(desk));
    let due = blocking(move || match shared.address.get() {
        None => Ok(false),
        Some(_) => client_package::is_due(&shared, &at_desk),
    });
    let several = repository.signer.fingerprints_for(&desk.suite).len() > 1;
    let due = due.await? || rotation && several && repository.address.get().is_some();
    let package = match due {
        true => Some(client_package::publish_alone(repository, &desk.suite, None).await?),
        false => None,
    };
    let state = desk.state();
    if let Some(head) = &state.head
        && !repository.signer.is_signed_by_all(&desk.suite, &head.in_release)
    {
        sign_anew(desk).await?;
    }
    Ok(package)
}

async fn sign_anew(desk: &Desk) -> Result<(), FlowError> {
    let (job, answer) = Job::of_server(Change::Renew);
    desk.submit(job)?;
    answer.await.unwrap_or_else(|_| Ok(Default::default())).map(drop)
}
