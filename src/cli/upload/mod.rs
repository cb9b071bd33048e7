//! `repoctl upload`: find the packages, send what the server lacks, then one change. Large ones
//! are hashed first and sent alone; small ones are read once and sent in batches.

mod batch;
mod gather;
mod progress;
mod sender;
mod trial;

use std::collections::{BTreeSet, HashSet};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::args::UploadArgs;
use super::command::Session;
use super::failure::{Failure, reasons_of};
use super::render;
use super::text::count;
use crate::api::{AddItem, Change, ChangeRequest, MOST_DIGESTS, MOST_ITEMS};
use crate::client::{Client, ClientError, Sent};
use crate::digest::Digest;
use gather::{Found, Parcel};
use progress::Progress;
use sender::{Rejected, Sender};
use trial::Trial;

/// How many large packages, or batches of small ones, are sent at the same time.
const AT_ONCE: usize = 4;
/// How many are hashed at the same time: the disk limits reading.
const HASHED_AT_ONCE: usize = 2;

/// Publishes packages: all of them in one generation, or nothing.
///
/// Every request of it may be repeated without harm, so temporary failures are tried again.
///
/// # Errors
/// A [`Failure`] from the command line, the disk, the server or the network; for rejected packages
/// with every reason of every one.
pub async fn upload(session: &mut Session<'_>, args: &UploadArgs) -> Result<(), Failure> {
    let suite = session.suite(args.to.suite.as_ref())?;
    let gathered = gather::gather(args, &mut session.around.input)?;
    session.around.complain(&gathered.note());
    let found = gathered.found;
    if found.len() > MOST_ITEMS {
        return Err(Failure::usage(format!(
            "{} are more than one change takes, which is {MOST_ITEMS}; upload them in parts",
            count(found.len(), "package")
        )));
    }
    let shows = session.around.may_show_progress && !session.json;
    let (small, large): (Vec<_>, Vec<_>) = found.into_iter().partition(batch::is_small);
    let large = hash_all(large, shows).await?;
    let client = session.client.clone();
    let trial = Trial::of(session, args.retry_seconds, shows);
    let missing = find_missing(&client, &large, &trial).await?;
    let parcels = send_all(&client, Load { small, large, missing }, &trial, shows).await?;
    let item =
        |parcel: &Parcel| AddItem { component: args.component.clone(), digest: parcel.digest };
    let request = ChangeRequest {
        message: String::new(),
        dry_run: args.dry_run,
        expect_generation: None,
        as_shown: false,
        cascade: false,
        force: false,
        change: Change::Add { items: parcels.iter().map(item).collect() },
    };
    let outcome = trial.keep(|| client.change(&suite, &request)).await?;
    session.show(&outcome, || render::change::upload(&outcome));
    if !session.json {
        session.around.complain(&render::change::not_offered(&outcome));
    }
    Ok(())
}

/// The packages with their digests, each digest once.
async fn hash_all(found: Vec<Found>, shows: bool) -> Result<Vec<Parcel>, Failure> {
    let progress = Progress::counting(found.len(), "reading", shows && !found.is_empty());
    let hashed: Vec<Parcel> = stream::iter(found)
        .map(|found| {
            let progress = &progress;
            async move {
                let parcel = tokio::task::spawn_blocking(move || gather::hash(&found.path)).await;
                progress.advance();
                parcel.map_err(|_| Failure::refused("hashing was interrupted"))?
            }
        })
        .buffered(HASHED_AT_ONCE)
        .try_collect()
        .await?;
    Ok(once_each(hashed))
}

fn once_each(parcels: Vec<Parcel>) -> Vec<Parcel> {
    let mut seen = HashSet::new();
    parcels.into_iter().filter(|parcel| seen.insert(parcel.digest)).collect()
}

async fn find_missing(
    client: &Client,
    parcels: &[Parcel],
    trial: &Trial<'_>,
) -> Result<BTreeSet<Digest>, Failure> {
    let mut missing = BTreeSet::new();
    for batch in parcels.chunks(MOST_DIGESTS) {
        let digests: Vec<Digest> = batch.iter().map(|parcel| parcel.digest).collect();
        missing.extend(trial.keep(|| client.missing_blobs(digests.clone())).await?);
    }
    Ok(missing)
}

/// The packages to send.
struct Load {
    /// Small packages, not read yet.
    small: Vec<Found>,
    /// Large packages, hashed.
    large: Vec<Parcel>,
    /// Digests of the large ones that the server lacks.
    missing: BTreeSet<Digest>,
}

/// Sends the missing packages; returns all packages in the order of their paths, each digest once.
/// A rejection does not stop the others, so that all reasons are reported together.
async fn send_all(
    client: &Client,
    load: Load,
    trial: &Trial<'_>,
    shows: bool,
) -> Result<Vec<Parcel>, Failure> {
    let Load { small, large, missing } = load;
    let (sent, sender) = (Sent::default(), Sender { client, trial });
    let wanted: Vec<Parcel> =
        large.iter().filter(|parcel| missing.contains(&parcel.digest)).cloned().collect();
    let sizes = wanted.iter().map(|parcel| parcel.size_bytes);
    let sizes = sizes.chain(small.iter().map(|found| found.size_bytes));
    let _progress = Progress::sending(sizes.fold(0, u64::saturating_add), &sent, shows);
    let mut rejected: Vec<Rejected> = stream::iter(wanted)
        .map(|parcel| sender.send_one(parcel, &sent))
        .buffer_unordered(AT_ONCE)
        .try_filter_map(|rejection| async move { Ok(rejection) })
        .try_collect()
        .await?;
    let mut batches = stream::iter(batch::batches(small))
        .map(|found| batch::send(&sender, found, &sent))
        .buffer_unordered(AT_ONCE);
    let mut parcels = large;
    while let Some(done) = batches.next().await {
        let done = done?;
        parcels.extend(done.parcels);
        rejected.extend(done.rejected);
    }
    parcels.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    let parcels = once_each(parcels);
    if rejected.is_empty() { Ok(parcels) } else { Err(rejection(rejected, parcels.len())) }
}

fn rejection(mut rejected: Vec<Rejected>, all: usize) -> Failure {
    let mut seen = HashSet::new();
    rejected.retain(|(parcel, _)| seen.insert(parcel.digest));
    rejected.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
    let (mut reasons, mut code) = (Vec::new(), None);
    for (parcel, error) in &rejected {
        let name = parcel.path.display();
        match error {
            ClientError::Problem { problem, .. } => {
                code.get_or_insert_with(|| problem.code.clone());
                let found = reasons_of(problem);
                if found.is_empty() {
                    reasons.push(format!("{name}: {error}"));
                }
                reasons.extend(found.iter().map(|reason| format!("{name}: {reason}")));
            }
            // These errors name the file themselves.
            other => reasons.push(other.to_string()),
        }
    }
    let message =
        format!("{} of {} refused; nothing was published", rejected.len(), count(all, "package"));
    let mut failure = Failure::refused(message).with_reasons(reasons);
    failure.code = code;
    failure
}
