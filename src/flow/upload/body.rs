//! Body: what a request sends has its memory before it comes, an upload its place, and both come at a rate that
//! those who wait for them can bear.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::flow::error::FlowError;
use crate::flow::repository::Repository;
use crate::flow::state::shares::Share;
use crate::flow::threads::lock;

pub use crate::flow::state::shares::Sender;
pub use crate::flow::state::upload_memory::{Room, RoomFor, SMALL_BYTES};

/// How long a small body, or what is parsed out of one, waits for memory.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long others wait before anybody is ended for them.
const GRACE: Duration = Duration::from_secs(3);
/// A rate is judged over so much time spent waiting for the sender.
const SPAN: Duration = Duration::from_secs(5);
/// The least rate once others wait. Unit: bytes per second.
const LEAST_RATE: u64 = 32 << 10;
/// Each of these that others wait doubles it.
const DOUBLING: Duration = Duration::from_secs(10);
/// How often it is doubled at most: 1 MiB per second.
const MOST_DOUBLINGS: u32 = 5;
/// Of those that are too slow, one is ended at a time: its room may be enough.
const BETWEEN_ENDS: Duration = Duration::from_secs(1);

/// A place among the uploads, until it is dropped.
#[derive(Debug)]
pub struct Seat(#[expect(dead_code, reason = "gives the place back when it is dropped")] Share);

/// Waits for a place among the uploads of all senders.
pub async fn seat(repository: &Repository, of: &Sender) -> Seat {
    Seat(repository.uploads.take(of, 1).await)
}

/// Waits for the memory of a body of so many bytes; of a small one, and of what is parsed, not for ever.
///
/// # Errors
/// [`FlowError::Unavailable`] when the waiting took too long.
pub async fn room(
    repository: &Repository,
    kind: RoomFor,
    of: &Sender,
    bytes: u64,
) -> Result<Room, FlowError> {
    let room = repository.memory.room(kind, of, bytes);
    if kind == RoomFor::Large {
        return Ok(room.await);
    }
    tokio::time::timeout(PATIENCE, room).await.map_err(|_| {
        let problem = "the memory for requests is in use (a fifth of limits.memory_bytes); nothing was \
                       done, try again in a moment";
        FlowError::Unavailable(problem.into())
    })
}

/// What a body that is being sent may keep others from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Holds {
    /// Memory for bodies.
    Room(RoomFor),
    /// A place among the uploads, and what unpacking takes.
    Seat,
}

/// How much of a body has come, and how long it was waited for. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Mutex<Metered>>);

#[derive(Debug, Default)]
struct Metered {
    received_bytes: u64,
    waiting_since: Option<Instant>,
    /// Of the present span.
    span_bytes: u64,
    span_waited: Duration,
}

impl Meter {
    /// From now on more of the body is waited for.
    pub fn wait(&self) {
        lock(&self.0).waiting_since.get_or_insert_with(Instant::now);
    }

    /// So many bytes came, or the end.
    pub fn came(&self, bytes: usize) {
        let mut metered = lock(&self.0);
        metered.settle(Instant::now());
        metered.waiting_since = None;
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        metered.received_bytes = metered.received_bytes.saturating_add(bytes);
        metered.span_bytes = metered.span_bytes.saturating_add(bytes);
    }

    /// How much has come. Unit: bytes.
    pub fn received_bytes(&self) -> u64 {
        lock(&self.0).received_bytes
    }

    /// The rate of a span that has just ended. Unit: bytes per second.
    fn rate(&self, now: Instant) -> Option<u64> {
        let mut metered = lock(&self.0);
        metered.settle(now);
        if metered.span_waited < SPAN {
            return None;
        }
        let millis = metered.span_waited.as_millis();
        let rate = u128::from(metered.span_bytes).saturating_mul(1000).checked_div(millis);
        (metered.span_bytes, metered.span_waited) = (0, Duration::ZERO);
        rate.map(|rate| u64::try_from(rate).unwrap_or(u64::MAX))
    }
}

impl Metered {
    /// Charges what was waited until now.
    fn settle(&mut self, now: Instant) {
        if let Some(since) = self.waiting_since.as_mut() {
            self.span_waited =
                self.span_waited.saturating_add(now.saturating_duration_since(*since));
            *since = now;
        }
    }
}

/// The least rate once others have waited so long. Unit: bytes per second.
fn least_rate(waited: Duration) -> Option<u64> {
    let since = waited.checked_sub(GRACE)?;
    let doublings = since.as_secs().checked_div(DOUBLING.as_secs())?;
    let doublings = u32::try_from(doublings).unwrap_or(u32::MAX).min(MOST_DOUBLINGS);
    Some(LEAST_RATE << doublings)
}

/// Ends a body that is too slow while others wait for what it holds. To be asked about once a second.
///
/// # Errors
/// [`FlowError::Cut`] with the rate that it takes.
pub fn keep_pace(
    repository: &Repository,
    of: &Sender,
    holds: Holds,
    meter: &Meter,
) -> Result<(), FlowError> {
    let now = Instant::now();
    let Some(rate) = meter.rate(now) else { return Ok(()) };
    let waited = match holds {
        Holds::Room(kind) => repository.memory.pressed(kind, of),
        Holds::Seat => repository.uploads.pressed(of).max(repository.memory.decoders_pressed(of)),
    };
    let Some(least) = waited.and_then(least_rate).filter(|least| rate < *least) else {
        return Ok(());
    };
    let mut last = lock(&repository.last_end);
    if last.is_some_and(|last| now.saturating_duration_since(last) < BETWEEN_ENDS) {
        return Ok(());
    }
    *last = Some(now);
    drop(last);
    let problem = format!(
        "it came at {rate} bytes a second while others wait, and {least} are the least then"
    );
    Err(FlowError::Cut { received_bytes: meter.received_bytes(), problem: problem.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later(from: Instant, seconds: u64) -> Instant {
        from + Duration::from_secs(seconds)
    }

    #[test]
    fn the_least_rate_rises_while_others_wait_and_has_an_end() {
        let at = |seconds| least_rate(Duration::from_secs(seconds));
        assert_eq!(at(2), None);
        assert_eq!((at(3), at(12), at(13)), (Some(32 << 10), Some(32 << 10), Some(64 << 10)));
        assert_eq!((at(53), at(100_000)), (Some(1 << 20), Some(1 << 20)));
    }

    #[test]
    fn a_sender_is_charged_for_the_time_in_which_it_was_waited_for() {
        let (meter, begun) = (Meter::default(), Instant::now());
        assert_eq!(meter.rate(later(begun, 3600)), None, "nobody waits for it");
        meter.came(5_000);
        meter.wait();
        assert_eq!(meter.rate(later(begun, 4)), None);
        let rate = meter.rate(later(begun, 5) + Duration::from_millis(100)).unwrap();
        assert!((900..=1_000).contains(&rate), "{rate}");
        // Each span is judged alone, and silence is no rate at all.
        assert_eq!(meter.rate(later(begun, 9)), None);
        assert_eq!(meter.rate(later(begun, 11)), Some(0));
        assert_eq!(meter.received_bytes(), 5_000);
    }
}
