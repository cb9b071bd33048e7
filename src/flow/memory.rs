//! Memory: one budget for all that senders make the server hold at once, whoever and however many they
//! are. Bodies of batches have a fifth of it, decoders the rest; who finds nothing left waits.
//!
//! A body is held while its packages are read, and a decoder waits for nothing but other decoders, so
//! nobody waits in a circle.

use std::sync::{Condvar, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::debian::deb::Lender;
use crate::flow::{FlowError, lock};

/// What bodies are counted in. Unit: bytes.
const UNIT_BYTES: u64 = 1024;

/// The memory that is lent to uploads.
pub(crate) struct Memory {
    decoders_bytes: u64,
    free_bytes: Mutex<u64>,
    returned: Condvar,
    bodies: std::sync::Arc<Semaphore>,
    bodies_units: u32,
}

/// Room for a body, until it is dropped.
#[derive(Debug)]
pub struct Room(
    #[expect(dead_code, reason = "gives the room back when it is dropped")] OwnedSemaphorePermit,
);

impl Memory {
    /// A budget of so many bytes.
    pub(crate) fn new(whole_bytes: u64) -> Self {
        let bodies_bytes = whole_bytes / 5;
        let decoders_bytes = whole_bytes.saturating_sub(bodies_bytes);
        let bodies_units = u32::try_from(bodies_bytes / UNIT_BYTES).unwrap_or(u32::MAX);
        Self {
            decoders_bytes,
            free_bytes: Mutex::new(decoders_bytes),
            returned: Condvar::new(),
            bodies: std::sync::Arc::new(Semaphore::new(bodies_units as usize)),
            bodies_units,
        }
    }

    /// Most that one decoder can be given.
    pub(crate) fn whole_bytes(&self) -> u64 {
        self.decoders_bytes
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

impl Lender for Memory {
    fn lend(&self, bytes: u64) {
        let mut free = lock(&self.free_bytes);
        // More than there is was refused before; it must not wait for ever here.
        let bytes = bytes.min(self.decoders_bytes);
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
        let bytes = bytes.min(self.decoders_bytes);
        *free = free.saturating_add(bytes).min(self.decoders_bytes);
        drop(free);
        self.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn decoders_never_hold_more_than_there_is() {
        let memory = Arc::new(Memory::new(125));
        assert_eq!(memory.whole_bytes(), 100);
        let (held, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8_u64 {
                let (memory, held, most) = (&memory, &held, &most);
                scope.spawn(move || {
                    for round in 0..500_u64 {
                        let bytes = (thread * 31 + round * 17) % 101;
                        memory.lend(bytes);
                        let now = held.fetch_add(bytes, Ordering::SeqCst) + bytes;
                        most.fetch_max(now, Ordering::SeqCst);
                        held.fetch_sub(bytes, Ordering::SeqCst);
                        memory.take_back(bytes);
                    }
                });
            }
        });
        assert!((90..=100).contains(&most.into_inner()));
        assert_eq!(*lock(&memory.free_bytes), 100);
    }

    #[tokio::test]
    async fn bodies_wait_for_room_and_what_never_fits_is_refused() {
        let memory = Memory::new(50 << 10);
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
