//! Batches: small packages are read once, hashed and sent from the same bytes, many in one request.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;

use super::gather::{self, Found, Parcel};
use super::refused::Refused;
use super::sender::Sender;
use crate::api::push_blob;
use crate::cli::failure::Failure;
use crate::client::{ClientError, Sent};
use crate::digest::Digest;

/// The largest size of a small package. Unit: bytes.
const SMALL_BYTES: u64 = 256 << 10;
/// Most packages of one batch. Several batches are sent at once, so that the server verifies some
/// while it syncs others.
const BATCH_BLOBS: usize = 3_000;
/// A batch is closed when it has grown to this. Unit: bytes.
const BATCH_BYTES: u64 = 4 << 20;

/// Whether a package goes in a batch.
pub fn is_small(found: &Found) -> bool {
    found.size_bytes <= SMALL_BYTES
}

/// Small packages, in batches.
pub fn batches(small: Vec<Found>) -> Vec<Vec<Found>> {
    let mut batches: Vec<Vec<Found>> = Vec::new();
    let mut size_bytes = 0_u64;
    for found in small {
        size_bytes = size_bytes.saturating_add(found.size_bytes);
        match batches.last_mut().filter(|last| last.len() < BATCH_BLOBS) {
            Some(last) if size_bytes <= BATCH_BYTES => last.push(found),
            _ => {
                size_bytes = found.size_bytes;
                batches.push(vec![found]);
            }
        }
    }
    batches
}

/// Sends the packages of a batch that the server lacks; returns all that could be read, sent now or there
/// before.
///
/// # Errors
/// Every error that is not the fault of one package.
pub async fn send(
    sender: &Sender<'_, '_, '_>,
    found: Vec<Found>,
    sent: &Sent,
) -> Result<Vec<Parcel>, Failure> {
    let keep_going = sender.keep_going;
    let read = tokio::task::spawn_blocking(move || read(&found, keep_going)).await;
    let (read, unread) = read.map_err(|_| Failure::refused("reading was interrupted"))??;
    sender.refuse(unread);
    if read.is_empty() {
        return Ok(Vec::new());
    }
    let digests: Vec<Digest> = read.iter().map(|(parcel, _)| parcel.digest).collect();
    let missing = sender.trial.keep(|| sender.client.missing_blobs(digests.clone())).await?;
    let mut missing: HashSet<Digest> = missing.into_iter().collect();
    let (mut parcels, mut wanted) = (Vec::with_capacity(read.len()), Vec::new());
    for (parcel, bytes) in read {
        if missing.remove(&parcel.digest) {
            wanted.push((parcel.clone(), bytes));
        } else {
            sent.skip(parcel.size_bytes);
        }
        parcels.push(parcel);
    }
    match wanted.len() {
        0 => {}
        1 => send_each(sender, wanted, sent).await?,
        _ => send_together(sender, wanted, sent).await?,
    }
    Ok(parcels)
}

type Read = (Parcel, Vec<u8>);

/// The packages, and those that could not be read if it goes on without them.
fn read(found: &[Found], keep_going: bool) -> Result<(Vec<Read>, Vec<Refused>), Failure> {
    let (mut read, mut unread) = (Vec::with_capacity(found.len()), Vec::new());
    for one in found {
        match gather::read_small(one) {
            Ok(whole) => read.push(whole),
            Err(failure) if keep_going => unread.push(Refused::unread(&one.path, &failure)),
            Err(failure) => return Err(failure),
        }
    }
    Ok((read, unread))
}

async fn send_together(
    sender: &Sender<'_, '_, '_>,
    wanted: Vec<Read>,
    sent: &Sent,
) -> Result<(), Failure> {
    let mut body = Vec::new();
    for (parcel, bytes) in &wanted {
        push_blob(&mut body, &parcel.digest, bytes);
    }
    let body = Bytes::from(body);
    let outcomes = sender.trial.keep(|| sender.client.send_blobs(&body, sent)).await?;
    let mut wanted: BTreeMap<Digest, Read> =
        wanted.into_iter().map(|(parcel, bytes)| (parcel.digest, (parcel, bytes))).collect();
    let mut again = Vec::new();
    for outcome in outcomes {
        let Some((parcel, bytes)) = wanted.remove(&outcome.digest) else { continue };
        let Some(problem) = outcome.problem else { continue };
        if problem.is_passing() {
            // The batch is the reason, not this package, so it is sent alone.
            again.push((parcel, bytes));
            continue;
        }
        let error = ClientError::Problem { problem: Box::new(problem), wait: None };
        sender.judge(&parcel, Err(error))?;
    }
    // Packages without an answer were not accepted.
    again.extend(wanted.into_values());
    send_each(sender, again, sent).await
}

async fn send_each(
    sender: &Sender<'_, '_, '_>,
    wanted: Vec<Read>,
    sent: &Sent,
) -> Result<(), Failure> {
    for (parcel, bytes) in wanted {
        let bytes = Bytes::from(bytes);
        let send = || sender.client.send_bytes(&bytes, &parcel.digest, sent);
        sender.judge(&parcel, sender.trial.keep(send).await.map(drop))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_bounded_in_count_and_bytes() {
        let found = |size_bytes| Found { path: "x.deb".into(), size_bytes };
        let sizes =
            |batches: Vec<Vec<Found>>| -> Vec<usize> { batches.iter().map(Vec::len).collect() };
        assert_eq!(sizes(batches(Vec::new())), [0_usize; 0]);
        assert_eq!(sizes(batches(vec![found(1000); 6_100])), [3000, 3000, 100]);
        assert_eq!(sizes(batches(vec![found(SMALL_BYTES); 33])), [16, 16, 1]);
        let most = u64::try_from(BATCH_BLOBS).unwrap() * 74 + BATCH_BYTES;
        assert!(
            most <= crate::api::MOST_BATCH_BYTES && BATCH_BLOBS <= crate::api::MOST_BATCH_BLOBS
        );
        const { assert!(BATCH_BLOBS <= crate::api::MOST_DIGESTS) };
    }
}
