//! Keys: added, with overlap, and retired. Every suite is signed anew by the keys of today, and its client
//! package brings them to the hosts; what a stop leaves undone, the next look makes good.

use crate::flow::sightings;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tracing::{error, info};

use crate::catalogue::KeyringChange;
use crate::debian::SuiteName;
use crate::domain::Change;
use crate::domain::{Admitted, Conflict, Entitled, Identity, Role};
use crate::flow::admit;
use crate::flow::audit::seal;
use crate::flow::error::FlowError;
use crate::flow::repository::{Repository, no_suite};
use crate::flow::suite::desk::{Desk, Job};
use crate::flow::threads::{blocking, lock};
use crate::flow::upkeep::client_package::PublishedClient;
use crate::flow::upkeep::{client_package, keyring};
use crate::signing::{KeyKind, KeyringKey, NewKey};

/// A key, and which hosts have it.
#[derive(Clone, Debug)]
pub struct KeyReport {
    /// The key.
    pub key: KeyringKey,
    /// The suites that it signs.
    pub suites: Vec<SuiteName>,
    /// How many hosts are known to have it, in every suite that they read and it signs.
    pub ready: u64,
    /// Hosts that have another key only, or of which it is not known, with the suite.
    pub behind: Vec<(Identity, SuiteName)>,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// A key that the server makes.
    Made(KeyKind),
    /// One that a command signs with, by its public certificate.
    External(String),
}

/// What a change of keys did.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// The key that came or went.
    pub key: KeyringKey,
    /// The client packages that bring the keys of today.
    pub packages: Vec<PublishedClient>,
    /// Suites that could not be brought up to date yet, and why; it is tried again.
    pub owed: Vec<(SuiteName, String)>,
}

/// Every key and how far it has come.
///
/// # Errors
/// [`FlowError`] from the catalogue.
pub async fn report(repository: &Arc<Repository>) -> Result<Vec<KeyReport>, FlowError> {
    let shared = Arc::clone(repository);
    blocking(move || {
        let keys = repository_keys(&shared)?;
        Ok(keys)
    })
    .await
}

fn repository_keys(repository: &Repository) -> Result<Vec<KeyReport>, FlowError> {
    // What was seen a moment ago counts.
    sightings::write(repository)?;
    let known = Known::read(repository)?;
    let desks = repository.desks();
    let report = |key: KeyringKey| {
        let suites: Vec<_> = desks.keys().filter(|suite| key.signs(suite)).cloned().collect();
        let mut hosts: BTreeSet<&Identity> = BTreeSet::new();
        let mut behind = Vec::new();
        for suite in &suites {
            for host in known.hosts_of(suite) {
                hosts.insert(host);
                if !known.has(host, suite, &key.fingerprint) {
                    behind.push((host.clone(), suite.clone()));
                }
            }
        }
        let late: BTreeSet<_> = behind.iter().map(|(host, _)| host).collect();
        let ready = hosts.len().saturating_sub(late.len()) as u64;
        KeyReport { key, suites, ready, behind }
    };
    Ok(repository.signer.keys().into_iter().map(report).collect())
}

/// What is known of the keys that hosts have: from the client packages that they fetched, and from the
/// settings that they read when they were enrolled.
struct Known {
    hosts: Vec<Arc<Entitled>>,
    /// The keys of what came last to a host for a suite.
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
            // A package that was fetched within the same second came after the settings that lead to it.
            if last.get(&place).is_none_or(|(at, _)| *at < one.at) {
                last.insert(place, (one.at, one.keys));
            }
        }
        let keys = last.into_iter().map(|(place, (_, keys))| (place, keys)).collect();
        let mut named = admit::named(repository);
        named.sort();
        let held = named.iter().filter_map(|host| admit::find_entitled(repository, host));
        let hosts = held.filter(|host| host.role() == Role::Host).collect();
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

/// Adds a key: from now on it signs beside the others, and the client packages bring it.
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
        return Err(no_suite(absent));
    }
    let key = alter_keyring(repository, admitted, "", move |repository| {
        let new = match wanted {
            Wanted::Made(kind) => NewKey::Make(kind, user_id(repository)),
            Wanted::External(public) => NewKey::Public(public),
        };
        let added = repository.signer.add(new, suites, repository.now());
        added.map_err(|problem| Conflict::one("key", problem.to_string()).into())
    })
    .await?;
    info!(key = %key.fingerprint, by = %admitted.identity(), "signing key added");
    let (packages, owed) = settle(repository, true).await;
    Ok(Rotation { key, packages, owed })
}

/// Changes the keyring, with its line in the audit log, and has the log signed by the keys of today: whoever
/// knows one of them can judge the last checkpoint, whichever is retired next.
///
/// Who asks is noted before, so that a stop at any moment leaves a change with its line or none
/// ([`crate::flow::upkeep::keyring`]). Once the keyring has changed, what fails here is told in the log of the server, and
/// made good by the next start.
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
        // Also when it failed: how far it came is seen on the disk alone.
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

/// Tells the audit log what became of the keyring since it was last told. Blocks.
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

/// Takes a key out: from now on the others sign without it.
///
/// # Errors
/// [`FlowError::Conflict`] when hosts would be left with no key, unless `force`; always when a suite
/// would. Nothing was changed then.
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
                may_go(repository, &key, &keys)?;
            }
            let retired = repository.signer.retire(&name);
            retired
                .map_err(|problem| FlowError::from(Conflict::one(&name, problem.to_string())))?;
            Ok(key)
        })
        .await?;
    info!(key = %key.fingerprint, by = %admitted.identity(), force, "signing key retired");
    let (packages, owed) = settle(repository, false).await;
    Ok(Rotation { key, packages, owed })
}

/// Whether every host has another key of each suite that this one signs.
fn may_go(repository: &Repository, key: &KeyringKey, keys: &[KeyringKey]) -> Result<(), FlowError> {
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
        // Without another key the keyring refuses by itself, and says so.
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

/// Has every suite signed by the keys of today, and by no others, and its client package published where
/// it has one; at a rotation, where it gets one.
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
