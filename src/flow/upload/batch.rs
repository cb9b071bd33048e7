//! Batch: many small packages in one request. Each is recognised or refused by itself. The valid
//! ones become durable together and are then recorded, 300 in a transaction; only then is the
//! request answered.

use std::collections::HashSet;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tracing::warn;

use crate::catalogue::NewPackage;
use crate::digest::Digest;
use crate::domain::{Admitted, Identity};
use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::threads::blocking;
use crate::flow::upload::body;
use crate::flow::upload::body::Room;
use crate::flow::upload::recognise;
use crate::flow::upload::recognise::Effort;
use crate::pool::{Kind, Sealed};

/// Most that the stanzas, file lists and mentioned names of one batch may add up to, because a
/// small batch can unpack to much. Unit: bytes. Later packages get the answer to be sent alone.
const GATHERED_BYTES: usize = 24 << 20;

/// The outcome for one package, by the digest that its sender announced.
pub type Outcome = (Digest, Result<(), FlowError>);

/// Uploads packages, each with the digest that it must have; gives one outcome for each, in order.
///
/// A package that is refused does not stop the others. Sending the same bytes again succeeds.
///
/// # Errors
/// [`FlowError::Full`] and other failures of the server itself. They concern the whole batch: some
/// packages may be stored then, none is acknowledged, and all may be sent again.
pub async fn upload_all(
    repository: &Arc<Repository>,
    admitted: &Admitted,
    packages: Vec<(Digest, Bytes)>,
    room: Room,
) -> Result<Vec<Outcome>, FlowError> {
    let seat = body::seat(repository, &Some(admitted.identity().clone())).await;
    let (shared, by) = (Arc::clone(repository), admitted.identity().clone());
    blocking(move || {
        let (_seat, _room) = (seat, room);
        take_in(&shared, &by, packages)
    })
    .await
}

fn take_in(
    repository: &Repository,
    by: &Identity,
    packages: Vec<(Digest, Bytes)>,
) -> Result<Vec<Outcome>, FlowError> {
    let sound = recognise_all(repository, by, &packages);
    let (mut outcomes, mut sealed, mut new) = (Vec::new(), Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for ((named, _), result) in packages.into_iter().zip(sound) {
        let outcome = result.map(|sound| {
            if seen.insert(named) {
                sealed.push(sound.sealed);
                new.push(sound.new);
            }
        });
        outcomes.push((named, outcome));
    }
    if !new.is_empty() {
        let _unswept = repository.sweeping.read();
        repository.pool.keep_all(Kind::Blob, &sealed)?;
        repository.catalogue.record_packages(new, by, repository.now())?;
    }
    Ok(outcomes)
}

/// A valid package that may be stored.
struct Sound {
    sealed: Sealed,
    new: NewPackage,
}

/// What the threads that read one batch share.
struct Work<'b> {
    repository: &'b Repository,
    by: &'b Identity,
    packages: &'b [(Digest, Bytes)],
    next: AtomicUsize,
    gathered_bytes: AtomicUsize,
    /// Processor time of all threads together. Unit: microseconds.
    worked_micros: AtomicU64,
    sent_bytes: u64,
}

/// Reads every package, on every core.
fn recognise_all(
    repository: &Repository,
    by: &Identity,
    packages: &[(Digest, Bytes)],
) -> Vec<Result<Sound, FlowError>> {
    let sent_bytes = packages.iter().map(|(_, bytes)| bytes.len() as u64).sum();
    let work = Work {
        repository,
        by,
        packages,
        next: AtomicUsize::new(0),
        gathered_bytes: AtomicUsize::new(0),
        worked_micros: AtomicU64::new(0),
        sent_bytes,
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(packages.len());
    let mut done: Vec<_> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(|| recognise_some(&work))).collect();
        let mut done = recognise_some(&work);
        // The results of a thread that panicked are missing; they are replaced by errors below.
        done.extend(others.into_iter().filter_map(|other| other.join().ok()).flatten());
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    let mut done = done.into_iter().peekable();
    let lost = || Err(FlowError::Internal("a reader of packages stopped".into()));
    (0..packages.len())
        .map(|at| done.next_if(|(of, _)| *of == at).map_or_else(lost, |(_, result)| result))
        .collect()
}

fn recognise_some(work: &Work<'_>) -> Vec<(usize, Result<Sound, FlowError>)> {
    let mut done = Vec::new();
    loop {
        let at = work.next.fetch_add(1, Ordering::Relaxed);
        let Some((named, bytes)) = work.packages.get(at) else { return done };
        done.push((at, recognise_one(work, *named, bytes)));
    }
}

fn recognise_one(work: &Work<'_>, named: Digest, bytes: &Bytes) -> Result<Sound, FlowError> {
    let limit_bytes = work.repository.limits().package_bytes;
    if bytes.len() as u64 > limit_bytes {
        return Err(FlowError::TooLarge { limit_bytes });
    }
    let sealed = Sealed::of(bytes.clone());
    if sealed.digest() != named {
        return Err(FlowError::Mismatch { named, came: sealed.digest() });
    }
    if work.gathered_bytes.load(Ordering::Relaxed) > GATHERED_BYTES {
        return Err(alone("the others of its batch unpack to too much"));
    }
    let mut effort = Effort::begin(work.repository.limits().work);
    let input = Watched {
        rest: bytes,
        whole_bytes: bytes.len() as u64,
        effort: &mut effort,
        work,
        asked: Instant::now(),
    };
    let recognised = recognise::recognise(work.repository, Some(work.by.clone()), input);
    let overworked = effort.is_beyond(bytes.len() as u64);
    let recognised = match recognised {
        Err(FlowError::Internal(_)) if overworked => {
            return Err(effort.rejection(bytes.len() as u64));
        }
        Err(FlowError::Internal(_)) => return Err(alone("the others of its batch took too long")),
        other => other?,
    };
    let new = recognised.describe(named, bytes.len() as u64);
    let mentioned: usize = new
        .mentions
        .iter()
        .map(|(kind, name)| size_of_val(kind) + size_of_val(name) + name.as_str().len())
        .sum();
    let listed = new.file_list.as_ref().map_or(0, Vec::len);
    let gathered = new.stanza.len().saturating_add(listed).saturating_add(mentioned);
    work.gathered_bytes.fetch_add(gathered, Ordering::Relaxed);
    Ok(Sound { sealed, new })
}

/// How often the processor time of a package is checked.
const ASK_EVERY: Duration = Duration::from_millis(5);

/// The outcome of a package that fails because of the others in its batch.
fn alone(problem: &str) -> FlowError {
    FlowError::Unavailable(format!("{problem}; send it alone").into())
}

/// A package in memory that stops being readable when it, or its whole batch, takes too long.
struct Watched<'w, 'b> {
    rest: &'w [u8],
    whole_bytes: u64,
    /// When the processor time was last checked. That takes a system call, and a package is read in
    /// many pieces.
    asked: Instant,
    effort: &'w mut Effort,
    work: &'w Work<'b>,
}

impl Read for Watched<'_, '_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // In less than this, no thread can have worked for long. The end of a package is always
        // counted.
        if self.asked.elapsed() < ASK_EVERY && !self.rest.is_empty() {
            return self.rest.read(out);
        }
        self.asked = Instant::now();
        let more = u64::try_from(self.effort.pause().as_micros()).unwrap_or(u64::MAX);
        let before = self.work.worked_micros.fetch_add(more, Ordering::Relaxed);
        let all = Duration::from_micros(before.saturating_add(more));
        let each = self.work.repository.limits().work;
        let most = recognise::allowed(each, self.work.sent_bytes);
        if self.effort.is_beyond(self.whole_bytes) || all > most {
            warn!("packages of a batch take too long to unpack");
            return Err(io::Error::other("too much work"));
        }
        self.rest.read(out)
    }
}
