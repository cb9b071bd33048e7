//! Apart: work whose results lie together in memory, and not between what they replace.
//!
//! The allocator has a few heaps and gives each thread one of them. What is read into the heap of what it
//! replaces fills the holes there, and once the old goes both have left pages that are nearly empty and
//! cannot be given back. Source: glibc, malloc/arena.c.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::thread::{self, Builder, ScopedJoinHandle};

use crate::flow::FlowError;

/// A heap begins at a multiple of this: addresses that differ above it are mostly of two heaps. (The first heap
/// may cross it, and a large one is several; then the choice is not the best one, and no harm.) Unit: bytes.
/// Source: `HEAP_MAX_SIZE`.
const HEAP_BYTES: NonZeroUsize = NonZeroUsize::new(64 << 20).unwrap();
/// So many threads together have every heap among them: more than the server allows itself.
const CANDIDATES: usize = 8;
/// What a thread asks for to see which heap it has. Unit: bytes.
const PROBE_BYTES: usize = 240;

/// How much lies in each part of memory, as far as addresses tell.
#[derive(Clone, Default, Debug)]
pub(crate) struct Lies(BTreeMap<usize, usize>);

impl Lies {
    /// Counts what lies at these addresses.
    pub(crate) fn of(addresses: impl Iterator<Item = usize>) -> Self {
        let mut lies = Self::default();
        for address in addresses {
            let count = lies.0.entry(address / HEAP_BYTES).or_default();
            *count = count.saturating_add(1);
        }
        lies
    }

    fn beside(&self, address: usize) -> usize {
        self.0.get(&(address / HEAP_BYTES)).copied().unwrap_or_default()
    }
}

/// Does the work on a thread that has the least of `old` in its heap. Blocks.
///
/// # Errors
/// Those of the work; [`FlowError::Internal`] when it stopped.
pub(crate) fn apart<T: Send>(
    old: &Lies,
    work: impl FnOnce() -> Result<T, FlowError> + Send,
) -> Result<T, FlowError> {
    thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        let candidate = |number: usize| {
            let (choose, chosen) = mpsc::channel();
            let tell = tell.clone();
            let wait = move || {
                let _ = tell.send((old.beside(probe()), number));
                drop(tell);
                // It ends with the answer: a heap goes to the next thread once its own has ended.
                chosen.recv().ok().map(|work| run(work))
            };
            // Where there is none to be had, there are fewer to choose from.
            Some((choose, Builder::new().spawn_scoped(scope, wait).ok()?))
        };
        let candidates: Vec<_> = (0..CANDIDATES).map_while(candidate).collect();
        drop(tell);
        let best = told.iter().take(candidates.len()).min().map(|(_, number)| number);
        let best = best.and_then(|number| candidates.into_iter().nth(number));
        let Some((choose, thread)) = best else { return work() };
        match choose.send(work) {
            Ok(()) => joined(thread),
            Err(mpsc::SendError(work)) => work(),
        }
    })
}

/// Where the thread that asks gets its memory from.
fn probe() -> usize {
    let probe = Box::new([0_u8; PROBE_BYTES]);
    std::hint::black_box(&*probe).as_ptr().addr()
}

fn run<T>(work: impl FnOnce() -> T) -> T {
    work()
}

fn joined<T>(thread: ScopedJoinHandle<'_, Option<Result<T, FlowError>>>) -> Result<T, FlowError> {
    let stopped = || FlowError::Internal("a reading thread stopped".into());
    thread.join().unwrap_or_default().unwrap_or_else(|| Err(stopped()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_where_the_old_does_not_lie() {
        let mut place = probe();
        for _ in 0..20 {
            let old = Lies::of(std::iter::repeat_n(place, 1000));
            let now = apart(&old, || Ok(probe())).unwrap();
            assert_ne!(now / HEAP_BYTES, place / HEAP_BYTES);
            place = now;
        }
    }

    #[test]
    fn what_fails_and_what_stops_is_told() {
        let old = Lies::default();
        let failed = apart::<()>(&old, || Err(FlowError::Missing("it".into())));
        assert!(matches!(failed, Err(FlowError::Missing(_))), "{failed:?}");
        let stopped = apart::<()>(&old, || std::panic::resume_unwind(Box::new(())));
        assert!(matches!(stopped, Err(FlowError::Internal(_))), "{stopped:?}");
    }
}
