//! Shared syncs of a whole file system: all callers that ask while a sync runs are served by the
//! next one. A failure is reported to every caller whose writes it may concern, although the kernel
//! reports it once.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

/// Which sync each caller waits for. Syncs are numbered from 1.
#[derive(Default)]
pub(super) struct Syncs {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    begun: u64,
    ended: u64,
    /// The last sync that failed, and its error.
    failed: Option<(u64, Errno)>,
}

/// The first sync that can cover a write from now on: the running one, or else the next.
#[derive(Clone, Copy)]
pub(super) struct Mark(u64);

impl Syncs {
    /// Must be taken before the first write.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.lock().ended.saturating_add(1))
    }

    /// Returns when a sync that began after this call has ended.
    ///
    /// # Errors
    /// The error of any sync that may have covered writes since `mark`.
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
        // A thread that had marked but not yet asked may need a sync of its own.
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
        // It began to write while the failing sync was running.
        let mut during = None;
        let fails = || {
            during = Some(syncs.mark());
            Err(Errno::NOSPC)
        };
        assert!(syncs.sync(syncs.mark(), fails).is_err());
        assert!(syncs.sync(during.unwrap(), || Ok(())).is_err());
    }
}
