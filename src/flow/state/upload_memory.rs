//! UploadMemory: one budget for all that senders make the server hold at once, whoever and however many they
//! are. Bodies of batches have a fifth of it, encoders of indices another, decoders the rest; who finds
//! nothing left waits.
//!
//! A body is held while its packages are read, a decoder waits for nothing but other decoders, and an encoder
//! for nothing but other encoders, so nobody waits in a circle; and no slow sender keeps a change from being
//! published. Packages that are read grow while they hold memory: they wait as long as the rest could not
//! bring all of them to their ends, one after the other (Dijkstra's banker).

use std::sync::{Condvar, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::debian::deb::{Held, Lender};
use crate::flow::error::FlowError;
use crate::flow::threads::lock;

/// What bodies are counted in. Unit: bytes.
const UNIT_BYTES: u64 = 1024;

/// The memory that is lent to uploads and to what is made of them.
pub(crate) struct UploadMemory {
    decoders: Decoders,
    encoders: Share,
    bodies: std::sync::Arc<Semaphore>,
    bodies_units: u32,
}

/// A part of it that threads wait for.
struct Share {
    whole_bytes: u64,
    free_bytes: Mutex<u64>,
    returned: Condvar,
}

/// The part that packages have which are read.
struct Decoders {
    whole_bytes: u64,
    /// What each of them holds; those that hold nothing are not among them.
    held: Mutex<Vec<Held>>,
    returned: Condvar,
}

impl Decoders {
    fn new(whole_bytes: u64) -> Self {
        Self { whole_bytes, held: Mutex::new(Vec::new()), returned: Condvar::new() }
    }

    fn lend(&self, from: Held, to: Held) {
        if from == to {
            return;
        }
        // Nobody must wait for ever for more than there is.
        let within = |held: Held| Held {
            bytes: held.bytes.min(self.whole_bytes),
            most_bytes: held.most_bytes.min(self.whole_bytes),
        };
        let (from, to) = (within(from), within(to));
        let mut held = lock(&self.held);
        while to.bytes > from.bytes && !self.all_can_end(&changed(&held, from, to)) {
            held = self.returned.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        *held = changed(&held, from, to);
        drop(held);
        if to.bytes < from.bytes {
            self.returned.notify_all();
        }
    }

    /// Whether the rest is enough for one to come to its end, with what it gives back for the next, and so on.
    fn all_can_end(&self, held: &[Held]) -> bool {
        let lacks = |one: &Held| one.most_bytes.saturating_sub(one.bytes);
        let mut order = held.to_vec();
        order.sort_unstable_by_key(lacks);
        let all = held.iter().map(|one| one.bytes).fold(0, u64::saturating_add);
        let Some(mut free) = self.whole_bytes.checked_sub(all) else { return false };
        order.iter().all(|one| {
            let ends = lacks(one) <= free;
            free = free.saturating_add(one.bytes);
            ends
        })
    }
}

/// What all hold once one of them holds `to` in place of `from`.
fn changed(held: &[Held], from: Held, to: Held) -> Vec<Held> {
    let mut held = held.to_vec();
    if let Some(at) = held.iter().position(|one| *one == from) {
        held.swap_remove(at);
    }
    held.extend((to.bytes > 0).then_some(to));
    held
}

/// UploadMemory for encoders, until it is dropped.
pub(crate) struct Loan<'m> {
    share: &'m Share,
    bytes: u64,
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        self.share.take_back(self.bytes);
    }
}

impl Share {
    fn new(whole_bytes: u64) -> Self {
        Self { whole_bytes, free_bytes: Mutex::new(whole_bytes), returned: Condvar::new() }
    }

    fn lend(&self, bytes: u64) {
        let mut free = lock(&self.free_bytes);
        // Nobody must wait for ever for more than there is.
        let bytes = bytes.min(self.whole_bytes);
        while *free < bytes {
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free = free.saturating_sub(bytes);
    }

    fn take_back(&self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let mut free = lock(&self.free_bytes);
        let bytes = bytes.min(self.whole_bytes);
        *free = free.saturating_add(bytes).min(self.whole_bytes);
        drop(free);
        self.returned.notify_all();
    }
}

/// Room for a body, until it is dropped.
#[derive(Debug)]
pub struct Room(
    #[expect(dead_code, reason = "gives the room back when it is dropped")] OwnedSemaphorePermit,
);

/// How large a budget has to be for one package to be given so many bytes. Unit: MiB, in bytes.
pub(crate) fn whole_for(decoder_bytes: u64) -> u64 {
    const MIB: u64 = 1 << 20;
    // Three fifths are for decoders; a remainder is rounded down on the way there.
    let whole_bytes = decoder_bytes.saturating_mul(5).div_ceil(3).saturating_add(5);
    whole_bytes.checked_next_multiple_of(MIB).unwrap_or(u64::MAX)
}

impl UploadMemory {
    /// A budget of so many bytes.
    pub(crate) fn new(whole_bytes: u64) -> Self {
        let fifth = whole_bytes / 5;
        let bodies_units = u32::try_from(fifth / UNIT_BYTES).unwrap_or(u32::MAX);
        Self {
            decoders: Decoders::new(whole_bytes.saturating_sub(fifth.saturating_mul(2))),
            encoders: Share::new(fifth),
            bodies: std::sync::Arc::new(Semaphore::new(bodies_units as usize)),
            bodies_units,
        }
    }

    /// Most that one package can be given.
    pub(crate) fn whole_bytes(&self) -> u64 {
        self.decoders.whole_bytes
    }

    /// Waits until encoders may hold so many bytes more. Nobody asks who has a loan already, and nobody gets
    /// more than half, so that two always go on beside each other.
    pub(crate) fn encode(&self, bytes: u64) -> Loan<'_> {
        let bytes = bytes.min(self.encoders.whole_bytes / 2);
        self.encoders.lend(bytes);
        Loan { share: &self.encoders, bytes }
    }

    /// Waits until a body of so many bytes may come.
    pub(crate) async fn room(&self, body_bytes: u64) -> Result<Room, FlowError> {
        let units = u32::try_from(body_bytes / UNIT_BYTES).unwrap_or(u32::MAX).saturating_add(1);
        if units > self.bodies_units {
            let limit_bytes = u64::from(self.bodies_units).saturating_mul(UNIT_BYTES);
            return Err(FlowError::TooLarge { limit_bytes });
        }
        let permit = std::sync::Arc::clone(&self.bodies).acquire_many_owned(units).await;
        permit.map(Room).map_err(|_| FlowError::Unavailable("the server is shutting down".into()))
    }
}

/// More than there is was refused before.
impl Lender for UploadMemory {
    fn lend(&self, from: Held, to: Held) {
        self.decoders.lend(from, to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn never_hold_more(whole: u64, lend: impl Fn(u64) + Sync, take_back: impl Fn(u64) + Sync) {
        let (held, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8_u64 {
                let (lend, take_back, held, most) = (&lend, &take_back, &held, &most);
                scope.spawn(move || {
                    for round in 0..500_u64 {
                        let bytes = (thread * 31 + round * 17) % (whole + 1);
                        lend(bytes);
                        let now = held.fetch_add(bytes, Ordering::SeqCst) + bytes;
                        most.fetch_max(now, Ordering::SeqCst);
                        held.fetch_sub(bytes, Ordering::SeqCst);
                        take_back(bytes);
                    }
                });
            }
        });
        let most = most.into_inner();
        assert!((whole * 9 / 10..=whole).contains(&most), "{most} of {whole}");
    }

    #[test]
    fn decoders_never_hold_more_than_there_is() {
        let memory = UploadMemory::new(500);
        assert_eq!(memory.whole_bytes(), 300);
        let (none, all) = (Held::default(), |bytes| Held { bytes, most_bytes: bytes });
        let take_back = |bytes| memory.lend(all(bytes), none);
        never_hold_more(300, |bytes| memory.lend(none, all(bytes)), take_back);
        assert!(lock(&memory.decoders.held).is_empty());
    }

    #[test]
    fn packages_that_grow_while_they_hold_memory_all_come_to_their_ends() {
        let memory = UploadMemory::new(500);
        let (now, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8_u64 {
                let (memory, now, most) = (&memory, &now, &most);
                scope.spawn(move || {
                    for round in 0..300_u64 {
                        let most_bytes = 60 + (thread * 37 + round * 11) % 240;
                        let mut from = Held::default();
                        // By halves, as tables grow, with the old one beside the new.
                        for part in [6, 4, 3, 2, 1] {
                            let to = Held { bytes: most_bytes / part, most_bytes };
                            memory.lend(from, to);
                            let more = to.bytes - from.bytes;
                            most.fetch_max(
                                now.fetch_add(more, Ordering::SeqCst) + more,
                                Ordering::SeqCst,
                            );
                            from = to;
                            std::thread::yield_now();
                        }
                        now.fetch_sub(from.bytes, Ordering::SeqCst);
                        memory.lend(from, Held::default());
                    }
                });
            }
        });
        assert!((200..=300).contains(&most.into_inner()));
        assert!(lock(&memory.decoders.held).is_empty());
    }

    #[test]
    fn what_would_leave_all_waiting_for_each_other_waits() {
        let decoders = Decoders::new(100);
        let one = |bytes, most_bytes| Held { bytes, most_bytes };
        assert!(decoders.all_can_end(&[one(40, 70), one(30, 60)]), "30 are free for either");
        assert!(!decoders.all_can_end(&[one(40, 70), one(35, 70)]), "25 are, for none");
        assert!(decoders.all_can_end(&[one(40, 100), one(35, 60)]), "60 once the second has ended");
        assert!(!decoders.all_can_end(&[one(60, 60), one(50, 50)]), "more than there is");
        // Who holds more than may be lent beside it keeps others from beginning, until it ends.
        decoders.lend(Held::default(), one(40, 70));
        let begun = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                decoders.lend(Held::default(), one(35, 70));
                begun.store(true, Ordering::SeqCst);
            });
            std::thread::sleep(std::time::Duration::from_millis(50));
            assert!(!begun.load(Ordering::SeqCst));
            decoders.lend(one(40, 70), Held::default());
        });
        assert!(begun.into_inner());
    }

    #[test]
    fn encoders_never_hold_more_than_there_is_and_wait_for_no_decoder() {
        let memory = UploadMemory::new(500);
        memory.lend(Held::default(), Held { bytes: 300, most_bytes: 300 });
        let share = &memory.encoders;
        never_hold_more(100, |bytes| share.lend(bytes), |bytes| share.take_back(bytes));
        // Who wants more than there is leaves room for another.
        let (one, other) = (memory.encode(5_000), memory.encode(100));
        assert_eq!(*lock(&share.free_bytes), 0);
        drop((one, other));
        assert_eq!(*lock(&share.free_bytes), 100);
    }

    #[tokio::test]
    async fn bodies_wait_for_room_and_what_never_fits_is_refused() {
        let memory = UploadMemory::new(50 << 10);
        assert!(matches!(
            memory.room(10 << 10).await,
            Err(FlowError::TooLarge { limit_bytes }) if limit_bytes == 10 << 10
        ));
        let first = memory.room(6 << 10).await.unwrap();
        let second = memory.room(5 << 10);
        tokio::pin!(second);
        assert!(futures_util::poll!(second.as_mut()).is_pending());
        drop(first);
        second.await.unwrap();
    }
}
