//! `repoctl upload`: find the packages, send what the server lacks, then one change. Large ones
//! are hashed first and sent alone; small ones are read once and sent in batches.

mod batch;
mod gather;
mod outcome;
mod progress;
mod publish;
mod refused;
mod sender;
mod trial;

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::args::UploadArgs;
use super::command::Session;
use super::failure::Failure;
use super::text::count;
use crate::api::{AddItem, Change, ChangeOutcome, ChangeRequest, MOST_DIGESTS, MOST_ITEMS};
use crate::client::{Client, Sent};
use crate::debian::SuiteName;
use crate::digest::Digest;
use gather::{Found, Parcel};
pub(in crate::cli) use outcome::not_live;
use progress::{Progress, Stage};
use publish::{Order, publish, rehearse};
use refused::{Others, Refusals, Refused};
use sender::Sender;
use trial::Trial;

/// How many large packages, or batches of small ones, are sent at the same time.
const AT_ONCE: usize = 4;
/// How many are hashed at the same time: the disk limits reading.
const HASHED_AT_ONCE: usize = 2;

/// Publishes packages: all of them in one generation, or nothing; with `--keep-going` all that are not
/// refused.
///
/// Every request of it may be repeated without harm, so temporary failures are tried again.
///
/// # Errors
/// A [`Failure`] from the command line, the disk, the server or the network; for refused packages
/// with every reason of every one.
pub async fn upload(session: &mut Session<'_>, args: &UploadArgs) -> Result<(), Failure> {
    let suite = session.suite(args.to.suite.as_ref())?;
    let gathered = gather::gather(args, &mut session.around.input)?;
    session.around.complain(&gathered.note());
    let mut refusals = Refusals::default();
    refusals.extend(gathered.unfit.iter().map(|(path, failure)| Refused::unread(path, failure)));
    let found = gathered.found;
    if found.len() > MOST_ITEMS {
        return Err(Failure::usage(format!(
            "{} are more than one change takes, which is {MOST_ITEMS}; upload them in parts",
            count(found.len(), "package")
        )));
    }
    let (small, large): (Vec<_>, Vec<_>) = found.into_iter().partition(batch::is_small);
    let client = session.client.clone();
    let progress = Progress::of(session);
    let done = work(args, &suite, &client, (small, large), &progress, &mut refusals).await;
    let outcome = done.map_err(|failure| refusals.beside(failure))?;
    outcome::tell(session, args, outcome.as_ref(), &refusals)
}

/// Sends the packages, and publishes those that are not refused.
async fn work(
    args: &UploadArgs,
    suite: &SuiteName,
    client: &Client,
    (small, large): (Vec<Found>, Vec<Found>),
    progress: &Progress<'_>,
    refusals: &mut Refusals,
) -> Result<Option<ChangeOutcome>, Failure> {
    let keep_going = args.keep_going;
    let large = hash_all(large, progress, keep_going, refusals).await?;
    let trial = Trial::of(progress, args.retry_seconds);
    let missing = find_missing(client, &large, &trial).await?;
    let sender = Sender { client, trial: &trial, keep_going, refused: Mutex::default() };
    let load = Load { small, large, missing };
    let parcels = send_all(&sender, load, progress).await;
    refusals.extend(sender.into_refused());
    let mut parcels = parcels?;
    parcels.retain(|parcel| !refusals.contains(&parcel.digest));
    let request = |parcels: &[Parcel]| request(parcels, args);
    let order = Order { client, suite, request: &request, keep_going };
    if !keep_going && !refusals.is_empty() {
        let rehearsal = rehearse(&order, &trial, &mut parcels, refusals);
        let hint = progress.during(Stage::Publishing { dry_run: true }, rehearsal).await;
        return Err(Failure { hint, ..refusals.failure(parcels.len(), Others::Left) });
    }
    let publishing = publish(&order, &trial, parcels, refusals);
    progress.during(Stage::Publishing { dry_run: args.dry_run }, publishing).await
}

fn request(parcels: &[Parcel], args: &UploadArgs) -> ChangeRequest {
    let UploadArgs { component, dry_run, urgent, .. } = args;
    let (dry_run, urgent) = (*dry_run, *urgent);
    let item = |parcel: &Parcel| AddItem { component: component.clone(), digest: parcel.digest };
    ChangeRequest {
        message: String::new(),
        dry_run,
        expect_generation: None,
        as_shown: false,
        cascade: false,
        force: false,
        urgent,
        change: Change::Add { items: parcels.iter().map(item).collect() },
    }
}

/// The packages with their digests, each digest once.
async fn hash_all(
    found: Vec<Found>,
    progress: &Progress<'_>,
    keep_going: bool,
    refusals: &mut Refusals,
) -> Result<Vec<Parcel>, Failure> {
    let read_bytes = Arc::new(AtomicU64::new(0));
    let total_bytes = found.iter().map(|one| one.size_bytes).fold(0, u64::saturating_add);
    let hashing = stream::iter(found).map(|found| {
        let read_bytes = Arc::clone(&read_bytes);
        async move {
            let path = found.path.clone();
            let hashed =
                tokio::task::spawn_blocking(move || gather::hash(&path, &read_bytes)).await;
            match hashed.map_err(|_| Failure::refused("hashing was interrupted"))? {
                Err(failure) if keep_going => Ok(Err(Refused::unread(&found.path, &failure))),
                hashed => hashed.map(Ok),
            }
        }
    });
    let hashing = hashing.buffered(HASHED_AT_ONCE).try_collect();
    let stage = Stage::Reading { total_bytes, read_bytes: &read_bytes };
    let hashed: Vec<Result<Parcel, Refused>> = progress.during(stage, hashing).await?;
    let mut parcels = Vec::with_capacity(hashed.len());
    for one in hashed {
        match one {
            Ok(parcel) => parcels.push(parcel),
            Err(unread) => refusals.extend([unread]),
        }
    }
    Ok(once_each(parcels))
}

fn once_each(parcels: Vec<Parcel>) -> Vec<Parcel> {
    let mut seen = HashSet::new();
    parcels.into_iter().filter(|parcel| seen.insert(parcel.digest)).collect()
}

async fn find_missing(
    client: &Client,
    parcels: &[Parcel],
    trial: &Trial<'_, '_>,
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
/// A refusal does not stop the others, so that all reasons are reported together.
async fn send_all(
    sender: &Sender<'_, '_, '_>,
    load: Load,
    progress: &Progress<'_>,
) -> Result<Vec<Parcel>, Failure> {
    let Load { small, large, missing } = load;
    let sent = Sent::default();
    let wanted: Vec<Parcel> =
        large.iter().filter(|parcel| missing.contains(&parcel.digest)).cloned().collect();
    let sizes = wanted.iter().map(|parcel| parcel.size_bytes);
    let sizes = sizes.chain(small.iter().map(|found| found.size_bytes));
    let stage = Stage::Sending { total_bytes: sizes.fold(0, u64::saturating_add), sent: &sent };
    let sending = async {
        stream::iter(wanted)
            .map(|parcel| sender.send_one(parcel, &sent))
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
        let mut batches = stream::iter(batch::batches(small))
            .map(|found| batch::send(sender, found, &sent))
            .buffer_unordered(AT_ONCE);
        let mut parcels = large;
        while let Some(sent) = batches.next().await {
            parcels.extend(sent?);
        }
        Ok::<_, Failure>(parcels)
    };
    let mut parcels = progress.during(stage, sending).await?;
    parcels.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    Ok(once_each(parcels))
}
