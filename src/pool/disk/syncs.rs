//! Syncs of a whole file system that are shared: those who ask while one is under way are all served by the
//! next. A failure is told to everybody whose writes it may concern, though the kernel tells it once.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

/// Who waits for which sync. Syncs are numbered from 1.
#[derive(Default)]
pub(super) struct Syncs {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    begun: u64,
    ended: u64,
    /// The last one that failed, and with what.
    failed: Option<(u64, Errno)>,
}

/// The first sync that can meet with a write from now on: the one under way, or else the next.
#[derive(Clone, Copy)]
pub(super) struct Mark(u64);

impl Syncs {
    /// To be taken before the first write.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.lock().ended.saturating_add(1))
    }

    /// Returns when a sync that began after this call has ended.
    ///
    /// # Errors
    /// That of any sync which may have met with writes since `mark`.
    pub(super) fn sync(
        &self,
        mark: Mark,
        sync: impl FnOnce() -> Result<(), Errno>,
    ) -> io::Result<()> {
        let mut state = self.lock();
        let ours = state.begun.saturating_add(1);
        while state.ended < ours && state.begun != state.ended {
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.ended < ours {
            state.begun = ours;
            drop(state);
            let result = sync();
            state = self.lock();
            state.ended = ours;
            if let Err(error) = result {
                state.failed = Some((ours, error));
            }
            self.ended.notify_all();
        }
        match state.failed {
            Some((number, error)) if number >= mark.0 => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::mpsc::channel;
    use std::thread;

    fn until(what: impl Fn() -> bool) {
        while !what() {
            thread::yield_now();
        }
    }

    #[test]
    fn those_who_ask_during_a_sync_share_the_next() {
        let (syncs, made) = (Arc::new(Syncs::default()), Arc::new(AtomicU64::new(0)));
        let (go_on, wait) = channel::<()>();
        let first = thread::spawn({
            let (syncs, made) = (Arc::clone(&syncs), Arc::clone(&made));
            move || {
                syncs.sync(syncs.mark(), || {
                    made.fetch_add(1, Ordering::SeqCst);
                    wait.recv().unwrap();
                    Ok(())
                })
            }
        });
        until(|| made.load(Ordering::SeqCst) == 1);
        let asked = Arc::new(AtomicU64::new(0));
        let others: Vec<_> = (0..8)
            .map(|_| {
                let (syncs, made, asked) =
                    (Arc::clone(&syncs), Arc::clone(&made), Arc::clone(&asked));
                thread::spawn(move || {
                    let mark = syncs.mark();
                    asked.fetch_add(1, Ordering::SeqCst);
                    syncs.sync(mark, || {
                        made.fetch_add(1, Ordering::SeqCst);
                        Ok(())
                    })
                })
            })
            .collect();
        until(|| asked.load(Ordering::SeqCst) == 8);
        assert_eq!(made.load(Ordering::SeqCst), 1, "one began while another was under way");
        go_on.send(()).unwrap();
        first.join().unwrap().unwrap();
        others.into_iter().for_each(|other| other.join().unwrap().unwrap());
        let made = made.load(Ordering::SeqCst);
        // Who had marked and not yet asked may need one of its own.
        assert!((2..=9).contains(&made), "{made} syncs");
    }

    #[test]
    fn a_sync_that_is_asked_for_later_is_made() {
        let syncs = Syncs::default();
        for number in 1..=3 {
            let mut made = false;
            let sync = || {
                made = true;
                Ok(())
            };
            syncs.sync(syncs.mark(), sync).unwrap();
            assert!(made, "{number}");
        }
    }

    #[test]
    fn a_failure_is_told_to_all_whose_writes_it_may_concern_and_to_nobody_else() {
        let syncs = Syncs::default();
        let early = syncs.mark();
        assert!(syncs.sync(syncs.mark(), || Err(Errno::IO)).is_err());
        let late = syncs.mark();
        // It wrote before the failure, and its own sync succeeds.
        assert!(syncs.sync(early, || Ok(())).is_err());
        assert!(syncs.sync(late, || Ok(())).is_ok());
        // It began to write while the one that fails was under way.
        let mut during = None;
        let fails = || {
            during = Some(syncs.mark());
            Err(Errno::NOSPC)
        };
        assert!(syncs.sync(syncs.mark(), fails).is_err());
        assert!(syncs.sync(during.unwrap(), || Ok(())).is_err());
    }
}
